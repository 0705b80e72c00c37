"""Bad input: one clear line with file, place and reason, status 2, and the case as it was; bad rows become defects."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

Refused = Callable[..., str]

DUMP = b"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
CREATE TABLE `people` (
  `id` int NOT NULL,
  `name` varchar(20) DEFAULT NULL,
  `seen` bigint DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `people` VALUES (1,'alder',1700000000),(2,'birch',1700000001);
INSERT INTO `people` VALUES (3,'cedar','soon'),(4,'elm',NULL),(4,'elm again',NULL);
-- Dump completed on 2026-01-01  0:00:00
"""
MAPPING = b"""version: 1
application: test
tables:
  - table: people
    binds: accounts
    key: id
    because: one row for each login
    columns:
      nickname: {column: name}
      role: {literal: member}
      registered_at_utc: {column: seen, unit: epoch_s}
"""
HASH_LIST = b"md5,category\n" + b"a" * 32 + b",1\n" + b"not hex,2\n" + b"b" * 32 + b",3\n"
ILLEGAL = ("--polarity", "known-illegal")


def state_of(case: Path) -> dict[str, str]:
    """Digest of every file of a case that is not its log of acts, and the rows of its database."""
    files = {
        str(path.relative_to(case)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("tables", "references", "packages", "private", "public")
        for path in sorted((case / folder).rglob("*"))
        if path.is_file()
    }
    files["case.toml"] = (case / "case.toml").read_text()
    with closing(sqlite3.connect(case / "case.db")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            files[f"case.db {name}"] = repr(database.execute(f"SELECT * FROM {name}").fetchall())
    return files


@pytest.fixture(scope="session")
def begun(tmp_path_factory, headwater) -> Path:
    """Folder with a case of one exhibit and one reference, its first two stages done; nobody writes to it."""
    folder = tmp_path_factory.mktemp("begun")
    case, good = folder / "case", folder / "good"
    good.mkdir()
    (good / "readme.txt").write_bytes(b"nothing of note\n")
    (folder / "list.csv").write_bytes(b"md5\n" + b"c" * 32 + b"\n")
    for step in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, good, "--exhibit", "GOOD", "--allow-unsealed"),
        ("reference", "add", case, "hash-list", folder / "list.csv", "--name", "list", "--version", "1", *ILLEGAL),
        ("reference", "confirm", case, "list@1", *ILLEGAL, "--operator", "B. Analyst", "--why", "told by its author"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    with closing(sqlite3.connect(case / "case.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def case(begun, tmp_path) -> Path:
    """A copy of that case."""
    return Path(shutil.copytree(begun / "case", tmp_path / "case"))


@pytest.fixture
def refused(case, headwater) -> Refused:
    """Runs a command that must be refused; gives its one line, after seeing that the case is as it was."""

    def refused(*arguments: object, recorded: bool = True) -> str:
        before, log_bytes = state_of(case), (case / "custody.log").stat().st_size
        done = headwater(*arguments)
        assert done.status == 2, done.err
        assert done.out == ""
        assert done.err.count("\n") == 1, done.err
        assert done.err.startswith("headwater: ")
        assert "Traceback" not in done.err
        assert state_of(case) == before
        grown = (case / "custody.log").stat().st_size > log_bytes
        assert grown == recorded
        verified = headwater("verify", case)
        assert verified.status == 0, verified.out
        return done.err.removeprefix("headwater: ").strip()

    return refused


def add(case: Path, path: object, *more: object) -> tuple[object, ...]:
    return "evidence", "add", case, path, "--exhibit", "BAD", "--allow-unsealed", *more


# Files that are not what they say


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("notes.img", b"just some text\n" * 1_000, "disk-image"),
        ("noise.raw", bytes(range(256)) * 64, "disk-image"),
        ("zeros.raw", bytes(1 << 16), None),
        ("notes.txt", b"just some text\n" * 1_000, None),
        ("page.sql", b"<html></html>\n" * 100, "dump"),
        ("wallet.dat", b"SQLite format 3\x00" + bytes(4_000), None),
        ("wallet.dat", b"plain text, and no wallet", "wallet"),
        ("image.E01", b"EVF\t\r\n\xff\x00" + bytes(2_000), None),
        ("image.qcow2", b"QFI\xfb" + bytes(2_000), None),
        ("image.vmdk", b"KDMV" + bytes(2_000), None),
        ("blk00000.dat", b"no block at all" * 100, "blocks"),
    ],
)
def test_a_file_that_is_not_what_it_says(case, refused, tmp_path, name, content, kind):
    path = tmp_path / name
    path.write_bytes(content)
    line = refused(*add(case, path, *(("--kind", kind) if kind else ())))
    assert str(path) in line
    assert len(line) > len(str(path)) + 20


def test_another_sqlite_file_is_no_wallet(case, refused, tmp_path):
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE main(key INTEGER, value TEXT)")
        database.commit()
    assert str(path) in refused(*add(case, path, "--kind", "wallet"))


@pytest.mark.parametrize("content", [b"", None])
def test_nothing_there_or_nothing_in_it(case, refused, tmp_path, content):
    path = tmp_path / "empty.img"
    if content is not None:
        path.write_bytes(content)
    line = refused(*add(case, path))
    assert line.startswith(str(path))
    assert ("empty file" if content is not None else "no such file") in line


def test_a_fifo_is_refused_and_not_waited_for(case, refused, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a folder" in refused(*add(case, tmp_path / "pipe"))


def test_a_name_that_is_not_utf8_can_be_refused_and_recorded(case, refused, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.img"))
    path.write_bytes(b"text")
    assert "caf" in refused(*add(case, path))


def test_a_file_that_may_not_be_read(case, refused, tmp_path):
    path = tmp_path / "folder" / "secret.img"
    path.parent.mkdir()
    path.write_bytes(b"x" * 100)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything, as root may")
    assert "not readable" in refused(*add(case, path), recorded=False)
    assert refused(*add(case, path.parent)).startswith(f"{path}: Permission denied")


def test_an_image_that_no_reader_here_knows_is_named_and_not_read_as_empty(case, refused, reference_data):
    path = reference_data / "disk/apfs.raw"
    line = refused(*add(case, path))
    assert str(path) in line
    assert "APFS" in line
    assert "byte " in line


def test_an_image_whose_filesystem_is_gone(case, refused, tmp_path):
    path = tmp_path / "wiped.img"
    partition = bytes.fromhex("000000008300000001000000ff070000")  # one Linux partition, sectors 1 to 2047
    path.write_bytes(bytes(446) + partition + bytes(48) + b"\x55\xaa" + bytes(1 << 20))
    line = refused(*add(case, path))
    assert "no readable volume" in line
    assert f"{path}, byte 512" in line


# Files cut short


def test_a_truncated_dump(case, refused, headwater, tmp_path):
    path = tmp_path / "platform.sql"
    path.write_bytes(DUMP[:-60])
    line = refused(*add(case, path))
    assert line.startswith(f"{path}, byte {len(DUMP) - 60}: truncated dump")
    for step in (add(case, path, "--accept-defects"), ("run", case, "--until", "catalogue", "--allow-unsealed")):
        done = headwater(*step)
        assert done.status == 0, done.err
    (exhibit,) = headwater("show", case, "exhibits", "--where", "exhibit_id=BAD", "--json").rows
    assert exhibit["integrity"] == "incomplete"
    ledger = headwater("ledger", case).out
    assert "4 rows" in ledger
    assert "truncated" in ledger
    assert headwater("verify", case).status == 0


def test_a_block_file_cut_in_the_middle_of_a_block(case, refused, headwater, tmp_path):
    blocks = tmp_path / "blocks"
    blocks.mkdir()
    body = bytes(80) + b"\x00"
    whole = bytes.fromhex("fabfb5da") + struct.pack("<I", len(body)) + body
    (blocks / "blk00000.dat").write_bytes(whole + whole[:-30])
    line = refused(*add(case, blocks))
    assert f"{blocks / 'blk00000.dat'}, byte {len(whole)}: " in line
    done = headwater("blocks", blocks / "blk00000.dat")
    assert done.status == 2
    assert done.err.count("\n") == 1


def test_a_split_image_without_its_second_segment(case, refused, reference_data, tmp_path):
    alone = tmp_path / "ext2.split.E01"
    alone.write_bytes((reference_data / "disk/ext2.split.E01").read_bytes())
    assert str(alone) in refused(*add(case, alone))


def test_an_altered_e01_is_refused_by_its_own_digest(case, refused, reference_data, tmp_path):
    content = bytearray((reference_data / "disk/ext2.E01").read_bytes())
    content[content.index(b"sectors") + 100] ^= 1  # a section's head has 76 bytes; then come the chunks
    altered = tmp_path / "altered.E01"
    altered.write_bytes(content)
    assert str(altered) in refused(*add(case, altered))


# References and mappings


def reference(case: Path, kind: str, path: Path, *more: object) -> tuple[object, ...]:
    return "reference", "add", case, kind, path, "--name", "new", "--version", "1", *more


def test_a_hash_list_with_a_bad_row(case, refused, headwater, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(HASH_LIST)
    offset = HASH_LIST.index(b"not hex")
    line = refused(*reference(case, "hash-list", path, *ILLEGAL))
    assert line.startswith(f"{path}, byte {offset}: row 1: 'md5' is not 32 hex digits")
    taken = headwater(*reference(case, "hash-list", path, *ILLEGAL, "--accept-defects", "--json"))
    assert taken.status == 0, taken.err
    assert (taken.rows[0]["rows"], taken.rows[0]["defects"]) == (2, 1)
    rows = headwater("show", case, "hash_list_entries", "--where", "reference_name=new", "--json").rows
    assert sorted(row["reference_row"] for row in rows) == [0, 2]
    (defect,) = headwater("show", case, "defects", "--json").rows
    assert (defect["reference_name"], defect["offset_bytes"]) == ("new@1", offset)
    assert "defects: 1 bad_reference_row" in headwater("ledger", case).out
    assert headwater("verify", case).status == 0


@pytest.mark.parametrize("polarity", [(), ("--polarity", "good")])
def test_a_hash_list_never_has_its_polarity_assumed(case, refused, begun, polarity):
    path = begun / "list.csv"
    assert "--polarity" in refused(*reference(case, "hash-list", path, *polarity))


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("hash-list", b'{"value": [}', "byte 11: not valid JSON"),
        ("hash-list", b'\xef\xbb\xbf{"value": [}', "byte 14: not valid JSON"),
        ("hash-list", b'{"value": 1}', "no list 'value'"),
        ("hash-list", b'[{"name": "x"}]', "VICS JSON (a list 'value'"),
        ("hash-list", b"[" * 100_000, "nested too deeply"),
        ("hash-list", b'[{"MD5": ' + b"9" * 6_000 + b"}]", "too long"),
        ("hash-list", b'[{"MD5": "' + b"a" * 32 + b'", "MediaSize": ' + b"9" * 30 + b"}]", "row 0: 'size'"),
        ("hash-list", b'[{"MD5": "' + b"a" * 32 + b'", "Series": "\\ud800"}]', "row 0: 'series' is not Unicode"),
        ("hash-list", b'[{"MD5": "abc"}]', "byte 1: row 0: 'md5' is not 32 hex digits"),
        ("hash-list", b"[]", "holds no row"),
        ("hash-list", b"md5\n", "holds no row"),
        ("hash-list", b"", "empty file"),
        ("hash-list", b"md5\n\xff\n", "byte 4: not UTF-8"),
        ("hash-list", b"md5\n" + b"a" * 200_000, "byte 4: row 0: field larger"),
        (
            "hash-list",
            b"name,size\nx,1\n",
            "text that begins with 'name', 'size' is not read (read here: CSV with a column",
        ),
        ("tag-pack", b"tags:\n  - address: \xff\n", "byte 19: not UTF-8"),
        ("tag-pack", b"tags:\n  - {address: 1Aa, label: [}\n", "not valid YAML"),
        ("tag-pack", b"tags: \x00", "not valid YAML"),
        ("tag-pack", b"tags:\n  - {address: a, label: b, lastmod: 2024-13-45}\n", "month must be in 1..12"),
        ("tag-pack", b"[" * 5_000, "not valid YAML"),
        ("tag-pack", b"title: no tags\n", "no list 'tags'"),
        ("tag-pack", b"tags:\n  - {label: b}\n", "row 0: 'address' is missing"),
        ("services", b"actor,name,kind,country,legal_contact,custodial\na,A,exchange,FR,x,perhaps\n", "'custodial'"),
        ("services", b"actor,name,kind,country,legal_contact,custodial\n" + b"a,A,exchange,FR,x,yes\n" * 2, "already"),
        ("records", b"source_key,full_name,convicted\n1,A B\n", "byte 31: row 0: 2 cells where the header has 3"),
        ("records", b"source_key,full_name,convicted\n,A B,no\n", "'source_key' is empty"),
        ("customers", b"actor,source_key,full_name\nx,1,A\nx,1,B\n", "byte 33: row 1: customer '1'"),
        ("networks", b"cidr,kind\n10.0.0.1/8,vpn\n", "'10.0.0.1/8' is not a network range"),
        ("nonsense", b"x\n", "reference kind 'nonsense' is unknown"),
    ],
)
def test_a_reference_that_cannot_be_used(case, refused, tmp_path, kind, content, reason):
    path = tmp_path / "reference"
    path.write_bytes(content)
    line = refused(*reference(case, kind, path, *(ILLEGAL if kind == "hash-list" else ())))
    assert reason in line
    assert not list((case / "references").glob(".*"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"x,1,withdrawal,%s,a,5,2024-01-01T00:00:00Z" % (b"a" * 64), "customer '1' of this service is in no customer"),
        (b"x,1,withdrawal,%s,a,--5,2024-01-01T00:00:00Z" % (b"a" * 64), "'amount_sat'"),
        (b"x,1,withdrawal,%s,a,%s,2024-01-01T00:00:00Z" % (b"a" * 64, b"9" * 5_000), "'amount_sat'"),
        (b"x,1,withdrawal,%s,a,5,2024-01-01T00:00:00" % (b"a" * 64), "names no time zone"),
        (b"x,1,withdrawal,%s,a,5,0001-01-01T00:00:00+14:00" % (b"a" * 64), "not an ISO 8601 time"),
        (b"x,1,sideways,%s,a,5,2024-01-01T00:00:00Z" % (b"a" * 64), "neither deposit nor withdrawal"),
    ],
)
def test_a_transaction_that_cannot_be_used(case, refused, tmp_path, row, reason):
    path = tmp_path / "transactions.csv"
    header = b"actor,source_key,direction,txid,address,amount_sat,at_utc\n"
    path.write_bytes(header + row + b"\n")
    line = refused(*reference(case, "customer-transactions", path))
    assert f"byte {len(header)}: row 0: " in line
    assert reason in line


def test_a_reference_of_the_same_name_and_version(case, refused, begun):
    options = ("--name", "list", "--version", "1")
    line = refused("reference", "add", case, "hash-list", begun / "list.csv", *options, *ILLEGAL)
    assert "imported already" in line


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a/b", "x" * 65])
def test_a_reference_name_that_is_a_path(case, refused, begun, name):
    options = ("--name", name, "--version", "1")
    assert "--name" in refused("reference", "add", case, "hash-list", begun / "list.csv", *options, *ILLEGAL)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"version: 1", b"version: 2", "this headwater reads version 1"),
        (b"version: 1", b"version: 2024-99-99", "month must be"),
        (b"tables:", b"tablets:", "no list 'tables'"),
        (b"binds: accounts", b"binds: people", "known are accounts"),
        (b"key: id", b"kee: id", "unknown key 'kee'"),
        (b"unit: epoch_s", b"unit: days", "nothing is guessed"),
        (b"because: one row for each login", b"because:", "a court may ask"),
        (b"- table: people", b"- {}\n  - table: people", "tables[0]"),
        (b"version: 1", b"version: 1\ncharset: hex", "charset 'hex' is unknown"),
        (b"version: 1", b"[" * 20_000, "mapping.yaml"),
        (b"version: 1", b"version: 1\x00", "not valid YAML"),
    ],
)
def test_a_mapping_that_is_not_understood(case, refused, tmp_path, old, new, reason):
    path = tmp_path / "mapping.yaml"
    path.write_bytes(MAPPING.replace(old, new))
    line = refused("map", case, "--approve", path)
    assert str(path) in line
    assert reason in line


