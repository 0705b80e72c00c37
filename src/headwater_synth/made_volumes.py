"""File systems made of a folder by the programs that belong to each, in an image file: what readers are tried on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import ConfigError

__all__ = ["installed", "make_btrfs", "make_fat", "make_ntfs", "make_xfs", "mounted_ntfs", "sized"]

_MEBIBYTE = 2**20
_COMPRESSED_FOLDER = 0x810
_END_S = 60


def installed(name: str, package: str) -> str:
    """The path of a program of the system.

    Raises:
        ConfigError: It is not installed.
    """
    # Debian keeps them where the path of an ordinary account does not look.
    places = os.pathsep.join((os.environ.get("PATH", ""), "/sbin", "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which(name, path=places)
    if found is None:
        raise ConfigError(f"{name} is not installed; install the package {package} (it makes synthetic disk images)")
    return found


def _run(*words: str | Path, **environment: str) -> None:
    command = [str(word) for word in words]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})  # noqa: S603  # a program of the system with our own paths


def sized(path: Path, size_bytes: int) -> Path:
    """The file, made anew, of that size and empty."""
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def _prototype(tree: Path) -> str:
    def lines(directory: Path) -> list[str]:
        found = []
        for child in sorted(directory.iterdir()):
            if child.is_dir():
                found += [f"{child.name} d--755 0 0", *lines(child), "$"]
            else:
                found.append(f"{child.name} ---644 0 0 {child}")
        return found

    return "\n".join(["boot", "0 0", "d--755 0 0", *lines(tree), "$", ""])


def make_xfs(tree: Path, path: Path, *options: str) -> Path:
    """XFS of 320 MiB, the least that mkfs.xfs makes."""
    prototype = path.with_suffix(".proto")
    prototype.write_text(_prototype(tree), encoding="utf-8")
    _run(installed("mkfs.xfs", "xfsprogs"), "-q", "-f", *options, "-p", prototype, sized(path, 320 * _MEBIBYTE))
    return path


def make_fat(tree: Path, path: Path, bits: int, size_bytes: int, *options: str) -> Path:
    """FAT with entries of so many bits."""
    mcopy = installed("mcopy", "mtools")
    _run(installed("mkfs.fat", "dosfstools"), "-F", str(bits), *options, sized(path, size_bytes))
    _run(mcopy, "-s", "-i", path, *sorted(tree.iterdir()), "::", MTOOLS_SKIP_CHECK="1", LC_ALL="C.UTF-8")
    return path


def make_btrfs(tree: Path, path: Path, *options: str) -> Path:
    """Btrfs of 160 MiB."""
    made = sized(path, 160 * _MEBIBYTE)
    _run(installed("mkfs.btrfs", "btrfs-progs"), "-q", *options, "--rootdir", tree, made)
    return path


@contextmanager
def mounted_ntfs(path: Path, *options: str) -> Iterator[Path]:
    """The NTFS volume as a folder of this system, by the driver in user space; at the end its last byte is written.

    Raises:
        ConfigError: The driver is not installed, or this system lets nobody mount by it.
    """
    place = path.with_suffix(".mount")
    place.mkdir(exist_ok=True)
    words = ["-o", ",".join(("no_detach", "streams_interface=windows", "efs_raw", *options)), str(path), str(place)]
    driver = installed("ntfs-3g", "ntfs-3g")
    process = subprocess.Popen([driver, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  # a program of the system with our own paths
    while process.poll() is None and not place.is_mount():
        time.sleep(0.01)
    if process.poll() is not None:
        raise ConfigError("the driver of NTFS in user space cannot mount here; it needs FUSE")
    try:
        yield place
    finally:
        _run(installed("umount", "mount"), place)
        process.wait(timeout=_END_S)


def make_ntfs(
    tree: Path, path: Path, *options: str, size_bytes: int = 64 * _MEBIBYTE, compressed: bool = False
) -> Path:
    """NTFS; `compressed` marks the root, so that every file in it is."""
    _run(installed("mkntfs", "ntfs-3g"), "-F", "-q", "-Q", *options, sized(path, size_bytes))
    with mounted_ntfs(path, *(("compression",) if compressed else ())) as place:
        if compressed:
            os.setxattr(place, "system.ntfs_attrib_be", _COMPRESSED_FOLDER.to_bytes(4, "big"))
        shutil.copytree(tree, place, dirs_exist_ok=True)
    return path
