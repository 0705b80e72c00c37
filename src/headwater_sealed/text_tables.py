"""Whether a text is a table, told from its first lines: columns between signs, or objects of JSON."""

from __future__ import annotations

import csv
import json
import re
from contextlib import suppress

__all__ = ["BLANK", "BOM", "SAMPLE_BYTES", "csv_form", "is_json_rows", "object_end"]

SAMPLE_BYTES = 64 * 1024
"""How much of a content is looked at."""

BOM = b"\xef\xbb\xbf"
BLANK = re.compile(rb"(?:\xef\xbb\xbf)?[\s,]*+")
"""What stands between objects."""

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLED_ROWS = 50
_SAMPLED_OBJECTS = 3
_SAMPLED_LINES = 20
_LONGEST_NAME = 64
_NAME = re.compile(r"[^\W\d][\w .:/()#-]*\Z")
_OBJECT_END = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)


def csv_form(head: bytes) -> tuple[str, list[str], bool] | None:
    """How a content is made of columns: the delimiter, the columns' names, and whether its first row has them.

    Args:
        head: Its first bytes, up to 64 KiB.

    Returns:
        None if it is not: a text whose first rows have the same number of values, more than one.
    """
    if b"\0" in head:
        return None
    text = head.removeprefix(BOM).decode("utf-8", "surrogateescape")
    if len(head) >= SAMPLE_BYTES:
        text = text[: text.rfind("\n") + 1]
    best: tuple[str, list[str]] | None = None
    for delimiter in _DELIMITERS:
        rows = _sampled(text, delimiter)
        width = len(rows[0]) if rows else 0
        told = len(rows) > 1 or (rows and _is_heading(rows[0]))
        if told and width > 1 and all(len(row) == width for row in rows) and (best is None or width > len(best[1])):
            best = delimiter, rows[0]
    if best is None:
        return None
    delimiter, first = best
    named = _is_heading(first)
    names = [name.strip() for name in first] if named else [f"c{number}" for number in range(1, len(first) + 1)]
    return delimiter, [name.encode("utf-8", "replace").decode("utf-8") for name in names], named


def _sampled(text: str, delimiter: str) -> list[list[str]]:
    """The first rows, up to one that is none."""
    rows: list[list[str]] = []
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    with suppress(csv.Error, StopIteration):
        while len(rows) < _SAMPLED_ROWS:
            row = next(reader)
            if row:
                rows.append(row)
    return rows


def _is_heading(row: list[str]) -> bool:
    names = {name.strip() for name in row}
    return len(names) == len(row) and all(len(name) <= _LONGEST_NAME and _NAME.match(name) for name in names)


def object_end(content: bytes, at: int) -> int | None:
    """The place behind the object that begins at a place; None if it has no end here."""
    depth = 0
    while True:
        found = _OBJECT_END.search(content, at)
        if found is None:
            return None
        depth += (found[0] == b"{") - (found[0] == b"}")
        at = found.end()
        if not depth:
            return at


def is_json_rows(head: bytes) -> bool:
    """Whether the first bytes of a content are objects of JSON on lines of their own, or of a list of equal ones."""
    at = BLANK.match(head).end()  # type: ignore[union-attr]  # matches nothing too
    if head[at : at + 1] == b"{":
        lines = [line for line in head[at:].split(b"\n")[:-1] if line.strip()][:_SAMPLED_LINES]
        sound = sum(_is_object(line) for line in lines)
        return bool(lines) and _is_object(lines[0]) and 2 * sound > len(lines)
    if head[at : at + 1] != b"[":
        return False
    at = BLANK.match(head, at + 1).end()  # type: ignore[union-attr]  # matches nothing too
    keys: list[str | None] = []
    while len(keys) < _SAMPLED_OBJECTS and head[at : at + 1] == b"{":
        end = object_end(head, at)
        if end is None or not _is_object(head[at:end]):
            break
        keys.append(next(iter(json.loads(head[at:end])), None))
        at = BLANK.match(head, end).end()  # type: ignore[union-attr]  # matches nothing too
    return bool(keys) and keys[0] is not None and len(set(keys)) == 1


def _is_object(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except (ValueError, RecursionError):
        return False
