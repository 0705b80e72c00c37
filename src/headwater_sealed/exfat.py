"""The file system exFAT, read from its structures; the checksums of its boot region and of every entry are checked.

References:
    Microsoft exFAT file system specification, revision 1.00.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from headwater_sealed.fat import DIRECTORY, Clusters, Place, unfit
from headwater_sealed.filesystem import Child, Listing, Node
from headwater_sealed.ranges import Ranges, bit_ranges, ranges_of
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run, RunView, buffered

__all__ = ["ExfatFilesystem"]


class ExfatFilesystem(Clusters):
    """An exFAT file system.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: It is none or is damaged.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        super().__init__(file, size_bytes)
        boot = self.read_at(0, 512)
        total, table_at, table_sectors, heap_at, self.cluster_count, self._root_cluster = struct.unpack_from(
            "<QIIIII", boot, 72
        )
        sector_log, cluster_log, self._tables = boot[108], boot[109], boot[110]
        if not 9 <= sector_log <= 12 or sector_log + cluster_log > 25:
            raise UnreadableError("exFAT: the boot sector is damaged")
        self.cluster_bytes = 1 << sector_log + cluster_log
        self.table_at, self.table_bytes = table_at << sector_log, table_sectors << sector_log
        self.heap_at = heap_at << sector_log
        self._check_boot(1 << sector_log)
        self.check_layout()
        self._second_is_active = bool(boot[106] & 1)
        if self._tables == 2 and self._second_is_active:
            self.table_at += self.table_bytes
        self.note_end(total << sector_log)

    def _check_boot(self, sector_bytes: int) -> None:
        region = self.read_at(0, 12 * sector_bytes)
        total = 0
        for at, value in enumerate(region[: 11 * sector_bytes]):
            if at not in {106, 107, 112}:  # flags and fill level change without it
                total = ((total & 1) << 31) + (total >> 1) + value & 0xFFFFFFFF
        if region[11 * sector_bytes : 11 * sector_bytes + 4] != total.to_bytes(4, "little"):
            raise UnreadableError("exFAT: the boot region fails its checksum")

    def allocated(self) -> Iterator[Ranges]:
        """What is in use, by the bitmap that the root directory names."""
        yield ranges_of([(0, self.heap_at)])
        root = self.root().handle
        assert isinstance(root, Place)
        found = [slot for _, slot in self.slots(self.runs(root, whole=True)) if slot[0] == 0x81]
        second = self._tables == 2 and self._second_is_active
        slot = next((one for one in found if one[1] & 1 == second), None)
        if slot is None:
            raise UnreadableError("exFAT: no bitmap of what is in use")
        cluster_number, size_bytes = struct.unpack_from("<IQ", slot, 20)
        if size_bytes * 8 < self.cluster_count:
            raise UnreadableError("exFAT: the bitmap of what is in use is too short")
        place = Place(cluster_number=cluster_number, size_bytes=size_bytes, valid_bytes=size_bytes)
        bitmap = RunView(self._file, self.runs(place), size_bytes)
        with buffered(bitmap) as file:
            used = file.read(-(-self.cluster_count // 8))
        yield bit_ranges(used, count=self.cluster_count, first_bytes=self.heap_at, unit_bytes=self.cluster_bytes)

    def root(self) -> Node:
        """The topmost directory."""
        place = Place(cluster_number=self._root_cluster, size_bytes=0, valid_bytes=0)
        return Node(entry_type="directory", size_bytes=0, modified_at_us=None, inode=None, links=None, handle=place)

    def listing(self, node: Node) -> Listing:
        """What a directory holds."""
        place = node.handle
        assert isinstance(place, Place)
        children: list[Child] = []
        reason = node.reason
        try:
            for child, damage in self._sets(self.runs(place, whole=node.inode is None)):
                children.extend([] if child is None else [child])
                reason = reason or damage
        except UnreadableError as error:
            reason = error.reason
        return Listing(children=children, reason=reason)

    def _sets(self, runs: list[Run]) -> Iterator[tuple[Child | None, str | None]]:
        slots = self.slots(runs)
        for at, slot in slots:
            if slot[0] == 0:
                return
            if slot[0] != 0x85:
                continue
            entries = [slot]
            while len(entries) <= slot[1] and (following := next(slots, None)) is not None:
                entries.append(following[1])
            try:
                yield _entry_set(b"".join(entries), at), None
            except UnreadableError as error:
                yield None, f"entry at byte {at} of the volume: {error.reason}"


def _entry_set(content: bytes, at: int) -> Child:
    total = 0
    for place, value in enumerate(content):
        if place not in {2, 3}:
            total = ((total & 1) << 15) + (total >> 1) + value & 0xFFFF
    if total != int.from_bytes(content[2:4], "little") or len(content) < 96 or content[32] != 0xC0:
        raise UnreadableError("the directory entry fails its checksum")
    units = b"".join(content[start + 2 : start + 32] for start in range(64, len(content), 32) if content[start] == 0xC1)
    name = units[: content[35] * 2].decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")
    reason = unfit(name)
    if reason:
        raise UnreadableError(reason)
    valid_bytes, cluster_number, size_bytes = struct.unpack_from("<Q4xIQ", content, 40)
    if valid_bytes > size_bytes:
        raise UnreadableError("the directory entry is damaged")
    is_directory = bool(content[4] & DIRECTORY)
    place_of = Place(
        cluster_number=cluster_number, size_bytes=size_bytes, valid_bytes=valid_bytes, together=bool(content[33] & 2)
    )
    return Child(
        name=name,
        node=Node(
            entry_type="directory" if is_directory else "file",
            size_bytes=size_bytes,
            modified_at_us=_exfat_time(content),
            inode=at,
            links=1,
            handle=place_of,
        ),
    )


def _exfat_time(content: bytes) -> int | None:
    """The time of the last change; None where the zone is not stored, or the time is none."""
    stamp, hundredths, zone = int.from_bytes(content[12:16], "little"), content[21], content[23]
    if not zone & 0x80:
        return None
    quarters = (zone & 0x7F) - (128 if zone & 0x40 else 0)
    try:
        local = datetime(
            1980 + (stamp >> 25), stamp >> 21 & 15, stamp >> 16 & 31, stamp >> 11 & 31, stamp >> 5 & 63,
            (stamp & 31) * 2, tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None
    moment = local - timedelta(minutes=15 * quarters) - datetime(1970, 1, 1, tzinfo=UTC)
    return moment // timedelta(microseconds=1) + min(hundredths, 199) * 10_000
