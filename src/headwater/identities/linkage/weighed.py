"""Pairs with their weights, in whole thousandths of a bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["I32", "I64", "SUMS", "UNSAID", "Priors", "WeighedPairs", "joined", "mbits", "shared_again"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
SUMS = ("names_exchanged", "moved", "shared_by_household", "rivals")
"""What a pair's weight has besides its comparisons: names in each other's place, an address that changed counted once,
what a household shares counted once, and a better candidate of the same row."""
UNSAID = -1_000_000
"""Stands where the model says nothing of members of a household: they are as strangers are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """What is expected of a pair before anything is compared.

    Attributes:
        same_mbits: log2 of the odds that its rows are of one person.
        household_mbits: log2 of the odds that they are of two members of one household.
        moved_ppm: Share of one person's pairs of rows that are of different addresses.
    """

    same_mbits: int
    household_mbits: int
    moved_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedPairs:
    """Pairs with all that was found of them.

    Attributes:
        pairs: Left and right row of each.
        levels: For each comparison its level; -1 where it could not be made.
        weights_mbits: For each comparison, and each of SUMS, what it adds.
        total_mbits: The weight, with the prior.
    """

    pairs: I32
    levels: I32
    weights_mbits: I32
    total_mbits: I64

    def chosen(self, keep: npt.NDArray[np.bool_] | I64) -> WeighedPairs:
        """These of them."""
        return WeighedPairs(
            pairs=self.pairs[keep], levels=self.levels[keep], weights_mbits=self.weights_mbits[keep],
            total_mbits=self.total_mbits[keep],
        )  # fmt: skip


def joined(parts: Sequence[WeighedPairs]) -> WeighedPairs:
    """Parts after each other."""
    return WeighedPairs(
        pairs=np.concatenate([p.pairs for p in parts]),
        levels=np.concatenate([p.levels for p in parts]),
        weights_mbits=np.concatenate([p.weights_mbits for p in parts]),
        total_mbits=np.concatenate([p.total_mbits for p in parts]),
    )


def mbits(numerator: float, denominator: float) -> int:
    """log2 of the ratio, in thousandths of a bit, rounded at once so that no order of sums shows."""
    return round(1000 * math.log2(numerator / denominator))


def shared_again(shared_mbits: npt.NDArray[np.signedinteger], more_mbits: npt.NDArray[np.signedinteger]) -> I64:
    """What a household takes from pairs, once more is known of them that its members share.

    Args:
        shared_mbits: What it takes so far: -log2(1 + odds of a household), 0 or less.
        more_mbits: By how much these odds grow, as log2.
    """
    both = np.stack([shared_mbits.astype(np.int64), more_mbits.astype(np.int64)], axis=1)
    seen, inverse = np.unique(both, axis=0, return_inverse=True)
    each = np.array([_shared(int(shared), int(more)) for shared, more in seen], np.int64)
    return each[inverse.reshape(-1)] if len(seen) else np.zeros(0, np.int64)


def _shared(shared_mbits: int, more_mbits: int) -> int:
    odds = 2.0 ** (-shared_mbits / 1000) - 1
    return -mbits(1 + odds * 2.0 ** (more_mbits / 1000), 1.0)
