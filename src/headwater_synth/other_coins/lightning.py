"""An invented node's database as Core Lightning keeps it, with the secrets that such a database holds.

References:
    Core Lightning, wallet/db.c: the tables that follow, with the columns that are looked at and those that must not be.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

__all__ = ["MadeNode", "core_lightning", "eclair_database", "lnd_database"]

_TABLES = """
CREATE TABLE version (version INTEGER);
CREATE TABLE vars (name VARCHAR(32) PRIMARY KEY, val VARCHAR(255), intval INTEGER, blobval BLOB);
CREATE TABLE db_upgrades (upgrade_from INTEGER, lightning_version TEXT);
CREATE TABLE shachains (id INTEGER PRIMARY KEY, min_index BIGINT, num_valid BIGINT);
CREATE TABLE peers (id INTEGER PRIMARY KEY, node_id BLOB UNIQUE, address TEXT, feature_bits BLOB);
CREATE TABLE channels (id INTEGER PRIMARY KEY, peer_id BIGINT REFERENCES peers(id) ON DELETE CASCADE,
  short_channel_id TEXT, state INTEGER, funder INTEGER, funding_tx_id BLOB, funding_tx_outnum INTEGER,
  funding_satoshi BIGINT, msatoshi_local BIGINT, shachain_remote_id BIGINT, per_commit_remote BLOB,
  scid BIGINT);
CREATE TABLE channel_htlcs (id INTEGER PRIMARY KEY, channel_id BIGINT, payment_hash BLOB, payment_key BLOB);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, state INTEGER, msatoshi BIGINT, payment_hash BLOB, payment_key BLOB,
  label TEXT, expiry_time BIGINT, pay_index BIGINT, msatoshi_received BIGINT, paid_timestamp BIGINT, bolt11 TEXT,
  description TEXT, paid_txid BLOB DEFAULT NULL, paid_outnum INTEGER DEFAULT NULL);
CREATE TABLE payments (id INTEGER PRIMARY KEY, timestamp INTEGER, status INTEGER, payment_hash BLOB,
  destination BLOB, msatoshi BIGINT, payment_preimage BLOB, path_secrets BLOB, msatoshi_sent BIGINT,
  description TEXT, bolt11 TEXT, completed_at INTEGER, paydescription TEXT);
CREATE TABLE forwards (in_channel_scid BIGINT, in_htlc_id BIGINT, out_channel_scid BIGINT, in_msatoshi BIGINT,
  out_msatoshi BIGINT, state INTEGER, received_time BIGINT, resolved_time BIGINT);
