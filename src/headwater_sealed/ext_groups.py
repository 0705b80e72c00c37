"""The groups of an ext file system: where their bitmaps and inodes lie, and what is in use."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headwater_sealed.ranges import Ranges, bit_ranges, ranges_of
from headwater_sealed.refusal import UnreadableError

__all__ = ["Group", "group_ranges", "parse_group"]

_SPARSE_SUPER, _GROUP_CHECKSUMS, _BIGALLOC, _METADATA_CHECKSUMS = 0x1, 0x10, 0x200, 0x400
_SPARSE_SUPER_2 = 0x200
_NO_BLOCK_BITMAP = 0x2
_MAX_GROUPS = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group: numbers of blocks, and its flags."""

    block_bitmap: int
    inode_bitmap: int
    inode_table: int
    flags: int


def parse_group(raw: bytes) -> Group:
    """A group from its descriptor of 32 or, with wide numbers, 64 bytes and more."""
    numbers = list(struct.unpack_from("<III", raw, 0))
    if len(raw) >= 64:
        numbers = [low | high << 32 for low, high in zip(numbers, struct.unpack_from("<III", raw, 32), strict=True)]
    return Group(
        block_bitmap=numbers[0],
        inode_bitmap=numbers[1],
        inode_table=numbers[2],
        flags=struct.unpack_from("<H", raw, 18)[0],
    )


def group_ranges(
    super_block: bytes, group: Callable[[int], Group], block: Callable[[int], bytes], *, block_count: int
) -> Iterator[Ranges]:
    """What is in use.

    Args:
        super_block: The super block.
        group: The group of a number.
        block: The block of a number.
        block_count: How many blocks the file system has.

    Raises:
        UnreadableError: A bitmap lies outside of the file system, or the super block is damaged.
    """
    first_block, log_block, log_unit, per_group, units = struct.unpack_from("<IIIII", super_block, 20)
    inodes_per_group = struct.unpack_from("<I", super_block, 40)[0]
    inode_bytes = struct.unpack_from("<H", super_block, 88)[0] or 128
    read_only = struct.unpack_from("<I", super_block, 100)[0]
    block_bytes = 1024 << log_block
    unit_bytes = 1024 << log_unit if read_only & _BIGALLOC else block_bytes
    count = -(-(block_count - first_block) // per_group)
    if count > _MAX_GROUPS or unit_bytes < block_bytes or log_unit > 20:
        raise UnreadableError("ext: the super block is damaged")
    has_flags = bool(read_only & (_GROUP_CHECKSUMS | _METADATA_CHECKSUMS))
    table_blocks = -(-inodes_per_group * inode_bytes // block_bytes)
    copies = _copied_blocks(super_block, count, block_bytes)
    own: list[tuple[int, int]] = [(0, first_block * block_bytes)]
    for number in range(count):
        found = group(number)
        start = first_block + number * per_group
        own += [(found.block_bitmap * block_bytes, block_bytes), (found.inode_bitmap * block_bytes, block_bytes)]
        own.append((found.inode_table * block_bytes, table_blocks * block_bytes))
        if _has_copy(super_block, number):
            own.append((start * block_bytes, copies * block_bytes))
        if has_flags and found.flags & _NO_BLOCK_BITMAP:
            continue
        size_bytes = min(per_group, block_count - start) * block_bytes
        bits = min(-(-size_bytes // unit_bytes), units if read_only & _BIGALLOC else per_group)
        yield bit_ranges(block(found.block_bitmap), count=bits, first_bytes=start * block_bytes, unit_bytes=unit_bytes)
    yield ranges_of(own)


def _copied_blocks(super_block: bytes, groups: int, block_bytes: int) -> int:
    """How many blocks a copy of the super block takes, with the descriptors and the room to grow behind it."""
    wide = struct.unpack_from("<I", super_block, 96)[0] & 0x80
    descriptor_bytes = max(32, struct.unpack_from("<H", super_block, 254)[0]) if wide else 32
    room = int(struct.unpack_from("<H", super_block, 206)[0])
    return 1 + -(-groups * descriptor_bytes // block_bytes) + room


def _has_copy(super_block: bytes, number: int) -> bool:
    """Whether the group begins with a copy of the super block."""
    compatible, _, read_only = struct.unpack_from("<III", super_block, 92)
    if number == 0:
        return True
    if compatible & _SPARSE_SUPER_2:
        return number in struct.unpack_from("<II", super_block, 588)
    if not read_only & _SPARSE_SUPER or number == 1:
        return True
    for base in (3, 5, 7):
        power = base
        while power < number:
            power *= base
        if power == number:
            return True
    return False
