"""Dumps, logs and media that lie deep inside an exhibit: read, and walked back to it, wherever they lie."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headwater.schema import table_named
from headwater.workflow import open_tables
from headwater.workflow.table_checks import members_are_entries
from headwater_synth.disk_image import mke2fs_program

DUMP = b"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
CREATE TABLE `usr` (`id` int NOT NULL, `name` varchar(40) DEFAULT NULL, `more` longtext);
INSERT INTO `usr` VALUES (1,'alder','{"contact":{"mail":"alder@mail.test"}}'),(2,'birch','{}'),(3,'elm','not json');
CREATE TABLE `meta` (`who` int NOT NULL, `what` varchar(20) NOT NULL, `said` varchar(40));
INSERT INTO `meta` VALUES (1,'phone','+33612345678'),(2,'colour','green'),(2,'phone','+4930123456');
CREATE TABLE `put_01` (`id` int NOT NULL, `album` int NOT NULL, `at` bigint NOT NULL, `pth` varchar(80));
INSERT INTO `put_01` VALUES (1,7,1700000400,'still.png');
CREATE TABLE `put_02` (`id` int NOT NULL, `album` int NOT NULL, `at` bigint NOT NULL, `pth` varchar(80));
INSERT INTO `put_02` VALUES (1,8,1700000500,'gone.png'),(2,9,1700000600,'nowhere.png');
CREATE TABLE `album` (`id` int NOT NULL, `owner` int NOT NULL);
INSERT INTO `album` VALUES (7,1),(8,2);
CREATE TABLE `post` (`id` int NOT NULL, `who` int NOT NULL, `at` bigint NOT NULL, `txt` text);
INSERT INTO `post` VALUES (1,1,1700000400,'private words'),(2,1,1700000900,'more private words'),(3,2,1700000500,'x');
CREATE TABLE `left` (`a` int);
INSERT INTO `left` VALUES (1),(2);
-- Dump completed on 2026-01-01  0:00:00
"""
MAPPING = b"""version: 1
application: test
tables:
  - table: usr
    binds: accounts
    key: id
    because: one row for each login
    columns:
      nickname: {column: name}
      email: {column: more->contact->mail}
      phone: {column: id, via: {table: meta, key: who, take: said, where: {column: what, equals: phone}}}
      role: {literal: member}
  - table: put_*
    binds: uploads
    because: one row for each file, by month
    columns:
      account: {column: album, via: {table: album, key: id, take: owner}}
      at_utc: {column: at, unit: epoch_s}
      media_path: {column: pth, prefix: backup/site.tar.gz!/!/}
  - table: post
    binds: messages
    because: one row for each message
    columns: {account: {column: who}, at_utc: {column: at, unit: epoch_s}}
"""
LINE = b'192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "GET /a HTTP/1.1" 200 12 "-" "-"\n'


