"""The records of one b-tree of an SQLite database, and the values in a record.

References:
    SQLite documentation, "Database File Format": 1.6 (b-trees), 1.7 (overflow pages), 2.1 (records).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sqlite_pages import Pages
from headwater_sealed.sqlite_schema import SqliteTable

__all__ = ["Bad", "Cell", "Tree", "Value", "record_values", "row_values"]

_MAX_PAYLOAD_BYTES = 256 * 1024 * 1024
_LEAF_TABLE, _INTERIOR_TABLE, _LEAF_INDEX, _INTERIOR_INDEX = 13, 5, 10, 2
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Bad = Callable[[str, int, int], None]
"""Told of a reason, the number of a page, and an offset in it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A record as it is stored: its page, place and length there, its rowid if its table has such, and its content."""

    page: int
    at: int
    length_bytes: int
    rowid: int
    payload: bytes


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place behind it."""
    value = 0
    for step in range(8):
        byte = content[at + step]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + step + 1
    value = value << 8 | content[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


class Tree:
    """One b-tree.

    Args:
        pages: The database.
        kind: What its pages are counted as.
        bad: Told of what cannot be read; reading goes on behind it.
    """

    def __init__(self, pages: Pages, kind: str, bad: Bad) -> None:
        self._pages = pages
        self._kind = kind
        self._bad = bad

    def cells(self, root: int) -> Iterator[Cell]:
        """Its records, in order."""
        opened = self._opened(root, root)
        stack = [] if opened is None else [opened]
        while stack:
            number, content, cells, right = stack[-1]
            interior = content[100 if number == 1 else 0] in (_INTERIOR_TABLE, _INTERIOR_INDEX)
            at = next(cells, None)
            if at is None:
                stack.pop()
                if right:
                    opened = self._opened(right, number)
                    if opened is not None:
                        stack.append(opened)
                continue
            if not interior:
                yield from self._cell(number, content, at, at)
                continue
            if at < 0:
                # The cell of an interior page, after the subtree to its left.
                yield from self._cell(number, content, -at, -at + 4)
                continue
            opened = self._opened(int.from_bytes(content[at : at + 4], "big"), number)
            if opened is not None:
                stack.append(opened)

    def _opened(self, number: int, parent: int) -> tuple[int, bytes, Iterator[int], int] | None:
        """A page, the places of its cells (of an interior index page each twice, then negative), its last child."""
        try:
            content = self._pages.claim(number, self._kind)
        except UnreadableError as error:
            self._bad(error.reason, parent, 0)
            return None
        head = 100 if number == 1 else 0
        page_type, _, count = struct.unpack_from(">BHH", content, head)
        interior = page_type in (_INTERIOR_TABLE, _INTERIOR_INDEX)
        pointers = head + (12 if interior else 8)
        if page_type not in (_LEAF_TABLE, _LEAF_INDEX) and not interior:
            self._bad(f"page {number} is of type {page_type}, not of a table or an index", number, head)
            return None
        if pointers + 2 * count > len(content):
            self._bad(f"page {number} states {count} cells, more than it has room for", number, head)
            return None
        places = list(struct.unpack_from(f">{count}H", content, pointers))
        sound = [at for at in places if pointers + 2 * count <= at <= len(content) - 4]
        if len(sound) < count:
            self._bad(f"page {number} has {count - len(sound)} cells that lie outside of it", number, head)
        if page_type == _INTERIOR_INDEX:
            sound = [signed for at in sound for signed in (at, -at)]
        right = int.from_bytes(content[head + 8 : head + 12], "big") if interior else 0
        return number, content, iter(sound), right

    def _cell(self, number: int, content: bytes, begin: int, at: int) -> Iterator[Cell]:
        try:
            size, at = _varint(content, at)
            rowid = 0
            table = content[100 if number == 1 else 0] == _LEAF_TABLE
            if table:
                rowid, at = _varint(content, at)
            payload, end = self._payload(content, at, size, table=table)
        except (UnreadableError, IndexError) as error:
            reason = error.reason if isinstance(error, UnreadableError) else "a record is cut short"
            self._bad(f"page {number}: {reason}", number, begin)
            return
        yield Cell(number, begin, end - begin, rowid, payload)

    def _payload(self, content: bytes, at: int, size: int, *, table: bool) -> tuple[bytes, int]:
        """The whole content of a record, and where the part of it ends that lies in its page."""
        if not 0 <= size <= _MAX_PAYLOAD_BYTES:
            raise UnreadableError(f"a record states a length of {size} bytes")
        usable = self._pages.usable_bytes
        most = usable - 35 if table else (usable - 12) * 64 // 255 - 23
        if size <= most:
            if at + size > len(content):
                raise UnreadableError("a record reaches beyond its page")
            return content[at : at + size], at + size
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
        end = at + local
        if end + 4 > len(content):
            raise UnreadableError("a record reaches beyond its page")
        parts = [content[at:end]]
        following = int.from_bytes(content[end : end + 4], "big")
        left = size - local
        while left > 0:
            page = self._pages.claim(following, self._kind)
            parts.append(page[4 : 4 + left])
            left -= len(parts[-1])
            following = int.from_bytes(page[:4], "big")
        return b"".join(parts), end + 4


Value = tuple[bytes | None, bool, int]
"""Bytes of a value (None is NULL), whether it is a text or a blob, and its serial type."""


def record_values(payload: bytes, encoding: str) -> list[Value]:
    """The values of a record.

    Raises:
        UnreadableError: It is damaged.
        IndexError: It is cut short.
    """
    header_bytes, at = _varint(payload, 0)
    if not 1 <= header_bytes <= len(payload):
        raise UnreadableError("a record's header reaches beyond it")
    body = header_bytes
    found: list[Value] = []
    while at < header_bytes:
        serial, at = _varint(payload, at)
        if serial >= 12:
            length = (serial - 12) >> 1
            raw = payload[body : body + length]
            value: bytes | None = raw
            if serial & 1 and encoding != "utf-8":
                try:
                    value = raw.decode(encoding).encode("utf-8")
                except UnicodeError:
                    value = raw
        elif serial in _INTEGER_BYTES:
            length = _INTEGER_BYTES[serial]
            raw = payload[body : body + length]
            value = b"%d" % int.from_bytes(raw, "big", signed=True)
        elif serial == 7:
            length = 8
            raw = payload[body : body + 8]
            value = repr(struct.unpack(">d", raw)[0]).encode("ascii") if len(raw) == 8 else None
        elif serial in (0, 8, 9):
            length, raw = 0, b""
            value = None if not serial else b"%d" % (serial - 8)
        else:
            raise UnreadableError(f"a value is of serial type {serial}, which there is not")
        if len(raw) < length:
            raise UnreadableError("a record is cut short")
        body += length
        found.append((value, serial >= 12, serial))
    return found


def row_values(table: SqliteTable, cell: Cell, encoding: str) -> list[tuple[bytes | None, bool]]:
    """The values of a record in the order of the table's columns."""
    values = record_values(cell.payload, encoding)
    row: list[tuple[bytes | None, bool]] = []
    for number, column in enumerate(table.columns):
        place = table.places[number]
        if place >= len(values):
            row.append(column.default)
            continue
        value, quoted, serial = values[place]
        if number == table.rowid_column and value is None:
            value = b"%d" % cell.rowid
        elif column.real and value is not None and not quoted and serial != 7:
            value = repr(float(value)).encode("ascii")
        row.append((value, quoted))
    return row
