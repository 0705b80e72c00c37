"""What screens and commands show of leads beside their list, and of a case as a whole."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError
from headwater.leads import LeadTimeline, lead_named, lead_timelines, leads_by_country
from headwater.workflow.case import Case
from headwater.workflow.overview import accounted, next_actions, seen_from_outside, stage_statuses
from headwater.workflow.running import running_stage

__all__ = ["case_status", "lead_timeline", "lead_window", "leads_by_country", "merged_person"]


def lead_timeline(
    tables: Session,
    wanted: str,
    *,
    zone: str | None = None,
    window: tuple[dt.datetime, dt.datetime] | None = None,
) -> LeadTimeline:
    """The timeline of a lead by its id, its account or its rank.

    Args:
        tables: The case's tables.
        wanted: The lead.
        zone: A zone to tell times in; None for that of its country.
        window: The first instant, and the one after the last; None for all.

    Raises:
        InputError: There is no such lead, or no such zone.
    """
    [told] = lead_timelines(tables, [lead_named(tables, wanted)], zone=zone, window=window)
    return told


def lead_window(begin: str | None, end: str | None) -> tuple[dt.datetime, dt.datetime] | None:
    """A window as somebody writes it, in UTC; None where neither end is given.

    Raises:
        InputError: One end is no time, or is missing, or the window is empty.

    Example:
        >>> lead_window("2026-01-01", "2026-02-01T12:00:00Z")[1].hour
        12
    """
    if not begin and not end:
        return None
    try:
        first, last = (dt.datetime.fromisoformat(text or "") for text in (begin, end))
    except ValueError:
        raise InputError("window", "needs two times", remedy="write both ends, as in 2026-01-31T12:00:00Z") from None
    first, last = (at.replace(tzinfo=at.tzinfo or dt.UTC).astimezone(dt.UTC) for at in (first, last))
    if first >= last:
        raise InputError("window", "ends before it begins", remedy="write the earlier time first")
    return first, last


def merged_person(tables: Session, account_id: str) -> dict[str, Any] | None:
    """The person whom an account is judged to belong to, with every account judged the same; None where nobody is.

    Judgements alone join: a record with no positive judgement is nobody here, and accounts that merely share something
    are in `account_reuse`, which joins nothing.

    Args:
        tables: The case's tables.
        account_id: The account.
    """
    judged = tables.arrow("judgements")
    positive = judged.filter(pc.and_(pc.equal(judged["claim"], "used"), pc.equal(judged["verdict"], "positive")))
    mine = positive.filter(pc.equal(positive["left_id"], account_id)).to_pylist()
    if not mine:
        return None
    people = pa.array(sorted({row["right_id"] for row in mine}), pa.string())
    joined = positive.filter(pc.is_in(positive["right_id"], value_set=people)).to_pylist()
    links = tables.keyed("links", "link_id", (row["link_id"] for row in joined if row["link_id"] is not None))
    because = {row["link_id"]: row for row in links.to_pylist()}
    of_accounts = [row["left_id"] for row in joined]
    leads = tables.keyed("leads", "account_id", of_accounts, columns=["lead_id", "account_id", "rank"])
    ranked = {row["account_id"]: row for row in leads.to_pylist()}
    accounts = tables.keyed("accounts", "account_id", of_accounts, columns=["account_id", "nickname", "exhibit_id"])
    named = {row["account_id"]: row for row in accounts.to_pylist()}
    return {
        "record_ids": people.to_pylist(),
        "accounts": [
            {
                "account_id": row["left_id"],
                "record_id": row["right_id"],
                "nickname": named.get(row["left_id"], {}).get("nickname"),
                "exhibit_id": named.get(row["left_id"], {}).get("exhibit_id"),
                "lead_id": ranked.get(row["left_id"], {}).get("lead_id"),
                "rank": ranked.get(row["left_id"], {}).get("rank"),
                "link_id": row["link_id"],
                "because": because.get(row["link_id"], {}).get("because"),
                "match_weight_mbits": because.get(row["link_id"], {}).get("match_weight_mbits"),
                "operator": row["operator"],
                "positive_operators": row["positive_operators"],
            }
            for row in sorted(joined, key=lambda row: (row["left_id"] != account_id, row["right_id"], row["left_id"]))
        ],
    }


def case_status(case: Case, tables: Session) -> dict[str, Any]:
    """What the case home shows: the sums, what waits, the stages, the run that goes on, the custody log's head."""
    entries, size_bytes, lines = accounted(tables)
    head, stamped_entries, stamped_at_utc = seen_from_outside(case)
    running = running_stage(case.path)
    return {
        "entries": entries,
        "size_bytes": size_bytes,
        "accounts": [asdict(line) for line in lines],
        "unaccounted_entries": entries - sum(line.entries for line in lines),
        "unaccounted_bytes": size_bytes - sum(line.size_bytes for line in lines),
        "next": [{**asdict(action), "where": dict(action.where)} for action in next_actions(case, tables)],
        "stages": [{**asdict(stage), "rows": dict(stage.rows)} for stage in stage_statuses(case)],
        "running": None if running is None else asdict(running),
        "custody": {"entries": head.entries, "root": head.root, "at_utc": head.at_utc},
        "witness": {"entries": stamped_entries, "at_utc": stamped_at_utc},
    }
