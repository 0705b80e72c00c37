"""The write-ahead log of an SQLite database: which page stands where, as of the last commit.

References:
    SQLite documentation, "Database File Format", 4.1 (WAL file format), 4.2 (checksum), 4.3 (reader's algorithm).
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from headwater_sealed.refusal import UnreadableError

__all__ = ["LOG_MAGICS", "WriteAheadLog"]

LOG_MAGICS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""First bytes; the last of them says in which order of bytes the checksums are."""

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_MASK = 0xFFFFFFFF


class WriteAheadLog:
    """The frames that a reader of the database would take: valid by checksum and salt, up to the last commit.

    Args:
        file: The log.

    Attributes:
        size_bytes: Length of the log.
        page_bytes: Size of a page.
        page_count: Pages of the database after the last commit; None where nothing was committed.
        committed_bytes: Length of the log up to the end of the last commit.
        left_over_bytes: Of what follows, frames that no commit covers, or of an earlier round.

    Raises:
        UnreadableError: It has no valid header.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or header[:4] not in LOG_MAGICS:
            raise UnreadableError("the write-ahead log has no header")
        order = ">" if header[3] & 1 else "<"
        _, self.page_bytes, _, salt_1, salt_2, *stated = struct.unpack(">7I", header[4:])
        if not 512 <= self.page_bytes <= 65536 or self.page_bytes & (self.page_bytes - 1):
            raise UnreadableError(f"the write-ahead log states a page size of {self.page_bytes} bytes")
        sums = _summed((0, 0), header[:24], order)
        if sums != tuple(stated):
            raise UnreadableError("the checksum of the write-ahead log's header is wrong")
        self.page_count: int | None = None
        self.committed_bytes = _HEADER_BYTES
        self._offsets: dict[int, int] = {}
        pending: dict[int, int] = {}
        at = _HEADER_BYTES
        frame_bytes = _FRAME_HEADER_BYTES + self.page_bytes
        while len(frame := file.read(frame_bytes)) == frame_bytes:
            number, count, frame_1, frame_2, *frame_sums = struct.unpack_from(">6I", frame)
            if (frame_1, frame_2) != (salt_1, salt_2):
                break
            sums = _summed(sums, frame[:8] + frame[_FRAME_HEADER_BYTES:], order)
            if sums != tuple(frame_sums) or not number:
                break
            pending[number] = at + _FRAME_HEADER_BYTES
            at += frame_bytes
            if count:
                self._offsets |= pending
                pending.clear()
                self.page_count = count
                self.committed_bytes = at
        self.left_over_bytes = self.size_bytes - self.committed_bytes

    @property
    def pages(self) -> dict[int, int]:
        """For each page that stands in the log, where its content begins, in bytes."""
        return self._offsets

    def offset_of(self, number: int) -> int | None:
        """Where the content of a page begins; None where the log does not have it."""
        return self._offsets.get(number)

    def page(self, number: int) -> bytes | None:
        """The content of a page; None where the log does not have it."""
        offset = self._offsets.get(number)
        if offset is None:
            return None
        self._file.seek(offset)
        return self._file.read(self.page_bytes)


def _summed(sums: tuple[int, int], content: bytes, order: str) -> tuple[int, int]:
    """The running checksum after more content, whose length is a multiple of 8."""
    first, second = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for left, right in zip(words[::2], words[1::2], strict=True):
        first = (first + left + second) & _MASK
        second = (second + right + first) & _MASK
    return first, second
