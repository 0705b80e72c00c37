"""Key-value files as LND (bbolt) and Monero's node (LMDB) keep them, with invented content, as small as can be.

References:
    etcd-io/bbolt, page.go, bucket.go, db.go. LMDB, mdb.c.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

__all__ = ["BoltTree", "bolt_file", "lmdb_file"]

_PAGE_BYTES = 4096
_HEADER = struct.Struct("<QHHI")
_LEAF_ELEMENT = struct.Struct("<IIII")
_BRANCH_ELEMENT = struct.Struct("<IIQ")
_BRANCH, _LEAF, _META, _FREE = 1, 2, 4, 16
_INLINE_BYTES = _PAGE_BYTES // 4

BoltTree = Mapping[bytes, "bytes | BoltTree"]
"""Keys with their values, or with the buckets that lie under them."""


def bolt_file(tree: BoltTree, *, elements_a_page: int = 64) -> bytes:
    """The file that holds the buckets.

    Args:
        tree: What its root holds.
        elements_a_page: So many elements a leaf holds at most; more make a branch.
    """
    writer = _Bolt(elements_a_page)
    root = writer.tree(tree)
    return writer.file(root)


class _Bolt:
    def __init__(self, elements_a_page: int) -> None:
        self._limit = elements_a_page
        self._pages: dict[int, bytes] = {}
        self._next = 3  # behind two headers and the list of free pages

    def tree(self, tree: BoltTree) -> int:
        """The page that a bucket of this content begins at."""
        items = sorted(tree.items())
        parts = [items[at : at + self._limit] for at in range(0, len(items), self._limit)] or [[]]
        leaves = [(part[0][0] if part else b"", self._placed(self._leaf(part))) for part in parts]
        if len(leaves) == 1:
            return leaves[0][1]
        return self._placed(_page(_BRANCH, _BRANCH_ELEMENT, [(key, b"", (page,)) for key, page in leaves]))

    def _leaf(self, items: Sequence[tuple[bytes, bytes | BoltTree]]) -> bytes:
        elements = []
        for key, value in items:
            if isinstance(value, bytes):
                elements.append((key, value, (0,)))
            else:
                elements.append((key, self._bucket(value), (1,)))
        return _page(_LEAF, _LEAF_ELEMENT, elements)

    def _bucket(self, tree: BoltTree) -> bytes:
        small = all(isinstance(value, bytes) for value in tree.values())
        inline = self._leaf(sorted(tree.items())) if small else b""
        if inline and len(inline) <= _INLINE_BYTES:
            return struct.pack("<QQ", 0, 0) + inline
        return struct.pack("<QQ", self.tree(tree), 0)

    def _placed(self, page: bytes) -> int:
        number = self._next
        count = -(-len(page) // _PAGE_BYTES)
        self._next += count
        _, kind, elements, _ = _HEADER.unpack_from(page)
        head = _HEADER.pack(number, kind, elements, count - 1)
        self._pages[number] = (head + page[_HEADER.size :]).ljust(count * _PAGE_BYTES, b"\0")
        return number

    def file(self, root: int) -> bytes:
        """The whole file."""
        metas = b"".join(self._meta(number, root, transaction=number + 1) for number in range(2))
        free = _HEADER.pack(2, _FREE, 0, 0).ljust(_PAGE_BYTES, b"\0")
        return metas + free + b"".join(self._pages[number] for number in sorted(self._pages))

    def _meta(self, number: int, root: int, *, transaction: int) -> bytes:
        body = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, _PAGE_BYTES, 0, root, 0, 2, self._next, transaction)
        checksum = 0xCBF29CE484222325
        for byte in body:
            checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
        page = _HEADER.pack(number, _META, 0, 0) + body + checksum.to_bytes(8, "little")
        return page.ljust(_PAGE_BYTES, b"\0")


def _page(kind: int, element: struct.Struct, elements: Sequence[tuple[bytes, bytes, tuple[int]]]) -> bytes:
    heads, contents = b"", b""
    for place, (key, value, (told,)) in enumerate(elements):
        position = (len(elements) - place) * element.size + len(contents)
        if element is _LEAF_ELEMENT:
            heads += element.pack(told, position, len(key), len(value))
        else:
            heads += element.pack(position, len(key), told)
        contents += key + value
    return _HEADER.pack(0, kind, len(elements), 0) + heads + contents


def lmdb_file(names: Sequence[bytes]) -> bytes:
    """A file of LMDB whose tables have those names and hold nothing."""
    empty = struct.pack("<IHHQQQQQ", 0, 0, 0, 0, 0, 0, 0, 2**64 - 1)
    nodes, places, upper = b"", [], _PAGE_BYTES
    for name in sorted(names):
        node = struct.pack("<HHHH", len(empty), 0, 2, len(name)) + name + empty
        node += b"\0" * (len(node) % 2)
        nodes = node + nodes
        upper -= len(node)
        places.append(upper)
    lower = 16 + 2 * len(places)
    head = struct.pack("<QHHHH", 2, 0, 2, lower, upper) + struct.pack(f"<{len(places)}H", *places)
    leaf = head.ljust(upper, b"\0") + nodes
    main = struct.pack("<IHHQQQQQ", 0, 0, 1, 0, 1, 0, len(names), 2)
    free = struct.pack("<IHHQQQQQ", _PAGE_BYTES, 0, 0, 0, 0, 0, 0, 2**64 - 1)
    pages = b""
    for number in range(2):
        meta = struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 1 << 30) + free + main + struct.pack("<QQ", 2, number)
        pages += (struct.pack("<QHHHH", number, 0, 8, 0, 0) + meta).ljust(_PAGE_BYTES, b"\0")
    return pages + leaf
