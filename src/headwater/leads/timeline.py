"""A lead's timeline: the events of its account, in the country's clock too, with what is known of the platform's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.charts import (
    GAP_DAYS,
    Drawing,
    Span,
    Timeline,
    clock_time,
    instant_of,
    laid_out_timeline,
    microseconds_of,
    timeline_drawing,
)
from headwater.engine import Session
from headwater.leads.clocks import CLOCK_TABLES, STEADY_S, ClockComparison, clock_comparisons
from headwater.leads.events import account_events, message_spans
from headwater.leads.local_time import LocalTime, local_time_of

__all__ = ["TIMELINE_WORDS", "LeadTimeline", "apart_text", "lead_timelines", "timeline_sentences", "timeline_words"]

TIMELINE_WORDS: Final[Mapping[str, str]] = {
    "title": "Timeline of the account",
    "account": "Account",
    "money": "Money",
    "media": "Media by hash",
    "registration": "registration",
    "login": "login",
    "identifier": "identifier kept",
    "last_seen": "last seen",
    "invoice": "invoice",
    "payment": "payment",
    "known": "known",
    "near": "near a listed one",
    "none": "in no list",
    "not_comparable": "not comparable",
    "benign": "known benign",
    "not_compared": "not compared",
    "gap": "without an event",
    "days": "days",
    "undated": "without a time",
    "utc": "UTC",
    "local": "Local:",
    "no_zone": "No local time: no country of one clock is proposed to lead.",
    "hour": "one hour",
    "six_hours": "six hours",
    "day": "one day",
    "week": "one week",
    "month": "one month",
    "quarter": "one quarter",
    "year": "one year",
    "decade": "one decade",
    "century": "one century",
}
"""What the chart is written with; the workbench has the same in its languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimeline:
    """What one lead's account did and when.

    Attributes:
        lead_id: The lead.
        account_id: Its account.
        events: All events, in order of time, those without one last; columns as `EVENT_COLUMNS`.
        timeline: The same in bins.
        local: The clock beside UTC; None where there is none.
        clocks: What the platform's times were compared with, of the exhibit that the account was read from.
        messages: Messages that the account wrote, table by table; no single time is kept.
    """

    lead_id: str
    account_id: str
    events: pa.Table
    timeline: Timeline
    local: LocalTime | None
    clocks: tuple[ClockComparison, ...]
    messages: tuple[Mapping[str, Any], ...]

    def drawn(self, words: Mapping[str, str] = TIMELINE_WORDS) -> Drawing:
        """The chart."""
        return timeline_drawing(self.timeline, words, None if self.local is None else self.local.zone)


def lead_timelines(
    tables: Session,
    leads: Sequence[Mapping[str, Any]],
    *,
    zone: str | None = None,
    window: tuple[dt.datetime, dt.datetime] | None = None,
) -> list[LeadTimeline]:
    """A timeline for each lead, in their order; all are read at once.

    Args:
        tables: The tables of the case.
        leads: Rows of `leads`.
        zone: A zone that a person asks for; None for that of each lead's country.
        window: The first instant, and the one after the last; None for all of the time.

    Raises:
        InputError: There is no such zone.
    """
    account_ids = [str(lead["account_id"]) for lead in leads]
    events = account_events(tables, account_ids)
    spans = message_spans(tables, account_ids)
    mine = tables.keyed("accounts", "account_id", account_ids, columns=["account_id", "exhibit_id"])
    exhibit_of = {row["account_id"]: row["exhibit_id"] for row in mine.to_pylist()}
    clocks = tables.once("clocks compared", CLOCK_TABLES, lambda: clock_comparisons(tables))
    return [
        _of_lead(
            lead,
            events.filter(pc.equal(events["account_id"], lead["account_id"])),
            [span for span in spans if span["account_id"] == lead["account_id"]],
            tuple(clock for clock in clocks if clock.exhibit_id == exhibit_of.get(lead["account_id"])),
            zone,
            window,
        )
        for lead in leads
    ]


def _of_lead(
    lead: Mapping[str, Any],
    events: pa.Table,
    messages: Sequence[Mapping[str, Any]],
    clocks: tuple[ClockComparison, ...],
    zone: str | None,
    window: tuple[dt.datetime, dt.datetime] | None,
) -> LeadTimeline:
    is_dated = pc.is_valid(events["at_utc"])
    dated, undated = events.filter(is_dated), events.filter(pc.invert(is_dated))
    timeline = laid_out_timeline(
        _by_kind(dated),
        undated={key: len(rows) for key, rows in _by_kind(undated).items()},
        spans=[
            Span(
                begin_us=microseconds_of(row["first_at_utc"]),
                end_us=microseconds_of(row["last_at_utc"]),
                events=row["messages"],
                words=f"{row['messages']} messages",
            )
            for row in messages
            if row["first_at_utc"] is not None and row["last_at_utc"] is not None
        ],
        window_us=None if window is None else (microseconds_of(window[0]), microseconds_of(window[1])),
    )
    ends = [] if timeline.begin_us >= timeline.end_us else [timeline.begin_us, timeline.end_us - 1]
    return LeadTimeline(
        lead_id=str(lead["lead_id"]),
        account_id=str(lead["account_id"]),
        events=events,
        timeline=timeline,
        local=local_time_of(lead, [instant_of(at_us) for at_us in ends], zone),
        clocks=clocks,
        messages=tuple(messages),
    )


