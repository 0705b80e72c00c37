"""The file systems ext2, ext3 and ext4, read from their structures; damage is named where it lies.

References:
    Linux, Documentation/filesystems/ext4: super block, group descriptors, inodes, block map, extent tree, inline data,
    directory entries.
"""

from __future__ import annotations

import io
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from headwater_sealed.ext_groups import Group, group_ranges, parse_group
from headwater_sealed.ext_layout import MAX_RUNS, block_map_runs, extent_runs, inline_content
from headwater_sealed.filesystem import ENTRY_TYPES, Child, LazyChildren, Listing, Node
from headwater_sealed.ranges import Ranges
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run, RunView, buffered, exactly

__all__ = ["ExtFilesystem"]

_SUPER_AT = 1024
_MAGIC = 0xEF53
_ROOT = 2
_EXTENTS_FLAG, _INLINE_FLAG, _ENCRYPT_FLAG, _COMPRESSED_FLAG = 0x80000, 0x10000000, 0x800, 0x4
_MAX_DIRECTORY_BYTES = 2 * 1024**3

# Features that change where things lie; a bit that is not here is refused, by number, instead of being guessed at.
_FILETYPE, _RECOVER, _64BIT = 0x2, 0x4, 0x80
_READ_FEATURES = (
    _FILETYPE | _RECOVER | 0x40 | _64BIT | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
)
_REFUSED_FEATURES = {
    0x1: "compression",
    0x8: "an external journal device",
    0x10: "meta block groups",
    0x1000: "dirdata",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inode:
    number: int
    mode: int
    size_bytes: int
    modified_at_us: int
    links: int
    flags: int
    block: bytes  # 60 bytes: block map, extent tree or inline content
    raw: bytes


class ExtFilesystem:
    """An ext2, ext3 or ext4 file system.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: It is none, or uses a feature that is not read.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        file.seek(_SUPER_AT)
        block = file.read(1024)
        self._super_block = block
        if len(block) < 1024 or struct.unpack_from("<H", block, 56)[0] != _MAGIC:
            raise UnreadableError("ext: no super block")
        inodes, blocks_lo = struct.unpack_from("<II", block, 0)
        first_block, log_size = struct.unpack_from("<II", block, 20)
        self._per_group = struct.unpack_from("<I", block, 40)[0]
        blocks_per_group = struct.unpack_from("<I", block, 32)[0]
        revision = struct.unpack_from("<I", block, 76)[0]
        self._inode_bytes = struct.unpack_from("<H", block, 88)[0] if revision else 128
        features = struct.unpack_from("<I", block, 96)[0] if revision else 0
        if log_size > 6 or not self._per_group or not blocks_per_group or not 128 <= self._inode_bytes <= 65536:
            raise UnreadableError("ext: the super block is damaged")
        for bit, name in _REFUSED_FEATURES.items():
            if features & bit:
                raise UnreadableError(f"ext with {name} is not read")
        if features & ~_READ_FEATURES:
            raise UnreadableError(f"ext with feature bits {features & ~_READ_FEATURES:#x} is not read")
        wide = bool(features & _64BIT)
        self.block_bytes = 1024 << log_size
        self.block_count = blocks_lo + (struct.unpack_from("<I", block, 336)[0] << 32 if wide else 0)
        self._inode_count = inodes
        self._descriptor_bytes = max(32, struct.unpack_from("<H", block, 254)[0]) if wide else 32
        # Behind the block of the super block, which is not the first one where blocks are of 1024 bytes.
        self._descriptors_at = (max(first_block, _SUPER_AT // self.block_bytes) + 1) * self.block_bytes
        self._has_types = bool(features & _FILETYPE)
        self.block = lru_cache(512)(self._read_block)
        self.remark = self._remarks(size_bytes, needs_recovery=bool(features & _RECOVER))

    def _remarks(self, size_bytes: int, *, needs_recovery: bool) -> str | None:
        remarks = []
        if self.block_count * self.block_bytes > size_bytes:
            remarks.append(f"the file system has {self.block_count * self.block_bytes} bytes, the volume {size_bytes}")
        if needs_recovery:
            remarks.append("it was not unmounted; changes that are in the journal only are not seen")
        return "; ".join(remarks) or None

    def _read_block(self, number: int) -> bytes:
        if not 0 < number < self.block_count:
            raise UnreadableError(f"block {number} lies outside the file system")
        return exactly(self._file, number * self.block_bytes, self.block_bytes)

    def _group(self, number: int) -> Group:
        at, inside = divmod(self._descriptors_at + number * self._descriptor_bytes, self.block_bytes)
        return parse_group(self.block(at)[inside : inside + self._descriptor_bytes])

    def _inode(self, number: int) -> _Inode:
        if not 0 < number <= self._inode_count:
            raise UnreadableError(f"inode {number} does not exist")
        group, index = divmod(number - 1, self._per_group)
        at, inside = divmod(index * self._inode_bytes, self.block_bytes)
        raw = self.block(self._group(group).inode_table + at)[inside : inside + self._inode_bytes]
        mode = struct.unpack_from("<H", raw, 0)[0]
        size_lo = struct.unpack_from("<I", raw, 4)[0]
        modified_s = struct.unpack_from("<i", raw, 16)[0]
        links = struct.unpack_from("<H", raw, 26)[0]
        flags = struct.unpack_from("<I", raw, 32)[0]
        size_hi = struct.unpack_from("<I", raw, 108)[0]
        nanoseconds = 0
        if len(raw) > 128 and struct.unpack_from("<H", raw, 128)[0] >= 12:
            # The two low bits extend the seconds beyond 2038, the rest counts nanoseconds.
            extra = struct.unpack_from("<I", raw, 136)[0]
            modified_s += (extra & 3) << 32
            nanoseconds = extra >> 2
        return _Inode(
            number=number,
            mode=mode,
            size_bytes=size_hi << 32 | size_lo,
            modified_at_us=modified_s * 1_000_000 + nanoseconds // 1000,
            links=links,
            flags=flags,
            block=raw[40:100],
            raw=raw,
        )

    @staticmethod
    def _node(inode: _Inode) -> Node:
        entry_type = ENTRY_TYPES.get(stat.S_IFMT(inode.mode), "other")
        reason = None
        if inode.mode == 0:
            reason = f"inode {inode.number} is not in use"
        elif inode.flags & _ENCRYPT_FLAG and entry_type in {"file", "directory"}:
            reason = "encrypted by the file system"
        elif inode.flags & _COMPRESSED_FLAG and entry_type == "file":
            reason = "compressed by the file system, which is not read"
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
        node = self._node(self._inode(_ROOT))
        if node.entry_type != "directory":
            raise UnreadableError("ext: inode 2 is not a directory")
        return node

    def node_at(self, inode: int) -> Node:
        """The object with that number, whatever it is called."""
        return self._node(self._inode(inode))

    def _runs(self, inode: _Inode) -> list[Run]:
        if inode.flags & _EXTENTS_FLAG:
            found = extent_runs(inode.block, self.block, block_bytes=self.block_bytes)
        else:
            blocks = -(-inode.size_bytes // self.block_bytes)
            found = block_map_runs(inode.block, self.block, block_bytes=self.block_bytes, blocks=blocks)
        runs: list[Run] = []
        limit = self.block_count * self.block_bytes
        for run in found:
            if run.from_bytes <= 0 or run.from_bytes + run.size_bytes > limit:
                raise UnreadableError(f"block {run.from_bytes // self.block_bytes} lies outside the file system")
            if runs and run.at_bytes < runs[-1].at_bytes + runs[-1].size_bytes:
                raise UnreadableError(f"two runs hold byte {run.at_bytes} of the file")
            runs.append(run)
            if len(runs) > MAX_RUNS:
                raise UnreadableError(f"more than {MAX_RUNS} runs")
        return runs

    def content(self, node: Node) -> BinaryIO:
        """The content of a file, with an offset of its own."""
        if node.reason is not None:
            raise UnreadableError(node.reason)
        inode = node.handle
        assert isinstance(inode, _Inode)
        if inode.flags & _INLINE_FLAG:
            parts = inline_content(inode.raw, inode.block)
            content = b"".join(parts)
            if len(content) < inode.size_bytes:
                raise UnreadableError(f"{len(content)} of {inode.size_bytes} bytes kept in the inode are there")
            return io.BytesIO(content[: inode.size_bytes])
        return buffered(RunView(self._file, self._runs(inode), inode.size_bytes))

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins; None for a hole, nothing, or content kept in the inode."""
        inode = node.handle
        assert isinstance(inode, _Inode)
        if node.entry_type != "file" or not inode.size_bytes or inode.flags & _INLINE_FLAG:
            return None
        runs = self._runs(inode)
        return runs[0].from_bytes if runs else None

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the volume the file system covers."""
        return int(self.block_count * self.block_bytes)

    def extents(self, node: Node) -> list[Run]:
        """The room that the content was given; none for what the inode holds."""
        inode = node.handle
        assert isinstance(inode, _Inode)
        return [] if inode.flags & _INLINE_FLAG else self._runs(inode)

    def allocated(self) -> Iterator[Ranges]:
        """What is in use, by the bitmaps of its groups; of a group without one, what the rest says lies in it."""
        return group_ranges(self._super_block, self._group, self.block, block_count=self.block_count)

    def _directory_parts(self, inode: _Inode) -> Iterator[bytes]:
        """Pieces that no entry crosses: blocks, or the two places of content kept in the inode."""
        if inode.flags & _INLINE_FLAG:
            block, rest = inline_content(inode.raw, inode.block)
            yield block[4:]  # the first four bytes name the parent
            yield rest[: max(0, inode.size_bytes - 60)]
            return
        if inode.size_bytes > _MAX_DIRECTORY_BYTES:
            raise UnreadableError(f"a directory of {inode.size_bytes} bytes")
        view = RunView(self._file, self._runs(inode), inode.size_bytes)
        for at in range(0, inode.size_bytes, self.block_bytes):
            view.seek(at)
            yield _exactly(view, min(self.block_bytes, inode.size_bytes - at))

    def listing(self, node: Node) -> Listing:
        """What a directory holds, without `.` and `..`; damage is named and the next block is gone on with."""
        inode = node.handle
        assert isinstance(inode, _Inode)
        entries: list[tuple[bytes, int]] = []
        reason = node.reason
        try:
            for number, part in enumerate(self._directory_parts(inode)):
                names, damage = _names(part, has_types=self._has_types)
                entries.extend(names)
                if damage is not None and reason is None:
                    reason = f"block {number} of the directory, byte {damage}: damaged; names behind it are not listed"
        except UnreadableError as error:
            reason = error.reason
        return Listing(children=LazyChildren(entries, self._child), reason=reason)

    def _child(self, name: bytes, number: int) -> Child:
        try:
            return Child(name=name, node=self._node(self._inode(number)))
        except UnreadableError as error:
            return Child(name=name, node=None, reason=error.reason)


def _exactly(view: RunView, length_bytes: int) -> bytes:
    """Exactly so many bytes from the view's offset on."""
    content = b""
    while len(content) < length_bytes:
        part = view.read(length_bytes - len(content))
        if not part:
            raise UnreadableError("the directory ends early")
        content += part
    return content


def _names(part: bytes, *, has_types: bool) -> tuple[list[tuple[bytes, int]], int | None]:
    """The names in one piece of a directory with their inode numbers, and the byte from which it makes no sense."""
    names: list[tuple[bytes, int]] = []
    at = 0
    while at + 8 <= len(part):
        number, length, name_length = struct.unpack_from("<IHH", part, at)
        if has_types:
            name_length &= 0xFF  # the high byte is the type, which the inode tells as well
        if length in {0, 65535} and len(part) == 65536:
            length = 65536  # does not fit into 16 bits
        if length < 8 or length % 4 or at + length > len(part) or (number and name_length + 8 > length):
            return names, at
        name = part[at + 8 : at + 8 + name_length]
        if number and name not in {b".", b".."}:
            if not name or b"/" in name or b"\0" in name:
                return names, at
            names.append((name, number))
        at += length
    return names, None
