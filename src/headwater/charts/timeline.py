"""What an account did and when, in three lanes: its acts, its money, its media by hash. Every event is in one bin.

Positions are whole numbers made of whole microseconds, so that the same events give the same drawing everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater.charts.calendar import UNITS, span_edges

__all__ = ["GAP_DAYS", "LANES", "Bin", "Gap", "Span", "Timeline", "laid_out_timeline"]

Instants = np.ndarray[tuple[int], np.dtype[np.int64]]

LANES: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("registration", "login", "identifier", "last_seen"),
    "money": ("invoice", "payment"),
    "media": ("known", "near", "none", "not_comparable", "benign", "not_compared"),
}
"""The lanes, from above, and the kinds of events in each, in the order in which a bar has them from below."""

GAP_DAYS: Final = 30
"""Whole days without an event that are marked; printed with the chart."""

_MOST_BINS: Final = 40
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Events of one lane in one stretch of time.

    Attributes:
        lane: One of `LANES`.
        begin_us: Its first microsecond since 1970, UTC.
        end_us: The first after it.
        counts: Events of each kind there is one of.
    """

    lane: str
    begin_us: int
    end_us: int
    counts: Mapping[str, int]

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without any event.

    Attributes:
        begin_us: The last event before it.
        end_us: The first after it.
    """

    begin_us: int
    end_us: int

    @property
    def days(self) -> int:
        """Whole days of it."""
        return (self.end_us - self.begin_us) // _DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Things of which only the first and the last time are kept, such as messages.

    Attributes:
        begin_us: The first.
        end_us: The last.
        events: How many.
        words: What they are.
    """

    begin_us: int
    end_us: int
    events: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Events in bins, and what is between them.

    Attributes:
        begin_us: Where the chart begins.
        end_us: Where it ends.
        unit: What one bin is: a unit of the calendar in UTC.
        edges_us: The edges of bins; one more than there are.
        bins: Those that hold an event, lane by lane, in order of time.
        gaps: Times of at least `GAP_DAYS` days without an event of any lane, inside of the chart.
        spans: What has no single times.
        undated: Events without a time, of each lane and kind there is one of.
        before: Events before the chart begins.
        after: Events after it ends.
        events: All of them: those in bins, undated, before and after.
    """

    begin_us: int
    end_us: int
    unit: str
    edges_us: tuple[int, ...]
    bins: tuple[Bin, ...]
    gaps: tuple[Gap, ...]
    spans: tuple[Span, ...]
    undated: Mapping[str, Mapping[str, int]]
    before: int
    after: int
    events: int

    def of_lane(self, lane: str) -> dict[str, int]:
        """Events of each kind of a lane in the chart's bins."""
        kinds: dict[str, int] = {}
        for one in self.bins:
            if one.lane == lane:
                for kind, count in one.counts.items():
                    kinds[kind] = kinds.get(kind, 0) + count
        return {kind: kinds[kind] for kind in LANES[lane] if kind in kinds}


def laid_out_timeline(
    dated: Mapping[tuple[str, str], Instants],
    *,
    undated: Mapping[tuple[str, str], int] | None = None,
    spans: Sequence[Span] = (),
    window_us: tuple[int, int] | None = None,
) -> Timeline:
    """The events in bins of the smallest unit that needs no more than 40 of them.

    Args:
        dated: By lane and kind, microseconds since 1970, UTC, in any order.
        undated: By lane and kind, how many have no time.
        spans: What has no single times.
        window_us: First microsecond and the one after the last; None for all there is.
    """
    everything = np.sort(np.concatenate([np.zeros(0, np.int64), *dated.values()]))
    without = {key: count for key, count in sorted((undated or {}).items()) if count}
    begin_us, end_us = _whole(everything, spans) if window_us is None else window_us
    inside = everything[(everything >= begin_us) & (everything < end_us)]
    unit, edges = _binned(begin_us, end_us)
    bins = []
    for lane, kinds in LANES.items():
        counts = {
            kind: np.histogram(_within(dated[lane, kind], begin_us, end_us), edges)[0]
            for kind in kinds
            if (lane, kind) in dated
        }
        for place in range(len(edges) - 1):
            found = {kind: int(of_kind[place]) for kind, of_kind in counts.items() if of_kind[place]}
            if found:
                bins.append(Bin(lane=lane, begin_us=int(edges[place]), end_us=int(edges[place + 1]), counts=found))
    per_lane: dict[str, dict[str, int]] = {}
    for (lane, kind), count in without.items():
        per_lane.setdefault(lane, {})[kind] = count
    return Timeline(
        begin_us=begin_us,
        end_us=end_us,
        unit=unit,
        edges_us=tuple(int(edge) for edge in edges),
        bins=tuple(bins),
        gaps=tuple(_gaps(inside)),
        spans=tuple(spans),
        undated=per_lane,
        before=int((everything < begin_us).sum()),
        after=int((everything >= end_us).sum()),
        events=len(everything) + sum(without.values()),
    )


def _within(instants: Instants, begin_us: int, end_us: int) -> Instants:
    kept: Instants = instants[(instants >= begin_us) & (instants < end_us)]
    return kept


def _whole(everything: Instants, spans: Sequence[Span]) -> tuple[int, int]:
    ends = [int(everything[0]), int(everything[-1])] if len(everything) else []
    ends += [edge for span in spans for edge in (span.begin_us, span.end_us)]
    return (min(ends), max(ends) + 1) if ends else (0, 0)


def _binned(begin_us: int, end_us: int) -> tuple[str, Instants]:
    """The unit and the edges, whole units in UTC; the outer two are cut to the chart."""
    if begin_us >= end_us:
        return UNITS[0], np.array([begin_us, max(end_us, begin_us)], np.int64)
    for unit in UNITS:
        edges = span_edges(begin_us, end_us, unit, most=_MOST_BINS)
        if edges is not None:
            break
    else:  # the largest takes whatever there is
        edges = span_edges(begin_us, end_us, UNITS[-1], most=None)
    assert edges is not None
    return unit, np.array(edges, np.int64)


def _gaps(instants: Instants) -> Iterator[Gap]:
    apart = np.diff(instants)
    for place in np.flatnonzero(apart >= GAP_DAYS * _DAY_US).tolist():
        yield Gap(begin_us=int(instants[place]), end_us=int(instants[place + 1]))
