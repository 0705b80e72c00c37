r"""The jobs `parse_csv` and `parse_mysql_tab`: rows whose values are told apart by a sign between them.

References:
    RFC 4180 (CSV). MySQL reference manual, "SELECT ... INTO Statement" and "LOAD DATA Statement" (escapes; `\N`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources
from headwater_sealed.text_tables import BOM, SAMPLE_BYTES, csv_form

__all__ = ["parse_csv", "parse_mysql_tab"]

_MAX_FIELD_BYTES = 1024 * 1024
_MAX_LINE_BYTES = 16 * 1024 * 1024


@contextmanager
def _long_fields() -> Iterator[None]:
    """A block in which fields may be long; the limit is one of the whole process."""
    before = csv.field_size_limit(_MAX_FIELD_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _Lines:
    """The lines of a file, and how many bytes of it they have been."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.offset_bytes = 0

    def __iter__(self) -> Iterator[str]:
        # Every byte as one character, so that lengths are of bytes and any encoding passes through.
        while line := self._file.readline(_MAX_LINE_BYTES):
            self.offset_bytes += len(line)
            yield line.decode("latin-1")


def parse_csv(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the rows of a CSV file, and last the ranges, which sum to the file.

    Args:
        files: The file; or, with `volume_index` and one of `entries`, the image that holds it.
        parameters: The job's; `table_name` names the rows' table.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    records = DumpRecords(emit)
    with _long_fields():
        _read_csv(Sources(files, parameters).open(entries[0]), records, str(parameters.get("table_name", "rows")))
    records.close()


def _read_csv(file: BinaryIO, records: DumpRecords, table: str) -> None:
    head = file.read(SAMPLE_BYTES)
    form = csv_form(head)
    delimiter, names, named = form if form is not None else (",", ["c1"], False)
    file.seek(0)
    lines = _Lines(file)
    if head.startswith(BOM):
        file.seek(len(BOM))
        lines.offset_bytes = len(BOM)
        records.range("skipped", len(BOM))
    source = iter(lines)
    if named:
        at = lines.offset_bytes
        next(csv.reader(source, delimiter=delimiter))
        records.table(table, names, ["text"] * len(names), at, lines.offset_bytes - at)
        records.range("schema", lines.offset_bytes - at)
    else:
        records.table(table, names, ["text"] * len(names), 0, 0)
    number = 0
    while True:
        at = lines.offset_bytes
        try:
            # A new reader for each row, because one that has raised cannot go on.
            row = next(csv.reader(source, delimiter=delimiter, strict=True), None)
        except csv.Error as error:
            number += 1
            length = lines.offset_bytes - at
            records.defect("row_not_readable", f"no CSV: {error}", at, length, table=table, number=number)
            records.range("unparsed", length)
            continue
        if row is None:
            break
        length = lines.offset_bytes - at
        if not row:
            records.range("skipped", length)
            continue
        number += 1
        records.row(table, number, at, length, [(value.encode("latin-1") or None, True) for value in row])
        records.range("rows", length)


_ESCAPES = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a"}
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED_END = re.compile(rb"(?<!\\)(?:\\\\)*\\\n\Z")
_FIELD_END = re.compile(rb"((?:[^\\\t]|\\.)*)(?:\t|\Z)", re.DOTALL)


def parse_mysql_tab(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the rows that `mysqldump --tab` or SELECT ... INTO OUTFILE wrote, and last the ranges.

    Columns are declared in another file.

    Args:
        files: The file; or, with `volume_index` and one of `entries`, the image that holds it.
        parameters: The job's; `table_name` names the rows' table.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    file = Sources(files, parameters).open(entries[0])
    records = DumpRecords(emit)
    table = str(parameters.get("table_name", "rows"))
    at = number = 0
    while line := file.readline(_MAX_LINE_BYTES):
        while _ESCAPED_END.search(line) and len(line) < _MAX_LINE_BYTES and (more := file.readline(_MAX_LINE_BYTES)):
            line += more
        number += 1
        if line.endswith(b"\n") and not _ESCAPED_END.search(line):
            records.row(table, number, at, len(line), _tab_values(line[:-1]))
            records.range("rows", len(line))
        else:
            reason = "a row has no end: the file was cut short, or a value is longer than is read"
            records.defect("row_not_readable", reason, at, len(line), table=table, number=number)
            records.range("unparsed", len(line))
        at += len(line)
    records.close()


def _tab_values(line: bytes) -> list[tuple[bytes | None, bool]]:
    if b"\\" not in line:
        return [(value, True) for value in line.split(b"\t")]
    found: list[tuple[bytes | None, bool]] = []
    at = 0
    while True:
        field = _FIELD_END.match(line, at)
        if field is None:  # a backslash that nothing follows
            found.append((line[at:], True))
            return found
        value = field[1]
        found.append((None, False) if value == rb"\N" else (_ESCAPE.sub(_meant, value), True))
        if field.end() == len(line) and not field[0].endswith(b"\t"):
            return found
        at = field.end()


def _meant(found: re.Match[bytes]) -> bytes:
    return _ESCAPES.get(found[1], found[1])
