"""Row files of every format in one folder: read, counted, bound, and walked back to the bytes they came from."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headwater.workflow import open_tables
from headwater_synth.disk_image import mke2fs_program

TAB_SCHEMA = b"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
CREATE TABLE `pay` (`id` int NOT NULL, `who` int NOT NULL, `sat` bigint NOT NULL);
-- Dump completed on 2026-01-01  0:00:00
"""
DUMPED = b"/*!40101 SET NAMES binary*/;\n"
MAPPING = """version: 1
application: test
tables:
  - table: users
    source: "app.db"
    binds: accounts
    key: id
    because: one row for each login
    columns: {nickname: {column: name}, role: {literal: member}}
  - table: logins
    source: "*.jsonl"
    binds: logins
    because: one document for each login
    columns:
      account: {column: document->who}
      at_utc: {column: document->at, unit: datetime_zoned}
      network_address: {column: document->from}
  - table: files
    binds: uploads
    because: one line for each file
    columns: {account: {column: who}, at_utc: {column: at, unit: epoch_s}, media_path: {column: path}}
  - table: notes
    binds: messages
    because: one document for each message
    columns: {account: {column: document->who}, at_utc: {column: document->at, unit: datetime_zoned}}
"""


def bson(who: int, at_ms: int) -> bytes:
    body = b"\x10_id\0" + struct.pack("<i", who) + b"\x10who\0" + struct.pack("<i", who)
    body += b"\x09at\0" + struct.pack("<q", at_ms) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


@pytest.fixture(scope="module")
def seizure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database in use, exports of a document store, and dumps in parts."""
    folder = tmp_path_factory.mktemp("seizure")
    working = tmp_path_factory.mktemp("working") / "app.db"
    with closing(sqlite3.connect(working, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        database.executemany("INSERT INTO users VALUES (?, ?)", [(1, "alder"), (2, "birch")])
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("UPDATE users SET name = 'beech' WHERE id = 2")
        database.execute("INSERT INTO users VALUES (3, 'elm')")
        for suffix in ("", "-wal"):
            shutil.copy(f"{working}{suffix}", folder / f"app.db{suffix}")
    (folder / "lost.db-wal").write_bytes((folder / "app.db-wal").read_bytes()[:-1])
    (folder / "logins.jsonl").write_text(
        '{"_id":{"$oid":"0102030405060708090a0b0c"},"who":1,"at":{"$date":"2023-11-14T22:13:20Z"},"from":"192.0.2.7"}\n'
        '{"who":3,"at":{"$date":"2023-11-14T22:14:20Z"},"from":"192.0.2.8"}\n{"who":\n'
    )
    (folder / "files.csv").write_text("who,at,path\n1,1700000400,a.png\n2,1700000500,b.png\n")
    (folder / "notes.bson").write_bytes(bson(1, 1700000400000) + bson(2, 1700000500000))
    (folder / "tab").mkdir()
    (folder / "tab" / "pay.sql").write_bytes(TAB_SCHEMA)
    (folder / "tab" / "pay.txt").write_bytes(b"1\t1\t5000\n2\t2\t\\N\n")
    (folder / "readme.txt").write_bytes(b"a line of text, and no table\n")
    (folder / "parts").mkdir()
    (folder / "parts" / "metadata").write_bytes(b"# Started dump at: 2026-01-01 00:00:00\n")
    (folder / "parts" / "shop.item-schema.sql").write_bytes(DUMPED + b"CREATE TABLE `item` (`id` int, `n` int);\n")
    (folder / "parts" / "shop.item.00000.sql").write_bytes(DUMPED + b"INSERT INTO `item` VALUES (1,2),(3,4);\n")
    return folder


@pytest.fixture(scope="module")
def case(headwater: Callable[..., Any], seizure: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with that folder, run with the mapping."""
    folder = tmp_path_factory.mktemp("case")
    case, mapping = folder / "case", folder / "mapping.yaml"
    mapping.write_text(MAPPING)
    for command in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, seizure, "--exhibit", "EX-1"),
        ("map", case, "--approve", mapping),
        ("run", case, "--until", "catalogue"),
    ):
        done = headwater(*command)
        assert done.status == 0, done.err
    return case


def table(case: Path, name: str) -> list[dict[str, Any]]:
    with open_tables(case) as tables:
        return tables.arrow(name).to_pylist()


def test_every_row_of_every_file_is_counted(case: Path) -> None:
    counted = {
        (row["source_format"], row["source_table"]): (row["rows_read"], row["rows_mapped"])
        for row in table(case, "dump_tables")
        if row["rows_read"] or row["source_table"] != "item"  # which is declared in a file of its own
    }
    assert counted == {
        ("sqlite", "users"): (0, 0),
        ("sqlite-wal", "users"): (3, 3),
        ("sqlite", "users@without_wal"): (2, 0),
        ("json-rows", "logins"): (2, 2),
        ("csv", "files"): (2, 2),
        ("bson", "notes"): (2, 2),
        ("mysql-dump", "pay"): (0, 0),
        ("mysql-tab", "pay"): (2, 0),
        ("mysql-dump", "item"): (2, 0),
    }


def test_the_state_with_the_log_is_the_one_that_is_bound(case: Path) -> None:
    assert {row["platform_key"]: row["nickname"] for row in table(case, "accounts")} == {
        "1": "alder",
        "2": "beech",
        "3": "elm",
    }


def test_what_is_not_whole_is_told(case: Path) -> None:
    told = {(row["path"], row["code"]) for row in table(case, "defects")}
    assert told == {
        ("logins.jsonl", "row_not_readable"),
        ("lost.db-wal", "database_missing"),
        ("parts/metadata", "truncated"),
        ("parts/shop.item-schema.sql", "end_not_stated"),
        ("parts/shop.item.00000.sql", "end_not_stated"),
    }


