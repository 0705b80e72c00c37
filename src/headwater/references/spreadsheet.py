"""Rows of a spreadsheet (XLSX) as text, streamed, with bounds on all that its author could make large.

Nothing of it is calculated: of a formula the value that was stored is read. A cell whose value the spreadsheet itself
has lost is told of, and never guessed at.

References:
    ECMA-376-1:2016, part 1, 18.3.1 (worksheets), 18.4 (shared strings), 18.8.30 (number formats), 18.17.4 (dates).
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final
from xml.parsers import expat  # nosec - document types and entities are refused below

from headwater.errors import UnreadableInputError

__all__ = ["SPREADSHEET_START", "BadCell", "Cell", "spreadsheet_rows"]

SPREADSHEET_START: Final = b"PK\x03\x04"
_MOST_BYTES: Final = 512 << 20  # of any one part, unpacked: a return of a million customers has less
_MOST_STRINGS: Final = 5_000_000
_MOST_COLUMNS: Final = 1_024
_CHUNK_BYTES: Final = 1 << 16
_DIGITS_KEPT: Final = 15  # source: ECMA-376-1, 18.3.1.96: numbers are IEEE 754 doubles
_LAST_SERIAL: Final = 2_958_466  # source: ECMA-376-1, 18.17.4.1: the day after 9999-12-31
_BUILT_IN_DATES: Final = frozenset({14, 15, 16, 17, *range(27, 32), *range(34, 37), *range(50, 59)})
_BUILT_IN_TIMES: Final = frozenset({18, 19, 20, 21, 22, 32, 33, 45, 46, 47})
_NOT_A_DATE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCell:
    """A cell without a value that can be relied upon.

    Attributes:
        reason: Why.
    """

    reason: str


Cell = str | BadCell


def spreadsheet_rows(path: Path, sheet: str | None) -> Iterator[tuple[int, list[Cell]]]:
    """Number in the sheet, from 1, and cells of each row that is not empty.

    Dates come as ISO text without a zone, numbers as digits.

    Args:
        path: The file.
        sheet: Name of the sheet; None where there is just one.

    Raises:
        UnreadableInputError: It is no such file, is damaged or protected, or has not just one sheet and none is named.
    """
    try:
        with zipfile.ZipFile(path) as book:
            yield from _Book(path, book).rows(sheet)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, UnreadableInputError):
            raise
        raise _unreadable(path, f"not a whole XLSX file ({error})") from error


def _unreadable(path: Path, reason: str) -> UnreadableInputError:
    return UnreadableInputError(path, reason, remedy="ask the service for it again, or for CSV")


class _Book:
    def __init__(self, path: Path, book: zipfile.ZipFile) -> None:
        self._path = path
        self._book = book
        self._names = set(book.namelist())

    def rows(self, sheet: str | None) -> Iterator[tuple[int, list[Cell]]]:
        if "xl/workbook.xml" not in self._names:
            raise _unreadable(self._path, "not an XLSX file (no xl/workbook.xml in it)")
        part, epoch_1904 = self._sheet(sheet)
        reader = _SheetReader(self._strings(), self._formats(), epoch_1904=epoch_1904)
        for _ in self._parsed(part, reader.begin, reader.text, reader.end):
            yield from reader.taken()

    def _sheet(self, wanted: str | None) -> tuple[str, bool]:
        sheets: list[tuple[str, str]] = []
        epochs: list[bool] = []

        def begin(name: str, attributes: Mapping[str, str]) -> None:
            if name == "sheet":
                target = next((value for key, value in attributes.items() if key.endswith(" id")), "")
                sheets.append((attributes.get("name", ""), target))
            if name == "workbookPr":
                epochs.append(attributes.get("date1904", "0") in {"1", "true"})

        self._whole("xl/workbook.xml", begin)
        targets: dict[str, str] = {}

        def relation(name: str, attributes: Mapping[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        self._whole("xl/_rels/workbook.xml.rels", relation)
        named = [name for name, _ in sheets]
        if wanted is None and len(sheets) != 1:
            told = ", ".join(repr(name[:40]) for name in named[:12])
            raise _unreadable(self._path, f"it has {len(sheets)} sheets ({told}); name one as 'sheet' in --columns")
        chosen = [target for name, target in sheets if wanted is None or name == wanted]
        if len(chosen) != 1:
            told = ", ".join(repr(name[:40]) for name in named[:12])
            raise _unreadable(self._path, f"it has no sheet {wanted!r} (found: {told})")
        part = posixpath.normpath(posixpath.join("/xl", targets.get(chosen[0], ""))).lstrip("/")
        if part not in self._names:
            raise _unreadable(self._path, "the part that holds the sheet is not there")
        return part, any(epochs)

    def _strings(self) -> list[str]:
        reader = _StringReader(self._path)
        if "xl/sharedStrings.xml" in self._names:
            self._whole("xl/sharedStrings.xml", reader.begin, reader.text, reader.end)
        return reader.strings

    def _formats(self) -> list[str]:
        """For each cell style: date, time, or nothing."""
        codes: dict[int, str] = {}
        kinds: list[str] = []
        inside: list[str] = []

        def begin(name: str, attributes: Mapping[str, str]) -> None:
            inside.append(name)
            if name == "numFmt":
                codes[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
            if name == "xf" and "cellXfs" in inside:
                number = int(attributes.get("numFmtId", "0"))
                kinds.append(_kind_of_format(number, codes.get(number)))

        def end(_: str) -> None:
            inside.pop()

        if "xl/styles.xml" in self._names:
            self._whole("xl/styles.xml", begin, None, end)
        return kinds

    def _whole(
        self,
        part: str,
        begin: Callable[[str, Mapping[str, str]], None],
        text: Callable[[str], None] | None = None,
        end: Callable[[str], None] | None = None,
    ) -> None:
        for _ in self._parsed(part, begin, text, end):
            pass

    def _parsed(
        self,
        part: str,
        begin: Callable[[str, Mapping[str, str]], None],
        text: Callable[[str], None] | None,
        end: Callable[[str], None] | None,
    ) -> Iterator[None]:
        """A step for each chunk of a part that the handlers have seen."""
        if part not in self._names:
            raise _unreadable(self._path, f"not a whole XLSX file ({part} is not there)")
        if self._book.getinfo(part).compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise _unreadable(self._path, f"{part} is packed as no spreadsheet is")
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True

        def refuse(*_: object) -> None:
            raise _unreadable(self._path, f"{part} has a document type, which no spreadsheet needs")

        parser.StartDoctypeDeclHandler = refuse
        parser.StartElementHandler = lambda name, attributes: begin(name.rpartition(" ")[2], attributes)
        if text is not None:
            parser.CharacterDataHandler = text
        if end is not None:
            parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
        read_bytes = 0
        try:
            with self._book.open(part) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    read_bytes += len(chunk)
                    if read_bytes > _MOST_BYTES:
                        raise _unreadable(self._path, f"{part} unpacks to more than {_MOST_BYTES >> 20} MiB")
                    parser.Parse(chunk, False)  # noqa: FBT003 - expat's own signature
                    yield
                parser.Parse(b"", True)  # noqa: FBT003 - as above
                yield
        except expat.ExpatError as error:
            raise _unreadable(self._path, f"{part} is not valid XML ({expat.ErrorString(error.code)})") from error


def _kind_of_format(number: int, code: str | None) -> str:
    if code is None:
        return "date" if number in _BUILT_IN_DATES else "time" if number in _BUILT_IN_TIMES else ""
    # Of a format with parts for negative numbers and texts, the first is that of dates.
    letters = _NOT_A_DATE.sub("", code).partition(";")[0].lower()
    if "h" in letters or "s" in letters:
        return "time"
    return "date" if "y" in letters or "d" in letters else ""


class _StringReader:
    """Gathers the texts that cells share; how a text is to be pronounced, which may stand beside it, is none of it."""

    def __init__(self, path: Path) -> None:
        self.strings: list[str] = []
        self._path = path
        self._parts: list[str] = []
        self._inside = {"t": False, "rPh": False}

    def begin(self, name: str, _: Mapping[str, str]) -> None:
        """A tag opens."""
        if name == "si":
            self._parts = []
        if name in self._inside:
            self._inside[name] = True

    def text(self, content: str) -> None:
        """Text between tags."""
        if self._inside["t"] and not self._inside["rPh"]:
            self._parts.append(content)

    def end(self, name: str) -> None:
        """A tag closes."""
        if name in self._inside:
            self._inside[name] = False
        if name == "si":
            self.strings.append("".join(self._parts))
            if len(self.strings) > _MOST_STRINGS:
                raise _unreadable(self._path, f"more than {_MOST_STRINGS:,} texts")


class _SheetReader:
    """Gathers cells as the parser meets them."""

    def __init__(self, strings: list[str], formats: list[str], *, epoch_1904: bool) -> None:
        self._strings = strings
        self._formats = formats
        self._epoch_1904 = epoch_1904
        self._done: list[tuple[int, list[Cell]]] = []
        self._row = 0
        self._cells: list[Cell] = []
        self._column = 0
        self._kind = self._style = ""
        self._parts: list[str] = []
        self._taking = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """A tag opens."""
        if name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._cells = []
        elif name == "c":
            self._column = _column_of(attributes["r"]) if "r" in attributes else len(self._cells)
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            self._parts = []
        elif name in {"v", "t"}:
            self._taking = True

    def text(self, content: str) -> None:
        """Text between tags."""
        if self._taking:
            self._parts.append(content)

    def end(self, name: str) -> None:
        """A tag closes."""
        if name in {"v", "t"}:
            self._taking = False
        elif name == "c":
            if self._column >= _MOST_COLUMNS:
                raise ValueError(f"row {self._row} has more than {_MOST_COLUMNS:,} columns")
            self._cells += [""] * (self._column + 1 - len(self._cells))
            self._cells[self._column] = self._value("".join(self._parts))
        elif name == "row" and any(cell if isinstance(cell, BadCell) else cell.strip() for cell in self._cells):
            self._done.append((self._row, self._cells))

    def taken(self) -> list[tuple[int, list[Cell]]]:
        """The rows that are whole, once."""
        done, self._done = self._done, []
        return done

    def _value(self, text: str) -> Cell:
        if not text or self._kind in {"str", "inlineStr", "d"}:
            return text
        if self._kind == "s":
            number = int(text)
            if not 0 <= number < len(self._strings):
                return BadCell(reason="it names a text that is not there")
            return self._strings[number]
        if self._kind == "b":
            return "yes" if text.strip() == "1" else "no"
        if self._kind == "e":
            return BadCell(reason=f"the spreadsheet says {text[:12]}")
        style = int(self._style)
        kind = self._formats[style] if 0 <= style < len(self._formats) else ""
        return _date_text(float(text), epoch_1904=self._epoch_1904, kind=kind) if kind else _number_text(text.strip())


def _column_of(reference: str) -> int:
    """Number of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    if not number:
        raise ValueError(f"a cell at {reference[:12]!r}")
    return number - 1


