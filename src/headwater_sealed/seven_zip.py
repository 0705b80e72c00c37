"""Members of a 7z archive, in one pass: its folders are unpacked forward, and each member is a stretch of one.

References:
    7-Zip, DOC/7zFormat.txt, DOC/Methods.txt.
"""

from __future__ import annotations

import bz2
import lzma
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from headwater_sealed.packed import XZ_MEMORY_BYTES, Budget, Reads, Stream, window
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.seven_zip_header import Coder, Folder, SevenZipFile, parse_header, parse_streams
from headwater_sealed.tar_archive import Member

__all__ = ["seven_zip_members"]

_MAGIC = b"7z\xbc\xaf\x27\x1c"
_START_BYTES = 32
_MAX_HEADER_BYTES = 512 * 1024 * 1024
_PART_BYTES = 1024 * 1024
_HEADER, _PACKED_HEADER = 0x01, 0x17
_COPY, _LZMA, _LZMA2 = b"\x00", b"\x03\x01\x01", b"\x21"
_DEFLATE, _BZIP2, _DELTA = b"\x04\x01\x08", b"\x04\x02\x02", b"\x03"
_BRANCHES = {
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x04": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x06": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x07": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
    b"\x09": lzma.FILTER_SPARC,
}
_NOT_READ = {
    b"\x06\xf1\x07\x01": "encrypted; its password is not asked for",
    b"\x03\x04\x01": "packed by PPMd, which is not read",
    b"\x04\xf7\x11\x01": "packed by Zstandard, which is not read",
}


def seven_zip_members(source: BinaryIO, budget: Budget) -> Iterator[Member]:
    """The members, in the order of the header, each to be read before the next is asked for.

    Raises:
        UnreadableError: Its header is damaged, encrypted or not there.
    """
    raw = _header(source, budget)
    try:
        header = parse_header(raw)
    except (MemoryError, RecursionError, UnicodeError) as error:
        raise UnreadableError("7z: the header is damaged") from error
    streams = _streams(source, header.folders, budget)
    for file in header.files:
        content: Reads | None = None
        size, reason = 0, None
        if file.has_stream:
            found = next(streams, None)
            if found is None:
                raise UnreadableError("7z: the header names more members than there is content for")
            content, size, reason = found
        kind = _type_of(file)
        yield Member(
            name=file.name,
            entry_type=kind,
            size_bytes=min(size, 2**63 - 1),
            modified_at_us=file.modified_at_us,
            content=(content or Stream(iter(()))) if kind == "file" and reason is None else None,
            reason=reason,
        )


def _type_of(file: SevenZipFile) -> str:
    if stat.S_IFMT(file.mode):
        kinds = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
        kinds |= {stat.S_IFCHR: "device", stat.S_IFBLK: "device", stat.S_IFREG: "file"}
        return kinds.get(stat.S_IFMT(file.mode), "other")
    return "directory" if file.is_directory else "file"


def _header(source: BinaryIO, budget: Budget) -> bytes:
    """The header, unpacked, behind its first byte."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    start = source.read(_START_BYTES)
    if len(start) < _START_BYTES or not start.startswith(_MAGIC):
        raise UnreadableError("7z: cut short: it has no beginning")
    if zlib.crc32(start[12:]) != struct.unpack_from("<I", start, 8)[0]:
        raise UnreadableError("7z: the checksum of its beginning is wrong")
    offset, length, crc = struct.unpack_from("<QQI", start, 12)
    if length > _MAX_HEADER_BYTES or offset + length > size - _START_BYTES:
        raise UnreadableError("7z: cut short: its header is not there")
    source.seek(_START_BYTES + offset)
    raw = source.read(length)
    if zlib.crc32(raw) != crc:
        raise UnreadableError("7z: the checksum of its header is wrong")
    if not raw:
        return b"\0"  # an archive of nothing
    while raw[0] == _PACKED_HEADER:
        [folder, *_] = parse_streams(raw[1:]) or (Folder(reason="its header is packed in no folder"),)
        reason = folder.reason or _refusal(folder)
        if reason is not None or folder.size_bytes > _MAX_HEADER_BYTES:
            raise UnreadableError(f"7z: its header cannot be read: {reason or 'it is too large'}")
        whole = Stream(_unpacked(source, folder, budget))
        raw = b"".join(_checked(_Stretch(whole, folder.size_bytes), folder.crc))
        if not raw:
            break
    if raw[:1] != bytes([_HEADER]):
        raise UnreadableError("7z: its header is of a kind that there is not")
    return raw[1:]


def _streams(
    source: BinaryIO, folders: tuple[Folder, ...], budget: Budget
) -> Iterator[tuple[Reads | None, int, str | None]]:
    """For each member with content that content, its size, and why it cannot be read; what was left is gone over."""
    for folder in folders:
        reason = folder.reason or _refusal(folder)
        whole = Stream(_unpacked(source, folder, budget))
        for size, crc in zip(folder.sizes, folder.crcs, strict=True):
            if reason is not None:
                yield None, size, reason
                continue
            stretch = _Stretch(whole, size)
            yield Stream(_checked(stretch, crc)), size, None
            with suppress(UnreadableError):
                while stretch.read(_PART_BYTES):
                    pass
            if stretch.left:
                reason = "it lies behind a damaged place in what it is packed with"


def _refusal(folder: Folder) -> str | None:
    """Why a folder is not read; None if it is."""
    methods = [coder.method for coder in folder.coders]
    known = next((_NOT_READ[method] for method in methods if method in _NOT_READ), None)
    if known is not None or methods in ([_COPY], [_DEFLATE], [_BZIP2]):
        return known
    try:
        _filters(folder.coders)
    except UnreadableError as error:
        return error.reason
    return None


class _Stretch:
    """So many bytes of a folder, of which what one reader leaves another can go over."""

    def __init__(self, whole: Reads, size_bytes: int) -> None:
        self._whole = whole
        self._size_bytes = size_bytes
        self.left = size_bytes

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none only at the end.

        Raises:
            UnreadableError: The folder ends before.
        """
        if not self.left:
            return b""
        part = self._whole.read(self.left if size < 0 else min(size, self.left))
        if not part:
            raise UnreadableError(f"cut short: {self._size_bytes - self.left} of {self._size_bytes} bytes are there")
        self.left -= len(part)
        return part


