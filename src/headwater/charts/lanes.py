"""The three lanes of a timeline drawn between a scale in UTC and one in local time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from headwater.charts.calendar import instant_of, span_edges, tick_label
from headwater.charts.labels import text_width
from headwater.charts.shapes import Drawing, Shape
from headwater.charts.timeline import LANES, Bin, Timeline

__all__ = ["timeline_drawing"]

_WIDTH: Final = 1200
_LEFT, _RIGHT = 212, 1184
_TOP: Final = 44
_LANE: Final = 132
_BARS: Final = 78
_SIZE: Final = 13
_SMALL: Final = 12

# source: Okabe and Ito, "Color Universal Design" (2008): told apart with every common colour vision, and as greys.
_COLOURS: Final = {
    "registration": "#000000",
    "login": "#0072b2",
    "identifier": "#56b4e9",
    "last_seen": "#5b6875",
    "invoice": "#999999",
    "payment": "#009e73",
    "known": "#d55e00",
    "near": "#e69f00",
    "none": "#0072b2",
    "not_comparable": "#cc79a7",
    "benign": "#009e73",
    "not_compared": "#999999",
}
_INK, _SOFT, _LINE, _BAND = "#1b2733", "#5b6875", "#c9d1d8", "#eef2f5"


def timeline_drawing(timeline: Timeline, words: Mapping[str, str], zone: ZoneInfo | None) -> Drawing:
    """The three lanes between two scales: above in UTC, below in local time.

    Args:
        timeline: What is in it.
        words: For `title`, each lane, each kind, each unit, `gap`, `utc` and `local`, what it is called.
        zone: The zone of the lower scale; None where none is known.
    """
    bottom = _TOP + _LANE * len(LANES)
    shapes = [*_ground(timeline, words, bottom), *_scale(timeline, None, words["utc"], _TOP, up=True)]
    if zone is None:
        shapes.append(_said(words["no_zone"], _LEFT, bottom + 26, "t-soft", _SOFT))
    else:
        shapes += _scale(timeline, zone, f"{words['local']} {zone.key}", bottom, up=False)
    for number, lane in enumerate(LANES):
        shapes += _lane(timeline, lane, words, _TOP + _LANE * number)
    return Drawing(
        width=_WIDTH, height=bottom + 40, title=words["title"], about=_about(timeline, words), shapes=tuple(shapes)
    )


def _about(timeline: Timeline, words: Mapping[str, str]) -> str:
    parts = [
        f"{words[lane]}: " + (", ".join(f"{words[kind]} {n}" for kind, n in timeline.of_lane(lane).items()) or "0")
        for lane in LANES
    ]
    return "; ".join([*parts, f"{words['gap']}: {len(timeline.gaps)}"])


def _x(timeline: Timeline, at_us: int) -> int:
    length = max(1, timeline.end_us - timeline.begin_us)
    return _LEFT + (_RIGHT - _LEFT) * (at_us - timeline.begin_us) // length


def _ground(timeline: Timeline, words: Mapping[str, str], bottom: int) -> Iterator[Shape]:
    yield Shape(
        kind="rect", x=_LEFT, y=_TOP, width=_RIGHT - _LEFT, height=bottom - _TOP, name="t-ground", fill="#ffffff"
    )
    for gap in timeline.gaps:
        x, to_x = _x(timeline, gap.begin_us), _x(timeline, gap.end_us)
        said = f"{words['gap']}: {gap.days} {words['days']}"
        yield Shape(
            kind="rect", x=x, y=_TOP, width=max(1, to_x - x), height=bottom - _TOP, name="t-gap", fill=_BAND, text=said
        )
        short = f"{gap.days} d"
        if text_width(short, _SMALL) + 6 < to_x - x:
            yield _said(short, (x + to_x) // 2, _TOP + 12, "t-soft", _SOFT, size=_SMALL, anchor="middle")
    for number in range(len(LANES) + 1):
        yield Shape(
            kind="line", x=0, y=_TOP + _LANE * number, width=_RIGHT, name="t-rule", stroke=_LINE
        )  # fmt: skip


def _scale(timeline: Timeline, zone: ZoneInfo | None, title: str, y: int, *, up: bool) -> Iterator[Shape]:
    """Ticks at the beginnings of units on that clock, and as many labels as there is room for."""
    yield _said(title, 0, y - 8 if up else y + 18, "t-soft", _SOFT)
    if timeline.begin_us >= timeline.end_us:
        return
    edges = span_edges(timeline.begin_us, timeline.end_us, timeline.unit, most=None, zone=zone)
    assert edges is not None
    free = 0
    for edge in edges[:-1]:
        x = _x(timeline, edge)
        label = tick_label(edge, timeline.unit, zone)
        wide = text_width(label, _SMALL)
        labelled = x >= free and x + wide <= _WIDTH
        long = 8 if labelled else 4
        yield Shape(kind="line", x=x, y=y - long if up else y, height=long, name="t-tick", stroke=_SOFT)
        if labelled:
            yield _said(label, x, y - 12 if up else y + 18, "t-ink", _INK, size=_SMALL)
            free = x + wide + 12


def _lane(timeline: Timeline, lane: str, words: Mapping[str, str], top: int) -> Iterator[Shape]:
    totals = timeline.of_lane(lane)
    yield _said(f"{words[lane]} {sum(totals.values())}", 0, top + 18, "t-ink t-lane", _INK, size=_SIZE + 1)
    missing = timeline.undated.get(lane, {})
    lines = [(kind, f"{words[kind]} {count}") for kind, count in totals.items()]
    if missing:
        lines.append(("t-soft", f"{words['undated']} {sum(missing.values())}"))
    for row, (kind, line) in enumerate(lines):
        y = top + 36 + 15 * row
        if kind in _COLOURS:
            yield Shape(kind="rect", x=0, y=y - 8, width=9, height=9, name=f"t-{kind}", fill=_COLOURS[kind])
        yield _said(line, 14, y, "t-soft", _SOFT, size=_SMALL)
    floor = top + _LANE - 10
    if lane == "account":
        yield from _span_lines(timeline, floor + 5)
    mine = [one for one in timeline.bins if one.lane == lane]
    most = max((one.events for one in mine), default=1)
    for one in mine:
        yield from _bar(timeline, one, words, floor, most)


def _bar(timeline: Timeline, one: Bin, words: Mapping[str, str], floor: int, most: int) -> Iterator[Shape]:
    x, to_x = _x(timeline, one.begin_us), _x(timeline, one.end_us)
    width = max(2, to_x - x - 2)
    tall = max(3, _BARS * one.events // most)
    told = ", ".join(f"{words[kind]} {count}" for kind, count in one.counts.items())
    said = f"{instant_of(one.begin_us):%Y-%m-%d %H:%M} UTC, {words[timeline.unit]}: {told}"
    place = f"{one.lane}:{one.begin_us}:{one.end_us}"
    passed = 0
    for kind in LANES[one.lane]:
        if kind not in one.counts:
            continue
        before, passed = passed, passed + one.counts[kind]
        low, high = tall * before // one.events, tall * passed // one.events
        # A part too thin to be seen is a line, so that no kind is missing from its bar.
        yield Shape(
            kind="rect", x=x + 1, y=floor - max(high, low + 1), width=width, height=max(1, high - low),
            name=f"t-bar t-{kind}", fill=_COLOURS[kind], text=said, place=place,
        )  # fmt: skip
    count = str(one.events)
    middle = x + 1 + width // 2
    if text_width(count, _SMALL) <= max(width + 2, 8):
        yield _said(count, middle, floor - tall - 4, "t-ink", _INK, size=_SMALL, anchor="middle")
    else:
        yield Shape(
            kind="text", x=middle + 4, y=floor - tall - 4, name="t-ink", fill=_INK, text=count, size=_SMALL,
            upright=True,
        )  # fmt: skip


def _span_lines(timeline: Timeline, y: int) -> Iterator[Shape]:
    for span in timeline.spans:
        x = max(_LEFT, _x(timeline, span.begin_us))
        to_x = min(_RIGHT, _x(timeline, span.end_us))
        if x <= to_x:
            yield Shape(
                kind="rect", x=x, y=y, width=max(2, to_x - x), height=3, name="t-span", fill=_SOFT, text=span.words
            )


def _said(
    text: str, x: int, y: int, name: str, fill: str, *, size: int = _SIZE, anchor: str = "start"
) -> Shape:  # fmt: skip
    return Shape(kind="text", x=x, y=y, name=name, fill=fill, text=text, size=size, anchor=anchor)
