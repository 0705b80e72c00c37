"""The one place that knows the whole order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from headwater.catalogue import catalogue_entries
from headwater.engine import Derived, Session, StageContext
from headwater.evidence import read_evidence
from headwater.identities import link_records, rival_hypotheses, weighed_known_pairs
from headwater.leads import rank_leads
from headwater.media import claimed_origins, hash_items, match_media
from headwater.money import trace_money, trace_tokens
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
    derive: Callable[[StageContext], Mapping[str, Derived]]
    reads: tuple[str, ...]
    reads_evidence: bool = False


def hash_and_read_claims(context: StageContext) -> dict[str, pa.Table]:
    """The tables of the hashing stage: what is decoded of each file, and what it claims of its making.

    The claims are put where no later stage looks.
    """
    return hash_items(context) | claimed_origins(context)


def link_people(context: StageContext) -> dict[str, pa.Table]:
    """The tables of the identities stage: links, what speaks against them, and who else stands beside a payer.

    Pairs of known answer are weighed beside the links of the case.
    """
    made = link_records(context) | rival_hypotheses(context)
    # Last, because it puts rows of known answer among those of the case.
    return made | {"known_links": weighed_known_pairs(context, made["linkage_reports"])}


def reads_lists(stage: Stage) -> bool:
    """Whether the stage compares anything with hash lists."""
    return KINDS[HASH_LIST].table in stage.reads


def match_confirmed(context: StageContext) -> dict[str, pa.Table]:
    """The tables of the media stage: what the hashes match.

    A hash list that is left out, because nobody has confirmed its polarity, is a defect of the stage: without it, "no
    match" could mean "not looked for".
    """
    tables = match_media(context)
    if context.unconfirmed:
        tables["defects"] = table_named("defects").rows(_unconfirmed(name) for name in context.unconfirmed)
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
    # Decoding takes days, matching minutes: a new list makes only the second run again.
    Stage(name="hashing", event="parsed", derive=hash_and_read_claims, reads=("items",), reads_evidence=True),
    Stage(
        name="media",
        event="matched",
        derive=match_confirmed,
        reads=(
            "items",
            "uploads",
            "upload_items",
            "media_references",
            "hash_list_entries",
            "media_files",
            "media_hashes",
            "media_transformed_hashes",
            "hub_judgements",
        ),
        reads_evidence=True,
    ),
    Stage(
        name="money",
        event="combined",
        derive=trace_money,
        reads=(
            "exhibits",
            "wallet_descriptors",
            "invoices",
            "invoice_addresses",
            "payments",
            "tags",
            "services",
            "actors",
            "merge_cuts",
        ),
        reads_evidence=True,
    ),
    Stage(
        name="tokens",
        event="combined",
        derive=trace_tokens,
        reads=(
            "token_transfers",
            "token_coverage",
            "platform_accounts",
            "token_issuers",
            "issuer_events",
            "accounts",
            "invoices",
            "payments",
            "wallet_addresses",
            "wallet_descriptors",
            "tags",
            "services",
            "actors",
        ),
    ),
    Stage(
        name="identities",
        event="combined",
        derive=link_people,
        reads=(
            "known_pairs",
            "accounts",
            "account_addresses",
            "identifiers",
            "logins",
            "web_logs",
            "invoices",
            "payments",
            "records",
            "record_identifiers",
            "customers",
            "customer_identifiers",
            "customer_transactions",
            "networks",
            "network_ranges",
            "settled_links",
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
            "identifiers",
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
            "rival_hypotheses",
            "judgements",
            "records",
            "record_identifiers",
            "customers",
            "customer_identifiers",
            "customer_transactions",
            "services",
            "networks",
            "network_ranges",
            "data_subjects",
            "retention_clocks",
        ),
    ),
)
"""Every stage, in order."""
