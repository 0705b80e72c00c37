"""The rows behind a claim: those that a rule, a piece of evidence or a contrary fact was read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.engine import Session
from headwater.leads.acts import ACT_TABLES
from headwater.leads.evidence import EVIDENCE_TABLES
from headwater.leads.of_account import AccountRows
from headwater.leads.rules import read_rules
from headwater.schema import table_named

__all__ = ["MOST_ROWS_OF_CLAIM", "claim_rows", "short_columns"]

MOST_ROWS_OF_CLAIM: Final = 3
"""Rows that stand beside a claim; the number of all of them stands there too."""

_MOST_COLUMNS: Final = 4
_NOT_SHORT: Final = frozenset(
    {
        *("source_item_id", "source_table", "source_row", "source_offset_bytes", "source_length_bytes", "mapping_id"),
        # Whose it is stands on the lead, and where it was read from in the row itself.
        *("account_id", "exhibit_id", "volume_index"),
        *("label", "memo", "description", "note", "path_bytes", "media_md5", "media_sha1"),
    }
)


def claim_rows(tables: Session, lead: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """For each claim of a lead a few of the rows behind it, each as the columns that tell most.

    Args:
        tables: The tables of the case.
        lead: A row of `leads`.

    Returns:
        `rules`, `jurisdiction` and `contrary`, in the order of the lead's own lists; each with the claim's name, the
        table, how many rows there are and the first of them in order of their ids.
    """
    acts = {rule.name: rule.act for rule in read_rules().rules}
    of_account = AccountRows(tables, str(lead["account_id"]))
    rules = []
    for fired in lead["rules_fired"]:
        act, ids = acts.get(fired["rule"], ""), []
        if act in ACT_TABLES and fired["observed"] > 1:  # of one observation the lead itself has the row
            ids = of_account.of_act(act)[:MOST_ROWS_OF_CLAIM]
        rules.append(_claim(tables, fired["rule"], fired["table"], ids or [fired["example_id"]], fired["observed"]))
    pieces = []
    for piece in lead["jurisdiction"]:
        ids = [piece["example_id"]]
        kind = EVIDENCE_TABLES.get(piece["evidence"])
        if kind is not None and piece["observed"] > 1:
            stated = of_account.of_evidence(piece["evidence"])
            there = [example for example, text in stated if kind.country_of(text) == piece["country"]]
            ids = list(dict.fromkeys(there))[:MOST_ROWS_OF_CLAIM] or ids
        pieces.append(_claim(tables, piece["evidence"], piece["table"], ids, piece["observed"]))
    facts = [
        _claim(tables, fact["fact_kind"], fact["source_table"], [fact["source_id"]], 1) for fact in lead["contrary"]
    ]
    return {"rules": rules, "jurisdiction": pieces, "contrary": facts}


def _claim(tables: Session, name: str, table: str, ids: Sequence[str], count: int) -> dict[str, Any]:
    columns, rows = short_columns(table), []
    schema = table_named(table)
    if len(schema.key) == 1 and ids:
        [key] = schema.key
        found = tables.keyed(table, key, ids, columns=columns).to_pylist()
        rows = sorted(found, key=lambda row: str(row[key]))
    return {"claim": name, "table": table, "columns": columns, "count": count, "rows": rows}


def short_columns(table: str) -> list[str]:
    """The columns by which a row is known at a glance: its key and what comes first; no lists, and no free text."""
    schema = table_named(table)
    plain = [
        column.name
        for column in schema.columns
        if column.type.num_fields == 0 and column.name not in _NOT_SHORT and column.name not in schema.key
    ]
    return [*schema.key, *plain][:_MOST_COLUMNS]
