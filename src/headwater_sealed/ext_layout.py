"""Where the content of an ext inode lies: extent tree, block map, or the inode itself."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run

__all__ = ["MAX_RUNS", "block_map_runs", "extent_runs", "inline_content"]

MAX_RUNS = 4_000_000
"""A file of 16 TB in runs of 4 MB; more is an image made to exhaust the reader."""

_EXTENT_MAGIC = 0xF30A
_MAX_DEPTH = 5  # what the kernel allows
_INITIALISED_BLOCKS = 32768  # a longer extent is reserved, not written, and reads as zeros
_XATTR_MAGIC = 0xEA020000
_SYSTEM_INDEX = 7

_ReadBlock = Callable[[int], bytes]


def extent_runs(root: bytes, read_block: _ReadBlock, *, block_bytes: int) -> Iterator[Run]:
    """The runs of an extent tree, in order.

    Args:
        root: The 60 bytes in the inode.
        read_block: A block by its number.
        block_bytes: Size of a block.
    """
    seen: set[int] = set()

    def walk(content: bytes, depth_expected: int | None) -> Iterator[Run]:
        magic, entries, _maximum, depth = struct.unpack_from("<HHHH", content, 0)
        if magic != _EXTENT_MAGIC or depth > _MAX_DEPTH or depth_expected not in {None, depth}:
            raise UnreadableError("the extent tree is damaged")
        if 12 + entries * 12 > len(content):
            raise UnreadableError(f"an extent node claims {entries} entries")
        for index in range(entries):
            at = 12 + index * 12
            if depth:
                _first, low, high = struct.unpack_from("<IIH", content, at)
                child = high << 32 | low
                if child in seen:
                    raise UnreadableError(f"the extent tree runs in a circle at block {child}")
                seen.add(child)
                yield from walk(read_block(child), depth - 1)
                continue
            first, length, high, low = struct.unpack_from("<IHHI", content, at)
            if length > _INITIALISED_BLOCKS:
                continue
            yield Run(
                at_bytes=first * block_bytes,
                from_bytes=(high << 32 | low) * block_bytes,
                size_bytes=length * block_bytes,
            )

    yield from walk(root, None)


def _mapped(root: bytes, read_block: _ReadBlock, *, per_block: int, blocks: int) -> Iterator[tuple[int, int]]:
    """Pairs of block of the file and block of the volume, in order; a pointer of 0 is a hole of all it stands for."""
    pointers = struct.unpack("<15I", root)
    seen: set[int] = set()

    def walk(pointer: int, level: int, first: int) -> Iterator[tuple[int, int]]:
        if pointer == 0 or first >= blocks:
            return
        if level == 0:
            yield first, pointer
            return
        if pointer in seen:
            raise UnreadableError(f"the block map runs in a circle at block {pointer}")
        seen.add(pointer)
        step = per_block ** (level - 1)
        for index, child in enumerate(struct.unpack(f"<{per_block}I", read_block(pointer))):
            yield from walk(child, level - 1, first + index * step)

    for index in range(12):
        yield from walk(pointers[index], 0, index)
    first = 12
    for level in (1, 2, 3):
        yield from walk(pointers[11 + level], level, first)
        first += per_block**level


def block_map_runs(root: bytes, read_block: _ReadBlock, *, block_bytes: int, blocks: int) -> Iterator[Run]:
    """The runs of a block map, as ext2 and ext3 keep it, in order.

    Args:
        root: The 60 bytes in the inode.
        read_block: A block by its number.
        block_bytes: Size of a block.
        blocks: How many blocks the file has.
    """
    start = length = target = 0
    for at, block in _mapped(root, read_block, per_block=block_bytes // 4, blocks=blocks):
        if length and at == start + length and block == target + length:
            length += 1
            continue
        if length:
            yield Run(at_bytes=start * block_bytes, from_bytes=target * block_bytes, size_bytes=length * block_bytes)
        start, target, length = at, block, 1
    if length:
        yield Run(at_bytes=start * block_bytes, from_bytes=target * block_bytes, size_bytes=length * block_bytes)


def inline_content(raw: bytes, block: bytes) -> tuple[bytes, bytes]:
    """The two parts of content kept in the inode: its block field, and the attribute `system.data` behind it.

    Args:
        raw: The whole inode.
        block: Its block field, 60 bytes.
    """
    if len(raw) <= 132:
        return block, b""
    base = 128 + struct.unpack_from("<H", raw, 128)[0]
    if base + 4 > len(raw) or struct.unpack_from("<I", raw, base)[0] != _XATTR_MAGIC:
        return block, b""
    first = at = base + 4
    while at + 16 <= len(raw) and raw[at : at + 4] != b"\0\0\0\0":
        name_length, index, value_at, _inode, size = struct.unpack_from("<BBHII", raw, at)
        if index == _SYSTEM_INDEX and raw[at + 16 : at + 16 + name_length] == b"data":
            value = raw[first + value_at : first + value_at + size]
            if len(value) != size:
                raise UnreadableError("content kept in the inode reaches beyond it")
            return block, value
        at += 16 + (name_length + 3) // 4 * 4
    return block, b""