"""
_BEGAN_S = 1_700_000_000


@dataclass(slots=True, kw_only=True)
class MadeNode:
    """A database, and what a reader may and may not find.

    Attributes:
        content: The file.
        secrets: What must be in no output: preimages, keys, secrets of routes.
        invoices: Payment hash and label of each invoice.
        funding: Transaction and output of each channel.
    """

    content: bytes = b""
    secrets: list[bytes] = field(default_factory=list)
    invoices: list[tuple[str, str]] = field(default_factory=list)
    funding: list[tuple[str, int]] = field(default_factory=list)

    def secret(self, rng: random.Random) -> bytes:
        """Bytes that must be in no output."""
        self.secrets.append(rng.randbytes(32))
        return self.secrets[-1]


def _insert(node: sqlite3.Connection, table: str, row: Sequence[object]) -> None:
    places = ",".join("?" * len(row))
    node.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608 -- the table is one of those above


def _node_id(rng: random.Random) -> bytes:
    return b"\2" + rng.randbytes(32)


def core_lightning(rng: random.Random, *, invoices: int = 6, payments: int = 3, channels: int = 2) -> MadeNode:
    """A node with so many invoices, payments and channels."""
    made = MadeNode()
    with closing(sqlite3.connect(":memory:")) as node:
        node.executescript(_TABLES)
        node.execute("INSERT INTO db_upgrades VALUES (0, 'v24.11')")
        node.execute("INSERT INTO vars VALUES ('bip32_max_index', NULL, 7, ?)", (made.secret(rng),))
        for number in range(channels):
            txid = rng.randbytes(32)
            made.funding.append((txid[::-1].hex(), number))
            peer = (number + 1, _node_id(rng), f"198.51.100.{number + 1}:9735", b"")
            _insert(node, "peers", peer)
            channel = (
                *(number + 1, number + 1, None, (3, 8)[number % 2], number % 2, txid, number, 1_000_000, 600_000_000),
                *(1, made.secret(rng), 800_000 + number << 40 | 12 << 16 | number),
            )
            _insert(node, "channels", channel)
        for number in range(invoices):
            key, digest = made.secret(rng), rng.randbytes(32)
            label = f"order-{1000 + number}"
            made.invoices.append((digest.hex(), label))
            paid = number % 3 == 1
            invoice = (
                *(number + 1, number % 3, (number + 1) * 25_000_000 if number else None, digest, key, label),
                *(_BEGAN_S + 3600 * (number + 1), number if paid else None),
                *((number + 1) * 25_000_000 if paid else None, _BEGAN_S + 60 * number if paid else None),
                *(f"lnbcrt{made.secret(rng).hex()}", f"Membership {number}", None, None),
            )
            _insert(node, "invoices", invoice)
        for number in range(payments):
            payment = (
                *(
                    number + 1,
                    _BEGAN_S + number,
                    number % 3,
                    rng.randbytes(32),
                    _node_id(rng),
                    5_000_000,
                    made.secret(rng),
                ),
                *(
                    made.secret(rng),
                    5_010_000,
                    "Hosting",
                    f"lnbcrt{made.secret(rng).hex()}",
                    _BEGAN_S + number + 5,
                    "A rented server",
                ),
            )
            _insert(node, "payments", payment)
        begin_ns = _BEGAN_S * 10**9 + 250_000_000
        forward = (800_000 << 40 | 1, 1, 800_001 << 40 | 2, 7_001_000, 7_000_000, 1, begin_ns, begin_ns + 10**9)
        _insert(node, "forwards", forward)
        node.commit()
        made.content = node.serialize()
    return made


def lnd_database(rng: random.Random) -> MadeNode:
    """Invoices of LND as newer versions keep them in SQL; the states of its channels lie elsewhere."""
    made = MadeNode()
    with closing(sqlite3.connect(":memory:")) as node:
        node.executescript(
            "CREATE TABLE invoices (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, preimage BLOB, settle_index BIGINT,"
            " settled_at TIMESTAMP, memo TEXT, amount_msat BIGINT NOT NULL, cltv_delta INTEGER, expiry INTEGER,"
            " payment_addr BLOB, payment_request TEXT, payment_request_hash BLOB, state SMALLINT NOT NULL,"
            " amount_paid_msat BIGINT NOT NULL, is_amp BOOLEAN, is_hodl BOOLEAN, is_keysend BOOLEAN,"
            " created_at TIMESTAMP NOT NULL);"
            "CREATE TABLE invoice_features (feature INTEGER, invoice_id BIGINT);"
            "CREATE TABLE invoice_htlcs (id INTEGER PRIMARY KEY, htlc_id BIGINT, chan_id TEXT);"
        )
        for number in range(2):
            digest = rng.randbytes(32)
            made.invoices.append((digest.hex(), ""))
            row = (
                *(number + 1, digest, made.secret(rng), number or None),
                *("2024-03-05 10:20:30.123456789 +0000 UTC" if number else None, f"Ticket {number}", 40_000),
                *(40, 3600, made.secret(rng), f"lnbcrt{made.secret(rng).hex()}", None, number, 40_000 * number),
                *(False, False, False, "2024-03-05 10:00:00 +0000 UTC"),
            )
            _insert(node, "invoices", row)
        node.commit()
        made.content = node.serialize()
    return made


def eclair_database() -> bytes:
    """The tables of a database of Eclair, empty."""
    with closing(sqlite3.connect(":memory:")) as node:
        node.executescript(
            "CREATE TABLE local_channels (channel_id BLOB NOT NULL PRIMARY KEY, data BLOB NOT NULL);"
            "CREATE TABLE htlc_infos (channel_id BLOB NOT NULL, commitment_number INTEGER NOT NULL);"
        )
        node.commit()
        return bytes(node.serialize())
