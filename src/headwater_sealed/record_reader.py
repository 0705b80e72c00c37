"""Numbers and bytes from the beginning of a record, as wallets and nodes write them one after the other."""

from __future__ import annotations

import struct
from typing import Literal

__all__ = ["BadRecordError", "RecordReader"]

_WIDE = {0xFD: "H", 0xFE: "I", 0xFF: "Q"}


class BadRecordError(Exception):
    """A record that is not of its layout."""


class RecordReader:
    """Takes numbers and bytes from the beginning of a record.

    Args:
        content: The record.
        order: `<` for numbers whose least significant byte comes first, `>` for the most significant.
    """

    def __init__(self, content: bytes, order: Literal["<", ">"]) -> None:
        self._content = content
        self._order = order
        self._at = 0

    def taken(self, length: int) -> bytes:
        """The next bytes.

        Raises:
            BadRecordError: There are fewer.
        """
        part = self._content[self._at : self._at + length]
        if len(part) != length:
            raise BadRecordError("it is cut short")
        self._at += length
        return part

    def number(self, kind: str) -> int:
        """The next number, of a kind of `struct`."""
        kind = self._order + kind
        return int(struct.unpack(kind, self.taken(struct.calcsize(kind)))[0])

    def size(self) -> int:
        """The next number of one, three, five or nine bytes (Bitcoin's compact size; BOLT 1, BigSize)."""
        first = self.number("B")
        wide = _WIDE.get(first)
        return first if wide is None else self.number(wide)

    def counted(self) -> bytes:
        """Bytes behind their count."""
        return self.taken(self.size())

    @property
    def left(self) -> int:
        """Bytes that are not taken yet."""
        return len(self._content) - self._at
