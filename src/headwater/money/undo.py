"""Undo data: the outputs that a block spent, as Bitcoin Core keeps them in `rev*.dat`."""

from __future__ import annotations

import hashlib
from typing import Final

from headwater.money.block_layout import MAX_MONEY_SAT, compact_size
from headwater.money.scripts import uncompressed_key

__all__ = ["Coin", "coins_spent", "spending_transactions", "undo_checksum"]

Coin = tuple[int, bytes]
"""Satoshis and script of an output."""

_PLAIN_SCRIPT_OFFSET: Final = 6  # source: Bitcoin Core, compressor.h, nSpecialScripts
_POWERS_OF_TEN: Final = tuple(int(f"1{'0' * exponent}") for exponent in range(10))
_LONGEST_SCRIPT_BYTES: Final = 10_000  # source: Bitcoin Core, MAX_SCRIPT_SIZE; longer ones can never be spent


def undo_checksum(previous_hash: bytes, undo: bytes) -> bytes:
    """The checksum that stands behind an undo record; it ties the record to the block's parent."""
    return hashlib.sha256(hashlib.sha256(previous_hash + undo).digest()).digest()


def spending_transactions(undo: bytes) -> int:
    """Transactions that an undo record speaks of: those of its block but for the coinbase.

    Args:
        undo: At least its first nine bytes, or all of it.

    Raises:
        IndexError: It is cut short.
    """
    return compact_size(undo, 0)[0]


def coins_spent(undo: bytes) -> list[list[Coin]]:
    """For each transaction after the coinbase, the outputs that its inputs spent, in order.

    Args:
        undo: One whole undo record.

    Raises:
        ValueError: It is not what an undo record looks like.
    """
    try:
        transactions, at = compact_size(undo, 0)
        spent: list[list[Coin]] = []
        for _ in range(transactions):
            inputs, at = compact_size(undo, at)
            coins: list[Coin] = []
            for _ in range(inputs):
                coin, at = _coin(undo, at)
                coins.append(coin)
            spent.append(coins)
    except IndexError:
        raise ValueError("the undo record is cut short") from None
    if at != len(undo):
        raise ValueError(f"the undo record goes on for {len(undo) - at} bytes after its last output")
    return spent


def _coin(undo: bytes, at: int) -> tuple[Coin, int]:
    height_code, at = _variable(undo, at)
    if height_code > 1:  # a height above 0 is followed by a byte that old versions used (undo.h)
        _, at = _variable(undo, at)
    compressed, at = _variable(undo, at)
    amount_sat = _amount(compressed)
    if amount_sat > MAX_MONEY_SAT:
        raise ValueError(f"an output of {amount_sat} satoshis cannot have been")
    kind, at = _variable(undo, at)
    if kind >= _PLAIN_SCRIPT_OFFSET:
        size_bytes = kind - _PLAIN_SCRIPT_OFFSET
        if size_bytes > _LONGEST_SCRIPT_BYTES:
            raise ValueError(f"a script of {size_bytes} bytes cannot have been spent")
        return (amount_sat, _taken(undo, at, size_bytes)), at + size_bytes
    size_bytes = 20 if kind < 2 else 32
    content = _taken(undo, at, size_bytes)
    at += size_bytes
    if kind == 0:
        return (amount_sat, b"\x76\xa9\x14" + content + b"\x88\xac"), at
    if kind == 1:
        return (amount_sat, b"\xa9\x14" + content + b"\x87"), at
    if kind in {2, 3}:
        return (amount_sat, b"\x21" + bytes((kind,)) + content + b"\xac"), at
    return (amount_sat, b"\x41" + uncompressed_key(bytes((kind - 2,)) + content) + b"\xac"), at


def _taken(undo: bytes, at: int, size_bytes: int) -> bytes:
    taken = undo[at : at + size_bytes]
    if len(taken) != size_bytes:
        raise IndexError(at)
    return taken


def _variable(undo: bytes, at: int) -> tuple[int, int]:
    """A number in base 128, most significant first, each continued digit off by one (serialize.h, VARINT)."""
    number = 0
    for _ in range(10):
        byte = undo[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, at
        number += 1
    raise ValueError("a number in the undo record has no end")


def _amount(compressed: int) -> int:
    """Satoshis from their compressed form (compressor.cpp, DecompressAmount)."""
    if compressed == 0:
        return 0
    compressed, exponent = divmod(compressed - 1, 10)
    if exponent < 9:
        compressed, digit = divmod(compressed, 9)
        return (compressed * 10 + digit + 1) * _POWERS_OF_TEN[exponent]
    return (compressed + 1) * _POWERS_OF_TEN[9]
