"""SQLite: what the library itself reads is what is read here, with the write-ahead log and without."""

from __future__ import annotations

import io
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sqlite_rows import WITHOUT_LOG, parse_sqlite

Record = dict[str, Any]
Row = list[bytes | None]


def records(files: Sequence[bytes], part: str = "database") -> list[Record]:
    found: list[Record] = []
    entries = [{"file_index": number} for number in range(len(files))]
    opened = [io.BytesIO(content) for content in files]
    parse_sqlite(opened, {"entries": entries, "part": part}, lambda batch: found.extend(batch.to_pylist()))
    if part != "without_log":
        size = len(files[part == "log"])
        assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == size
    return found


def rows_of(found: Sequence[Record], table: str) -> list[Row]:
    return [record["values"] for record in found if record["record_kind"] == "row" and record["table_name"] == table]


def defects_of(found: Sequence[Record]) -> list[tuple[str, str]]:
    return [(record["code"], record["reason"]) for record in found if record["record_kind"] == "defect"]


def written(value: object, encoding: str = "utf-8") -> bytes | None:
    """A value of the library as the reader gives it."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode(encoding)
    return repr(value).encode("ascii")


def oracle(path: Path, table: str, order: str) -> list[Row]:
    with closing(sqlite3.connect(path)) as database:
        return [
            [written(value) for value in row] for row in database.execute(f"SELECT * FROM {table} ORDER BY {order}")
        ]


TYPES = ["", "TEXT", "INTEGER", "REAL", "BLOB", "NUMERIC(9, 2)"]
VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-300, 300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    | st.binary(max_size=20)
    | st.integers(100, 9000).map(lambda size: random.Random(size).randbytes(size))
)


@st.composite
def databases(draw: st.DrawFn) -> dict[str, Any]:
    columns = draw(st.integers(1, 4))
    return {
        "page_size": draw(st.sampled_from([512, 1024, 4096])),
        "encoding": draw(st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"])),
        "vacuum": draw(st.integers(0, 2)),
        "types": draw(st.lists(st.sampled_from(TYPES), min_size=columns, max_size=columns)),
        "rows": draw(st.lists(st.lists(VALUES, min_size=columns, max_size=columns), max_size=40)),
        "deleted": draw(st.integers(1, 5)),
        "without_rowid": draw(st.booleans()),
    }


@settings(max_examples=60, deadline=None)
@given(databases())
def test_every_row_that_the_library_reads(drawn: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        columns = ", ".join(f'"c {n}" {kind}' for n, kind in enumerate(drawn["types"]))
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(f"PRAGMA page_size = {drawn['page_size']}")
            database.execute(f"PRAGMA encoding = '{drawn['encoding']}'")
            database.execute(f"PRAGMA auto_vacuum = {drawn['vacuum']}")
            database.execute("PRAGMA journal_mode = MEMORY")
            key = "PRIMARY KEY (k)) WITHOUT ROWID" if drawn["without_rowid"] else "PRIMARY KEY(k))"
            database.execute("BEGIN")
            database.execute(f"CREATE TABLE t ({columns}, k TEXT NOT NULL, {key}")
            marks = ", ".join("?" * (len(drawn["types"]) + 1))
            for number, row in enumerate(drawn["rows"]):
                database.execute(f"INSERT INTO t VALUES ({marks})", [*row, f"k{number:04}"])
            database.execute("CREATE INDEX i ON t (k, 1)")
            database.execute(f"DELETE FROM t WHERE CAST(substr(k, 2) AS INTEGER) % {drawn['deleted'] + 1} = 1")
            database.execute("COMMIT")
        found = records([path.read_bytes()])
        expected = oracle(path, "t", "k")
    assert sorted(rows_of(found, "t"), key=lambda row: row[-1] or b"") == expected
    assert defects_of(found) == []
    [table] = [r for r in found if r["record_kind"] == "table" and r["table_name"] == "t"]
    assert table["names"] == [*(f"c {n}" for n in range(len(drawn["types"]))), "k"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_costs_more_than_rows(data: st.DataObject) -> None:
    content = bytearray(_sound())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(100, len(content)))
    try:
        found = records([bytes(content[:cut])])
    except UnreadableError:
        return
    assert len(rows_of(found, "t")) <= 400


def _sound(rows: int = 300) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA page_size = 512")
            database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, raw BLOB)")
            database.execute("CREATE INDEX of_name ON t (name)")
            database.executemany("INSERT INTO t VALUES (?, ?, ?)", _rows(0, rows))
            database.commit()
        return path.read_bytes()


def _rows(first: int, end: int) -> Iterator[tuple[int, str, bytes]]:
    for number in range(first, end):
        yield number, f"member {number}", bytes([number % 256]) * (number % 17 * 60)


@pytest.fixture
def logged(tmp_path: Path) -> tuple[bytes, bytes]:
    """A database of 10 rows, and a log that changes one, deletes one, adds a table, and 300 rows in its last commit."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, raw BLOB)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", _rows(0, 10))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE t SET name = 'renamed' WHERE id = 3")
        database.execute("DELETE FROM t WHERE id = 5")
        database.execute("CREATE TABLE later (x)")
        database.execute("INSERT INTO later VALUES ('only in the log')")
        database.execute("BEGIN")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", _rows(10, 310))
        database.execute("COMMIT")
        return path.read_bytes(), path.with_name("app.db-wal").read_bytes()


