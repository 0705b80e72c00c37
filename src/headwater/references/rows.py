"""A row of a reference on its way in, and the defects beside it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headwater.errors import UnreadableInputError

__all__ = [
    "BadRow",
    "BadRowError",
    "GoodRow",
    "Reading",
    "RowReader",
    "csv_rows",
    "hex_digest",
    "required",
    "text_or_none",
    "whole_number",
]


class BadRowError(ValueError):
    """A row that cannot be used; it becomes a defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that was not understood.

    Attributes:
        offset_bytes: First byte of it, if the format lets us know.
        row: Its number, from 0.
        reason: Why.
    """

    offset_bytes: int | None
    row: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRow:
    """A row that was understood.

    Attributes:
        offset_bytes: First byte of it, if the format lets us know.
        row: Its number, from 0, bad rows counted.
        values: By column.
    """

    offset_bytes: int | None
    row: int
    values: dict[str, object]


@dataclass(slots=True, kw_only=True)
class Reading:
    """What an importer found: rows by table, and what it could not use."""

    tables: dict[str, list[GoodRow]] = field(default_factory=dict)
    bad_rows: list[BadRow] = field(default_factory=list)

    def add(self, table: str, values: dict[str, object], *, row: int, offset_bytes: int | None) -> None:
        """Keep a row.

        Raises:
            BadRowError: A value is one that no table can hold.
        """
        for name, value in values.items():
            if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
                raise BadRowError(f"'{name}' is a number too large for any file or amount")
            if isinstance(value, str) and not _is_unicode(value):
                raise BadRowError(f"'{name}' is not Unicode text")
        self.tables.setdefault(table, []).append(GoodRow(offset_bytes=offset_bytes, row=row, values=values))

    def reject(self, table: str, why: Callable[[Mapping[str, object]], str | None]) -> None:
        """Turn the kept rows for which there is a reason into bad ones, all in order of the file."""
        kept = []
        for good in self.tables.get(table, []):
            reason = why(good.values)
            if reason is None:
                kept.append(good)
            else:
                self.bad_rows.append(BadRow(offset_bytes=good.offset_bytes, row=good.row, reason=reason))
        self.tables[table] = kept
        self.bad_rows.sort(key=lambda bad: bad.row)


def _is_unicode(text: str) -> bool:
    """Whether the text is without half characters, which JSON can spell and no encoding can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


RowReader = Callable[[dict[str, str], int], tuple[str, dict[str, object]]]

_HEX = re.compile(r"[0-9a-fA-F]+")
_DIGITS = re.compile(r"[0-9]{1,18}")


def csv_rows(path: Path, needed: tuple[str, ...], read: RowReader) -> Reading:
    """The rows of a CSV file with a header line, each through `read`; bad ones are kept aside with their offset.

    Args:
        path: UTF-8, with or without a byte-order mark; commas or semicolons.
        needed: Columns without which this is not the file it should be.
        read: From the cells by column name and the row number to (table, row); raises BadRowError.

    Raises:
        UnreadableInputError: Not UTF-8, empty, or a needed column is missing.
    """
    content = path.read_bytes()
    start = 3 if content.startswith(b"\xef\xbb\xbf") else 0
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInputError(
            path, "not UTF-8 text", offset_bytes=error.start, remedy="convert it to UTF-8"
        ) from error
    lines = _lines_with_offsets(content, start)
    first = next(lines, None)
    if first is None:
        raise UnreadableInputError(path, "empty file", remedy="ask its author for it again")
    delimiter = ";" if first[1].count(";") > first[1].count(",") else ","
    try:
        header = [name.strip().lower() for name in _cells(first[1], delimiter)]
    except BadRowError as error:
        raise UnreadableInputError(
            path, f"header line: {error}", offset_bytes=first[0], remedy="check that this is a CSV file"
        ) from error
    missing = [name for name in needed if name not in header]
    if missing:
        raise UnreadableInputError(
            path,
            f"column {', '.join(repr(m) for m in missing)} is missing (found: {', '.join(header[:12])})",
            offset_bytes=start,
            remedy="check that the file and KIND belong together",
        )
    reading = Reading()
    for number, (offset, record) in enumerate(lines):
        try:
            cells = _cells(record, delimiter)
            if len(cells) != len(header):
                raise BadRowError(f"{len(cells)} cells where the header has {len(header)}")  # noqa: TRY301 - one place makes bad rows
            table, values = read(dict(zip(header, cells, strict=True)), number)
            reading.add(table, values, row=number, offset_bytes=offset)
        except BadRowError as error:
            reading.bad_rows.append(BadRow(offset_bytes=offset, row=number, reason=str(error)))
    return reading


def _cells(record: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise BadRowError(str(error)) from error


def _lines_with_offsets(content: bytes, start: int) -> Iterator[tuple[int, str]]:
    """Records with their byte offsets; a line break inside quotes does not end a record."""
    offset = start
    begun = start
    quotes = 0
    for line in content[start:].splitlines(keepends=True):
        quotes += line.count(b'"')
        offset += len(line)
        if quotes % 2 == 0:
            if content[begun:offset].strip():
                yield begun, content[begun:offset].decode("utf-8")
            begun = offset
            quotes = 0
    if content[begun:].strip():
        yield begun, content[begun:].decode("utf-8")


def text_or_none(cell: str | None) -> str | None:
    """The cell without surrounding spaces; None where it is empty."""
    stripped = (cell or "").strip()
    return stripped or None


def required(cells: dict[str, str], name: str) -> str:
    """The cell of that name.

    Raises:
        BadRowError: It is empty.
    """
    value = text_or_none(cells.get(name))
    if value is None:
        raise BadRowError(f"'{name}' is empty")
    return value


def whole_number(cell: object, name: str) -> int | None:
    """The number, 0 or more; None where there is none.

    Raises:
        BadRowError: It is not written in digits, or in more than any file or amount needs.
    """
    text = "" if cell is None else str(cell).strip()
    if not text:
        return None
    if not _DIGITS.fullmatch(text):
        raise BadRowError(f"'{name}' is {text[:20]!r}, not a whole number of 0 or more")
    return int(text)


def hex_digest(value: object, digits: int, name: str) -> str | None:
    """The digest in lower-case hex; None where there is none.

    Raises:
        BadRowError: It is not hex of that length.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str) or len(value.strip()) != digits or not _HEX.fullmatch(value.strip()):
        raise BadRowError(f"'{name}' is not {digits} hex digits")
    return value.strip().lower()
