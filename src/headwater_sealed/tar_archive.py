"""Members of a tar archive, read forward: ustar, pax, GNU long names, and the form before all of them.

References:
    POSIX.1-2017, pax: ustar and pax interchange formats. GNU tar manual, Basic Tar Format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headwater_sealed.packed import Reads, Stream, limited
from headwater_sealed.refusal import UnreadableError

__all__ = ["Member", "is_tar_header", "tar_members"]

_BLOCK_BYTES = 512
_MAX_EXTENSION_BYTES = 1024 * 1024
_TYPES = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "other",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "fifo",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of an archive.

    Attributes:
        name: As stored.
        entry_type: As for entries of a file system.
        size_bytes: As stated.
        modified_at_us: Microseconds since 1970, UTC, where the archive says so.
        content: Its content, to be read before the next member is asked for; None if it has none or cannot be read.
        reason: Why its content cannot be read.
    """

    name: bytes
    entry_type: str
    size_bytes: int
    modified_at_us: int | None
    content: Reads | None = None
    reason: str | None = None


def is_tar_header(block: bytes) -> bool:
    """Whether a block of 512 bytes is a header: its own checksum says so."""
    if len(block) < _BLOCK_BYTES or not block[0]:
        return False
    stated = _octal(block[148:156])
    if stated is None:
        return False
    rest = sum(block[:148]) + 8 * 0x20 + sum(block[156:_BLOCK_BYTES])
    return stated == rest


def _octal(field: bytes) -> int | None:
    """A number in a header; None if it is none."""
    if field[:1] and field[0] & 0x80:
        # Base 256, which GNU tar writes for what octal digits do not hold; negative ones are no size.
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else None
    text = field.strip(b" \0")
    if not text:
        return 0
    if text.strip(b"01234567"):
        return None
    return int(text, 8)


class _Blocks:
    """The source in whole blocks."""

    def __init__(self, source: Reads) -> None:
        self._source = source
        self.offset_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """As of any source, counted."""
        part = self._source.read(size)
        self.offset_bytes += len(part)
        return part

    def block(self) -> bytes:
        """The next block; shorter only where the source ends."""
        parts = b""
        while len(parts) < _BLOCK_BYTES and (part := self.read(_BLOCK_BYTES - len(parts))):
            parts += part
        return parts

    def skip(self, size_bytes: int) -> None:
        for _part in limited(self, size_bytes):
            pass


def tar_members(source: Reads) -> Iterator[Member]:
    """The members, in order; content that is not read is skipped.

    Raises:
        UnreadableError: After the members so far: a header is damaged, or the archive is cut short.
    """
    blocks = _Blocks(source)
    damaged: str | None = None
    extensions: dict[bytes, bytes] = {}
    while True:
        at = blocks.offset_bytes
        block = blocks.block()
        if not block.strip(b"\0"):
            if len(block) == _BLOCK_BYTES and not blocks.block().strip(b"\0"):
                break  # two empty blocks are the end
            if not block:
                damaged = damaged or "cut short: the two empty blocks at its end are missing"
                break
            continue
        if not is_tar_header(block):
            # What follows may be whole: headers stand on block boundaries and have a checksum.
            damaged = damaged or f"the header at byte {at} is damaged; members may be missing"
            if len(block) < _BLOCK_BYTES:
                break
            continue
        size = _octal(block[124:136])
        kind = block[156:157]
        if size is None:
            damaged = damaged or f"the size at byte {at} is damaged; members may be missing"
            continue
        if kind in {b"x", b"g", b"L", b"K"}:
            extensions |= _extension(blocks, kind, size)
            blocks.skip(-size % _BLOCK_BYTES)
            continue
        yield from _member(blocks, block, kind, size, extensions)
        extensions = {}
    if damaged is not None:
        raise UnreadableError(f"tar: {damaged}")


def _extension(blocks: _Blocks, kind: bytes, size_bytes: int) -> dict[bytes, bytes]:
    """What an extended header says of the next member."""
    if size_bytes > _MAX_EXTENSION_BYTES:
        blocks.skip(size_bytes)
        return {}
    content = b"".join(limited(blocks, size_bytes))
    if kind == b"L":
        return {b"path": content.rstrip(b"\0")}
    return _pax(content) if kind == b"x" else {}


def _pax(content: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    while content:
        length_text, _, _ = content.partition(b" ")
        if not length_text.isdigit() or not len(length_text) < int(length_text[:9]) <= len(content):
            break
        length = int(length_text)
        key, separator, value = content[len(length_text) + 1 : length].removesuffix(b"\n").partition(b"=")
        if separator:
            records[key] = value
        content = content[length:]
    return records


def _member(
    blocks: _Blocks, header: bytes, kind: bytes, size_bytes: int, extensions: dict[bytes, bytes]
) -> Iterator[Member]:
    name = header[:100].split(b"\0")[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].split(b"\0")[0]):
        name = prefix + b"/" + name
    name = extensions.get(b"path", name)
    stated = extensions.get(b"size", b"")
    if stated.isdigit():
        size_bytes = int(stated[:19])
    entry_type = _TYPES.get(kind, "other")
    if entry_type == "file" and name.endswith(b"/"):
        entry_type = "directory"
    modified_at_us = _modified_at_us(header, extensions)
    reason = None
    if kind == b"S" or any(key.startswith(b"GNU.sparse") for key in extensions):
        entry_type, reason = "file", "a sparse member of a tar archive is not read"
        extended = kind == b"S" and header[482]
        while extended:
            block = blocks.block()
            extended = block[504] if len(block) == _BLOCK_BYTES else 0
    has_content = entry_type == "file" or size_bytes
    # A hard link states the size of what it names, and has no content of its own.
    stored_bytes = 0 if kind in {b"1", b"2", b"3", b"4", b"5", b"6"} else size_bytes
    begin = blocks.offset_bytes
    content = Stream(limited(blocks, stored_bytes)) if has_content and reason is None else None
    yield Member(
        name=name,
        entry_type=entry_type,
        size_bytes=stored_bytes,
        modified_at_us=modified_at_us,
        content=content if entry_type == "file" else None,
        reason=reason,
    )
    read = blocks.offset_bytes - begin
    blocks.skip(max(stored_bytes - read, 0) + -stored_bytes % _BLOCK_BYTES)


def _modified_at_us(header: bytes, extensions: dict[bytes, bytes]) -> int | None:
    whole, _, fraction = extensions.get(b"mtime", b"").partition(b".")
    if whole.isdigit() and len(whole) < 13 and (not fraction or fraction.isdigit()):
        return int(whole) * 1_000_000 + int((fraction + b"000000")[:6])
    seconds = _octal(header[136:148])
    return None if not seconds or seconds >= 1 << 40 else seconds * 1_000_000
