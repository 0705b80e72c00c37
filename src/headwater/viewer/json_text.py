"""JSON read a value at a time, with the text of each value as it was written."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from headwater.errors import UnreadableInputError

__all__ = ["JsonWindow", "Member", "elements_of", "members_of"]

LONGEST_VALUE = 1 << 24
"""Characters of one row; a longer one holds more than words and numbers."""

_CHUNK_BYTES = 1 << 18
_SPACE = re.compile(r"[ \t\n\r]*")
_LONGEST_NUMBER = 18


class Member(NamedTuple):
    """One member of an object.

    Attributes:
        key: Its key.
        value: Its value, numbers that do not fit 18 digits as text.
        text: Key, colon and value as they were written.
        value_text: The value as it was written.
    """

    key: str
    value: Any
    text: str
    value_text: str


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_NUMBER else text


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=str, parse_constant=_no_constant)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()


def members_of(text: str) -> list[Member]:
    """The members of an object that was read before, in order; a key that stands twice is there twice."""
    found = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        start = at
        key, at = _DECODER.raw_decode(text, at)
        value_at = _skip(text, _skip(text, at) + 1)
        value, at = _DECODER.raw_decode(text, value_at)
        found.append(Member(key, value, text[start:at], text[value_at:at]))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def elements_of(text: str) -> list[tuple[Any, str]]:
    """The elements of a list that was read before, each with its text."""
    found = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        found.append((value, text[at:end]))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


class JsonWindow:
    """A JSON file seen through a window that moves forward.

    Args:
        path: The file: UTF-8, with or without a byte order mark.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = ""
        self.at = 0
        self.total = hashlib.sha256()
        self._read_bytes = 0
        self._kept_from: int | None = None
        self._gone_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._file: BinaryIO | None = None
        self._ended = False

    def __enter__(self) -> Self:
        self._file = self.path.open("rb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def keep_from_here(self) -> None:
        """Keep the text from here on, until `kept` takes it or `let_go` gives it up."""
        self._kept_from = self.at

    def kept(self) -> str:
        """The text since `keep_from_here`."""
        assert self._kept_from is not None
        text = self.text[self._kept_from : self.at]
        self._kept_from = None
        return text

    def let_go(self) -> None:
        """Keep nothing any more."""
        self._kept_from = None

    def unreadable(self, reason: str) -> UnreadableInputError:
        """The error that names this place."""
        offset = self._gone_bytes + len(self.text[: self.at].encode("utf-8"))
        return UnreadableInputError(
            self.path, reason, offset_bytes=offset, remedy="export it from the viewer again; nothing was changed"
        )

    def _more(self) -> bool:
        """Whether there was more to read."""
        if self._ended:
            return False
        keep = self.at if self._kept_from is None else min(self.at, self._kept_from)
        if keep:
            self._gone_bytes += len(self.text[:keep].encode("utf-8"))
            self.text = self.text[keep:]
            self.at -= keep
            self._kept_from = None if self._kept_from is None else self._kept_from - keep
        if len(self.text) > LONGEST_VALUE:
            raise self.unreadable(f"a value is longer than {LONGEST_VALUE:,} characters, or damaged")
        assert self._file is not None
        first = not self._read_bytes
        # Twice as much each time, so that a long value is not read again for each small piece of it.
        piece = self._file.read(max(_CHUNK_BYTES, len(self.text)))
        self.total.update(piece)
        self._read_bytes += len(piece)
        self._ended = not piece
        try:
            more = self._decoder.decode(piece, final=self._ended)
        except UnicodeDecodeError as error:
            self.at = len(self.text)
            raise self.unreadable(f"not UTF-8 text ({error.reason})") from error
        if first and more.startswith("\ufeff"):
            more = more[1:]
            self._gone_bytes += len(codecs.BOM_UTF8)
        self.text += more
        return not self._ended

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            self.at = _skip(self.text, self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more() and self.at >= len(self.text):
                return ""

    def take(self, character: str) -> None:
        """Go past a character that must stand here."""
        found = self.peek()
        if found != character:
            raise self.unreadable(
                f"'{character}' expected, found {found!r}" if found else "it ends in the middle: it was cut short"
            )
        self.at += 1

    def value(self) -> Any:  # noqa: ANN401 - any JSON
        """The next value, whole."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self.text) or error.msg.startswith("Unterminated")
                if self._more():
                    continue
                reason = "it ends in the middle: it was cut short" if cut else f"not valid JSON ({error.msg})"
                raise self.unreadable(reason) from error
            except RecursionError as error:
                raise self.unreadable("nested too deeply") from error
            except ValueError as error:
                raise self.unreadable(f"not valid JSON ({error})") from error
            # A number that ends where the window does may go on.
            if end == len(self.text) and self._more():
                continue
            self.at = end
            return value

    def entries(self) -> Iterator[str]:
        """The keys of the object that begins here, with the window at the value of each; take the value in between."""
        self.take("{")
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            key = self.value() if self.peek() == '"' else None
            if not isinstance(key, str):
                raise self.unreadable("a key expected" if self.peek() else "it ends in the middle: it was cut short")
            self.take(":")
            self.peek()
            yield key
            if self._ends_with("}"):
                return

    def elements(self) -> Iterator[None]:
        """A step for each element of the list that begins here; take the element in between."""
        self.take("[")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self.peek()
            yield
            if self._ends_with("]"):
                return

    def _ends_with(self, closing: str) -> bool:
        if self.peek() == ",":
            self.at += 1
            return False
        self.take(closing)
        return True
