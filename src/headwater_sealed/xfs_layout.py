"""The structures of XFS: super block, inode, extents, directory blocks.

References:
    XFS Algorithms & Data Structures, 3rd edition: chapters 8 (allocation groups), 16 (inodes), 18 (data extents),
    20 (directories), 12 (self-describing metadata).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from headwater_sealed.crc32c import crc32c_without
from headwater_sealed.refusal import UnreadableError

__all__ = ["SuperBlock", "XfsInode", "block_names", "parse_inode", "parse_super", "short_names", "unpack_extent"]

# Features that change where things lie or what they mean; another one is refused by number.
_FTYPE, _META_UUID, _BIGTIME, _NEEDS_REPAIR, _NREXT64 = 0x1, 0x4, 0x8, 0x10, 0x20
_READ_FEATURES = _FTYPE | 0x2 | _META_UUID | _BIGTIME | _NREXT64 | 0x40 | 0x80
_INODE_BIGTIME, _INODE_NREXT64 = 0x8, 0x10
_REALTIME = 0x1
_DATA_MAGICS = {b"XD2D": (16, False), b"XD2B": (16, True), b"XDD3": (64, False), b"XDB3": (64, True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperBlock:
    """What the super block says; sizes in bytes, places in blocks."""

    block_bytes: int
    block_count: int
    group_blocks: int
    group_count: int
    group_bits: int
    sector_bytes: int
    inode_bytes: int
    inodes_per_block_bits: int
    directory_bytes: int
    root: int
    log_start: int
    log_blocks: int
    has_types: bool
    has_checksums: bool
    needs_repair: bool

    def linear(self, block: int) -> int:
        """The block's place on the volume, from its number, which names its allocation group in the high bits."""
        group, inside = block >> self.group_bits, block & (1 << self.group_bits) - 1
        number = group * self.group_blocks + inside
        if group >= self.group_count or inside >= self.group_blocks or number >= self.block_count:
            raise UnreadableError(f"block {block} lies outside the file system")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class XfsInode:
    """One inode; `fork` is its data fork, as it stands in the inode."""

    number: int
    mode: int
    fork_format: int
    links: int
    size_bytes: int
    modified_at_us: int
    extent_count: int
    is_realtime: bool
    fork: bytes


def parse_super(block: bytes) -> SuperBlock:
    """What the super block says.

    Raises:
        UnreadableError: It is damaged, or uses a feature that is not read.
    """
    if len(block) < 512 or block[:4] != b"XFSB":
        raise UnreadableError("XFS: no super block")
    block_bytes, block_count = struct.unpack_from(">IQ", block, 4)
    log_start, root = struct.unpack_from(">QQ", block, 48)
    group_blocks, group_count, _bitmap, log_blocks = struct.unpack_from(">IIII", block, 84)
    version, sector_bytes, inode_bytes, per_block = struct.unpack_from(">HHHH", block, 100)
    block_log, _sector_log, inode_log, per_block_log, group_log = struct.unpack_from(">5B", block, 120)
    directory_log = block[192]
    features2 = struct.unpack_from(">I", block, 200)[0] if version & 0x8000 else 0
    incompatible = 0
    number = version & 0xF
    if number not in {4, 5}:
        raise UnreadableError(f"XFS version {number} is not read")
    if number == 5:
        incompatible = struct.unpack_from(">I", block, 216)[0]
        if not 512 <= sector_bytes <= len(block) or crc32c_without(block[:sector_bytes], 224) != int.from_bytes(
            block[224:228], "little"
        ):
            raise UnreadableError("XFS: the super block fails its checksum")
    if incompatible & ~(_READ_FEATURES | _NEEDS_REPAIR):
        raise UnreadableError(f"XFS with feature bits {incompatible & ~_READ_FEATURES:#x} is not read")
    sound = (
        512 <= sector_bytes <= 32768 and sector_bytes.bit_count() == 1
        and 9 <= block_log <= 16 and block_bytes == 1 << block_log
        and 8 <= inode_log <= 11 and inode_bytes == 1 << inode_log
        and per_block == 1 << per_block_log and per_block * inode_bytes == block_bytes
        and 0 < group_blocks <= 1 << group_log <= 1 << 31
        and (group_count - 1) * group_blocks < block_count <= group_count * group_blocks
        and block_log + directory_log <= 16
    )  # fmt: skip
    if not sound:
        raise UnreadableError("XFS: the super block is damaged")
    return SuperBlock(
        block_bytes=block_bytes,
        block_count=block_count,
        group_blocks=group_blocks,
        group_count=group_count,
        group_bits=group_log,
        sector_bytes=sector_bytes,
        inode_bytes=inode_bytes,
        inodes_per_block_bits=per_block_log,
        directory_bytes=block_bytes << directory_log,
        root=root,
        log_start=log_start,
        log_blocks=log_blocks,
        has_types=bool(incompatible & _FTYPE if number == 5 else features2 & 0x200),
        has_checksums=number == 5,
        needs_repair=bool(incompatible & _NEEDS_REPAIR),
    )


