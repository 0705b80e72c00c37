"""The key-value files of bbolt, which LND keeps its state in: buckets read page by page, nothing of the file executed.

References:
    etcd-io/bbolt, page.go, bucket.go, db.go (meta): pages, branch and leaf elements, buckets inline or with a root, the
    two metas with their checksum (FNV-1a, 64 bits).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from headwater_sealed.refusal import UnreadableError

__all__ = ["BOLT_MAGIC", "Bolt", "Bucket", "Pair"]

BOLT_MAGIC = b"\xed\xda\x0c\xed"
"""What stands at byte 16 of a file of little-endian machines."""

_PAGE = struct.Struct("<QHHI")  # number, kind, elements, further pages
_META = struct.Struct(
    "<IIIIQQQQQ"
)  # magic, version, page size, flags, root, sequence, free list, next page, transaction
_LEAF = struct.Struct("<IIII")  # flags, place, size of the key, size of the value
_BRANCH = struct.Struct("<IIQ")  # place, size of the key, page
_IS_BRANCH, _IS_LEAF, _IS_META = 1, 2, 4
_IS_BUCKET = 1
_VERSION = 2
_MAX_DEPTH = 32
_MAX_PAGE_BYTES = 256 * 1024**2
_ROOT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """A key with its value; the place of the key in the file."""

    key: bytes
    value: bytes
    offset_bytes: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket under a key: the page of its root, or for a small one its only page itself."""

    key: bytes
    root: int
    inline: bytes
    offset_bytes: int


class Bolt:
    """A file of bbolt.

    Args:
        file: The file.

    Raises:
        UnreadableError: It is none, or neither of its two metas is sound.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size_bytes = file.seek(0, os.SEEK_END)
        found = [meta for meta in self._metas() if meta is not None]
        if not found:
            raise UnreadableError("neither of the two headers of the bbolt file is sound")
        _, self._page_bytes, root = max(found)
        self.root = Bucket(b"", root, b"", 0)

    def _metas(self) -> Iterator[tuple[int, int, int] | None]:
        first = self._meta(0)
        yield first
        # The first one says how long a page is, where it is sound; else the usual lengths are tried.
        for page_bytes in (first[1],) if first is not None else (4096, 8192, 16384, 65536):
            yield self._meta(page_bytes)

    def _meta(self, offset: int) -> tuple[int, int, int] | None:
        content = self._at(offset, _PAGE.size + _META.size + 8)
        if len(content) < _PAGE.size + _META.size + 8:
            return None
        _, kind, _, _ = _PAGE.unpack_from(content)
        body = content[_PAGE.size : _PAGE.size + _META.size]
        magic, version, page_bytes, _, root, _, _, _, transaction = _META.unpack(body)
        checksum = int.from_bytes(content[_PAGE.size + _META.size :], "little")
        if kind != _IS_META or magic.to_bytes(4, "little") != BOLT_MAGIC or version != _VERSION:
            return None
        if _fnv(body) != checksum or not 1024 <= page_bytes <= 65536 or page_bytes & (page_bytes - 1):
            return None
        return transaction, page_bytes, root

    def _at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)

    def _page(self, number: int) -> tuple[bytes, int]:
        """A page with those that continue it, and where it begins."""
        offset = number * self._page_bytes
        if offset + _PAGE.size > self._size_bytes:
            raise UnreadableError(f"page {number} lies behind the end of the file")
        named, _, _, further = _PAGE.unpack(self._at(offset, _PAGE.size))
        if named != number:
            raise UnreadableError(f"page {number} says that it is page {named}")
        length = (1 + further) * self._page_bytes
        if length > _MAX_PAGE_BYTES or offset + length > self._size_bytes:
            raise UnreadableError(f"page {number} reaches beyond the file")
        return self._at(offset, length), offset

    def elements(self, bucket: Bucket) -> Iterator[Pair | Bucket | UnreadableError]:
        """What a bucket holds, in order, and what could not be read where it was met."""
        if bucket.inline:
            yield from self._told(bucket.inline, bucket.offset_bytes)
            return
        waiting, seen = [(bucket.root, 0)], set[int]()
        while waiting:
            number, depth = waiting.pop()
            if number in seen or depth > _MAX_DEPTH:
                yield UnreadableError(f"page {number} is reached a second time, or lies too deep")
                continue
            seen.add(number)
            try:
                content, offset = self._page(number)
                kind = _PAGE.unpack_from(content)[1]
                children = self._table(content, _BRANCH) if kind == _IS_BRANCH else []
            except UnreadableError as error:
                yield error
                continue
            waiting += [(child, depth + 1) for _, _, child in reversed(children)]
            if kind != _IS_BRANCH:
                yield from self._told(content, offset)

    def _told(self, content: bytes, offset: int) -> Iterator[Pair | Bucket | UnreadableError]:
        try:
            yield from self._leaf(content, offset)
        except UnreadableError as error:
            yield error

    @staticmethod
    def _table(content: bytes, element: struct.Struct) -> list[tuple[int, ...]]:
        count = _PAGE.unpack_from(content)[2]
        if _PAGE.size + count * element.size > len(content):
            raise UnreadableError("a page states more elements than it has room for")
        return [element.unpack_from(content, _PAGE.size + place * element.size) for place in range(count)]

    def _leaf(self, content: bytes, offset: int) -> Iterator[Pair | Bucket]:
        if len(content) < _PAGE.size or _PAGE.unpack_from(content)[1] != _IS_LEAF:
            raise UnreadableError("a page that should be a leaf is none")
        for place, (flags, position, key_bytes, value_bytes) in enumerate(self._table(content, _LEAF)):
            start = _PAGE.size + place * _LEAF.size + position
            middle, end = start + key_bytes, start + key_bytes + value_bytes
            if end > len(content):
                raise UnreadableError("an element reaches beyond its page")
            key, value = content[start:middle], content[middle:end]
            if not flags & _IS_BUCKET:
                yield Pair(key, value, offset + start)
            elif len(value) < _ROOT_BYTES:
                raise UnreadableError("a bucket is cut short")
            else:
                root = int.from_bytes(value[:8], "little")
                inline = value[_ROOT_BYTES:] if not root else b""
                yield Bucket(key, root, inline, offset + middle + _ROOT_BYTES)

    def bucket(self, *names: bytes) -> Bucket | None:
        """The bucket under those keys; None if there is none."""
        found = self.root
        for name in names:
            inside = (one for one in self.elements(found) if isinstance(one, Bucket) and one.key == name)
            following = next(inside, None)
            if following is None:
                return None
            found = following
        return found


def _fnv(content: bytes) -> int:
    number = 0xCBF29CE484222325
    for byte in content:
        number = (number ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return number
