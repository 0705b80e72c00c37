"""A JSON document of any length, one value at a time, each with its place in bytes.

The standard library's decoder does the work, on a window of the file that is moved along. Why no library that streams
JSON token by token was taken stands in docs/adr/0017.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO, NoReturn

from headwater.errors import UnreadableInputError

__all__ = ["MAX_VALUE_CHARACTERS", "JsonScanner"]

CHUNK_BYTES = 1 << 20
MAX_VALUE_CHARACTERS = 64 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = " \t\r\n"
_NEAR_THE_END = 12  # characters of an escape of two halves, the longest thing that a cut makes an error of
_REMEDY = "ask the list's author for it again"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


class JsonScanner:
    """Where in the document we are, and what stands there.

    Args:
        file: Opened for reading bytes.
        path: Its name, for refusals.
        chunk_bytes: How much is read at once.

    Attributes:
        twice: A key that is there twice in an object of the last value, however deep: which of its two values holds,
            nobody can say.
    """

    def __init__(self, file: BinaryIO, path: Path, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._file = file
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._text = ""
        self._at = 0
        self._cut = b""  # the beginning of a character that goes on in the next chunk
        self._ended = False
        self._known_at = 0  # a place in the text, and the same in bytes of the file
        self._known_bytes = 0
        self._read_bytes = 0
        self.twice: str | None = None
        self._decode = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=str, parse_constant=_no_number
        ).raw_decode
        first = file.read(len(_BYTE_ORDER_MARK))
        self._read_bytes = len(first)
        if first == _BYTE_ORDER_MARK:
            self._known_bytes = len(first)
        else:
            self._cut = first
        self._more()

    @property
    def offset_bytes(self) -> int:
        """Where the scanner is, in bytes of the file."""
        return self._bytes_at(self._at)

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in _SPACE:
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if not self._more():
                return ""

    def take(self, character: str) -> bool:
        """Whether the next character is this one; if so, it is behind us."""
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def expect(self, character: str) -> None:
        """Go past a character.

        Raises:
            UnreadableInputError: Something else stands there.
        """
        if not self.take(character):
            self.refuse(f"not valid JSON (expecting '{character}')")

    def key(self) -> str:
        """The key of a member of an object; the scanner then stands before its value."""
        if self.peek() != '"':
            self.refuse("not valid JSON (expecting a key in quotes)")
        name = self.value()
        self.expect(":")
        assert isinstance(name, str)
        return name

    def value(self) -> object:
        """The value that stands here, whole."""
        self.peek()
        wanted = self._chunk_bytes
        while True:
            self.twice = None
            try:
                found, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _NEAR_THE_END
                if self._ended or not cut:
                    self._refuse_at(error.pos, f"not valid JSON ({error.msg})")
            except RecursionError:
                self.refuse("JSON that is not read: nested too deeply")
            except ValueError as error:
                told = "a number in it is too long" if "digits" in str(error) else str(error)
                self.refuse(f"JSON that is not read: {told}")
            else:
                # A number may go on in the next chunk, even after "1e+".
                number = isinstance(found, int | str) and self._text[end - 1] != '"'
                if not number or self._ended or end < len(self._text) - 2:
                    self._at = end
                    return found
            if len(self._text) - self._at > MAX_VALUE_CHARACTERS:
                self.refuse(f"JSON that is not read: one value is longer than {MAX_VALUE_CHARACTERS >> 20} MiB")
            self._more(wanted)
            wanted *= 2

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            self.twice = next(name for name in found if names.count(name) > 1)
        return found

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the document for what stands here.

        Raises:
            UnreadableInputError: Always.
        """
        self._refuse_at(self._at, reason)

    def _refuse_at(self, at: int, reason: str) -> NoReturn:
        raise UnreadableInputError(self._path, reason, offset_bytes=self._bytes_at(at), remedy=_REMEDY) from None

    def _bytes_at(self, at: int) -> int:
        if at < self._known_at:
            return self._known_bytes - len(self._text[at : self._known_at].encode("utf-8"))
        if self._text.isascii():
            self._known_bytes += at - self._known_at
        else:
            self._known_bytes += len(self._text[self._known_at : at].encode("utf-8"))
        self._known_at = at
        return self._known_bytes

    def _more(self, wanted: int = 0) -> bool:
        """Whether there was more of the file; what is behind us is forgotten."""
        if self._ended:
            return False
        self._bytes_at(self._at)
        chunk = self._file.read(max(wanted, self._chunk_bytes))
        content = self._cut + chunk
        self._ended = not chunk
        begin = self._read_bytes - len(self._cut)
        self._read_bytes += len(chunk)
        try:
            text = content.decode("utf-8")
            self._cut = b""
        except UnicodeDecodeError as error:
            if self._ended or error.start < len(content) - 3 or error.reason != "unexpected end of data":
                raise UnreadableInputError(
                    self._path, "not UTF-8 text", offset_bytes=begin + error.start, remedy="convert it"
                ) from error
            text, self._cut = content[: error.start].decode("utf-8"), content[error.start :]
        self._text = self._text[self._at :] + text
        self._at = self._known_at = 0
        return True
