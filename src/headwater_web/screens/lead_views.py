"""Leads by country, what a new run moved, and the timeline of one lead with the rows behind each bar."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.charts import clock_time, drawing_svg, instant_of
from headwater.errors import InputError
from headwater.leads import TIMELINE_WORDS, LeadTimeline, country_names, timeline_words, zones_of_country
from headwater.schema import table_named
from headwater.workflow import lead_movers, lead_timeline, lead_window, leads_by_country
from headwater_web.answers import NotThereError, Page, WrongInputError
from headwater_web.ask import Ask
from headwater_web.atlas import country_map, shade_of, shades
from headwater_web.drawings import drawn
from headwater_web.rules import CASE_READERS, Route
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["ROUTES", "told_timeline"]

_ROWS: Final = 100


def by_country(ask: Ask) -> Page:
    """How many leads each country is proposed to lead, on a map and as a table that says the same."""
    rows = ask.case.derived("leads by country", leads_by_country)
    ask.reads("table:leads")
    counts = {row["country"]: row["leads"] for row in rows if row["country"]}

    def made(_: object) -> tuple[Any, list[str]]:
        drawing, missing = country_map(
            counts,
            title=ask.word("leads.map"),
            about=ask.word("leads.map_about", countries=sum(1 for count in counts.values() if count)),
            words=country_names(),
        )
        svg = drawing_svg(drawing, name="map", address=lambda code: ask.url("leads", country=code))
        return drawn(svg), missing

    svg, missing = ask.case.derived("map of leads", made, ask.language)
    total = sum(row["leads"] for row in rows)
    shown = [
        {
            **row,
            "href": ask.url("leads", country=row["country"] or "none"),
            "shade": shade_of(row["leads"]) if row["country"] else 0,
            "has_shape": bool(row["country"]) and row["country"] not in missing,
        }
        for row in rows
    ]
    values = {
        "rows": shown,
        "svg": svg,
        "missing": missing,
        "shades": shades(),
        "tiers": sorted({tier for row in rows for tier in row["by_tier"]}),
        "total": total,
        "back": ask.url("leads"),
    }
    return Page(template="leads_by_country.html", values=values, as_json={"countries": rows, "leads": total})


def movers(ask: Ask) -> Page:
    """Which leads moved since the run before that had other leads, and what of each changed."""
    told = ask.case.derived("movers", lambda _: lead_movers(ask.case.reading))
    ask.reads("table:leads", *(one["lead_id"] for one in told["movers"]))
    shown = [
        {**one, "href": ask.url("lead", lead=one["lead_id"]) if one["state"] != "gone" else ""}
        for one in told["movers"]
    ]
    values = {"told": told, "movers": shown, "back": ask.url("leads")}
    return Page(template="leads_movers.html", values=values, as_json=lambda: json_value(told))


def told_timeline(ask: Ask, told: LeadTimeline, name: str = "timeline") -> dict[str, Any]:
    """The timeline as the templates show it: drawn, with words, and each bar with the address of its rows."""
    words = {key: ask.word(f"timeline.{key}") for key in TIMELINE_WORDS}

    def address(place: str) -> str:
        lane, begin, end = place.split(":")
        at, until = (_text(instant_of(int(edge))) for edge in (begin, end))
        asked = {"from": at, "until": until, "lane": lane, "zone": ask.one("zone") or None}
        return ask.url("lead_timeline", lead=told.lead_id, **asked)

    values = timeline_words(told)
    for one, shown in zip(told.timeline.bins, values["bins"], strict=True):
        shown["href"] = address(f"{one.lane}:{one.begin_us}:{one.end_us}")
        shown["events"] = one.events
    return {
        **values,
        "svg": drawn(drawing_svg(told.drawn(words), name=name, address=address)),
        "undated_by_lane": {lane: sum(kinds.values()) for lane, kinds in told.timeline.undated.items()},
        "message_sum": sum(row["messages"] for row in told.messages),
    }


def timeline(ask: Ask) -> Page:
    """One lead's events from a time on and before another, in UTC and local, each with the row that says so."""
    wanted, zone = ask.path["lead"], ask.one("zone") or None
    try:
        window = lead_window(ask.one("from"), ask.one("until"))
    except InputError:
        raise WrongInputError("problem.no_window") from None
    try:
        told = ask.case.kept(
            "timeline", lambda tables: lead_timeline(tables, wanted, zone=zone, window=window), wanted, zone, window
        )
    except InputError as error:
        if zone and error.source == "zone":
            raise WrongInputError("problem.no_zone", zone=Seized(zone)) from None
        raise NotThereError("problem.no_lead", lead=Seized(wanted)) from None
    events = _inside(told.events, window, ask.one("lane"))
    first = ask.number("first")
    rows = events.slice(first, _ROWS).to_pylist()
    ask.reads("table:leads", told.lead_id, *(f"{row['table']}:{row['row_id']}" for row in rows))
    local = None if told.local is None else told.local.zone
    shown = [
        {
            **row,
            "local": clock_time(row["at_utc"], local).isoformat(sep=" ") if row["at_utc"] and local else "",
            "href": ask.url("table", table=row["table"], **{f"is.{table_named(row['table']).key[0]}": row["row_id"]}),
        }
        for row in rows
    ]
    country = told.local.country if told.local else None
    asked = {name: ask.one(name) or None for name in ("from", "until", "lane", "zone")}

    def at(number: int) -> str:
        return ask.url("lead_timeline", lead=told.lead_id, first=number, **asked)

    values = {
        "lead_id": told.lead_id,
        "timeline": told_timeline(ask, told),
        "rows": shown,
        "first": first,
        "fitting": events.num_rows,
        "asked": asked,
        "zones": list(
            dict.fromkeys([*(zones_of_country(country) if country else ()), *([local.key] if local else [])])
        ),
        "zone": local.key if local else "",
        "back": ask.url("lead", lead=told.lead_id),
        "whole": ask.url("lead_timeline", lead=told.lead_id, zone=asked["zone"]),
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < events.num_rows else None,
    }

    def as_json() -> object:
        return {
            "timeline": timeline_words(told),
            "first": first,
            "fitting": events.num_rows,
            "events": json_value(rows),
        }

    return Page(template="lead_timeline.html", values=values, as_json=as_json)


def _inside(events: pa.Table, window: tuple[dt.datetime, dt.datetime] | None, lane: str) -> pa.Table:
    if window is not None:
        at = events["at_utc"]
        begin, end = (pa.scalar(edge, pa.timestamp("us", tz="UTC")) for edge in window)
        events = events.filter(pc.and_(pc.greater_equal(at, begin), pc.less(at, end)))
    return events.filter(pc.equal(events["lane"], lane)) if lane else events


def _text(instant: dt.datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


ROUTES = (
    Route(
        name="leads_by_country",
        path="/case/{case}/leads/by-country",
        about="How many leads each country is proposed to lead: a map, and a table that says the same.",
        view=by_country,
        roles=CASE_READERS,
        in_case=True,
        reads="leads by country",
    ),
    Route(
        name="leads_movers",
        path="/case/{case}/leads/movers",
        about="Which leads went up or down, are new or gone since the run before, and what of each changed.",
        view=movers,
        roles=CASE_READERS,
        in_case=True,
        reads="movers",
    ),
    Route(
        name="lead_timeline",
        path="/case/{case}/leads/{lead}/timeline",
        about="What one account did and when; `from`, `until`, `lane` and `first` say which, `zone` by which clock.",
        view=timeline,
        roles=CASE_READERS,
        in_case=True,
        reads="timeline",
        sample=(("lead", "1"),),
    ),
)
