"""Rows as the files of a package write them: JSON Lines without loss, and CSV that no spreadsheet can run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from headwater.custody import utc_text
from headwater.schema import canonical_json

__all__ = [
    "formula_safe",
    "json_lines",
    "other_person",
    "plain",
    "shared_with",
    "spreadsheet",
]

# What spreadsheet programs take for the start of a formula, and the characters they strip before they look.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def plain(value: object) -> object:
    """The value as JSON can hold it: times as UTC text, bytes as hex, everything else as it is."""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def shared_with(rival: Mapping[str, Any]) -> str:
    """What another person shares with a payer, in words."""
    kinds = dict.fromkeys(str(one["shared_kind"]).replace("_", " ") for one in rival["shared"])
    return ", ".join(kinds)


def other_person(rival: Mapping[str, Any]) -> str:
    """The id of a person beside a payer; that it is not given, for a person of another lead."""
    return str(rival["other_id"] or "a person of another lead")


def json_lines(rows: Iterable[Mapping[str, object]]) -> bytes:
    """One canonical JSON object a line; nothing is rounded, cut or escaped away."""
    return b"".join(canonical_json(plain(row)) + b"\n" for row in rows)  # type: ignore[arg-type]  # `plain` makes it JSON


def formula_safe(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would otherwise run it, and control characters shown.

    >>> formula_safe("=1+1")
    "'=1+1"
    >>> formula_safe("Ana")
    'Ana'
    """
    safe = "'" + text if text.startswith(_FORMULA_STARTS) else text
    return _CONTROLS.sub(lambda found: f"[U+{ord(found.group()):04X}]", safe)


def spreadsheet(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """The columns of the rows as CSV (RFC 4180, UTF-8), text made formula-safe; an absent value is an empty cell.

    Args:
        columns: In order; each row is read by these names.
        rows: Whole numbers are written as they are, times as UTC text, lists joined by `; `.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([formula_safe(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return text.getvalue().encode("utf-8")


def _cell(value: object) -> str:
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return formula_safe("; ".join(str(item) for item in value))
    return formula_safe(str(value))
