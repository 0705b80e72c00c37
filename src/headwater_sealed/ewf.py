"""Expert Witness (E01) images: every structure and every chunk is checked against its stored checksum as it is read.

A reader that trusts the chunk table serves altered bytes of a tampered image without a word. Here a chunk whose
checksum differs is never served: reading it fails, and `verification` says which chunks fail and whether the digest
that the acquisition stored is the digest of the medium.

References:
    Joachim Metz, Expert Witness Compression Format specification (EWF-E01): file header, section descriptor, volume,
    table, hash and digest sections, Adler-32 checksums.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import View

__all__ = ["EWF_MAGIC", "EwfMedium", "Verification"]

EWF_MAGIC = b"EVF\x09\x0d\x0a\xff\x00"
_FILE_HEADER_BYTES = 13
_SECTION = struct.Struct("<16sQQ40xI")
_VOLUME = struct.Struct("<4xIIIQ")  # chunk count, sectors a chunk, bytes a sector, sectors of the medium
_TABLE = struct.Struct("<I4xQ4xI")  # entries, base offset, checksum
_COMPRESSED = 0x80000000
_MAX_CHUNK_BYTES = 64 * 1024 * 1024
_MAX_SECTIONS = 1_000_000
_CACHED_CHUNKS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the image says of itself, checked.

    Attributes:
        stored_md5: The digest the acquisition stored; None if it stored none.
        computed_md5: The digest of the medium as it is now; None if a part of it cannot be read.
        failure: Why the image is not what was acquired; None if nothing speaks against it.
    """

    stored_md5: str | None
    computed_md5: str | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    file_index: int
    entries_at: int
    count: int
    base: int
    data_end: int
    first_chunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    content: bytes | None
    fault: str | None


def _stored_chunk(raw: bytes, expected: int, where: str) -> _Chunk:
    content, checksum = raw[:expected], raw[expected:]
    if len(raw) != expected + 4:
        return _Chunk(content=None, fault=f"{where} is cut short")
    if zlib.adler32(content) != int.from_bytes(checksum, "little"):
        return _Chunk(content=content, fault=f"{where} fails its checksum")
    return _Chunk(content=content, fault=None)


def _compressed_chunk(raw: bytes, expected: int, limit: int, where: str) -> _Chunk:
    stream = zlib.decompressobj()  # checks the stream's own Adler-32 when it comes to its end
    try:
        content = stream.decompress(raw, limit + 1)
    except zlib.error:
        return _Chunk(content=None, fault=f"{where} does not decompress")
    if not stream.eof or not expected <= len(content) <= limit:
        return _Chunk(content=None, fault=f"{where} is not {expected} bytes long")
    return _Chunk(content=content[:expected], fault=None)


