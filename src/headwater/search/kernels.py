"""The inner loop of the search in words, compiled by numba when it is first called.

References:
    G. Myers, A fast bit-vector algorithm for approximate string matching based on dynamic programming,
    J. ACM 46(3), 1999. H. Hyyrö, A bit-vector algorithm for computing Levenshtein and Damerau edit distances,
    Nordic Journal of Computing 10, 2003, for letters that changed places.
"""

from __future__ import annotations

import numpy as np

from headwater.compiled import I32, I64, U8, U64, Int, compiled

__all__ = ["FAR", "distances", "likeness", "pair_masks"]

FAR = 255
"""In place of a distance that is more than was allowed."""
_PAIRS_OF_AN_EDIT = 3
"""So many pairs of neighbours, at most, are others after one edit; where two letters change places it is three."""


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
def _lacks(mask: np.uint64, pairs: U64, most_absent: Int) -> bool:
    """Whether a text lacks more of the query's pairs than it may."""
    absent = np.int64(0)
    for some in pairs:
        # Bits that are set, counted as in H. S. Warren, Hacker's Delight, 2nd edition, 5-1: one instruction, compiled.
        bits = some & ~mask
        bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
        bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
        bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        absent += np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))
        if absent > most_absent:
            return True
    return False


@compiled
def _has_one(mask: np.uint64, pieces: U64) -> bool:
    """Whether a text has every pair of one of the query's pieces."""
    found = False
    for piece in pieces:
        found |= not piece & ~mask
    return found


@compiled
def _stands(content: U8, begin: Int, end: Int, standing: U64) -> bool:
    """Whether one of the query's pieces stands in a text."""
    starts, ends, at_once = standing[256], standing[257], np.uint64(0)
    for at in range(begin, end):
        at_once = ((at_once << np.uint64(1)) | starts) & standing[content[at]]
        if at_once & ends:
            return True
    return False


@compiled
def distances(
    content: U8, offsets: I32, masks: U64, letters: U64, pairs: U64, pieces: U64, standing: U64,
    length: Int, most: Int, into: U8,
) -> None:  # fmt: skip
    """For each text, the fewest edits that make the query of some part of it, or `FAR`.

    An edit puts in, leaves out or changes one letter, or exchanges two neighbours.

    Args:
        content: Bytes of all texts.
        offsets: Where each begins, and where the last one ends.
        masks: Of each text, by `pair_masks`.
        letters: For each byte, the places of the query at which it stands, as bits; 256 of them.
        pairs: Masks of the query: which pairs of neighbouring letters it has, which it has twice, and so on.
        pieces: Masks of parts of the query, of which one at least stands in whatever text has few enough edits.
        standing: The same parts one after the other, by R. Baeza-Yates and G. Gonnet, A new approach to text
            searching, CACM 35(10), 1992: for each byte, the places at which it stands, as bits; then the first place
            of each part, and the last one. Empty where they do not fit into one number.
        length: Of the query, in letters; 1 to 63.
        most: Edits that are allowed.
        into: Where the distances go.
    """
    last = np.uint64(1) << np.uint64(length - 1)
    one, none = np.uint64(1), np.uint64(0)
    whole = ~none
    most_absent = _PAIRS_OF_AN_EDIT * most
    for row in range(len(into)):
        into[row] = FAR
        mask = masks[row]
        if _lacks(mask, pairs, most_absent) or not _has_one(mask, pieces):
            continue
        begin, end = offsets[row], offsets[row + 1]
        if end - begin < length - most or (len(standing) and not _stands(content, begin, end, standing)):
            continue
        up, down, before, letter_before = whole, none, none, none
        at_end, best = length, length
        for at in range(begin, end):
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


@compiled
def likeness(content: U8, offsets: I32, rows: I64, text: U8, into: U8) -> None:
    """For each of some texts: 0 where it is this one, 1 where it begins so, 2 otherwise.

    Args:
        content: Bytes of all texts.
        offsets: Where each begins, and where the last one ends.
        rows: Which of them.
        text: Bytes that are looked for.
        into: Where the answers go.
    """
    for number in range(len(rows)):
        begin, end = offsets[rows[number]], offsets[rows[number] + 1]
        like = end - begin >= len(text)
        for at in range(min(len(text), end - begin)):
            if content[begin + at] != text[at]:
                like = False
                break
        into[number] = 2 if not like else 0 if end - begin == len(text) else 1
