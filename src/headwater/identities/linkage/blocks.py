"""Which pairs are compared at all: blocks of rows that agree on a rule's columns, made smaller where they are large."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.features import FEATURES, I32, Features

__all__ = ["KEY_COLUMNS", "Blocks", "RuleReport", "blocks_of"]

U64 = npt.NDArray[np.uint64]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # source: 2**64 over the golden ratio, as in Knuth 6.4
_SHIFT = np.uint64(29)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReport:
    """What one blocking rule came to.

    Attributes:
        columns: Its columns, in the order in which they were taken to make blocks smaller.
        blocks: Blocks with rows of both files.
        refined: Blocks that were too large and were parted by a further column.
        left_out_blocks: Blocks that were still too large with all the columns; other rules may have their pairs.
        left_out_pairs: Pairs of these.
    """

    columns: tuple[str, ...]
    blocks: int
    refined: int
    left_out_blocks: int
    left_out_pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """For each rule and left row, its block's rows on the right.

    Attributes:
        left_keys: For each left row and rule, its block; 0 for none.
        right_keys: Likewise.
        order: For each rule, right rows in order of their blocks.
        first: For each left row and rule, where its block begins in `order`.
        last: Likewise, where it ends.
        reports: For each rule.
    """

    left_keys: U64
    right_keys: U64
    order: I32
    first: I32
    last: I32
    reports: tuple[RuleReport, ...]


def _feature(name: str) -> Callable[[Features, I32], npt.NDArray[np.int64]]:
    at = FEATURES.index(name)
    return lambda _, lines: lines[:, at].astype(np.int64)


def _through(table: I32, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if not len(table):
        return np.full(len(codes), -1, np.int64)
    return np.where(codes >= 0, table[codes], -1).astype(np.int64)


def _name(feature: str, form: str) -> Callable[[Features, I32], npt.NDArray[np.int64]]:
    at = FEATURES.index(feature)
    return lambda features, lines: _through(getattr(features, form), lines[:, at].astype(np.int64))


def _name_pair(features: Features, lines: I32) -> npt.NDArray[np.int64]:
    """Given name and surname in either order."""
    one = _through(features.folded, lines[:, FEATURES.index("first_given")].astype(np.int64))
    other = _through(features.folded, lines[:, FEATURES.index("surname")].astype(np.int64))
    pair = np.minimum(one, other) * (1 << 31) + np.maximum(one, other)
    return np.where((one >= 0) & (other >= 0), pair, -1)


def _birth(parts: str) -> Callable[[Features, I32], npt.NDArray[np.int64]]:
    at = FEATURES.index("date_of_birth")

    def key(_: Features, lines: I32) -> npt.NDArray[np.int64]:
        date = lines[:, at].astype(np.int64)
        year, month, day = date // 10000, date // 100 % 100, date % 100
        # Day and month in either order, because people write both.
        small, large = np.minimum(month, day), np.maximum(month, day)
        whole = (date > 0) & (month > 0) & (day > 0)
        if parts == "year":
            return np.where(date > 0, year, -1)
        if parts == "month_day":
            return np.where(whole, small * 100 + large, -1)
        if parts == "year_month":
            return np.where((date > 0) & (month > 0), year * 100 + month, -1)
        return np.where(whole, year * 10000 + small * 100 + large, -1)

    return key


KEY_COLUMNS: Mapping[str, Callable[[Features, I32], npt.NDArray[np.int64]]] = {
    "name_pair": _name_pair,
    "given_name": _name("first_given", "long_form"),
    "surname": _name("surname", "folded"),
    "given_name_beginning": _name("first_given", "beginnings"),
    "surname_beginning": _name("surname", "beginnings"),
    "date_of_birth": _birth("all"),
    "birth_year": _birth("year"),
    "birth_month_day": _birth("month_day"),
    "birth_year_month": _birth("year_month"),
    "street": _feature("street"),
    "street_number": _feature("number"),
    "postcode": _feature("postcode"),
    "suburb": _feature("suburb"),
    "state": _feature("state"),
    "phone": _feature("phone_end"),
    "email": _feature("email"),
    "email_local": _feature("email_local"),
    "nickname": _feature("nickname"),
    "national_id": _feature("national_id"),
}
"""What a blocking rule may name, and how it is had from a row's numbers; -1 where the row has none."""


