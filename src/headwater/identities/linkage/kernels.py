"""Comparison of candidate pairs in compiled loops: levels of each field, weights in whole thousandths of a bit.

The levels are numbered as in `levels.LEVELS`; numbers of features as in `features.FEATURES`.
"""

from __future__ import annotations

from typing import Any

import numpy as np


from headwater.compiled import I32, I64, U8, U64, Int, compiled

__all__ = ["compare_blocks", "compare_pairs", "edits"]

GIVEN, FIRST, SECOND, SURNAME, BIRTH, STREET, NUMBER, POSTCODE, SUBURB, STATE = range(10)
PHONE, PHONE_END, EMAIL, EMAIL_LOCAL, NICKNAME, NATIONAL_ID = range(10, 16)
FIELDS = 12
ADDRESS_FIRST, ADDRESS_LAST = 3, 7
SUMS = 2
ABSENT = -1
UNSAID = -100_000
BIRTH_PLACES = 4_000_000


@compiled
def edits(a: U8, a_from: Int, a_to: Int, b: U8, b_from: Int, b_to: Int, masks: U64) -> int:
    """Least number of insertions, deletions, replacements and exchanges of neighbours that make one text the other.

    Texts are taken to 64 bytes. `masks` is scratch: 256 zeros, and zeros again afterwards.

    References:
        Hyyro (2003), A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances, section 4.
    """
    one = np.uint64(1)
    m = min(a_to - a_from, 64)
    n = min(b_to - b_from, 64)
    if m == 0 or n == 0:
        return max(m, n)
    for k in range(m):
        masks[a[a_from + k]] |= one << np.uint64(k)
    positive = ~np.uint64(0)
    negative = np.uint64(0)
    diagonal = np.uint64(0)
    before = np.uint64(0)
    top = one << np.uint64(m - 1)
    distance = m
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
    return distance


@compiled
def likeness(text: U8, starts: I64, one: Int, other: Int, masks: U64) -> int:
    """How alike two different values are: 4 one edit, 3 two or a fifth of it, 2 one begins or ends as the other, 1 two fifths, 0."""
    a, a_end, b, b_end = starts[one], starts[one + 1], starts[other], starts[other + 1]
    m, n = a_end - a, b_end - b
    shorter, longer = min(m, n), max(m, n)
    if longer < 2:
        return 0
    if longer - shorter > 4 and shorter < 3:
        return 0
    distance = edits(text, a, a_end, text, b, b_end, masks)
    if distance == 1 and longer >= 3:
        return 4
    if longer > 4 and (distance == 2 or distance * 5 <= longer):
        return 3
    if shorter >= 3:
        begins = True
        ends = True
        for k in range(shorter):
            if text[a + k] != text[b + k]:
                begins = False
            if text[a_end - 1 - k] != text[b_end - 1 - k]:
                ends = False
        if begins or ends:
            return 2
    if distance * 5 <= longer * 2:
        return 1
    return 0


@compiled
def _given_level(x: I32, y: I32, crossed: Int, text: U8, starts: I64, folded: I32, long_form: I32, masks: U64) -> int:
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
    whole = likeness(text, starts, a, b, masks)
    if whole < 4 and (first_a != a or first_b != b):
        whole = max(whole, likeness(text, starts, first_a, first_b, masks))
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
def _surname_level(a: Int, b: Int, text: U8, starts: I64, folded: I32, masks: U64) -> int:
    if a < 0 or b < 0:
        return ABSENT
    if a == b:
        return 0
    if folded[a] == folded[b]:
        return 1
    found = likeness(text, starts, a, b, masks)
    return 6 - found


@compiled
def _birth_level(a: Int, b: Int) -> int:
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
    last_a, last_b = -1, -1
    rest_a, rest_b = a, b
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
def _text_level(a: Int, b: Int, text: U8, starts: I64, masks: U64) -> int:
    """Equal, one edit, near, loose, different."""
    if a < 0 or b < 0:
        return ABSENT
    if a == b:
        return 0
    found = likeness(text, starts, a, b, masks)
    return (4, 3, 2, 2, 1)[found]


