"""The file system NTFS, read from its structures: every name, every stream, damage named where it lies.

The other streams of a file stand beside it as `NAME:STREAM`. The records 0 to 23 are the file system's own and are no
entries, but for the root and `$Extend`, where it keeps its journal of changes and what waits to be deleted.

References:
    Richard Russon and Yuval Fledel, NTFS Documentation; [MS-FSCC] 2.1.2.1 and 2.6.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from headwater_sealed.filesystem import Child, LazyChildren, Listing, Node
from headwater_sealed.ntfs_content import CompressedView, byte_runs, joined
from headwater_sealed.ntfs_index import IndexName, index_names
from headwater_sealed.ntfs_records import ATTRIBUTE_LIST, Attribute, Record, file_reference, listed_records, parse_record
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Run, RunView, View, buffered

__all__ = ["NtfsFilesystem"]

_MFT, _MIRROR_RECORDS, _VOLUME, _ROOT, _EXTEND, _FIRST_OWN = 0, 4, 3, 5, 11, 24
_STANDARD, _NAME, _VOLUME_STATE, _CONTENT, _INDEX_ROOT, _REPARSE = 0x10, 0x30, 0x70, 0x80, 0x90, 0xC0
_IN_USE = 1
_COMPRESSED, _ENCRYPTED = 0x00FF, 0x4000
_SYSTEM_FILE = 0x4
_DOS_NAME = 2
_DIRTY = 1
_STREAM_BITS = 48  # below them the record, above them which of its streams
_MAX_STREAMS = 1 << 14
_MAX_LISTED_BYTES = 64 * 1024 * 1024
_EPOCH_TENTHS = 116_444_736_000_000_000  # 1601 to 1970, in units of 100 nanoseconds
_LAST_TENTHS = 2_650_467_744_000_000_000  # the year 10000

_LINKS = {0xA000000C: "symlink", 0xA0000003: "symlink", 0xA000001D: "symlink"}
_SPECIAL = {0x80000023: "socket", 0x80000024: "fifo", 0x80000025: "device", 0x80000026: "device"}
_ELSEWHERE = {
    0x80000013: "deduplicated by the server; its chunk store is not read",
    0x80000017: "compressed by the system (WOF), which is not read",
}
_CLOUD = 0x9000001A
_INTERIX = {b"IntxLNK\1": "symlink", b"IntxCHR\0": "device", b"IntxBLK\0": "device"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inode:
    number: int
    flags: int  # of the file, not of the record
    attributes: tuple[Attribute, ...]

    def pieces(self, kind: int, name: str = "") -> list[Attribute]:
        return [one for one in self.attributes if one.kind == kind and one.name == name]

    def streams(self) -> list[str]:
        """Names of the streams beside the content, sorted."""
        return sorted({one.name for one in self.attributes if one.kind == _CONTENT and one.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a node stands for: a file's content, or one of its other streams."""

    inode: _Inode
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
        self._file = file
        boot = self._read_at(0, 512)
        sector_bytes, per_cluster = struct.unpack_from("<HB", boot, 11)
        sectors, self._mft_cluster, self._mirror_cluster = struct.unpack_from("<QQQ", boot, 40)
        if per_cluster > 128:
            per_cluster = 1 << 256 - per_cluster
        self.cluster_bytes = sector_bytes * per_cluster
        record_log, index_log = struct.unpack_from("<b3xb", boot, 64)
        self._record_bytes = self._size_of(record_log)
        self._index_bytes = self._size_of(index_log)
        sound = sector_bytes in {256, 512, 1024, 2048, 4096} and 0 < self.cluster_bytes <= 2 * 1024**2
        sound = sound and self._record_bytes in {512, 1024, 2048, 4096}
        if not sound or not 512 <= self._index_bytes <= 65536 or self._index_bytes % 512:
            raise UnreadableError("NTFS: the boot sector is damaged")
        self.cluster_count = sectors // per_cluster
        self._remarks: list[str] = []
        if sectors * sector_bytes > size_bytes:
            self._remarks.append(f"the file system has {sectors * sector_bytes} bytes, the volume {size_bytes}")
        self._record = lru_cache(2048)(self._read_record)
        self._inode = lru_cache(512)(self._read_inode)
        self._mft: View = self._first_records()
        table = self._read_inode(_MFT)
        self._mft, self._record_count = self._table(table)
        self._record.cache_clear()
        self._inode.cache_clear()
        self._note_state()

    @property
    def remark(self) -> str | None:
        """What the reader should know although it is read."""
        return "; ".join(self._remarks) or None

    def _size_of(self, log: int) -> int:
        return 1 << -log if -31 < log < 0 else log * self.cluster_bytes

    def _read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        self._file.seek(offset_bytes)
        content = self._file.read(length_bytes)
        if len(content) != length_bytes:
            raise UnreadableError(f"the volume ends before byte {offset_bytes + length_bytes}")
        return content

    def _first_records(self) -> View:
        """The first records, from the table or from its spare."""
        size_bytes = _MIRROR_RECORDS * self._record_bytes
        reason = ""
        for spare, cluster in enumerate((self._mft_cluster, self._mirror_cluster)):
            run = Run(at_bytes=0, from_bytes=cluster * self.cluster_bytes, size_bytes=size_bytes)
            try:
                with refusing("it is damaged"):
                    parse_record(self._read_at(run.from_bytes, self._record_bytes), _MFT)
            except UnreadableError as error:
                reason = reason or error.reason
                continue
            if spare:
                self._remarks.append(f"read by the spare of the master file table; record 0: {reason}")
            return RunView(self._file, [run], size_bytes)
        raise UnreadableError(f"NTFS: record 0 of the master file table and its spare: {reason}")

    def _table(self, inode: _Inode) -> tuple[View, int]:
        """The whole master file table; its own record may be continued in others, which its first piece covers."""
        pieces = inode.pieces(_CONTENT)
        for _ in range(len(pieces) + 1):
            content = joined(pieces, whole=False)
            runs = byte_runs(content.runs, self.cluster_bytes, self.cluster_count)
            reach = min(content.size_bytes, max((run.at_bytes + run.size_bytes for run in runs), default=0))
            if any(a.at_bytes + a.size_bytes != b.at_bytes for a, b in zip(runs, runs[1:], strict=False)):
                raise UnreadableError("NTFS: the master file table has holes")
            self._mft = RunView(self._file, runs, reach)
            self._record.cache_clear()
            more = self._read_inode(_MFT).pieces(_CONTENT)
            if len(more) == len(pieces):
                break
            pieces = more
        if reach < content.size_bytes:
            self._remarks.append(f"{content.size_bytes - reach} bytes of the master file table are not to be found")
        return self._mft, reach // self._record_bytes

    def _note_state(self) -> None:
        try:
            state = self._read_inode(_VOLUME).pieces(_VOLUME_STATE)
            value = state[0].value if state else None
        except UnreadableError as error:
            self._remarks.append(f"record {_VOLUME}: {error.reason}")
            return
        if value is not None and len(value) >= 12 and struct.unpack_from("<H", value, 10)[0] & _DIRTY:
            self._remarks.append("it was not unmounted; changes that are in the journal only are not seen")

    def _read_record(self, number: int) -> Record:
        self._mft.seek(number * self._record_bytes)
        raw = b""
        while len(raw) < self._record_bytes and (part := self._mft.read(self._record_bytes - len(raw))):
            raw += part
        if len(raw) != self._record_bytes:
            raise UnreadableError(f"record {number} does not exist")
        try:
            with refusing("it is damaged"):
                return parse_record(raw, number)
        except UnreadableError as error:
            raise UnreadableError(f"record {number}: {error.reason}") from error

    def _read_inode(self, number: int) -> _Inode:
        record = self._record(number)
        if not record.flags & _IN_USE:
            raise UnreadableError(f"record {number} is not in use")
        if record.base:
            raise UnreadableError(f"record {number} continues record {record.base}")
        found = list(record.attributes)
        for one in record.attributes:
            if one.kind == ATTRIBUTE_LIST:
                found += self._continued(one, number)
        standard = next((one.value for one in found if one.kind == _STANDARD), None)
        flags = struct.unpack_from("<I", standard, 32)[0] if standard is not None and len(standard) >= 36 else 0
        return _Inode(number=number, flags=flags, attributes=tuple(found))

    def _continued(self, listed: Attribute, number: int) -> list[Attribute]:
        if listed.size_bytes > _MAX_LISTED_BYTES:
            raise UnreadableError(f"record {number}: an attribute list of {listed.size_bytes} bytes")
        content = listed.value if listed.value is not None else self._stream([listed]).read()
        found: list[Attribute] = []
        for other in listed_records(content, number):
            if number == _MFT and (other + 1) * self._record_bytes > self._mft.size_bytes:
                continue  # the table is being put together, piece by piece
            record = self._record(other)
            if record.base != number or not record.flags & _IN_USE:
                raise UnreadableError(f"record {number}: record {other}, which should continue it, does not")
            found += record.attributes
        return found

    def _node(self, inode: _Inode, stream: str = "", ordinal: int = 0) -> Node:
        entry_type, reason = self._type_of(inode) if not stream else ("file", None)
        size_bytes = 0
        pieces = inode.pieces(_CONTENT, stream)
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

    def _type_of(self, inode: _Inode) -> tuple[str, str | None]:
        """What it is, and why its content is not here."""
        reparse = inode.pieces(_REPARSE)
        if reparse:
            value = reparse[0].value if reparse[0].value is not None else self._stream(reparse).read(4)
            tag = struct.unpack_from("<I", value.ljust(4, b"\0"))[0]
            if tag in _LINKS or tag in _SPECIAL:
                return _LINKS.get(tag) or _SPECIAL[tag], None
            if tag in _ELSEWHERE:
                return "file", _ELSEWHERE[tag]
            if inode.pieces(_INDEX_ROOT, "$I30"):
                return "directory", None
            if tag & 0xFFFF0FFF == _CLOUD:
                return "file", "kept in a cloud; what lies here may be a part of it"
            return "file", f"its content is behind a reparse point of type {tag:#x}, which is not read"
        if inode.pieces(_INDEX_ROOT, "$I30"):
            return "directory", None
        pieces = inode.pieces(_CONTENT)
        if not pieces:
            return "other", None
        value = pieces[0].value
        if inode.flags & _SYSTEM_FILE and value is not None and value[:8] in _INTERIX:
            return _INTERIX[value[:8]], None
        return "file", None

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

    def _stream(self, pieces: Sequence[Attribute]) -> BinaryIO:
        content = joined(pieces)
        if content.value is not None:
            return io.BytesIO(content.value)
        if content.flags & _COMPRESSED and content.unit_clusters:
            view: View = CompressedView(self._file, content, self.cluster_bytes, self.cluster_count)
        else:
            runs = byte_runs(content.runs, self.cluster_bytes, self.cluster_count)
            view = RunView(self._file, runs, content.size_bytes)
        if content.written_bytes == content.size_bytes:
            return buffered(view)
        # Room was given to the rest, which was never written and reads as zeros.
        written = [Run(at_bytes=0, from_bytes=0, size_bytes=content.written_bytes)] if content.written_bytes else []
        return buffered(RunView(buffered(view), written, content.size_bytes))

    def content(self, node: Node) -> BinaryIO:
        """The content of a file or stream, with an offset of its own."""
        if node.reason is not None:
            raise UnreadableError(node.reason)
        place = node.handle
        assert isinstance(place, _Place)
        return self._stream(place.inode.pieces(_CONTENT, place.stream))

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins; None for a hole, nothing, what is compressed or in the record."""
        place = node.handle
        assert isinstance(place, _Place)
        if node.entry_type != "file" or not node.size_bytes:
            return None
        content = joined(place.inode.pieces(_CONTENT, place.stream))
        if content.value is not None or content.flags & _COMPRESSED:
            return None
        runs = byte_runs(content.runs, self.cluster_bytes, self.cluster_count)
        return runs[0].from_bytes if runs else None

    def listing(self, node: Node) -> Listing:
        """What a directory holds, with the other streams of each; damage is named and the next block is gone on with."""
        place = node.handle
        assert isinstance(place, _Place)
        reason = node.reason
        entries: list[tuple[bytes, int]] = []
        failures: list[str] = []
        try:
            with refusing("the directory is damaged"):
                names, damage = index_names(place.inode.attributes, self._stream, self._index_bytes)
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
                if self._record(number).sequence != sequence:
                    raise UnreadableError(f"record {number} was used again for something else")
                return self._with_streams(found.name, inode)
        except UnreadableError as error:
            failures.append(error.reason)
            return [(found.name, 1 << 63 | len(failures) - 1)]

    @staticmethod
    def _with_streams(name: bytes, inode: _Inode) -> list[tuple[bytes, int]]:
        streams = inode.streams()
        if len(streams) > _MAX_STREAMS:
            raise UnreadableError(f"record {inode.number} has {len(streams)} streams")
        beside = [
            (name + b":" + _fit(stream), number << _STREAM_BITS | inode.number)
            for number, stream in enumerate(streams, start=1)
        ]
        return [(name, inode.number), *beside]

    def _child(self, name: bytes, number: int, failures: Sequence[str]) -> Child:
        try:
            if number >> 63:
                raise UnreadableError(failures[number & (1 << 63) - 1])
            with refusing("its record cannot be read"):
                return Child(name=name, node=self.node_at(number))
        except UnreadableError as error:
            return Child(name=name, node=None, reason=error.reason)


def _fit(stream: str) -> bytes:
    """The name of a stream as part of a path; a `/` or a zero byte in it, which no system writes, becomes U+FFFD."""
    return stream.replace("/", "\ufffd").replace("\0", "\ufffd").encode("utf-8", "surrogatepass")


def _modified_at_us(inode: _Inode) -> int | None:
    """When the content was last changed; None where that is not recorded or cannot be."""
    standard = next((one.value for one in inode.attributes if one.kind == _STANDARD), None)
    if standard is None or len(standard) < 16:
        return None
    tenths = struct.unpack_from("<Q", standard, 8)[0]
    return (tenths - _EPOCH_TENTHS) // 10 if 0 < tenths < _LAST_TENTHS else None
