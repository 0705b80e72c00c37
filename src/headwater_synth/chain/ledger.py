"""Blocks: transactions packed in order under a coinbase, with the undo data Core keeps beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from headwater_synth.chain.encoding import (
    compact_size,
    compressed_amount,
    compressed_script,
    counted,
    double_sha256,
    varint,
)
from headwater_synth.chain.keys import Key
from headwater_synth.chain.transactions import Coin, Transaction

__all__ = ["COINBASE_MATURITY", "MAX_BLOCK_WEIGHT", "Ledger", "MinedBlock", "genesis_block", "subsidy_sat"]

COINBASE_MATURITY = 100  # source: consensus rules
MAX_BLOCK_WEIGHT = 4_000_000  # source: BIP-141
_RESERVED_WEIGHT = 8_000  # header and coinbase, as Core reserves it
_HALVING_BLOCKS = 150  # source: regtest parameters
_FIRST_SUBSIDY_SAT = 50 * 100_000_000
_TARGET = 0x7FFFFF << 232
_BITS = bytes.fromhex("ffff7f20")
_VERSION = (0x20000000).to_bytes(4, "little")  # source: BIP-9, no deployment signalled
_GENESIS_AT_S = 1296688602  # source: regtest parameters
_GENESIS_NEWS = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"
_GENESIS_KEY = (
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
)
_COMMITMENT = b"\x6a\x24\xaa\x21\xa9\xed"  # source: BIP-141
_WITNESS_NONCE = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedBlock:
    """A block as it is stored.

    Attributes:
        height: Its height.
        at_s: Time of its header, seconds since 1970 UTC.
        block_hash: Digest of its header, in internal order.
        previous_hash: Digest of the header before.
        raw: Header and transactions.
        undo: What its transactions spent, as Core keeps it; None where it was never connected.
        txids: Its transactions, in order.
    """

    height: int
    at_s: int
    block_hash: bytes
    previous_hash: bytes
    raw: bytes
    undo: bytes | None
    txids: tuple[bytes, ...]


def subsidy_sat(height: int) -> int:
    """New satoshis of a block on regtest."""
    return _FIRST_SUBSIDY_SAT >> height // _HALVING_BLOCKS


def _merkle_root(digests: Sequence[bytes]) -> bytes:
    level = list(digests)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha256(level[place] + level[place + 1]) for place in range(0, len(level), 2)]
    return level[0]


def _height_script(height: int) -> bytes:
    """A height at the head of a coinbase (BIP-34), in its shortest form."""
    if height <= 16:
        return bytes((0x50 + height,))
    return counted(height.to_bytes(height.bit_length() // 8 + 1, "little"))


def _header(previous_hash: bytes, merkle_root: bytes, at_s: int) -> bytes:
    head = _VERSION + previous_hash + merkle_root + at_s.to_bytes(4, "little") + _BITS
    nonce = 0
    while True:
        header = head + nonce.to_bytes(4, "little")
        if int.from_bytes(double_sha256(header), "little") <= _TARGET:
            return header
        nonce += 1


def genesis_block() -> MinedBlock:
    """The first block of every regtest chain."""
    script = b"\x04\xff\xff\x00\x1d\x01\x04" + counted(_GENESIS_NEWS)
    output = _FIRST_SUBSIDY_SAT.to_bytes(8, "little") + counted(b"\x41" + bytes.fromhex(_GENESIS_KEY) + b"\xac")
    coinbase = b"\x01\x00\x00\x00\x01" + bytes(32) + b"\xff" * 4 + counted(script) + b"\xff" * 4 + b"\x01" + output
    coinbase += bytes(4)
    txid = double_sha256(coinbase)
    header = b"\x01\x00\x00\x00" + bytes(32) + txid + _GENESIS_AT_S.to_bytes(4, "little") + _BITS + b"\x02\x00\x00\x00"
    return MinedBlock(
        height=0,
        at_s=_GENESIS_AT_S,
        block_hash=double_sha256(header),
        previous_hash=bytes(32),
        raw=header + b"\x01" + coinbase,
        undo=None,
        txids=(txid,),
    )


def _coinbase(height: int, miner: Key, amount_sat: int, wtxids: Sequence[bytes]) -> Transaction:
    script = _height_script(height) + counted(miner.owner.encode())
    root = _merkle_root([bytes(32), *wtxids])
    commitment = _COMMITMENT + double_sha256(root + _WITNESS_NONCE)
    body = (
        b"\x01" + bytes(32) + b"\xff" * 4 + counted(script) + b"\xff" * 4
        + b"\x02" + amount_sat.to_bytes(8, "little") + counted(miner.script) + bytes(8) + counted(commitment)
    )  # fmt: skip
    version, lock_time = (2).to_bytes(4, "little"), bytes(4)
    base = version + body + lock_time
    raw = version + b"\x00\x01" + body + b"\x01" + counted(_WITNESS_NONCE) + lock_time
    txid = double_sha256(base)
    coin = Coin(txid=txid, output_index=0, amount_sat=amount_sat, key=miner, from_coinbase=True, height=height)
    return Transaction(
        txid=txid,
        wtxid=double_sha256(raw),
        raw=raw,
        weight=3 * len(base) + len(raw),
        inputs=(),
        coins=(coin, None),
        amounts_sat=(amount_sat, 0),
        scripts=(miner.script, commitment),
        kind="coinbase",
    )


def _undo(transactions: Sequence[Transaction]) -> bytes:
    parts = [compact_size(len(transactions))]
    for transaction in transactions:
        parts.append(compact_size(len(transaction.inputs)))
        for coin in transaction.inputs:
            parts += [
                varint(2 * coin.height + coin.from_coinbase),
                b"\x00",  # a version once stood here
                varint(compressed_amount(coin.amount_sat)),
                compressed_script(coin.key.script),
            ]
    return b"".join(parts)


class Ledger:
    """A chain that grows: transactions wait in order and are mined while there is room.

    Attributes:
        blocks: Blocks of the active chain, from the first.
        stale_blocks: Blocks that lost the race.
        transactions: Everything mined, in order; coinbases too, the genesis block's not.
    """

    def __init__(self, *, max_block_weight: int = MAX_BLOCK_WEIGHT) -> None:
        self.blocks = [genesis_block()]
        self.stale_blocks: list[MinedBlock] = []
        self.transactions: list[Transaction] = []
        self._waiting: deque[Transaction] = deque()
        self._room = max_block_weight - _RESERVED_WEIGHT

    @property
    def height(self) -> int:
        """Height of the last block."""
        return self.blocks[-1].height

    @property
    def waiting(self) -> int:
        """Transactions not yet mined."""
        return len(self._waiting)

    def submit(self, transaction: Transaction) -> None:
        """Put a transaction at the end of those that wait."""
        self._waiting.append(transaction)

    def mine(self, at_s: int, miner: Key, *, rival: Key | None = None) -> Coin:
        """The coinbase's coin of a new block.

        Args:
            at_s: Time of the block, later than that of the last.
            miner: Who gets subsidy and fees.
            rival: Who found another block of the same transactions at the same height, too late.
        """
        previous, height = self.blocks[-1], self.height + 1
        taken: list[Transaction] = []
        weight = 0
        while self._waiting and weight + self._waiting[0].weight <= self._room:
            transaction = self._waiting.popleft()
            weight += transaction.weight
            for coin in transaction.coins:
                if coin is not None:
                    coin.height = height
            taken.append(transaction)
        assert taken or not self._waiting, "a transaction is heavier than a block"
        block, coinbase = self._assembled(previous, at_s, miner, taken)
        self.blocks.append(block)
        self.transactions += [coinbase, *taken]
        if rival is not None:
            stale, _ = self._assembled(previous, at_s + 1, rival, taken)
            self.stale_blocks.append(replace(stale, undo=None))  # never connected, so nothing to undo
        for transaction in taken:
            transaction.raw = b""  # the block holds it now
        (coin, _) = coinbase.coins
        assert coin is not None
        return coin

    @staticmethod
    def _assembled(
        previous: MinedBlock, at_s: int, miner: Key, taken: Sequence[Transaction]
    ) -> tuple[MinedBlock, Transaction]:
        height = previous.height + 1
        assert at_s > previous.at_s, "time goes on"
        reward_sat = subsidy_sat(height) + sum(transaction.fee_sat for transaction in taken)
        coinbase = _coinbase(height, miner, reward_sat, [transaction.wtxid for transaction in taken])
        everything = [coinbase, *taken]
        txids = tuple(transaction.txid for transaction in everything)
        header = _header(previous.block_hash, _merkle_root(txids), at_s)
        raw = header + compact_size(len(everything)) + b"".join(transaction.raw for transaction in everything)
        block = MinedBlock(
            height=height,
            at_s=at_s,
            block_hash=double_sha256(header),
            previous_hash=previous.block_hash,
            raw=raw,
            undo=_undo(taken),
            txids=txids,
        )
        return block, coinbase
