"""Tables of a seized Lightning node from its own database: invoices, payments, channels, what it passed on.

Only the columns that `lightning_tables` names are looked at. Preimages, keys, secrets of routes, and payment requests,
which hold a secret too, are none of them. A node knows the other ends of its channels and its own invoices; who paid an
invoice it never learns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from headwater.engine import without_keys
from headwater.evidence.cells import TableCells
from headwater.evidence.columnar import runs
from headwater.evidence.gather import Gathered
from headwater.evidence.lightning_tables import NODE_TABLES, NodeTable, UnreadRowError, node_id, shown_text
from headwater.evidence.row_source import RowSource
from headwater.schema import content_id

__all__ = ["LIGHTNING_TABLES", "Lightning", "node_row"]

LIGHTNING_TABLES = (
    "lightning_invoices",
    "lightning_invoice_accounts",
    "lightning_payments",
    "lightning_channels",
    "lightning_forwards",
)
"""The tables that nodes become."""

_PREFIXES = {
    "lightning_invoices": "lni",
    "lightning_payments": "lnp",
    "lightning_channels": "lnc",
    "lightning_forwards": "lnf",
}
_TEXTS = ("label", "description", "peer_network_address")

_PEERS = ("id", "node_id", "address")


def node_row(becomes: str, source: RowSource, place: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """A row of one of our tables, with its id and where it was read.

    Args:
        becomes: The table.
        source: The node's database.
        place: `source_table`, `source_row`, and the bytes of the row in the file.
        told: What the row says.
    """
    where = source.item_id, place["source_table"], place["source_row"]
    key = becomes.removesuffix("s") + "_id"
    row_id = content_id(_PREFIXES[becomes], source.exhibit_id, *where)
    return {key: row_id, **told, **place, "exhibit_id": source.exhibit_id, "source_item_id": source.item_id}


class Lightning:
    """Rows of Lightning nodes in an exhibit, as they come by.

    Args:
        gathered: Takes the rows.
    """

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._columns: dict[tuple[str, str], tuple[str, ...]] = {}
        # Channels name their peers by number, and which table comes first is the file's.
        self._channels: dict[str, list[tuple[RowSource, dict[str, Any], dict[str, Any]]]] = {}
        self._peers: dict[str, dict[bytes, tuple[str | None, str | None]]] = {}

    def take(self, source: RowSource, batch: pa.RecordBatch) -> None:
        """Keeps what is looked at of the records of a source, if they are of such a node."""
        item = _database(source)
        for kind, part in runs(batch, "record_kind"):
            if kind == "table":
                for record in part.to_pylist():
                    self._columns[item, record["table_name"]] = tuple(record["names"] or ())
            elif kind == "row":
                for name, of_table in runs(part, "table_name"):
                    self._rows(source, name, of_table)

    def _rows(self, source: RowSource, name: str, rows: pa.RecordBatch) -> None:
        columns = self._columns.get((_database(source), name), ())
        if name == "peers" and set(_PEERS) <= set(columns):
            peers = self._peers.setdefault(_database(source), {})
            for cells, _ in _cells(columns, _PEERS, rows):
                peers[cells["id"] or b""] = node_id(cells["node_id"]), shown_text(cells["address"])
            return
        for kind in NODE_TABLES:
            if name in kind.names and set(kind.marks) <= set(columns):
                self._of_kind(kind, source, name, columns, rows)
                return

    def _of_kind(
        self, kind: NodeTable, source: RowSource, name: str, columns: tuple[str, ...], rows: pa.RecordBatch
    ) -> None:
        looked_at = tuple(column for column in kind.looked_at if column in columns)
        made = []
        for cells, place in _cells(columns, looked_at, rows):
            where = {"source_table": name, **place}
            try:
                told = kind.row(cells)
            except UnreadRowError as error:
                self._defect(source, where, "lightning_row_not_read", str(error))
                continue
            if kind.becomes == "lightning_channels":
                self._channels.setdefault(_database(source), []).append((source, where, told))
            else:
                made.append(node_row(kind.becomes, source, where, told))
        self.add(kind.becomes, source, made)

    def add(self, becomes: str, source: RowSource, rows: list[dict[str, Any]]) -> None:
        """Takes rows of one of our tables; texts that hold key material are withheld."""
        for name in _TEXTS:
            _, held = without_keys(pa.array([row.get(name) for row in rows], pa.string()))
            for place, kind in held.items():
                rows[place][name] = None
                self._defect(source, rows[place], "key_material_withheld", f"{name}: {kind} is withheld")
        self._gathered.add_rows(becomes, rows)

    def _defect(self, source: RowSource, where: Mapping[str, Any], code: str, reason: str) -> None:
        told = f"{where['source_table']}, row {where['source_row']}: {reason}"
        offset, length = where["source_offset_bytes"], where["source_length_bytes"]
        self._gathered.defect(source.exhibit_id, source.path, code, told, offset=offset, length=length)

    def finish(self) -> None:
        """Hands over what had to wait for another table."""
        for item, found in self._channels.items():
            peers = self._peers.get(item, {})
            rows = []
            for source, where, told in found:
                node, address = peers.get(told.pop("_peer") or b"", (None, None))
                peer = {"peer_node_id": node, "peer_network_address": address}
                rows.append(node_row("lightning_channels", source, where, told | peer))
            self.add("lightning_channels", found[0][0], rows)
        self._channels.clear()
        self._peers.clear()


def _database(source: RowSource) -> str:
    """The item of the database that a row is of: a row in a write-ahead log is of the one that stands before it."""
    return (source.declared_by or source).item_id


def _cells(
    columns: tuple[str, ...], looked_at: tuple[str, ...], rows: pa.RecordBatch
) -> Iterator[tuple[dict[str, bytes | None], dict[str, Any]]]:
    """The cells looked at of each whole row, and its place."""
    whole = rows.filter(pa.array([len(row) == len(columns) for row in rows["values"]], pa.bool_()))
    cells = TableCells(columns, whole["values"])
    places = (whole[name].to_pylist() for name in ("number", "offset_bytes", "length_bytes"))
    for *values, number, offset, length in zip(*(cells[name].to_pylist() for name in looked_at), *places, strict=True):
        place = {"source_row": number, "source_offset_bytes": offset, "source_length_bytes": length}
        yield dict(zip(looked_at, values, strict=True)), place
