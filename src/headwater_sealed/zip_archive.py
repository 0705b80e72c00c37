"""Members of a zip archive by its central directory, each checked against its local header.

References:
    APPNOTE.TXT 6.3.10: end of central directory, ZIP64, extra fields.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from headwater_sealed.packed import Budget, Reads, Stream, unpacker, window
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.tar_archive import Member

__all__ = ["zip_members"]

_END = b"PK\x05\x06"
_LOCATOR64 = b"PK\x06\x07"
_END64 = b"PK\x06\x06"
_CENTRAL = b"PK\x01\x02"
_LOCAL = b"PK\x03\x04"
_END_BYTES = 22
_MAX_COMMENT_BYTES = 65_535
_MAX_DIRECTORY_BYTES = 1024 * 1024 * 1024
_ALL_32 = 0xFFFFFFFF
_ENCRYPTED = 1
_UNIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry of the central directory."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset_bytes: int
    entry_type: str
    modified_at_us: int | None


def zip_members(source: BinaryIO, budget: Budget) -> Iterator[Member]:
    """The members, in the order of the central directory.

    Raises:
        UnreadableError: It has no central directory, or after the members so far, that is damaged.
    """
    entries, first_bytes, damaged = _directory(source)
    taken = _overlapping(entries)
    for number, entry in enumerate(entries):
        reason = "its bytes are also another member's; neither is read" if number in taken else None
        yield _member(source, entry, first_bytes, reason, budget)
    if damaged is not None:
        raise UnreadableError(f"zip: {damaged}")


def _directory(source: BinaryIO) -> tuple[list[_Entry], int, str | None]:
    """The entries, where the archive begins in the source, and what is wrong with the directory."""
    size = source.seek(0, os.SEEK_END)
    tail_bytes = min(size, _END_BYTES + _MAX_COMMENT_BYTES)
    source.seek(size - tail_bytes)
    tail = source.read(tail_bytes)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise UnreadableError("zip: cut short: it has no central directory")
    end_at = size - tail_bytes + at
    count, directory_bytes, directory_at = struct.unpack_from("<HII", tail, at + 10)
    if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR64:
        source.seek(max(0, struct.unpack_from("<Q", tail, at - 12)[0]))
        record = source.read(56)
        if record[:4] == _END64 and len(record) == 56:
            count, directory_bytes, directory_at = struct.unpack_from("<QQQ", record, 32)
            end_at = struct.unpack_from("<Q", tail, at - 12)[0]
    first_bytes = end_at - directory_bytes - directory_at
    if first_bytes < 0 or directory_bytes > min(size, _MAX_DIRECTORY_BYTES):
        raise UnreadableError("zip: the central directory is damaged")
    source.seek(directory_at + first_bytes)
    directory = source.read(directory_bytes)
    entries: list[_Entry] = []
    position = 0
    while directory[position : position + 4] == _CENTRAL and position + 46 <= len(directory):
        entry, position = _entry(directory, position)
        entries.append(entry)
    if len(entries) != count and len(entries) & 0xFFFF != count:
        return entries, first_bytes, f"the central directory is damaged: {len(entries)} of {count} members are in it"
    return entries, first_bytes, None


def _entry(directory: bytes, at: int) -> tuple[_Entry, int]:
    made_by, _, flags, method = struct.unpack_from("<HHHH", directory, at + 4)
    crc, packed, size = struct.unpack_from("<III", directory, at + 16)
    name_bytes, extra_bytes, comment_bytes = struct.unpack_from("<HHH", directory, at + 28)
    attributes, offset = struct.unpack_from("<II", directory, at + 38)
    name = directory[at + 46 : at + 46 + name_bytes]
    extra = directory[at + 46 + name_bytes : at + 46 + name_bytes + extra_bytes]
    wide = [value for value in (size, packed, offset) if value == _ALL_32]
    modified_at_us = None
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == 1 and len(content) >= 8 * len(wide):
            values = iter(struct.unpack_from(f"<{len(wide)}Q", content))
            size, packed, offset = (next(values) if value == _ALL_32 else value for value in (size, packed, offset))
        elif kind == 0x5455 and len(content) >= 5 and content[0] & 1:
            # The only time in a zip archive that has a zone; the others are in the clock of whoever packed it.
            modified_at_us = struct.unpack_from("<i", content, 1)[0] * 1_000_000
    entry = _Entry(
        name=name,
        flags=flags,
        method=method,
        crc=crc,
        packed_bytes=packed,
        size_bytes=size,
        offset_bytes=offset,
        entry_type=_type_of(name, made_by >> 8, attributes >> 16),
        modified_at_us=modified_at_us,
    )
    return entry, at + 46 + name_bytes + extra_bytes + comment_bytes


def _type_of(name: bytes, system: int, mode: int) -> str:
    if system == _UNIX and stat.S_IFMT(mode):
        kinds = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
        kinds |= {stat.S_IFCHR: "device", stat.S_IFBLK: "device", stat.S_IFREG: "file"}
        return kinds.get(stat.S_IFMT(mode), "other")
    return "directory" if name.endswith(b"/") else "file"


def _overlapping(entries: list[_Entry]) -> set[int]:
    """The members whose packed bytes are also another's: no writer does that, and bombs are made so."""
    order = sorted(range(len(entries)), key=lambda number: (entries[number].offset_bytes, number))
    taken: set[int] = set()
    end_bytes, last = -1, -1
    for number in order:
        entry = entries[number]
        if entry.offset_bytes < end_bytes:
            taken |= {number, last}
        reach = entry.offset_bytes + 30 + len(entry.name) + entry.packed_bytes
        if reach > end_bytes:
            end_bytes, last = reach, number
    return taken