@compiled
def _code_level(a: Int, b: Int, text: U8, starts: I64, masks: U64, least: Int) -> int:
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
def either(one: Int, other: Int, table: I32) -> int:
    """The weight of one thing or the other: log2 of the sum of what both are the log2 of, in thousandths of a bit."""
    large, gap = max(one, other), abs(one - other)
    return large + (table[gap] if gap < len(table) else 0)


@compiled
def _weigh(
    x: I32, y: I32, texts: Any, starts: Any, names: Any, frequency: Any, m: I32, u: I32, h: I32, constants: I64, table: I32,
    levels: I32, weights: I32, masks: U64,
) -> int:  # fmt: skip
    """Fills in levels and weights of one pair; the total weight.

    constants: prior, log2 of household members per row over right rows, moved, not moved, names written in the other's place.
    """
    folded, long_form = names
    text, start = texts[0], starts[0]
    levels[0] = _given_level(x, y, 0, text, start, folded, long_form, masks)
    levels[1] = _surname_level(x[SURNAME], y[SURNAME], text, start, folded, masks)
    crossed = 0
    if (levels[0] >= 6 or levels[0] < 0) and (levels[1] >= 4 or levels[1] < 0) and (
        (x[GIVEN] >= 0 and x[GIVEN] == y[SURNAME]) or (x[SURNAME] >= 0 and x[SURNAME] == y[GIVEN])
    ):
        crossed = 1
        levels[0] = _given_level(x, y, 1, text, start, folded, long_form, masks)
        levels[1] = _surname_level(x[SURNAME], y[GIVEN], text, start, folded, masks)
    levels[2] = _birth_level(x[BIRTH], y[BIRTH])
    levels[3] = _text_level(x[STREET], y[STREET], texts[1], starts[1], masks)
    levels[4] = _code_level(x[NUMBER], y[NUMBER], texts[2], starts[2], masks, 2)
    levels[5] = _text_level(x[SUBURB], y[SUBURB], texts[4], starts[4], masks)
    levels[6] = _code_level(x[POSTCODE], y[POSTCODE], texts[3], starts[3], masks, 3)
    if levels[5] == 0 and levels[6] >= 0:
        levels[6] = 3 if levels[6] == 0 else 4
    if x[STATE] < 0 or y[STATE] < 0:
        levels[7] = ABSENT
    else:
        levels[7] = 0 if x[STATE] == y[STATE] else 1
        if levels[5] == 0 or levels[6] == 0:
            levels[7] += 2
    levels[8] = _code_level(x[PHONE], y[PHONE], texts[5], starts[5], masks, 6)
    if levels[8] > 0 and x[PHONE_END] == y[PHONE_END]:
        # One of them without the prefix of its country.
        plus = np.uint8(43)
        one, other = texts[5][starts[5][x[PHONE]]] == plus, texts[5][starts[5][y[PHONE]]] == plus
        if one != other:
            levels[8] = 0
    levels[9] = ABSENT
    if x[EMAIL] >= 0 and y[EMAIL] >= 0:
        if x[EMAIL] == y[EMAIL]:
            levels[9] = 0
        elif x[EMAIL_LOCAL] == y[EMAIL_LOCAL]:
            levels[9] = 1
        else:
            levels[9] = 1 + _code_level(x[EMAIL], y[EMAIL], texts[6], starts[6], masks, 8)
    levels[10] = _code_level(x[NICKNAME], y[NICKNAME], texts[8], starts[8], masks, 5)
    levels[11] = _code_level(x[NATIONAL_ID], y[NATIONAL_ID], texts[9], starts[9], masks, 5)
    same, address, household = 0, 0, 0
    for field in range(FIELDS):
        level = levels[field]
        if level < 0:
            weights[field] = 0
            continue
        rarity = u[field, level]
        if level == 0 or (field == 0 and level == 1) or (field == 9 and level == 1):
            # Agreement on a value counts by how rare the value is.
            value = x[BIRTH] % BIRTH_PLACES
            if field == 0:
                value = x[FIRST] if level == 1 else x[GIVEN]
            elif field == 1:
                value = x[SURNAME]
            elif field == 3:
                value = x[STREET]
            elif field == 4:
                value = x[NUMBER]
            elif field == 5:
                value = x[SUBURB]
            elif field == 6:
                value = x[POSTCODE]
            elif field == 7:
                value = x[STATE]
            elif field == 8:
                value = x[PHONE]
            elif field == 9:
                value = x[EMAIL] if level == 0 else x[EMAIL_LOCAL]
            elif field == 10:
                value = x[NICKNAME]
            elif field == 11:
                value = x[NATIONAL_ID]
            if field == 9 and level == 1:
                rarity = frequency[12][value]
            elif field == 0 and crossed:
                rarity = frequency[1][value]
            elif field == 1 and crossed:
                rarity = frequency[0][value]
            else:
                rarity = frequency[field][value]
        weight = m[field, level] - rarity
        weights[field] = weight
        if ADDRESS_FIRST <= field <= ADDRESS_LAST:
            address += weight
        else:
            same += weight
            if h[field, level] > UNSAID:
                # Members of a household agree on a value at least as often as strangers do.
                likely = max(h[field, level], rarity) if level == 0 else h[field, level]
                household += likely - rarity
    if crossed:
        weights[0] += constants[4]
        same += constants[4]
    moved = 0
    if levels[3] >= 0 or levels[4] >= 0 or levels[5] >= 0 or levels[6] >= 0 or levels[7] >= 0:
        moved = either(address + constants[3], constants[2], table) - address
    weights[FIELDS] = moved
    shared = -either(0, constants[1] + household + address + moved, table)
    weights[FIELDS + 1] = shared
    return constants[0] + same + address + moved + shared


