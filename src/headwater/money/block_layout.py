"""Where the parts of a block's bytes lie, and what follows from them: txids, amounts, the merkle root.

Nothing here keeps a block: a layout is arrays of offsets into bytes that the caller holds. The loops are compiled
(docs/adr/0021); a plain reader stands beside them in the tests and must agree.

Block files come from the agency's own validating node, not from the seizure: every block in them has been accepted by
consensus rules. That is why they are read here, in the parent, and not in a sealed worker. Every read of the compiled
loops is checked against the end of the bytes, and damage ends in `BlockLayoutError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater.errors import HeadwaterError

__all__ = [
    "HEADER_BYTES",
    "MAX_MONEY_SAT",
    "TXID_BYTES",
    "BlockHeader",
    "BlockLayout",
    "BlockLayoutError",
    "amounts_sat",
    "as_bytes",
    "block_hash",
    "compact_size",
    "header_of",
    "laid_out",
    "merkle_root",
    "stated_height",
    "transaction_ids",
]

HEADER_BYTES: Final = 80  # source: Bitcoin developer reference, "Block Headers"
MAX_MONEY_SAT: Final = 21_000_000 * 100_000_000  # source: Bitcoin Core, consensus/amount.h
TXID_BYTES: Final = 32
_SHORTEST_TRANSACTION_BYTES: Final = 60  # version, one input of 41 bytes, one output of 9, two counts, lock time
_SHORTEST_INPUT_BYTES: Final = 41  # outpoint, an empty script with its length, sequence
_SHORTEST_OUTPUT_BYTES: Final = 9  # amount, an empty script with its length
_Places = npt.NDArray[np.int64]


class BlockLayoutError(HeadwaterError):
    """Bytes that are no whole block.

    Attributes:
        offset_bytes: Where in the block they stop making sense.
        reason: Why.
    """

    def __init__(self, reason: str, *, offset_bytes: int) -> None:
        self.offset_bytes = offset_bytes
        self.reason = reason
        super().__init__(f"byte {offset_bytes} of the block: {reason}")


_VERSION_WITH_HEIGHT: Final = 2  # source: BIP 34
_TX_VERSION_BYTES: Final = 4
_HEIGHT_BYTES: Final = 3  # until height 8,388,608; four pushed bytes are what coinbases began with before BIP 34
_SMALL_NUMBERS: Final = range(0x51, 0x61)  # OP_1 to OP_16, which push 1 to 16
_EASIEST_BITS: Final = 0x1E0377AE  # source: Bitcoin Core, chainparams, powLimit of signet; that of main is lower
_TEST_BITS: Final = 0x207FFFFF  # source: as above, powLimit of regtest
_EASIEST_TARGET: Final = 0x7FFFFF << 8 * 29  # that of these bits


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """The 80 bytes that a block's hash covers.

    Attributes:
        block_hash: 32 bytes, in the order of the file.
        previous_hash: 32 bytes, in the order of the file.
        merkle_root: 32 bytes, in the order of the file.
        time_s: Seconds since 1970 UTC that the miner stated.
        bits: Target in the compact form.
    """

    block_hash: bytes
    previous_hash: bytes
    merkle_root: bytes
    time_s: int
    bits: int

    @property
    def target(self) -> int:
        """The number that the hash may not exceed."""
        exponent, mantissa = self.bits >> 24, self.bits & 0x7FFFFF
        return mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)

    @property
    def work(self) -> int:
        """Expected hashes to find such a block (Bitcoin Core, `GetBlockProof`)."""
        return (1 << 256) // (self.target + 1)

    @property
    def is_of_a_network(self) -> bool:
        """Whether the hash is none by chance: it meets a target of a public network, or exactly that of tests."""
        return self.has_proof_of_work and (self.bits <= _EASIEST_BITS or self.bits == _TEST_BITS)

    @property
    def has_proof_of_work(self) -> bool:
        """Whether the hash meets the target, and the target is none that is easier than any network allows."""
        return 0 < self.target <= _EASIEST_TARGET and int.from_bytes(self.block_hash, "little") <= self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLayout:
    """Offsets into one block's bytes; inputs and outputs run through all transactions in order.

    Attributes:
        bounds: For each transaction its first byte, that of its input count (after any witness marker), the byte after
            its last output, and the byte after its lock time; shape (transactions, 4).
        input_counts: Inputs of each transaction.
        output_counts: Outputs of each transaction.
        outpoints: First byte of each input.
        amounts: First byte of each output.
        script_starts: First byte of each output's script.
        script_ends: Byte after it.
    """

    bounds: _Places
    input_counts: _Places
    output_counts: _Places
    outpoints: _Places
    amounts: _Places
    script_starts: _Places
    script_ends: _Places


def block_hash(header: bytes) -> bytes:
    """The hash of a block by its header, in the order of the file."""
    return hashlib.sha256(hashlib.sha256(header[:HEADER_BYTES]).digest()).digest()


def header_of(block: bytes) -> BlockHeader:
    """The header of a block.

    Args:
        block: At least its first 80 bytes.
    """
    return BlockHeader(
        block_hash=block_hash(block),
        previous_hash=block[4:36],
        merkle_root=block[36:68],
        time_s=int.from_bytes(block[68:72], "little"),
        bits=int.from_bytes(block[72:76], "little"),
    )


def compact_size(content: bytes, at: int) -> tuple[int, int]:
    """A variable-length count, and the byte after it.

    Raises:
        IndexError: The content ends before it does.
    """
    first = content[at]
    if first < 0xFD:
        return first, at + 1
    width = 2 << first - 0xFD
    if at + width >= len(content):  # a slice would be short without a word
        raise IndexError(at)
    return int.from_bytes(content[at + 1 : at + 1 + width], "little"), at + 1 + width


def as_bytes(content: bytes) -> npt.NDArray[np.uint8]:
    """The bytes as an array that cannot be written."""
    return np.frombuffer(content, dtype=np.uint8)


def laid_out(block: bytes) -> BlockLayout:
    """The layout of one whole block.

    Args:
        block: Header and transactions, with or without witnesses, and nothing after them.

    Raises:
        BlockLayoutError: The bytes end too early, or go on after the last transaction.
    """
    from headwater.money.block_kernels import lay_out  # loads a compiler

    cut = "it ends within the transaction that begins here"
    try:
        transactions, at = compact_size(block, HEADER_BYTES)
    except IndexError:
        raise BlockLayoutError(cut, offset_bytes=min(HEADER_BYTES, len(block))) from None
    if transactions * _SHORTEST_TRANSACTION_BYTES > len(block) - at:
        raise BlockLayoutError(f"{transactions} transactions do not fit in {len(block)} bytes", offset_bytes=at)
    bounds = np.empty((transactions, 4), dtype=np.int64)
    counts = np.empty((transactions, 2), dtype=np.int64)
    outpoints = np.empty(len(block) // _SHORTEST_INPUT_BYTES + 1, dtype=np.int64)
    outputs = np.empty((len(block) // _SHORTEST_OUTPUT_BYTES + 1, 3), dtype=np.int64)
    whole, inputs, paid, end = lay_out(as_bytes(block), at, transactions, bounds, counts, outpoints, outputs)
    if whole < transactions:
        raise BlockLayoutError(cut, offset_bytes=int(end))
    if end < len(block):
        raise BlockLayoutError("bytes follow the last transaction", offset_bytes=int(end))
    return BlockLayout(
        bounds=bounds,
        input_counts=counts[:, 0].copy(),
        output_counts=counts[:, 1].copy(),
        outpoints=outpoints[:inputs].copy(),
        amounts=outputs[:paid, 0].copy(),
        script_starts=outputs[:paid, 1].copy(),
        script_ends=outputs[:paid, 2].copy(),
    )


def transaction_ids(block: bytes, layout: BlockLayout) -> npt.NDArray[np.uint8]:
    """The txid of each transaction, in the order of the file: a digest that leaves witnesses out.

    Returns:
        Shape (transactions, 32).
    """
    from headwater.money.digest_kernels import txids_into  # loads a compiler

    txids = np.empty((len(layout.bounds), TXID_BYTES), dtype=np.uint8)
    txids_into(as_bytes(block), layout.bounds, np.empty(len(block), dtype=np.uint8), txids)
    return txids


def merkle_root(txids: npt.NDArray[np.uint8] | Sequence[bytes]) -> bytes | None:
    """The root that the txids give, or None where they give one by repetition alone.

    A list that repeats its tail has the root of the list without it (CVE-2012-2459); Bitcoin Core refuses such a block.

    Args:
        txids: In the order of the block; shape (transactions, 32), or a list.
    """
    from headwater.money.digest_kernels import merkle_levels  # loads a compiler

    if not len(txids):
        return None
    level = np.empty((len(txids) + 1, TXID_BYTES), dtype=np.uint8)
    level[:-1] = txids if isinstance(txids, np.ndarray) else as_bytes(b"".join(txids)).reshape(-1, TXID_BYTES)
    return level[0].tobytes() if merkle_levels(level) else None


def amounts_sat(block: bytes, layout: BlockLayout) -> npt.NDArray[np.int64]:
    """The amount of each output of a block, in satoshis."""
    content = as_bytes(block)
    amounts: _Places = content[layout.amounts[:, None] + np.arange(8)].view("<i8").ravel().astype(np.int64, copy=False)
    return amounts


def stated_height(block: bytes) -> int | None:
    """The height that a block's coinbase states, if it states one.

    Args:
        block: At least as much of it as reaches behind that number.

    References:
        BIP 34, "Block v2, Height in Coinbase": version 2 or more, and the coinbase's script begins by pushing it.
    """
    if len(block) < HEADER_BYTES or int.from_bytes(block[:4], "little", signed=True) < _VERSION_WITH_HEIGHT:
        return None
    try:
        at = compact_size(block, HEADER_BYTES)[1] + _TX_VERSION_BYTES
        at += 2 if block[at : at + 2] == b"\x00\x01" else 0  # marker and flag of a transaction with witnesses
        inputs, at = compact_size(block, at)
        length, at = compact_size(block, at + TXID_BYTES + 4)
    except IndexError:
        return None
    script = block[at : at + min(length, 1 + _HEIGHT_BYTES)]
    if inputs != 1 or not script:
        return None
    if script[0] in _SMALL_NUMBERS:
        return script[0] - _SMALL_NUMBERS[0] + 1
    pushed = script[1 : 1 + script[0]]
    if not 1 <= script[0] <= _HEIGHT_BYTES or len(pushed) < script[0] or pushed[-1] & 0x80:
        return None
    return int.from_bytes(pushed, "little")
