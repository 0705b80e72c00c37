"""Packed streams, unpacked as they are read: gzip, bzip2, xz and raw deflate, forward only and within a budget.

References:
    RFC 1951, RFC 1952: deflate and gzip.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from headwater_sealed.refusal import UnreadableError

__all__ = [
    "XZ_MEMORY_BYTES",
    "Budget",
    "BudgetError",
    "Reads",
    "Stream",
    "bzip2_stream",
    "gzip_stream",
    "limited",
    "unpacker",
    "window",
    "xz_stream",
]

_READ_BYTES = 256 * 1024
_OUTPUT_BYTES = 1024 * 1024
XZ_MEMORY_BYTES = 512 * 1024 * 1024
"""A dictionary that takes more is not unpacked with."""

_GZIP = b"\x1f\x8b"
_SIGNATURE_BYTES = 6


class Reads(Protocol):
    """Something that bytes are read from, in order."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class BudgetError(UnreadableError):
    """More would be unpacked than is allowed, so nothing more of the whole archive is read."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """How much may be unpacked from one file, all archives in it together.

    Attributes:
        source_bytes: Size of the file.
        max_bytes: At most so much comes out of it.
        max_ratio: At most so many times its size, once `free_bytes` have come out.
        free_bytes: So much may come out of any file, however small.
        spent_bytes: What has come out.
    """

    source_bytes: int
    max_bytes: int
    max_ratio: int
    free_bytes: int = 256 * 1024 * 1024
    spent_bytes: int = field(default=0)

    def spend(self, size_bytes: int) -> None:
        """Counts what has been unpacked.

        Raises:
            BudgetError: It is too much.
        """
        self.spent_bytes += size_bytes
        if self.spent_bytes > self.max_bytes:
            raise BudgetError(f"unpacks to more than {self.max_bytes} bytes; what follows is not read")
        if self.spent_bytes > max(self.free_bytes, self.max_ratio * self.source_bytes):
            raise BudgetError(f"unpacks to more than {self.max_ratio} times its size; what follows is not read")

    def admit(self, stated_bytes: int) -> None:
        """Looks at the size that a member states before any of it is unpacked; the others are gone on with.

        Raises:
            UnreadableError: It is more than may be unpacked.
        """
        most = min(self.max_bytes, max(self.free_bytes, self.max_ratio * self.source_bytes))
        if self.spent_bytes + stated_bytes > most:
            raise UnreadableError(
                f"states {stated_bytes} bytes, more than {self.max_ratio} times the size of the file that holds it"
            )


class Stream:
    """A forward-only stream of the parts that a generator gives.

    Args:
        parts: Its content; an error raised there is raised by `read`.
    """

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none only at the end."""
        while self._at >= len(self._rest):
            part = next(self._parts, None)
            if part is None:
                return b""
            self._rest, self._at = part, 0
        end = len(self._rest) if size < 0 else min(len(self._rest), self._at + size)
        part = self._rest[self._at : end]
        self._at = end
        return part


def limited(source: Reads, size_bytes: int) -> Iterator[bytes]:
    """Exactly so many bytes of the source, in parts.

    Raises:
        UnreadableError: The source ends before.
    """
    left = size_bytes
    while left:
        part = source.read(min(left, _OUTPUT_BYTES))
        if not part:
            raise UnreadableError(f"cut short: {size_bytes - left} of {size_bytes} bytes are there")
        left -= len(part)
        yield part


def window(source: BinaryIO, start_bytes: int, size_bytes: int) -> Iterator[bytes]:
    """So many bytes from a place on; others may move the source meanwhile.

    Raises:
        UnreadableError: The source ends before.
    """
    done = 0
    while done < size_bytes:
        source.seek(start_bytes + done)
        part = source.read(min(1024 * 1024, size_bytes - done))
        if not part:
            raise UnreadableError(f"cut short: {done} of {size_bytes} packed bytes are there")
        done += len(part)
        yield part


class _Decompressor(Protocol):
    """What the decompressors of bzip2 and xz have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, part: bytes, /, max_length: int = -1) -> bytes: ...


class _Inflate:
    """zlib's decompressor in the form of the others."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, part: bytes, /, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + part, max(max_length, 0))


