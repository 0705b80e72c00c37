"""How near is how near: the tiers of a match and what each one makes of an item."""

from __future__ import annotations

__all__ = [
    "MAX_DISTANCE_BITS",
    "MIN_QUALITY",
    "NEAR_TIERS",
    "TIERS",
    "VERDICT_GROUPS",
    "near_tier",
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


def victim_rank(victim_identified: str | None) -> int:
    """Where a match stands among equals: a victim who is not identified comes first, an identified one last."""
    return _VICTIM_ORDER.get(victim_identified or "unknown", 1)
