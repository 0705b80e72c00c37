"""A file seen through a buffer that begins at the place in hand and grows when a pattern needs more."""

from __future__ import annotations

import re
from typing import BinaryIO

__all__ = ["Lookahead"]

_READ_BYTES = 4 * 1024 * 1024


class Lookahead:
    """The bytes of a file from a place on; what lies before the place is given up.

    Args:
        file: Read from where it stands to its end.
        limit_bytes: How far ahead is looked at most.

    Attributes:
        buffer: Bytes of the file.
        at: The place in hand, in the buffer.
        ended: Whether the buffer reaches to the end of the file.
    """

    __slots__ = ("_base", "_file", "_limit_bytes", "at", "buffer", "ended")

    def __init__(self, file: BinaryIO, *, limit_bytes: int) -> None:
        self._file = file
        self._limit_bytes = limit_bytes
        self._base = 0
        self.buffer = b""
        self.at = 0
        self.ended = False

    @property
    def offset_bytes(self) -> int:
        """The place in hand, in the file."""
        return self._base + self.at

    def fill(self, wanted_bytes: int = _READ_BYTES) -> None:
        """Has so many bytes behind the place in hand, if the file does; positions in the buffer change."""
        if self.ended or len(self.buffer) - self.at >= wanted_bytes:
            return
        parts = [self.buffer[self.at :]]
        have = len(parts[0])
        while have < wanted_bytes:
            part = self._file.read(max(_READ_BYTES, wanted_bytes - have))
            if not part:
                self.ended = True
                break
            parts.append(part)
            have += len(part)
        self._base += self.at
        self.at = 0
        self.buffer = b"".join(parts)

    def grow(self) -> bool:
        """Whether more could be had; each time twice as much, so that trying again costs linear time in all."""
        have = len(self.buffer) - self.at
        if self.ended or have >= self._limit_bytes:
            return False
        self.fill(max(_READ_BYTES, have * 2))
        return len(self.buffer) - self.at > have

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """The pattern at the place in hand, of what is in the buffer already."""
        return pattern.match(self.buffer, self.at)

    def match_whole(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """The pattern at the place in hand, for which as much is read as it needs, up to the limit."""
        while True:
            found = pattern.match(self.buffer, self.at)
            # A match that ends where the buffer does might go on.
            if found is not None and found.end() < len(self.buffer):
                return found
            if not self.grow():
                return pattern.match(self.buffer, self.at)
