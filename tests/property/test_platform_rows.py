"""Rows of a dump: read = mapped + rejected + ignored, whatever the rows are, and each rejected one has its place."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ConfigError
from headwater.evidence import read_mapping
from headwater.evidence.platform import PlatformTables
from headwater.evidence.row_source import RowSource
from headwater.evidence.sealed_schemas import EXPECTED

MAPPING = read_mapping(b"""
version: 1
application: test
tables:
  - table: people
    binds: accounts
    key: id
    because: x
    where: {column: kind, not_equals: bot}
    columns: {nickname: {column: name}, role: {literal: member}, registered_at_utc: {column: ts, unit: epoch_s}}
  - table: visits
    binds: logins
    because: x
    columns: {account: {column: who}, at_utc: {column: ts, unit: epoch_ms}, network_address: {column: ip, unit: packed}}
  - table: bills
    binds: invoices
    key: id
    because: x
    columns: {account: {column: who}, issued_at_utc: {column: ts, unit: epoch_s}, status: {literal: open}}
  - table: coins
    binds: payments
    key: id
    because: x
    columns: {account: {column: who}, invoice: {column: bill}, at_utc: {column: ts, unit: epoch_s}}
""")
COLUMNS = {
    "people": ("id", "kind", "name", "ts"),
    "visits": ("who", "ts", "ip"),
    "bills": ("id", "who", "ts"),
    "coins": ("id", "who", "bill", "ts"),
    "other": ("a", "b"),
}
CELL = st.one_of(
    st.none(),
    st.sampled_from([b"1", b"2", b"3", b"bot", b"1700000000", b"", b"\xc0\x00\x02\x07", b"\xff", b"x"]),
)
BOUND = {"people": "accounts", "visits": "logins", "bills": "invoices", "coins": "payments"}

SCHEMA = next(expected.schema for expected in EXPECTED if expected.name == "parse_mysql_dump")
SOURCE = RowSource(exhibit_id="EX-2", item_id="itm-of-the-dump")


@dataclass(frozen=True)
class DumpRow:
    table: str
    number: int
    offset_bytes: int
    length_bytes: int
    values: tuple[bytes | None, ...]


def batch_of(rows) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {
                "record_kind": "row",
                "table_name": row.table,
                "number": row.number,
                "offset_bytes": row.offset_bytes,
                "length_bytes": row.length_bytes,
                "values": list(row.values),
            }
            for row in rows
        ],
        schema=SCHEMA,
    )


def declaration(name: str, columns) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"record_kind": "table", "table_name": name, "names": list(columns)}], schema=SCHEMA
    )


@st.composite
def dumps(draw: st.DrawFn) -> list[DumpRow]:
    rows = []
    numbers = dict.fromkeys(COLUMNS, 0)
    for position in range(draw(st.integers(0, 25))):
        table = draw(st.sampled_from(sorted(COLUMNS)))
        width = len(COLUMNS[table])
        cells = draw(st.lists(CELL, min_size=width, max_size=width))
        cells = cells[: draw(st.sampled_from([width] * 9 + [width - 1]))]
        rows.append(
            DumpRow(table=table, number=numbers[table], offset_bytes=position * 100, length_bytes=50, values=cells)
        )
        numbers[table] += 1
    return rows


def tables_of(rows, mapping=MAPPING, batch_rows=7):
    tables = PlatformTables(exhibit_id="EX-2", mapping=mapping)
    for name, columns in COLUMNS.items():
        tables.take(SOURCE, declaration(name, columns))
    for start in range(0, len(rows), batch_rows):
        tables.take(SOURCE, batch_of(rows[start : start + batch_rows]))
    return {name: table.to_pylist() for name, table in tables.finished().items()}


@given(dumps())
@settings(max_examples=150, deadline=None)
def test_every_row_is_mapped_rejected_or_ignored(rows):
    found = tables_of(rows)
    counts = {row["source_table"]: row for row in found["dump_tables"]}
    places = {row["offset_bytes"] for row in found["defects"]}
    assert len(found["defects"]) == sum(count["rows_rejected"] for count in counts.values())
    for name in COLUMNS:
        mine = [row for row in rows if row.table == name]
        count = counts[name]
        assert count["rows_read"] == len(mine)
        assert count["rows_read"] == count["rows_mapped"] + count["rows_rejected"] + count["rows_ignored"]
        mapped = found[BOUND[name]] if name in BOUND else []
        assert count["rows_mapped"] == len(mapped)
        assert count["bound_to"] == BOUND.get(name, "")
        kept = {row["source_offset_bytes"] for row in mapped}
        assert kept.isdisjoint(places)
        assert {row["source_row"] for row in mapped} <= set(range(len(mine)))
    assert {row["length_bytes"] for row in found["defects"]} <= {50}


@given(dumps())
@settings(max_examples=100, deadline=None)
def test_no_row_cites_one_that_is_not_there_and_no_key_is_there_twice(rows):
    found = tables_of(rows)
    accounts = [row["account_id"] for row in found["accounts"]]
    invoices = [row["invoice_id"] for row in found["invoices"]]
    assert len(set(accounts)) == len(accounts)
    assert len(set(invoices)) == len(invoices)
    for child in ("logins", "invoices", "payments"):
        assert {row["account_id"] for row in found[child]} <= set(accounts)
    assert {row["invoice_id"] for row in found["payments"]} - {None} <= set(invoices)


@given(dumps())
@settings(max_examples=30, deadline=None)
def test_without_a_mapping_every_row_is_ignored_and_none_is_lost(rows):
    found = tables_of(rows, mapping=None)
    assert sum(row["rows_ignored"] for row in found["dump_tables"]) == len(rows)
    assert found["defects"] == found["accounts"] == []


def row(table: str, *values: bytes | None, number: int = 0, offset: int = 0) -> DumpRow:
    return DumpRow(table=table, number=number, offset_bytes=offset, length_bytes=9, values=values)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            [row("people", b"1", b"x", b"a", b"5"), row("people", b"1", b"x", b"b", b"5", number=1, offset=70)],
            "same key",
        ),
        ([row("people", b"", b"x", b"a", b"5", offset=70)], "key is empty"),
        ([row("people", None, b"x", b"a", b"5", offset=70)], "key is empty"),
        ([row("visits", b"9", b"5", None, offset=70)], "does not hold"),
        ([row("people", b"1", b"x", b"a", offset=70)], "3 values where the table has 4 columns"),
        ([row("people", b"1", b"x", b"a", b"soon", offset=70)], "ts: not a whole number"),
        ([row("visits", None, b"5", None, offset=70)], "who: empty, and logins need it"),
    ],
)
def test_why_a_row_is_rejected(rows, reason):
    (defect,) = tables_of(rows)["defects"]
    assert reason in defect["reason"]
    assert (defect["offset_bytes"], defect["length_bytes"], defect["source_table"]) == (70, 9, rows[-1].table)


def test_an_orphan_of_an_orphan_goes_too():
    rows = [row("bills", b"7", b"nobody", b"5"), row("coins", b"1", b"nobody", b"7", b"5", offset=70)]
    found = tables_of(rows)
    assert found["invoices"] == found["payments"] == []
    assert {defect["code"] for defect in found["defects"]} == {"orphan_row"}
    assert len(found["defects"]) == 2


def test_a_column_that_the_table_does_not_have_is_one_defect_of_the_table():
    tables = PlatformTables(exhibit_id="EX-2", mapping=MAPPING)
    tables.take(SOURCE, declaration("people", ("id", "kind")))
    tables.take(SOURCE, batch_of([row("people", b"%d" % number, b"x", number=number) for number in range(5)]))
    found = {name: table.to_pylist() for name, table in tables.finished().items()}
    (defect,) = found["defects"]
    assert (defect["code"], defect["source_table"]) == ("mapping_column_absent", "people")
    assert "name, ts" in defect["reason"]
    assert found["dump_tables"][0]["rows_ignored"] == 5


def test_a_row_that_the_mapping_leaves_out_is_ignored_and_counted():
    found = tables_of([row("people", b"1", b"bot", b"a", b"5"), row("people", b"2", None, b"a", b"5", number=1)])
    (count,) = [c for c in found["dump_tables"] if c["source_table"] == "people"]
    assert (count["rows_mapped"], count["rows_ignored"]) == (1, 1)


MANY = read_mapping(b"""
version: 1
application: test
tables:
  - table: people
    binds: accounts
    key: id
    because: x
    columns: {nickname: {column: name}, role: {literal: member}}
  - table: people
    binds: identifiers
    because: x
    columns: {account: {column: id}, identifier_kind: {literal: jabber}, value: {column: name}}
  - table: people
    binds: identifiers
    because: x
    where: {column: kind, equals: bot}
    columns: {account: {column: id}, identifier_kind: {literal: icq}, value: {column: ts}}
  - table: visits
    binds: media_references
    because: x
    columns: {account: {column: who}, media_path: {column: ip}, media_md5: {column: ts, unit: hex}}
