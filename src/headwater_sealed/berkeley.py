"""Pages of a Berkeley DB file: the key and value pairs of one sub-database, read by walking its tree.

Only pages that the tree reaches are read: free pages still hold what was deleted, keys among it. Whoever asks says by
the beginning of a pair's key whether the pair is wanted; the value of one that is not is never put together.

References:
    Berkeley DB 4.8 and 5.3, src/dbinc/db_page.h: DBMETA, BTMETA, PAGE, BKEYDATA, BOVERFLOW, BINTERNAL. The place of a
    sub-database is kept in network byte order, all else in the byte order of the machine that wrote the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headwater_sealed.refusal import UnreadableError

__all__ = ["BERKELEY_MAGICS", "BerkeleyFile", "PageDamage", "Pair"]

BERKELEY_MAGICS = (b"\x62\x31\x05\x00", b"\x00\x05\x31\x62")
"""What stands at byte 12 of a B-tree file, little and big endian."""

_HEADER_BYTES = 26
_INTERNAL, _LEAF, _OVERFLOW, _META = 3, 5, 7, 9
_KEY_DATA, _DUPLICATE, _LONG, _DELETED = 1, 2, 3, 0x80
_MAX_DEPTH = 32
_MAX_LONG_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A key and its value.

    Attributes:
        key: The key; of a pair that is not wanted only as much as was asked for to tell so.
        value: The value; None where the pair is not wanted.
        offset_bytes: Where in the file the key begins.
    """

    key: bytes
    value: bytes | None
    offset_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDamage:
    """A page, or a pair on it, that cannot be read.

    Attributes:
        offset_bytes: Where in the file.
        length_bytes: How many bytes are given up.
        reason: Why, in words.
    """

    offset_bytes: int
    length_bytes: int
    reason: str


class _DamagedError(Exception):
    """A page that is not what it is reached as."""