def test_with_its_log_a_database_holds_what_was_committed(logged: tuple[bytes, bytes], tmp_path: Path) -> None:
    ours = [row for part in ("database", "log") for row in rows_of(records(logged, part), "t")]
    copy = tmp_path / "copy.db"
    copy.write_bytes(logged[0])
    copy.with_name("copy.db-wal").write_bytes(logged[1])
    expected = oracle(copy, "t", "id")
    assert sorted(ours, key=lambda row: int(row[0] or b"0")) == expected
    assert len(expected) == 309
    later = [row for part in ("database", "log") for row in rows_of(records(logged, part), "later")]
    assert later == [[b"only in the log"]]


def test_without_its_log_a_database_holds_what_was_there_before(logged: tuple[bytes, bytes], tmp_path: Path) -> None:
    found = records(logged, "without_log")
    copy = tmp_path / "alone.db"
    copy.write_bytes(logged[0])
    assert rows_of(found, "t" + WITHOUT_LOG) == oracle(copy, "t", "id")
    assert [record["table_name"] for record in found if record["record_kind"] == "table"] == ["t" + WITHOUT_LOG]


def test_rows_are_cited_where_they_lie(logged: tuple[bytes, bytes]) -> None:
    for part, content in zip(("database", "log"), logged, strict=True):
        for record in records(logged, part):
            if record["record_kind"] == "row" and (
                name := record["values"][-1 if record["table_name"] == "later" else 1]
            ):
                assert name in content[record["offset_bytes"] :][: record["length_bytes"]]


def test_frames_that_no_commit_covers_are_named_and_not_read(logged: tuple[bytes, bytes]) -> None:
    database, log = logged
    frame_bytes = 24 + int.from_bytes(log[8:12], "big")
    cut = log[: len(log) - frame_bytes]  # the last commit loses its last frame
    found = records([database, cut], "log")
    [(code, _)] = defects_of(found)
    assert code == "wal_frames_left_over"
    both = [row for part in ("database", "log") for row in rows_of(records([database, cut], part), "t")]
    assert len(both) == 9  # the 300 rows were in that commit


def test_a_log_of_another_database_is_not_laid_over_it(logged: tuple[bytes, bytes]) -> None:
    database, log = logged
    damaged = bytearray(log)
    damaged[16] ^= 1
    found = records([database, bytes(damaged)])
    assert [code for code, _ in defects_of(found)] == ["wal_not_readable"]
    assert len(rows_of(found, "t")) == 10
    with pytest.raises(UnreadableError, match="checksum"):
        records([database, bytes(damaged)], "log")


def test_columns_added_later_have_their_default(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a INTEGER, b AS (a + 1), c AS (a * 2) STORED)")
        database.execute("INSERT INTO t (a) VALUES (7)")
        database.execute("ALTER TABLE t ADD COLUMN d TEXT DEFAULT 'it''s'")
        database.execute("ALTER TABLE t ADD COLUMN e INTEGER DEFAULT -3")
        database.execute("ALTER TABLE t ADD COLUMN f BLOB DEFAULT x'00ff'")
        database.execute("ALTER TABLE t ADD COLUMN g")
        database.commit()
    found = records([path.read_bytes()])
    [table] = [record for record in found if record["record_kind"] == "table"]
    assert table["names"] == ["a", "c", "d", "e", "f", "g"]
    assert rows_of(found, "t") == [[b"7", b"14", b"it's", b"-3", b"\0\xff", None]]


@pytest.mark.parametrize(
    ("declared", "is_rowid"),
    [
        ("id INTEGER PRIMARY KEY, x", True),
        ("id integer not null primary key autoincrement, x", True),
        ("id INTEGER, x, PRIMARY KEY (id DESC)", True),
        ("id INTEGER, x, CONSTRAINT c PRIMARY KEY ([id])", True),
        ("id INTEGER PRIMARY KEY DESC, x", False),
        ("id INT PRIMARY KEY, x", False),
        ("id INTEGER, x, PRIMARY KEY (id, x)", False),
    ],
)
def test_the_rowid_stands_for_the_integer_primary_key(tmp_path: Path, declared: str, *, is_rowid: bool) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE t ({declared})")
        database.execute("INSERT INTO t VALUES (41, 'x')")
        database.execute("UPDATE t SET rowid = 42")
        database.commit()
    [[key, _]] = rows_of(records([path.read_bytes()]), "t")
    assert key == (b"42" if is_rowid else b"41")


def test_a_page_that_is_used_twice_is_read_once() -> None:
    content = bytearray(_sound())
    # The root of the table becomes a page that leads to itself.
    root = next(n for n in range(2, len(content) // 512) if content[(n - 1) * 512] == 5)
    content[(root - 1) * 512 + 8 : (root - 1) * 512 + 12] = root.to_bytes(4, "big")
    assert ("page_not_readable", f"page {root} is used twice") in defects_of(records([bytes(content)]))


def test_what_is_no_database_is_refused() -> None:
    with pytest.raises(UnreadableError, match="not an SQLite file"):
        records([b"SQLite format 3\0"])
    with pytest.raises(UnreadableError, match="page size"):
        records([b"SQLite format 3\0" + b"\1\1" + bytes(100)])