""")


@given(dumps())
@settings(max_examples=150, deadline=None)
def test_a_table_that_is_bound_more_than_once_adds_up_through_each_binding(rows):
    found = tables_of(rows, mapping=MANY)
    through = {(c["source_table"], c["bound_to"], c["bound_part"]): c for c in found["dump_tables"]}
    parts = {part for table, bound_to, part in through if (table, bound_to) == ("people", "identifiers")}
    assert parts == {"name", "ts kind bot"}
    for (table, _, _), count in through.items():
        assert count["rows_read"] == sum(row.table == table for row in rows)
        assert count["rows_read"] == count["rows_mapped"] + count["rows_rejected"] + count["rows_ignored"]
    for name in ("identifiers", "media_references", "accounts"):
        assert len(found[name]) == sum(c["rows_mapped"] for c in found["dump_tables"] if c["bound_to"] == name)
    ids = [row["identifier_id"] for row in found["identifiers"]]
    assert len(set(ids)) == len(ids)
    assert {row["account_id"] for row in found["identifiers"]} <= {row["account_id"] for row in found["accounts"]}


def test_a_row_without_what_it_is_bound_for_says_nothing_and_is_no_defect():
    rows = [row("people", b"1", b"x", None, b"5"), row("people", b"2", b"x", b"a", b"5", number=1)]
    rows += [row("visits", b"2", None, b""), row("visits", b"2", b"zz", None, number=1, offset=70)]
    found = tables_of(rows, mapping=MANY)
    through = {(c["source_table"], c["bound_to"], c["bound_part"]): c for c in found["dump_tables"]}
    name = through["people", "identifiers", "name"]
    assert (name["rows_mapped"], name["rows_rejected"], name["rows_ignored"]) == (1, 0, 1)
    references = through["visits", "media_references", ""]
    # What is there and cannot be read is not the same as what is not there.
    assert (references["rows_mapped"], references["rows_rejected"], references["rows_ignored"]) == (0, 1, 1)
    (defect,) = found["defects"]
    assert "not hex" in defect["reason"] or "ts:" in defect["reason"]


@pytest.mark.parametrize(
    ("again", "words"),
    [
        (
            b"binds: accounts\n    key: id\n    because: x\n    columns: {role: {literal: member}}",
            "bound to accounts twice",
        ),
        (
            (
                b"binds: identifiers\n    because: x\n    columns: "
                b"{account: {column: id}, identifier_kind: {literal: icq}, value: {column: name}}"
            ),
            "from the same columns",
        ),
    ],
)
def test_the_same_binding_twice_is_refused(again, words):
    text = b"version: 1\ntables:\n" + b"".join(b"  - table: people\n    %b\n" % again for _ in range(2))
    with pytest.raises(ConfigError, match=words):
        read_mapping(text)
