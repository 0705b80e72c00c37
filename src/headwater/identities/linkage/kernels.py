"""Comparison of candidate pairs in compiled loops: weights of each field, in whole thousandths of a bit.

Fields and levels are numbered as in `linkage_model.LEVELS`, features as in `features.FEATURES`.
"""

from __future__ import annotations

import numpy as np

from headwater.compiled import I32, I64, U8, U32, U64, Int, compiled
from headwater.identities.linkage.level_kernels import (
    birth_level,
    code_level,
    given_level,
    holds,
    surname_level,
    text_level,
)

__all__ = ["compare_blocks", "compare_pairs", "rows_agreed_on"]

GIVEN, FIRST, SECOND, SURNAME, BIRTH, STREET, NUMBER, POSTCODE, SUBURB, STATE = range(10)
PHONE, PHONE_END, EMAIL, EMAIL_LOCAL, NICKNAME, NATIONAL_ID = range(10, 16)
FIELDS = 12
ADDRESS_FIRST, ADDRESS_LAST = 3, 7
SUMS = 4
ABSENT = -1
UNSAID = -100_000
NEVER = -(1 << 40)
BIRTH_PLACES = 4_000_000


@compiled
def either(one: Int, other: Int, table: I32) -> int:
    """The weight of one thing or the other: log2 of the sum of what both are the log2 of, in thousandths of a bit."""
    large, gap = max(np.int64(one), np.int64(other)), np.abs(np.int64(one) - np.int64(other))
    return int(large + (table[gap] if gap < len(table) else 0))


@compiled
def _begins_alike(one: Int, other: Int, text: U8, starts: I64) -> bool:
    """Whether two values have the same first letter."""
    return bool(one >= 0 and other >= 0 and text[starts[one]] == text[starts[other]])


@compiled
def _of_value(field: Int, level: Int, crossed: Int, x: I32, rarity: I32, births: I32) -> int:  # noqa: PLR0911 - the table of levels, read from top to bottom
    """What the tables of values and of dates have of the value on which two rows agree: rarity, or number of rows."""
    if field == 0:
        return int(rarity[x[FIRST] if level == 1 else x[GIVEN], crossed])
    if field == 1:
        return int(rarity[x[SURNAME], 1 - crossed])
    if field == 2:
        return int(births[x[BIRTH] % BIRTH_PLACES])
    if field <= 4:
        return int(rarity[x[STREET + field - 3], 0])
    if field == 5:
        return int(rarity[x[SUBURB], 0])
    if field == 6:
        return int(rarity[x[POSTCODE], 0])
    if field == 7:
        return int(rarity[x[STATE], 0])
    if field == 8:
        return int(rarity[x[PHONE], 0])
    if field == 9:
        return int(rarity[x[EMAIL_LOCAL] if level == 1 else x[EMAIL], 0])
    return int(rarity[x[NICKNAME + field - 10], 0])


@compiled
def _is_by_value(field: Int, level: Int) -> bool:
    """Whether two rows agree on a value whose frequency counts."""
    return bool(level == 0 or (level == 1 and field * (field - 9) == 0))


