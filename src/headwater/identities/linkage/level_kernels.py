"""Levels of two values in compiled loops: the one implementation of every similarity.

The levels are numbered as in `linkage_model.LEVELS`.
"""

from __future__ import annotations

import numpy as np

from headwater.compiled import I32, I64, U8, U32, U64, Int, compiled
from headwater.identities.linkage.features import FEATURES

__all__ = [
    "birth_level",
    "code_level",
    "edits",
    "given_level",
    "holds",
    "letters_of",
    "likeness",
    "surname_level",
    "text_level",
]

GIVEN, FIRST, SECOND, SURNAME = (FEATURES.index(n) for n in ("given", "first_given", "second_given", "surname"))
ABSENT = -1


@compiled
def edits(a: U8, a_from: Int, a_to: Int, b: U8, b_from: Int, b_to: Int, masks: U64) -> int:
    """Least number of insertions, deletions, replacements and exchanges of neighbours that make one text the other.

    Texts are taken to 64 bytes. `masks` is scratch: 256 zeros, and zeros again afterwards.

    References:
        Hyyro (2003), A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances, section 4.
    """
    one = np.uint64(1)
    m = int(min(a_to - a_from, 64))
    n = int(min(b_to - b_from, 64))
    if m == 0 or n == 0:
        return max(m, n)
    for k in range(m):
        masks[a[a_from + k]] |= one << np.uint64(k)
    positive = ~np.uint64(0)
    negative = np.uint64(0)
    diagonal = np.uint64(0)
    before = np.uint64(0)
    top = one << np.uint64(m - 1)
    distance = int(m)
    for k in range(n):
        equal = masks[b[b_from + k]]
        exchanged = (((~diagonal) & equal) << one) & before
        diagonal = (((equal & positive) + positive) ^ positive) | equal | negative | exchanged
        rising = negative | ~(diagonal | positive)
        falling = diagonal & positive
        if rising & top:
            distance += 1
        if falling & top:
            distance -= 1
        rising = (rising << one) | one
        falling = falling << one
        positive = falling | ~(diagonal | rising)
        negative = rising & diagonal
        before = equal
    for k in range(m):
        masks[a[a_from + k]] = np.uint64(0)
    return int(distance)


@compiled
def letters_of(text: U8, starts: I64, letters: U32) -> None:
    """For each value, which letters and digits it has, as bits: what two values do not share bounds their distance."""
    for k in range(len(letters)):
        bits = np.uint32(0)
        for at in range(starts[k], starts[k + 1]):
            bits |= np.uint32(1) << np.uint32(text[at] & np.uint8(31))
        letters[k] = bits


@compiled
def _bits_of(number: Int) -> int:
    """How many bits of a number of 32 bits are set."""
    number = number - ((number >> 1) & 0x55555555)
    number = (number & 0x33333333) + ((number >> 2) & 0x33333333)
    return int(((((number + (number >> 4)) & 0x0F0F0F0F) * 0x01010101) & 0xFFFFFFFF) >> 24)


