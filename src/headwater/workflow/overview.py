"""A case at one look: where every entry went, how far the stages are, what waits for a person, who saw the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ibis
import pyarrow.compute as pc
import sqlalchemy as sa

from headwater.custody import HEADS_NAME, WITNESSES_NAME, Head
from headwater.engine import Session
from headwater.schema.state import RUNS
from headwater.workflow.case import Case
from headwater.workflow.checks import stale_stages
from headwater.workflow.stages import STAGES

__all__ = [
    "ACCOUNTED",
    "AccountLine",
    "NextAction",
    "StageStatus",
    "accounted",
    "next_actions",
    "seen_from_outside",
    "stage_statuses",
    "waiting_rows",
    "with_lists",
]

ACCOUNTED: Final = ("known", "near", "none", "not_comparable", "benign", "other", "refused", "deferred")
"""Where an entry can have gone; each is in one of these. `other` was catalogued and no list speaks of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """Entries that went one way.

    Attributes:
        account: One of `ACCOUNTED`.
        entries: How many.
        size_bytes: Bytes that their directories state; of folders, none.
    """

    account: str
    entries: int
    size_bytes: int


def accounted(tables: Session) -> tuple[int, int, list[AccountLine]]:
    """Entries and bytes that the directories of the evidence name, and where each went, in the order of `ACCOUNTED`.

    The two sides come from different tables: the first from `entries`, the lines from `items` and `media_verdicts`.
    """
    entries, items, verdicts = (tables.table(name) for name in ("entries", "items", "media_verdicts"))
    is_file = entries.entry_type == "file"
    whole = entries.aggregate(n=entries.count(), b=is_file.ifelse(entries.size_bytes, 0).sum().cast("int64"))
    [left] = tables.result(whole, order_by=["n"]).to_pylist()
    joined = items.left_join(verdicts.select("item_id", "verdict_group"), "item_id")
    catalogued = joined.disposition == "catalogued"
    account = catalogued.ifelse(ibis.coalesce(joined.verdict_group, "other"), joined.disposition)
    size = (joined.entry_type == "file").ifelse(joined.size_bytes, 0)
    told = joined.select(account=account, size=size)
    sums = told.group_by("account").aggregate(n=told.count(), b=told["size"].sum().cast("int64"))
    found = {row["account"]: row for row in tables.result(sums, order_by=["account"]).to_pylist()}
    lines = [
        AccountLine(account=name, entries=found[name]["n"], size_bytes=found[name]["b"] or 0)
        if name in found
        else AccountLine(account=name, entries=0, size_bytes=0)
        for name in ACCOUNTED
    ]
    return left["n"], left["b"] or 0, lines


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """How far a stage is.

    Attributes:
        stage: Its name.
        state: `done`, `stale` where what it read has changed since, or `waiting`.
        rows: Rows of each of its tables.
        at_utc: When its tables were made; empty if never.
    """

    stage: str
    state: str
    rows: Mapping[str, int]
    at_utc: str


def stage_statuses(case: Case) -> list[StageStatus]:
    """Every stage, in the order in which they run."""
    with case.database.connect() as connection:
        newest = sa.select(RUNS.c.stage, sa.func.max(RUNS.c.at_utc)).group_by(RUNS.c.stage)
        ran = {row[0]: row[1] for row in connection.execute(newest)}
    rows: dict[str, dict[str, int]] = {}
    for output in case.current_outputs():
        rows.setdefault(str(output["stage"]), {})[str(output["table_name"])] = int(str(output["rows"]))
    stale = stale_stages(case)
    return [
        StageStatus(
            stage=stage.name,
            state="waiting" if stage.name not in ran else "stale" if stage.name in stale else "done",
            rows=rows.get(stage.name, {}),
            at_utc=ran.get(stage.name, ""),
        )
        for stage in STAGES
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """Something that waits for a person.

    Attributes:
        action: Its name; screens have words for each.
        count: How many of it.
        table: The table that holds the rows behind the count.
        where: Conditions on that table, column and value.
    """

    action: str
    count: int
    table: str
    where: tuple[tuple[str, str], ...] = ()


def next_actions(case: Case, tables: Session) -> list[NextAction]:
    """What waits, that which bears on children at risk first; nothing of what waits for nobody."""
    refused = next(line.entries for line in accounted(tables)[2] if line.account == "refused")
    return with_lists(case, waiting_rows(tables, refused))


def with_lists(case: Case, waiting: Sequence[NextAction]) -> list[NextAction]:
    """What waits in tables, and the hash lists that wait for two people, after the leads."""
    lists = NextAction(action="lists", count=len(case.unconfirmed_lists()), table="hash_list_entries")
    leads = [action for action in waiting if action.table == "leads"]
    return [*leads, *([lists] if lists.count else []), *waiting[len(leads) :]]


def waiting_rows(tables: Session, refused: int) -> list[NextAction]:
    """What waits in tables that are derived, which no judgement changes before the next run.

    Args:
        tables: The case's tables.
        refused: Entries that were refused, as `accounted` counts them.
    """
    found = [
        *(
            NextAction(action=f"tier_{tier}", count=count, table="leads", where=(("risk_tier", str(tier)),))
            for tier, count in _leads_by_tier(tables)
            if tier <= _URGENT
        ),
        NextAction(action="queue", count=tables.count("review_queue"), table="review_queue"),
        NextAction(
            action="hubs",
            count=pc.sum(pc.equal(tables.columns("media_hubs", ["standing"])["standing"], "undecided")).as_py() or 0,
            table="media_hubs",
            where=(("standing", "undecided"),),
        ),
        NextAction(
            action="refused",
            count=refused,
            table="items",
            where=(("disposition", "refused"),),
        ),
    ]
    return [action for action in found if action.count]


_URGENT: Final = 2


def _leads_by_tier(tables: Session) -> list[tuple[int, int]]:
    counts = pc.value_counts(tables.columns("leads", ["risk_tier"])["risk_tier"]).to_pylist()
    return sorted((row["values"], row["counts"]) for row in counts)


def seen_from_outside(case: Case) -> tuple[Head, int, str]:
    """The last tree head, and the newest one that an authority outside stamped: its entries and time, 0 if none."""
    head = case.custody.head()
    path = case.path / WITNESSES_NAME
    if not path.is_file():
        return head, 0, ""
    entries = max((int(json.loads(line)["entries"]) for line in path.read_bytes().splitlines()), default=0)
    heads = (case.path / HEADS_NAME).read_bytes().splitlines()
    return head, entries, str(json.loads(heads[entries - 1])["at_utc"]) if entries else ""
