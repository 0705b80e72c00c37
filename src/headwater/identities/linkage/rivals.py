"""What a better candidate of the same row takes from a pair: twins, namesakes and relatives beside the right one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.weighed import SUMS, WeighedPairs, mbits

__all__ = ["beside_rivals"]

I64 = npt.NDArray[np.int64]
_STRONG_MBITS = 6_640
"""Odds of a hundred to one."""
_LEAST_SHARE = 0.01
_LIMIT_MBITS = 60_000


def beside_rivals(weighed: WeighedPairs) -> WeighedPairs:
    """The pairs of two files, less what their rivals take.

    A person seldom stands twice in one file. How seldom, the strong pairs of these very files tell: of rows with one
    strong partner, the share with a second, at least a hundredth. Where a pair's row has a partner at least as good,
    the pair is that much less likely, as far as that partner is right. In files full of duplicates nothing is taken.
    """
    taken = np.zeros(len(weighed.total_mbits), np.int64)
    for side in (0, 1):
        taken += _taken(weighed.pairs[:, side].astype(np.int64), weighed.total_mbits)
    weights = weighed.weights_mbits.copy()
    weights[:, SUMS.index("rivals") - len(SUMS)] = taken
    return WeighedPairs(
        pairs=weighed.pairs, levels=weighed.levels, weights_mbits=weights, total_mbits=weighed.total_mbits + taken
    )


def _taken(rows: I64, total: I64) -> I64:
    strong = rows[total >= _STRONG_MBITS]
    partners = np.bincount(strong) if len(strong) else np.zeros(1, np.int64)
    once, twice = int(np.count_nonzero(partners)), int(np.count_nonzero(partners > 1))
    second = min(1.0, twice / max(once, 1) + _LEAST_SHARE)
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