@compiled
def likeness(text: U8, starts: I64, letters: U32, one: Int, other: Int, masks: U64) -> int:  # noqa: C901 - the table of levels, read from top to bottom
    """How alike two different values are.

    4 one edit, 3 two edits or a fifth of it, 2 one begins or ends as the other, 1 two fifths of it, 0 otherwise.
    """
    a, a_end, b, b_end = starts[one], starts[one + 1], starts[other], starts[other + 1]
    m, n = a_end - a, b_end - b
    shorter, longer = min(m, n), max(m, n)
    if longer < 3:
        return 0
    part = shorter >= 3
    if part:
        begins = True
        ends = True
        for k in range(shorter):
            if text[a + k] != text[b + k]:
                begins = False
            if text[a_end - 1 - k] != text[b_end - 1 - k]:
                ends = False
            if not (begins or ends):
                break
        part = begins or ends
    # A replaced letter takes one away and brings one: at most two bits an edit.
    apart = max((_bits_of(np.int64(letters[one] ^ letters[other])) + 1) // 2, longer - shorter)
    if apart * 5 > longer * 2 and apart > 2:
        return 2 if part else 0
    distance = edits(text, a, a_end, text, b, b_end, masks)
    if distance == 1:
        return 4
    if longer > 4 and (distance == 2 or distance * 5 <= longer):
        return 3
    if part:
        return 2
    return 1 if distance * 5 <= longer * 2 else 0


@compiled
def given_level(  # noqa: C901, PLR0911 - the table of levels, read from top to bottom
    x: I32, y: I32, crossed: Int, text: U8, starts: I64, letters: U32, folded: I32, long_form: I32, masks: U64
) -> int:
    """Level of given names; crossed: the left's given name beside the right's surname."""
    a = x[GIVEN]
    b = y[SURNAME] if crossed else y[GIVEN]
    if a < 0 or b < 0:
        return ABSENT
    if a == b:
        return 0
    first_a = x[FIRST]
    first_b = b if crossed else y[FIRST]
    if first_a == first_b:
        return 1
    if folded[a] == folded[b] or folded[first_a] == folded[first_b]:
        return 2
    if long_form[first_a] == long_form[first_b]:
        return 3
    size_a, size_b = starts[first_a + 1] - starts[first_a], starts[first_b + 1] - starts[first_b]
    if size_a == 1 or size_b == 1:
        return 5 if text[starts[first_a]] == text[starts[first_b]] else 9
    whole = likeness(text, starts, letters, a, b, masks)
    if whole < 4 and (first_a != a or first_b != b):
        whole = max(whole, likeness(text, starts, letters, first_a, first_b, masks))
    if whole == 4:
        return 4
    if not crossed and (x[SECOND] == y[FIRST] or x[FIRST] == y[SECOND]):
        return 6
    if whole == 3:
        return 7
    if whole == 2:
        return 6
    return 8 if whole == 1 else 9


@compiled
def surname_level(a: Int, b: Int, text: U8, starts: I64, letters: U32, folded: I32, masks: U64) -> int:
    """Level of surnames."""
    if a < 0 or b < 0:
        return ABSENT
    if a == b:
        return 0
    if folded[a] == folded[b]:
        return 1
    found = likeness(text, starts, letters, a, b, masks)
    return 6 - found


@compiled
def birth_level(a: Int, b: Int) -> int:  # noqa: C901, PLR0911, PLR0912 - the table of levels, read from top to bottom
    """Level of dates of birth; a part that is not known is 0."""
    if a <= 0 or b <= 0:
        return ABSENT
    year_a, month_a, day_a = a // 10000, a // 100 % 100, a % 100
    year_b, month_b, day_b = b // 10000, b // 100 % 100, b % 100
    if month_a == 0 or month_b == 0:
        return 6 if year_a == year_b else 9
    if day_a == 0 or day_b == 0:
        if year_a == year_b:
            return 5 if month_a == month_b else 8
        return 9
    if a == b:
        return 0
    if year_a == year_b and month_a == day_b and day_a == month_b:
        return 1
    # Digits one by one: how many differ, and whether two neighbours are exchanged.
    differing = 0
    exchanged = False
    last_a, last_b = np.int64(-1), np.int64(-1)
    rest_a, rest_b = np.int64(a), np.int64(b)
    for _ in range(8):
        digit_a, digit_b = rest_a % 10, rest_b % 10
        if digit_a != digit_b:
            differing += 1
            if last_a == digit_b and last_b == digit_a and last_a != last_b:
                exchanged = True
        last_a, last_b = digit_a, digit_b
        rest_a //= 10
        rest_b //= 10
    if differing == 1 or (differing == 2 and exchanged):
        return 2
    if month_a == month_b and day_a == day_b and abs(year_a - year_b) == 1:
        return 3
    equal = int(year_a == year_b) + int(month_a == month_b) + int(day_a == day_b)
    if equal == 2:
        return 4
    if differing == 2 or (month_a == day_b and day_a == month_b):
        return 7
    return 8 if year_a == year_b else 9


@compiled
def text_level(a: Int, b: Int, text: U8, starts: I64, letters: U32, masks: U64) -> int:
    """Equal, one edit, near, loose, different."""
    if a < 0 or b < 0:
        return ABSENT
    if a == b:
        return 0
    found = likeness(text, starts, letters, a, b, masks)
    if found >= 3:
        return 5 - found
    return 2 if found == 2 else 4 - found


@compiled
def code_level(a: Int, b: Int, text: U8, starts: I64, masks: U64, least: Int) -> int:
    """Equal, one edit, different; short codes have no one edit."""
    if a < 0 or b < 0:
        return ABSENT
    if a == b:
        return 0
    a_from, a_to, b_from, b_to = starts[a], starts[a + 1], starts[b], starts[b + 1]
    if max(a_to - a_from, b_to - b_from) < least or abs((a_to - a_from) - (b_to - b_from)) > 1:
        return 2
    return 1 if edits(text, a_from, a_to, text, b_from, b_to, masks) == 1 else 2


@compiled
def holds(text: U8, start: Int, end: Int, part_start: Int, part_end: Int) -> bool:
    """Whether a value has another of three or more characters in it."""
    size = part_end - part_start
    if size < 3:
        return False
    for at in range(start, end - size + 1):
        same = True
        for k in range(size):
            if text[at + k] != text[part_start + k]:
                same = False
                break
        if same:
            return True
    return False
