"""The file system NTFS, read from its structures: every name, every stream, damage named where it lies.

The other streams of a file stand beside it as `NAME:STREAM`. The records 0 to 23 are the file system's own and are no
entries, but for the root and `$Extend`, where it keeps its journal of changes and what waits to be deleted.

References:
    Richard Russon and Yuval Fledel, NTFS Documentation; [MS-FSCC] 2.1.2.1 and 2.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from headwater_sealed.filesystem import Child, LazyChildren, Listing, Node
from headwater_sealed.ntfs_index import IndexName, index_names
from headwater_sealed.ntfs_records import file_reference
from headwater_sealed.ntfs_table import CONTENT, Inode, MasterFileTable
from headwater_sealed.ranges import Ranges, bit_ranges
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Run

__all__ = ["NtfsFilesystem"]

_VOLUME, _ROOT, _BITMAP, _EXTEND, _FIRST_OWN = 3, 5, 6, 11, 24
_NAME, _VOLUME_STATE, _INDEX_ROOT, _REPARSE = 0x30, 0x70, 0x90, 0xC0
_ENCRYPTED = 0x4000
_SYSTEM_FILE = 0x4
_DOS_NAME = 2
_DIRTY = 1
_STREAM_BITS = 48  # below them the record, above them which of its streams
_MAX_STREAMS = 1 << 14
_EPOCH_TENTHS = 116_444_736_000_000_000  # 1601 to 1970, in units of 100 nanoseconds
_LAST_TENTHS = 2_650_467_744_000_000_000  # the year 10000

_OTHER_TYPES = {
    0xA000000C: "symlink",
    0xA0000003: "symlink",  # a folder that stands for another one or for a volume
    0xA000001D: "symlink",
    0x80000023: "socket",
    0x80000024: "fifo",
    0x80000025: "device",
    0x80000026: "device",
}
_ELSEWHERE = {
    0x80000013: "deduplicated by the server; its chunk store is not read",
    0x80000017: "compressed by the system (WOF), which is not read",
}
_CLOUD = 0x9000001A
_INTERIX = {b"IntxLNK\1": "symlink", b"IntxCHR\0": "device", b"IntxBLK\0": "device"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a node stands for: a file's content, or one of its other streams."""

    inode: Inode
    stream: str = ""


