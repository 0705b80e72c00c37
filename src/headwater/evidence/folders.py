"""A plain folder as evidence: every name in it, in a fixed order, no link followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["FolderEntry", "listing", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """A name in a folder.

    Attributes:
        path_bytes: Path below the folder, as bytes.
        entry_type: file, directory, symlink, device, fifo, socket or other.
        size_bytes: Its size.
        modified_at_us: Modification time, microseconds since 1970.
        links: Names it has there.
        reason: Why it could not be looked at, if it could not.
    """

    path_bytes: bytes
    entry_type: str
    size_bytes: int
    modified_at_us: int | None
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
    """Everything below a folder, sorted by the bytes of each directory's names.

    What cannot be looked at is an entry with a reason.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    root = os.fsencode(folder)
    # A stack and no recursion: how deep folders go is up to whoever made them.
    waiting = [iter(_names(root))]
    above = [b""]
    while waiting:
        name = next(waiting[-1], None)
        if name is None:
            waiting.pop()
            above.pop()
            continue
        path = above[-1] + name
        absolute = os.path.join(root, path)  # noqa: PTH118 - names are bytes, which Path does not take
        entry = _entry(path, absolute)
        if entry.entry_type == "directory":
            try:
                inside = _names(absolute)
            except OSError as error:
                entry = replace(entry, reason=f"directory could not be listed: {error.strerror}")
            else:
                waiting.append(iter(inside))
                above.append(path + b"/")
        yield entry


def _names(directory: bytes) -> list[bytes]:
    with os.scandir(directory) as found:
        return sorted(entry.name for entry in found)


def _entry(path: bytes, absolute: bytes) -> FolderEntry:
    try:
        status = os.lstat(absolute)
    except OSError as error:
        return FolderEntry(
            path_bytes=path,
            entry_type="other",
            size_bytes=0,
            modified_at_us=None,
            links=None,
            reason=f"could not be looked at: {error.strerror}",
        )
    return FolderEntry(
        path_bytes=path,
        entry_type=next((name for test, name in _TYPES if test(status.st_mode)), "other"),
        size_bytes=status.st_size,
        modified_at_us=status.st_mtime_ns // 1000,
        links=status.st_nlink,
    )
