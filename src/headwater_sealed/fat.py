"""The file systems FAT 12, 16 and 32, read from their structures, and what exFAT has in common with them.

FAT keeps local times without a zone, so its files have no time here: a guess would be an hour or half a day wrong.

References:
    ECMA-107; Microsoft FAT32 File System Specification, 2000.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from headwater_sealed.filesystem import Child, Listing, Node
from headwater_sealed.ranges import Ranges, bit_ranges, ranges_of
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run, RunView, Window, buffered, exactly

__all__ = ["DIRECTORY", "Clusters", "FatFilesystem", "Place", "unfit"]

_MAX_DIRECTORY_BYTES = 256 * 1024 * 1024
DIRECTORY = 0x10
"""The bit of an entry that says so."""
_LABEL, _LONG_NAME = 0x08, 0x0F


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where content lies: its first cluster, its sizes, and whether its clusters lie together."""

    cluster_number: int
    size_bytes: int
    valid_bytes: int
    together: bool = False


class Clusters:
    """What both have: clusters, chained by a table."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self.bits = 32
        self.table_at = self.table_bytes = self.heap_at = self.cluster_bytes = self.cluster_count = 0
        self.remarks: list[str] = []

    @property
    def remark(self) -> str | None:
        """What the reader should know although it is read."""
        return "; ".join(self.remarks) or None

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Exactly so many bytes of the volume."""
        return exactly(self._file, offset_bytes, length_bytes)

    def note_end(self, whole_bytes: int) -> None:
        """Remarks on a volume that is too short for the file system."""
        if whole_bytes > self._size_bytes:
            self.remarks.append(f"the file system has {whole_bytes} bytes, the volume {self._size_bytes}")

    def check_layout(self) -> None:
        """Refuses sizes that cannot be."""
        if not self.cluster_bytes or self.cluster_count <= 0:
            raise UnreadableError("FAT: the boot sector is damaged")
        if (self.cluster_count + 2) * self.bits > self.table_bytes * 8:
            raise UnreadableError("FAT: the allocation table is too short for the clusters")

    def _following(self, cluster_number: int, table: BinaryIO) -> int | None:
        """The next cluster of the chain; None at its end."""
        if self.bits == 12:
            table.seek(cluster_number * 3 // 2)
            value = int.from_bytes(table.read(2), "little") >> (4 if cluster_number % 2 else 0) & 0xFFF
        else:
            table.seek(cluster_number * self.bits // 8)
            value = int.from_bytes(table.read(self.bits // 8), "little")
            value &= 0x0FFFFFFF if isinstance(self, FatFilesystem) else 0xFFFFFFFF
        top = {12: 0xFFF, 16: 0xFFFF}.get(self.bits, 0x0FFFFFFF if isinstance(self, FatFilesystem) else 0xFFFFFFFF)
        if value >= top - 7:
            return None
        return value

    def _chain(self, place: Place, *, whole: bool) -> Iterator[int]:
        """The clusters of the content; for a directory of FAT, which has no size, up to the end of the chain."""
        needed = -(-place.size_bytes // self.cluster_bytes)
        cluster_number: int | None = place.cluster_number
        table = buffered(Window(self._file, start_bytes=self.table_at, size_bytes=self.table_bytes))
        count = 0
        while whole or count < needed:
            if cluster_number is None:
                if whole:
                    return
                raise UnreadableError(f"the chain of clusters ends after {count} of {needed}")
            if not 2 <= cluster_number < self.cluster_count + 2:
                raise UnreadableError(f"cluster {cluster_number} is free or lies outside the file system")
            if count >= self.cluster_count:
                raise UnreadableError("the chain of clusters runs in a circle")
            yield cluster_number
            count += 1
            cluster_number = cluster_number + 1 if place.together else self._following(cluster_number, table)

    def runs(self, place: Place, *, whole: bool = False) -> list[Run]:
        """Where the content lies; `whole` is up to the end of its chain."""
        runs: list[Run] = []
        at = 0
        for cluster_number in self._chain(place, whole=whole):
            start = self.heap_at + (cluster_number - 2) * self.cluster_bytes
            if runs and runs[-1].from_bytes + runs[-1].size_bytes == start:
                last = runs.pop()
                size = last.size_bytes + self.cluster_bytes
                runs.append(Run(at_bytes=last.at_bytes, from_bytes=last.from_bytes, size_bytes=size))
            else:
                runs.append(Run(at_bytes=at, from_bytes=start, size_bytes=self.cluster_bytes))
            at += self.cluster_bytes
        return runs

    def content(self, node: Node) -> BinaryIO:
        """The content of a file, with an offset of its own."""
        if node.reason is not None:
            raise UnreadableError(node.reason)
        place = node.handle
        assert isinstance(place, Place)
        view = RunView(self._file, self.runs(place), place.size_bytes)
        if place.valid_bytes == place.size_bytes:
            return buffered(view)
        # Room was given to the rest, which was never written and reads as zeros.
        return buffered(RunView(view, [Run(at_bytes=0, from_bytes=0, size_bytes=place.valid_bytes)], place.size_bytes))  # type: ignore[arg-type]  # a view is a binary file in all but its declared type

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins; None for nothing."""
        place = node.handle
        assert isinstance(place, Place)
        if node.entry_type != "file" or not place.size_bytes:
            return None
        if not 2 <= place.cluster_number < self.cluster_count + 2:
            raise UnreadableError(f"cluster {place.cluster_number} is free or lies outside the file system")
        return self.heap_at + (place.cluster_number - 2) * self.cluster_bytes

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the volume the file system covers."""
        return self.heap_at + self.cluster_count * self.cluster_bytes

    def extents(self, node: Node) -> list[Run]:
        """The room that the content was given."""
        place = node.handle
        assert isinstance(place, Place)
        return self.runs(place) if place.size_bytes else []

    def slots(self, runs: list[Run]) -> Iterator[tuple[int, bytes]]:
        """The entries of a directory, 32 bytes each, with their places on the volume."""
        if sum(run.size_bytes for run in runs) > _MAX_DIRECTORY_BYTES:
            raise UnreadableError("a directory larger than any file system makes")
        for run in runs:
            content = self.read_at(run.from_bytes, run.size_bytes)
            for at in range(0, len(content), 32):
                yield run.from_bytes + at, content[at : at + 32]


def _plain_name(slot: bytes) -> bytes:
    """The short name, as bytes of whatever code page wrote it."""
    name, extension = slot[:8].rstrip(b" "), slot[8:11].rstrip(b" ")
    name = b"\xe5" + name[1:] if name[:1] == b"\x05" else name
    name = name.lower() if slot[12] & 0x08 else name
    extension = extension.lower() if slot[12] & 0x10 else extension
    return name + b"." + extension if extension else name


def _short_checksum(slot: bytes) -> int:
    total = 0
    for value in slot[:11]:
        total = ((total & 1) << 7) + (total >> 1) + value & 0xFF
    return total


class _LongName:
    """The pieces of a long name, which stand before their entry, last piece first."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._expected = 0
        self._checksum = -1

    def add(self, slot: bytes) -> None:
        number = slot[0] & 0x3F
        if slot[0] & 0x40:
            self._pieces, self._expected, self._checksum = [], number, slot[13]
        if number != self._expected or slot[13] != self._checksum or not number:
            self._expected = -1
            return
        self._pieces.append(slot[1:11] + slot[14:26] + slot[28:32])
        self._expected -= 1

    def take(self, slot: bytes) -> bytes | None:
        """The name, if all pieces were there and belong to the entry."""
        pieces, whole = self._pieces, self._expected == 0 and self._checksum == _short_checksum(slot)
        self._pieces, self._expected, self._checksum = [], -1, -1
        if not pieces or not whole:
            return None
        units = b"".join(reversed(pieces))
        for at in range(0, len(units), 2):
            if units[at : at + 2] == b"\0\0":
                units = units[:at]
                break
        return units.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")


def unfit(name: bytes) -> str | None:
    """Why the name is none; None if it is one."""
    return "a name that no file can have" if not name or b"/" in name or b"\0" in name else None


class FatFilesystem(Clusters):
    """A FAT file system with entries of 12, 16 or 32 bits.

    Args:
        file: The volume.
        size_bytes: Its length.

    Raises:
        UnreadableError: It is none or is damaged.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        super().__init__(file, size_bytes)
        boot = self.read_at(0, 512)
        sector, per_cluster, reserved, tables, root_slots, short_total = struct.unpack_from("<HBHBHH", boot, 11)
        table_sectors = struct.unpack_from("<H", boot, 22)[0] or struct.unpack_from("<I", boot, 36)[0]
        total = short_total or struct.unpack_from("<I", boot, 32)[0]
        if sector not in {512, 1024, 2048, 4096} or per_cluster not in {1, 2, 4, 8, 16, 32, 64, 128}:
            raise UnreadableError("FAT: the boot sector is damaged")
        if not reserved or not tables or not table_sectors:
            raise UnreadableError("FAT: the boot sector is damaged")
        root_sectors = -(-root_slots * 32 // sector)
        self._root_at = (reserved + tables * table_sectors) * sector
        self.heap_at = self._root_at + root_sectors * sector
        self.cluster_bytes = per_cluster * sector
        self.cluster_count = (total * sector - self.heap_at) // self.cluster_bytes
        self.bits = 12 if self.cluster_count < 4085 else 16 if self.cluster_count < 65525 else 32
        self.table_at, self.table_bytes = reserved * sector, table_sectors * sector
        self._root_bytes = root_slots * 32
        self._root_cluster = struct.unpack_from("<I", boot, 44)[0] if self.bits == 32 else 0
        if self.bits == 32 and boot[40] & 0x80:  # one table only is kept
            self.table_at += (boot[40] & 0xF) * self.table_bytes
        self.check_layout()
        self.note_end(total * sector)
        self.remarks.append("its times are local and without a zone, so they are not given")

    def allocated(self) -> Iterator[Ranges]:
        """What is in use, by the allocation table; a cluster that is marked as bad is."""
        yield ranges_of([(0, self.heap_at)])
        table = np.frombuffer(self.read_at(self.table_at, (self.cluster_count + 2) * self.bits // 8 + 1), np.uint8)
        count = self.cluster_count + 2
        if self.bits == 12:
            triples = table[: (len(table) // 3) * 3].reshape(-1, 3).astype(np.uint16)
            low, high = triples[:, 0] | (triples[:, 1] & 15) << 8, triples[:, 1] >> 4 | triples[:, 2] << 4
            entries = np.stack([low, high], axis=1).reshape(-1)
            rest = len(table) - len(table) // 3 * 3
            if len(entries) < count and rest == 2:
                entries = np.append(entries, np.uint16(int(table[-2]) | (int(table[-1]) & 15) << 8))
            entries = entries[:count]
        else:
            width = self.bits // 8
            entries = table[: count * width].view("<u2" if width == 2 else "<u4") & (
                0xFFFF if width == 2 else 0xFFFFFFF
            )
        used = np.packbits(entries[2:] != 0, bitorder="little").tobytes()
        yield bit_ranges(used, count=self.cluster_count, first_bytes=self.heap_at, unit_bytes=self.cluster_bytes)

    def root(self) -> Node:
        """The topmost directory."""
        place = Place(cluster_number=self._root_cluster, size_bytes=0, valid_bytes=0)
        return Node(entry_type="directory", size_bytes=0, modified_at_us=None, inode=None, links=None, handle=place)

    def listing(self, node: Node) -> Listing:
        """What a directory holds, without `.` and `..`."""
        place = node.handle
        assert isinstance(place, Place)
        children: list[Child] = []
        reason = node.reason
        try:
            if place.cluster_number == 0 and node.inode is None and self.bits != 32:
                runs = [Run(at_bytes=0, from_bytes=self._root_at, size_bytes=self._root_bytes)]
            else:
                runs = self.runs(place, whole=True)
            children.extend(self._children(runs))
        except UnreadableError as error:
            reason = error.reason
        return Listing(children=children, reason=reason)

    def node_at(self, inode: int) -> Node:
        """The object whose entry begins at that byte of the volume: the number that `listing` gives it."""
        if inode < self._root_at or inode % 32:
            raise UnreadableError(f"no entry begins at byte {inode} of the volume")
        return self._node(self.read_at(inode, 32), inode)

    def _children(self, runs: list[Run]) -> Iterator[Child]:
        pieces = _LongName()
        for at, slot in self.slots(runs):
            if slot[0] == 0:
                return
            if slot[0] == 0xE5:
                pieces = _LongName()
            elif slot[11] & 0x3F == _LONG_NAME:
                pieces.add(slot)
            elif not slot[11] & _LABEL and slot[:11] not in {b".          ", b"..         "}:
                name = pieces.take(slot) or _plain_name(slot)
                reason = unfit(name)
                node = None if reason else self._node(slot, at)
                yield Child(name=name.replace(b"/", b"_").replace(b"\0", b"_") or b"_", node=node, reason=reason)

    def _node(self, slot: bytes, at: int) -> Node:
        high, low, size_bytes = struct.unpack("<20xH4xHI", slot)
        is_directory = bool(slot[11] & DIRECTORY)
        size_bytes = 0 if is_directory else size_bytes
        cluster_number = low | (high << 16 if self.bits == 32 else 0)
        return Node(
            entry_type="directory" if is_directory else "file",
            size_bytes=size_bytes,
            modified_at_us=None,
            inode=at,
            links=1,
            handle=Place(cluster_number=cluster_number, size_bytes=size_bytes, valid_bytes=size_bytes),
        )