def test_every_byte_of_them_is_in_a_range(case: Path) -> None:
    sizes = {row["item_id"]: row["size_bytes"] for row in table(case, "items")}
    ranges: dict[str, int] = {}
    for row in table(case, "dump_ranges"):
        ranges[row["source_item_id"]] = ranges.get(row["source_item_id"], 0) + row["range_bytes"]
    assert ranges == {item: sizes[item] for item in ranges}
    assert len(ranges) == 10


def test_a_row_is_found_again_in_the_file_it_is_cited_from(case: Path, seizure: Path) -> None:
    paths = {row["item_id"]: row["path"] for row in table(case, "items")}
    for row in table(case, "accounts"):
        assert paths[row["source_item_id"]] == "app.db-wal"
        content = (seizure / "app.db-wal").read_bytes()[row["source_offset_bytes"] :][: row["source_length_bytes"]]
        assert row["nickname"].encode() in content


def test_a_mapping_is_suggested_from_them(headwater: Callable[..., Any], case: Path) -> None:
    told = headwater("map", case, "--suggest")
    assert told.status == 0, told.err
    assert "users" in told.out
    assert "alder" not in told.out


def test_everything_adds_up(headwater: Callable[..., Any], case: Path) -> None:
    verified = headwater("verify", case, "--json")
    assert verified.status == 0, verified.out


def test_a_database_without_its_log_is_not_taken_in_by_mistake(
    headwater: Callable[..., Any], seizure: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    headwater("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner")
    refused = headwater("evidence", "add", case, seizure / "app.db", "--exhibit", "EX-1")
    assert refused.status == 2
    assert "write-ahead log app.db-wal stands beside it" in refused.err
    assert headwater("evidence", "add", case, seizure / "files.csv", "--exhibit", "EX-2").status == 0


def test_a_part_of_a_data_directory_inside_of_an_image_is_said_not_to_be_read(
    headwater: Callable[..., Any], tmp_path: Path
) -> None:
    tree, image, case = tmp_path / "tree", tmp_path / "disk.raw", tmp_path / "case"
    (tree / "var/lib/mysql").mkdir(parents=True)
    (tree / "var/lib/mysql/ibdata1").write_bytes(bytes(100))
    subprocess.run([mke2fs_program(), "-q", "-t", "ext4", "-d", tree, image, "4M"], check=True)
    for command in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, image, "--exhibit", "EX-1"),
        ("run", case, "--until", "catalogue"),
    ):
        done = headwater(*command)
        assert done.status == 0, done.err
    [defect] = table(case, "defects")
    assert (defect["path"], defect["code"]) == ("var/lib/mysql/ibdata1", "database_not_read")


OWN = (
    "1769914800.250|192.0.2.7|alder|GET /a HTTP/1.1|200|12\n"
    "1769914801.000|192.0.2.8|-|POST /b HTTP/1.1|404|0\n"
    "not a line of it\n"
)
LOGS = """version: 1
application: test
tables: []
logs:
  - path: '*/shop-*'
    log_format: '$msec|$remote_addr|$remote_user|$request|$status|$body_bytes_sent'
    because: etc/nginx/nginx.conf, line 31
"""


def test_a_log_in_a_format_of_its_own_is_read_where_the_mapping_says_so(tmp_path: Path, headwater: Any) -> None:
    folder, case = tmp_path / "exhibit", tmp_path / "case"
    (folder / "log").mkdir(parents=True)
    (folder / "log" / "shop-1").write_text(OWN)
    (folder / "log" / "shop-2.gz").write_bytes(gzip.compress(OWN.encode()))
    (folder / "log" / "other").write_text(OWN)
    (tmp_path / "mapping.yaml").write_text(LOGS)
    for step in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, folder, "--exhibit", "EX-1", "--allow-unsealed"),
        ("map", case, "--approve", tmp_path / "mapping.yaml", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
        ("verify", case),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    logs = {row["log_path"]: row for row in headwater("show", case, "web_logs", "--json").rows}
    assert set(logs) == {"log/shop-1", "log/shop-2.gz!/"}
    assert {(row["lines"], row["parsed"], row["rejected"]) for row in logs.values()} == {(3, 2, 1)}
    requests = headwater("show", case, "web_requests", "--json").rows
    assert {(row["network_address"], row["account_name"], row["status"]) for row in requests} == {
        ("192.0.2.7", "alder", 200),
        ("192.0.2.8", None, 404),
    }
    defects = headwater("show", case, "defects", "--json").rows
    assert [row["code"] for row in defects] == ["malformed", "malformed"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("    because: etc/nginx/nginx.conf, line 31\n", ""), "logs[0]: no 'because'; say how you know"),
        (("$remote_addr", "$host"), "logs[0]: the format names no client"),
        (("log_format", "format"), "logs[0]: unknown key 'format'"),
        (("logs:\n  - path: '*/shop-*'", "logs: {}\nelse:\n  - path: x"), "'logs' is not a list"),
    ],
)
def test_a_log_that_a_mapping_says_too_little_of_is_refused(
    tmp_path: Path, headwater: Any, change: tuple[str, str], said: str
) -> None:
    case = tmp_path / "case"
    assert headwater("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner").status == 0
    (tmp_path / "mapping.yaml").write_text(LOGS.replace(*change))
    done = headwater("map", case, "--approve", tmp_path / "mapping.yaml", "--allow-unsealed")
    assert done.status == 2
    assert said in done.err
