"""Tables as files: CSV that no spreadsheet takes for formulas, or JSON Lines; every row, part by part."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from headwater_web.shown import shown_text
from headwater_web.text import visible

__all__ = ["FORMATS", "csv_parts", "json_parts"]

FORMATS: Final = {"csv": "text/csv", "jsonl": "application/json"}

# Source: OWASP, "CSV Injection": what a spreadsheet takes for a formula begins with one of these.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_parts(names: Sequence[str], batches: Iterator[Any]) -> Iterator[bytes]:
    """The rows as CSV (RFC 4180) in UTF-8; a text that a program could take for a formula begins with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(names)
    for batch in batches:
        for row in batch.to_pylist():
            writer.writerow([_cell(row[name]) for name in names])
        yield out.getvalue().encode("utf-8", "backslashreplace")
        out.seek(0)
        out.truncate()
    if rest := out.getvalue():
        yield rest.encode("utf-8", "backslashreplace")


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = visible(shown_text(value))
        return f"'{text}" if text.startswith(_FORMULA) else text
    return str(value)


def json_parts(names: Sequence[str], batches: Iterator[Any]) -> Iterator[bytes]:
    """The rows as JSON Lines, in ASCII, with every value as it is."""
    for batch in batches:
        lines = [
            json.dumps({name: row[name] for name in names}, default=shown_text, ensure_ascii=True)
            for row in batch.to_pylist()
        ]
        yield "".join(f"{line}\n" for line in lines).encode("ascii")
