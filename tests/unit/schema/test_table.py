"""A table is what its schema says, in its one order, or there is none."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.schema import TABLES, Column, SchemaMismatchError, Table, table_named

TREES = Table(
    name="trees",
    version=3,
    stage="test",
    about="A tree.",
    key=("kind", "number"),
    order_by=("height_m",),
    columns=(
        Column(name="kind", type=pa.string(), about="Kind"),
        Column(name="number", type=pa.int64(), about="Number"),
        Column(name="height_m", type=pa.int64(), about="Height"),
        Column(name="note", type=pa.string(), about="Note", nullable=True),
    ),
)
ROW = {"kind": "elm", "number": 1, "height_m": 9}


def test_rows_come_out_in_the_one_order_with_the_schema_s_own_columns():
    rows = TREES.rows(
        [ROW | {"number": 2}, ROW, {"kind": "ash", "number": 7, "height_m": 9}, ROW | {"height_m": 3, "number": 9}]
    )
    assert [(r["height_m"], r["kind"], r["number"]) for r in rows.to_pylist()] == [
        (3, "elm", 9),
        (9, "ash", 7),
        (9, "elm", 1),
        (9, "elm", 2),
    ]
    assert rows.schema.equals(TREES.arrow, check_metadata=True)
    assert rows.schema.metadata == {b"headwater.table": b"trees", b"headwater.version": b"3"}


@given(st.sets(st.tuples(st.sampled_from("abc"), st.integers(-5, 5))), st.randoms())
def test_the_order_of_what_comes_in_does_not_show(keys, shuffler):
    rows = [{"kind": kind, "number": number, "height_m": number % 3} for kind, number in sorted(keys)]
    expected = TREES.rows(rows)
    shuffler.shuffle(rows)
    assert TREES.rows(rows).equals(expected)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([ROW, ROW | {"height_m": 2}], "same key"),
        ([ROW | {"kind": None}], "absent"),
        ([{"kind": "elm", "number": 1}], "absent"),
        ([ROW | {"colour": "green"}], "unknown columns"),
    ],
)
def test_rows_that_are_not_what_the_schema_says_are_refused(rows, word):
    with pytest.raises(SchemaMismatchError, match=word):
        TREES.rows(rows)


@pytest.mark.parametrize("value", ["nine", 2**70, 1.5])
def test_a_value_of_another_type_is_refused(value):
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, SchemaMismatchError)):
        TREES.rows([ROW | {"height_m": value}])


def test_columns_in_another_order_are_refused():
    table = TREES.rows([ROW])
    with pytest.raises(SchemaMismatchError):
        TREES.checked(table.select(["number", "kind", "height_m", "note"]))


def test_a_required_column_cannot_be_left_out_and_another_can():
    with pytest.raises(SchemaMismatchError, match="missing"):
        TREES.columnar({"kind": ["elm"], "number": [1]})
    assert TREES.columnar({"kind": ["elm"], "number": [1], "height_m": [2]})["note"].null_count == 1


def test_no_row_is_a_table_too():
    assert TREES.rows([]).equals(TREES.empty())
    assert TREES.empty().schema.equals(TREES.arrow, check_metadata=True)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_is_whole(table):
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert set(table.key) <= set(names)
    assert set(table.order_by) <= set(names)
    assert not any(column.nullable for column in table.columns if column.name in table.key)
    assert table.empty().num_rows == 0
    assert table.about.endswith(".")
    assert table_named(table.name) is table
    for column in table.columns:
        assert column.about
        if column.cites is not None:
            cited, name = column.cites.split(".")
            (target,) = [c for c in table_named(cited).columns if c.name == name]
            assert target.type == column.type


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_numbers_are_signed_64_bit_and_times_are_utc(table):
    for column in table.columns:
        assert not pa.types.is_floating(column.type), column.name
        assert not pa.types.is_unsigned_integer(column.type), column.name
        if pa.types.is_timestamp(column.type):
            assert column.type == pa.timestamp("us", tz="UTC")
            assert column.name.endswith("_utc")


def test_names_are_unique_and_an_unknown_one_is_an_error():
    names = [table.name for table in TABLES]
    assert len(names) == len(set(names))
    with pytest.raises(KeyError):
        table_named("none")
