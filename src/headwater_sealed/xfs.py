"""The file system XFS, versions 4 and 5, read from its structures; every checksum that is stored is checked."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import BinaryIO

import numpy as np

from headwater_sealed.crc32c import crc32c_without
from headwater_sealed.filesystem import ENTRY_TYPES, Child, LazyChildren, Listing, Node
from headwater_sealed.ranges import Ranges
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run, RunView, buffered, exactly
from headwater_sealed.xfs_free import free_extents
from headwater_sealed.xfs_layout import (
    XfsInode,
    block_names,
    parse_inode,
    parse_super,
    short_names,
    unpack_extent,
)

__all__ = ["XfsFilesystem"]

_LOCAL, _EXTENTS, _BTREE = 1, 2, 3
_MAX_RUNS = 4_000_000
_MAX_LEVELS = 9
_DIRECTORY_END_BYTES = 1 << 35  # behind it lie the hashes of the names
_MAX_LOG_BYTES = 256 * 1024 * 1024
_UNMOUNTED = 0x20


class XfsFilesystem:
    """An XFS file system.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: It is none, is damaged, or uses a feature that is not read.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        file.seek(0)
        self._super = parse_super(file.read(32768))
        self.block = lru_cache(1024)(self._read_block)
        self._size_bytes = size_bytes

    @property
    def remark(self) -> str | None:
        """What the reader should know although it is read."""
        remarks = []
        whole = self._super.block_count * self._super.block_bytes
        if whole > self._size_bytes:
            remarks.append(f"the file system has {whole} bytes, the volume {self._size_bytes}")
        if self._super.needs_repair:
            remarks.append("it is marked as in need of repair")
        if (log := self._log_remark()) is not None:
            remarks.append(log)
        return "; ".join(remarks) or None

    def _log_remark(self) -> str | None:
        """Whether the last record of the log says that the file system was unmounted."""
        size = self._super.log_blocks * self._super.block_bytes
        if not self._super.log_start:
            return "its log lies on another device; changes that are in it only are not seen"
        if size > _MAX_LOG_BYTES:
            return "its log was not looked at; changes that are in it only are not seen"
        start = self._super.linear(self._super.log_start) * self._super.block_bytes
        last, unmounted = -1, True
        log = exactly(self._file, start, size)
        at = log.find(b"\xfe\xed\xba\xbe")
        while at >= 0:
            if at % 512 == 0 and at + 512 <= size:
                lsn = int.from_bytes(log[at + 16 : at + 24], "big")
                operations = int.from_bytes(log[at + 40 : at + 44], "big")
                heads = max(1, -(-int.from_bytes(log[at + 320 : at + 324], "big") // 32768))
                flags_at = (at + heads * 512) % size + 9
                if lsn > last:
                    last, unmounted = lsn, operations == 1 and bool(log[flags_at] & _UNMOUNTED)
            at = log.find(b"\xfe\xed\xba\xbe", at + 4)
        return None if unmounted else "it was not unmounted; changes that are in the log only are not seen"

    def _read_block(self, number: int) -> bytes:
        return exactly(self._file, number * self._super.block_bytes, self._super.block_bytes)

    def _inode(self, number: int) -> XfsInode:
        bits = self._super.inodes_per_block_bits
        inside = (number & (1 << bits) - 1) * self._super.inode_bytes
        try:
            block = self._super.linear(number >> bits)
        except UnreadableError:
            raise UnreadableError(f"inode {number} does not exist") from None
        return parse_inode(self.block(block)[inside : inside + self._super.inode_bytes], number, self._super)

    @staticmethod
    def _node(inode: XfsInode) -> Node:
        entry_type = ENTRY_TYPES.get(stat.S_IFMT(inode.mode), "other")
        reason = None
        if entry_type == "file" and inode.is_realtime:
            reason = "its content lies on the realtime device, which is not read"
        return Node(
            entry_type=entry_type,
            size_bytes=inode.size_bytes,
            modified_at_us=inode.modified_at_us,
            inode=inode.number,
            links=inode.links,
            handle=inode,
            reason=reason,
        )

    def root(self) -> Node:
        """The topmost directory."""
        node = self._node(self._inode(self._super.root))
        if node.entry_type != "directory":
            raise UnreadableError("XFS: the root inode is not a directory")
        return node

    def node_at(self, inode: int) -> Node:
        """The object with that number, whatever it is called."""
        return self._node(self._inode(inode))

    def _tree(self, inode: XfsInode) -> Iterator[bytes]:
        """The packed extents in the leaves of the tree, in order."""
        fork = inode.fork
        level, count = struct.unpack_from(">HH", fork, 0)
        first = 4 + (len(fork) - 4) // 16 * 8
        if not 0 < level < _MAX_LEVELS or first + count * 8 > len(fork):
            raise UnreadableError("the tree of extents is damaged")
        seen: set[int] = set()

        def walk(pointer: int, level: int) -> Iterator[bytes]:
            if pointer in seen:
                raise UnreadableError(f"the tree of extents runs in a circle at block {pointer}")
            seen.add(pointer)
            head, count, block = self._tree_block(pointer, level, inode.number)
            if level == 0:
                yield block[head : head + count * 16]
                return
            for child in struct.unpack_from(f">{count}Q", block, head + (len(block) - head) // 16 * 8):
                yield from walk(child, level - 1)

        for pointer in struct.unpack_from(f">{count}Q", fork, first):
            yield from walk(pointer, level - 1)

    def _tree_block(self, pointer: int, level: int, owner: int) -> tuple[int, int, bytes]:
        """Length of the head, number of entries, and the block of the tree of extents, checked."""
        block = self.block(self._super.linear(pointer))
        magic, own, count = struct.unpack_from(">4sHH", block, 0)
        head = 24
        if self._super.has_checksums:
            head = 72
            if crc32c_without(block, 64) != int.from_bytes(block[64:68], "little"):
                raise UnreadableError("the tree of extents fails its checksum")
            if int.from_bytes(block[56:64], "big") != owner:
                raise UnreadableError("the tree of extents belongs to another inode")
        if magic != (b"BMA3" if self._super.has_checksums else b"BMAP") or own != level:
            raise UnreadableError("the tree of extents is damaged")
        if count > (len(block) - head) // 16:
            raise UnreadableError("the tree of extents is damaged")
        return head, count, block

    def _runs(self, inode: XfsInode) -> list[Run]:
        if inode.fork_format == _EXTENTS:
            if inode.extent_count * 16 > len(inode.fork):
                raise UnreadableError("more extents than the inode has room for")
            parts: Iterator[bytes] = iter((inode.fork[: inode.extent_count * 16],))
        elif inode.fork_format == _BTREE:
            parts = self._tree(inode)
        else:
            raise UnreadableError(f"content of format {inode.fork_format} is not read")
        runs: list[Run] = []
        size, end, total = self._super.block_bytes, 0, 0
        for part in parts:
            for at in range(0, len(part), 16):
                first, block, count, unwritten = unpack_extent(part[at : at + 16])
                total += 1
                if first < end or total > _MAX_RUNS:
                    raise UnreadableError(f"the extents are out of order at block {first} of the file")
                end = first + count
                start = self._super.linear(block)
                self._super.linear(block + max(0, count - 1))
                if not unwritten and count:
                    runs.append(Run(at_bytes=first * size, from_bytes=start * size, size_bytes=count * size))
        if total != inode.extent_count:
            raise UnreadableError(f"{total} of {inode.extent_count} extents are there")
        return runs

    def content(self, node: Node) -> BinaryIO:
        """The content of a file, with an offset of its own."""
        if node.reason is not None:
            raise UnreadableError(node.reason)
        inode = node.handle
        assert isinstance(inode, XfsInode)
        return buffered(RunView(self._file, self._runs(inode), inode.size_bytes))

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins; None for a hole or nothing."""
        inode = node.handle
        assert isinstance(inode, XfsInode)
        if node.entry_type != "file" or not inode.size_bytes:
            return None
        runs = self._runs(inode)
        return runs[0].from_bytes if runs else None

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the volume the file system covers."""
        return self._super.block_count * self._super.block_bytes

    def extents(self, node: Node) -> list[Run]:
        """The room that the content was given; what was never written into it is in use and no content."""
        inode = node.handle
        assert isinstance(inode, XfsInode)
        return self._runs(inode) if inode.fork_format in {_EXTENTS, _BTREE} else []

    def allocated(self) -> Iterator[Ranges]:
        """What is in use, by the trees of free space of its groups."""
        size = self._super.block_bytes
        for group in range(self._super.group_count):
            first = group * self._super.group_blocks
            head = exactly(self._file, first * size + self._super.sector_bytes, self._super.sector_bytes)
            blocks = min(self._super.group_blocks, self._super.block_count - first)
            free = free_extents(head, partial(self._group_block, first), self._super, blocks)
            bounds = np.concatenate(([0], free.reshape(-1), [blocks]))
            starts, ends = bounds[::2], bounds[1::2]
            yield np.stack([(first + starts) * size, (ends - starts) * size], axis=1).astype(np.int64)

    def _group_block(self, first: int, number: int) -> bytes:
        return self.block(first + number)

    def _names(self, inode: XfsInode) -> Iterator[tuple[list[tuple[bytes, int]], str | None]]:
        """Names, block by block, and what is wrong with the block."""
        if inode.fork_format == _LOCAL:
            yield short_names(inode.fork, has_types=self._super.has_types), None
            return
        size = self._super.directory_bytes
        last = 0
        for at in self._directory_blocks(inode):
            last = at + size
            view = RunView(self._file, self._runs_of(inode), at + size)
            view.seek(at)
            try:
                block = view.read(size) or b""
                while len(block) < size:
                    block += view.read(size - len(block)) or b""
                yield block_names(block, has_types=self._super.has_types, owner=inode.number), None
            except UnreadableError as error:
                yield [], f"block {at // size} of the directory: {error.reason}; names in it are not listed"
        if last < inode.size_bytes:
            yield [], f"the directory has {inode.size_bytes} bytes, {last} of them are there"

    def _runs_of(self, inode: XfsInode) -> list[Run]:
        if self._kept is None or self._kept[0] != inode.number:
            self._kept = (inode.number, self._runs(inode))
        return self._kept[1]

    _kept: tuple[int, list[Run]] | None = None

    def _directory_blocks(self, inode: XfsInode) -> Iterator[int]:
        """Where each block of the directory begins in it; what was given back in between is no loss."""
        size, end = self._super.directory_bytes, 0
        for run in self._runs_of(inode):
            first = max(end, run.at_bytes // size * size)
            for at in range(first, run.at_bytes + run.size_bytes, size):
                if at >= _DIRECTORY_END_BYTES:
                    return
                yield at
                end = at + size

    def listing(self, node: Node) -> Listing:
        """What a directory holds, without `.` and `..`; damage is named and the next block is gone on with."""
        inode = node.handle
        assert isinstance(inode, XfsInode)
        names: list[tuple[bytes, int]] = []
        reason = node.reason
        try:
            for found, damage in self._names(inode):
                names.extend(found)
                reason = reason or damage
        except (UnreadableError, struct.error, IndexError) as error:
            reason = error.reason if isinstance(error, UnreadableError) else "the directory is damaged"
        return Listing(children=LazyChildren(names, self._child), reason=reason)

    def _child(self, name: bytes, number: int) -> Child:
        try:
            return Child(name=name, node=self._node(self._inode(number)))
        except UnreadableError as error:
            return Child(name=name, node=None, reason=error.reason)
