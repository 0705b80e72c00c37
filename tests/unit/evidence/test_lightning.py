"""A node's database: what is looked at, what of it is no row, and what is never looked at."""

import datetime as dt
import hashlib
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from embit import bip39

from headwater.engine import Exhibit, Session, StageContext
from headwater.evidence import read_evidence
from headwater.schema import table_named
from headwater_synth.other_coins.lightning import core_lightning, eclair_database, lnd_database

PHRASE = bip39.mnemonic_from_bytes(hashlib.sha256(b"an invented label").digest()[:16])


def tables_of(folder: Path) -> dict:
    context = StageContext(
        tables=Session({}),
        exhibits=(Exhibit(exhibit_id="EX", exhibit_kind="directory", path=folder),),
        parameters={"monero_accounts": 1, "monero_subaddresses": 1},
        allow_unsealed=True,
    )
    with context.tables as session:
        session.put("exhibits", table_named("exhibits").empty())
        derived = read_evidence(context)
        return {name: table.to_pylist() for name, table in derived.items() if hasattr(table, "to_pylist")}


def made(tmp_path: Path, content: bytes, *statements: str) -> dict:
    path = tmp_path / "node"
    path.mkdir(exist_ok=True)
    with closing(sqlite3.connect(":memory:")) as node:
        node.deserialize(content)
        for statement in statements:
            node.execute(statement)
        node.commit()
        (path / "node.sqlite3").write_bytes(node.serialize())
    return tables_of(path)


@pytest.fixture
def node():
    return core_lightning(random.Random(1))


def test_channels_have_their_peers_and_their_outputs(tmp_path, node):
    rows = made(tmp_path, node.content)["lightning_channels"]
    assert sorted((row["funding_txid"], row["funding_output_index"]) for row in rows) == sorted(node.funding)
    by_output = {row["funding_output_index"]: row for row in rows}
    assert [by_output[n]["opener"] for n in (0, 1)] == ["local", "remote"]
    assert [by_output[n]["state"] for n in (0, 1)] == ["CHANNELD_NORMAL", "FUNDING_SPEND_SEEN"]
    assert by_output[1]["short_channel_id"] == "800001x12x1"
    assert by_output[1]["peer_network_address"] == "198.51.100.2:9735"
    assert all(len(row["peer_node_id"]) == 66 for row in rows)


def test_states_that_nobody_has_named_are_told_as_numbers(tmp_path, node):
    found = made(tmp_path, node.content, "UPDATE channels SET state = 13, funder = 7", "UPDATE invoices SET state = 9")
    assert {row["state"] for row in found["lightning_channels"]} == {"state 13"}
    assert {row["opener"] for row in found["lightning_channels"]} == {"unknown"}
    assert {row["state"] for row in found["lightning_invoices"]} == {"state 9"}


def test_a_row_without_its_form_is_a_defect_with_its_place(tmp_path, node):
    found = made(
        tmp_path,
        node.content,
        "UPDATE invoices SET payment_hash = x'00' WHERE id = 2",
        "UPDATE payments SET msatoshi = 'many' WHERE id = 1",
        "UPDATE channels SET funding_tx_id = NULL WHERE id = 1",
    )
    told = [row for row in found["defects"] if row["code"] == "lightning_row_not_read"]
    assert sorted(row["reason"].partition(":")[0] for row in told) == [
        "channels, row 1",
        "invoices, row 2",
        "payments, row 1",
    ]
    assert all(row["offset_bytes"] is not None and row["length_bytes"] for row in told)
    assert (len(found["lightning_invoices"]), len(found["lightning_payments"])) == (5, 2)
    assert len(found["lightning_channels"]) == 1


def test_a_text_that_holds_a_seed_is_withheld(tmp_path, node):
    found = made(tmp_path, node.content, f"UPDATE invoices SET label = 'keep {PHRASE} safe' WHERE id = 3")
    [row] = [row for row in found["lightning_invoices"] if row["description"] == "Membership 2"]
    assert row["label"] is None
    assert [row["code"] for row in found["defects"]].count("key_material_withheld") == 1
    assert PHRASE not in repr(found)


def test_times_are_what_the_table_says(tmp_path, node):
    found = made(
        tmp_path,
        node.content,
        "UPDATE invoices SET expiry_time = 9223372036854775807",
        "UPDATE payments SET timestamp = 0",
    )
    assert {row["expires_at_utc"] for row in found["lightning_invoices"]} == {None}
    assert {row["at_utc"] for row in found["lightning_payments"]} == {None}
    [forward] = found["lightning_forwards"]
    assert forward["received_at_utc"] == dt.datetime(2023, 11, 14, 22, 13, 20, 250_000, dt.UTC)


