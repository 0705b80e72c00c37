"""Rows of a graded file, as VICS-like JSON or as our CSV: each with its text as it stands there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.errors import UnreadableInputError
from headwater.viewer.json_text import JsonWindow
from headwater.viewer.names import CSV_KEYS, CSV_MARK, FORMULA_STARTS

__all__ = ["GradedSource", "RawRow"]

_HEAD_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"
_LISTS = frozenset({"value", "cases", "media"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """One row of a graded file.

    Attributes:
        number: Its place among the rows, from 0.
        text: The row as one JSON object: as it was written, or made of the cells of a line of CSV.
        fields: Its members by key in lower case; a key that stands twice says what it says last.
    """

    number: int
    text: str
    fields: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class GradedSource:
    """A graded file.

    Attributes:
        path: Where it lies.
        envelope: What it says outside of its rows, by key in lower case; whole once the rows have been read.
        sha256: Of the file; known once the rows have been read.
    """

    path: Path
    envelope: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    def rows(self) -> Iterator[RawRow]:
        """The rows, one at a time.

        Raises:
            UnreadableInputError: It is neither, is cut short, or is damaged.
        """
        with self.path.open("rb") as file:
            head = file.read(_HEAD_BYTES).removeprefix(_BYTE_ORDER_MARK).lstrip()
        if not head:
            raise UnreadableInputError(self.path, "the file is empty", remedy="export it from the viewer again")
        return self._json_rows() if head[:1] in {b"{", b"["} else self._csv_rows()

    def _json_rows(self) -> Iterator[RawRow]:
        with JsonWindow(self.path) as window:
            reading = _JsonReading(window, self.envelope)
            if window.peek() == "[":
                yield from reading.list_of_rows()
            else:
                yield from reading.holder()
            if window.peek():
                raise window.unreadable("there is more after the end of the document")
            if not reading.lists:
                raise UnreadableInputError(
                    self.path, "no list 'value' or 'Media' in it", remedy="check that this is a graded VICS JSON file"
                )
            self.sha256 = window.total.hexdigest()

    def _csv_rows(self) -> Iterator[RawRow]:
        content = self.path.read_bytes()
        self.sha256 = hashlib.sha256(content).hexdigest()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableInputError(
                self.path, "not UTF-8 text", offset_bytes=error.start, remedy="save it as CSV in UTF-8"
            ) from error
        first = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=first.count)
        try:
            lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(lines)]
            folded = {name.casefold() for name in header}
            if not folded & {"md5", "sha1", "sha256", "item_id"} or len(folded) != len(header):
                raise UnreadableInputError(
                    self.path,
                    "no column md5, sha1, sha256 or item_id in its first line, or one name twice",
                    remedy="check that this is a graded VICS JSON file, or a CSV that headwater wrote",
                )
            for number, cells in enumerate(line for line in lines if line):
                if len(cells) != len(header):
                    raise UnreadableInputError(
                        self.path,
                        f"row {number + 1} has {len(cells)} cells, the first line {len(header)}",
                        remedy="save it again; nothing was changed",
                    )
                named = {CSV_KEYS.get(n.casefold(), n): _cell(c) for n, c in zip(header, cells, strict=True) if c}
                row_text = json.dumps({CSV_MARK: len(header), **named}, ensure_ascii=False)
                yield RawRow(number=number, text=row_text, fields={k.casefold(): v for k, v in named.items()})
        except csv.Error as error:
            raise UnreadableInputError(
                self.path, f"not CSV that can be read ({error})", remedy="save it again; nothing was changed"
            ) from error


def _cell(text: str) -> str:
    """The cell without the apostrophe that keeps a spreadsheet from running it."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


class _JsonReading:
    """Goes through the document: lists of rows lie in it, or in objects that stand for cases."""

    def __init__(self, window: JsonWindow, envelope: dict[str, Any]) -> None:
        self.lists = 0
        self._window = window
        self._envelope = envelope
        self._number = 0

    def list_of_rows(self) -> Iterator[RawRow]:
        self.lists += 1
        for _ in self._window.elements():
            yield from self._row_or_case()

    def holder(self) -> Iterator[RawRow]:
        """The rows in the lists of an object that is no row."""
        window = self._window
        for key in window.entries():
            if key.casefold() in _LISTS and window.peek() in {"[", "{"}:
                yield from self.list_of_rows() if window.peek() == "[" else self.holder()
            else:
                self._envelope[key.casefold()] = window.value()

    def _row_or_case(self) -> Iterator[RawRow]:
        window = self._window
        fields: dict[str, Any] = {}
        is_row = True
        window.keep_from_here()
        if window.peek() != "{":
            window.value()
        else:
            for key in window.entries():
                if key.casefold() == "media" and window.peek() == "[":
                    is_row = False
                    window.let_go()
                    yield from self.list_of_rows()
                    window.let_go()
                else:
                    fields[key.casefold()] = window.value()
        if not is_row:
            self._envelope.update(fields)
            return
        text = window.kept()
        yield RawRow(number=self._number, text=text, fields=fields)
        self._number += 1