def blocks_of(features: Features, rules: Sequence[tuple[str, ...]], *, most_rows: int, threads: int) -> Blocks:
    """The blocks of both files.

    A block begins with a rule's first column. While it has more than `most_rows` rows of the left or of the right, the
    rule's next column parts it; one that stays too large is left out, and counted.

    Args:
        features: Both files.
        rules: Columns of each rule, of KEY_COLUMNS.
        most_rows: Rows of one file in a block.
        threads: Rules at once; results do not depend on it.
    """
    itself = features.left is features.right
    count = len(rules)
    left = np.zeros((len(features.left), count), np.uint64)
    right = left if itself else np.zeros((len(features.right), count), np.uint64)
    order = np.zeros((count, len(features.right)), np.int32)
    first, last = (np.zeros((len(features.left), count), np.int32) for _ in range(2))

    def one(rule: int) -> RuleReport:
        # Each rule is worked out in arrays of its own; the tables have a row's rules beside each other, and places that
        # are filled in by leaps cost more than the sorts.
        here = np.zeros(len(left), np.uint64)
        there = here if itself else np.zeros(len(right), np.uint64)
        report = _keys(features, rules[rule], most_rows, here, there)
        by_key = np.argsort(there)
        ordered = there[by_key]
        order[rule] = by_key
        left_by_key = by_key if itself else np.argsort(here)
        wanted = here[left_by_key]
        begins, ends = (np.zeros(len(left), np.int32) for _ in range(2))
        begins[left_by_key] = np.searchsorted(ordered, wanted, side="left")
        ends[left_by_key] = np.searchsorted(ordered, wanted, side="right")
        left[:, rule], first[:, rule], last[:, rule] = here, begins, ends
        if not itself:
            right[:, rule] = there
        return report

    with ThreadPoolExecutor(threads) as pool:
        reports = tuple(pool.map(one, range(count)))
    return Blocks(left_keys=left, right_keys=right, order=order, first=first, last=last, reports=reports)


def _mixed(key: U64, column: npt.NDArray[np.int64]) -> U64:
    """The key with one more column in it."""
    mixed = (key ^ column.astype(np.uint64)) * _MULTIPLIER
    return mixed ^ (mixed >> _SHIFT)


def _keys(features: Features, columns: tuple[str, ...], most_rows: int, left: U64, right: U64) -> RuleReport:
    """Fills in the block of each row of both files for one rule."""
    itself = features.left is features.right
    sides = [(features.left, left)] if itself else [(features.left, left), (features.right, right)]
    open_rows = [np.arange(len(lines)) for lines, _ in sides]
    keys = [np.zeros(len(lines), np.uint64) for lines, _ in sides]
    blocks = refined = left_out = left_out_pairs = 0
    for depth, column in enumerate(columns):
        for side, (lines, _) in enumerate(sides):
            # A copy of all of the rows is a good part of the work.
            values = KEY_COLUMNS[column](features, lines[open_rows[side]] if depth else lines)
            has = values >= 0
            open_rows[side] = open_rows[side][has]
            keys[side] = _mixed(keys[side][has], values[has] + (depth + 1))
        block_of, counts = _numbered(keys)
        here, there = counts[0], counts[-1]
        both = (here > 1) if itself else (here > 0) & (there > 0)
        large = both & (np.maximum(here, there) > most_rows)
        small = both & ~large
        blocks += int(np.count_nonzero(small))
        for side, (_, target) in enumerate(sides):
            done, going = small[block_of[side]], large[block_of[side]]
            target[open_rows[side][done]] = keys[side][done] | np.uint64(1)
            open_rows[side], keys[side] = open_rows[side][going], keys[side][going]
        if depth + 1 < len(columns):
            refined += int(np.count_nonzero(large))
        else:
            left_out = int(np.count_nonzero(large))
            pairs = here[large] * (here[large] - 1) // 2 if itself else here[large] * there[large]
            left_out_pairs = int(pairs.sum())
    return RuleReport(
        columns=columns, blocks=blocks, refined=refined, left_out_blocks=left_out, left_out_pairs=left_out_pairs
    )


def _numbered(keys: Sequence[U64]) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.int64]]]:
    """For each side the number of each row's key, and how many rows each key has."""
    joined = np.concatenate(keys)
    order = np.argsort(joined)
    ordered = joined[order]
    begins = np.ones(len(joined), np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    number = np.empty(len(joined), np.int64)
    number[order] = np.cumsum(begins) - 1
    count = int(np.count_nonzero(begins))
    parts = np.split(number, np.cumsum([len(k) for k in keys])[:-1])
    return parts, [np.bincount(part, minlength=count) for part in parts]
