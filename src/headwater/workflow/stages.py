"""The one place that knows the whole order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from headwater.catalogue import catalogue_entries
from headwater.engine import Session, StageContext
from headwater.evidence import read_evidence
from headwater.identities import link_records
from headwater.leads import rank_leads
from headwater.media import hash_items, match_media
from headwater.money import trace_money
from headwater.references import HASH_LIST, KINDS
from headwater.schema import content_id, table_named

__all__ = ["STAGES", "Stage", "leads_before_judgement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step from tables to tables.

    Attributes:
        name: As `--until` takes it.
        event: What the custody log calls it.
        derive: The function that does it.
        reads: Tables it depends on; a change in any of them makes it run again.
        reads_evidence: Whether it also reads the exhibits themselves.
    """

    name: str
    event: str
    derive: Callable[[StageContext], dict[str, pa.Table]]
    reads: tuple[str, ...]
    reads_evidence: bool = False


def reads_lists(stage: Stage) -> bool:
    """Whether the stage compares anything with hash lists."""
    return KINDS[HASH_LIST].table in stage.reads


def hash_and_match(context: StageContext) -> dict[str, pa.Table]:
    """The tables of the media stage: perceptual hashes first, then what they match.

    A hash list that is left out, because nobody has confirmed its polarity, is a defect of the stage: without it, "no
    match" could mean "not looked for".
    """
    hashed = hash_items(context)
    for name, rows in hashed.items():
        if name != "defects":
            context.tables.put(name, rows)
    tables = hashed | match_media(context)
    if context.unconfirmed:
        defects = table_named("defects")
        rows = defects.rows(_unconfirmed(name) for name in context.unconfirmed)
        tables["defects"] = pa.concat_tables([tables.get("defects", defects.empty()), rows])
    return tables


def _unconfirmed(name: str) -> dict[str, object]:
    return {
        "defect_id": content_id("dfc", "unconfirmed", name),
        "reference_name": name,
        "path": "",
        "source_table": KINDS[HASH_LIST].table,
        "code": "reference_unconfirmed",
        "reason": "the polarity of this hash list is not confirmed by a second operator; nothing was compared with it",
    }


def leads_before_judgement(tables: Session) -> pa.Table:
    """The table `leads` as it would be if nobody had judged: what a measure of headwater alone may count."""
    tables.put("judgements", table_named("judgements").empty())
    return rank_leads(StageContext(tables=tables))["leads"]


STAGES: tuple[Stage, ...] = (
    Stage(name="evidence", event="parsed", derive=read_evidence, reads=("exhibits",), reads_evidence=True),
    Stage(name="catalogue", event="parsed", derive=catalogue_entries, reads=("exhibits", "entries", "uploads")),
    Stage(
        name="media",
        event="matched",
        derive=hash_and_match,
        reads=("items", "uploads", "upload_items", "media_references", "hash_list_entries"),
        reads_evidence=True,
    ),
    Stage(
        name="money",
        event="combined",
        derive=trace_money,
        reads=("exhibits", "wallet_descriptors", "invoices", "payments", "tags", "services"),
        reads_evidence=True,
    ),
    Stage(
        name="identities",
        event="combined",
        derive=link_records,
        reads=(
            "accounts",
            "logins",
            "web_logs",
            "uploads",
            "invoices",
            "payments",
            "records",
            "customers",
            "customer_transactions",
            "networks",
            "traces",
            "trace_flows",
            "endpoints",
            "request_sheets",
            "tx_outputs",
        ),
    ),
    Stage(
        name="leads",
        event="combined",
        derive=rank_leads,
        reads=(
            "exhibits",
            "accounts",
            "logins",
            "web_logs",
            "uploads",
            "invoices",
            "payments",
            "noted_matches",
            "media_origins",
            "media_clusters",
            "media_verdicts",
            "upload_items",
            "items",
            "traces",
            "endpoints",
            "request_sheets",
            "links",
            "contrary_facts",
            "judgements",
            "records",
            "customers",
            "customer_transactions",
            "services",
            "networks",
        ),
    ),
)
"""Every stage, in order."""
