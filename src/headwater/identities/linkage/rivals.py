"""What a better candidate of the same row takes from a pair: twins, namesakes and relatives beside the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.weighed import SUMS, WeighedPairs, mbits

__all__ = ["beside_rivals", "exclusive_mbits", "rivals_mbits"]

I64 = npt.NDArray[np.int64]
_STRONG_MBITS = 6_640
"""Odds of a hundred to one."""
_LEAST_SHARE = 0.01
_MODEL_ROWS = 60
"""Rows with one strong partner that `_LEAST_SHARE` counts for: one row with two does not make twins the rule."""
_LIMIT_MBITS = 60_000


def beside_rivals(weighed: WeighedPairs, sides: Sequence[int] = (0, 1)) -> WeighedPairs:
    """The pairs of two files, less what their rivals take.

    A person seldom stands twice in one file. How seldom, the strong pairs of these very files tell: of rows with one
    strong partner, the share with a second, at least a hundredth. Where a pair's row has a partner at least as good,
    the pair is that much less likely, as far as that partner is right. In files full of duplicates nothing is taken.

    Args:
        weighed: The pairs.
        sides: On which sides a row has one partner as a rule: 0 left, 1 right.
    """
    taken = np.zeros(len(weighed.total_mbits), np.int64)
    for side in sides:
        taken += rivals_mbits(weighed.pairs[:, side].astype(np.int64), weighed.total_mbits)
    weights = weighed.weights_mbits.copy()
    weights[:, SUMS.index("rivals") - len(SUMS)] = taken
    return WeighedPairs(
        pairs=weighed.pairs, levels=weighed.levels, weights_mbits=weights, total_mbits=weighed.total_mbits + taken
    )


def rivals_mbits(rows: I64, total: I64) -> I64:
    """What better or equal partners of the same row take from each pair; 0 or less.

    Args:
        rows: The row of each pair, on the side where rows have one partner.
        total: Its weight.
    """
    strong = rows[total >= _STRONG_MBITS]
    partners = np.bincount(strong) if len(strong) else np.zeros(1, np.int64)
    once, twice = int(np.count_nonzero(partners)), int(np.count_nonzero(partners > 1))
    second = min(1.0, (twice + _MODEL_ROWS * _LEAST_SHARE) / (once + _MODEL_ROWS) + _LEAST_SHARE)
    order = np.lexsort((-total, rows))
    ordered, weight = rows[order], total[order]
    begins = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, np.bool_)
    best = weight[begins][np.cumsum(begins) - 1] if len(ordered) else weight
    # The best has a rival only where the next is as good.
    tied = np.r_[(ordered[1:] == ordered[:-1]) & (weight[1:] == weight[:-1]), False] if len(ordered) else begins
    has_rival = ~begins | tied
    seen, inverse = np.unique(np.clip(best, -_LIMIT_MBITS, _LIMIT_MBITS), return_inverse=True)
    each = np.array([_part(int(w), second) for w in seen], np.int64)
    taken = np.zeros(len(total), np.int64)
    if len(seen):
        taken[order] = np.where(has_rival, each[inverse], 0)
    return taken


def _part(rival_mbits: int, second: float) -> int:
    probability = 1 / (1 + 2.0 ** (-rival_mbits / 1000))
    return mbits(1 - probability + probability * second, 1.0)


def exclusive_mbits(rows: I64, people: I64, total: I64) -> I64:
    """What rivals take where a row is one person's and no other's: of two equally good people neither is certain.

    The odds of a pair become those of its person against all other people of the row and "none of them" together.

    Args:
        rows: The row of each pair.
        people: The person on its other side; several rows may be of one.
        total: Its weight.
    """
    order = np.lexsort((people, rows))
    starts = np.flatnonzero(np.r_[True, rows[order][1:] != rows[order][:-1]]) if len(order) else order
    taken = np.zeros(len(rows), np.int64)
    for pairs in np.split(order, starts[1:]):
        if len(pairs) < 2:
            continue
        odds: dict[int, float] = {}
        for at in pairs.tolist():
            weight = min(max(int(total[at]), -_LIMIT_MBITS), _LIMIT_MBITS)
            odds[int(people[at])] = max(odds.get(int(people[at]), 0.0), 2.0 ** (weight / 1000))
        for at in pairs.tolist():
            others = sum(value for person, value in sorted(odds.items()) if person != int(people[at]))
            taken[at] = -mbits(1 + others, 1.0)
    return taken
