"""The master file table of an NTFS volume: its records by number, with what continues them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import BinaryIO

from headwater_sealed.ntfs_content import CompressedView, byte_runs, joined
from headwater_sealed.ntfs_records import ATTRIBUTE_LIST, Attribute, Record, listed_records, parse_record
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Run, RunView, View, buffered, exactly

__all__ = ["CONTENT", "Inode", "MasterFileTable"]

CONTENT = 0x80
"""Type of the attribute that holds what a file contains."""

_MFT, _MIRROR_RECORDS = 0, 4
_STANDARD = 0x10
_IN_USE = 1
_COMPRESSED = 0x00FF
_MAX_LISTED_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Inode:
    """What all records of one object say together.

    Attributes:
        number: Of its first record.
        sequence: How often that record was used for something.
        flags: Of the file: system, encrypted and so on.
        attributes: Of all its records.
    """

    number: int
    sequence: int
    flags: int
    attributes: tuple[Attribute, ...]

    def pieces(self, kind: int, name: str = "") -> list[Attribute]:
        """The pieces of the attribute of that type and name."""
        return [one for one in self.attributes if one.kind == kind and one.name == name]

    def streams(self) -> list[str]:
        """Names of the streams beside the content, sorted."""
        return sorted({one.name for one in self.attributes if one.kind == CONTENT and one.name})

    def standard(self) -> bytes:
        """The times and flags that every object has; empty if this one has none."""
        found = next((one.value for one in self.attributes if one.kind == _STANDARD), None)
        return found or b""


class MasterFileTable:
    """The records of a volume.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: The boot sector, or record 0 and its spare, are damaged.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        boot = exactly(self._file, 0, 512)
        sector_bytes, per_cluster = struct.unpack_from("<HB", boot, 11)
        sectors, *first_clusters = struct.unpack_from("<QQQ", boot, 40)
        if per_cluster > 128:
            per_cluster = 1 << 256 - per_cluster
        self.cluster_bytes = sector_bytes * per_cluster
        record_log, index_log = struct.unpack_from("<b3xb", boot, 64)
        self._record_bytes = self._size_of(record_log)
        self.index_bytes = self._size_of(index_log)
        sound = sector_bytes in {256, 512, 1024, 2048, 4096} and 0 < self.cluster_bytes <= 2 * 1024**2
        sound = sound and self._record_bytes in {512, 1024, 2048, 4096}
        if not sound or not 512 <= self.index_bytes <= 65536 or self.index_bytes % 512:
            raise UnreadableError("NTFS: the boot sector is damaged")
        self.cluster_count = sectors // per_cluster
        self.remarks: list[str] = []
        if sectors * sector_bytes > size_bytes:
            self.remarks.append(f"the file system has {sectors * sector_bytes} bytes, the volume {size_bytes}")
        self.inode = lru_cache(512)(self._read_inode)
        self._record = lru_cache(2048)(self._read_record)
        self._first = self._table = self._first_records(first_clusters)
        self._complete()

    def _size_of(self, log: int) -> int:
        return 1 << -log if -31 < log < 0 else log * self.cluster_bytes

    def _first_records(self, first_clusters: Sequence[int]) -> View:
        """The first records, from the table or from its spare."""
        size_bytes = _MIRROR_RECORDS * self._record_bytes
        reason = ""
        for spare, first_cluster in enumerate(first_clusters):
            run = Run(at_bytes=0, from_bytes=first_cluster * self.cluster_bytes, size_bytes=size_bytes)
            try:
                with refusing("it is damaged"):
                    parse_record(exactly(self._file, run.from_bytes, self._record_bytes), _MFT)
            except UnreadableError as error:
                reason = reason or error.reason
                continue
            if spare:
                self.remarks.append(f"read by the spare of the master file table; record 0: {reason}")
            return RunView(self._file, [run], size_bytes)
        raise UnreadableError(f"NTFS: record 0 of the master file table and its spare: {reason}")

    def _complete(self) -> None:
        """Finds the whole table; its own record may be continued in others, which its first pieces cover."""
        pieces: list[Attribute] = []
        size_bytes = reach = 0
        # Every round knows at least one piece more than the last one.
        while len(found := self._read_inode(_MFT).pieces(CONTENT)) > len(pieces):
            pieces = found
            content = joined(pieces, whole=False)
            runs = byte_runs(content.runs, self.cluster_bytes, self.cluster_count)
            if any(a.at_bytes + a.size_bytes != b.at_bytes for a, b in pairwise(runs)):
                raise UnreadableError("NTFS: the master file table has holes")
            size_bytes = content.size_bytes
            reach = min(size_bytes, max((run.at_bytes + run.size_bytes for run in runs), default=0))
            self._table = RunView(self._file, runs, reach)
            self._record.cache_clear()
        if reach < size_bytes:
            self.remarks.append(f"{size_bytes - reach} bytes of the master file table are not to be found")

    def _read_record(self, number: int) -> Record:
        # The first ones may be the spare's.
        table = self._first if number < _MIRROR_RECORDS else self._table
        table.seek(number * self._record_bytes)
        raw = b""
        while len(raw) < self._record_bytes and (part := table.read(self._record_bytes - len(raw))):
            raw += part
        if len(raw) != self._record_bytes:
            raise UnreadableError(f"record {number} does not exist")
        try:
            with refusing("it is damaged"):
                return parse_record(raw, number)
        except UnreadableError as error:
            raise UnreadableError(f"record {number}: {error.reason}") from error

    def _read_inode(self, number: int) -> Inode:
        record = self._record(number)
        if not record.flags & _IN_USE:
            raise UnreadableError(f"record {number} is not in use")
        if record.base:
            raise UnreadableError(f"record {number} continues record {record.base}")
        found = list(record.attributes)
        for one in record.attributes:
            if one.kind == ATTRIBUTE_LIST:
                found += self._continued(one, number)
        inode = Inode(number=number, sequence=record.sequence, flags=0, attributes=tuple(found))
        flags = struct.unpack_from("<I", inode.standard().ljust(36, b"\0"), 32)[0]
        return Inode(number=number, sequence=record.sequence, flags=flags, attributes=tuple(found))

    def _continued(self, listed: Attribute, number: int) -> list[Attribute]:
        if listed.size_bytes > _MAX_LISTED_BYTES:
            raise UnreadableError(f"record {number}: an attribute list of {listed.size_bytes} bytes")
        content = listed.value if listed.value is not None else self.stream([listed]).read()
        found: list[Attribute] = []
        for other in listed_records(content, number):
            if number == _MFT and (other + 1) * self._record_bytes > self._table.size_bytes:
                continue  # the table is being put together, piece by piece
            record = self._record(other)
            if record.base != number or not record.flags & _IN_USE:
                raise UnreadableError(f"record {number}: record {other}, which should continue it, does not")
            found += record.attributes
        return found

    def stream(self, pieces: Sequence[Attribute]) -> BinaryIO:
        """The content that the pieces of an attribute describe, with an offset of its own.

        Raises:
            UnreadableError: They contradict each other, or lie outside the file system.
        """
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

    def runs(self, pieces: Sequence[Attribute]) -> list[Run]:
        """Where on the volume the content lies, compressed or not; nowhere if the record holds it."""
        content = joined(pieces)
        return [] if content.value is not None else byte_runs(content.runs, self.cluster_bytes, self.cluster_count)

    def first_byte(self, pieces: Sequence[Attribute]) -> int | None:
        """Where on the volume the content begins; None for a hole, what is compressed, or what the record holds."""
        if any(one.flags & _COMPRESSED for one in pieces):
            return None
        runs = self.runs(pieces)
        return runs[0].from_bytes if runs else None