def _unpacked(
    source: Reads, name: str, begin: Callable[[], _Decompressor], again: Callable[[bytes], bool], budget: Budget
) -> Iterator[bytes]:
    """What one or more packed streams end to end unpack to."""
    done = 0
    packed = b""
    decompressor = begin()
    try:
        while True:
            part = decompressor.decompress(packed, max_length=_OUTPUT_BYTES)
            packed = b""
            if part:
                done += len(part)
                budget.spend(len(part))
                yield part
            if decompressor.eof:
                packed = _behind(source, name, decompressor.unused_data, again)
                if not packed:
                    return
                decompressor = begin()
            elif decompressor.needs_input:
                packed = source.read(_READ_BYTES)
                if not packed:
                    raise UnreadableError(f"{name}: cut short behind {done} unpacked bytes")
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        detail = " ".join(str(error).split())[:120]
        raise UnreadableError(f"{name}: damaged behind {done} unpacked bytes ({detail})") from error


def _behind(source: Reads, name: str, rest: bytes, again: Callable[[bytes], bool]) -> bytes:
    """The beginning of the next stream behind the end of one; empty where there is nothing, or zeros only."""
    while not rest.strip(b"\0") or len(rest) < _SIGNATURE_BYTES:
        more = source.read(_READ_BYTES)
        if not more:
            break
        # Zeros to the end of a block are how tapes and some writers fill up.
        rest = more if not rest.strip(b"\0") and more.strip(b"\0") == b"" else rest + more
    if not rest.strip(b"\0"):
        return b""
    if not again(rest):
        raise UnreadableError(f"{name}: something follows its end")
    return rest


def gzip_stream(source: Reads, budget: Budget) -> Stream:
    """What a gzip file unpacks to, all its parts end to end."""
    return Stream(_unpacked(source, "gzip", lambda: _Inflate(31), lambda rest: rest.startswith(_GZIP), budget))


def bzip2_stream(source: Reads, budget: Budget) -> Stream:
    """What a bzip2 file unpacks to."""
    return Stream(_unpacked(source, "bzip2", bz2.BZ2Decompressor, lambda rest: rest.startswith(b"BZh"), budget))


def xz_stream(source: Reads, budget: Budget) -> Stream:
    """What an xz file unpacks to."""
    return Stream(_unpacked(source, "xz", _xz, lambda rest: rest.startswith(b"\xfd7zXZ\0"), budget))


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


def unpacker(method: int, source: Reads, budget: Budget) -> Stream | None:
    """What a member of a zip archive unpacks to, by its method; None if that is not read.

    References:
        APPNOTE.TXT 6.3.10, 4.4.5 and 5.8.
    """
    if method == 0:
        return Stream(_counted(source, budget))
    if method == 8:
        return Stream(_unpacked(source, "deflate", lambda: _Inflate(-15), lambda _rest: False, budget))
    if method == 12:
        return Stream(_unpacked(source, "bzip2", bz2.BZ2Decompressor, lambda _rest: False, budget))
    if method == 14:
        return Stream(_lzma_member(source, budget))
    return None


def _counted(source: Reads, budget: Budget) -> Iterator[bytes]:
    while part := source.read(_OUTPUT_BYTES):
        budget.spend(len(part))
        yield part


def _lzma_member(source: Reads, budget: Budget) -> Iterator[bytes]:
    head = b""
    while len(head) < 9 and (part := source.read(9 - len(head))):
        head += part
    if len(head) < 9 or struct.unpack_from("<H", head, 2)[0] != 5:
        raise UnreadableError("lzma: its properties are damaged")
    code, dictionary_bytes = struct.unpack_from("<BI", head, 4)
    if code >= 9 * 5 * 5 or dictionary_bytes > XZ_MEMORY_BYTES:
        raise UnreadableError("lzma: its properties ask for too much memory, or are damaged")
    filters = [
        {
            "id": lzma.FILTER_LZMA1,
            "dict_size": max(dictionary_bytes, 4096),
            "lc": code % 9,
            "lp": code // 9 % 5,
            "pb": code // 45,
        }
    ]
    yield from _unpacked(
        source,
        "lzma",
        lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters),
        lambda _rest: False,
        budget,
    )
