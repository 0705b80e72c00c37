"""Which tables of a Lightning node's database are read, and what a row of each says; every other column is left alone.

References:
    Core Lightning, wallet/db.c (tables), lightningd/channel_state.h, wallet/wallet.h (numbers of states).
    LND, sqldb/sqlc/migrations (table invoices), channeldb/invoices.go (numbers of states).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NODE_TABLES", "NodeTable", "UnreadRowError", "node_id", "shown_text"]

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
Cells = Mapping[str, bytes | None]


class UnreadRowError(Exception):
    """A row that does not have the form of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTable:
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
        raise UnreadRowError("its payment hash is none")
    return raw.hex()


def _number(raw: bytes | None) -> int | None:
    if raw is None:
        return None
    try:
        number = int(raw)
    except ValueError:
        raise UnreadRowError("a number is none") from None
    if abs(number) > _MAX_INT:
        raise UnreadRowError("a number is larger than there is room for")
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


def shown_text(raw: bytes | None) -> str | None:
    r"""The text of a cell, with bytes that are not UTF-8 as `\\xNN`."""
    return None if raw is None else raw.decode("utf-8", "backslashreplace")


def node_id(raw: bytes | None) -> str | None:
    """The public key of a node; None if the cell holds none."""
    return raw.hex() if raw is not None and len(raw) == 33 and raw[0] in {2, 3} else None


def _txid(raw: bytes | None) -> str | None:
    """A transaction's id as it is shown; it is kept as in Bitcoin's protocol, the other way round."""
    return raw[::-1].hex() if raw is not None and len(raw) == 32 else None


def _channel_name(text: bytes | None, number: bytes | None) -> str | None:
    """The short id of a channel: as text of older versions, or from the number of newer ones (BOLT 7)."""
    if text:
        return shown_text(text)
    whole = _number(number)
    return None if not whole or whole < 0 else f"{whole >> 40}x{whole >> 16 & 0xFFFFFF}x{whole & 0xFFFF}"


def _invoice(cells: Cells) -> dict[str, Any]:
    return {
        "node_software": _CLN,
        "payment_hash": _digest(cells.get("payment_hash")),
        "label": shown_text(cells.get("label")),
        "description": shown_text(cells.get("description")),
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
        "description": shown_text(cells.get("memo")) or None,
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
        "destination": node_id(cells.get("destination")),
        # Core Lightning keeps the label of a payment in a column of this name.
        "label": shown_text(cells.get("description")),
        "description": shown_text(cells.get("paydescription")),
        "amount_msat": _number(cells.get("msatoshi")),
        "sent_msat": _number(cells.get("msatoshi_sent")),
        "state": _state(cells.get("status"), _PAYMENT_STATES),
        "at_utc": _instant(cells.get("timestamp")),
        "completed_at_utc": _instant(cells.get("completed_at")),
    }


def _channel(cells: Cells) -> dict[str, Any]:
    txid, output = _txid(cells.get("funding_tx_id")), _number(cells.get("funding_tx_outnum"))
    if txid is None or output is None:
        raise UnreadRowError("it names no output of a transaction")
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


NODE_TABLES: tuple[NodeTable, ...] = (
    NodeTable(
        names=("invoices",),
        marks=("payment_hash", "payment_key", "label", "pay_index"),
        looked_at=(
            *("payment_hash", "label", "description", "msatoshi", "msatoshi_received", "state"),
            *("expiry_time", "paid_timestamp", "paid_txid", "paid_outnum"),
        ),
        becomes="lightning_invoices",
        row=_invoice,
    ),
    NodeTable(
        names=("invoices",),
        marks=("hash", "preimage", "amount_msat", "payment_addr", "settle_index"),
        looked_at=(
            *("hash", "memo", "amount_msat", "amount_paid_msat", "state", "created_at", "expiry", "settled_at"),
        ),
        becomes="lightning_invoices",
        row=_lnd_invoice,
    ),
    NodeTable(
        names=("payments",),
        marks=("payment_hash", "payment_preimage", "destination", "msatoshi_sent"),
        looked_at=(
            *("payment_hash", "destination", "description", "paydescription", "msatoshi", "msatoshi_sent", "status"),
            *("timestamp", "completed_at"),
        ),
        becomes="lightning_payments",
        row=_payment,
    ),
    NodeTable(
        names=("channels",),
        marks=("peer_id", "funding_tx_id", "funding_tx_outnum", "shachain_remote_id"),
        looked_at=(
            *("peer_id", "funding_tx_id", "funding_tx_outnum", "funding_satoshi", "msatoshi_local", "funder"),
            *("state", "short_channel_id", "scid"),
        ),
        becomes="lightning_channels",
        row=_channel,
    ),
    NodeTable(
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
"""Every table that is read; which one a table of the file is, its columns say."""
