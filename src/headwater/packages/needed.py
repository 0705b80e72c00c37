"""Need to know, column by column: what of each table a package gives, and what it keeps back and why.

A column that stands in neither list fails a test, so that a new one never leaves because nobody thought of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CONVICTION_RULE", "GIVEN", "KEPT_BACK", "needed", "needed_of_record"]

_READ_FROM: Final = (
    *("exhibit_id", "source_item_id", "source_table", "source_row", "source_offset_bytes", "source_length_bytes"),
    "mapping_id",
)
"""Where a row was read from: what a court asks first."""

GIVEN: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": (
        *("lead_id", "rank", "risk_tier", "account_id", "rules_version", "rules_fired", "rules_not_fired"),
        *("jurisdiction", "jurisdiction_version", "lead_country", "lead_country_margin", "shared_with", "why_now"),
        *("latest_act_at_utc", "completeness", "next_lawful_steps", "volatile_until_utc", "data_subject_category"),
        *("assertion_kind", "named_record_id", "contrary", "rivals", "deconfliction_key"),
    ),
    "accounts": (
        *("account_id", "platform_key", "nickname", "email", "phone", "pgp_fingerprint", "role"),
        *("registered_at_utc", "last_seen_at_utc", *_READ_FROM),
    ),
    "records": (
        *("record_id", "reference_name", "reference_version", "reference_row", "source_key", "full_name"),
        *("given_name", "surname", "date_of_birth", "street_address", "suburb", "postcode", "country", "phone"),
        *("email", "nickname", "convicted"),
    ),
    "links": (
        *("link_id", "claim", "left_table", "left_id", "right_table", "right_id", "proposed", "match_weight_mbits"),
        *("probability_ppm", "comparisons", "because", "model_id", "rivals", "barred_by"),
    ),
    "lead_acts": ("lead_id", "act", "act_id", "at_utc", "network_address", "proxy"),
    "contrary_facts": ("fact_id", "fact_kind", "account_id", "link_id", "statement", "source_table", "source_id"),
    "rival_hypotheses": (
        *("rival_id", "link_id", "account_id", "payer_id", "other_table", "other_id", "shared", "payer_support"),
        *("payer_contradiction", "other_support", "other_contradiction"),
    ),
    "media_origins": (
        *("media_cluster_id", "items", "verdict_group", "victim_identified", "series", "upload_id", "account_id"),
        *("at_utc", "uploads"),
    ),
    "request_sheets": (
        *("request_id", "service_id", "actor", "service_name", "country", "legal_contact", "direction", "question"),
        *("txid", "output_index", "address", "output_sat", "fifo_sat", "pro_rata_sat", "at_utc", "tag_id"),
        "tag_is_later",
    ),
}
"""Table to the columns that its rows in a package have."""

KEPT_BACK: Final[Mapping[str, Mapping[str, str]]] = {
    "request_sheets": {
        "traces": "it counts money of every country's leads; the package counts its own",
        "accounts": "it counts accounts of every country's leads; the package counts its own",
    },
}
"""Table to the columns that stay, each with why."""

CONVICTION_RULE: Final = "judged_link_to_convicted_person"


def needed(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the columns that a package gives; as it is where the table has no list."""
    columns = GIVEN.get(table)
    return dict(row) if columns is None else {name: row[name] for name in columns if name in row}


def needed_of_record(lead: Mapping[str, Any], record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The record of the person whom a lead names; a conviction is told only where the lead rests on it.

    References:
        Directive (EU) 2016/680, Articles 4(1)(c) and 7(2).
    """
    if record is None or any(rule["rule"] == CONVICTION_RULE for rule in lead["rules_fired"]):
        return None if record is None else dict(record)
    return {name: value for name, value in record.items() if name != "convicted"}
