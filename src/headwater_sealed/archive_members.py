"""The members of one archive, whatever its format, and one of them as a file for another reader."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, cast

from headwater_sealed.digesting import SNIFFED_BYTES, Digests
from headwater_sealed.packed import Budget, Reads, bzip2_stream, gzip_stream, xz_stream
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.seven_zip import seven_zip_members
from headwater_sealed.sniff import sniffed
from headwater_sealed.tar_archive import Member, tar_members
from headwater_sealed.zip_archive import zip_members

__all__ = ["ARCHIVE_FORMATS", "MAX_HELD_BYTES", "SOUGHT_IN", "MemberCursor", "members_of", "open_member"]

_KEPT_BYTES = 1024 * 1024
_MAX_UNPACKED_BYTES = 1 << 44


def members_of(name: str, source: Reads, head: bytes, whole: BinaryIO | None, budget: Budget) -> Iterator[Member]:
    """The members of an archive, each to be read before the next is asked for.

    Raises:
        UnreadableError: The format is not read; or after the members so far, it is damaged.
    """
    if name in _PACKED:
        yield Member(
            name=_gzip_name(head) if name == "gzip" else b"",
            entry_type="file",
            size_bytes=-1,
            modified_at_us=None,
            content=_PACKED[name](source, budget),
        )
    elif name == "tar":
        yield from tar_members(source)
    elif name == "zip":
        assert whole is not None
        yield from zip_members(whole, budget)
    elif name == "7z":
        assert whole is not None
        yield from seven_zip_members(whole, budget)
    else:
        raise UnreadableError(f"a {name} archive is not read; unpack it with a validated tool and add what comes out")


_PACKED: Mapping[str, Callable[[Reads, Budget], Reads]] = {
    "gzip": gzip_stream,
    "bzip2": bzip2_stream,
    "xz": xz_stream,
}
SOUGHT_IN = frozenset({"zip", "7z"})
ARCHIVE_FORMATS = frozenset({*_PACKED, *SOUGHT_IN, "tar"})
MAX_HELD_BYTES = 256 * 1024 * 1024


def _gzip_name(head: bytes) -> bytes:
    """The name that a gzip file states; empty if none. source: RFC 1952, section 2.3."""
    if len(head) < 10 or not head[3] & 8:
        return b""
    at = 10
    if head[3] & 4:
        at += 2 + int.from_bytes(head[10:12], "little")
    return head[at : head.find(b"\0", at)] if head.find(b"\0", at) >= 0 else b""


class MemberCursor:
    """Opens members of one archive; in the order of their places, one pass serves many.

    Args:
        source: The archive.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._size_bytes = source.seek(0, os.SEEK_END)
        self._levels: list[tuple[int, Iterator[Member]]] = []
        self._place: tuple[int, ...] = ()

    def stream(self, place: Sequence[int]) -> Reads:
        """The content of a member, forward only, until another one is asked for.

        Raises:
            UnreadableError: There is no such member, or it cannot be read.
        """
        wanted = tuple(place)
        # Behind the one that was last given, and not inside it, whose bytes have been handed out.
        if not self._place or wanted <= self._place or wanted[: len(self._place)] == self._place:
            self._levels, self._place = [], ()
        del self._levels[_shared(wanted[:-1], self._place[:-1]) + 1 :]
        if not self._levels:
            self._source.seek(0)
            head = self._source.read(SNIFFED_BYTES)
            self._source.seek(0)
            budget = Budget(source_bytes=self._size_bytes, max_bytes=_MAX_UNPACKED_BYTES, max_ratio=1 << 40)
            self._levels = [(-1, members_of(sniffed(head), self._source, head, self._source, budget))]
        content: Reads | None = None
        with refusing("the member cannot be reached"):
            for depth in range(len(self._levels) - 1, len(wanted)):
                content = self._at(depth, wanted[depth])
                if depth + 1 < len(wanted):
                    self._descend(content)
        self._place = wanted
        assert content is not None
        return content

    def _at(self, depth: int, number: int) -> Reads:
        at, members = self._levels[depth]
        for member in members:
            at += 1
            if at == number:
                self._levels[depth] = at, members
                if member.content is None:
                    raise UnreadableError(member.reason or f"it is a {member.entry_type}, not a file")
                return member.content
        raise UnreadableError("no such member")

    def _descend(self, content: Reads) -> None:
        inner = Digests(content)
        head = inner.peek()
        name = sniffed(head)
        budget = Budget(source_bytes=self._size_bytes, max_bytes=_MAX_UNPACKED_BYTES, max_ratio=1 << 40)
        whole = None
        if name in SOUGHT_IN:
            held = inner.hold(MAX_HELD_BYTES)
            if held is None:
                raise UnreadableError("the archive that holds it is too large to be sought in")
            whole = io.BytesIO(held)
        self._levels.append((-1, members_of(name, whole or inner, head, whole, budget)))


def _shared(left: Sequence[int], right: Sequence[int]) -> int:
    """How many of the first steps two places have in common."""
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


class _MemberFile(io.RawIOBase):
    """A member as a file: read forward as a stream; sought in, it is held in memory, up to a limit."""

    def __init__(self, begin: Callable[[], Reads]) -> None:
        super().__init__()
        self._begin = begin
        self._stream = begin()
        self._streamed = 0  # how far the stream has been read
        self._kept = bytearray()  # the first bytes, which readers look at more than once
        self._held: bytes | None = None
        self._at = 0

    def readable(self) -> bool:
        """True, always."""
        return True

    def seekable(self) -> bool:
        """True, always; a member too large to be held raises when it is tried."""
        return True

    def tell(self) -> int:
        """The offset."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new offset."""
        if whence == os.SEEK_END:
            target = len(self._whole()) + offset
        else:
            target = offset + (self._at if whence == os.SEEK_CUR else 0)
        if target < 0:
            raise ValueError(f"offset {target} lies before the beginning")
        kept = self._streamed == len(self._kept) and target <= self._streamed
        if self._held is None and target != self._streamed and not kept:
            self._whole()
        self._at = target
        return target

    def _whole(self) -> bytes:
        if self._held is None:
            self._held = b"".join(_up_to(self._begin(), MAX_HELD_BYTES))
        return self._held

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]  # typeshed asks for its own Buffer
        """The number of bytes read; 0 only at the end."""
        view = memoryview(buffer).cast("B")
        if self._held is not None:
            part = self._held[self._at : self._at + len(view)]
        elif self._at < len(self._kept):
            part = bytes(self._kept[self._at : self._at + len(view)])
        else:
            part = self._stream.read(len(view))
            if len(self._kept) == self._streamed and self._streamed < _KEPT_BYTES:
                self._kept += part
            self._streamed += len(part)
        view[: len(part)] = part
        self._at += len(part)
        return len(part)


def _up_to(source: Reads, limit_bytes: int) -> Iterator[bytes]:
    done = 0
    while part := source.read(1024 * 1024):
        done += len(part)
        if done > limit_bytes:
            raise UnreadableError(
                f"a member of more than {limit_bytes >> 20} MiB is not held in memory; unpack the archive and add it"
            )
        yield part


def open_member(cursor: MemberCursor, place: Sequence[int]) -> BinaryIO:
    """The content of a member as a file."""
    return cast("BinaryIO", io.BufferedReader(_MemberFile(lambda: cursor.stream(place)), 256 * 1024))
