"""A directory of an image, copied out for as long as it is needed: what a database's own server is to be started on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headwater.errors import UnreadableInputError
from headwater.evidence.folders import shown
from headwater.evidence.members import entry_of
from headwater.evidence.readable import FileSet
from headwater.evidence.sealed import SealedPool

__all__ = ["copied_out"]

_OF_THE_FILE_SYSTEM = {b"lost+found", b"$Extend"}


@contextmanager
def copied_out(pool: SealedPool, reached: FileSet, directory: bytes) -> Iterator[Path]:
    """A copy of a directory of a volume, removed at the end. Links, devices and the like are left out.

    Args:
        pool: Sealed workers, which read the image.
        reached: The volume.
        directory: Its path on the volume; empty for the whole of it.

    Raises:
        UnreadableInputError: A file of it cannot be read whole, or there is no room for the copy.
        SealedWorkerError: The worker could not go on.
    """
    found = list(_below(pool, reached, directory))
    size_bytes = sum(row["size_bytes"] for row in found if row["entry_type"] == "file")
    # One copy here, one that the server works on, and what it exports.
    if shutil.disk_usage(tempfile.gettempdir()).free < 4 * size_bytes:
        reason = f"two copies and an export take {4 * size_bytes} bytes, and {tempfile.gettempdir()} has less"
        raise UnreadableInputError(Path(shown(directory)), reason, remedy="name a folder with more room in TMPDIR")
    scratch = Path(tempfile.mkdtemp(prefix="hw-"))
    try:
        try:
            _write(pool, reached, directory, found, scratch)
        except OSError as error:  # names that are too long here, or that a damaged directory gives twice
            reason = f"its names cannot be written to a copy: {error.strerror}"
            raise UnreadableInputError(Path(shown(directory)), reason, remedy="look at the image by hand") from error
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _below(pool: SealedPool, reached: FileSet, directory: bytes) -> Iterator[dict[str, Any]]:
    """Files and folders of the directory, each folder before what is in it; the first of several of one name."""
    seen: set[bytes] = set()
    prefix = directory + b"/" if directory else b""
    for batch in pool.stream("walk_image", reached.files, reached.volume):
        for row in batch.to_pylist():
            path = row["path"]
            if not path.startswith(prefix) or path in seen or row["entry_type"] not in {"file", "directory"}:
                continue
            if not directory and path.partition(b"/")[0] in _OF_THE_FILE_SYSTEM:
                continue
            seen.add(path)
            if row["reason"] is not None:
                raise UnreadableInputError(
                    Path(shown(path)), row["reason"], remedy="without it the directory cannot be read by its server"
                )
            yield row


def _write(pool: SealedPool, reached: FileSet, directory: bytes, found: list[dict[str, Any]], scratch: Path) -> None:
    files = []
    for row in sorted(found, key=lambda row: row["path"]):
        place = _place(scratch, row["path"][len(directory) + 1 if directory else 0 :])
        if row["entry_type"] == "directory":
            place.mkdir(mode=0o700)
        else:
            files.append((row, place))
            place.touch(mode=0o600, exist_ok=False)
    entries = [entry_of(row["path"], inode=row["inode"]) for row, _ in files]
    if not entries:
        return
    for batch in pool.stream("read_entries", reached.files, reached.parameters(entries)):
        for piece in batch.to_pylist():
            row, place = files[piece["entry_index"]]
            if piece["reason"] is not None:
                raise UnreadableInputError(
                    Path(shown(row["path"])),
                    piece["reason"],
                    remedy="without it the directory cannot be read by its server",
                )
            with place.open("ab") as file:
                file.write(piece["content"])


def _place(scratch: Path, path: bytes) -> Path:
    """Where a file of the directory is written; never elsewhere than in the copy."""
    parts = path.split(b"/")
    if any(part in {b"", b".", b".."} or b"\0" in part for part in parts):
        raise UnreadableInputError(Path(shown(path)), "a name that no file has", remedy="look at the image by hand")
    return scratch.joinpath(*map(os.fsdecode, parts))
