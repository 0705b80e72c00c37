"""The free space of an allocation group of XFS, from its tree by block number."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from headwater_sealed.crc32c import crc32c_without
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.xfs_layout import SuperBlock

__all__ = ["free_extents"]

_MAX_LEVELS = 9


def free_extents(head: bytes, block: Callable[[int], bytes], super_block: SuperBlock, group_blocks: int) -> np.ndarray:
    """Beginning and end of each free extent, in blocks of the group; shape (n, 2), int64, in order and apart.

    Args:
        head: The sector of the group that describes its free space.
        block: The block of that number in the group.
        super_block: Of the file system.
        group_blocks: How many blocks the group has.

    Raises:
        UnreadableError: The tree is damaged.
    """
    magic, root, levels = struct.unpack_from(">4s12xI8xI", head, 0)
    if magic != b"XAGF" or not 0 < levels <= _MAX_LEVELS:
        raise UnreadableError("XFS: the head of a group's free space is damaged")
    if super_block.has_checksums and crc32c_without(head, 216) != int.from_bytes(head[216:220], "little"):
        raise UnreadableError("XFS: the head of a group's free space fails its checksum")
    seen: set[int] = set()
    parts: list[bytes] = []

    def walk(number: int, level: int) -> None:
        if number in seen or number >= group_blocks:
            raise UnreadableError("XFS: the tree of free space is damaged")
        seen.add(number)
        content = block(number)
        head_bytes, count = _checked(content, level, has_checksums=super_block.has_checksums)
        if level == 0:
            parts.append(content[head_bytes : head_bytes + 8 * count])
            return
        room = (len(content) - head_bytes) // 12
        for child in struct.unpack_from(f">{count}I", content, head_bytes + 8 * room):
            walk(child, level - 1)

    walk(root, levels - 1)
    found = np.frombuffer(b"".join(parts), ">u4").reshape(-1, 2).astype(np.int64)
    found[:, 1] += found[:, 0]
    edges = found.reshape(-1)
    if len(edges) and (np.any(np.diff(edges) < 0) or edges[-1] > group_blocks):
        raise UnreadableError("XFS: the extents of free space are out of order")
    return found


def _checked(content: bytes, level: int, *, has_checksums: bool) -> tuple[int, int]:
    """Length of the head of a block of the tree, and its number of entries."""
    name, own, count = struct.unpack_from(">4sHH", content, 0)
    head_bytes = 56 if has_checksums else 16
    if name != (b"AB3B" if has_checksums else b"ABTB") or own != level:
        raise UnreadableError("XFS: the tree of free space is damaged")
    if has_checksums and crc32c_without(content, 52) != int.from_bytes(content[52:56], "little"):
        raise UnreadableError("XFS: the tree of free space fails its checksum")
    if count > (len(content) - head_bytes) // (12 if level else 8):
        raise UnreadableError("XFS: the tree of free space is damaged")
    return head_bytes, count