# Cases


def test_a_path_that_is_no_case(headwater, tmp_path):
    for path, reason in ((tmp_path / "none", "no such folder"), (tmp_path, "no case here")):
        for command in (
            ("run", path),
            ("ledger", path),
            ("digests", path),
            ("evidence", "add", path, tmp_path, "--exhibit", "1"),
        ):
            done = headwater(*command)
            assert done.status == 2
            assert done.err == f"headwater: {path}: {reason}{done.err.partition(reason)[2]}"
            assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_case_is_never_created_over_something(case, refused):
    line = refused("case", "create", case, "--authority", "x", "--operator", "y", recorded=False)
    assert "is there already" in line


def test_a_case_of_a_newer_layout(case, headwater):
    before = state_of(case)
    settings = case / "case.toml"
    text = settings.read_text()
    settings.write_text(text.replace("case_format = 1", "case_format = 2\nsomething_new = true"))
    for command in (("run", case), ("verify", case), ("show", case, "items")):
        done = headwater(*command)
        assert done.status == 2
        assert "case format 2 is newer than this headwater reads (1)" in done.err
        assert done.err.count("\n") == 1
    settings.write_text(text)
    assert state_of(case) == before
    assert headwater("verify", case).status == 0


def test_a_case_with_a_newer_database(case, headwater):
    with closing(sqlite3.connect(case / "case.db")) as database:
        (known,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        database.execute("UPDATE alembic_version SET version_num = '0999'")
        database.commit()
    before = state_of(case)
    for command in (("run", case), ("ledger", case)):
        done = headwater(*command)
        assert done.status == 2
        assert "newer than this headwater reads" in done.err
        assert done.err.count("\n") == 1
    assert state_of(case) == before
    with closing(sqlite3.connect(case / "case.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (known,))
        database.commit()
    assert headwater("verify", case).status == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("case.toml", b"case_format = 1\nauthority_ref = \n"),
        ("case.toml", b"case_format = 1\nauthority_ref = 'x'\noperator = 'y'\ncolour = 'red'\n"),
        ("case.toml", b"\xff\xfe"),
        ("case.db", b"this is no database, and was never one " * 30),
        ("custody.log", b"this is no log\n"),
    ],
)
def test_a_damaged_case_is_one_clear_line(case, headwater, name, content):
    (case / "case.db-wal").unlink(missing_ok=True)
    (case / "case.db-shm").unlink(missing_ok=True)
    (case / name).write_bytes(content)
    done = headwater("run", case)
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert name in done.err


def test_a_case_without_its_database_is_not_taken_for_an_empty_one(case, headwater):
    for file in case.glob("case.db*"):
        file.unlink()
    done = headwater("ledger", case)
    assert done.status == 2
    assert "database is missing" in done.err
    assert not (case / "case.db").exists()


def test_bad_use_is_one_clear_line(case, refused, begun):
    assert "no such stage" in refused("run", case, "--until", "nonsense")
    assert "no table 'nonsense'" in refused("show", case, "nonsense")
    assert "no column 'nonsense'" in refused("show", case, "items", "--where", "nonsense=1")
    assert "write COLUMN=VALUE" in refused("show", case, "items", "--where", "nonsense")
    assert "no such link" in refused("judge", case, "lnk-none", "positive", "--why", "x")
    assert "exhibit number is taken" in refused(
        "evidence", "add", case, begun / "good", "--exhibit", "GOOD", "--allow-unsealed"
    )
    assert "printable" in refused("evidence", "add", case, begun / "good", "--exhibit", " ")
    assert "no such option" in refused("run", case, "--nonsense", recorded=False).lower()


# Bad rows in good files


def test_bad_rows_of_a_dump_become_defects_with_their_place(case, headwater, tmp_path):
    dump = tmp_path / "platform.sql"
    dump.write_bytes(DUMP)
    (tmp_path / "mapping.yaml").write_bytes(MAPPING)
    for step in (
        add(case, dump),
        ("map", case, "--approve", tmp_path / "mapping.yaml"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    accounts = headwater("show", case, "accounts", "--json").rows
    assert sorted(row["platform_key"] for row in accounts) == ["1", "2", "4"]
    defects = headwater("show", case, "defects", "--where", "code=row_not_readable", "--json").rows
    found = {DUMP[d["offset_bytes"] : d["offset_bytes"] + d["length_bytes"]]: d["reason"] for d in defects}
    assert set(found) == {b"(3,'cedar','soon')", b"(4,'elm again',NULL)"}
    assert "seen" in found[b"(3,'cedar','soon')"]
    ledger = headwater("ledger", case)
    assert "defects: 2 row_not_readable" in ledger.out
    assert "5 rows: 3 bound, 2 rejected, 0 ignored" in ledger.out
    assert headwater("verify", case).status == 0


def test_damaged_and_malformed_logs_become_defects_and_the_run_goes_on(tmp_path, headwater):
    logs = tmp_path / "logs"
    logs.mkdir()
    line = b'192.0.2.7 - - [10/Oct/2024:13:55:36 +0000] "GET / HTTP/1.1" 200 5\n'
    (logs / "access.log").write_bytes(line + b"rubbish\n" + line)
    packed = gzip.compress(line * 50, mtime=0)
    (logs / "access.log.1.gz").write_bytes(packed)
    (logs / "access.log.2.gz").write_bytes(packed[:-20])
    (logs / "access.log.3.gz").write_bytes(gzip.compress(bytes(150_000_000), compresslevel=1, mtime=0))
    case = tmp_path / "case"
    for step in (
        ("case", "create", case, "--authority", "x", "--operator", "A"),
        ("evidence", "add", case, logs, "--exhibit", "LOGS", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    requests = headwater("show", case, "web_requests", "--json").rows
    by_log = {name: [r for r in requests if r["log_path"] == name] for name in ("access.log", "access.log.1.gz!/")}
    assert [r["source_offset_bytes"] for r in by_log["access.log"]] == [0, len(line) + 8]
    assert len(by_log["access.log.1.gz!/"]) == 50
    defects = headwater("show", case, "defects", "--json").rows
    places = {(d["path"], d["code"], d["offset_bytes"]) for d in defects}
    assert ("access.log", "malformed", len(line)) in places
    assert {"access.log.2.gz!/", "access.log.3.gz!/"} <= {path for path, _, _ in places}
    assert headwater("verify", case).status == 0


def test_a_name_given_twice_on_a_damaged_volume_is_accounted_for(tmp_path, headwater):
    program = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("mke2fs is absent; it comes with e2fsprogs")
    source, image = tmp_path / "source", tmp_path / "twice.img"
    source.mkdir()
    (source / "aa").write_bytes(b"first\n")
    (source / "bb").write_bytes(b"second one\n")
    command = [program, "-q", "-t", "ext4", "-O", "^metadata_csum", "-d", str(source), str(image), "4M"]
    subprocess.run(command, check=True, capture_output=True)
    content = image.read_bytes()
    assert content.count(b"\x02\x01bb") == 1  # length of the name, kind of entry, name (ext4, ext4_dir_entry_2)
    image.write_bytes(content.replace(b"\x02\x01bb", b"\x02\x01aa"))
    case = tmp_path / "case"
    for step in (
        ("case", "create", case, "--authority", "x", "--operator", "A"),
        ("evidence", "add", case, image, "--exhibit", "DISK", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    rows = headwater("show", case, "items", "--where", "path=aa", "--json").rows
    assert sorted((row["disposition"], row["size_bytes"]) for row in rows) == [("catalogued", 6), ("refused", 11)]
    total = headwater("ledger", case, "--json").rows[1]
    assert (total["refused"], total["refused_bytes"], total["unaccounted_bytes"]) == (1, 11, 0)
    assert headwater("verify", case).status == 0
