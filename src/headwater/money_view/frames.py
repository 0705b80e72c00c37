"""What a picture of money is laid out in: a sheet of paper, or the width of a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PAPER", "SCREEN", "Frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a picture is laid out in; whole units throughout.

    Attributes:
        width: Of the whole.
        height: Of the whole.
        top: Above the first bar.
        bottom: Below the last one.
        pitch: Words of an end, and a gap.
        headroom: Above a bar whose words stand over it.
        tallest: The platform's bar, where there is room.
        bar: How wide a bar is.
        columns: Left edges: ends and hops on the left, the platform, hops and ends on the right.
        size: Of the type.
        small: Of what stands below.
        margin: At the sides.
        on_page: Whether a page shows it, which has words and sums of its own around it: no heading, no legend, two
            lines for an end.
    """

    width: int
    height: int
    top: int
    bottom: int
    pitch: int
    headroom: int
    tallest: int
    bar: int
    columns: tuple[int, int, int, int, int]
    size: int
    small: int
    margin: int
    on_page: bool


# Tenths of a millimetre: A4, landscape (ISO 216).
PAPER: Final = Frame(
    width=2970,
    height=2100,
    top=330,
    bottom=1880,
    pitch=46,
    headroom=44,
    tallest=1150,
    bar=30,
    columns=(900, 1190, 1470, 1750, 2040),
    size=26,
    small=22,
    margin=50,
    on_page=False,
)
# Pixels; higher where there are more ends.
SCREEN: Final = Frame(
    width=1120,
    height=470,
    top=16,
    bottom=454,
    pitch=44,
    headroom=20,
    tallest=300,
    bar=12,
    columns=(300, 430, 554, 678, 808),
    size=13,
    small=12,
    margin=2,
    on_page=True,
)
