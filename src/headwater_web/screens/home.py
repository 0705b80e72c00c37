"""Case home: what do we have, and what is next?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from headwater.workflow import (
    AccountLine,
    NextAction,
    accounted,
    outcome_report,
    running_stage,
    seen_from_outside,
    stage_statuses,
    waiting_rows,
    with_lists,
)
from headwater_web.answers import Page
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.rules import CASE_READERS, Route
from headwater_web.shown import json_value

__all__ = ["BEGUN", "ROUTES"]

_ROWS_OF: Final = {
    "known": ("media_verdicts", "verdict_group"),
    "near": ("media_verdicts", "verdict_group"),
    "none": ("media_verdicts", "verdict_group"),
    "not_comparable": ("media_verdicts", "verdict_group"),
    "benign": ("media_verdicts", "verdict_group"),
    "refused": ("items", "disposition"),
    "deferred": ("items", "disposition"),
}
"""For each account, the table and the column whose rows are behind its number."""


def home(ask: Ask) -> Page:
    """The ledger adding up, what waits for a person, the stages, the log's last head, and what came back."""
    (entries, size_bytes, lines), waiting, outcomes = _summed(ask.case)
    case = ask.case.reading
    stages = ask.case.derived("stages", lambda _: stage_statuses(case))
    actions = with_lists(case, waiting)
    head, stamped_entries, stamped_at_utc = seen_from_outside(case)
    running = running_stage(case.path)
    counted = [{**asdict(line), "href": _rows_behind(ask, line.account)} for line in lines]
    sums = {
        "entries": entries,
        "size_bytes": size_bytes,
        "lines": counted,
        "unaccounted_entries": entries - sum(line.entries for line in lines),
        "unaccounted_bytes": size_bytes - sum(line.size_bytes for line in lines),
    }
    values: dict[str, Any] = {
        "sums": sums,
        "actions": [
            {**asdict(a), "href": ask.url("table", table=a.table, **{f"is.{c}": v for c, v in a.where})}
            for a in actions
        ],
        "stages": [asdict(stage) for stage in stages],
        "running": None if running is None else asdict(running),
        "head": asdict(head),
        "witness": {
            "entries": stamped_entries,
            "at_utc": stamped_at_utc,
            "since": head.entries - stamped_entries,
        },
        "outcomes": [row for row in outcomes if row["leads_of"].startswith(("all leads", "tier"))],
    }
    return Page(template="home.html", values=values, as_json=lambda: json_value(values))


def _summed(case: OpenCase) -> tuple[tuple[int, int, list[AccountLine]], list[NextAction], list[dict[str, Any]]]:
    """Where every entry went, what waits in tables, and what came back: nothing of it changes while people decide."""
    sums = case.derived("accounted", accounted)
    refused = next(line.entries for line in sums[2] if line.account == "refused")
    waiting = case.derived("waiting rows", lambda tables: waiting_rows(tables, refused))
    return sums, waiting, case.derived("outcomes", outcome_report)


BEGUN = (("home", _summed),)


def _rows_behind(ask: Ask, account: str) -> str | None:
    if account not in _ROWS_OF:
        return ask.url("table", table="items", **{"is.disposition": "catalogued"}) if account == "other" else None
    table, column = _ROWS_OF[account]
    return ask.url("table", table=table, **{f"is.{column}": account})


ROUTES = (
    Route(
        name="home",
        path="/case/{case}/",
        about="Case home: the ledger adding up, what waits for a person, stages, the custody log's head, outcomes.",
        view=home,
        roles=CASE_READERS,
        in_case=True,
        reads="case home",
        nav="nav.home",
    ),
)
