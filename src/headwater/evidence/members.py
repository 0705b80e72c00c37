"""How a member of an archive is named: the archive's path, the member's number, its own name; nested as it comes.

A zero byte stands around the number, because no name in a file system holds one. Names in archives may, and have it
written in two other bytes, so that what a key says is never in doubt.
"""

from __future__ import annotations

from typing import Any

__all__ = ["entry_of", "file_and_members", "member_key", "member_path", "named_place"]

_ZERO, _ZERO_WRITTEN = b"\0", b"\xc0\x80"
_SHOWN_SEPARATOR = b"!/"


def member_key(archive: bytes, number: int, name: bytes) -> bytes:
    """The path of a member, told apart from every other.

    Args:
        archive: Path of the archive.
        number: Place of the member in it, from 0.
        name: Its own name; it need not be the only member of that name.
    """
    return b"%s\0%d\0%s" % (archive, number, name.replace(_ZERO, _ZERO_WRITTEN))


def member_path(key: bytes) -> bytes:
    """The path as people write it, `backup.tar!/var/www/a.txt`; several members may have one."""
    first, *rest = key.split(_ZERO)
    return _SHOWN_SEPARATOR.join((first, *rest[1::2]))


def file_and_members(key: bytes) -> tuple[bytes, list[int]]:
    """The path of the file that a key names or that holds it, and the place of the member in it; empty for the file."""
    first, *rest = key.split(_ZERO)
    return first, [int(number) for number in rest[0::2]] if len(rest) > 1 else []


def named_place(key: bytes) -> bytes:
    """The key without the number of the last member: files that belong together differ there in their names only."""
    parts = key.split(_ZERO)
    return key if len(parts) < 3 else _ZERO.join((*parts[:-2], b"", parts[-1]))


def entry_of(key: bytes, *, inode: int | None = None) -> dict[str, Any]:
    """The entry by which a sealed job reaches a file of an image, or a member of an archive on it.

    Args:
        key: As `member_key` makes them, or a plain path.
        inode: Number of the file on its volume, where the walk gave one.
    """
    path, members = file_and_members(key)
    entry: dict[str, Any] = {"path_hex": path.hex()}
    if members:
        entry["members"] = members
    elif inode is not None:
        entry["inode"] = inode
    return entry
