"""A row of a reference on its way in, and the defects beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from headwater.errors import UnreadableInputError
from headwater.schema import content_id

__all__ = [
    "BadRow",
    "BadRowError",
    "GoodRow",
    "Reading",
    "checked_value",
    "defect_of",
    "hex_digest",
    "no_row",
    "refused_for",
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
            checked_value(name, value)
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


_Value = TypeVar("_Value")


def checked_value(name: str, value: _Value) -> _Value:
    """The value, if a table can hold it.

    Raises:
        BadRowError: It is too large a number, or text with half characters, which JSON can spell and no encoding holds.
    """
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise BadRowError(f"'{name}' is a number too large for any file or amount")
    if isinstance(value, str) and not value.isascii() and _HALF_CHARACTERS.search(value):
        raise BadRowError(f"'{name}' is not Unicode text")
    return value


_HEX = re.compile(r"[0-9a-fA-F]+")
_DIGITS = re.compile(r"[0-9]{1,18}")
_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")


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


def defect_of(bad: BadRow, name: str, version: str, path: Path, table: str) -> dict[str, object]:
    """The row of `defects` for a row of a reference."""
    return {
        "defect_id": content_id("dfc", name, version, bad.row, bad.reason),
        "reference_name": f"{name}@{version}",
        "path": path.name,
        "source_table": table,
        "offset_bytes": bad.offset_bytes,
        "code": "bad_reference_row",
        "reason": f"row {bad.row}: {bad.reason}",
    }


def refused_for(path: Path, bad: BadRow, count: int) -> UnreadableInputError:
    """Why a reference with bad rows is refused: the first of them, and how many there are."""
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    return UnreadableInputError(
        path,
        f"row {bad.row}: {bad.reason}{more}",
        offset_bytes=bad.offset_bytes,
        remedy="correct the list, or import the good rows with --accept-defects",
    )


def no_row(path: Path) -> UnreadableInputError:
    """Why an empty reference is refused."""
    return UnreadableInputError(path, "holds no row", remedy="check that the file and KIND belong together")
