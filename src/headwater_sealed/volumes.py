"""The volumes of a medium, and which file system each holds: named, even where it is not read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from headwater_sealed.btrfs import BtrfsFilesystem
from headwater_sealed.containers import Medium
from headwater_sealed.exfat import ExfatFilesystem
from headwater_sealed.ext import ExtFilesystem
from headwater_sealed.fat import FatFilesystem
from headwater_sealed.filesystem import Filesystem
from headwater_sealed.luks import unlock
from headwater_sealed.lvm import LogicalVolume, PhysicalVolume, logical_volumes, physical_volume
from headwater_sealed.ntfs import NtfsFilesystem
from headwater_sealed.partitions import MAX_PARTITIONS, found_in_spare, partitions_of
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Run, RunView, View, Window, buffered
from headwater_sealed.xfs import XfsFilesystem

__all__ = ["Volume", "open_filesystem", "volumes"]

_SPACE_BYTES = 1 << 50  # larger than any physical volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """One volume of a medium.

    Attributes:
        index: Its place in the partition table, from 0; a medium without one is volume 0.
        offset_bytes: Where it begins on the medium.
        size_bytes: How long it is.
        filesystem: Name of the file system, or `unknown`.
        refused: Why it is not read; None if it is.
        remark: What the reader should know although it is read.
        opened: Its bytes, where they are not simply a part of the medium.
        runs: Where they lie on the medium, where that is in more places than one.
    """

    index: int
    offset_bytes: int
    size_bytes: int
    filesystem: str
    refused: str | None
    remark: str | None = None
    opened: Callable[[], BinaryIO] | None = None
    runs: tuple[Run, ...] = ()

    def on_medium(self, offset_bytes: int) -> int | None:
        """Where a byte of the volume lies on the medium."""
        if not self.runs:
            return self.offset_bytes + offset_bytes
        index = bisect_right(self.runs, offset_bytes, key=lambda run: run.at_bytes) - 1
        return self.runs[index].from_bytes + offset_bytes - self.runs[index].at_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    filesystem: str
    at: int
    value: bytes
    says: str  # completes the reason; empty for what is read


_SIGNATURES: tuple[_Signature, ...] = (
    _Signature(
        filesystem="luks",
        at=0,
        value=b"LUKS\xba\xbe",
        says="LUKS is encrypted; give its passphrase, or the opened volume",
    ),
    _Signature(filesystem="bitlocker", at=3, value=b"-FVE-FS-", says="BitLocker is encrypted; give the opened volume"),
    *(
        _Signature(filesystem="lvm", at=at, value=b"LABELONE", says="its volume group is not read")
        for at in (0, 512, 1024, 1536)
    ),
    *(
        _Signature(filesystem="md", at=at, value=b"\xfc\x4e\x2b\xa9", says="Linux RAID is not put together")
        for at in (0, 4096)
    ),
    _Signature(filesystem="apfs", at=32, value=b"NXSB", says="APFS is not read"),
    _Signature(filesystem="xfs", at=0, value=b"XFSB", says=""),
    _Signature(filesystem="ntfs", at=3, value=b"NTFS    ", says=""),
    _Signature(filesystem="exfat", at=3, value=b"EXFAT   ", says=""),
    _Signature(filesystem="fat", at=82, value=b"FAT32   ", says=""),
    _Signature(filesystem="fat", at=54, value=b"FAT16   ", says=""),
    _Signature(filesystem="fat", at=54, value=b"FAT12   ", says=""),
    _Signature(filesystem="hfs+", at=1024, value=b"H+", says="HFS+ is not read"),
    _Signature(filesystem="hfs+", at=1024, value=b"HX", says="HFS+ is not read"),
    _Signature(filesystem="f2fs", at=1024, value=b"\x10\x20\xf5\xf2", says="F2FS is not read"),
    _Signature(filesystem="squashfs", at=0, value=b"hsqs", says="SquashFS is not read"),
    # Behind what lies at the very beginning; before what lies far behind, where an older file system may have left it.
    _Signature(filesystem="ext", at=1080, value=b"\x53\xef", says=""),
    _Signature(filesystem="btrfs", at=0x10040, value=b"_BHRfS_M", says=""),
    _Signature(filesystem="swap", at=4086, value=b"SWAPSPACE2", says="swap space holds no files and is not read"),
    _Signature(filesystem="iso9660", at=0x8001, value=b"CD001", says="ISO 9660 is not read"),
    _Signature(filesystem="reiserfs", at=0x10034, value=b"ReIsEr", says="ReiserFS is not read"),
    _Signature(filesystem="jfs", at=0x8000, value=b"JFS1", says="JFS is not read"),
    _Signature(filesystem="ufs", at=0x1055C, value=b"\x19\x01\x54\x19", says="UFS is not read"),
    _Signature(filesystem="vmfs", at=0x100000, value=b"\x0d\xd0\x01\xc0", says="VMFS is not read"),
    _Signature(filesystem="zfs", at=0x20000, value=b"\x0c\xb1\xba\0\0\0\0\0", says="ZFS is not read"),
)


def _signature(file: BinaryIO) -> _Signature | None:
    for signature in _SIGNATURES:
        file.seek(signature.at)
        if file.read(len(signature.value)) == signature.value:
            return signature
    return None


_READERS: dict[str, Callable[[BinaryIO, int], Filesystem]] = {
    "ext": ExtFilesystem,
    "xfs": XfsFilesystem,
    "btrfs": BtrfsFilesystem,
    "fat": FatFilesystem,
    "exfat": ExfatFilesystem,
    "ntfs": NtfsFilesystem,
}


def _volume_file(medium: Medium, offset_bytes: int, size_bytes: int) -> BinaryIO:
    return buffered(Window(medium.file, start_bytes=offset_bytes, size_bytes=size_bytes))


def _place(medium: Medium, offset_bytes: int, size_bytes: int) -> _Place:
    return _Place(
        offset_bytes=offset_bytes, size_bytes=size_bytes, opened=lambda: _volume_file(medium, offset_bytes, size_bytes)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A volume that was found, before anybody looks at what it holds."""

    offset_bytes: int
    size_bytes: int
    opened: Callable[[], BinaryIO]
    runs: tuple[Run, ...] = ()
    refused: str | None = None
    remark: str | None = None


