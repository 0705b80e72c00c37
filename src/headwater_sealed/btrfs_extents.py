"""The extents of a Btrfs file: where its content lies, and how it is compressed."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import pyarrow as pa

from headwater_sealed.refusal import UnreadableError, refusing

__all__ = ["MAX_COMPRESSED_BYTES", "Extent", "decompressed", "parse_extent"]

MAX_COMPRESSED_BYTES = 1024 * 1024
"""Btrfs compresses 128 KiB at a time."""

_MAX_EXTENT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """One extent; `logical` of 0 is a hole, and `inline` is content kept in the tree.

    `size_bytes` of the file come from `inside_bytes` on of the `whole_bytes` that `stored_bytes` hold.
    """

    at_bytes: int
    size_bytes: int
    compression: int
    inline: bytes | None
    logical: int
    stored_bytes: int
    inside_bytes: int
    whole_bytes: int


def parse_extent(at_bytes: int, item: bytes) -> Extent:
    """One extent of a file from its item."""
    if len(item) < 21:
        raise UnreadableError("an extent is damaged")
    whole_bytes, compression, encryption, other, kind = struct.unpack_from("<8xQBBHB", item, 0)
    if encryption or other or compression not in {0, 1, 3}:
        what = "LZO" if compression == 2 else f"type {compression}"
        raise UnreadableError(f"content compressed by {what} is not read" if not encryption else "encrypted content")
    if kind == 0:
        if whole_bytes > MAX_COMPRESSED_BYTES:
            raise UnreadableError("an extent is damaged")
        return Extent(
            at_bytes=at_bytes, size_bytes=whole_bytes, compression=compression, inline=item[21:], logical=0,
            stored_bytes=len(item) - 21, inside_bytes=0, whole_bytes=whole_bytes,
        )  # fmt: skip
    if len(item) < 53 or kind not in {1, 2}:
        raise UnreadableError("an extent is damaged")
    logical, stored_bytes, inside_bytes, size_bytes = struct.unpack_from("<QQQQ", item, 21)
    limit = MAX_COMPRESSED_BYTES if compression else _MAX_EXTENT_BYTES
    if logical and (inside_bytes + size_bytes > whole_bytes or max(whole_bytes, stored_bytes) > limit):
        raise UnreadableError("an extent is damaged")
    return Extent(
        at_bytes=at_bytes, size_bytes=size_bytes, compression=compression, inline=None,
        logical=logical if kind == 1 else 0, stored_bytes=stored_bytes, inside_bytes=inside_bytes,
        whole_bytes=whole_bytes,
    )  # fmt: skip


def _frame_bytes(raw: bytes) -> int:
    """The length of the Zstandard frame, behind which the sector is filled up (RFC 8878, section 3.1.1)."""
    flags = raw[4]
    single = flags >> 5 & 1
    content_size = (single, 2, 4, 8)[flags >> 6]
    at = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + content_size
    last = False
    while not last and at + 3 <= len(raw):
        head = int.from_bytes(raw[at : at + 3], "little")
        last = bool(head & 1)
        at += 3 + (1 if head >> 1 & 3 == 1 else head >> 3)  # a run of one byte is stored as that byte
    return at + (4 if flags & 4 else 0)


def decompressed(kind: int, raw: bytes, size_bytes: int) -> bytes:
    """The content of a compressed extent."""
    with refusing("content does not decompress"):
        if kind == 1:
            content = zlib.decompressobj().decompress(raw, size_bytes)
        else:
            content = pa.CompressedInputStream(pa.BufferReader(raw[: _frame_bytes(raw)]), "zstd").read(size_bytes)
    return content.ljust(size_bytes, b"\0")  # the last extent of a file is rounded up to a sector