def _date_text(serial: float, *, epoch_1904: bool, kind: str) -> Cell:
    if not 0 <= serial < _LAST_SERIAL:
        return BadCell(reason="a date outside of what a spreadsheet can hold")
    # The 1900 system counts a 29 February 1900 that never was; days before it are one further on.
    begin = dt.datetime(1904, 1, 1) if epoch_1904 else dt.datetime(1899, 12, 30 if serial >= 60 else 31)  # noqa: DTZ001 - a date in a spreadsheet has no zone
    at = begin + dt.timedelta(milliseconds=round(serial * 86_400_000))
    return at.date().isoformat() if kind == "date" and at.time() == dt.time() else at.isoformat()


def _number_text(text: str) -> Cell:
    """The digits of a number as they were typed in, so far as fifteen of them tell."""
    digits = text.lstrip("-")
    if digits.isascii() and digits.isdigit():
        if len(digits.lstrip("0")) <= _DIGITS_KEPT:
            return text
        return BadCell(reason="a number of more digits than a spreadsheet keeps; ask for it as text")
    number = float(text)
    if abs(number) >= 10**_DIGITS_KEPT:
        return BadCell(reason="a number of more digits than a spreadsheet keeps; ask for it as text")
    # A spreadsheet shows fifteen digits of the double it keeps: 0.12345678, not 0.12345677999999999.
    shown = format(Decimal(f"{number:.{_DIGITS_KEPT}g}"), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
