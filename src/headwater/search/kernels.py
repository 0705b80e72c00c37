"""The inner loop of the search in words, compiled by numba when it is first called.

References:
    G. Myers, A fast bit-vector algorithm for approximate string matching based on dynamic programming,
    J. ACM 46(3), 1999. H. Hyyrö, A bit-vector algorithm for computing Levenshtein and Damerau edit distances,
    Nordic Journal of Computing 10, 2003, for letters that changed places.
"""

from __future__ import annotations

import numpy as np

from headwater.compiled import I32, U8, U64, Int, compiled

__all__ = ["FAR", "distances", "pair_masks"]

FAR = 255
"""In place of a distance that is more than was allowed."""


@compiled
def pair_masks(content: U8, offsets: I32, masks: U64) -> None:
    """Sets, for each text, one of 64 bits for each pair of neighbouring letters in it."""
    for row in range(len(masks)):
        mask = np.uint64(0)
        for at in range(offsets[row], offsets[row + 1] - 1):
            pair = np.uint32(content[at]) * np.uint32(0x9E3779B1) ^ np.uint32(content[at + 1]) * np.uint32(0x85EBCA77)
            mask |= np.uint64(1) << np.uint64((pair >> np.uint32(13)) & np.uint32(63))
        masks[row] = mask


@compiled
def _lacks(mask: Int, pairs: U64, most_absent: Int) -> bool:
    """Whether a text lacks more of the query's pairs than it may."""
    absent = 0
    for pair in pairs:
        if not mask & pair:
            absent += 1
            if absent > most_absent:
                return True
    return False


@compiled
def distances(
    content: U8, offsets: I32, masks: U64, letters: U64, pairs: U64, most_absent: Int, length: Int, most: Int, into: U8
) -> None:
    """For each text, the fewest edits that make the query of some part of it, or `FAR`.

    An edit puts in, leaves out or changes one letter, or exchanges two neighbours.

    Args:
        content: Bytes of all texts.
        offsets: Where each begins, and where the last one ends.
        masks: Of each text, by `pair_masks`.
        letters: For each byte, the places of the query at which it stands, as bits; 256 of them.
        pairs: Mask of each pair of neighbouring letters of the query, one after the other.
        most_absent: So many of them a text may lack; an edit changes three pairs at most.
        length: Of the query, in letters; 1 to 63.
        most: Edits that are allowed.
        into: Where the distances go.
    """
    last = np.uint64(1) << np.uint64(length - 1)
    one, none = np.uint64(1), np.uint64(0)
    whole = ~none
    for row in range(len(into)):
        into[row] = FAR
        if offsets[row + 1] - offsets[row] < length - most or _lacks(masks[row], pairs, most_absent):
            continue
        up, down, before, letter_before = whole, none, none, none
        at_end, best = length, length
        for at in range(offsets[row], offsets[row + 1]):
            letter = letters[content[at]]
            exchanged = (((~before) & letter) << one) & letter_before
            same = (((letter & up) + up) ^ up) | letter | down | exchanged
            more = down | ~(same | up)
            fewer = same & up
            if more & last:
                at_end += 1
            elif fewer & last:
                at_end -= 1
            more <<= one
            fewer <<= one
            up = fewer | ~(same | more)
            down = more & same
            before, letter_before = same, letter
            best = min(best, at_end)
        if best <= most:
            into[row] = best