def test_an_older_database_has_fewer_columns(tmp_path, node):
    found = made(
        tmp_path,
        node.content,
        "ALTER TABLE invoices DROP COLUMN description",
        "ALTER TABLE payments DROP COLUMN completed_at",
        "ALTER TABLE channels DROP COLUMN scid",
        "UPDATE channels SET short_channel_id = '103x1x0' WHERE id = 1",
        "ALTER TABLE forwards RENAME TO forwarded_payments",
    )
    assert {row["description"] for row in found["lightning_invoices"]} == {None}
    assert {row["short_channel_id"] for row in found["lightning_channels"]} == {"103x1x0", None}
    assert len(found["lightning_forwards"]) == 1


def test_an_invoice_that_was_paid_on_the_chain_names_the_output(tmp_path, node):
    found = made(
        tmp_path, node.content, f"UPDATE invoices SET paid_txid = x'{'01' + '00' * 31}', paid_outnum = 2 WHERE id = 2"
    )
    by_label = {row["label"]: row for row in found["lightning_invoices"]}
    assert (by_label["order-1001"]["paid_txid"], by_label["order-1001"]["paid_output_index"]) == ("00" * 31 + "01", 2)
    assert by_label["order-1004"]["paid_txid"] is None


def test_a_payment_has_a_label_and_what_its_invoice_said(tmp_path, node):
    rows = made(tmp_path, node.content)["lightning_payments"]
    assert {(row["label"], row["description"]) for row in rows} == {("Hosting", "A rented server")}


def test_tables_of_the_same_names_in_other_applications_are_left_alone(tmp_path):
    with closing(sqlite3.connect(":memory:")) as shop:
        shop.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY, label TEXT, payment_hash TEXT, state INTEGER)")
        shop.execute("INSERT INTO invoices VALUES (1, 'a', 'b', 1)")
        shop.execute("CREATE TABLE channels (id INTEGER PRIMARY KEY, peer_id INTEGER, state INTEGER)")
        shop.execute("INSERT INTO channels VALUES (1, 1, 1)")
        shop.commit()
        content = shop.serialize()
    found = made(tmp_path, content)
    assert found["lightning_invoices"] == found["lightning_channels"] == found["coin_files"] == []
    assert [row["rows_read"] for row in found["dump_tables"]] == [1, 1]


def test_invoices_of_lnd_in_sql(tmp_path):
    node = lnd_database(random.Random(2))
    found = made(tmp_path, node.content)
    rows = sorted(found["lightning_invoices"], key=lambda row: row["source_row"])
    assert [row["payment_hash"] for row in rows] == [digest for digest, _ in node.invoices]
    assert [row["state"] for row in rows] == ["unpaid", "paid"]
    assert rows[1]["paid_at_utc"] == dt.datetime(2024, 3, 5, 10, 20, 30, 123456, dt.UTC)
    assert rows[0]["expires_at_utc"] == dt.datetime(2024, 3, 5, 11, 0, 0, 0, dt.UTC)
    assert [row["description"] for row in rows] == ["Ticket 0", "Ticket 1"]
    assert [row["coin_file_kind"] for row in found["coin_files"]] == ["lnd-sql"]
    for secret in node.secrets:
        assert secret.hex() not in repr(found)


def test_eclair_is_named_and_not_read(tmp_path):
    found = made(tmp_path, eclair_database())
    assert [row["coin_file_kind"] for row in found["coin_files"]] == ["eclair"]
    [told] = [row for row in found["defects"] if row["code"] == "coin_file_not_read"]
    assert told["reason"].startswith("eclair: a database of Eclair")


def test_an_invoice_that_a_write_ahead_log_has_changed_counts_once(tmp_path, node):
    folder = tmp_path / "node"
    folder.mkdir()
    path = folder / "lightningd.sqlite3"
    path.write_bytes(node.content)
    with closing(sqlite3.connect(path)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("UPDATE invoices SET state = 1, msatoshi_received = 77 WHERE id = 1")
        live.commit()
        copied = tmp_path / "copied"
        copied.mkdir()
        for name in ("lightningd.sqlite3", "lightningd.sqlite3-wal"):
            (copied / name).write_bytes((folder / name).read_bytes())
    found = tables_of(copied)
    assert len(found["lightning_invoices"]) == 6
    assert 77 in {row["received_msat"] for row in found["lightning_invoices"]}
    assert [row["coin_file_kind"] for row in found["coin_files"]] == ["core-lightning"]
