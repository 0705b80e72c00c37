"""Records of delimited text, streamed, each with its place in bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from headwater.errors import UnreadableInputError
from headwater.references.rows import BadRow, BadRowError, Reading

__all__ = ["BYTE_ORDER_MARK", "RowReader", "cells_of", "csv_rows", "decoded", "delimiter_of", "records"]

RowReader = Callable[[dict[str, str], int], tuple[str, dict[str, object]]]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK_BYTES = 1 << 20
MAX_RECORD_BYTES = 16 << 20
_FIELD_LIMIT = 131_072  # of the csv module, by default


def records(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each record that is not blank; a line break inside quotes does not end one.

    Raises:
        UnreadableInputError: A record is longer than MAX_RECORD_BYTES, as the rest of the file would be after a quote
            that is never closed.
    """
    mark = file.read(3)
    offset = 3 if mark == BYTE_ORDER_MARK else 0
    pending: list[bytes] = []
    pending_bytes = quotes = 0
    for line in _lines(file, b"" if offset else mark):
        if not pending and b'"' not in line:
            if len(line) > MAX_RECORD_BYTES:
                raise _endless(path, offset)
            if line.strip():
                yield offset, line
            offset += len(line)
            continue
        pending.append(line)
        pending_bytes += len(line)
        quotes += line.count(b'"')
        if pending_bytes > MAX_RECORD_BYTES:
            raise _endless(path, offset)
        if quotes % 2 == 0:
            record = b"".join(pending)
            if record.strip():
                yield offset, record
            offset += pending_bytes
            pending, pending_bytes, quotes = [], 0, 0
    record = b"".join(pending)
    if record.strip():
        yield offset, record


def _endless(path: Path, offset_bytes: int) -> UnreadableInputError:
    return UnreadableInputError(
        path,
        f"a record longer than {MAX_RECORD_BYTES >> 20} MiB; a quote may not be closed",
        offset_bytes=offset_bytes,
        remedy="ask its author for it again",
    )


def _lines(file: BinaryIO, rest: bytes) -> Iterator[bytes]:
    """Lines with their ends, which may be LF, CR LF or CR; nothing is held beyond MAX_RECORD_BYTES and a chunk."""
    while chunk := file.read(_CHUNK_BYTES):
        lines = (rest + chunk).splitlines(keepends=True)
        # The last may go on in the next chunk, or its CR be followed by LF.
        rest = lines.pop()
        yield from lines
        if len(rest) > MAX_RECORD_BYTES:
            yield rest
            rest = b""
    yield from rest.splitlines(keepends=True)


def decoded(record: bytes, path: Path, offset_bytes: int) -> str:
    """The record as text.

    Raises:
        UnreadableInputError: It is not UTF-8.
    """
    try:
        return record.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInputError(
            path, "not UTF-8 text", offset_bytes=offset_bytes + error.start, remedy="convert it to UTF-8"
        ) from error


def delimiter_of(header: str) -> str:
    """Comma, semicolon or tab: whichever the header line has most of."""
    return max(",;\t", key=header.count)


def cells_of(record: str, delimiter: str) -> list[str]:
    """The cells of a record.

    Raises:
        BadRowError: It is not delimited text.
    """
    if '"' not in record and len(record) <= _FIELD_LIMIT:
        return record.rstrip("\r\n").split(delimiter)
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise BadRowError(str(error)) from error


def csv_rows(path: Path, needed: tuple[str, ...], read: RowReader) -> Reading:
    """The rows of a CSV file with a header line, each through `read`; bad ones are kept aside with their offset.

    Args:
        path: UTF-8, with or without a byte-order mark; commas, semicolons or tabs.
        needed: Columns without which this is not the file it should be.
        read: From the cells by column name and the row number to (table, row); raises BadRowError.

    Raises:
        UnreadableInputError: Not UTF-8, empty, or a needed column is missing.
    """
    reading = Reading()
    with path.open("rb") as file:
        lines = records(file, path)
        first = next(lines, None)
        if first is None:
            raise UnreadableInputError(path, "empty file", remedy="ask its author for it again")
        header_line = decoded(first[1], path, first[0])
        delimiter = delimiter_of(header_line)
        try:
            header = [name.strip().lower() for name in cells_of(header_line, delimiter)]
        except BadRowError as error:
            raise UnreadableInputError(
                path, f"header line: {error}", offset_bytes=first[0], remedy="check that this is a CSV file"
            ) from error
        missing = [name for name in needed if name not in header]
        if missing:
            raise UnreadableInputError(
                path,
                f"column {', '.join(repr(m) for m in missing)} is missing (found: {', '.join(header[:12])})",
                offset_bytes=first[0],
                remedy="check that the file and KIND belong together",
            )
        for number, (offset, record) in enumerate(lines):
            text = decoded(record, path, offset)
            try:
                cells = cells_of(text, delimiter)
                if len(cells) != len(header):
                    raise BadRowError(f"{len(cells)} cells where the header has {len(header)}")  # noqa: TRY301 - one place makes bad rows
                table, values = read(dict(zip(header, cells, strict=True)), number)
                reading.add(table, values, row=number, offset_bytes=offset)
            except BadRowError as error:
                reading.bad_rows.append(BadRow(offset_bytes=offset, row=number, reason=str(error)))
    return reading
