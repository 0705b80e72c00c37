"""The shapes of countries as paths of whole numbers, and a map of how many leads each is proposed to lead.

Shapes come from the atlas beside this program (its licence and digest are in VENDORED.md). Places are computed in whole
numbers: plate carrée with true lengths at 40 degrees, so that the map is the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from headwater.charts import Drawing, Shape

__all__ = ["BOUNDS", "country_map", "country_paths", "shade_of", "shades"]

_HERE: Final = Path(__file__).parent
_ATLAS: Final = _HERE / "static" / "vendor" / "countries-110m.json"
_NUMBERS: Final = _HERE / "country_numbers.txt"

_WIDTH: Final = 1440
_NORTH: Final = 84
_SOUTH: Final = -57  # below lies Antarctica, which the table has
# Lengths are true where the cosine is 0.766: at 40 degrees.
_COSINE_MILLI: Final = 766
_E10: Final = 10**10
_HEIGHT: Final = _WIDTH * (_NORTH - _SOUTH) * 1000 // (360 * _COSINE_MILLI)

BOUNDS: Final = (1, 3, 10, 30, 100)
"""The least number of leads of each shade; below the first there is none."""

_SHADES: Final = ("#dfe5e8", "#b7d3e0", "#7fb2cc", "#4688ab", "#1f6187", "#0d3c58")


@cache
def country_paths() -> Mapping[str, str]:
    """For each country with a shape, by ISO 3166-1 alpha-2, where its outline goes, in the map's units.

    References:
        The TopoJSON format specification, version 1: quantised arcs, each shared by the countries on both sides.
    """
    atlas = json.loads(_ATLAS.read_text(encoding="utf-8"))
    scale = [round(part * _E10) for part in atlas["transform"]["scale"]]
    begin = [round(part * _E10) for part in atlas["transform"]["translate"]]
    arcs = [_placed(arc, scale, begin) for arc in atlas["arcs"]]
    codes = _codes()
    found = {}
    for shape in atlas["objects"]["countries"]["geometries"]:
        code = codes.get(shape.get("id", ""))
        if code is None:
            continue  # a shape that ISO 3166-1 has no number for; its leads, if any, stand in the table
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        path = "".join(_outline(ring, arcs) for polygon in polygons for ring in polygon)
        if path:
            found[code] = path
    return found


@cache
def _codes() -> Mapping[str, str]:
    lines = _NUMBERS.read_text(encoding="utf-8").splitlines()
    return {number: code for code, number in (line.split() for line in lines if not line.startswith("#"))}


def _placed(arc: Sequence[Sequence[int]], scale: Sequence[int], begin: Sequence[int]) -> list[tuple[int, int]]:
    """The points of an arc, of which each says how far it is from the one before, in the map's units."""
    points, x, y = [], 0, 0
    for right, up in arc:
        x, y = x + right, y + up
        east = x * scale[0] + begin[0] + 180 * _E10
        south = _NORTH * _E10 - (y * scale[1] + begin[1])
        points.append((east * _WIDTH // (360 * _E10), south * _WIDTH * 1000 // (360 * _COSINE_MILLI * _E10)))
    return points


def _outline(ring: Sequence[int], arcs: Sequence[list[tuple[int, int]]]) -> str:
    points: list[tuple[int, int]] = []
    for number in ring:
        # A negative number is the complement of that of an arc that goes the other way.
        part = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += [point for point in part if not points or point != points[-1]]
    if len(set(points)) < 3 or all(y > _HEIGHT for _, y in points):
        return ""
    whole = _unwound(points)
    # A land on both sides of the 180th meridian is drawn on each; what lies outside of the sheet is not seen.
    west, east = min(x for x, _ in whole), max(x for x, _ in whole)
    shifts = [0, *([_WIDTH] if west < 0 else []), *([-_WIDTH] if east > _WIDTH else [])]
    return "".join(_steps([(x + shift, y) for x, y in whole]) for shift in shifts)


def _unwound(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The points with no step of more than half the world: whoever leaves the map on one side goes on there."""
    found, shift = [points[0]], 0
    for (before, _), (x, y) in pairwise(points):
        if abs(x - before) > _WIDTH // 2:
            shift += _WIDTH if x < before else -_WIDTH
        found.append((x + shift, y))
    return found


def _steps(points: Sequence[tuple[int, int]]) -> str:
    steps = " ".join(f"{x - at_x} {y - at_y}" for (at_x, at_y), (x, y) in pairwise(points))
    return f"M{points[0][0]} {points[0][1]}l{steps}z"


def shade_of(count: int) -> int:
    """Which shade a number of leads has; 0 for none."""
    return sum(count >= bound for bound in BOUNDS)


def country_map(
    counts: Mapping[str, int], *, title: str, about: str, words: Mapping[str, str]
) -> tuple[Drawing, list[str]]:  # fmt: skip
    """The map, and the countries with leads that have no shape in it.

    Args:
        counts: Leads by country.
        title: What the map is of.
        about: In a sentence, for who does not see it.
        words: What a country is called, by its code.
    """
    paths = country_paths()
    shapes = [Shape(kind="rect", width=_WIDTH, height=_HEIGHT, name="m-sea", fill="#f5f6f4")]
    for code in sorted(paths, key=lambda code: (counts.get(code, 0) > 0, code)):
        count = counts.get(code, 0)
        shapes.append(
            Shape(
                kind="path",
                path=paths[code],
                name=f"m-{shade_of(count)}",
                fill=_SHADES[shade_of(count)],
                stroke="#ffffff",
                text=f"{words.get(code, code)}: {count}" if count else "",
                place=code if count else "",
            )
        )
    missing = sorted(code for code, count in counts.items() if count and code not in paths)
    return Drawing(width=_WIDTH, height=_HEIGHT, title=title, about=about, shapes=tuple(shapes)), missing


def shades() -> list[dict[str, Any]]:
    """The shades with the least and the most number of leads of each; the last has no most."""
    ends = [*(bound - 1 for bound in BOUNDS[1:]), None]
    return [
        {"name": n, "least": least, "most": most} for n, (least, most) in enumerate(zip(BOUNDS, ends, strict=True), 1)
    ]
