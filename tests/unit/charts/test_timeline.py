"""The timeline: every event in one bin, whole numbers, gaps marked, the same on both clocks."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.charts import (
    GAP_DAYS,
    LANES,
    Span,
    drawing_svg,
    instant_of,
    laid_out_timeline,
    microseconds_of,
    timeline_drawing,
)
from headwater.leads import TIMELINE_WORDS

DAY_US = 86_400_000_000
FIRST, LAST = (microseconds_of(dt.datetime(year, 1, 1, tzinfo=dt.UTC)) for year in (1, 9999))
KEYS = [(lane, kind) for lane, kinds in LANES.items() for kind in kinds]
events = st.dictionaries(st.sampled_from(KEYS), st.lists(st.integers(FIRST, LAST), max_size=20), max_size=6)
zones = st.sampled_from([None, ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns")])


def arrays(found: dict[tuple[str, str], list[int]]) -> dict[tuple[str, str], np.ndarray]:
    return {key: np.array(times, np.int64) for key, times in found.items()}


@given(events, st.dictionaries(st.sampled_from(KEYS), st.integers(1, 9), max_size=3), zones)
def test_every_event_is_in_one_bin_or_has_no_time(found, undated, zone) -> None:
    told = laid_out_timeline(arrays(found), undated=undated)
    in_bins = sum(one.events for one in told.bins)
    assert in_bins == sum(map(len, found.values()))
    assert told.events == in_bins + sum(undated.values())
    assert told.before == told.after == 0
    assert list(told.edges_us) == sorted(told.edges_us)
    for one in told.bins:
        mine = [at for (lane, _), times in found.items() for at in times if lane == one.lane]
        assert sum(one.begin_us <= at < one.end_us for at in mine) == one.events
    ET.fromstring(drawing_svg(timeline_drawing(told, TIMELINE_WORDS, zone)))


@given(events, st.randoms())
def test_the_order_of_events_changes_nothing(found, random) -> None:
    mixed = {key: random.sample(times, len(times)) for key, times in found.items()}
    assert laid_out_timeline(arrays(mixed)) == laid_out_timeline(arrays(found))


@given(events, st.integers(FIRST, LAST), st.integers(1, 400))
def test_what_lies_outside_of_a_window_is_counted(found, begin, days) -> None:
    told = laid_out_timeline(arrays(found), window_us=(begin, min(LAST + 1, begin + days * DAY_US)))
    assert sum(one.events for one in told.bins) + told.before + told.after == told.events


def test_a_time_without_events_is_a_gap_and_a_shorter_one_is_none() -> None:
    times = [0, (GAP_DAYS - 1) * DAY_US, (2 * GAP_DAYS - 1) * DAY_US]
    told = laid_out_timeline(arrays({("account", "login"): times[:2], ("money", "payment"): times[2:]}))
    assert [(gap.begin_us, gap.end_us, gap.days) for gap in told.gaps] == [(times[1], times[2], GAP_DAYS)]


@pytest.mark.parametrize(
    ("days", "unit"), [(1, "hour"), (9, "six_hours"), (39, "day"), (200, "week"), (900, "month"), (9000, "year")]
)
def test_the_unit_is_the_smallest_that_fits(days: int, unit: str) -> None:
    told = laid_out_timeline(arrays({("account", "login"): [0, days * DAY_US]}))
    assert told.unit == unit
    assert len(told.edges_us) <= 42


def test_local_midnights_stand_where_the_clocks_of_the_zone_show_them() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin = microseconds_of(dt.datetime(2026, 3, 27, tzinfo=dt.UTC))  # clocks are put forward on the 29th
    told = laid_out_timeline(arrays({("account", "login"): [begin, begin + 12 * DAY_US]}))
    drawing = timeline_drawing(told, TIMELINE_WORDS, berlin)
    texts = [shape.text for shape in drawing.shapes if shape.kind == "text"]
    assert "Local: Europe/Berlin" in texts
    assert "2026-03-29" in texts
    from headwater.charts.calendar import span_edges

    edges = span_edges(begin, begin + 4 * DAY_US, "day", most=None, zone=berlin)
    assert edges is not None
    assert [instant_of(edge).hour for edge in edges[1:-1]] == [23, 23, 22, 22]


def test_a_bar_says_how_many_and_what_of_each_kind_and_leads_to_its_rows() -> None:
    told = laid_out_timeline(arrays({("media", "known"): [0, 1], ("media", "none"): [2]}))
    drawing = timeline_drawing(told, TIMELINE_WORDS, None)
    bars = [shape for shape in drawing.shapes if shape.place]
    assert {bar.name for bar in bars} == {"t-bar t-known", "t-bar t-none"}
    assert all("known 2, in no list 1" in bar.text for bar in bars)
    linked = drawing_svg(drawing, address=lambda place: f"/there/{place}")
    assert linked.count('href="/there/media:0:3"') == 2
    assert "href" not in drawing_svg(drawing)


def test_messages_are_a_line_and_no_event() -> None:
    told = laid_out_timeline({}, spans=[Span(begin_us=0, end_us=DAY_US, events=7, words="7 messages")])
    assert told.events == 0
    assert any(
        s.name == "t-span" and s.text == "7 messages" for s in timeline_drawing(told, TIMELINE_WORDS, None).shapes
    )


def test_without_a_zone_it_says_so() -> None:
    drawing = timeline_drawing(laid_out_timeline({}), TIMELINE_WORDS, None)
    assert TIMELINE_WORDS["no_zone"] in [shape.text for shape in drawing.shapes]
