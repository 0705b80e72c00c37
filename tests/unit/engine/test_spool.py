"""Tables too long for memory: the same rows give the same file, whether held or put down, and in whatever order."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from headwater.engine import Replay, Session, Spool, StageContext, StoredTable, file_sha256, spool, write_parquet
from headwater.engine.spool import ascending
from headwater.schema import SchemaMismatchError, table_named

ENTRIES = table_named("entries")


def entries(count: int, *, exhibit: str = "EX-1") -> list[dict[str, object]]:
    return [
        {
            "exhibit_id": exhibit,
            "volume_index": 0,
            "path": f"é/{n:05}",
            "path_bytes": "é/".encode() + b"\x00\xff%05d" % n,
            "directory": "é",
            "entry_type": "file",
            "size_bytes": n,
            "disposition": "catalogued",
            "read_bytes": n,
            "head": bytes([n % 256]) * 3,
            "sha256": f"{n % 7:064x}",
        }
        for n in range(count)
    ]


def parts_of(rows: list[dict[str, object]], size: int) -> list[pa.Table]:
    return [ENTRIES.rows(rows[start : start + size]) for start in range(0, len(rows), size)]


@pytest.fixture
def put_down_at_once(monkeypatch):
    monkeypatch.setattr(spool, "HELD_BYTES", 1)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_rows_put_down_give_the_file_that_held_rows_give(tmp_path, put_down_at_once, seed):
    rows = entries(200) + entries(30, exhibit="EX-0")
    if seed is not None:
        random.Random(seed).shuffle(rows)
    else:
        rows.sort(key=lambda row: (row["exhibit_id"], row["path_bytes"]))
    scratch = tmp_path / "a [place] with *"
    scratch.mkdir()
    spooled = Spool(ENTRIES, scratch)
    for part in parts_of(rows, 7):
        spooled.add(part)
    assert sum(part.num_rows for part in spooled.parts(["path"])) == len(rows)
    stored = spooled.finished()
    assert isinstance(stored, StoredTable)
    assert stored.num_rows == len(rows)
    held = write_parquet(ENTRIES.rows(rows), tmp_path / "held.parquet")
    assert stored.sha256 == held == file_sha256(stored.path)
    assert [path.name for path in scratch.rglob("*.parquet")] == ["entries.parquet"]


def test_without_a_scratch_folder_everything_is_held(put_down_at_once):
    spooled = Spool(ENTRIES, None)
    for part in parts_of(entries(20), 3):
        spooled.add(part)
    assert spooled.finished().equals(ENTRIES.rows(entries(20)))


@pytest.mark.parametrize("apart", [False, True])
def test_a_key_that_repeats_is_seen_in_one_file_and_in_two(tmp_path, put_down_at_once, apart):
    rows = entries(20)
    spooled = Spool(ENTRIES, tmp_path)
    spooled.add(ENTRIES.rows(rows))
    spooled.add(ENTRIES.rows(entries(1) if apart else entries(20)[19:]))
    with pytest.raises(SchemaMismatchError, match="two rows have the same key"):
        spooled.finished()


@pytest.mark.parametrize("held", [False, True])
def test_a_required_value_that_is_absent_is_refused(tmp_path, monkeypatch, held):
    monkeypatch.setattr(spool, "HELD_BYTES", 1 << 20 if held else 1)
    part = ENTRIES.rows(entries(3))
    place = part.schema.get_field_index("path")
    absent = part.set_column(place, pa.field("path", pa.string()), pa.nulls(3, pa.string()))
    with Session({}) as tables, pytest.raises(SchemaMismatchError, match=r"entries\.path: 3 values absent"):
        StageContext(tables=tables, scratch=tmp_path).kept("entries", iter([absent]))


def test_what_a_session_gives_in_parts_is_what_it_gives_whole(tmp_path):
    rows = ENTRIES.rows(entries(300))
    place = tmp_path / "entries [1].parquet"
    write_parquet(rows, place)
    with Session({"entries": [place]}, scratch=tmp_path) as tables:
        assert pa.concat_tables(tables.parts("entries")).equals(tables.arrow("entries"))
        columns = ["path", "size_bytes"]
        assert pa.concat_tables(tables.parts("entries", columns)).equals(rows.select(columns))
        table = tables.table("entries")
        chosen = table.filter(table.size_bytes > 10).select("path_bytes", "size_bytes")
        whole = tables.result(chosen, order_by=["path_bytes"])
        assert pa.concat_tables(tables.result_parts(chosen)).sort_by("path_bytes").equals(whole)
        assert whole.num_rows == 289


def test_batches_come_back_in_their_order_and_leave_nothing(tmp_path):
    batches = ENTRIES.rows(entries(100)).to_batches(max_chunksize=7)
    for scratch in (tmp_path, None):
        with Replay(ENTRIES.arrow, scratch) as replay:
            for batch in batches:
                replay.add(batch)
            parts = list(replay.parts(20))
            assert [part.num_rows for part in parts] == [21, 21, 21, 21, 16]
            assert pa.concat_tables(parts).equals(pa.Table.from_batches(batches))
    assert not list(tmp_path.iterdir())


def test_ascending_compares_column_after_column():
    def keys(*rows: tuple[str, int]) -> pa.Table:
        columns = {"name": [row[0] for row in rows], "number": [row[1] for row in rows]}
        return pa.table(columns, schema=pa.schema({"name": pa.string(), "number": pa.int64()}))

    assert ascending(keys())
    assert ascending(keys(("a", 1)))
    assert ascending(keys(("a", 2), ("b", 1), ("b", 2)))
    assert not ascending(keys(("a", 2), ("a", 2)))
    assert not ascending(keys(("a", 2), ("a", 1)))
    assert not ascending(keys(("b", 1), ("a", 2)))
