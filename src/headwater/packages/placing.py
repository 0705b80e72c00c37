"""Folders that appear whole or not at all, and what a crash leaves of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from headwater.engine import sync_folder
from headwater.packages.documents import DRAFT_FOLDER, MANIFEST_NAME, RECORD_FOLDER, SEALED_FOLDER, sha256_hex

__all__ = ["drafting_alone", "finish_drafts", "unfinished_drafts", "write_folder"]

_UNFINISHED: Final = ".tmp"


def write_folder(folder: Path, files: Mapping[str, bytes], *, ready: Callable[[], None] = lambda: None) -> None:
    """Write the files and wait until they are on the medium; the folder appears whole or not at all.

    Args:
        folder: Where.
        files: Name to content.
        ready: Called when everything is on the medium and before it appears.
    """
    temporary = folder.with_name(folder.name + _UNFINISHED)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name in sorted(files):
        with (temporary / name).open("xb") as file:
            file.write(files[name])
            file.flush()
            os.fsync(file.fileno())
    sync_folder(temporary)
    ready()
    _appear(temporary, folder)


def _appear(temporary: Path, folder: Path) -> None:
    temporary.rename(folder)
    sync_folder(folder.parent)


def unfinished_drafts(out_dir: Path) -> list[Path]:
    """Folders beside their place: of drafts that somebody is at, or that a crash left."""
    return sorted(out_dir.glob(f"*/*/{DRAFT_FOLDER}{_UNFINISHED}"))


def finish_drafts(out_dir: Path, in_the_log: Callable[[], Mapping[str, str]]) -> None:
    """Nothing; drafts that a crash left beside their place lie in it, and those that nobody was told of are gone.

    Where somebody drafts at this moment, all is left as it is.

    Args:
        out_dir: The case's folder of packages.
        in_the_log: Gives the digest of the manifest of each package that the custody log says was drafted, by its id;
            asked when nobody drafts, as a draft may be recorded until then.
    """
    with suppress(OSError), drafting_alone(out_dir, wait=False):  # on a medium that may not be written, all stays
        manifests = in_the_log()
        for temporary in unfinished_drafts(out_dir):
            folder = temporary.parent
            if folder.name in manifests:
                manifest = temporary / MANIFEST_NAME
                whole = manifest.is_file() and sha256_hex(manifest.read_bytes()) == manifests[folder.name]
                if whole and not any((folder / name).exists() for name in (DRAFT_FOLDER, RECORD_FOLDER, SEALED_FOLDER)):
                    _appear(temporary, folder / DRAFT_FOLDER)
                continue  # what is not what the log has was no crash's work, and is no one's to remove
            shutil.rmtree(temporary)
            with suppress(OSError):  # something else is in it
                folder.rmdir()


@contextmanager
def drafting_alone(out_dir: Path, *, wait: bool = True) -> Iterator[None]:
    """Nobody else drafts in this case, whichever program they use.

    Raises:
        BlockingIOError: Somebody does, and one does not wait.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(out_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # The system lets go, however we end.
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
