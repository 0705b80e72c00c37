"""What kind of image the files are, by their bytes and never by their names, and the medium inside as one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from dissect.hypervisor.disk.qcow2 import QCow2
from dissect.hypervisor.disk.vdi import VDI
from dissect.hypervisor.disk.vhd import VHD
from dissect.hypervisor.disk.vhdx import VHDX

from headwater_sealed.ewf import EWF_MAGIC, EwfMedium
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Concatenated, View, buffered
from headwater_sealed.vmdk import DESCRIPTOR_MAGIC, SPARSE_MAGIC, open_vmdk

__all__ = ["READ_FORMATS", "Medium", "container_format", "image_files", "open_image", "open_medium"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """The medium that an image holds.

    Attributes:
        container_format: `raw`, `e01`, `qcow2`, `vmdk`, `vhd`, `vhdx` or `vdi`.
        file: Its bytes, with an offset of its own.
        size_bytes: Its length.
        ewf: The image's own checks, for E01.
        secret: The passphrase of its enciphered volumes, if one was given.
    """

    container_format: str
    file: BinaryIO
    size_bytes: int
    ewf: EwfMedium | None = None
    secret: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Magic:
    name: str
    at: int  # negative: from the end
    value: bytes
    refused: str | None = None


# Looked at in this order. What carries a reason is recognised in order to be refused: read as a raw medium it would
# hold no file system, and an empty list is the one wrong answer.
_MAGICS: tuple[_Magic, ...] = (
    _Magic(name="e01", at=0, value=EWF_MAGIC),
    _Magic(name="l01", at=0, value=b"LVF\x09\x0d\x0a\xff\x00", refused="L01 logical evidence is not read"),
    _Magic(name="ex01", at=0, value=b"EVF2\r\n\x81", refused="Ex01 is not read"),
    _Magic(name="lx01", at=0, value=b"LEF2\r\n\x81", refused="Lx01 is not read"),
    _Magic(name="aff", at=0, value=b"AFF10\r\n\0", refused="AFF is not read"),
    _Magic(name="afm", at=0, value=b"AFM", refused="AFF is not read"),
    _Magic(name="ad1", at=0, value=b"ADSEGMENTEDFILE", refused="AD1 is not read"),
    _Magic(name="qcow1", at=0, value=b"QFI\xfb\0\0\0\x01", refused="QCOW version 1 is not read"),
    _Magic(name="qcow2", at=0, value=b"QFI\xfb"),
    _Magic(name="vmdk", at=0, value=SPARSE_MAGIC),
    _Magic(name="vmdk", at=0, value=b"COWD", refused="a VMDK of the old ESX kind (COWD) is not read"),
    _Magic(name="vmdk", at=0, value=DESCRIPTOR_MAGIC),
    _Magic(name="vhdx", at=0, value=b"vhdxfile"),
    _Magic(name="vdi", at=0x40, value=b"\x7f\x10\xda\xbe"),
    _Magic(name="vhd", at=-512, value=b"conectix"),
    _Magic(name="vhd", at=-511, value=b"conectix"),
    _Magic(name="dmg", at=-512, value=b"koly", refused="DMG is not read"),
    _Magic(name="hds", at=0, value=b"WithoutFreeSpace", refused="a Parallels disk is not read"),
    _Magic(name="hds", at=0, value=b"WithouFreSpacExt", refused="a Parallels disk is not read"),
    _Magic(name="asif", at=0, value=b"shdw", refused="ASIF is not read"),
    _Magic(name="zip", at=0, value=b"PK\x03\x04", refused="a ZIP archive, perhaps AFF4, is not read as an image"),
    _Magic(name="gzip", at=0, value=b"\x1f\x8b\x08", refused="a gzip file is not an image; unpack it first"),
    _Magic(name="bzip2", at=0, value=b"BZh", refused="a bzip2 file is not an image; unpack it first"),
    _Magic(name="xz", at=0, value=b"\xfd7zXZ\0", refused="an xz file is not an image; unpack it first"),
    _Magic(name="zstd", at=0, value=b"\x28\xb5\x2f\xfd", refused="a zstd file is not an image; unpack it first"),
    _Magic(name="7z", at=0, value=b"7z\xbc\xaf\x27\x1c", refused="a 7z archive is not an image; unpack it first"),
)


def container_format(files: Sequence[BinaryIO]) -> tuple[str, str | None]:
    """The name of the format and, where it is recognised but not read, the reason."""
    if not files:
        raise UnreadableError("no file was given")
    for file in files[1:]:
        file.seek(0)
        if file.read(len(DESCRIPTOR_MAGIC)) == DESCRIPTOR_MAGIC:  # its extents may stand before it
            return "vmdk", None
    for magic in _MAGICS:
        file = files[0] if magic.at >= 0 else files[-1]
        size = file.seek(0, os.SEEK_END)
        at = magic.at if magic.at >= 0 else size + magic.at
        if at < 0:
            continue
        file.seek(at)
        if file.read(len(magic.value)) == magic.value:
            return magic.name, magic.refused
    return "raw", None


class _Whole(View):
    """What a library serves, or a reason: a cut image gives some of them fewer bytes, and nobody would know."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._file = file

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Exactly the bytes asked for."""
        with refusing(f"the image cannot be read at byte {offset_bytes} of the medium"):
            self._file.seek(offset_bytes)
            content = self._file.read(length_bytes)
        if len(content) != length_bytes:
            raise UnreadableError(f"the image ends early, at byte {offset_bytes + len(content)} of the medium")
        return content


def _virtual_disk(opened: BinaryIO, size_bytes: int) -> tuple[BinaryIO, int]:
    if size_bytes <= 0:
        raise UnreadableError("the medium inside has no bytes")
    return opened, size_bytes


def _open_qcow2(file: BinaryIO) -> tuple[BinaryIO, int]:
    file.seek(0)
    header = file.read(80)
    if header[4:8] == b"\0\0\0\x03" and int.from_bytes(header[72:80], "big") & 0x10:
        # The library never comes back from reading one.
        raise UnreadableError("qcow2 with extended tables (subclusters) is not read; convert it first")
    file.seek(0)
    disk = QCow2(file, allow_no_data_file=True, allow_no_backing_file=True)
    if disk.header.backing_file_offset:
        raise UnreadableError("it rests on a backing file; flatten it first")
    if disk.needs_data_file:
        raise UnreadableError("its content lies in an external data file")
    return _virtual_disk(disk.open(), disk.size)


def _open_vhd(file: BinaryIO) -> tuple[BinaryIO, int]:
    disk = VHD(file)
    if disk.disk.footer.disk_type == 4:  # differencing: what it does not hold lies in its parent
        raise UnreadableError("it rests on a parent disk; merge it first")
    return _virtual_disk(disk, disk.size)


def _open_vhdx(file: BinaryIO) -> tuple[BinaryIO, int]:
    disk = VHDX(file)
    return _virtual_disk(disk, disk.size)


def _open_vdi(file: BinaryIO) -> tuple[BinaryIO, int]:
    disk = VDI(file)
    return _virtual_disk(disk.open(), disk.size)


_OPENERS: dict[str, Callable[[BinaryIO], tuple[BinaryIO, int]]] = {
    "qcow2": _open_qcow2,
    "vhd": _open_vhd,
    "vhdx": _open_vhdx,
    "vdi": _open_vdi,
}

READ_FORMATS: tuple[str, ...] = ("raw", "e01", "vmdk", *_OPENERS)


def open_medium(files: Sequence[BinaryIO], names: Sequence[str] = ()) -> Medium:
    """The medium inside the image.

    Args:
        files: The image's segments in order.
        names: Their file names in the same order, which only a VMDK in several files needs.

    Raises:
        UnreadableError: The format is recognised and not read, or the image is damaged.
    """
    name, refused = container_format(files)
    if refused is not None:
        raise UnreadableError(refused)
    if name == "raw":
        if len(files) == 1:
            return Medium(container_format=name, file=files[0], size_bytes=files[0].seek(0, os.SEEK_END))
        joined = Concatenated(files)
        return Medium(container_format=name, file=buffered(joined), size_bytes=joined.size_bytes)
    if name == "e01":
        with refusing("E01"):
            ewf = EwfMedium(files)
        return Medium(container_format=name, file=buffered(ewf), size_bytes=ewf.size_bytes, ewf=ewf)
    if name == "vmdk":
        with refusing("vmdk image"):
            disk = open_vmdk(files, names)
        return Medium(container_format=name, file=buffered(disk), size_bytes=disk.size_bytes)
    if len(files) != 1:
        raise UnreadableError(f"a {name} image in {len(files)} files is not read; one file is")
    with refusing(f"{name} image"):
        files[0].seek(0)  # some of the library's readers begin where the file stands
        file, size_bytes = _OPENERS[name](files[0])
    return Medium(container_format=name, file=buffered(_Whole(file, size_bytes)), size_bytes=size_bytes)


def image_files(files: Sequence[BinaryIO], parameters: Mapping[str, Any]) -> tuple[BinaryIO, ...]:
    """The files of the image, without the one that holds a passphrase."""
    secret = parameters.get("secret_file_index")
    return tuple(file for index, file in enumerate(files) if index != secret)


def open_image(files: Sequence[BinaryIO], parameters: Mapping[str, Any]) -> Medium:
    """The medium inside the image, with the passphrase for it.

    Args:
        files: As received: the image's segments in order and, perhaps, a file that holds a passphrase.
        parameters: The job's; `secret_file_index` says which file that is, `names` how the others are called.

    Raises:
        UnreadableError: As `open_medium`.
    """
    medium = open_medium(image_files(files, parameters), parameters.get("names") or ())
    if parameters.get("secret_file_index") is None:
        return medium
    secret = files[int(parameters["secret_file_index"])]
    secret.seek(0)
    # One line, as an editor or `echo` leaves it; a passphrase cannot end with a line feed.
    return replace(medium, secret=secret.read(8192).removesuffix(b"\n"))
