"""Listed hashes that are near many items unlike each other: a template or a caption card, not the picture it lists.

A hash that stands for one picture is near edits of it, and edits are near each other. A hash that is near items which
are far from each other says of none of them that it is that picture. It is set aside until a person has looked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headwater.media.hamming_index import HashArray
from headwater.media.tiers import MAX_DISTANCE_BITS

__all__ = ["distant_items"]


def distant_items(hashes: HashArray, distances_bits: Sequence[int], *, enough: int) -> int:
    """How many items of which no two are near each other, counted up to `enough`.

    They are chosen from the farthest from the listed hash on, each one that is farther than the limit from all chosen
    before. So what lies in the middle, near everything, does not keep the rest from being told apart. It may be fewer
    than there could be, never more; the same whatever the order of rows.

    Args:
        hashes: Of the nearest frame of each item, rows of 32 bytes.
        distances_bits: Of each from the listed hash.
        enough: With so many there is no need to look for more.

    Example:
        >>> import numpy as np
        >>> far = np.zeros((3, 32), np.uint8)
        >>> far[1, :4], far[2, 4:8] = 255, 255
        >>> distant_items(far, [0, 32, 32], enough=9), distant_items(far[:1].repeat(5, 0), [0] * 5, enough=9)
        (3, 1)
    """
    keys = sorted(range(len(hashes)), key=lambda row: (-distances_bits[row], hashes[row].tobytes()))
    words: npt.NDArray[np.uint64] = np.ascontiguousarray(hashes[keys]).view(np.uint64)
    left = np.ones(len(words), bool)
    chosen = 0
    while left.any() and chosen < enough:
        first = int(np.argmax(left))
        left &= np.bitwise_count(words ^ words[first]).sum(axis=1, dtype=np.int64) > MAX_DISTANCE_BITS
        chosen += 1
    return chosen