@compiled
def _weigh(  # noqa: C901, PLR0912, PLR0915 - the table of levels, read from top to bottom
    x: I32, y: I32, text: U8, starts: I64, letters: U32, folded: I32, long_form: I32, rarity: I32, births: I32,
    m: I32, u: I32, h: I32, best: I32, constants: I64, table: I32, least: Int, levels: I32, weights: I32, masks: U64,
) -> int:  # fmt: skip
    """Fills in levels and weights of one pair; the total weight, or something below `least` once it cannot reach that.

    constants: prior, log2 of the odds of members of one household, moved, not moved, names in each other's place,
    an address made of a name among namesakes.
    """
    # What is cheap to tell comes first. Of a text that differs, the best level below `equal` bounds what it can add.
    bound = constants[0]
    levels[2] = birth_level(x[BIRTH], y[BIRTH])
    if levels[2] == 0:
        bound += m[2, 0] - births[x[BIRTH] % BIRTH_PLACES]
    elif levels[2] > 0:
        bound += m[2, levels[2]] - u[2, levels[2]]
    bound += _most(0, x[GIVEN], y[GIVEN], x[FIRST] == y[FIRST], m, best, rarity, 0)
    bound += _most(1, x[SURNAME], y[SURNAME], 0, m, best, rarity, 1)
    maybe_crossed = (x[GIVEN] >= 0 and x[GIVEN] == y[SURNAME]) or (x[SURNAME] >= 0 and x[SURNAME] == y[GIVEN])
    if not maybe_crossed and x[GIVEN] != y[GIVEN] and x[SURNAME] != y[SURNAME]:
        maybe_crossed = _begins_alike(x[GIVEN], y[SURNAME], text, starts) or _begins_alike(
            x[SURNAME], y[GIVEN], text, starts
        )
    if maybe_crossed:
        bound += 40_000
    bound += _most(8, x[PHONE], y[PHONE], x[PHONE_END] == y[PHONE_END], m, best, rarity, 0)
    bound += _most(9, x[EMAIL], y[EMAIL], x[EMAIL_LOCAL] == y[EMAIL_LOCAL], m, best, rarity, 0)
    bound += _most(10, x[NICKNAME], y[NICKNAME], 0, m, best, rarity, 0)
    bound += _most(11, x[NATIONAL_ID], y[NATIONAL_ID], 0, m, best, rarity, 0)
    place = _most(3, x[STREET], y[STREET], 0, m, best, rarity, 0)
    place += _most(4, x[NUMBER], y[NUMBER], 0, m, best, rarity, 0)
    place += _most(5, x[SUBURB], y[SUBURB], 0, m, best, rarity, 0)
    place += _most(6, x[POSTCODE], y[POSTCODE], 0, m, best, rarity, 0)
    place += _most(7, x[STATE], y[STATE], 0, m, best, rarity, 0)
    if bound + max(place, 0) < least:
        return int(bound + max(place, 0))
    levels[0] = given_level(x, y, 0, text, starts, letters, folded, long_form, masks)
    if levels[0] > 0:
        bound += m[0, levels[0]] - u[0, levels[0]] - best[0] if levels[0] != 1 else 0
        if bound + max(place, 0) < least:
            return int(bound + max(place, 0))
    levels[1] = surname_level(x[SURNAME], y[SURNAME], text, starts, letters, folded, masks)
    if levels[1] > 0:
        bound += m[1, levels[1]] - u[1, levels[1]] - best[1]
        if bound + max(place, 0) < least:
            return int(bound + max(place, 0))
    crossed = 0
    if maybe_crossed and (levels[0] >= 6 or levels[0] < 0) and (levels[1] >= 4 or levels[1] < 0):
        given = given_level(x, y, 1, text, starts, letters, folded, long_form, masks)
        surname = surname_level(x[SURNAME], y[GIVEN], text, starts, letters, folded, masks)
        if given == 0 or surname == 0 or (given <= 7 and 0 <= surname <= 3 and given >= 0):
            crossed = 1
            levels[0] = given
            levels[1] = surname
    levels[3] = text_level(x[STREET], y[STREET], text, starts, letters, masks)
    levels[4] = code_level(x[NUMBER], y[NUMBER], text, starts, masks, 2)
    levels[5] = text_level(x[SUBURB], y[SUBURB], text, starts, letters, masks)
    levels[6] = code_level(x[POSTCODE], y[POSTCODE], text, starts, masks, 3)
    if levels[5] == 0 and levels[6] >= 0:
        levels[6] = 3 if levels[6] == 0 else 4
    if x[STATE] < 0 or y[STATE] < 0:
        levels[7] = ABSENT
    else:
        levels[7] = 0 if x[STATE] == y[STATE] else 1
        if levels[5] == 0 or levels[6] == 0:
            levels[7] += 2
    levels[8] = code_level(x[PHONE], y[PHONE], text, starts, masks, 6)
    if levels[8] > 0 and x[PHONE_END] == y[PHONE_END]:
        # One of them without the prefix of its country.
        plus = np.uint8(43)
        if (text[starts[x[PHONE]]] == plus) != (text[starts[y[PHONE]]] == plus):
            levels[8] = 0
    levels[9] = ABSENT
    if x[EMAIL] >= 0 and y[EMAIL] >= 0:
        if x[EMAIL] == y[EMAIL]:
            levels[9] = 0
        elif x[EMAIL_LOCAL] == y[EMAIL_LOCAL]:
            levels[9] = 1
        else:
            levels[9] = 1 + code_level(x[EMAIL], y[EMAIL], text, starts, masks, 8)
    levels[10] = code_level(x[NICKNAME], y[NICKNAME], text, starts, masks, 5)
    levels[11] = code_level(x[NATIONAL_ID], y[NATIONAL_ID], text, starts, masks, 5)
    same, address, household = np.int64(0), np.int64(0), np.int64(0)
    compared_address = False
    for field in range(FIELDS):
        level = levels[field]
        if level < 0:
            weights[field] = 0
            continue
        rarest = np.int64(u[field, level])
        by_value = _is_by_value(field, level)
        if by_value:
            rarest = np.int64(_of_value(field, level, crossed, x, rarity, births))
            if field == 9 and levels[1] == 0 and 0 <= levels[0] <= 1 and not crossed:
                # An address made of a name is likely among namesakes, however rare it is among all.
                local = x[EMAIL_LOCAL]
                if holds(text, starts[local], starts[local + 1], starts[x[SURNAME]], starts[x[SURNAME] + 1]):
                    rarest = max(rarest, constants[5])
        weight = m[field, level] - rarest
        weights[field] = weight
        if ADDRESS_FIRST <= field <= ADDRESS_LAST:
            address += weight
            compared_address = True
            continue
        same += weight
        likely = np.int64(h[field, level])
        if likely > UNSAID:
            # Members of a household agree on a value at least as often as strangers do.
            household += (max(likely, rarest) if by_value else likely) - rarest
    weights[FIELDS] = constants[4] if crossed else 0
    same += weights[FIELDS]
    moved = np.int64(0)
    if compared_address:
        moved = either(address + constants[3], constants[2], table) - address
    weights[FIELDS + 1] = moved
    shared = -either(0, constants[1] + household + address + moved, table)
    weights[FIELDS + 2] = shared
    return int(constants[0] + same + address + moved + shared)


