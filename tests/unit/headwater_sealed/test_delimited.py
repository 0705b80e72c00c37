"""Rows between signs: CSV in its dialects, and the texts of `mysqldump --tab`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_sealed.delimited import parse_csv, parse_mysql_tab
from headwater_sealed.sniff import sniffed

Record = dict[str, Any]


def records(job: Callable[..., None], content: bytes) -> list[Record]:
    found: list[Record] = []
    job([io.BytesIO(content)], {"table_name": "t"}, lambda batch: found.extend(batch.to_pylist()))
    assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == len(content)
    return found


def rows(found: Sequence[Record]) -> list[list[bytes | None]]:
    return [record["values"] for record in found if record["record_kind"] == "row"]


def names(found: Sequence[Record]) -> list[str]:
    [table] = [record for record in found if record["record_kind"] == "table"]
    return list(table["names"])


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12), st.sampled_from(",;\t|"))
def test_what_the_library_writes_is_what_is_read(written: list[list[str]], delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "full name", "note"], *written])
    found = records(parse_csv, text.getvalue().encode())
    assert names(found) == ["id", "full name", "note"]
    assert rows(found) == [[cell.encode() or None for cell in row] for row in written]


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        (b"id,name\n1,a\n2,b\n", ["id", "name"], [[b"1", b"a"], [b"2", b"b"]]),
        (b"1,a\n2,b\n", ["c1", "c2"], [[b"1", b"a"], [b"2", b"b"]]),
        (b"\xef\xbb\xbfid;name\r\n1;a,b\r\n", ["id", "name"], [[b"1", b"a,b"]]),
        (b'id,name\n1,"two\nlines ""quoted"""\n', ["id", "name"], [[b"1", b'two\nlines "quoted"']]),
        (b"id,name\n1,caf\xe9\n", ["id", "name"], [[b"1", b"caf\xe9"]]),
        (b"id,id\n1,2\n", ["c1", "c2"], [[b"id", b"id"], [b"1", b"2"]]),
        (b"id,name\n\n1,a", ["id", "name"], [[b"1", b"a"]]),
    ],
)
def test_dialects(content: bytes, columns: list[str], expected: list[list[bytes | None]]) -> None:
    found = records(parse_csv, content)
    assert names(found) == columns
    assert rows(found) == expected


def test_rows_are_cited_where_they_lie() -> None:
    content = b'id,name\n1,"a\nb"\n2,c\n'
    places = [(r["offset_bytes"], r["length_bytes"]) for r in records(parse_csv, content) if r["record_kind"] == "row"]
    assert [content[at:][:length] for at, length in places] == [b'1,"a\nb"\n', b"2,c\n"]


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b'id,name\n1,"a"b\n2,c\n', [b"2"]), (b'id,name\n1,a\n2,"no end\n', [b"1"]), (b"id,n\n1," + b"x" * 2**21, [])],
)
def test_a_bad_row_is_a_defect(content: bytes, kept: list[bytes]) -> None:
    found = records(parse_csv, content)
    assert [row[0] for row in rows(found)] == kept
    assert [r["code"] for r in found if r["record_kind"] == "defect"] == ["row_not_readable"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"id,name\n1,a\n", "csv"),
        (b"id\tname\n1\ta\n", "csv"),
        (b"a line of text\nand another one\n", "other"),
        (b"first, second\nthird\n", "other"),
        (b"id,name\n1,a\0\n", "other"),
    ],
)
def test_tables_are_told_from_other_texts(content: bytes, word: str) -> None:
    assert sniffed(content) == word


ESCAPES = {0: b"\\0", 8: b"\\b", 9: b"\\t", 10: b"\\n", 13: b"\\r", 26: b"\\Z", 92: b"\\\\"}
FORMS = {**ESCAPES, 9: b"\\\t", 10: b"\\\n"}


@given(
    st.lists(st.lists(st.none() | st.binary(max_size=9), min_size=2, max_size=3), max_size=8),
    st.sampled_from([ESCAPES, FORMS]),
)
def test_what_mysql_writes_with_tabs_is_what_is_read(
    written: list[list[bytes | None]], escapes: dict[int, bytes]
) -> None:
    def field(value: bytes | None) -> bytes:
        return rb"\N" if value is None else b"".join(escapes.get(byte, bytes([byte])) for byte in value)

    content = b"".join(b"\t".join(map(field, row)) + b"\n" for row in written)
    found = records(parse_mysql_tab, content)
    assert rows(found) == written
    assert not [record for record in found if record["record_kind"] == "defect"]


def test_a_cut_row_is_a_defect() -> None:
    found = records(parse_mysql_tab, b"1\ta\n2\tb")
    assert rows(found) == [[b"1", b"a"]]
    assert [r["code"] for r in found if r["record_kind"] == "defect"] == ["row_not_readable"]
