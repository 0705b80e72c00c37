"""Parquet written once: the same table gives the same bytes, and never half a file."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.engine import Session, file_sha256, write_parquet
from headwater.schema import table_named

ENTRIES = table_named("dump_ranges")


def ranges(count: int) -> pa.Table:
    return ENTRIES.rows(
        {
            "exhibit_id": f"EX-{n:06}",
            "source_item_id": f"itm-{n:06}",
            "range_kind": "rows",
            "ranges": n,
            "range_bytes": n * 7,
        }
        for n in range(count)
    )


def test_the_same_table_gives_the_same_bytes_and_their_digest(tmp_path):
    table = ranges(1_000)
    digest = write_parquet(table, tmp_path / "one.parquet")
    # The same rows in other pieces of memory.
    pieces = pa.concat_tables([table.slice(0, 10), table.slice(10, 500), table.slice(510)])
    assert write_parquet(ENTRIES.checked(pieces), tmp_path / "other name.parquet") == digest
    content = (tmp_path / "one.parquet").read_bytes()
    assert content == (tmp_path / "other name.parquet").read_bytes()
    assert digest == hashlib.sha256(content).hexdigest() == file_sha256(tmp_path / "one.parquet")


def test_another_row_gives_other_bytes(tmp_path):
    assert write_parquet(ranges(10), tmp_path / "a") != write_parquet(ranges(11), tmp_path / "b")


def test_what_is_read_is_what_was_written(tmp_path):
    table = ranges(3)
    write_parquet(table, tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet", schema=ENTRIES.arrow).equals(table)


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    write_parquet(ranges(1), path)
    before = path.read_bytes()

    def crash(_descriptor: int) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("headwater.engine.parquet.os.fsync", crash)
    with pytest.raises(OSError, match="power cut"):
        write_parquet(ranges(2), path)
    assert path.read_bytes() == before


def test_a_session_reads_files_in_canonical_order_and_what_was_put_over_them(tmp_path):
    table = ranges(20)
    write_parquet(table.slice(10), tmp_path / "a.parquet")
    write_parquet(table.slice(0, 10), tmp_path / "b.parquet")
    files = {"dump_ranges": [tmp_path / "a.parquet", tmp_path / "b.parquet"]}
    with Session(files) as session:
        assert session.arrow("dump_ranges").equals(table)
        expression = session.table("dump_ranges")
        total = expression.aggregate(total=expression.range_bytes.sum().cast("int64"))
        assert session.result(total, order_by=["total"]).to_pylist() == [{"total": sum(n * 7 for n in range(20))}]
        session.put("dump_ranges", ranges(2))
        assert session.table("dump_ranges").count().execute() == 2
        assert session.arrow("volumes").equals(table_named("volumes").empty())


def test_a_session_orders_what_an_engine_does_not():
    with Session({}, threads=2) as session:
        session.put("dump_ranges", ranges(500))
        rows = session.result(session.table("dump_ranges"), order_by=["exhibit_id"])
        assert rows["exhibit_id"].to_pylist() == sorted(rows["exhibit_id"].to_pylist())


def test_the_engine_fetches_nothing_from_outside():
    with Session({}) as session:
        settings = dict(
            session.backend.raw_sql(
                "SELECT name, value FROM duckdb_settings() WHERE name IN "
                "('autoinstall_known_extensions', 'autoload_known_extensions', 'TimeZone')"
            ).fetchall()
        )
    assert settings == {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "TimeZone": "UTC",
    }
