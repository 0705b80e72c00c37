"""Fixed times and owners in an ext4 image, so that two images of the same folder are the same bytes.

Nothing here needs a checksum: the image is made without `metadata_csum`.

References:
    Layout of the super block, group descriptors and inodes: the kernel's Documentation/filesystems/ext4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from headwater.errors import ConfigError

__all__ = ["patch_image"]

_SUPER_AT = 1_024
_SUPER_BYTES = 1_024
_MAGIC = 0xEF53
_METADATA_CSUM = 0x400  # RO_COMPAT
_GDT_CSUM = 0x10  # RO_COMPAT
_SPARSE_SUPER = 0x1  # RO_COMPAT
_FIRST_OWN_INODE = 11  # lost+found; those before belong to the file system


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    block_bytes: int
    blocks: int
    blocks_per_group: int
    inodes: int
    inodes_per_group: int
    inode_bytes: int
    descriptor_bytes: int
    first_block: int

    @property
    def groups(self) -> int:
        return -(-(self.blocks - self.first_block) // self.blocks_per_group)


def _layout(image: Path, block: bytes) -> _Layout:
    (magic,) = struct.unpack_from("<H", block, 0x38)
    if magic != _MAGIC:
        raise ConfigError(f"{image}: mke2fs left no ext4 super block")
    (incompat, ro_compat) = struct.unpack_from("<II", block, 0x60)
    if ro_compat & (_METADATA_CSUM | _GDT_CSUM) or not ro_compat & _SPARSE_SUPER:
        raise ConfigError(f"{image}: mke2fs made a file system with checksums, although it was asked not to")
    inodes, blocks = struct.unpack_from("<II", block, 0x0)
    (first_block, log_block) = struct.unpack_from("<II", block, 0x14)
    (per_group,) = struct.unpack_from("<I", block, 0x20)
    (inodes_per_group,) = struct.unpack_from("<I", block, 0x28)
    (inode_bytes,) = struct.unpack_from("<H", block, 0x58)
    (descriptor_bytes,) = struct.unpack_from("<H", block, 0xFE)
    return _Layout(
        block_bytes=1_024 << log_block,
        blocks=blocks,
        blocks_per_group=per_group,
        inodes=inodes,
        inodes_per_group=inodes_per_group,
        inode_bytes=inode_bytes,
        descriptor_bytes=descriptor_bytes if incompat & 0x80 else 32,
        first_block=first_block,
    )


def _super_blocks(layout: _Layout) -> Iterator[int]:
    """Offsets of the super block and of its copies."""
    yield _SUPER_AT
    for group in range(1, layout.groups):
        if group == 1 or any(_is_power(group, base) for base in (3, 5, 7)):
            yield (layout.first_block + group * layout.blocks_per_group) * layout.block_bytes


def _is_power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1


def _inode_tables(file: BinaryIO, layout: _Layout) -> Iterator[int]:
    """Offsets of the inode tables, by group."""
    table_at = (layout.first_block + 1) * layout.block_bytes
    for group in range(layout.groups):
        file.seek(table_at + group * layout.descriptor_bytes)
        descriptor = file.read(layout.descriptor_bytes)
        (low,) = struct.unpack_from("<I", descriptor, 0x8)
        yield low * layout.block_bytes


def _patched_inode(inode: bytearray, number: int, created_at_s: int) -> None:
    """Fix the owner and the times of one inode; a file of the folder keeps its modification time."""
    if not any(inode):
        return
    (modified_at_s,) = struct.unpack_from("<I", inode, 0x10)
    at_s = modified_at_s if number > _FIRST_OWN_INODE else created_at_s
    struct.pack_into("<H", inode, 0x2, 0)  # owner, low half
    struct.pack_into("<H", inode, 0x18, 0)  # group, low half
    struct.pack_into("<HH", inode, 0x78, 0, 0)  # owner and group, high halves
    struct.pack_into("<III", inode, 0x8, at_s, at_s, at_s)  # access, change, modification
    (extra_bytes,) = struct.unpack_from("<H", inode, 0x80)
    if extra_bytes >= 0x1C:
        struct.pack_into("<III", inode, 0x84, 0, 0, 0)  # their fractions
        struct.pack_into("<II", inode, 0x90, at_s, 0)  # creation


def patch_image(image: Path, *, created_at_s: int, used_at_s: int) -> None:
    """Give all inodes and super blocks of an image fixed times, and everything to root.

    Args:
        image: An ext4 image as mke2fs leaves it, without checksums of metadata.
        created_at_s: When the file system was made, seconds since 1970 UTC.
        used_at_s: When it was last written.

    Raises:
        ConfigError: The image is not what mke2fs was asked for.
    """
    with image.open("r+b") as file:
        file.seek(_SUPER_AT)
        layout = _layout(image, file.read(_SUPER_BYTES))
        for offset in _super_blocks(layout):
            file.seek(offset)
            block = bytearray(file.read(_SUPER_BYTES))
            struct.pack_into("<II", block, 0x2C, 0, used_at_s)  # last mount (never), last write
            struct.pack_into("<I", block, 0x40, created_at_s)  # last check
            struct.pack_into("<I", block, 0x108, created_at_s)  # made
            struct.pack_into("<Q", block, 0x178, 0)  # kilobytes written in its life
            block[0x274:0x27A] = bytes(6)  # high bytes of write, mount, made, check and error times
            file.seek(offset)
            file.write(block)
        number = 0
        for table_at in _inode_tables(file, layout):
            file.seek(table_at)
            table = bytearray(file.read(layout.inodes_per_group * layout.inode_bytes))
            for start in range(0, len(table), layout.inode_bytes):
                number += 1
                inode = table[start : start + layout.inode_bytes]
                _patched_inode(inode, number, created_at_s)
                table[start : start + layout.inode_bytes] = inode
            file.seek(table_at)
            file.write(table)