def _microseconds(raw: bytes, *, big: bool) -> int:
    if big:  # nanoseconds since 1901-12-13, the least time of 32 bits
        return (int.from_bytes(raw, "big") - (1 << 31) * 1_000_000_000) // 1000
    seconds, nanoseconds = struct.unpack(">iI", raw)
    return int(seconds * 1_000_000 + nanoseconds // 1000)


def parse_inode(raw: bytes, number: int, super_block: SuperBlock) -> XfsInode:
    """One inode, whole.

    Raises:
        UnreadableError: It is none, not the one asked for, or damaged.
    """
    magic, mode, version, fork_format = struct.unpack_from(">2sHBB", raw, 0)
    if magic != b"IN":
        raise UnreadableError(f"inode {number} is not there")
    flags2 = 0
    if version == 3:
        if crc32c_without(raw, 100) != int.from_bytes(raw[100:104], "little"):
            raise UnreadableError(f"inode {number} fails its checksum")
        flags2, own = struct.unpack_from(">Q24xQ", raw, 120)
        if own != number:
            raise UnreadableError(f"inode {own} stands where {number} should")
    elif super_block.has_checksums or version not in {1, 2}:
        raise UnreadableError(f"inode {number} is of version {version}")
    if mode == 0:
        raise UnreadableError(f"inode {number} is not in use")
    literal = 176 if version == 3 else 100
    fork_end = literal + raw[82] * 8 if raw[82] else len(raw)
    if fork_end > len(raw):
        raise UnreadableError(f"inode {number} is damaged")
    wide = flags2 & _INODE_NREXT64
    return XfsInode(
        number=number,
        mode=mode,
        fork_format=fork_format,
        links=struct.unpack_from(">H", raw, 6)[0] if version == 1 else struct.unpack_from(">I", raw, 16)[0],
        size_bytes=struct.unpack_from(">Q", raw, 56)[0],
        modified_at_us=_microseconds(raw[40:48], big=bool(flags2 & _INODE_BIGTIME)),
        extent_count=struct.unpack_from(">Q", raw, 24)[0] if wide else struct.unpack_from(">I", raw, 76)[0],
        is_realtime=bool(struct.unpack_from(">H", raw, 90)[0] & _REALTIME),
        fork=raw[literal:fork_end],
    )


def unpack_extent(raw: bytes) -> tuple[int, int, int, bool]:
    """First block of the file, first block of the volume, how many, and whether they were reserved but not written."""
    packed = int.from_bytes(raw, "big")
    return packed >> 73 & (1 << 54) - 1, packed >> 21 & (1 << 52) - 1, packed & (1 << 21) - 1, bool(packed >> 127)


def _checked(name: bytes) -> bytes:
    if not name or b"/" in name or b"\0" in name:
        raise UnreadableError("a name that no file can have")
    return name


def short_names(fork: bytes, *, has_types: bool) -> list[tuple[bytes, int]]:
    """Names and inode numbers of a directory kept in its inode."""
    count, wide = fork[0], fork[1]
    number_bytes = 8 if wide else 4
    at = 2 + number_bytes
    names: list[tuple[bytes, int]] = []
    for _ in range(count):
        if at >= len(fork):
            raise UnreadableError("the directory is damaged")
        start = at + 3
        end = start + fork[at] + (1 if has_types else 0)
        if end + number_bytes > len(fork):
            raise UnreadableError("the directory is damaged")
        number = int.from_bytes(fork[end : end + number_bytes], "big")
        names.append((_checked(fork[start : start + fork[at]]), number))
        at = end + number_bytes
    return names


def _entries_bounds(block: bytes, owner: int) -> tuple[int, int]:
    if block[:4] not in _DATA_MAGICS:
        raise UnreadableError("no directory block")
    at, whole = _DATA_MAGICS[block[:4]]
    if at == 64:
        if crc32c_without(block, 4) != int.from_bytes(block[4:8], "little"):
            raise UnreadableError("the directory block fails its checksum")
        if int.from_bytes(block[40:48], "big") != owner:
            raise UnreadableError("the block belongs to another directory")
    end = len(block)
    if whole:  # the hashes of the names stand at the end, counted in the last eight bytes
        end -= 8 + 8 * int.from_bytes(block[-8:-4], "big")
    return at, end


def block_names(block: bytes, *, has_types: bool, owner: int) -> list[tuple[bytes, int]]:
    """Names and inode numbers in one block of a directory.

    Raises:
        UnreadableError: The block is damaged, or belongs to another directory.
    """
    at, end = _entries_bounds(block, owner)
    names: list[tuple[bytes, int]] = []
    while at < end:
        if block[at : at + 2] == b"\xff\xff":
            length = int.from_bytes(block[at + 2 : at + 4], "big")
        else:
            name_length = block[at + 8] if at + 8 < end else 0
            length = (8 + 1 + name_length + (1 if has_types else 0) + 2 + 7) // 8 * 8
        if length < 8 or length % 8 or at + length > end:
            raise UnreadableError("the directory block is damaged")
        if block[at : at + 2] != b"\xff\xff":
            name = block[at + 9 : at + 9 + name_length]
            if name not in {b".", b".."}:
                names.append((_checked(name), int.from_bytes(block[at : at + 8], "big")))
        at += length
    return names
