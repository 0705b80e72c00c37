"""Everything that the tables say accounts did, with its time: their acts, their money, their media by hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session

__all__ = ["EVENT_COLUMNS", "account_events", "message_spans"]

EVENT_COLUMNS: Final = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("lane", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("at_utc", pa.timestamp("us", tz="UTC")),
        pa.field("table", pa.string(), nullable=False),
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("amount_sat", pa.int64()),
    ]
)
"""An event: whose, in which lane and of which kind, when (absent: no time is noted), and the row that says so."""

_ONE_A_ROW: Final = (
    ("account", "registration", "accounts", "account_id", "registered_at_utc", None),
    ("account", "last_seen", "accounts", "account_id", "last_seen_at_utc", None),
    ("account", "login", "logins", "login_id", "at_utc", None),
    ("account", "identifier", "identifiers", "identifier_id", "at_utc", None),
    ("money", "invoice", "invoices", "invoice_id", "issued_at_utc", "amount_sat"),
    ("money", "payment", "payments", "payment_id", "at_utc", "amount_sat"),
)
"""Lane, kind, table, the columns of its id and of its time, and that of an amount."""

_OF_ACCOUNT: Final = "accounts"
"""Of its two times, one that is absent is no event: the account is there without."""

_VERDICTS: Final = ("known", "near", "none", "not_comparable", "benign", "not_compared")
"""What stands for several items of one upload, the first that any of them has."""


def account_events(tables: Session, account_ids: Sequence[str]) -> pa.Table:
    """The events of some accounts, in order of account, time (those without one last), lane, kind and row.

    Args:
        tables: The tables of the case.
        account_ids: Whose.
    """
    parts = [EVENT_COLUMNS.empty_table()]
    if account_ids:
        wanted = sorted(set(account_ids))
        parts += [_of_table(tables, of, wanted) for of in _ONE_A_ROW]
        parts += _media(tables, wanted)
    rows = pa.concat_tables([part.select(EVENT_COLUMNS.names).cast(EVENT_COLUMNS) for part in parts])
    order = [(name, "ascending") for name in ("account_id", "at_utc", "lane", "kind", "table", "row_id")]
    return rows.sort_by(order)


def _of_table(
    tables: Session, of: tuple[str, str, str, str, str, str | None], wanted: Sequence[str]
) -> pa.Table:  # fmt: skip
    lane, kind, name, key, at, amount = of
    table = tables.table(name)
    rows = table.filter(table.account_id.isin(wanted))
    if name == _OF_ACCOUNT:
        rows = rows.filter(rows[at].notnull())
    told = rows.select(
        account_id=rows.account_id,
        lane=ibis.literal(lane),
        kind=ibis.literal(kind),
        at_utc=rows[at],
        table=ibis.literal(name),
        row_id=rows[key],
        amount_sat=ibis.null("int64") if amount is None else rows[amount],
    )
    return tables.result(told, order_by=["row_id"])


def _media(tables: Session, wanted: Sequence[str]) -> Iterator[pa.Table]:
    """Uploads, and references to files, each with the strongest that the lists say of what it names."""
    noted = tables.table("noted_matches")
    for name, key in (("uploads", "upload_id"), ("media_references", "media_reference_id")):
        table = tables.table(name)
        rows = table.filter(table.account_id.isin(wanted))
        of_digests = noted.filter(noted[key].notnull()).select(
            row_id=noted[key],
            place=(noted.polarity == "known-benign").ifelse(_VERDICTS.index("benign"), _VERDICTS.index("known")),
        )
        said = of_digests if name != "uploads" else ibis.union(of_digests, _of_items(tables))
        strongest = said.group_by("row_id").aggregate(place=said.place.min())
        joined = rows.select(row_id=rows[key], account_id=rows.account_id, at_utc=rows.at_utc).left_join(
            strongest, "row_id"
        )
        told = joined.select(
            account_id=joined.account_id,
            lane=ibis.literal("media"),
            place=joined.place,
            at_utc=joined.at_utc,
            table=ibis.literal(name),
            row_id=joined.row_id,
            amount_sat=ibis.null("int64"),
        )
        found = tables.result(told, order_by=["row_id"])
        places = pc.fill_null(found["place"].cast(pa.int64()), len(_VERDICTS) - 1)
        yield found.append_column("kind", pa.chunked_array([pa.array(_VERDICTS)]).take(places))


def _of_items(tables: Session) -> ir.Table:
    """For each upload and each item that it left, the place of the item's verdict."""
    left, verdicts = tables.table("upload_items"), tables.table("media_verdicts")
    joined = left.inner_join(verdicts, "item_id")
    branches = [(joined.verdict_group == name, place) for place, name in enumerate(_VERDICTS[:-1])]
    place = ibis.cases(*branches, else_=len(_VERDICTS) - 1)
    return joined.select(row_id=joined.upload_id, place=place.cast("int8"))


def message_spans(tables: Session, account_ids: Sequence[str]) -> list[dict[str, Any]]:
    """How many messages accounts wrote, table by table, with the time of the first and the last; no message is kept."""
    counts = tables.table("message_counts")
    rows = counts.filter(counts.account_id.isin(sorted(set(account_ids)))) if account_ids else counts.limit(0)
    names = ["account_id", "source_table", "messages", "first_at_utc", "last_at_utc", "message_count_id"]
    found: list[dict[str, Any]] = tables.result(rows.select(*names), order_by=["message_count_id"]).to_pylist()
    return sorted(found, key=lambda row: (row["account_id"], row["source_table"], row["message_count_id"]))