def _by_kind(events: pa.Table) -> dict[tuple[str, str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    found: dict[tuple[str, str], list[int]] = {}
    times = pc.fill_null(events["at_utc"].cast(pa.int64()), 0).to_pylist()
    for lane, kind, at_us in zip(events["lane"].to_pylist(), events["kind"].to_pylist(), times, strict=True):
        found.setdefault((lane, kind), []).append(at_us)
    return {key: np.array(times, np.int64) for key, times in found.items()}


def timeline_words(told: LeadTimeline) -> dict[str, Any]:
    """The timeline as values: for a program, and for pages that have words of their own."""
    timeline, local = told.timeline, told.local

    def at(at_us: int) -> dict[str, str]:
        instant = instant_of(at_us)
        return {"utc": _text(instant), "local": "" if local is None else clock_time(instant, local.zone).isoformat()}

    return {
        "lead_id": told.lead_id,
        "account_id": told.account_id,
        "events": timeline.events,
        "in_bins": sum(one.events for one in timeline.bins),
        "undated": sum(count for kinds in timeline.undated.values() for count in kinds.values()),
        "before": timeline.before,
        "after": timeline.after,
        "unit": timeline.unit,
        "zone": None
        if local is None
        else {
            "name": local.zone.key,
            "country": local.country,
            "evidence": list(local.evidence),
            "zones_of_country": local.zones,
            "differ_by_s": local.differ_by_s,
        },
        "bins": [
            {"lane": one.lane, "begin": at(one.begin_us), "end": at(one.end_us), "counts": dict(one.counts)}
            for one in timeline.bins
        ],
        "gaps": [{"begin": at(gap.begin_us), "end": at(gap.end_us), "days": gap.days} for gap in timeline.gaps],
        "messages": [
            {
                "message_count_id": row["message_count_id"],
                "messages": row["messages"],
                **{name: None if row[name] is None else _text(row[name]) for name in ("first_at_utc", "last_at_utc")},
            }
            for row in told.messages
        ],
        "clocks": [
            {
                "exhibit_id": clock.exhibit_id,
                "compared": clock.compared,
                "pairs": clock.pairs,
                "least_s": clock.least_s,
                "median_s": clock.median_s,
                "most_s": clock.most_s,
                "shows_skew": clock.shows_skew,
            }
            for clock in told.clocks
        ],
    }


def _text(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def timeline_sentences(told: LeadTimeline) -> list[str]:
    """What stands under the chart, in English: sums, the local clock and its source, gaps, and the platform's clock."""
    timeline = told.timeline
    undated = sum(count for kinds in timeline.undated.values() for count in kinds.values())
    messages = sum(row["messages"] for row in told.messages)
    first = (
        f"{timeline.events} events: {sum(one.events for one in timeline.bins)} in bars of "
        f"{TIMELINE_WORDS[timeline.unit]}, {undated} without a time."
    )
    spoken = f" Messages: {messages}, of which only the first and the last time are kept." if messages else ""
    return [first + spoken, _zone_sentence(told.local), _gap_sentence(timeline), *_clock_sentences(told.clocks)]


def _zone_sentence(local: LocalTime | None) -> str:
    if local is None:
        return TIMELINE_WORDS["no_zone"]
    if local.country is None:
        return f"Local time is that of {local.zone.key}, which was asked for."
    because = f" ({', '.join(local.evidence)})" if local.evidence else ""
    told = f"Local time is that of {local.zone.key}, because {local.country} is proposed to lead{because}."
    if local.differ_by_s:
        told += (
            f" {local.country} has {local.zones} zones, up to {local.differ_by_s // 60} minutes apart; shown is the "
            "one that the time zone database lists first, and nothing says that the account was used there."
        )
    return told


def _gap_sentence(timeline: Timeline) -> str:
    if not timeline.gaps:
        return f"No time of {GAP_DAYS} days or more is without an event."
    longest = max(timeline.gaps, key=lambda gap: (gap.days, gap.begin_us))
    return (
        f"{len(timeline.gaps)} times of {GAP_DAYS} days or more are without an event, shaded; the longest is of "
        f"{longest.days} days, from {instant_of(longest.begin_us):%Y-%m-%d} to "
        f"{instant_of(longest.end_us):%Y-%m-%d}. Why is not known."
    )


_BESIDE: Final = {
    "payments": "of {n} payments and of the blocks that hold their transactions",
    "uploads": "of {n} uploads and of the files that they left",
}


def apart_text(seconds: int) -> str:
    """A difference of times in its two largest units.

    Example:
        >>> apart_text(-95676), apart_text(2)
        ('1 d 2 h earlier', '2 s later')
    """
    if not seconds:
        return "the same"
    parts: list[str] = []
    left = abs(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count and len(parts) < 2:
            parts.append(f"{count} {unit}")
    return f"{' '.join(parts)} {'earlier' if seconds < 0 else 'later'}"


def _clock_sentences(clocks: Sequence[ClockComparison]) -> list[str]:
    if not clocks:
        return ["Nothing in the evidence shows how right the platform's clock was."]
    found = []
    for clock in clocks:
        least, middle, most = (apart_text(seconds) for seconds in (clock.least_s, clock.median_s, clock.most_s))
        beside = _BESIDE[clock.compared].replace("{n}", str(clock.pairs))
        found.append(f"Times {beside}: the platform's is {least} to {most}, the middle one {middle}.")
        if clock.shows_skew:
            found.append("This is one difference, not many: a clock or a zone is off by it.")
    if not any(clock.shows_skew for clock in clocks):
        found.append(
            f"No steady difference of more than {STEADY_S} seconds, so no skew is shown. A payment may be noted before "
            "its block, where it was seen unconfirmed, or after it."
        )
    return found
