"""Bytes of the log's files: read whole, appended whole, on the medium before anything is acknowledged."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["append_bytes", "content_of", "lines_of", "new_file", "sync_directory"]


def lines_of(content: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines of a file without their line feeds, and what follows the last of them."""
    *lines, rest = content.split(b"\n")
    return lines, rest


def content_of(descriptor: int) -> bytes:
    """All bytes of an open file."""
    parts: list[bytes] = []
    offset_bytes = 0
    while part := os.pread(descriptor, 1 << 20, offset_bytes):
        parts.append(part)
        offset_bytes += len(part)
    return b"".join(parts)


def append_bytes(descriptor: int, content: bytes) -> None:
    """Write all of the content and wait until it is on the medium."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def new_file(path: Path, content: bytes, mode: int) -> None:
    """A file that is there whole or not at all, whatever ends the program; in place of none that is there.

    Raises:
        FileExistsError: It is there.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there")
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # of an attempt that was cut short; nothing rests on it
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        append_bytes(descriptor, content)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Wait until the names in a folder are on the medium."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