def _member(source: BinaryIO, entry: _Entry, first_bytes: int, reason: str | None, budget: Budget) -> Member:
    content: Reads | None = None
    if entry.entry_type == "file" and reason is None:
        if entry.flags & _ENCRYPTED:
            reason = "encrypted; its password is not asked for"
        else:
            try:
                content = _content(source, entry, first_bytes, budget)
            except UnreadableError as error:
                reason = error.reason
    return Member(
        name=entry.name,
        entry_type=entry.entry_type,
        size_bytes=min(entry.size_bytes, 2**63 - 1),
        modified_at_us=entry.modified_at_us,
        content=content,
        reason=reason,
    )


def _content(source: BinaryIO, entry: _Entry, first_bytes: int, budget: Budget) -> Stream:
    source.seek(first_bytes + entry.offset_bytes)
    header = source.read(30)
    if len(header) < 30 or header[:4] != _LOCAL:
        raise UnreadableError("its local header is not where the central directory says")
    method = struct.unpack_from("<H", header, 8)[0]
    name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
    name = source.read(name_bytes)
    if name != entry.name or method != entry.method:
        raise UnreadableError("its local header and the central directory disagree")
    budget.admit(entry.size_bytes)
    start = first_bytes + entry.offset_bytes + 30 + name_bytes + extra_bytes
    packed = Stream(window(source, start, entry.packed_bytes))
    unpacked = unpacker(entry.method, packed, budget)
    if unpacked is None:
        raise UnreadableError(f"packed by method {entry.method}, which is not read")
    return Stream(_checked(unpacked, entry))


def _checked(content: Reads, entry: _Entry) -> Iterator[bytes]:
    """The content, after which its size and its checksum must be right."""
    crc = done = 0
    while part := content.read(1024 * 1024):
        crc = zlib.crc32(part, crc)
        done += len(part)
        if done > entry.size_bytes:
            raise UnreadableError(f"unpacks to more than the {entry.size_bytes} bytes stated")
        yield part
    if done != entry.size_bytes:
        raise UnreadableError(f"unpacks to {done} bytes of {entry.size_bytes}")
    if crc != entry.crc:
        raise UnreadableError("its checksum is wrong")
