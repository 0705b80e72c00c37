"""Paths inside cells: objects of JSON, and arrays as PostgreSQL writes them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headwater.evidence.cells import TableCells, array_of


@pytest.mark.parametrize(
    ("written", "items"),
    [
        (b'{a,"b c",NULL}', ["a", "b c", None]),
        (b"{{1,2},{3,4}}", [["1", "2"], ["3", "4"]]),
        (b"[0:1]={x,y}", ["x", "y"]),
        (rb'{"a\"b\\c","","NULL"}', ['a"b\\c', "", "NULL"]),
        (b"{ a b , c }", ["a b", "c"]),
        ("{caf\u00e9}".encode(), ["caf\u00e9"]),
        (b"{}", []),
        (b"{a", None),
        (b"{a}b", None),
        (b"{a,}", None),
        (b"{" * 100_000, None),
        (b"[0:1]", None),
        (b"nothing", None),
        (b"", None),
    ],
)
def test_arrays_as_they_are_written(written: bytes, items: object) -> None:
    assert array_of(written) == items


def test_a_path_leads_into_objects_lists_and_arrays() -> None:
    rows = [b'{"mail":["a@x.test","b@x.test"],"n":{"k":7}}', b'{"a@y.test","b,c"}', b"plain", None]
    cells = TableCells(["c"], pa.array([[row] for row in rows], pa.list_(pa.binary())))
    assert cells["c->mail->1"].to_pylist() == [b"b@x.test", None, None, None]
    assert cells["c->n->k"].to_pylist() == [b"7", None, None, None]
    assert cells["c->1"].to_pylist() == [None, b"b,c", None, None]
