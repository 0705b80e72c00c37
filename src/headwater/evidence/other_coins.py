"""Files of Monero, Zcash and Lightning in an exhibit: each told by its content, with what can be done next.

A file that is not read is named all the same, in the table `coin_files` and as a defect: "encrypted" and "nothing
found" must never look alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.folders import shown
from headwater.evidence.gather import Gathered
from headwater.evidence.lightning import LIGHTNING_TABLES, Lightning
from headwater.evidence.lnd import take_lnd
from headwater.evidence.members import member_path
from headwater.evidence.monero import MONERO_TABLES
from headwater.evidence.readable import Readable
from headwater.evidence.row_source import RowSource
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.schema import content_id

__all__ = ["COIN_FILE_KINDS", "COIN_TABLES", "OtherCoins"]

COIN_TABLES = ("coin_files", *MONERO_TABLES, "zcash_receipts", *LIGHTNING_TABLES)
"""The tables that files of other coins become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFileKind:
    """A kind of file.

    Attributes:
        coin: monero, zcash or lightning.
        read_as: Tables that its content goes to; none for one that is only recognised.
        next_step: What can be done with it next.
        encrypted: Whether it is; None where only the file itself says.
    """

    coin: str
    next_step: str
    read_as: tuple[str, ...] = ()
    encrypted: bool | None = None


_ASK_WALLET = "open a copy with the wallet's own program"
_OWN_NODE = "have the unit's own node print the transactions (get_transactions with decode_as_json)"

COIN_FILE_KINDS: Mapping[str, CoinFileKind] = {
    "monero-wallet": CoinFileKind(
        coin="monero",
        encrypted=True,
        next_step="encrypted (it has the form of a Monero wallet's file of keys or cache): give the password: "
        f"{_ASK_WALLET}, note primary address and private view key, and look with them (exhibit kind monero)",
    ),
    "monero-chain": CoinFileKind(
        coin="monero",
        encrypted=False,
        next_step=f"a node's copy of the chain, which names no owner; give a wallet's view key, and {_OWN_NODE}",
    ),
    "monero-answers": CoinFileKind(
        coin="monero",
        encrypted=False,
        next_step="transactions that a node printed: put them into a folder with the wallet's address file, and add "
        "that with --kind monero and the private view key",
    ),
    "zcash-wallet": CoinFileKind(
        coin="zcash",
        next_step=f"shielded payments are not decrypted here: {_ASK_WALLET}, zcashd, with the passphrase if it is "
        "encrypted, print z_listreceivedbyaddress and z_viewtransaction to files, and add those",
    ),
    "zcash-light-wallet": CoinFileKind(
        coin="zcash",
        encrypted=False,
        next_step="a light wallet's database: its rows can be bound by a mapping, its program shows the payments",
    ),
    "zcash-answers": CoinFileKind(
        coin="zcash",
        encrypted=False,
        read_as=("zcash_receipts",),
        next_step="read: incoming shielded payments as the wallet's program printed them",
    ),
    "core-lightning": CoinFileKind(
        coin="lightning",
        encrypted=False,
        read_as=("lightning_invoices", "lightning_payments", "lightning_channels", "lightning_forwards"),
        next_step="read: what the node itself keeps",
    ),
    "lnd-sql": CoinFileKind(
        coin="lightning",
        encrypted=False,
        read_as=("lightning_invoices",),
        next_step="read: invoices of LND; look for its channels in channel.db or the tables named *_kv",
    ),
    "lnd-key-value": CoinFileKind(
        coin="lightning",
        next_step="LND's state as key-value rows of SQL, which are not taken apart; a copy of the node, opened "
        "offline, prints listchannels, closedchannels, listinvoices and listpayments",
    ),
    "lnd-channels": CoinFileKind(
        coin="lightning",
        encrypted=False,
        read_as=("lightning_invoices", "lightning_payments", "lightning_channels"),
        next_step="read: what the node itself keeps",
    ),
    "lnd-wallet": CoinFileKind(
        coin="lightning",
        encrypted=True,
        next_step="encrypted: LND's wallet of keys on the chain; give the password to the node's own program, opened "
        "offline on a copy, which prints addresses and transactions",
    ),
    "lnd-macaroons": CoinFileKind(
        coin="lightning", encrypted=True, next_step="encrypted: LND's access tokens; they hold no payments"
    ),
    "lnd-other": CoinFileKind(
        coin="lightning", next_step="LND's notes against replay or for watchtowers; they hold no payments"
    ),
    "eclair": CoinFileKind(
        coin="lightning",
        next_step="a database of Eclair, whose rows are kept as its software encodes them and are not read here; its "
        "own program prints channels, audit, listinvoices",
    ),
}
"""What a file of other coins can be."""

# Tables of SQL that tell whose a database is.
_TABLES: tuple[tuple[str, frozenset[str]], ...] = (
    ("core-lightning", frozenset({"db_upgrades", "shachains", "channel_htlcs", "invoices"})),
    ("lnd-sql", frozenset({"invoices", "invoice_features", "invoice_htlcs"})),
    ("lnd-key-value", frozenset({"channeldb_kv"})),
    ("lnd-key-value", frozenset({"walletdb_kv"})),
    ("eclair", frozenset({"local_channels", "htlc_infos"})),
    ("eclair", frozenset({"relayed", "channel_events", "channel_errors"})),
    ("zcash-light-wallet", frozenset({"sapling_received_notes", "accounts"})),
    ("zcash-light-wallet", frozenset({"received_notes", "sapling_witnesses"})),
)
_STORES = frozenset({"berkeley-db", "bbolt", "lmdb"})
_AS_THEY_ARE = frozenset({"monero-wallet", "monero-answers", "zcash-answers"})
_BBOLT = "a key-value file of bbolt of some other software; it is not read"


