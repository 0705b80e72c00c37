"""Where the parts of a block's bytes lie, and what follows from them: txids, amounts, the merkle root.

Nothing here keeps a block: a layout is lists of offsets into bytes that the caller holds. `laid_out` is the inner loop,
and the only part that a compiled one would have to replace; it returns plain integers and nothing else depends on how
they were found.

Block files come from the agency's own validating node, not from the seizure: every block in them has been accepted by
consensus rules. That is why they are read here, in the parent, and not in a sealed worker; the reader is Python over
immutable bytes, and damage ends in `BlockLayoutError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from headwater.errors import HeadwaterError

__all__ = [
    "HEADER_BYTES",
    "MAX_MONEY_SAT",
    "BlockHeader",
    "BlockLayout",
    "BlockLayoutError",
    "amounts_sat",
    "block_hash",
    "compact_size",
    "header_of",
    "laid_out",
    "merkle_root",
    "transaction_ids",
]

HEADER_BYTES: Final = 80  # source: Bitcoin developer reference, "Block Headers"
MAX_MONEY_SAT: Final = 21_000_000 * 100_000_000  # source: Bitcoin Core, consensus/amount.h
_SHORTEST_TRANSACTION_BYTES: Final = 60  # version, one input of 41 bytes, one output of 9, two counts, lock time


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
    def has_proof_of_work(self) -> bool:
        """Whether the hash meets the target."""
        return self.target > 0 and int.from_bytes(self.block_hash, "little") <= self.target


@dataclass(slots=True, kw_only=True)
class BlockLayout:
    """Offsets into one block's bytes; inputs and outputs run through all transactions in order.

    Attributes:
        transaction_starts: First byte of each transaction.
        body_starts: First byte of its input count, after any witness marker.
        body_ends: Byte after its last output.
        transaction_ends: Byte after its lock time.
        input_counts: Inputs of each transaction.
        output_counts: Outputs of each transaction.
        outpoints: First byte of each input.
        amounts: First byte of each output.
        script_starts: First byte of each output's script.
        script_ends: Byte after it.
    """

    transaction_starts: list[int] = field(default_factory=list)
    body_starts: list[int] = field(default_factory=list)
    body_ends: list[int] = field(default_factory=list)
    transaction_ends: list[int] = field(default_factory=list)
    input_counts: list[int] = field(default_factory=list)
    output_counts: list[int] = field(default_factory=list)
    outpoints: list[int] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)
    script_starts: list[int] = field(default_factory=list)
    script_ends: list[int] = field(default_factory=list)


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


def laid_out(block: bytes) -> BlockLayout:
    """The layout of one whole block.

    Args:
        block: Header and transactions, with or without witnesses, and nothing after them.

    Raises:
        BlockLayoutError: The bytes end too early, or go on after the last transaction.
    """
    layout = BlockLayout()
    begins = at = HEADER_BYTES
    cut = "it ends within the transaction that begins here"
    try:
        transactions, at = compact_size(block, at)
        if transactions * _SHORTEST_TRANSACTION_BYTES > len(block) - at:
            raise BlockLayoutError(f"{transactions} transactions do not fit in {len(block)} bytes", offset_bytes=at)
        for _ in range(transactions):
            begins, at = at, _lay_out_transaction(block, at, layout)
    except IndexError:
        raise BlockLayoutError(cut, offset_bytes=min(at, len(block))) from None
    if at > len(block):
        raise BlockLayoutError(cut, offset_bytes=begins)
    if at < len(block):
        raise BlockLayoutError("bytes follow the last transaction", offset_bytes=at)
    return layout


def _lay_out_transaction(block: bytes, at: int, layout: BlockLayout) -> int:  # noqa: C901 - one loop body, flat on purpose: calls cost more than the work
    """The byte after the transaction; its offsets are appended to the layout."""
    layout.transaction_starts.append(at)
    at += 4
    has_witness = block[at] == 0 and block[at + 1] == 1  # source: BIP-144, marker and flag
    if has_witness:
        at += 2
    layout.body_starts.append(at)

    count = block[at]
    at += 1
    if count >= 0xFD:
        count, at = compact_size(block, at - 1)
    layout.input_counts.append(count)
    inputs = count
    note = layout.outpoints.append
    for _ in range(count):
        note(at)
        size = block[at + 36]
        if size < 0xFD:
            at += size + 41
        else:
            size, after = compact_size(block, at + 36)
            at = after + size + 4

    count = block[at]
    at += 1
    if count >= 0xFD:
        count, at = compact_size(block, at - 1)
    layout.output_counts.append(count)
    note, note_start, note_end = layout.amounts.append, layout.script_starts.append, layout.script_ends.append
    for _ in range(count):
        note(at)
        size = block[at + 8]
        at += 9
        if size >= 0xFD:
            size, at = compact_size(block, at - 1)
        note_start(at)
        at += size
        note_end(at)
    layout.body_ends.append(at)

    if has_witness:
        for _ in range(inputs):
            stack, at = compact_size(block, at)
            for _ in range(stack):
                size = block[at]
                at += 1
                if size >= 0xFD:
                    size, at = compact_size(block, at - 1)
                at += size
    at += 4
    layout.transaction_ends.append(at)
    return at


def transaction_ids(block: bytes, layout: BlockLayout) -> list[bytes]:
    """The txid of each transaction, in the order of the file: a digest that leaves witnesses out."""
    sha256 = hashlib.sha256
    txids = []
    for start, body, body_end, end in zip(
        layout.transaction_starts, layout.body_starts, layout.body_ends, layout.transaction_ends, strict=True
    ):
        if body == start + 4:
            content = block[start:end]
        else:
            content = block[start : start + 4] + block[body:body_end] + block[end - 4 : end]
        txids.append(sha256(sha256(content).digest()).digest())
    return txids


def merkle_root(txids: Sequence[bytes]) -> bytes | None:
    """The root that the txids give, or None where they give one by repetition alone.

    A list that repeats its tail has the root of the list without it (CVE-2012-2459); Bitcoin Core refuses such a block.
    """
    sha256 = hashlib.sha256
    level = list(txids)
    if not level:
        return None
    while len(level) > 1:
        if any(level[at] == level[at + 1] for at in range(0, len(level) - 1, 2)):
            return None
        if len(level) & 1:
            level.append(level[-1])
        level = [sha256(sha256(level[at] + level[at + 1]).digest()).digest() for at in range(0, len(level), 2)]
    return level[0]


def amounts_sat(block: bytes, layout: BlockLayout) -> list[int]:
    """The amount of each output of a block, in satoshis."""
    if not layout.amounts:
        return []
    content = np.frombuffer(block, dtype=np.uint8)
    places = np.asarray(layout.amounts, dtype=np.int64)[:, None] + np.arange(8)
    amounts: list[int] = content[places].view("<i8").ravel().tolist()
    return amounts
