"""How near is how near: the tiers of a match and what each one makes of an item."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "MAX_DISTANCE_BITS",
    "MIN_QUALITY",
    "NEAR_TIERS",
    "TIERS",
    "TIER_LIMITS_BITS",
    "VERDICT_GROUPS",
    "near_tier",
    "tier_places",
    "victim_rank",
]

TIERS = ("exact", "strong", "probable", "possible")
"""From the strongest. Every tier but the first is a perceptual distance."""

NEAR_TIERS = TIERS[1:]

MAX_DISTANCE_BITS = 31
"""Largest distance called near.

The publishers of PDQ match at 31 of 256 bits. Independent bits would lie 128 apart with a standard deviation of 8, so
chance does not bring two pictures this near; a likeness of composition, such as one title on another ground, can.
"""

MIN_QUALITY = 50
"""Lowest quality at which distances mean anything: under it there is hardly a gradient, and noise sets the bits."""

_STRONG_BITS, _STRONG_QUALITY = 10, 80
_PROBABLE_BITS = 21
TIER_LIMITS_BITS = (("strong", _STRONG_BITS), ("probable", _PROBABLE_BITS), ("possible", MAX_DISTANCE_BITS))
"""Of each tier of a distance, the largest distance that is of it."""

_QUALITIES = 101

VERDICT_GROUPS = ("known", "near", "none", "not_comparable", "benign")
"""In the order in which one item speaks for its cluster."""

_VICTIM_ORDER = {"no": 0, "unknown": 1, "yes": 2}


def near_tier(distance_bits: int, quality: int) -> str | None:
    """The tier of a perceptual distance, or None if it is no match.

    Args:
        distance_bits: Between the item's hash and the listed one.
        quality: Of the item's hash, 0 to 100; lists rarely state that of theirs.

    Example:
        >>> near_tier(10, 80), near_tier(10, 79), near_tier(22, 100), near_tier(32, 100), near_tier(0, 49)
        ('strong', 'probable', 'possible', None, None)
    """
    if quality < MIN_QUALITY or distance_bits > MAX_DISTANCE_BITS:
        return None
    if distance_bits <= _STRONG_BITS and quality >= _STRONG_QUALITY:
        return "strong"
    return "probable" if distance_bits <= _PROBABLE_BITS else "possible"


def tier_places(distance_bits: npt.NDArray[np.int64], quality: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place in `TIERS` of the tier of each distance; every one is within the limits of a match.

    Example:
        >>> tier_places(np.array([10, 31]), np.array([80, 50])).tolist()
        [1, 3]
    """
    both, places = np.unique(distance_bits * _QUALITIES + quality, return_inverse=True)
    told = [TIERS.index(str(near_tier(*divmod(one, _QUALITIES)))) for one in both.tolist()]
    return np.array(told, np.int64)[places] if told else np.empty(0, np.int64)


def victim_rank(victim_identified: str | None) -> int:
    """Where a match stands among equals: a victim who is not identified comes first, an identified one last."""
    return _VICTIM_ORDER.get(victim_identified or "unknown", 1)
