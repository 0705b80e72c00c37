"""What of a case's tables belongs to leads of others, and is not told to the country of a package."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.schema import table_named

__all__ = ["foreign_ids", "rows_where", "without_foreign"]

Row = dict[str, Any]


def rows_where(tables: Session, name: str, column: str, values: Collection[str]) -> list[Row]:
    """The rows of a table whose column is one of the values, in the order of its key."""
    if not values:
        return []
    wanted = pa.array(sorted(values), pa.string())
    rows: list[Row] = tables.chosen(name, lambda part: pc.is_in(part[column], value_set=wanted)).to_pylist()
    key = table_named(name).key
    return sorted(rows, key=lambda row: tuple(str(row[part]) for part in key))


def foreign_ids(tables: Session, own_leads: Collection[str]) -> frozenset[str]:
    """Accounts, payments and people of the leads that are not in the package, those of victims among them."""
    leads: Sequence[Row] = [
        lead
        for name in ("leads", "victim_leads")
        for lead in tables.columns(name, ["lead_id", "account_id", "named_record_id"]).to_pylist()
        if lead["lead_id"] not in own_leads
    ]
    accounts = {lead["account_id"] for lead in leads}
    found = {lead["lead_id"] for lead in leads} | accounts | {lead["named_record_id"] for lead in leads} - {None}
    payments = {row["payment_id"] for row in rows_where(tables, "payments", "account_id", accounts)}
    judged = [row for row in tables.arrow("judgements").to_pylist() if row["verdict"] == "positive"]
    lefts = accounts | payments
    for _ in ("paid and used", "held"):
        lefts |= {row["right_id"] for row in judged if row["left_id"] in lefts}
    return frozenset(found | lefts)


def without_foreign(row: Mapping[str, Any], foreign: Collection[str]) -> Row:
    """A row of `rival_hypotheses` in which nobody has an id who is somebody of another lead.

    Args:
        row: The row.
        foreign: Ids, as `foreign_ids` gives them, less those of the package.
    """

    def given(row_id: str) -> str | None:
        return None if row_id in foreign else row_id

    told = {
        name: [{**one, "row_id": given(one["row_id"])} for one in row[name]]
        for name in ("payer_support", "payer_contradiction", "other_support", "other_contradiction")
    }
    payer, other = given(row["payer_id"]), given(row["other_id"])
    shared = [
        {
            **one,
            "payer_row_id": given(one["payer_row_id"]) if payer else None,
            "other_row_id": given(one["other_row_id"]) if other else None,
        }
        for one in row["shared"]
    ]
    return {**row, **told, "shared": shared, "payer_id": payer, "other_id": other}
