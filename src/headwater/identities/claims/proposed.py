"""Which links are proposed: the most probable ones, as far as enough of them are expected to be right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.links import probabilities
from headwater.identities.linkage.weighed import I64

__all__ = ["Expected", "expected", "probabilities_ppm", "proposed"]

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of some links.

    Attributes:
        links: How many.
        precision_ppm: Share of them that is expected to be right: their mean probability; None of none.
        wrong: How many are expected to be wrong, to the nearest one.
    """

    links: int
    precision_ppm: int | None
    wrong: int


def probabilities_ppm(total_mbits: I64) -> I64:
    """The probability of each weight, in parts per million."""
    return np.rint(probabilities(total_mbits) * _MILLION).astype(np.int64)


def expected(ppm: I64) -> Expected:
    """What is expected of links with these probabilities."""
    count, total = len(ppm), int(ppm.sum())
    return Expected(
        links=count,
        precision_ppm=total // count if count else None,
        wrong=(count * _MILLION - total + _MILLION // 2) // _MILLION,
    )


def proposed(ppm: I64, least_precision_ppm: int) -> npt.NDArray[np.bool_]:
    """The most probable links, such that their expected precision is at least this; equally probable ones all or none.

    A link that is more likely wrong than right is never proposed.
    """
    if not len(ppm):
        return np.zeros(0, np.bool_)
    order = np.sort(ppm)[::-1]
    enough = np.cumsum(order) >= least_precision_ppm * np.arange(1, len(order) + 1, dtype=np.int64)
    # Means fall from the first to the last, so that one line parts what is enough from what is not.
    ends = np.r_[order[1:] != order[:-1], True]
    lines = order[enough & ends]
    return ppm >= max(int(lines.min()), _MILLION // 2) if len(lines) else np.zeros(len(ppm), np.bool_)
