"""The partition table of a medium: MBR or GPT, by its spare table where the first one is damaged.

References:
    UEFI Specification 2.10, 5.3: GUID Partition Table Disk Layout.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from dissect.volume.disk import Disk
from dissect.volume.disk.partition import Partition
from dissect.volume.disk.schemes import GPT
from dissect.volume.exceptions import DiskError

from headwater_sealed.containers import Medium
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Window, buffered

__all__ = ["MAX_PARTITIONS", "found_in_spare", "partitions_of"]

MAX_PARTITIONS = 1024

_SECTOR_SIZES_BYTES = (512, 4096)


def _extent_bytes(partition: Partition, sector_bytes: int) -> tuple[int, int]:
    if isinstance(partition.disk, GPT) and hasattr(partition.raw, "last_lba"):
        # The last sector of a GPT partition belongs to it; the library leaves it out.
        return partition.offset, (partition.raw.last_lba - partition.raw.first_lba + 1) * sector_bytes
    return partition.offset, partition.size


def _table(file: BinaryIO, sector_bytes: int) -> list[tuple[int, int]] | None:
    try:
        disk = Disk(file, sector_size=sector_bytes)
    except DiskError:
        return None  # no table of any kind at this sector size
    return [_extent_bytes(partition, sector_bytes) for partition in disk.partitions]


def _spare_gpt(medium: Medium, sector_bytes: int) -> list[tuple[int, int]] | None:
    """The partitions of the table at the end of the medium; None if the first table is sound, or this one is not."""
    file = medium.file
    file.seek(0)
    head = file.read(512)
    if len(head) != 512 or 0xEE not in head[450:510:16] or head[510:] != b"\x55\xaa":
        return None
    if _gpt_header(file, sector_bytes) is not None:
        return None
    last = medium.size_bytes // sector_bytes * sector_bytes - sector_bytes
    header = _gpt_header(file, last)
    if header is None:
        return None
    array, count, size, stated = struct.unpack_from("<QIII", header, 72)
    if not 128 <= size <= 4096 or not 0 < count <= MAX_PARTITIONS:
        return None
    file.seek(array * sector_bytes)
    entries = file.read(count * size)
    if zlib.crc32(entries) != stated:
        return None
    found = []
    for at in range(0, len(entries), size):
        first, final = struct.unpack_from("<QQ", entries, at + 32)
        if any(entries[at : at + 16]) and first <= final:
            found.append((first * sector_bytes, (final - first + 1) * sector_bytes))
    return found


def _gpt_header(file: BinaryIO, at: int) -> bytes | None:
    """The header at that place; None if there is none whose signature and checksum are right."""
    file.seek(max(0, at))
    header = file.read(512)
    length = int.from_bytes(header[12:16], "little")
    if header[:8] != b"EFI PART" or not 92 <= length <= len(header):
        return None
    stated = int.from_bytes(header[16:20], "little")
    return header if zlib.crc32(header[:16] + bytes(4) + header[20:length]) == stated else None


def partitions_of(medium: Medium) -> list[tuple[int, int]] | None:
    """Offset and size of each partition; None if the medium has no partition table."""
    damage: UnreadableError | None = None
    for sector_bytes in _SECTOR_SIZES_BYTES:
        if (spare := _spare_gpt(medium, sector_bytes)) is not None:
            return spare
        try:
            with refusing("the partition table cannot be read"):
                found = _table(buffered(Window(medium.file, start_bytes=0, size_bytes=medium.size_bytes)), sector_bytes)
        except UnreadableError as error:
            damage = error
            continue
        if found is not None:
            return found
    if damage is not None:
        raise damage
    return None


def found_in_spare(medium: Medium) -> bool:
    """Whether the partitions are those of the table at the end, because the first one is damaged."""
    return any(_spare_gpt(medium, sector_bytes) for sector_bytes in _SECTOR_SIZES_BYTES)
