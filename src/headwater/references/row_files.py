"""Rows of a register from CSV, a spreadsheet, JSON Lines or Parquet, through a column map where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.errors import UnreadableInputError
from headwater.references.column_map import ColumnMap
from headwater.references.csv_text import cells_of, decoded, delimiter_of, records
from headwater.references.register_columns import REGISTER_COLUMNS
from headwater.references.rows import BadRow, BadRowError, Reading
from headwater.references.spreadsheet import SPREADSHEET_START, BadCell, Cell, spreadsheet_rows
from headwater.references.typed_rows import typed_rows

__all__ = ["RowReader", "register_rows"]

RowReader = Callable[[dict[str, str], int], dict[str, object]]

_OLE_START: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # source: MS-CFB, 2.2


@dataclass(frozen=True, slots=True)
class _Record:
    offset_bytes: int | None
    cells: Sequence[Cell]
    bad: str | None = None


def register_rows(path: Path, kind: str, read: RowReader, columns: ColumnMap | None) -> Reading:
    """The rows of a file with a header, each through `read`; bad ones are kept aside with their place.

    Args:
        path: CSV (UTF-8, with or without a byte-order mark; commas, semicolons or tabs), XLSX, JSON Lines or Parquet,
            told by content.
        kind: One of `REGISTER_COLUMNS`.
        read: From the cells by our column name and the row number to a row; raises BadRowError.
        columns: How the columns of the file become ours; None where they are ours.

    Raises:
        UnreadableInputError: It is neither, is empty, or a needed column is missing.
    """
    register = REGISTER_COLUMNS[kind]
    reading = Reading()
    found = _records(path, columns)
    header = next(found, None)
    if header is None:
        raise UnreadableInputError(path, "empty file", remedy="ask its author for it again")
    if header.bad is not None:
        raise UnreadableInputError(
            path,
            f"header line: {header.bad}",
            offset_bytes=header.offset_bytes,
            remedy="check that this is a CSV file",
        )
    names = ["" if isinstance(cell, BadCell) else cell.strip() for cell in header.cells]
    places = _places(path, columns, header, names, register.required)
    for number, record in enumerate(found):
        try:
            if record.bad is not None:
                raise BadRowError(record.bad)  # noqa: TRY301 - one place makes bad rows
            values = read(_cells(columns, record.cells, places), number)
            reading.add(register.table, values, row=number, offset_bytes=record.offset_bytes)
        except BadRowError as error:
            reading.bad_rows.append(BadRow(offset_bytes=record.offset_bytes, row=number, reason=str(error)))
    return reading


def _cells(columns: ColumnMap | None, cells: Sequence[Cell], places: dict[str, tuple[int, ...]]) -> dict[str, str]:
    row = {} if columns is None else dict(columns.constants)
    for name, numbers in places.items():
        found = []
        for place in numbers:
            cell = cells[place] if place < len(cells) else ""
            if isinstance(cell, BadCell):
                raise BadRowError(f"'{name}': {cell.reason}")
            found.append(cell)
        row[name] = found[0] if columns is None else columns.value(name, *found)
    return row


def _places(
    path: Path, columns: ColumnMap | None, header: _Record, names: Sequence[str], required: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    """For each of our columns, its places in the file: one, or two where the second stands in for the first."""
    places: dict[str, tuple[int, ...]]
    if columns is None:
        # Where a column stands twice, the later one counts, as it always has.
        places = {name.lower(): (place,) for place, name in enumerate(names)}
        missing = [name for name in required if name not in places]
        shown, remedy = [name.lower() for name in names], "check that the file and KIND belong together"
    else:
        wanted = {name: rule.wanted for name, rule in columns.columns.items()}
        asked = [column for each in wanted.values() for column in each]
        twice = [column for column in asked if names.count(column) > 1]
        if twice:
            raise UnreadableInputError(
                path,
                f"column {twice[0]!r} stands in the header {names.count(twice[0])} times",
                offset_bytes=header.offset_bytes,
                remedy="rename one in a copy of the file, and say so in --why",
            )
        missing = [column for column in asked if column not in names]
        places = {
            name: tuple(names.index(column) for column in each if column in names) for name, each in wanted.items()
        }
        shown, remedy = list(names), "correct --columns: sheet, header_row, and names as the header writes them"
    if missing:
        raise UnreadableInputError(
            path,
            f"column {', '.join(repr(m) for m in missing)} is missing (found: {', '.join(shown[:12])})",
            offset_bytes=header.offset_bytes,
            remedy=remedy,
        )
    return places


def _records(path: Path, columns: ColumnMap | None) -> Iterator[_Record]:
    """The header and every row after it."""
    header_row = 1 if columns is None else columns.header_row
    with path.open("rb") as opened:
        start = opened.read(len(_OLE_START))
    if start == _OLE_START:
        raise UnreadableInputError(
            path,
            "an old Excel file, or an XLSX under a password",
            remedy="ask the service for XLSX without a password, or for CSV",
        )
    if start.startswith(SPREADSHEET_START):
        for number, cells in spreadsheet_rows(path, None if columns is None else columns.sheet):
            if number >= header_row:
                yield _Record(None, cells)
        return
    typed = typed_rows(path, start)
    if typed is not None:
        yield from (_Record(offset, cells, bad) for offset, cells, bad in typed)
        return
    yield from _delimited(path, header_row)


def _delimited(path: Path, header_row: int) -> Iterator[_Record]:
    with path.open("rb") as file:
        delimiter, width = "", 0
        for number, (offset, record) in enumerate(records(file, path), start=1):
            if number < header_row:
                continue
            text = decoded(record, path, offset)
            delimiter = delimiter or delimiter_of(text)
            try:
                cells = cells_of(text, delimiter)
            except BadRowError as error:
                yield _Record(offset, (), str(error))
                continue
            width = width or len(cells)
            bad = None if len(cells) == width else f"{len(cells)} cells where the header has {width}"
            yield _Record(offset, cells, bad)
