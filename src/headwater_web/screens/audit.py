"""Audit: who read what, what was refused, what stands out, and whether the logs hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from headwater.custody import utc_text
from headwater.workflow import AccessRow, access_faults
from headwater_web.answers import Page
from headwater_web.ask import Ask
from headwater_web.rules import AUDITORS, Route
from headwater_web.text import Seized

__all__ = ["ROUTES", "unusual"]

_PAGE: Final = 100
_MANY_READINGS: Final = 300
"""Readings of one person in one hour that stand out; somebody who looks at a page every ten seconds has 360."""
_EARLY_HOUR, _LATE_HOUR = 6, 20


def audit(ask: Ask) -> Page:
    """The accesses in one log, newest first; filters by person, and refused or exported only."""
    segments = ask.case.access.segments()
    segment = ask.one("log") or (segments[-1] if segments else "")
    rows = _rows(ask, segment) if segment else []
    person, kind = ask.one("person"), ask.one("kind")
    chosen = [
        row
        for row in rows
        if (not person or row.entry.actor == person)
        and (not kind or (row.entry.event == kind))
    ]  # fmt: skip
    first = ask.number("first")
    shown = [_shown(row) for row in chosen[first : first + _PAGE]]
    people = Counter(row.entry.actor for row in rows)
    values: dict[str, Any] = {
        "rows": shown,
        "fitting": len(chosen),
        "total": len(rows),
        "first": first,
        "people": sorted(people.items()),
        "person": person,
        "kind": kind,
        "unusual": unusual(rows),
        "segments": segments,
        "segment": segment,
        "before": _at(ask, segment, max(0, first - _PAGE)) if first else None,
        "next": _at(ask, segment, first + _PAGE) if first + _PAGE < len(chosen) else None,
    }
    as_json = {
        "logs": segments,
        "log": segment,
        "total": len(rows),
        "fitting": len(chosen),
        "rows": [{**row, "why": str(row["why"])} for row in shown],
        "unusual": values["unusual"],
    }
    return Page(template="audit.html", values=values, as_json=as_json)


def _at(ask: Ask, segment: str, first: int) -> str:
    return ask.url("audit", log=segment, first=first, person=ask.one("person"), kind=ask.one("kind"))


def check_logs(ask: Ask) -> Page:
    """Whether the access logs verify and hold what the custody log says of them."""
    with ask.case.acting() as case:
        fault = access_faults(case)
    return Page(template="audit_check.html", values={"fault": fault}, as_json={"ok": fault is None, "fault": fault})


def _rows(ask: Ask, segment: str) -> list[AccessRow]:
    return [row for row in reversed(ask.case.access.rows(segment)) if row.entry.event != "created"]


def _shown(row: AccessRow) -> dict[str, Any]:
    entry = row.entry
    why, _, address = (entry.justification or "").partition(" | ")
    return {
        "segment": row.segment,
        "seq": entry.seq,
        "at_utc": utc_text(entry.at_utc),
        "actor": entry.actor,
        "role": entry.role,
        "event": entry.event,
        "outcome": entry.outcome,
        "why": Seized(why),
        "address": address,
        "ids": list(entry.object_ids),
    }


def unusual(rows: Sequence[AccessRow]) -> list[dict[str, Any]]:
    """What an auditor would ask about: refusals, exports, many readings in an hour, readings at night (UTC)."""
    found: list[dict[str, Any]] = []
    by_hour: Counter[tuple[str, str]] = Counter()
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("refused", "exported", "night")}
    for row in rows:
        entry = row.entry
        by_hour[entry.actor, utc_text(entry.at_utc)[:13]] += 1
        counts["refused"][entry.actor] += entry.event == "failed"
        counts["exported"][entry.actor] += entry.event == "exported"
        counts["night"][entry.actor] += not _EARLY_HOUR <= entry.at_utc.hour < _LATE_HOUR
    for (actor, hour), count in sorted(by_hour.items()):
        if count > _MANY_READINGS:
            found.append({"what": "many", "actor": actor, "count": count, "hour": hour})
    for what, counted in counts.items():
        found += [{"what": what, "actor": actor, "count": n, "hour": ""} for actor, n in sorted(counted.items()) if n]
    return found


ROUTES = (
    Route(
        name="audit",
        path="/case/{case}/audit/",
        about="Who read what, newest first, and what stands out; `log` names an earlier log than the newest.",
        view=audit,
        roles=AUDITORS,
        in_case=True,
        reads="audit",
        nav="nav.audit",
    ),
    Route(
        name="audit_check",
        path="/case/{case}/audit/check",
        about="Checks the access logs and their heads in the custody log.",
        view=check_logs,
        roles=AUDITORS,
        in_case=True,
        reads="check of the access logs",
    ),
)
