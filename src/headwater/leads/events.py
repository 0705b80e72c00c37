"""Everything that the tables say accounts did, with its time: their acts, their money, their media by hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

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
    rows = tables.keyed(name, "account_id", wanted)
    if name == _OF_ACCOUNT:
        rows = rows.filter(rows[at].is_valid())
    return _told(
        rows, lane, pa.repeat(kind, len(rows)), rows[at], name, key, None if amount is None else rows[amount]
    )  # fmt: skip


def _told(
    rows: pa.Table,
    lane: str,
    kinds: pa.Array,
    at: pa.ChunkedArray,
    name: str,
    key: str,
    amount: pa.ChunkedArray | None = None,
) -> pa.Table:
    columns = [
        rows["account_id"],
        pa.repeat(lane, len(rows)),
        kinds,
        at,
        pa.repeat(name, len(rows)),
        rows[key],
        pa.nulls(len(rows), pa.int64()) if amount is None else amount,
    ]
    return pa.table(columns, names=EVENT_COLUMNS.names)


def _media(tables: Session, wanted: Sequence[str]) -> Iterator[pa.Table]:
    """Uploads, and references to files, each with the strongest that the lists say of what it names."""
    benign, known = _VERDICTS.index("benign"), _VERDICTS.index("known")
    for name, key in (("uploads", "upload_id"), ("media_references", "media_reference_id")):
        rows = tables.keyed(name, "account_id", wanted)
        ids = rows[key].to_pylist()
        noted = tables.keyed("noted_matches", key, ids, columns=[key, "polarity"])
        said = [
            (row_id, benign if polarity == "known-benign" else known)
            for row_id, polarity in zip(noted[key].to_pylist(), noted["polarity"].to_pylist(), strict=True)
        ]
        if name == "uploads":
            said += _of_items(tables, ids)
        strongest: dict[str, int] = {}
        for row_id, place in said:
            strongest[row_id] = min(place, strongest.get(row_id, place))
        kinds = [_VERDICTS[strongest.get(row_id, len(_VERDICTS) - 1)] for row_id in ids]
        yield _told(rows, "media", pa.array(kinds, pa.string()), rows["at_utc"], name, key)


def _of_items(tables: Session, upload_ids: Sequence[str]) -> Iterator[tuple[str, int]]:
    """For each upload and each item that it left, the place of the item's verdict."""
    left = tables.keyed("upload_items", "upload_id", upload_ids, columns=["upload_id", "item_id"]).to_pylist()
    verdicts = tables.keyed(
        "media_verdicts", "item_id", {row["item_id"] for row in left}, columns=["item_id", "verdict_group"]
    )
    group_of = dict(zip(verdicts["item_id"].to_pylist(), verdicts["verdict_group"].to_pylist(), strict=True))
    for row in left:
        if row["item_id"] in group_of:
            yield row["upload_id"], _VERDICTS.index(group_of[row["item_id"]])


def message_spans(tables: Session, account_ids: Sequence[str]) -> list[dict[str, Any]]:
    """How many messages accounts wrote, table by table, with the time of the first and the last; no message is kept."""
    names = ["account_id", "source_table", "messages", "first_at_utc", "last_at_utc", "message_count_id"]
    found: list[dict[str, Any]] = tables.keyed("message_counts", "account_id", account_ids, columns=names).to_pylist()
    return sorted(found, key=lambda row: (row["account_id"], row["source_table"], row["message_count_id"]))
