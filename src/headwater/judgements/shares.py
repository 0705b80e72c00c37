"""A share of what was counted, with the bounds that so few may leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["Share", "share_of"]

_Z: Final = 1.959964  # source: the normal distribution, two-sided 95 %
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share in parts per million, and bounds that hold the true share in 19 of 20 samples; None of nothing.

    Attributes:
        ppm: The share.
        least_ppm: Lower bound.
        most_ppm: Upper bound.
    """

    ppm: int | None = None
    least_ppm: int | None = None
    most_ppm: int | None = None


def share_of(part: int, whole: int) -> Share:
    """The share that a part is of a whole, with its interval.

    Example:
        >>> share_of(9, 10)
        Share(ppm=900000, least_ppm=595850, most_ppm=982124)
        >>> share_of(0, 0).ppm is None
        True

    References:
        Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference: the interval.
    """
    if not whole:
        return Share()
    share, spread = part / whole, _Z * _Z / whole
    middle = (share + spread / 2) / (1 + spread)
    reach = _Z / (1 + spread) * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    ppm, least, most = (
        round(_MILLION * value) for value in (share, max(0.0, middle - reach), min(1.0, middle + reach))
    )
    return Share(ppm=ppm, least_ppm=least, most_ppm=most)