def _checked(content: Reads, crc: int | None) -> Iterator[bytes]:
    """The content, after which its checksum must be right."""
    found = 0
    while part := content.read(_PART_BYTES):
        found = zlib.crc32(part, found)
        yield part
    if crc is not None and found != crc:
        raise UnreadableError("its checksum is wrong")


def _unpacked(source: BinaryIO, folder: Folder, budget: Budget) -> Iterator[bytes]:
    """What a folder unpacks to, no more than it states."""
    packed = Stream(window(source, _START_BYTES + folder.packed_offset_bytes, folder.packed_bytes))
    methods = [coder.method for coder in folder.coders]
    if methods == [_COPY]:
        parts = iter(lambda: packed.read(_PART_BYTES), b"")
    elif methods == [_DEFLATE]:
        parts = _inflated(packed)
    elif methods == [_BZIP2]:
        parts = _of_bzip2(packed)
    else:
        parts = _of_lzma(packed, _filters(folder.coders))
    left = folder.size_bytes
    try:
        for part in parts:
            kept = part[:left]
            left -= len(kept)
            budget.spend(len(kept))
            if kept:
                yield kept
            if not left:
                return
    except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as error:
        detail = " ".join(str(error).split())[:120]
        raise UnreadableError(f"7z: damaged behind {folder.size_bytes - left} unpacked bytes ({detail})") from error


def _filters(coders: tuple[Coder, ...]) -> list[dict[str, int]]:
    """The chain in the form of the library, from what comes out to what is packed."""
    chain: list[dict[str, int]] = []
    for coder in coders:
        if coder.method in _BRANCHES:
            chain.append({"id": _BRANCHES[coder.method]})
        elif coder.method == _DELTA:
            chain.append({"id": lzma.FILTER_DELTA, "dist": (coder.properties or b"\0")[0] + 1})
        elif coder.method == _LZMA2 and coder.properties:
            code = coder.properties[0]
            size = 0xFFFFFFFF if code >= 40 else (2 | code & 1) << (code // 2 + 11)
            chain.append({"id": lzma.FILTER_LZMA2, "dict_size": size})
        elif coder.method == _LZMA and len(coder.properties) == 5:
            code, size = struct.unpack("<BI", coder.properties)
            if code >= 9 * 5 * 5:
                raise UnreadableError("7z: properties of LZMA are damaged")
            names = {"lc": code % 9, "lp": code // 9 % 5, "pb": code // 45}
            chain.append({"id": lzma.FILTER_LZMA1, "dict_size": max(size, 4096), **names})
        else:
            raise UnreadableError(f"packed by method {coder.method.hex()}, which is not read in this place")
    last = chain[-1]["id"] if chain else None
    if last not in (lzma.FILTER_LZMA1, lzma.FILTER_LZMA2) or len(chain) > 3:
        raise UnreadableError("packed by a filter over a method under which it is not read")
    if chain[-1]["dict_size"] > XZ_MEMORY_BYTES:
        raise UnreadableError(f"unpacking it would take {chain[-1]['dict_size'] >> 20} MiB of memory")
    if last == lzma.FILTER_LZMA1 and len(chain) > 1:
        # Without a mark of its end, the last bytes of such a chain never come out of the library.
        raise UnreadableError("packed by LZMA under a filter, which is not read; unpack it with a validated tool")
    return chain


def _of_lzma(packed: Reads, filters: list[dict[str, int]]) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    fed = b""
    while not decoder.eof:
        part = decoder.decompress(fed, max_length=_PART_BYTES)
        fed = b""
        if part:
            yield part
        elif decoder.needs_input and not (fed := packed.read(_PART_BYTES)):
            return


def _of_bzip2(packed: Reads) -> Iterator[bytes]:
    decoder = bz2.BZ2Decompressor()
    fed = b""
    while True:
        if decoder.eof:
            fed = decoder.unused_data or packed.read(_PART_BYTES)
            if not fed:
                return
            decoder = bz2.BZ2Decompressor()
        part = decoder.decompress(fed, max_length=_PART_BYTES)
        fed = b""
        if part:
            yield part
        elif decoder.needs_input and not decoder.eof and not (fed := packed.read(_PART_BYTES)):
            return


def _inflated(packed: Reads) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-15)
    while part := packed.read(_PART_BYTES):
        while part:
            yield decoder.decompress(part, _PART_BYTES)
            part = decoder.unconsumed_tail
    yield decoder.flush()
