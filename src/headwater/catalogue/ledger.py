"""The sums of I1: enumerated = catalogued + refused + deferred, in entries and in bytes, by source and directory."""

from __future__ import annotations

from dataclasses import dataclass

import ibis

from headwater.engine import Derived, Session, StageContext
from headwater.schema import table_named

__all__ = ["LedgerSum", "ledger_sums", "ledger_table", "unaccounted"]

DISPOSITIONS = ("catalogued", "refused", "deferred")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSum:
    """One line of the ledger.

    Attributes:
        source: Exhibit.
        entries: Entries that its directories name.
        entry_bytes: Bytes that those entries state.
        catalogued: Entries catalogued.
        catalogued_bytes: Bytes read and digested.
        refused: Entries refused.
        refused_bytes: Bytes refused.
        deferred: Entries deferred.
        deferred_bytes: Bytes deferred.
    """

    source: str
    entries: int
    entry_bytes: int
    catalogued: int
    catalogued_bytes: int
    refused: int
    refused_bytes: int
    deferred: int
    deferred_bytes: int

    @property
    def unaccounted_entries(self) -> int:
        """Entries that went nowhere; 0 where the ledger adds up."""
        return self.entries - self.catalogued - self.refused - self.deferred

    @property
    def unaccounted_bytes(self) -> int:
        """Bytes that went nowhere; 0 where the ledger adds up."""
        return self.entry_bytes - self.catalogued_bytes - self.refused_bytes - self.deferred_bytes


def ledger_table(context: StageContext) -> Derived:
    """The table `ledger`, summed by directory.

    The left side comes from `entries`, what the medium's directories state; the right side from `items`, what was
    done. Read bytes count as catalogued, never the stated size, so that a short read shows.
    """
    keys = ["exhibit_id", "volume_index", "directory"]
    entries = context.tables.table("entries")
    items = context.tables.table("items")
    left = entries.group_by(keys).aggregate(
        entries=entries.count(),
        entry_bytes=(entries.entry_type == "file").ifelse(entries.size_bytes, 0).sum(),
    )
    sums = {}
    for name in DISPOSITIONS:
        chosen = items.disposition == name
        size = items.read_bytes if name == "catalogued" else items.size_bytes
        sums[name] = chosen.cast("int64").sum()
        sums[f"{name}_bytes"] = (chosen & (items.entry_type == "file")).ifelse(size, 0).sum()
    right = items.group_by(keys).aggregate(**sums)
    joined = left.left_join(right, keys)
    columns = {name: ibis.coalesce(joined[name], 0).cast("int64") for name in sums}
    expression = joined.select(*keys, joined.entries.cast("int64"), joined.entry_bytes.cast("int64"), **columns)
    parts = context.tables.result_parts(expression)
    return context.kept("ledger", (rows.cast(table_named("ledger").arrow) for rows in parts))


def ledger_sums(tables: Session) -> list[LedgerSum]:
    """The ledger summed by exhibit, in order of exhibit id."""
    numbers = [f for f in table_named("ledger").arrow.names if f not in {"exhibit_id", "volume_index", "directory"}]
    ledger = tables.table("ledger")
    expression = ledger.group_by("exhibit_id").aggregate(**{n: ledger[n].sum().cast("int64") for n in numbers})
    rows = tables.result(expression, order_by=["exhibit_id"]).to_pylist()
    return [LedgerSum(source=row["exhibit_id"], **{n: row[n] for n in numbers}) for row in rows]


def unaccounted(tables: Session) -> str | None:
    """The first place where the ledger does not add up, in words; None where it does."""
    for row in (row for part in tables.parts("ledger") for row in part.to_pylist()):
        where = f"{row['exhibit_id']} volume {row['volume_index']} {row['directory'] or '/'}"
        entries = row["entries"] - row["catalogued"] - row["refused"] - row["deferred"]
        missing = row["entry_bytes"] - row["catalogued_bytes"] - row["refused_bytes"] - row["deferred_bytes"]
        if entries or missing:
            return f"{where}: {entries} entries and {missing} bytes unaccounted for"
    return None
