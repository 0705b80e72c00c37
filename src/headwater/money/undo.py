"""Undo data: the outputs that a block spent, as Bitcoin Core keeps them in `rev*.dat`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater.money.block_layout import as_bytes, compact_size
from headwater.money.scripts import uncompressed_key

__all__ = ["SpentCoins", "coins_spent", "spending_transactions", "undo_checksum"]

_SHORTEST_COIN_BYTES: Final = 3  # height, amount, and the length of an empty script
_LONGEST_ADDED_BYTES: Final = 35  # a whole public key, of which the record has one coordinate
_EVEN_WHOLE_KEY: Final = 4  # source: Bitcoin Core, compressor.cpp; 5 where the other coordinate is odd
_REASONS: Final = (  # by the states of `block_kernels`
    "",
    "the undo record is cut short",
    "the undo record goes on for {left} bytes after its last output",
    "an output of more satoshis than there are cannot have been",
    "a script of more than 10000 bytes cannot have been spent",
    "a number in the undo record has no end",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentCoins:
    """What the inputs of a block's transactions after the coinbase spent.

    Attributes:
        counts: Inputs of each of these transactions.
        amounts_sat: Satoshis of each coin.
        scripts: Bytes in which the scripts lie.
        bounds: First byte of each script and the one after its last; shape (coins, 2).
    """

    counts: npt.NDArray[np.int64]
    amounts_sat: npt.NDArray[np.int64]
    scripts: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int64]


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


def coins_spent(undo: bytes) -> SpentCoins:
    """The outputs that the inputs of a block spent, in order.

    Args:
        undo: One whole undo record.

    Raises:
        ValueError: It is not what an undo record looks like.
    """
    from headwater.money.block_kernels import IS_WHOLE, lay_out_coins, scripts_into  # loads a compiler

    content = as_bytes(undo)
    counts = np.empty(len(undo), dtype=np.int64)
    amounts_sat = np.empty(len(undo) // _SHORTEST_COIN_BYTES + 1, dtype=np.int64)
    coins = np.empty((len(amounts_sat), 3), dtype=np.int64)
    transactions, told, end, state = lay_out_coins(content, counts, amounts_sat, coins)
    if state != IS_WHOLE:
        raise ValueError(_REASONS[state].format(left=len(undo) - end))
    coins = coins[:told]
    scripts = np.empty(len(undo) + _LONGEST_ADDED_BYTES * told, dtype=np.uint8)
    bounds = np.empty((told, 2), dtype=np.int64)
    scripts_into(content, coins, scripts, bounds)
    for coin in np.nonzero((coins[:, 0] == _EVEN_WHOLE_KEY) | (coins[:, 0] == _EVEN_WHOLE_KEY + 1))[0].tolist():
        kind, at = int(coins[coin, 0]), int(coins[coin, 1])
        whole = uncompressed_key(bytes((kind - 2,)) + undo[at : at + 32])
        scripts[bounds[coin, 0] + 1 : bounds[coin, 1] - 1] = as_bytes(whole)
    scripts.flags.writeable = False  # the same kind of array as that of a block, so that loops are compiled once
    return SpentCoins(
        counts=counts[:transactions].copy(), amounts_sat=amounts_sat[:told].copy(), scripts=scripts, bounds=bounds
    )
