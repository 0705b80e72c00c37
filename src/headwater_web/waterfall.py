"""The weights of a link as a drawing: from the prior, bar by bar, to the sum that is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Bar", "Waterfall", "waterfall_of"]

_LABEL: Final = 190
_WIDE: Final = 560
_NUMBER: Final = 90
_ROW: Final = 26
_LEAST_WIDE: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step of the drawing, in units of its own width.

    Attributes:
        name: The field, `prior` or `sum`.
        kind: for, against or sum.
        left: Where it begins.
        top: From the top.
        wide: How wide it is.
        weight_mbits: Its weight; of the last, the sum.
        sum_mbits: The sum after it.
    """

    name: str
    kind: str
    left: float
    top: int
    wide: float
    weight_mbits: int
    sum_mbits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The drawing.

    Attributes:
        bars: From top to bottom; the last is the sum.
        zero: Where no bits are, from the left.
        width: Of the whole.
        height: Of the whole.
        row: Height of one row.
        label: Where the drawing begins, right of the names.
        number: Where the numbers end.
    """

    bars: tuple[Bar, ...]
    zero: float
    width: int
    height: int
    row: int
    label: int
    number: int


def waterfall_of(comparisons: Sequence[Mapping[str, Any]], total_mbits: int) -> Waterfall:
    """The drawing of a link's comparisons, each with its weight and the sum after it.

    Args:
        comparisons: As the queue gives them.
        total_mbits: The weight of the link; the last sum is the same, or the drawing would be of another link.

    Raises:
        ValueError: The weights do not add up to it.
    """
    if sum(bar["weight_mbits"] for bar in comparisons) != total_mbits:
        raise ValueError("the weights do not add up")
    sums = [0, *(bar["sum_mbits"] for bar in comparisons)]
    least, most = min(sums), max(sums)
    scale = _WIDE / max(1, most - least)

    def at(mbits: int) -> float:
        return float(round(_LABEL + (mbits - least) * scale, 2))

    steps = [(str(bar["field"]), sums[place], sums[place + 1]) for place, bar in enumerate(comparisons)]
    bars = [
        Bar(
            name=name,
            kind="sum" if place == len(steps) else "for" if after >= before else "against",
            left=at(min(before, after)),
            top=place * _ROW,
            wide=max(_LEAST_WIDE, round(abs(after - before) * scale, 2)),
            weight_mbits=after - before,
            sum_mbits=after,
        )
        for place, (name, before, after) in enumerate([*steps, ("sum", 0, total_mbits)])
    ]
    return Waterfall(
        bars=tuple(bars),
        zero=at(0),
        width=_LABEL + _WIDE + _NUMBER,
        height=len(bars) * _ROW,
        row=_ROW,
        label=_LABEL - 12,
        number=_LABEL + _WIDE + _NUMBER - 4,
    )