class _Spaces(View):
    """Several files in one space, each beginning at a multiple of a number larger than any of them."""

    def __init__(self, opened: Sequence[Callable[[], BinaryIO]]) -> None:
        super().__init__(len(opened) * _SPACE_BYTES)
        self._files = [one() for one in opened]

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of one of the files."""
        index, inside = divmod(offset_bytes, _SPACE_BYTES)
        self._files[index].seek(inside)
        content = self._files[index].read(length_bytes)
        if not content:
            raise UnreadableError(f"the physical volume ends before byte {inside}")
        return content


def _unlocked(place: _Place, secret: bytes) -> _Place:
    """The place inside an enciphered one."""
    view = unlock(place.opened(), place.size_bytes, secret)
    return _Place(
        offset_bytes=place.offset_bytes + view.start_bytes,
        size_bytes=view.size_bytes,
        opened=lambda: buffered(unlock(place.opened(), place.size_bytes, secret)),
        remark="LUKS, opened with the passphrase given",
    )


def _logical_place(volume: LogicalVolume, physical: Sequence[_Place]) -> _Place:
    runs = tuple(
        Run(
            at_bytes=run.at_bytes,
            from_bytes=physical[run.from_bytes // _SPACE_BYTES].offset_bytes + run.from_bytes % _SPACE_BYTES,
            size_bytes=run.size_bytes,
        )
        for run in volume.runs
    )
    return _Place(
        offset_bytes=runs[0].from_bytes if runs else 0,
        size_bytes=volume.size_bytes,
        opened=lambda: buffered(
            RunView(buffered(_Spaces([place.opened for place in physical])), volume.runs, volume.size_bytes)
        ),
        runs=runs,
        refused=volume.refused,
        remark=f"LVM logical volume {volume.name}",
    )


def _expanded(places: Sequence[_Place], secret: bytes | None) -> list[_Place]:
    """The places with what lies in enciphered ones, and logical volumes behind them in the place of physical ones."""
    plain: list[_Place] = []
    physical: list[tuple[PhysicalVolume, _Place]] = []
    for given in places:
        place = given
        try:
            with refusing("the volume cannot be read"):
                signature = _signature(place.opened())
                if signature is not None and signature.filesystem == "luks" and secret is not None:
                    place = _unlocked(place, secret)
                    signature = _signature(place.opened())
                if signature is not None and signature.filesystem == "lvm":
                    physical.append((physical_volume(place.opened()), place))
                    continue
        except UnreadableError as error:
            place = replace(place, refused=error.reason)
        plain.append(place)
    if not physical:
        return plain
    try:
        with refusing("LVM: the description of the volume group is damaged"):
            found = logical_volumes([(one, number * _SPACE_BYTES) for number, (one, _) in enumerate(physical)])
    except UnreadableError as error:
        return plain + [replace(place, refused=error.reason) for _, place in physical]
    if not found:
        empty = "LVM: the volume group holds no logical volume"
        return plain + [replace(place, refused=empty) for _, place in physical]
    return plain + [_logical_place(volume, [place for _, place in physical]) for volume in found]


def _judged(medium: Medium, index: int, place: _Place, *, tried: bool = True) -> Volume:
    """The volume with what it holds, by its signature and, unless said otherwise, by listing its root."""
    offset_bytes, size_bytes = place.offset_bytes, place.size_bytes
    remarks = [place.remark] if place.remark else []
    if not place.runs and offset_bytes + size_bytes > medium.size_bytes:
        remarks.append(f"the volume ends at byte {offset_bytes + size_bytes}, the medium at {medium.size_bytes}")
    filesystem, refused = "unknown", None
    try:
        with refusing("the volume cannot be read"):
            signature = _signature(place.opened())
            if signature is not None and place.refused is not None:
                filesystem, refused = signature.filesystem, place.refused
            elif signature is None:
                refused = place.refused or "no file system that is known here"
            else:
                filesystem, refused = signature.filesystem, signature.says or None
            if refused is None and tried:
                opened = _READERS[filesystem](place.opened(), size_bytes)
                listing = opened.listing(opened.root())
                if not listing.children:
                    # mke2fs makes lost+found, but a person may have removed it: empty is said, never implied.
                    remarks.append(listing.reason or "its root directory is empty")
                if (remark := opened.remark) is not None:
                    remarks.append(remark)
    except UnreadableError as error:
        refused = error.reason
    return Volume(
        index=index,
        offset_bytes=offset_bytes,
        size_bytes=size_bytes,
        filesystem=filesystem,
        refused=refused,
        remark="; ".join(remarks) or None,
        opened=place.opened,
        runs=place.runs,
    )


def _layout(medium: Medium) -> list[_Place] | Volume:
    """Where volumes lie; in place of them the one that stands for a medium without any, with its reason.

    A medium whose first bytes are a file system's is one volume, even if it ends like a partition table, as FAT does.
    """
    whole = _place(medium, 0, medium.size_bytes)
    expanded = _expanded([whole], medium.secret)
    if expanded != [whole] or _judged(medium, 0, whole, tried=False).filesystem != "unknown":
        return expanded
    partitions: list[tuple[int, int]] = []
    reason = "the partition table holds no partition"
    try:
        found = partitions_of(medium)
    except UnreadableError as error:
        reason = error.reason
    else:
        if found is None:
            reason = "no partition table and no file system that is known here"
        elif len(found) > MAX_PARTITIONS:
            reason = f"the partition table names {len(found)} partitions"
        else:
            partitions = found
    if not partitions:
        return Volume(index=0, offset_bytes=0, size_bytes=medium.size_bytes, filesystem="unknown", refused=reason)
    places = [_place(medium, offset, size) for offset, size in partitions]
    if found_in_spare(medium):
        places = [replace(place, remark="found in the spare partition table; the first is damaged") for place in places]
    return _expanded(places, medium.secret)


def volumes(medium: Medium) -> list[Volume]:
    """Every volume of the medium, at least one: what cannot be read is there with its reason."""
    layout = _layout(medium)
    if isinstance(layout, Volume):
        return [layout]
    return [_judged(medium, index, place) for index, place in enumerate(layout)]


def open_filesystem(medium: Medium, index: int) -> tuple[Volume, Filesystem]:
    """The volume and its file system.

    Raises:
        UnreadableError: There is no such volume, or it is not read.
    """
    layout = _layout(medium)
    if isinstance(layout, Volume):
        raise UnreadableError(f"volume {index}: {layout.refused}")
    if not 0 <= index < len(layout):
        raise UnreadableError(f"the medium has no volume {index}")
    # Only the one that is asked for: a root directory may be large, and a log long.
    found = _judged(medium, index, layout[index], tried=False)
    if found.refused is not None:
        raise UnreadableError(f"volume {index}: {found.refused}")
    with refusing(f"volume {index} cannot be read"):
        assert found.opened is not None
        return found, _READERS[found.filesystem](found.opened(), found.size_bytes)