class BerkeleyFile:
    """A Berkeley DB file of B-trees.

    Args:
        content: The file.

    Raises:
        UnreadableError: It is no such file, or it is encrypted.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        magic = content[12:16]
        if magic not in BERKELEY_MAGICS:
            raise UnreadableError("not a Berkeley DB file of B-trees")
        self._order = "<" if magic == BERKELEY_MAGICS[0] else ">"
        self._page_bytes = self._number(20)
        if not 512 <= self._page_bytes <= 65536 or self._page_bytes & (self._page_bytes - 1):
            raise UnreadableError(f"a Berkeley DB file cannot have pages of {self._page_bytes} bytes")
        if content[24]:
            raise UnreadableError("the Berkeley DB file is encrypted as a whole; it is not read")
        self._visited: set[int] = set()

    @property
    def page_count(self) -> int:
        """Whole pages that the file holds."""
        return len(self._content) // self._page_bytes

    def unflushed_pages(self) -> int:
        """How many pages point into a log that stood beside the file and may hold later changes."""
        place = struct.Struct(self._order + "II")
        pages = (place.unpack_from(self._content, page * self._page_bytes) for page in range(self.page_count))
        return sum(pair not in {(0, 0), (0, 1)} for pair in pages)

    def pairs(
        self, sub_database: bytes, wanted: Callable[[bytes], bool], *, head_bytes: int
    ) -> Iterator[Pair | PageDamage]:
        """The pairs of a sub-database in the order of its tree, and what could not be read where it was met.

        Args:
            sub_database: Its name.
            wanted: Says by the first bytes of a key whether its pair may be read.
            head_bytes: How many bytes of the key `wanted` is shown.

        Raises:
            UnreadableError: There is no such sub-database.
        """
        self._visited.clear()
        root = self._root_of(0)
        for found in self._below(root, lambda _: True, head_bytes=64):
            if isinstance(found, Pair) and found.key == sub_database and found.value is not None:
                break
        else:
            raise UnreadableError(f"the Berkeley DB file holds no sub-database {sub_database.decode()!r}")
        if len(found.value) != 4:
            raise UnreadableError("the place of the sub-database is damaged")
        page = int.from_bytes(found.value, "big")
        if not 0 < page < self.page_count:
            raise UnreadableError(f"the sub-database should begin on page {page}, which the file does not have")
        self._visited.clear()
        yield from self._below(self._root_of(page), wanted, head_bytes=head_bytes)

    def _root_of(self, page: int) -> int:
        start = page * self._page_bytes
        if self._content[start + 12 : start + 16] not in BERKELEY_MAGICS or self._content[start + 25] != _META:
            raise UnreadableError(f"page {page} of the Berkeley DB file does not begin a B-tree")
        if start + 92 > len(self._content):
            raise UnreadableError("the Berkeley DB file is cut short")
        return self._number(start + 88)

    def _below(self, root: int, wanted: Callable[[bytes], bool], *, head_bytes: int) -> Iterator[Pair | PageDamage]:
        waiting = [(root, 0)]
        while waiting:
            page, depth = waiting.pop()
            try:
                start, kind = self._entered(page, depth)
                places = self._places(start)
                if kind == _INTERNAL:
                    waiting.extend((child, depth + 1) for child in reversed(self._children(places)))
                    continue
            except _DamagedError as error:
                yield PageDamage(
                    offset_bytes=page * self._page_bytes, length_bytes=self._page_bytes, reason=f"page {page}: {error}"
                )
                continue
            yield from self._on_leaf(page, places, wanted, head_bytes)

    def _entered(self, page: int, depth: int) -> tuple[int, int]:
        if not 0 < page < self.page_count:
            raise _DamagedError("the file does not have it")
        if page in self._visited:
            raise _DamagedError("the tree reaches it a second time")
        if depth > _MAX_DEPTH:
            raise _DamagedError(f"it lies more than {_MAX_DEPTH} levels deep")
        self._visited.add(page)
        start = page * self._page_bytes
        kind = self._content[start + 25]
        if kind not in {_INTERNAL, _LEAF}:
            raise _DamagedError(f"it is of kind {kind}, which no tree of a wallet has")
        return start, kind

    def _places(self, start: int) -> list[int]:
        """Where the items of a page begin in the file."""
        count = self._short(start + 20)
        if _HEADER_BYTES + 2 * count > self._page_bytes:
            raise _DamagedError(f"it cannot hold {count} items")
        offsets = struct.unpack_from(f"{self._order}{count}H", self._content, start + _HEADER_BYTES)
        return [start + offset for offset in offsets]

    def _children(self, places: list[int]) -> list[int]:
        return [self._number(self._within(place + 4, 4)) for place in places]

    def _on_leaf(
        self, page: int, places: list[int], wanted: Callable[[bytes], bool], head_bytes: int
    ) -> Iterator[Pair | PageDamage]:
        for number in range(0, len(places) - 1, 2):
            try:
                if self._is_deleted(places[number]) or self._is_deleted(places[number + 1]):
                    continue
                head = self._item(page, places[number], head_bytes)
                if not wanted(head):
                    yield Pair(key=head, value=None, offset_bytes=places[number])
                    continue
                key, value = self._item(page, places[number]), self._item(page, places[number + 1])
            except _DamagedError as error:
                yield PageDamage(offset_bytes=places[number], length_bytes=3, reason=f"page {page}: {error}")
                continue
            yield Pair(key=key, value=value, offset_bytes=places[number])
        if len(places) % 2:
            yield PageDamage(offset_bytes=places[-1], length_bytes=3, reason=f"page {page}: a key has no value")

    def _is_deleted(self, place: int) -> bool:
        return bool(self._content[self._within(place + 2, 1)] & _DELETED)

    def _item(self, page: int, place: int, limit_bytes: int | None = None) -> bytes:
        """The item at a place, or its first bytes."""
        kind = self._content[self._within(place + 2, 1)] & ~_DELETED
        page_end = (page + 1) * self._page_bytes
        if kind == _KEY_DATA:
            length = self._short(place)
            if place + 3 + length > page_end:
                raise _DamagedError("an item reaches beyond its page")
            return self._content[place + 3 : place + 3 + (length if limit_bytes is None else min(length, limit_bytes))]
        if kind == _LONG:
            if place + 12 > page_end:
                raise _DamagedError("an item reaches beyond its page")
            return self._long(self._number(place + 4), self._number(place + 8), limit_bytes)
        raise _DamagedError(f"an item is of kind {kind}, which a wallet does not use")

    def _long(self, page: int, length: int, limit_bytes: int | None) -> bytes:
        """An item that takes pages of its own."""
        if length > min(_MAX_LONG_BYTES, len(self._content)):
            raise _DamagedError(f"an item states a length of {length} bytes")
        parts: list[bytes] = []
        missing, seen = length if limit_bytes is None else min(length, limit_bytes), set[int]()
        while missing > 0:
            start = page * self._page_bytes
            if not 0 < page < self.page_count or page in seen or self._content[start + 25] != _OVERFLOW:
                raise _DamagedError("the pages of a long item are damaged")
            seen.add(page)
            here = min(self._short(start + 22), self._page_bytes - _HEADER_BYTES, missing)
            parts.append(self._content[start + _HEADER_BYTES : start + _HEADER_BYTES + here])
            missing -= here
            page = self._number(start + 16)
        return b"".join(parts)

    def _within(self, place: int, length: int) -> int:
        if place + length > len(self._content):
            raise _DamagedError("it reaches beyond the file")
        return place

    def _number(self, place: int) -> int:
        if place + 4 > len(self._content):
            raise UnreadableError("the Berkeley DB file is cut short")
        return int(struct.unpack_from(self._order + "I", self._content, place)[0])

    def _short(self, place: int) -> int:
        if place + 2 > len(self._content):
            raise _DamagedError("it reaches beyond the file")
        return int(struct.unpack_from(self._order + "H", self._content, place)[0])
