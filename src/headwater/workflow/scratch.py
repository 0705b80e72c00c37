"""Room on the medium for what a stage cannot hold in memory."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["scratch_folder"]

_PREFIX = ".scratch-"


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A folder that is gone at the end; so is what a crash left of another.

    Args:
        beside: Where it is made. Tables are put in their place from it by a change of name alone, so that it lies on
            their filesystem, and nothing derived from evidence is written outside of the case.
    """
    for left in beside.glob(f"{_PREFIX}*"):
        with suppress(OSError), _locked(left):  # another process that still uses it holds the lock
            shutil.rmtree(left)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=beside))
    try:
        with _locked(place):
            yield place
    finally:
        shutil.rmtree(place)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the system lets it go when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