class EwfMedium(View):
    """The medium inside an E01 image, as a seekable file.

    Args:
        files: The segment files in order.

    Raises:
        UnreadableError: A structure is damaged, or a segment is missing or out of order.
    """

    def __init__(self, files: Sequence[BinaryIO]) -> None:
        super().__init__(0)
        self._files = tuple(files)
        self._sizes = tuple(file.seek(0, os.SEEK_END) for file in files)
        self._tables: list[_Table] = []
        self._stored_md5s: list[str] = []
        self._chunk_bytes = 0
        self._chunk_count = 0
        for index in range(len(self._files)):
            self._read_sections(index)
        if not self._chunk_bytes:
            raise UnreadableError("E01: no volume section")
        available = sum(table.count for table in self._tables)
        needed = -(-self.size_bytes // self._chunk_bytes)
        if available < needed:
            raise UnreadableError(f"E01: holds {available} of {needed} chunks; a segment file is missing or cut short")
        self._entries = lru_cache(8)(self._read_entries)
        self._cached = lru_cache(_CACHED_CHUNKS)(self._read_chunk)

    def _at(self, index: int, offset: int, length: int) -> bytes:
        self._files[index].seek(offset)
        content = self._files[index].read(length)
        if len(content) != length:
            raise UnreadableError(f"E01: segment {index + 1} ends at byte {self._sizes[index]}, inside a structure")
        return content

    def _read_sections(self, index: int) -> None:
        head = self._at(index, 0, _FILE_HEADER_BYTES)
        number = int.from_bytes(head[9:11], "little")
        if head[:8] != EWF_MAGIC:
            raise UnreadableError(f"E01: file {index + 1} is not a segment of an E01 image")
        if number != index + 1:
            raise UnreadableError(f"E01: file {index + 1} is segment {number}; give the segments in order, all of them")
        sectors_end = 0
        kind = ""
        for kind, offset, size in self._sections(index):
            start = offset + _SECTION.size
            if kind in {"volume", "disk"}:
                self._read_volume(index, start)
            elif kind == "sectors":
                sectors_end = offset + size
            elif kind == "table":
                self._read_table(index, offset, size, sectors_end)
            elif kind in {"hash", "digest"}:
                self._read_stored_digest(index, start, kind)
        last = index == len(self._files) - 1
        if kind == "done" and not last:
            raise UnreadableError(f"E01: the image ends with segment {index + 1}, more files were given")
        if kind == "next" and last:
            raise UnreadableError(f"E01: segment {index + 2} is missing")

    def _sections(self, index: int) -> Iterator[tuple[str, int, int]]:
        """Kind, offset and size of each section up to the one that closes the segment."""
        offset = _FILE_HEADER_BYTES
        for _ in range(_MAX_SECTIONS):
            raw = self._at(index, offset, _SECTION.size)
            label, following, size, checksum = _SECTION.unpack(raw)
            if zlib.adler32(raw[:-4]) != checksum:
                raise UnreadableError(f"E01: section at byte {offset} of segment {index + 1} fails its checksum")
            kind = label.rstrip(b"\0").decode("ascii", "replace")
            yield kind, offset, size
            if kind in {"done", "next"}:
                return
            if following <= offset:
                raise UnreadableError(f"E01: the sections of segment {index + 1} run in a circle at byte {offset}")
            offset = following
        raise UnreadableError(f"E01: segment {index + 1} has more than {_MAX_SECTIONS} sections")

    def _read_volume(self, index: int, start: int) -> None:
        if self._chunk_bytes:
            return
        self._chunk_count, sectors, sector_bytes, total = _VOLUME.unpack(self._at(index, start, _VOLUME.size))
        chunk_bytes = sectors * sector_bytes
        if not 0 < chunk_bytes <= _MAX_CHUNK_BYTES:
            raise UnreadableError(f"E01: chunks of {chunk_bytes} bytes (1 to {_MAX_CHUNK_BYTES} are read)")
        self._chunk_bytes = chunk_bytes
        # Early versions keep 32 bits here and zeros behind; a total of 0 means that only the chunks are counted.
        self.size_bytes = (total or self._chunk_count * sectors) * sector_bytes

    def _read_table(self, index: int, section: int, size: int, sectors_end: int) -> None:
        start = section + _SECTION.size
        raw = self._at(index, start, _TABLE.size)
        count, base, checksum = _TABLE.unpack(raw)
        if zlib.adler32(raw[:-4]) != checksum:
            raise UnreadableError(f"E01: table at byte {section} of segment {index + 1} fails its checksum")
        # The chunks lie in the `sectors` section before the table or, in early versions, behind it in the table.
        self._tables.append(
            _Table(
                file_index=index,
                entries_at=start + _TABLE.size,
                count=count,
                base=base,
                data_end=sectors_end or section + size,
                first_chunk=sum(table.count for table in self._tables),
            )
        )

    def _read_stored_digest(self, index: int, start: int, kind: str) -> None:
        # hash: MD5 and 16 unknown bytes; digest: MD5, SHA-1 and 40 of padding; each closed by a checksum.
        raw = self._at(index, start, 36 if kind == "hash" else 80)
        if zlib.adler32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            raise UnreadableError(f"E01: the stored digest at byte {start} of segment {index + 1} fails its checksum")
        if any(raw[:16]):
            self._stored_md5s.append(raw[:16].hex())

    def _read_entries(self, number: int) -> tuple[int, ...]:
        table = self._tables[number]
        raw = self._at(table.file_index, table.entries_at, table.count * 4)
        trailer = self._at(table.file_index, table.entries_at + table.count * 4, 4)
        if zlib.adler32(raw) != int.from_bytes(trailer, "little"):
            raise UnreadableError(
                f"E01: chunk table at byte {table.entries_at} of segment {table.file_index + 1} fails its checksum"
            )
        return struct.unpack(f"<{table.count}I", raw)

    def _read_chunk(self, number: int) -> _Chunk:
        which = bisect_right(self._tables, number, key=lambda table: table.first_chunk) - 1
        table = self._tables[which]
        try:
            entries = self._entries(which)
        except UnreadableError as error:
            return _Chunk(content=None, fault=error.reason)
        position = number - table.first_chunk
        start = table.base + (entries[position] & ~_COMPRESSED)
        where = f"chunk {number} at byte {start} of segment {table.file_index + 1}"
        expected = min(self._chunk_bytes, self.size_bytes - number * self._chunk_bytes)
        file = self._files[table.file_index]
        file.seek(start)
        if not entries[position] & _COMPRESSED:
            return _stored_chunk(file.read(expected + 4), expected, where)
        end = table.data_end
        if position + 1 < table.count:
            end = table.base + (entries[position + 1] & ~_COMPRESSED)
        # An incompressible chunk grows by little, so a larger distance to the next one is not the chunk's length.
        raw = file.read(max(0, min(end - start, self._chunk_bytes * 2 + 1024)))
        return _compressed_chunk(raw, expected, self._chunk_bytes, where)

    def verification(self) -> Verification:
        """The stored digest against the medium, read whole once, with every chunk's checksum."""
        needed = -(-self.size_bytes // self._chunk_bytes)
        digest = hashlib.md5(usedforsecurity=False)
        faults: list[str] = []
        complete = True
        for number in range(needed):
            chunk = self._read_chunk(number)
            if chunk.fault is not None:
                faults.append(chunk.fault)
            if chunk.content is None:
                complete = False
            else:
                digest.update(chunk.content)
        stored = self._stored_md5s[0] if self._stored_md5s else None
        computed = digest.hexdigest() if complete else None
        failure = None
        if faults:
            failure = f"{len(faults)} of {needed} chunks cannot be trusted; first: {faults[0]}"
        elif len(set(self._stored_md5s)) > 1:
            failure = f"two stored MD5s differ: {self._stored_md5s[0]} and {self._stored_md5s[1]}"
        elif stored is not None and stored != computed:
            failure = f"stored MD5 is {stored}, the medium's is {computed}"
        return Verification(stored_md5=stored, computed_md5=computed, failure=failure)

    def damaged(self) -> list[tuple[int, int]]:
        """Beginning and length on the medium of each chunk that cannot be trusted; reads the whole image."""
        size = self._chunk_bytes
        return [
            (number * size, min(size, self.size_bytes - number * size))
            for number in range(-(-self.size_bytes // size))
            if self._read_chunk(number).fault is not None
        ]

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of one chunk; a chunk that fails its checksum raises instead of being served."""
        number, inside = divmod(offset_bytes, self._chunk_bytes)
        chunk = self._cached(number)
        if chunk.fault is not None or chunk.content is None:
            raise UnreadableError(f"E01: {chunk.fault}")
        return chunk.content[inside : inside + length_bytes]
