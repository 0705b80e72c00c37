"""A wallet of keys as Bitcoin Core once kept it: records in the sub-database `main` of a Berkeley DB file.

Small on purpose: leaves, one internal page where they are several, long items on pages of their own. Every key in it is
invented by whoever calls.

References:
    Berkeley DB 4.8, src/dbinc/db_page.h. Bitcoin Core, src/wallet/walletdb.cpp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

__all__ = ["counted", "legacy_wallet"]

_PAGE_BYTES = 4096
_HEADER_BYTES = 26
_LONG_FROM_BYTES = 900
_MAGIC = 0x053162
_VERSION = 9
_INTERNAL, _LEAF, _OVERFLOW, _META = 3, 5, 7, 9
_HAS_SUB_DATABASES = 0x20


def counted(content: bytes) -> bytes:
    """The bytes behind their number, as Core writes texts and keys."""
    if len(content) < 0xFD:
        return bytes([len(content)]) + content
    return b"\xfd" + struct.pack("<H", len(content)) + content


def legacy_wallet(records: Iterable[tuple[bytes, bytes]], *, sub_database: bytes = b"main") -> bytes:
    """The file that holds the records, sorted by key.

    Args:
        records: Keys with their values.
        sub_database: Name of the sub-database that they stand in.
    """
    return _Writer().written(sorted(records), sub_database)


class _Writer:
    def __init__(self) -> None:
        self._pages: dict[int, bytes] = {}

    def written(self, records: list[tuple[bytes, bytes]], sub_database: bytes) -> bytes:
        for number in range(3):
            self._pages[number] = b""  # the file's own beginning, its only leaf, the beginning of the sub-database
        root = self._tree(records)
        self._pages[1] = self._page(1, _LEAF, [self._plain(sub_database), self._plain((2).to_bytes(4, "big"))])
        self._pages[2] = self._meta(2, root, flags=0)
        self._pages[0] = self._meta(0, 1, flags=_HAS_SUB_DATABASES)
        return b"".join(self._pages[number] for number in sorted(self._pages))

    def _tree(self, records: list[tuple[bytes, bytes]]) -> int:
        leaves: list[tuple[bytes, int]] = []
        items: list[bytes] = []
        first, size_bytes = b"", _HEADER_BYTES
        for key, value in records:
            pair = [self._item(key), self._item(value)]
            needed_bytes = sum(len(item) + 5 for item in pair)
            if items and size_bytes + needed_bytes > _PAGE_BYTES:
                leaves.append((first, self._added(_LEAF, items)))
                items, size_bytes = [], _HEADER_BYTES
            first = first if items else key
            items += pair
            size_bytes += needed_bytes
        leaves.append((first, self._added(_LEAF, items)))
        if len(leaves) == 1:
            return leaves[0][1]
        inner = [struct.pack("<HBBII", 8, 1, 0, page, 0) + key[:8].ljust(8, b"\0") for key, page in leaves]
        return self._added(_INTERNAL, inner)

    def _item(self, content: bytes) -> bytes:
        if len(content) < _LONG_FROM_BYTES:
            return self._plain(content)
        room = _PAGE_BYTES - _HEADER_BYTES
        parts = [content[at : at + room] for at in range(0, len(content), room)]
        first = len(self._pages)
        for place, part in enumerate(parts):
            number = first + place
            following = number + 1 if place + 1 < len(parts) else 0
            self._pages[number] = (self._header(number, following, 0, len(part), _OVERFLOW) + part).ljust(
                _PAGE_BYTES, b"\0"
            )
        return struct.pack("<HBBII", 0, 3, 0, first, len(content))

    @staticmethod
    def _plain(content: bytes) -> bytes:
        return struct.pack("<HB", len(content), 1) + content

    def _added(self, kind: int, items: list[bytes]) -> int:
        number = len(self._pages)
        self._pages[number] = self._page(number, kind, items)
        return number

    @staticmethod
    def _header(number: int, following: int, items: int, offset: int, kind: int) -> bytes:
        return struct.pack("<IIIIIHHBB", 0, 1, number, 0, following, items, offset, 1, kind)

    def _page(self, number: int, kind: int, items: list[bytes]) -> bytes:
        end, body, places = _PAGE_BYTES, b"", []
        for item in items:
            padded = item + bytes(-len(item) % 4)
            end -= len(padded)
            body = padded + body
            places.append(end)
        head = self._header(number, 0, len(items), end, kind) + struct.pack(f"<{len(places)}H", *places)
        assert len(head) <= end, "the items of a page do not fit"
        return head.ljust(end, b"\0") + body

    def _meta(self, number: int, root: int, *, flags: int) -> bytes:
        last = max(self._pages)
        head = struct.pack(
            "<IIIIIIBBBBIIIIII", 0, 1, number, _MAGIC, _VERSION, _PAGE_BYTES, 0, _META, 0, 0, 0, last, 0, 0, 0, flags
        )
        return (head.ljust(72, b"\0") + struct.pack("<IIIII", 0, 2, 0, 0, root)).ljust(_PAGE_BYTES, b"\0")