def chequered() -> bytes:
    """A chequered still."""
    rows, columns = np.mgrid[0:96, 0:128]
    pixels = ((rows // 8 + columns // 8) % 2 * 200 + rows // 2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def site() -> bytes:
    out = io.BytesIO()
    files = {
        "db/platform.sql.gz": gzip.compress(DUMP, mtime=0),
        "log/access.log": LINE * 3 + b"no line\n",
        "still.png": chequered(),
        "copy/platform.sql": DUMP,
    }
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


@pytest.fixture(scope="module", params=["folder", "image", "archive"])
def case(request: Any, tmp_path_factory: pytest.TempPathFactory, headwater: Callable[..., Any]) -> Path:
    """A case whose only exhibit holds the archive, after the stages up to media."""
    folder = tmp_path_factory.mktemp("inside")
    tree = folder / "tree" / "backup"
    tree.mkdir(parents=True)
    (tree / "site.tar.gz").write_bytes(site())
    exhibit = folder / "tree"
    if request.param == "image":
        exhibit = folder / "disk.raw"
        subprocess.run([mke2fs_program(), "-q", "-t", "ext4", "-d", folder / "tree", exhibit, "4M"], check=True)
    if request.param == "archive":
        exhibit = tree / "site.tar.gz"
    mapping = folder / "mapping.yaml"
    here = b"site.tar.gz!/!/" if request.param == "archive" else b"backup/site.tar.gz!/!/"
    mapping.write_bytes(MAPPING.replace(b"backup/site.tar.gz!/!/", here))
    path = folder / "case"
    for command in (
        ("case", "create", path, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", path, exhibit, "--exhibit", "EX-1"),
        ("map", path, "--approve", mapping),
        ("run", path, "--until", "media"),
    ):
        done = headwater(*command)
        assert done.status == 0, done.err
    return path


def rows_of(headwater: Callable[..., Any], case: Path, table: str) -> list[dict[str, Any]]:
    return list(headwater("show", case, table, "--json").rows)


def test_rows_are_bound_through_joins_paths_and_parts(case: Path, headwater: Callable[..., Any]):
    accounts = {row["nickname"]: row for row in rows_of(headwater, case, "accounts")}
    assert {name: (row["email"], row["phone"]) for name, row in accounts.items()} == {
        "alder": ("alder@mail.test", "+33612345678"),
        "birch": (None, "+4930123456"),
        "elm": (None, None),
    }
    uploads = rows_of(headwater, case, "uploads")
    owners = {row["account_id"]: name for name, row in accounts.items()}
    assert sorted((row["source_table"], owners[row["account_id"]]) for row in uploads) == [
        ("put_01", "alder"),
        ("put_02", "birch"),
    ]


def test_messages_are_counted_and_not_kept(case: Path, headwater: Callable[..., Any]):
    counts = rows_of(headwater, case, "message_counts")
    assert sorted((row["messages"], row["first_at_utc"] == row["last_at_utc"]) for row in counts) == [
        (1, True),
        (2, False),
    ]
    for table in sorted((case / "tables").rglob("*.parquet")):
        assert b"private words" not in table.read_bytes()


def test_one_content_is_read_once_wherever_it_lies_again(case: Path, headwater: Callable[..., Any]):
    defects = {row["code"]: row for row in rows_of(headwater, case, "defects")}
    assert "the same content as" in defects["copy_not_read_again"]["reason"]
    assert len(rows_of(headwater, case, "accounts")) == 3


def test_an_upload_without_an_owner_is_a_defect_with_its_place(case: Path, headwater: Callable[..., Any]):
    [lost] = [row for row in rows_of(headwater, case, "defects") if row["code"] == "row_not_readable"]
    assert lost["source_table"] == "put_02"
    length = lost["length_bytes"]
    assert DUMP[lost["offset_bytes"] :][:length] == b"(2,9,1700000600,'nowhere.png')"
    assert lost["path"].endswith("platform.sql") or lost["path"].endswith("platform.sql.gz!/")


def test_a_value_is_walked_back_to_dump_archive_and_exhibit(case: Path, headwater: Callable[..., Any]):
    [upload] = [row for row in rows_of(headwater, case, "uploads") if row["source_table"] == "put_01"]
    steps = headwater("explain", case, upload["upload_id"], "--json").rows
    items = [step["row"] for step in steps if step["table"] == "items"]
    assert {step["table"] for step in steps} >= {"uploads", "accounts", "items", "exhibits"}
    dump = next(row for row in items if row["sha256"] == hashlib.sha256(DUMP).hexdigest())
    start, length = upload["source_offset_bytes"], upload["source_length_bytes"]
    assert DUMP[start : start + length] == b"(1,7,1700000400,'still.png')"
    chain = [dump]
    while chain[-1]["container_id"]:
        chain.append(next(row for row in items if row["item_id"] == chain[-1]["container_id"]))
    assert chain[-1]["path"].endswith("site.tar.gz")
    assert chain[-1]["path"] in chain[0]["path"]


def test_a_still_in_an_archive_is_hashed_and_found_by_its_path(case: Path, headwater: Callable[..., Any]):
    [still] = [row for row in rows_of(headwater, case, "items") if row["path"].endswith("still.png")]
    [hashed] = [row for row in rows_of(headwater, case, "media_files") if row["item_id"] == still["item_id"]]
    assert hashed["status"] == "ok", hashed
    [found] = rows_of(headwater, case, "upload_items")
    assert (found["item_id"], found["resolved_by"]) == (still["item_id"], "path")
    checks = {(row["source_table"], row["check_name"]): row for row in rows_of(headwater, case, "mapping_checks")}
    assert (checks["put_01", "path_found"]["rows"], checks["put_01", "path_found"]["rows_met"]) == (1, 1)
    assert (checks["put_02", "path_found"]["rows"], checks["put_02", "path_found"]["rows_met"]) == (1, 0)


def test_a_log_in_an_archive_is_read(case: Path, headwater: Callable[..., Any]):
    lines = rows_of(headwater, case, "web_requests")
    assert len(lines) == 3
    assert {row["log_path"].rpartition("!/")[2] for row in lines} == {"log/access.log"}


def test_everything_adds_up(case: Path, headwater: Callable[..., Any]):
    verified = headwater("verify", case, "--json")
    assert verified.status == 0, verified.out
    ledger = headwater("ledger", case, "--json").rows
    assert ledger[0]["unaccounted_bytes"] == 0


def test_a_mapping_is_suggested_from_what_a_run_found(case: Path, headwater: Callable[..., Any], tmp_path: Path):
    draft = tmp_path / "draft.yaml"
    done = headwater("map", case, "--suggest", "--draft", draft, "--json")
    assert done.status == 0, done.err
    best = {
        (row["binds"], row["column_of_ours"]): (row["table"], row["column"])
        for row in done.rows
        if row["table_rank"] == row["rank"] == 1
    }
    assert best["accounts", "nickname"] == ("usr", "name")
    assert best["uploads", "media_path"] == ("put*", "pth")
    assert "put*" in draft.read_text()


def test_members_that_are_not_entries_are_noticed(case: Path, headwater: Callable[..., Any]):
    archives = rows_of(headwater, case, "archives")
    assert sorted((row["archive_format"], row["members"], row["reason"]) for row in archives) == [
        ("gzip", 1, None),
        ("gzip", 1, None),
        ("tar", 4, None),
    ]
    with open_tables(case) as tables:
        ran = {"evidence", "catalogue"}
        assert members_are_entries(tables, ran) is None
        table = table_named("archives")
        rows = tables.arrow("archives").to_pylist()
        tables.put("archives", table.rows([rows[0] | {"members": rows[0]["members"] + 1}, *rows[1:]]))
        assert "members and" in str(members_are_entries(tables, ran))
        tables.put("archives", table.rows(rows[1:]))
        assert "was not gone into" in str(members_are_entries(tables, ran))
