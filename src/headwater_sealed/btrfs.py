"""The file system Btrfs on one device, read from its trees; checksums of metadata and of content are checked.

Subvolumes are directories, as they are when the top of the file system is mounted. Where a block is kept twice and
one copy is damaged, the other one is read.

References:
    Btrfs documentation, On-disk format: super block, chunk tree, b-tree nodes, inode items, extent data, checksums.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from headwater_sealed.btrfs_extents import MAX_COMPRESSED_BYTES, Extent, decompressed, parse_extent
from headwater_sealed.crc32c import crc32c
from headwater_sealed.filesystem import ENTRY_TYPES, Child, LazyChildren, Listing, Node
from headwater_sealed.ranges import Ranges, ranges_of
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run, View, buffered, exactly

__all__ = ["BtrfsFilesystem"]

_SUPER_AT = 0x10000
_MAGIC = b"_BHRfS_M"
_READ_FEATURES = 0xFFF | 0x10000
_EXTENT_TREE, _FS_TREE, _CSUM_TREE, _CSUM_OBJECT = 2, 5, 7, 2**64 - 10
_EXTENT_ITEM, _METADATA_ITEM = 168, 169
_RANGES_AT_ONCE = 100_000
_INODE, _DIR_INDEX, _EXTENT_DATA, _EXTENT_CSUM, _ROOT_ITEM, _CHUNK = 1, 96, 108, 128, 132, 228
_SPREAD = 0x8 | 0x40 | 0x80 | 0x100  # RAID 0, 10, 5, 6
_MAX_EXTENTS = 4_000_000
_NO_CHECKSUMS = 0x1
_TREE_BITS = 48

_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    logical: int
    size_bytes: int
    physical: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inode:
    tree: int
    number: int
    size_bytes: int
    checked: bool


def _digest(kind: int, content: bytes) -> bytes:
    if kind == 0:
        return crc32c(content).to_bytes(4, "little")
    if kind == 2:
        return hashlib.sha256(content).digest()
    return hashlib.blake2b(content, digest_size=32).digest()


def _chunk(key: _Key, content: bytes, device: int) -> _Chunk:
    size_bytes, _owner, _stripe, kind = struct.unpack_from("<QQQQ", content, 0)
    count = struct.unpack_from("<H", content, 44)[0]
    if kind & _SPREAD and count > 1:
        raise UnreadableError("Btrfs spread over several devices is not read")
    stripes = [struct.unpack_from("<QQ", content, 48 + 32 * number) for number in range(count)]
    physical = tuple(at for number, at in stripes if number == device)
    if not physical or not size_bytes:
        raise UnreadableError("Btrfs: a part of the file system lies on another device")
    return _Chunk(logical=key[2], size_bytes=size_bytes, physical=physical)


class BtrfsFilesystem:
    """A Btrfs file system.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: It is none, is damaged, or uses a feature that is not read.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        block = exactly(self._file, _SUPER_AT, 4096)
        if block[64:72] != _MAGIC:
            raise UnreadableError("Btrfs: no super block")
        self._csum_type = struct.unpack_from("<H", block, 196)[0]
        if self._csum_type not in {0, 2, 3}:
            raise UnreadableError(f"Btrfs with checksums of type {self._csum_type} is not read")
        self._csum_bytes = 4 if self._csum_type == 0 else 32
        if _digest(self._csum_type, block[32:]) != block[: self._csum_bytes]:
            raise UnreadableError("Btrfs: the super block fails its checksum")
        features = struct.unpack_from("<Q", block, 188)[0]
        if features & ~_READ_FEATURES:
            raise UnreadableError(f"Btrfs with feature bits {features & ~_READ_FEATURES:#x} is not read")
        root, chunk_root, log_root = struct.unpack_from("<QQQ", block, 80)
        whole_bytes, _used, _directory, devices = struct.unpack_from("<QQQQ", block, 112)
        self._whole_bytes = whole_bytes
        self._sector_bytes, self._node_bytes = struct.unpack_from("<II", block, 144)
        if self._sector_bytes not in {4096, 8192, 16384, 32768, 65536} or not 4096 <= self._node_bytes <= 65536:
            raise UnreadableError("Btrfs: the super block is damaged")
        self._device = struct.unpack_from("<Q", block, 201)[0]
        remarks = []
        if devices > 1:
            remarks.append(f"it is spread over {devices} devices, of which this is one")
        elif whole_bytes > size_bytes:
            remarks.append(f"the file system has {whole_bytes} bytes, the volume {size_bytes}")
        if log_root:
            remarks.append("it was not unmounted; changes that are in the log only are not seen")
        self.remark = "; ".join(remarks) or None
        self._node = lru_cache(512)(self._read_node)
        self._chunks = self._system_chunks(block[811 : 811 + struct.unpack_from("<I", block, 160)[0]])
        self._starts = [chunk.logical for chunk in self._chunks]
        found = [_chunk(key, content, self._device) for key, content in self._items(chunk_root, (256, _CHUNK, 0))]
        self._chunks = sorted(found, key=lambda chunk: chunk.logical)
        self._starts = [chunk.logical for chunk in self._chunks]
        self._root = root
        self._tree_root = lru_cache(256)(self._read_tree_root)

    def _system_chunks(self, content: bytes) -> list[_Chunk]:
        found, at = [], 0
        while at + 17 + 80 <= len(content):
            key = struct.unpack_from("<QBQ", content, at)
            count = struct.unpack_from("<H", content, at + 17 + 44)[0]
            found.append(_chunk(key, content[at + 17 : at + 17 + 48 + 32 * count], self._device))
            at += 17 + 48 + 32 * count
        return sorted(found, key=lambda chunk: chunk.logical)

    def _places(self, logical: int, length_bytes: int) -> list[int]:
        """Where the bytes lie on the volume, once for each copy."""
        index = bisect_right(self._starts, logical) - 1
        chunk = self._chunks[index] if index >= 0 else None
        if chunk is None or logical + length_bytes > chunk.logical + chunk.size_bytes:
            raise UnreadableError(f"logical byte {logical} lies in no chunk")
        return [at + logical - chunk.logical for at in chunk.physical]

    def _read_node(self, logical: int) -> bytes:
        reason = ""
        for place in self._places(logical, self._node_bytes):
            try:
                node = exactly(self._file, place, self._node_bytes)
            except UnreadableError as error:
                reason = error.reason
                continue
            if _digest(self._csum_type, node[32:]) != node[: self._csum_bytes]:
                reason = f"the node at byte {place} fails its checksum"
            elif struct.unpack_from("<Q", node, 48)[0] != logical:
                reason = f"the node at byte {place} belongs elsewhere"
            else:
                return node
        raise UnreadableError(reason)

    def _items(self, root: int, low: _Key, high: _Key | None = None) -> Iterator[tuple[_Key, bytes]]:
        """The items of a tree from one key to another, both included; without `high`, all of that object and kind."""
        end = high or (low[0], low[1], 2**64 - 1)

        def walk(logical: int, level: int | None) -> Iterator[tuple[_Key, bytes]]:
            node = self._node(logical)
            count, own = struct.unpack_from("<IB", node, 96)
            width = 33 if own else 25
            if level not in {None, own} or own > 8 or 101 + count * width > len(node):
                raise UnreadableError(f"the node at logical byte {logical} is damaged")
            for number in range(count):
                at = 101 + number * width
                key: _Key = struct.unpack_from("<QBQ", node, at)
                if key > end:
                    return
                if own:
                    following = struct.unpack_from("<QBQ", node, at + width) if number + 1 < count else None
                    if following is None or following > low:
                        yield from walk(struct.unpack_from("<Q", node, at + 17)[0], own - 1)
                elif key >= low:
                    start, length = struct.unpack_from("<II", node, at + 17)
                    if 101 + start + length > len(node):
                        raise UnreadableError(f"the node at logical byte {logical} is damaged")
                    yield key, node[101 + start : 101 + start + length]

        return walk(root, None)

    def _read_tree_root(self, tree: int) -> int:
        items = [content for _, content in self._items(self._root, (tree, _ROOT_ITEM, 0))]
        if not items or len(items[-1]) < 239:
            raise UnreadableError(f"tree {tree} does not exist")
        return int(struct.unpack_from("<Q", items[-1], 176)[0])

    def node_at(self, inode: int) -> Node:
        """The object with that number: of the subvolume in the high bits, 0 for the topmost one."""
        tree, number = inode >> _TREE_BITS or _FS_TREE, inode & (1 << _TREE_BITS) - 1
        found = next(self._items(self._tree_root(tree), (number, _INODE, 0)), None)
        if found is None or len(found[1]) < 160:
            raise UnreadableError(f"inode {number} of tree {tree} does not exist")
        item = found[1]
        size_bytes = struct.unpack_from("<Q", item, 16)[0]
        links, _uid, _gid, mode = struct.unpack_from("<IIII", item, 40)
        seconds, nanoseconds = struct.unpack_from("<qI", item, 136)
        checked = not struct.unpack_from("<Q", item, 64)[0] & _NO_CHECKSUMS
        return Node(
            entry_type=ENTRY_TYPES.get(stat.S_IFMT(mode), "other"),
            size_bytes=size_bytes,
            modified_at_us=seconds * 1_000_000 + nanoseconds // 1000 if abs(seconds) < 2**43 else None,
            inode=inode,
            links=links,
            handle=_Inode(tree=tree, number=number, size_bytes=size_bytes, checked=checked),
        )

    def root(self) -> Node:
        """The topmost directory."""
        node = self.node_at(256)
        if node.entry_type != "directory":
            raise UnreadableError("Btrfs: the root is not a directory")
        return node

    def listing(self, node: Node) -> Listing:
        """What a directory holds; a subvolume in it is a directory."""
        inode = node.handle
        assert isinstance(inode, _Inode)
        entries: list[tuple[bytes, int]] = []
        reason = node.reason
        try:
            for _, item in self._items(self._tree_root(inode.tree), (inode.number, _DIR_INDEX, 0)):
                found = self._entry(item, inode.tree)
                if found is None:
                    reason = reason or "an entry of the directory is damaged and not listed"
                else:
                    entries.append(found)
        except UnreadableError as error:
            reason = error.reason
        return Listing(children=LazyChildren(entries, self._child), reason=reason)

    @staticmethod
    def _entry(item: bytes, tree: int) -> tuple[bytes, int] | None:
        if len(item) < 30:
            return None
        number, kind, _offset = struct.unpack_from("<QBQ", item, 0)
        length = struct.unpack_from("<H", item, 27)[0]
        name = item[30 : 30 + length]
        if kind == _ROOT_ITEM:
            tree, number = number, 256
        if not name or len(name) != length or b"/" in name or b"\0" in name or number >> _TREE_BITS or tree >> 15:
            return None
        return name, (0 if tree == _FS_TREE else tree) << _TREE_BITS | number

    def _child(self, name: bytes, number: int) -> Child:
        try:
            return Child(name=name, node=self.node_at(number))
        except UnreadableError as error:
            return Child(name=name, node=None, reason=error.reason)

    def _extents(self, inode: _Inode) -> list[Extent]:
        extents: list[Extent] = []
        end = 0
        for key, item in self._items(self._tree_root(inode.tree), (inode.number, _EXTENT_DATA, 0)):
            extent = parse_extent(key[2], item)
            if key[2] < end or len(extents) >= _MAX_EXTENTS:
                raise UnreadableError(f"two extents hold byte {key[2]} of the file")
            end = key[2] + extent.size_bytes
            extents.append(extent)
        return extents

    def content(self, node: Node) -> BinaryIO:
        """The content of a file, with an offset of its own."""
        if node.reason is not None:
            raise UnreadableError(node.reason)
        inode = node.handle
        assert isinstance(inode, _Inode)
        return buffered(_ExtentView(self, self._extents(inode), inode.size_bytes, checked=inode.checked))

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins; None for a hole, nothing, or what is compressed or in the tree."""
        inode = node.handle
        assert isinstance(inode, _Inode)
        if node.entry_type != "file" or not inode.size_bytes:
            return None
        first = next(iter(self._extents(inode)), None)
        if first is None or first.inline is not None or first.compression or not first.logical:
            return None
        return self._places(first.logical + first.inside_bytes, 1)[0]

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the volume the file system covers."""
        return int(self._whole_bytes)

    def extents(self, node: Node) -> list[Run]:
        """The room that the content was given, in every copy; of a compressed extent, what it takes on the volume."""
        inode = node.handle
        assert isinstance(inode, _Inode)
        runs = []
        for extent in self._extents(inode):
            if extent.inline is None and extent.logical:
                inside = 0 if extent.compression else extent.inside_bytes
                size = extent.stored_bytes if extent.compression else extent.size_bytes
                runs += [
                    Run(at_bytes=extent.at_bytes, from_bytes=place, size_bytes=size)
                    for place in self._places(extent.logical + inside, size)
                ]
        return runs

    def allocated(self) -> Iterator[Ranges]:
        """What is in use, by the tree of extents, and the places of the super block."""
        supers = [(at, 4096) for at in (_SUPER_AT, 1 << 26, 1 << 38) if at + 4096 <= self._whole_bytes]
        yield ranges_of([(0, _SUPER_AT), *supers])
        found: list[tuple[int, int]] = []
        for key, _ in self._items(self._tree_root(_EXTENT_TREE), (0, 0, 0), (2**64 - 1, 255, 2**64 - 1)):
            if key[1] in {_EXTENT_ITEM, _METADATA_ITEM}:
                size = key[2] if key[1] == _EXTENT_ITEM else self._node_bytes
                found += [(place, size) for place in self._places(key[0], size)]
            if len(found) >= _RANGES_AT_ONCE:
                yield ranges_of(found)
                found = []
        yield ranges_of(found)

    def checked(self, logical: int, length_bytes: int, *, checked: bool) -> bytes:
        """Content from the volume; a sector that fails its checksum is taken from the other copy or refused."""
        size = self._sector_bytes
        start = logical // size * size
        end = -(-(logical + length_bytes) // size) * size
        sums = self._sums(start, end) if checked else {}
        copies = [exactly(self._file, place, end - start) for place in self._places(start, end - start)]
        content = bytearray()
        for at in range(0, end - start, size):
            expected = sums.get(start + at)
            sectors = [copy[at : at + size] for copy in copies]
            fitting = (s for s in sectors if expected is None or _digest(self._csum_type, s) == expected)
            sector = next(fitting, None)
            if sector is None:
                place = self._places(start, end - start)[0] + at
                raise UnreadableError(f"the content at byte {place} of the volume fails its checksum")
            content += sector
        return bytes(content[logical - start : logical - start + length_bytes])

    def _sums(self, start: int, end: int) -> dict[int, bytes]:
        sums: dict[int, bytes] = {}
        root = self._tree_root(_CSUM_TREE)
        # One item holds the sums of up to a leaf's room of sectors, so the one before `start` may reach into it.
        low = (_CSUM_OBJECT, _EXTENT_CSUM, max(0, start - self._node_bytes // self._csum_bytes * self._sector_bytes))
        for key, item in self._items(root, low, (_CSUM_OBJECT, _EXTENT_CSUM, end - 1)):
            first = max(0, (start - key[2]) // self._sector_bytes)
            last = min(len(item) // self._csum_bytes, (end - key[2]) // self._sector_bytes)
            for number in range(first, last):
                at = number * self._csum_bytes
                sums[key[2] + number * self._sector_bytes] = item[at : at + self._csum_bytes]
        return sums


class _ExtentView(View):
    """A file laid out in extents, of which some are compressed."""

    def __init__(self, owner: BtrfsFilesystem, extents: list[Extent], size_bytes: int, *, checked: bool) -> None:
        super().__init__(size_bytes)
        self._owner = owner
        self._extents = extents
        self._starts = [extent.at_bytes for extent in extents]
        self._is_checked = checked
        self._whole = lru_cache(4)(self._decompress)

    def _decompress(self, index: int) -> bytes:
        extent = self._extents[index]
        raw = extent.inline
        if raw is None:
            raw = self._owner.checked(extent.logical, extent.stored_bytes, checked=self._is_checked)
        if not extent.compression:
            return raw
        return decompressed(extent.compression, raw, extent.whole_bytes)

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of the extent or the hole that the offset lies in."""
        index = bisect_right(self._starts, offset_bytes) - 1
        if index >= 0 and offset_bytes < self._starts[index] + self._extents[index].size_bytes:
            extent = self._extents[index]
            inside = offset_bytes - extent.at_bytes
            length = min(length_bytes, extent.size_bytes - inside, MAX_COMPRESSED_BYTES)
            if extent.inline is not None or (extent.compression and extent.logical):
                content = self._whole(index)[extent.inside_bytes + inside :][:length]
                if not content:
                    raise UnreadableError(f"{inside} of {extent.size_bytes} bytes kept in the tree are there")
                return content
            if extent.logical:
                place = extent.logical + extent.inside_bytes + inside
                return self._owner.checked(place, length, checked=self._is_checked)
            return bytes(length)
        following = self._starts[index + 1] if index + 1 < len(self._starts) else self.size_bytes
        return bytes(min(length_bytes, following - offset_bytes))
