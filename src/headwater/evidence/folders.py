"""A plain folder as evidence: every name in it, in a fixed order, no link followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FolderEntry", "listing", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """A name in a folder.

    Attributes:
        path_bytes: Path below the folder, as bytes.
        absolute: Where it lies.
        entry_type: file, directory, symlink, device, fifo, socket or other.
        size_bytes: Its size.
        modified_at_us: Modification time, microseconds since 1970.
        inode: Number on its filesystem.
        links: Names it has there.
        reason: Why it could not be looked at, if it could not.
    """

    path_bytes: bytes
    absolute: Path
    entry_type: str
    size_bytes: int
    modified_at_us: int | None
    inode: int | None
    links: int | None
    reason: str | None = None


_TYPES = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISLNK, "symlink"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
)


def shown(path: bytes) -> str:
    r"""The path as text, with bytes that are not UTF-8 as `\\xNN`."""
    return path.decode("utf-8", "backslashreplace")


def listing(folder: Path) -> Iterator[FolderEntry]:
    """Everything below a folder, sorted by the bytes of each directory's names."""
    yield from _below(os.fsencode(folder), b"")


def _below(root: bytes, relative: bytes) -> Iterator[FolderEntry]:
    here = os.path.join(root, relative) if relative else root  # noqa: PTH118 - names are bytes, which Path does not take
    with os.scandir(here) as found:
        names = sorted(entry.name for entry in found)
    for name in names:
        path = relative + b"/" + name if relative else name
        absolute = os.path.join(root, path)  # noqa: PTH118 - as above
        entry = _entry(path, absolute)
        if entry.entry_type != "directory":
            yield entry
            continue
        try:
            inside = list(_below(root, path))
        except OSError as error:
            yield _refused(entry, f"directory could not be listed: {error.strerror}")
            continue
        yield entry
        yield from inside


def _entry(path: bytes, absolute: bytes) -> FolderEntry:
    status = os.lstat(absolute)
    return FolderEntry(
        path_bytes=path,
        absolute=Path(os.fsdecode(absolute)),
        entry_type=next((name for test, name in _TYPES if test(status.st_mode)), "other"),
        size_bytes=status.st_size,
        modified_at_us=status.st_mtime_ns // 1000,
        inode=status.st_ino,
        links=status.st_nlink,
    )


def _refused(entry: FolderEntry, reason: str) -> FolderEntry:
    return FolderEntry(
        path_bytes=entry.path_bytes,
        absolute=entry.absolute,
        entry_type=entry.entry_type,
        size_bytes=entry.size_bytes,
        modified_at_us=entry.modified_at_us,
        inode=entry.inode,
        links=entry.links,
        reason=reason,
    )