@compiled
def compare_pairs(
    left: I32, right: I32, rows: I32, columns: I32, texts: Any, starts: Any, names: Any, frequency: Any,
    m: I32, u: I32, h: I32, constants: I64, table: I32, levels: I32, weights: I32, totals: I64,
) -> None:  # fmt: skip
    """Levels, weights and totals of given pairs."""
    masks = np.zeros(256, np.uint64)
    for k in range(len(rows)):
        totals[k] = _weigh(
            left[rows[k]], right[columns[k]], texts, starts, names, frequency, m, u, h, constants, table,
            levels[k], weights[k], masks,
        )  # fmt: skip


@compiled
def compare_blocks(
    left: I32, right: I32, chosen: I32, itself: Int, left_keys: U64, right_keys: U64, order: I32, first: I32, last: I32,
    texts: Any, starts: Any, names: Any, frequency: Any, m: I32, u: I32, h: I32, constants: I64, table: I32, least: Int, shared: Int,
    pairs: I32, levels: I32, weights: I32, totals: I64, compared: I64,
) -> int:  # fmt: skip
    """Compares the chosen left rows with the rows of their blocks, each pair once; how many came to `least` or more,
    or shares so much with a household that its part is `shared` or less.

    Where there are more of them than room for them, the rest is counted and not kept.
    """
    masks = np.zeros(256, np.uint64)
    rules = left_keys.shape[1]
    room = len(pairs)
    found = 0
    scratch_levels = np.zeros(FIELDS, np.int32)
    scratch_weights = np.zeros(FIELDS + SUMS, np.int32)
    for i in chosen:
        for rule in range(rules):
            key = left_keys[i, rule]
            if key == 0:
                continue
            for at in range(first[i, rule], last[i, rule]):
                j = order[rule, at]
                if itself and j <= i:
                    continue
                before = False
                for earlier in range(rule):
                    if left_keys[i, earlier] != 0 and left_keys[i, earlier] == right_keys[j, earlier]:
                        before = True
                        break
                if before:
                    continue
                compared[rule] += 1
                total = _weigh(
                    left[i], right[j], texts, starts, names, frequency, m, u, h, constants, table,
                    scratch_levels, scratch_weights, masks,
                )  # fmt: skip
                if total >= least or scratch_weights[FIELDS + 1] <= shared:
                    if found < room:
                        pairs[found, 0] = i
                        pairs[found, 1] = j
                        levels[found] = scratch_levels
                        weights[found] = scratch_weights
                        totals[found] = total
                    found += 1
    return found


