"""The pages of an SQLite file as they stand with its write-ahead log, or without it, and what each of them was for.

References:
    SQLite documentation, "Database File Format": 1.2 (pages), 1.3 (header), 1.4 (lock-byte page), 1.5 (freelist),
    1.8 (pointer maps), 4 (write-ahead log).
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sqlite_log import WriteAheadLog

__all__ = ["SQLITE_MAGIC", "Pages"]

SQLITE_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_LOCK_BYTE_AT = 1 << 30
_CACHED_PAGES = 512
_ENCODINGS = {0: "utf-8", 1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
_LEAST_USABLE_BYTES = 480


class Pages:
    """Reads pages by number and keeps what each was used for, so that none is used twice and all are accounted for.

    Args:
        database: The database file.
        log: Its write-ahead log; None for the file as it stands without one.

    Attributes:
        page_bytes: Size of a page.
        usable_bytes: Of it, what holds content.
        encoding: Of texts, as Python names it.
        count: How many pages the database has.
        file_pages: How many whole pages lie in the database file.
        file_bytes: Length of the database file.
        log: The write-ahead log, if it is looked at.

    Raises:
        UnreadableError: It is no SQLite file.
    """

    def __init__(self, database: BinaryIO, log: WriteAheadLog | None = None) -> None:
        self._database = database
        self.log = log
        self.file_bytes = database.seek(0, os.SEEK_END)
        database.seek(0)
        # Where only the log holds the first page, its header is the one that counts.
        first = None if log is None else log.page(1)
        header = (first or database.read(_HEADER_BYTES))[:_HEADER_BYTES]
        if len(header) < _HEADER_BYTES or not header.startswith(SQLITE_MAGIC):
            raise UnreadableError("not an SQLite file, or its first page is cut short")
        stated = int.from_bytes(header[16:18], "big")
        self.page_bytes = 65536 if stated == 1 else stated
        self.usable_bytes = self.page_bytes - header[20]
        if self.page_bytes < 512 or self.page_bytes & (self.page_bytes - 1) or self.usable_bytes < _LEAST_USABLE_BYTES:
            raise UnreadableError(f"an SQLite file states a page size of {stated} bytes")
        number = int.from_bytes(header[56:60], "big")
        if number not in _ENCODINGS:
            raise UnreadableError(f"an SQLite file states text encoding {number}, which there is not")
        self.encoding = _ENCODINGS[number]
        self._freelist = int.from_bytes(header[32:36], "big")
        self._vacuumed = int.from_bytes(header[52:56], "big") != 0
        self.file_pages = self.file_bytes // self.page_bytes
        self.count = self.file_pages if log is None or log.page_count is None else log.page_count
        self._kinds: dict[int, str] = {}
        self._cache: OrderedDict[int, bytes] = OrderedDict()

    def page(self, number: int) -> bytes:
        """The content of a page, without the bytes reserved at its end.

        Raises:
            UnreadableError: There is no such page.
        """
        found = self._cache.get(number)
        if found is not None:
            self._cache.move_to_end(number)
            return found
        if not 1 <= number <= self.count:
            raise UnreadableError(f"it leads to page {number} of {self.count}")
        content = None if self.log is None else self.log.page(number)
        if content is None:
            self._database.seek((number - 1) * self.page_bytes)
            content = self._database.read(self.page_bytes)
        if len(content) < self.page_bytes:
            raise UnreadableError(f"page {number} is cut short")
        content = content[: self.usable_bytes]
        self._cache[number] = content
        if len(self._cache) > _CACHED_PAGES:
            self._cache.popitem(last=False)
        return content

    def claim(self, number: int, kind: str) -> bytes:
        """The content of a page that is used for one thing.

        Raises:
            UnreadableError: There is no such page, or it is used for something already.
        """
        if number in self._kinds:
            raise UnreadableError(f"page {number} is used twice")
        content = self.page(number)
        self._kinds[number] = kind
        return content

    def kind(self, number: int) -> str:
        """What a page was claimed for; unparsed if it was not."""
        return self._kinds.get(number, "unparsed")

    def in_log(self, number: int) -> bool:
        """Whether the page stands in the write-ahead log."""
        return self.log is not None and self.log.offset_of(number) is not None

    def offset_of(self, number: int) -> int:
        """Where the page begins in the file that it stands in, in bytes."""
        offset = None if self.log is None else self.log.offset_of(number)
        return (number - 1) * self.page_bytes if offset is None else offset

    def claim_unused(self) -> Iterator[str]:
        """Claims the pages that hold no content: freelist, pointer maps, lock-byte page.

        Yields:
            What is wrong with the freelist.
        """
        lock = _LOCK_BYTE_AT // self.page_bytes + 1
        self._kinds[lock] = "skipped"
        if self._vacuumed:
            step = self.usable_bytes // 5 + 1
            for number in range(2, self.count + 1, step):
                # The lock-byte page is never a pointer map; the map that would stand there comes behind it.
                self._kinds[number + 1 if number == lock else number] = "skipped"
        trunk = self._freelist
        try:
            while trunk:
                content = self.claim(trunk, "skipped")
                trunk, leaves = struct.unpack_from(">II", content)
                for leaf in struct.unpack_from(f">{min(leaves, self.usable_bytes // 4 - 2)}I", content, 8):
                    self.claim(leaf, "skipped")
        except UnreadableError as error:
            yield f"the list of free pages is damaged: {error.reason}"
