"""The names of the tables in an LMDB file: pages of the tree of tables, and no value.

References:
    LMDB, mdb.c: MDB_page, MDB_meta, MDB_node; files of little-endian machines of 64 bits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from headwater_sealed.refusal import UnreadableError

__all__ = ["LMDB_MAGIC", "lmdb_names"]

LMDB_MAGIC = b"\xde\xc0\xef\xbe"
"""What stands at byte 16 of such a file."""

_PAGE = struct.Struct("<QHHHH")  # number, pad, flags, lower, upper
_NODE = struct.Struct("<HHHH")  # size (two halves), flags, size of the key
_META_AT = 16  # where MDB_meta begins in its page; the others from there
_PAGE_BYTES_AT, _ROOT_AT, _TRANSACTION_AT, _META_END = 24, 112, 128, 136
_BRANCH, _LEAF = 1, 2
_MAX_NAMES = 1024


def lmdb_names(file: BinaryIO) -> Iterator[bytes]:
    """Names of the tables in an LMDB file, at most 1,024.

    Raises:
        UnreadableError: It is damaged.
    """
    size_bytes = file.seek(0, os.SEEK_END)

    def at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    first = at(0, _META_AT + _META_END)
    page_bytes = int.from_bytes(first[_META_AT + _PAGE_BYTES_AT :][:4], "little")
    if not 512 <= page_bytes <= 65536 or page_bytes & (page_bytes - 1):
        raise UnreadableError(f"an LMDB file cannot have pages of {page_bytes} bytes")
    metas = [
        meta for meta in (first, at(page_bytes, _META_AT + _META_END)) if meta[_META_AT : _META_AT + 4] == LMDB_MAGIC
    ]
    newest = max(metas, key=lambda meta: int.from_bytes(meta[_META_AT + _TRANSACTION_AT :][:8], "little"))
    root = int.from_bytes(newest[_META_AT + _ROOT_AT :][:8], "little")
    waiting, seen, names = [root], set[int](), 0
    while waiting:
        number = waiting.pop()
        if number in seen or (number + 1) * page_bytes > size_bytes:
            raise UnreadableError(f"page {number} is reached a second time, or lies behind the end of the file")
        seen.add(number)
        page = at(number * page_bytes, page_bytes)
        _, _, flags, lower, _ = _PAGE.unpack_from(page)
        if not flags & (_BRANCH | _LEAF) or not _PAGE.size <= lower <= page_bytes:
            raise UnreadableError(f"page {number} is no page of a table")
        for place in struct.unpack_from(f"<{(lower - _PAGE.size) // 2}H", page, _PAGE.size):
            low, high, bits, key_bytes = _NODE.unpack_from(page, place)
            if flags & _BRANCH:
                waiting.append(low | high << 16 | bits << 32)
                continue
            names += 1
            if names > _MAX_NAMES:
                return
            yield page[place + _NODE.size : place + _NODE.size + key_bytes]