class NtfsFilesystem:
    """An NTFS file system.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: It is none, or neither the master file table nor its spare can be read.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._table = MasterFileTable(file, size_bytes)
        self._inode = self._table.inode
        self._remarks = list(self._table.remarks)
        self._note_state()

    @property
    def remark(self) -> str | None:
        """What the reader should know although it is read."""
        return "; ".join(self._remarks) or None

    def _note_state(self) -> None:
        try:
            state = self._inode(_VOLUME).pieces(_VOLUME_STATE)
            value = state[0].value if state else None
        except UnreadableError as error:
            self._remarks.append(f"record {_VOLUME}: {error.reason}")
            return
        if value is not None and len(value) >= 12 and struct.unpack_from("<H", value, 10)[0] & _DIRTY:
            self._remarks.append("it was not unmounted; changes that are in the journal only are not seen")

    def _node(self, inode: Inode, stream: str = "", ordinal: int = 0) -> Node:
        entry_type, reason = self._type_of(inode) if not stream else ("file", None)
        size_bytes = 0
        pieces = inode.pieces(CONTENT, stream)
        if entry_type == "file" and pieces:
            first = next((one for one in pieces if one.first_cluster == 0), None)
            size_bytes = first.size_bytes if first is not None else 0
            if any(one.flags & _ENCRYPTED for one in pieces):
                reason = "encrypted by the file system (EFS)"
            elif first is None:
                reason = "the beginning of its content is not described"
        names = [one.value for one in inode.attributes if one.kind == _NAME and one.value is not None]
        return Node(
            entry_type=entry_type,
            size_bytes=size_bytes,
            modified_at_us=_modified_at_us(inode),
            inode=ordinal << _STREAM_BITS | inode.number,
            links=sum(len(name) > 65 and name[65] != _DOS_NAME for name in names),
            handle=_Place(inode=inode, stream=stream),
            reason=reason,
        )

    def _type_of(self, inode: Inode) -> tuple[str, str | None]:
        """What it is, and why its content is not here."""
        if inode.pieces(_REPARSE):
            return self._type_by_tag(inode)
        if inode.pieces(_INDEX_ROOT, "$I30"):
            return "directory", None
        pieces = inode.pieces(CONTENT)
        if not pieces:
            return "other", None
        value = pieces[0].value
        if inode.flags & _SYSTEM_FILE and value is not None and value[:8] in _INTERIX:
            return _INTERIX[value[:8]], None
        return "file", None

    def _type_by_tag(self, inode: Inode) -> tuple[str, str | None]:
        reparse = inode.pieces(_REPARSE)
        value = reparse[0].value if reparse[0].value is not None else self._table.stream(reparse).read(4)
        tag = struct.unpack_from("<I", value.ljust(4, b"\0"))[0]
        if tag in _OTHER_TYPES:
            return _OTHER_TYPES[tag], None
        if tag in _ELSEWHERE:
            return "file", _ELSEWHERE[tag]
        if inode.pieces(_INDEX_ROOT, "$I30"):
            return "directory", None
        if tag & 0xFFFF0FFF == _CLOUD:
            return "file", "kept in a cloud; what lies here may be a part of it"
        return "file", f"its content is behind a reparse point of type {tag:#x}, which is not read"

    def root(self) -> Node:
        """The topmost directory."""
        with refusing("NTFS: the root directory cannot be read"):
            node = self.node_at(_ROOT)
        if node.entry_type != "directory":
            raise UnreadableError("NTFS: record 5 is not a directory")
        return node

    def node_at(self, inode: int) -> Node:
        """The object with that number: the record's in the lower 48 bits, above them which of its other streams."""
        ordinal, number = inode >> _STREAM_BITS, inode & (1 << _STREAM_BITS) - 1
        found = self._inode(number)
        if not ordinal:
            return self._node(found)
        streams = found.streams()
        if not 0 < ordinal <= len(streams):
            raise UnreadableError(f"record {number} has no stream {ordinal}")
        return self._node(found, streams[ordinal - 1], ordinal)

    def content(self, node: Node) -> BinaryIO:
        """The content of a file or stream, with an offset of its own."""
        if node.reason is not None:
            raise UnreadableError(node.reason)
        place = node.handle
        assert isinstance(place, _Place)
        return self._table.stream(place.inode.pieces(CONTENT, place.stream))

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins; None for a hole, nothing, what is compressed or in the record."""
        place = node.handle
        assert isinstance(place, _Place)
        if node.entry_type != "file" or not node.size_bytes:
            return None
        return self._table.first_byte(place.inode.pieces(CONTENT, place.stream))

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the volume the file system covers."""
        return int(self._table.cluster_count * self._table.cluster_bytes)

    def extents(self, node: Node) -> Sequence[Run]:
        """The room that the content was given; none for what the record holds."""
        place = node.handle
        assert isinstance(place, _Place)
        pieces = place.inode.pieces(CONTENT, place.stream)
        return self._table.runs(pieces) if pieces else []

    def allocated(self) -> Iterator[Ranges]:
        """What is in use, by the file `$Bitmap`."""
        bitmap = self._table.stream(self._inode(_BITMAP).pieces(CONTENT)).read()
        count, unit_bytes = self._table.cluster_count, self._table.cluster_bytes
        if len(bitmap) * 8 < count:
            raise UnreadableError(f"the map of clusters in use has {len(bitmap)} bytes")
        yield bit_ranges(bitmap, count=count, first_bytes=0, unit_bytes=unit_bytes)

    def listing(self, node: Node) -> Listing:
        """What a directory holds, with the other streams of each; of a damaged block it is said what it costs."""
        place = node.handle
        assert isinstance(place, _Place)
        reason = node.reason
        entries: list[tuple[bytes, int]] = []
        failures: list[str] = []
        try:
            with refusing("the directory is damaged"):
                names, damage = index_names(place.inode.attributes, self._table.stream, self._table.index_bytes)
        except UnreadableError as error:
            return Listing(children=[], reason=error.reason)
        if place.inode.number == _ROOT:
            entries += self._with_streams(b"", place.inode)[1:]
        for one in names:
            entries += self._entries(one, failures)
        return Listing(
            children=LazyChildren(entries, lambda name, number: self._child(name, number, failures)),
            reason=reason or damage,
        )

    def _entries(self, found: IndexName, failures: list[str]) -> list[tuple[bytes, int]]:
        number, sequence = file_reference(found.reference)
        if number < _FIRST_OWN and number != _EXTEND:
            return []
        try:
            with refusing("its record cannot be read"):
                inode = self._inode(number)
                if inode.sequence == sequence:
                    return self._with_streams(found.name, inode)
                failures.append(f"record {number} was used again for something else")
        except UnreadableError as error:
            failures.append(error.reason)
        return [(found.name, 1 << 63 | len(failures) - 1)]

    @staticmethod
    def _with_streams(name: bytes, inode: Inode) -> list[tuple[bytes, int]]:
        streams = inode.streams()
        if len(streams) > _MAX_STREAMS:
            raise UnreadableError(f"record {inode.number} has {len(streams)} streams")
        beside = [
            (name + b":" + _fit(stream), number << _STREAM_BITS | inode.number)
            for number, stream in enumerate(streams, start=1)
        ]
        return [(name, inode.number), *beside]

    def _child(self, name: bytes, number: int, failures: Sequence[str]) -> Child:
        if number >> 63:
            return Child(name=name, node=None, reason=failures[number & (1 << 63) - 1])
        try:
            with refusing("its record cannot be read"):
                return Child(name=name, node=self.node_at(number))
        except UnreadableError as error:
            return Child(name=name, node=None, reason=error.reason)


def _fit(stream: str) -> bytes:
    """The name of a stream as part of a path; a `/` or a zero byte in it, which no system writes, becomes U+FFFD."""
    return stream.replace("/", "\ufffd").replace("\0", "\ufffd").encode("utf-8", "surrogatepass")


def _modified_at_us(inode: Inode) -> int | None:
    """When the content was last changed; None where that is not recorded or cannot be."""
    standard = inode.standard()
    if len(standard) < 16:
        return None
    tenths = struct.unpack_from("<Q", standard, 8)[0]
    return (tenths - _EPOCH_TENTHS) // 10 if 0 < tenths < _LAST_TENTHS else None
