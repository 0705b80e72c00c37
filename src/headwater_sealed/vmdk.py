"""VMDK images: sparse and stream-optimised extents, flat ones, and several of them put together by a descriptor.

References:
    VMware, Virtual Disk Format 5.0: hosted sparse extents, compressed grains, the text descriptor.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import View, Window

__all__ = ["DESCRIPTOR_MAGIC", "SPARSE_MAGIC", "open_vmdk"]

SPARSE_MAGIC = b"KDMV"
DESCRIPTOR_MAGIC = b"# Disk Desc"
_SECTOR_BYTES = 512
_HEADER = struct.Struct("<4xIIQQQQIQQQ")
_COMPRESSED, _MARKERS, _ZEROED = 0x10000, 0x20000, 0x4
_AT_END = 2**64 - 1
_MAX_DESCRIPTOR_BYTES = 1024 * 1024
_MAX_TABLES = 1 << 20
_EXTENT = re.compile(r'^(?:RW|RDONLY)\s+(\d+)\s+(\w+)(?:\s+"([^"]+)")?(?:\s+(\d+))?\s*$')
_FLAT_KINDS, _SPARSE_KINDS = frozenset({"FLAT", "VMFS"}), frozenset({"SPARSE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """One line of the descriptor."""

    size_bytes: int
    kind: str
    name: str | None
    skipped_bytes: int


class _SparseExtent(View):
    """The medium in one sparse file; what no grain holds reads as zeros."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file_bytes = file.seek(0, os.SEEK_END)
        header = self._at(0, 512)
        if header[:4] != SPARSE_MAGIC:
            raise UnreadableError("VMDK: a file is no sparse extent")
        fields = _HEADER.unpack_from(header)
        if fields[9] == _AT_END or fields[8] == _AT_END:
            header = self._at(self._file_bytes - 1024, 512)  # written as a stream: the header is repeated at the end
            if header[:4] != SPARSE_MAGIC:
                raise UnreadableError("VMDK: the image is cut short; the footer of the stream is missing")
            fields = _HEADER.unpack_from(header)
        version, self._flags, capacity, grain, descriptor_at, descriptor_size, per_table, spare, directory = fields[:9]
        if version not in {1, 2, 3} or not grain or not 0 < per_table <= 4096 or grain > 65536 or not capacity:
            raise UnreadableError("VMDK: the header of an extent is damaged")
        self._grain_bytes = grain * _SECTOR_BYTES
        self._per_table = per_table
        tables = -(-capacity // (grain * per_table))
        if tables > _MAX_TABLES:
            raise UnreadableError(f"VMDK: {tables} tables")
        self._directory = struct.unpack(f"<{tables}I", self._at(directory * _SECTOR_BYTES, tables * 4))
        self._spare: tuple[int, ...] | None = None
        if self._flags & 2 and spare:
            self._spare = struct.unpack(f"<{tables}I", self._at(spare * _SECTOR_BYTES, tables * 4))
        length = min(descriptor_size * _SECTOR_BYTES, _MAX_DESCRIPTOR_BYTES)
        self.descriptor = self._at(descriptor_at * _SECTOR_BYTES, length).split(b"\0")[0] if descriptor_at else b""
        self._table = lru_cache(256)(self._read_table)
        self._grain = lru_cache(16)(self._read_grain)
        super().__init__(capacity * _SECTOR_BYTES)

    def _at(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > self._file_bytes:
            raise UnreadableError(f"VMDK: the image ends at byte {self._file_bytes}, inside a structure")
        self._file.seek(offset)
        return self._file.read(length)

    def _read_table(self, number: int) -> tuple[int, ...]:
        at = self._directory[number]
        if not at:
            return ()
        return struct.unpack(f"<{self._per_table}I", self._at(at * _SECTOR_BYTES, self._per_table * 4))

    def _read_grain(self, sector: int, number: int) -> bytes:
        at = sector * _SECTOR_BYTES
        head = self._at(at, 12 if self._flags & _MARKERS else 4)
        if self._flags & _MARKERS and int.from_bytes(head[:8], "little") * _SECTOR_BYTES != number * self._grain_bytes:
            raise UnreadableError(f"VMDK: the grain at byte {at} belongs elsewhere")
        stream = zlib.decompressobj()
        try:
            raw = self._at(at + len(head), int.from_bytes(head[-4:], "little"))
            content = stream.decompress(raw, self._grain_bytes + 1)
        except zlib.error:
            raise UnreadableError(f"VMDK: the grain at byte {at} does not decompress") from None
        expected = min(self._grain_bytes, self.size_bytes - number * self._grain_bytes)
        if not stream.eof or not expected <= len(content) <= self._grain_bytes:
            raise UnreadableError(f"VMDK: the grain at byte {at} has {len(content)} of {expected} bytes")
        return content

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of one grain."""
        number, inside = divmod(offset_bytes, self._grain_bytes)
        length = min(length_bytes, self._grain_bytes - inside)
        table, index = divmod(number, self._per_table)
        entries = self._table(table)
        sector = entries[index] if entries else 0
        if sector == 0 or (sector == 1 and self._flags & _ZEROED):
            return bytes(length)
        if self._flags & _COMPRESSED:
            return self._grain(sector, number)[inside : inside + length]
        return self._at(sector * _SECTOR_BYTES + inside, length)


class _Zeros(View):
    """An extent that the descriptor says holds zeros."""

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Zeros."""
        del offset_bytes
        return bytes(min(length_bytes, 1 << 20))


class _Joined(View):
    """Extents one behind the other."""

    def __init__(self, parts: Sequence[View]) -> None:
        super().__init__(sum(part.size_bytes for part in parts))
        self._parts = tuple(parts)

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of the one extent that the offset lies in."""
        for part in self._parts:
            if offset_bytes < part.size_bytes:
                return part.part(offset_bytes, min(length_bytes, part.size_bytes - offset_bytes))
            offset_bytes -= part.size_bytes
        raise UnreadableError("VMDK: behind the last extent")


def _stated(descriptor: bytes) -> list[_Stated]:
    found = []
    parent = re.search(rb"^\s*parentCID\s*=\s*\"?([0-9A-Fa-f]+)", descriptor, re.MULTILINE)
    if parent is not None and parent[1].lower() != b"ffffffff":
        raise UnreadableError("VMDK: it rests on a parent disk; merge it first")
    for line in descriptor.decode("utf-8", "surrogateescape").splitlines():
        words = _EXTENT.match(line.strip())
        if words is not None:
            found.append(
                _Stated(
                    size_bytes=int(words[1]) * _SECTOR_BYTES,
                    kind=words[2],
                    name=words[3],
                    skipped_bytes=int(words[4] or 0) * _SECTOR_BYTES,
                )
            )
        elif line.startswith(("RW ", "RDONLY ", "NOACCESS ")):
            raise UnreadableError("VMDK: the descriptor names an extent in words that are not known here")
    return found


def _opened(stated: _Stated, file: BinaryIO) -> View:
    name = stated.name or "an extent"
    if stated.kind in _SPARSE_KINDS:
        extent = _SparseExtent(file)
        if extent.size_bytes != stated.size_bytes:
            raise UnreadableError(
                f"VMDK: {name} holds {extent.size_bytes} bytes, its descriptor says {stated.size_bytes}"
            )
        return extent
    if stated.kind in _FLAT_KINDS:
        there = file.seek(0, os.SEEK_END)
        if there < stated.skipped_bytes + stated.size_bytes:
            raise UnreadableError(f"VMDK: {name} has {there} bytes, its descriptor says {stated.size_bytes}")
        return Window(file, start_bytes=stated.skipped_bytes, size_bytes=stated.size_bytes)
    raise UnreadableError(f"VMDK: an extent of type {stated.kind} is not read")


def _by_descriptor(descriptor: bytes, others: Sequence[BinaryIO], named: Mapping[str, BinaryIO]) -> View:
    """The extents put together; files without names are taken in the order given."""
    extents = _stated(descriptor)
    wanted = [extent.name for extent in extents if extent.kind != "ZERO"]
    if not wanted:
        raise UnreadableError("VMDK: the descriptor names no extent")
    missing = [name for name in wanted if name not in named] if named else wanted[len(others) :]
    if missing:
        raise UnreadableError(f"a VMDK descriptor without its extents holds no medium: {missing[0]!r} was not given")
    unnamed = iter(others)
    parts: list[View] = []
    for extent in extents:
        if extent.kind == "ZERO":
            parts.append(_Zeros(extent.size_bytes))
        else:
            parts.append(_opened(extent, named[extent.name or ""] if named else next(unnamed)))
    return _Joined(parts)


def open_vmdk(files: Sequence[BinaryIO], names: Sequence[str] = ()) -> View:
    """The medium in the image.

    Args:
        files: One file that holds all, or the descriptor and its extents.
        names: Their names, in the same order; without them the extents are taken in the order of the descriptor.

    Raises:
        UnreadableError: The image is damaged, a file is missing, or it rests on another image.
    """
    heads = []
    for file in files:
        file.seek(0)
        heads.append(file.read(len(DESCRIPTOR_MAGIC)))
    if DESCRIPTOR_MAGIC in heads:
        at = heads.index(DESCRIPTOR_MAGIC)
        files[at].seek(0)
        descriptor = files[at].read(_MAX_DESCRIPTOR_BYTES)
        others = [file for number, file in enumerate(files) if number != at]
        # Only the last part of a name counts: the descriptor's may have been made in another folder.
        named = dict(zip((re.split(r"[\\/]", name)[-1] for name in names), files, strict=False))
        return _by_descriptor(descriptor, others, named)
    if len(files) != 1:
        raise UnreadableError(f"{len(files)} VMDK files without their descriptor are not put together")
    extent = _SparseExtent(files[0])
    stated = _stated(extent.descriptor)
    if len(stated) > 1 or (not stated and not extent.descriptor and extent.size_bytes == 0):
        raise UnreadableError("VMDK: one of several extents holds no medium; give the descriptor and all of them")
    return extent