class OtherCoins:
    """Files of other coins in one exhibit.

    Args:
        exhibit_id: The exhibit.
        pool: Sealed workers.
        gathered: Takes the rows.
    """

    def __init__(self, exhibit_id: str, pool: SealedPool, gathered: Gathered) -> None:
        self._exhibit_id = exhibit_id
        self._pool = pool
        self._gathered = gathered
        self._lightning = Lightning(gathered)
        self._tables: dict[str, tuple[RowSource, set[str]]] = {}

    def read(self, file: Readable, source: RowSource) -> bool:
        """Whether a file is one of other coins, which is then named, and read where it can be."""
        found = file.content_format
        if found in _AS_THEY_ARE:
            self._name(source, found, None)
            if found == "zcash-answers":
                self._zcash(file, source)
            return True
        return found in _STORES and self._store(file, source)

    def _store(self, file: Readable, source: RowSource) -> bool:
        path = shown(member_path(file.path_bytes))
        try:
            batches = list(self._pool.stream("name_coin_store", file.reached.files, file.parameters))
        except SealedWorkerError as error:
            self._gathered.defect(self._exhibit_id, path, "coin_file_not_read", error.reason)
            return False
        told = batches[0].to_pylist()[0]
        kind = told["coin_file_kind"]
        if kind in COIN_FILE_KINDS:
            self._name(source, kind, told["is_encrypted"])
            if kind == "lnd-channels":
                self._lnd(file, source)
            return True
        if told["reason"] is not None and file.content_format != "berkeley-db":
            self._gathered.defect(self._exhibit_id, path, "coin_file_not_read", told["reason"])
        elif kind == "bbolt":
            self._gathered.defect(self._exhibit_id, path, "coin_file_not_read", _BBOLT)
        return False

    def _name(self, source: RowSource, kind: str, encrypted: bool | None) -> None:  # noqa: FBT001 - absent is unknown
        told = COIN_FILE_KINDS[kind]
        row = {
            "exhibit_id": self._exhibit_id,
            "source_item_id": source.item_id,
            "path": source.path,
            "coin": told.coin,
            "coin_file_kind": kind,
            "is_encrypted": told.encrypted if encrypted is None else encrypted,
            "read_as": ",".join(told.read_as),
            "next_step": told.next_step,
        }
        self._gathered.add_rows("coin_files", [row])
        if not told.read_as:
            self._gathered.defect(self._exhibit_id, source.path, "coin_file_not_read", f"{kind}: {told.next_step}")

    def take(self, source: RowSource, batch: pa.RecordBatch) -> None:
        """Looks at the records of a database as they come by."""
        if source.source_format not in {"sqlite", "sqlite-wal"}:
            return
        self._lightning.take(source, batch)
        named = batch.filter(pc.equal(batch["record_kind"], "table"))["table_name"]
        self._tables.setdefault(source.item_id, (source, set()))[1].update(named.to_pylist())

    def finish(self) -> None:
        """Names the databases that are of other coins, by their tables."""
        for source, names in self._tables.values():
            for kind in dict.fromkeys(kind for kind, marks in _TABLES if marks <= names):
                self._name(source, kind, None)
                break
        self._tables.clear()
        self._lightning.finish()

    def _lnd(self, file: Readable, source: RowSource) -> None:
        batches = self._pool.stream("read_lnd", file.reached.files, file.parameters)
        try:
            take_lnd(source, batches, self._lightning, self._gathered)
        except SealedWorkerError as error:
            self._gathered.defect(self._exhibit_id, source.path, "coin_file_not_read", error.reason)

    def _zcash(self, file: Readable, source: RowSource) -> None:
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        try:
            for batch in self._pool.stream("read_zcash_answers", file.reached.files, file.parameters):
                for row in batch.to_pylist():
                    if row["kind"] == "defect":
                        self._gathered.defect(self._exhibit_id, source.path, row["code"], row["reason"])
                    else:
                        place = row["txid"], row["pool"], row["joinsplit_index"], row["output_index"], source.item_id
                        found.setdefault(place, row)
        except SealedWorkerError as error:
            self._gathered.defect(self._exhibit_id, source.path, "zcash_answer_not_read", error.reason)
        self._gathered.add_rows("zcash_receipts", (self._zcash_row(source, *pair) for pair in found.items()))

    def _zcash_row(self, source: RowSource, place: tuple[Any, ...], row: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in row.items() if key not in {"kind", "number", "at_s", "code", "reason"}}
        return kept | {
            "zcash_receipt_id": content_id("zec", self._exhibit_id, *(-1 if part is None else part for part in place)),
            "at_utc": None if row["at_s"] is None else dt.datetime.fromtimestamp(row["at_s"], dt.UTC),
            "exhibit_id": self._exhibit_id,
            "source_item_id": source.item_id,
            "source_row": row["number"],
        }
