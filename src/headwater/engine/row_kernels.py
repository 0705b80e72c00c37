"""The inner loop of the row indexes, compiled by numba when it is first called."""

from __future__ import annotations

import numpy as np

from headwater.compiled import I32, U8, U64, Int, compiled

__all__ = ["numbers_of_texts"]

_FACTOR = np.uint64(0x100000001B3)
_BEGIN = np.uint64(0xCBF29CE484222325)


@compiled
def numbers_of_texts(content: U8, offsets: I32, most_bytes: Int, into: U64) -> None:
    """FNV-1a of the first bytes of each text.

    Args:
        content: Bytes of all texts.
        offsets: Where each begins, and where the last one ends.
        most_bytes: Of a text that count.
        into: Where the numbers go.
    """
    for row in range(len(into)):
        number = _BEGIN
        for at in range(offsets[row], min(offsets[row + 1], offsets[row] + most_bytes)):
            number = (number ^ np.uint64(content[at])) * _FACTOR
        into[row] = number
