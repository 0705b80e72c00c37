"""Records of delimited text, streamed, each with its place in bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from headwater.errors import UnreadableInputError
from headwater.references.rows import BadRowError

__all__ = ["BYTE_ORDER_MARK", "cells_of", "decoded", "delimiter_of", "records"]

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