@compiled
def _most(
    field: Int, one: Int, other: Int, partly: Int, m: I32, best: I32, rarity: I32, column: Int
) -> int:  # fmt: skip
    """The most that a field can add, told without a look at its text."""
    if one < 0 or other < 0:
        return 0
    if one == other:
        return int(m[field, 0] - rarity[one, column])
    return 30_000 if partly else int(best[field])


@compiled
def compare_blocks(  # noqa: C901 - the table of levels, read from top to bottom
    left: I32, right: I32, chosen: I32, itself: Int, left_keys: U64, right_keys: U64, order: I32, first: I32, last: I32,
    text: U8, starts: I64, letters: U32, folded: I32, long_form: I32, rarity: I32, births: I32, m: I32, u: I32, h: I32,
    best: I32, constants: I64, table: I32, least: Int, shared: Int,
    pairs: I32, levels: I32, weights: I32, totals: I64, compared: I64,
) -> int:  # fmt: skip
    """How many pairs of the chosen left rows with their blocks, each once, came to `least` or more.

    Also those that share so much with a household that its part is `shared` or less.

    Where there are more of them than room for them, the rest is counted and not kept.
    """
    masks = np.zeros(256, np.uint64)
    rules = left_keys.shape[1]
    room = len(pairs)
    found = 0
    all_levels = np.zeros(FIELDS, np.int32)
    all_weights = np.zeros(FIELDS + SUMS, np.int32)
    # Pairs that are of interest for what a household shares are weighed to the end.
    bound = least if shared < UNSAID else constants[0] - 10_000
    for i in chosen:
        x = left[i]
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
                    if left_keys[i, earlier] == right_keys[j, earlier] and left_keys[i, earlier] != 0:
                        before = True
                        break
                if before:
                    continue
                compared[rule] += 1
                all_weights[FIELDS + 2] = 0
                total = _weigh(
                    x, right[j], text, starts, letters, folded, long_form, rarity, births, m, u, h, best, constants,
                    table, bound, all_levels, all_weights, masks,
                )  # fmt: skip
                if total >= least or all_weights[FIELDS + 2] <= shared:
                    if found < room:
                        pairs[found, 0] = i
                        pairs[found, 1] = j
                        levels[found] = all_levels
                        weights[found] = all_weights
                        totals[found] = total
                    found += 1
    return found


@compiled
def compare_pairs(
    left: I32, right: I32, text: U8, starts: I64, letters: U32, folded: I32, long_form: I32, rarity: I32, births: I32,
    m: I32, u: I32, h: I32, best: I32, constants: I64, table: I32, pairs: I32, levels: I32, weights: I32, totals: I64,
) -> None:  # fmt: skip
    """Fills in levels and weights of these pairs, whatever they come to."""
    masks = np.zeros(256, np.uint64)
    for at in range(len(pairs)):
        totals[at] = _weigh(
            left[pairs[at, 0]], right[pairs[at, 1]], text, starts, letters, folded, long_form, rarity, births, m, u, h,
            best, constants, table, NEVER, levels[at], weights[at], masks,
        )  # fmt: skip


@compiled
def rows_agreed_on(
    left: I32, pairs: I32, levels: I32, crossed: U8, counts: I32, births: I32, found: I32
) -> None:  # fmt: skip
    """Fills in how many rows have the value on which a pair agrees; what is there stays where it agrees on none."""
    for at in range(len(pairs)):
        for field in range(FIELDS):
            level = levels[at, field]
            if level >= 0 and _is_by_value(field, level):
                found[at, field] = _of_value(field, level, int(crossed[at]), left[pairs[at, 0]], counts, births)
