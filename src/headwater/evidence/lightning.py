"""Tables of a seized Lightning node from its own database: invoices, payments, channels, what it passed on.

Only the columns named here are looked at. Preimages, keys, secrets of routes, and payment requests, which hold a secret
too, are none of them. A node knows its channels' other ends and its own invoices; who paid an invoice it never learns.

References:
    Core Lightning, wallet/db.c (tables), lightningd/channel_state.h, wallet/wallet.h (numbers of states).
    LND, sqldb/sqlc/migrations (table invoices), channeldb/invoices.go (numbers of states).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headwater.engine import without_keys
from headwater.evidence.cells import TableCells
from headwater.evidence.columnar import runs
from headwater.evidence.gather import Gathered
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
_CLN, _LND = "core-lightning", "lnd"
_INVOICE_STATES = {0: "unpaid", 1: "paid", 2: "expired"}
_LND_INVOICE_STATES = {0: "unpaid", 1: "paid", 2: "canceled", 3: "accepted"}
_PAYMENT_STATES = {0: "pending", 1: "complete", 2: "failed"}
_FORWARD_STATES = {0: "offered", 1: "settled", 2: "failed", 3: "local_failed"}
_CHANNEL_STATES = {
    2: "CHANNELD_AWAITING_LOCKIN",
    3: "CHANNELD_NORMAL",
    4: "CHANNELD_SHUTTING_DOWN",
    5: "CLOSINGD_SIGEXCHANGE",
    6: "CLOSINGD_COMPLETE",
    7: "AWAITING_UNILATERAL",
    8: "FUNDING_SPEND_SEEN",
    9: "ONCHAIN",
    10: "CLOSED",
}  # later numbers have had more than one name, and are told as numbers
_OPENERS = {0: "local", 1: "remote"}
_LATEST_S = 253_402_300_799
_MAX_INT = 2**63 - 1
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,9})?\s*(?:(Z)|([+-]\d\d):?(\d\d))")
_TEXTS = ("label", "description", "peer_network_address")

Cells = Mapping[str, bytes | None]


class _UnreadRowError(Exception):
    """A row that does not have the form of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A table of a node's database.

    Attributes:
        names: What it may be called.
        marks: Columns that it has, and the same table of other applications has not.
        looked_at: Columns that are looked at, where there are.
        becomes: The table of ours.
        row: Its row of ours.
    """

    names: tuple[str, ...]
    marks: tuple[str, ...]
    looked_at: tuple[str, ...]
    becomes: str
    row: Callable[[Cells], dict[str, Any]]


def _digest(raw: bytes | None) -> str:
    if raw is None or len(raw) != 32:
        raise _UnreadRowError("its payment hash is none")
    return raw.hex()


def _number(raw: bytes | None) -> int | None:
    if raw is None:
        return None
    try:
        number = int(raw)
    except ValueError:
        raise _UnreadRowError("a number is none") from None
    if abs(number) > _MAX_INT:
        raise _UnreadRowError("a number is larger than there is room for")
    return number


def _instant(raw: bytes | None, per_second: int = 1) -> dt.datetime | None:
    """The instant of a count of seconds or parts of one; None where none is set, or outside of the calendar."""
    number = _number(raw)
    if number is None or not 0 < number // per_second <= _LATEST_S:
        return None
    seconds, rest = divmod(number, per_second)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=rest * 1_000_000 // per_second)


def _go_instant(raw: bytes | None) -> dt.datetime | None:
    """An instant as Go writes it, with its zone; None without one."""
    found = _GO_TIME.match((raw or b"").decode("ascii", "replace"))
    if found is None:
        return None
    zone = "+00:00" if found[4] else f"{found[5]}:{found[6]}"
    try:
        return dt.datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '')[:7]}{zone}").astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _state(raw: bytes | None, names: Mapping[int, str]) -> str:
    number = _number(raw)
    return "unknown" if number is None else names.get(number, f"state {number}")


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "backslashreplace")


def _node(raw: bytes | None) -> str | None:
    return raw.hex() if raw is not None and len(raw) == 33 and raw[0] in {2, 3} else None


def _txid(raw: bytes | None) -> str | None:
    """A transaction's id as it is shown; it is kept as in Bitcoin's protocol, the other way round."""
    return raw[::-1].hex() if raw is not None and len(raw) == 32 else None


def _channel_name(text: bytes | None, number: bytes | None) -> str | None:
    """The short id of a channel: as text of older versions, or from the number of newer ones (BOLT 7)."""
    if text:
        return _text(text)
    whole = _number(number)
    return None if not whole or whole < 0 else f"{whole >> 40}x{whole >> 16 & 0xFFFFFF}x{whole & 0xFFFF}"


def _invoice(cells: Cells) -> dict[str, Any]:
    return {
        "node_software": _CLN,
        "payment_hash": _digest(cells.get("payment_hash")),
        "label": _text(cells.get("label")),
        "description": _text(cells.get("description")),
        "amount_msat": _number(cells.get("msatoshi")),
        "received_msat": _number(cells.get("msatoshi_received")),
        "state": _state(cells.get("state"), _INVOICE_STATES),
        "expires_at_utc": _instant(cells.get("expiry_time")),
        "paid_at_utc": _instant(cells.get("paid_timestamp")),
        "paid_txid": _txid(cells.get("paid_txid")),
        "paid_output_index": _number(cells.get("paid_outnum")),
    }


def _lnd_invoice(cells: Cells) -> dict[str, Any]:
    created = _go_instant(cells.get("created_at"))
    expiry_s = _number(cells.get("expiry"))
    expires = None
    if created is not None and expiry_s is not None and 0 <= expiry_s < 2**32:
        expires = created + dt.timedelta(seconds=expiry_s)
    return {
        "node_software": _LND,
        "payment_hash": _digest(cells.get("hash")),
        "description": _text(cells.get("memo")) or None,
        "amount_msat": _number(cells.get("amount_msat")) or None,
        "received_msat": _number(cells.get("amount_paid_msat")),
        "state": _state(cells.get("state"), _LND_INVOICE_STATES),
        "created_at_utc": created,
        "expires_at_utc": expires,
        "paid_at_utc": _go_instant(cells.get("settled_at")),
    }


def _payment(cells: Cells) -> dict[str, Any]:
    return {
        "node_software": _CLN,
        "payment_hash": _digest(cells.get("payment_hash")),
        "destination": _node(cells.get("destination")),
        # Core Lightning keeps the label of a payment in a column of this name.
        "label": _text(cells.get("description")),
        "description": _text(cells.get("paydescription")),
        "amount_msat": _number(cells.get("msatoshi")),
        "sent_msat": _number(cells.get("msatoshi_sent")),
        "state": _state(cells.get("status"), _PAYMENT_STATES),
        "at_utc": _instant(cells.get("timestamp")),
        "completed_at_utc": _instant(cells.get("completed_at")),
    }


def _channel(cells: Cells) -> dict[str, Any]:
    txid, output = _txid(cells.get("funding_tx_id")), _number(cells.get("funding_tx_outnum"))
    if txid is None or output is None:
        raise _UnreadRowError("it names no output of a transaction")
    opener = _number(cells.get("funder"))
    return {
        "node_software": _CLN,
        "funding_txid": txid,
        "funding_output_index": output,
        "short_channel_id": _channel_name(cells.get("short_channel_id"), cells.get("scid")),
        "capacity_sat": _number(cells.get("funding_satoshi")),
        "own_msat": _number(cells.get("msatoshi_local")),
        "opener": "unknown" if opener is None else _OPENERS.get(opener, "unknown"),
        "state": _state(cells.get("state"), _CHANNEL_STATES),
        "_peer": cells.get("peer_id"),
    }


def _forward(cells: Cells) -> dict[str, Any]:
    return {
        "node_software": _CLN,
        "in_channel": _channel_name(None, cells.get("in_channel_scid")),
        "out_channel": _channel_name(None, cells.get("out_channel_scid")),
        "in_msat": _number(cells.get("in_msatoshi")),
        "out_msat": _number(cells.get("out_msatoshi")),
        "state": _state(cells.get("state"), _FORWARD_STATES),
        "received_at_utc": _instant(cells.get("received_time"), 1_000_000_000),
        "resolved_at_utc": _instant(cells.get("resolved_time"), 1_000_000_000),
    }


_KINDS: tuple[_Kind, ...] = (
    _Kind(
        names=("invoices",),
        marks=("payment_hash", "payment_key", "label", "pay_index"),
        looked_at=(
            *("payment_hash", "label", "description", "msatoshi", "msatoshi_received", "state"),
            *("expiry_time", "paid_timestamp", "paid_txid", "paid_outnum"),
        ),
        becomes="lightning_invoices",
        row=_invoice,
    ),
    _Kind(
        names=("invoices",),
        marks=("hash", "preimage", "amount_msat", "payment_addr", "settle_index"),
        looked_at=(
            *("hash", "memo", "amount_msat", "amount_paid_msat", "state", "created_at", "expiry", "settled_at"),
        ),
        becomes="lightning_invoices",
        row=_lnd_invoice,
    ),
    _Kind(
        names=("payments",),
        marks=("payment_hash", "payment_preimage", "destination", "msatoshi_sent"),
        looked_at=(
            *("payment_hash", "destination", "description", "paydescription", "msatoshi", "msatoshi_sent", "status"),
            *("timestamp", "completed_at"),
        ),
        becomes="lightning_payments",
        row=_payment,
    ),
    _Kind(
        names=("channels",),
        marks=("peer_id", "funding_tx_id", "funding_tx_outnum", "shachain_remote_id"),
        looked_at=(
            *("peer_id", "funding_tx_id", "funding_tx_outnum", "funding_satoshi", "msatoshi_local", "funder"),
            *("state", "short_channel_id", "scid"),
        ),
        becomes="lightning_channels",
        row=_channel,
    ),
    _Kind(
        names=("forwards", "forwarded_payments"),
        marks=("in_channel_scid", "out_channel_scid", "in_msatoshi", "out_msatoshi"),
        looked_at=(
            *("in_channel_scid", "out_channel_scid", "in_msatoshi", "out_msatoshi", "state"),
            *("received_time", "resolved_time"),
        ),
        becomes="lightning_forwards",
        row=_forward,
    ),
)
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
                peers[cells["id"] or b""] = _node(cells["node_id"]), _text(cells["address"])
            return
        for kind in _KINDS:
            if name in kind.names and set(kind.marks) <= set(columns):
                self._of_kind(kind, source, name, columns, rows)
                return

    def _of_kind(
        self, kind: _Kind, source: RowSource, name: str, columns: tuple[str, ...], rows: pa.RecordBatch
    ) -> None:
        looked_at = tuple(column for column in kind.looked_at if column in columns)
        made = []
        for cells, place in _cells(columns, looked_at, rows):
            where = {"source_table": name, **place}
            try:
                told = kind.row(cells)
            except _UnreadRowError as error:
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
