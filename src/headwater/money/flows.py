"""Which satoshis of a transaction's inputs are in which of its outputs, by two rules, in exact integers.

Neither rule is a fact about the chain: satoshis have no identity. FIFO lays inputs and outputs end to end; pro rata
mixes. They stand side by side so that nobody takes one of them for the truth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

__all__ = ["FIFO", "POLICIES", "PRO_RATA", "Intervals", "cut_along", "largest_remainder", "pro_rata_matrix", "size_sat"]

FIFO: Final = "fifo"
PRO_RATA: Final = "pro_rata"
POLICIES: Final = (FIFO, PRO_RATA)

Intervals = list[tuple[int, int]]
"""Satoshis of one output, each stretch from and up to, apart from each other."""


def size_sat(intervals: Iterable[tuple[int, int]]) -> int:
    """Satoshis in the intervals."""
    return sum(high - low for low, high in intervals)


def cut_along(intervals: Intervals, offset_sat: int, bounds_sat: Sequence[int]) -> list[tuple[int, Intervals]]:
    """The intervals as they fall on parts that lie end to end; parts on which none falls are left out.

    Args:
        intervals: Satoshis, counted from `offset_sat`.
        offset_sat: Where they begin among all satoshis.
        bounds_sat: Where each part ends, in rising order.

    Returns:
        The place of each part, and the satoshis on it, counted from its beginning.

    Example:
        >>> cut_along([(0, 5)], 2, [4, 10])
        [(0, [(2, 4)]), (1, [(0, 3)])]
    """
    parts: dict[int, Intervals] = {}
    for low, high in intervals:
        start, end = low + offset_sat, high + offset_sat
        place = bisect_right(bounds_sat, start)
        while start < end:
            bound = bounds_sat[place]
            base = bounds_sat[place - 1] if place else 0
            if bound > start:
                parts.setdefault(place, []).append((start - base, min(end, bound) - base))
                start = min(end, bound)
            place += 1
    return sorted(parts.items())


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Whole shares of a total in proportion to weights, adding up to it exactly.

    What rounding down leaves over goes, one each, to the largest remainders; among equal ones to the first.

    Args:
        total: What to share out, not above the sum of the weights.
        weights: Not negative; not all zero unless the total is.

    Example:
        >>> largest_remainder(10, [1, 1, 1])
        [4, 3, 3]
    """
    whole = sum(weights)
    if not total:
        return [0] * len(weights)
    shares, remainders = [], []
    for weight in weights:
        share, remainder = divmod(total * weight, whole)
        shares.append(share)
        remainders.append(remainder)
    left = total - sum(shares)
    if left:
        for place in sorted(range(len(weights)), key=lambda place: (-remainders[place], place))[:left]:
            shares[place] += 1
    return shares


def pro_rata_matrix(inputs_sat: Sequence[int], outputs_sat: Sequence[int]) -> list[list[int]]:
    """Satoshis that each output takes from each input, pro rata, and last what the fee takes.

    Output after output takes in proportion to what remains of each input, so that every row and every column of the
    matrix adds up exactly (invariant I9).

    Args:
        inputs_sat: Inputs in order.
        outputs_sat: Outputs in order, together not more than the inputs.

    Returns:
        For each output and then for the fee: its share of every input.
    """
    remaining = list(inputs_sat)
    columns: list[list[int]] = []
    for amount_sat in outputs_sat:
        column = largest_remainder(amount_sat, remaining)
        remaining = [left - taken for left, taken in zip(remaining, column, strict=True)]
        columns.append(column)
    columns.append(remaining)
    assert all(left >= 0 for left in remaining)
    return columns


def bounds_of(amounts_sat: Iterable[int]) -> list[int]:
    """Where each amount ends when they are laid end to end."""
    return list(accumulate(amounts_sat))
