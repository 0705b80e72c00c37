"""Where something may be written that leaves the case: nowhere among its files or the evidence, and over nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.engine import sync_folder
from headwater.errors import ConfigError, InputError
from headwater.workflow.case import Actor, Case

__all__ = ["new_folder", "require_apart", "require_new_file", "require_reason", "write_new_file"]


def require_reason(actor: Actor) -> None:
    """Nothing, if somebody gives a name and a reason.

    Raises:
        ConfigError: One of them is empty.
    """
    if not actor.name.strip() or not actor.justification.strip():
        raise ConfigError("--operator and --why must not be empty; it is recorded who did this, and why")


def require_apart(case: Case, path: Path) -> None:
    """Nothing, if the path lies neither in the evidence, which must stay as it was seized, nor among the case's files.

    Raises:
        InputError: It does.
    """
    wanted = path.absolute().parent.resolve() / path.name
    kept = {"the case": case.path, **{f"exhibit {exhibit.exhibit_id}": exhibit.path for exhibit in case.exhibits()}}
    for name, held in kept.items():
        if held.resolve() in wanted.parents:
            raise InputError(path, f"lies inside of {name}", remedy="give a folder elsewhere")


def require_new_file(case: Case, path: Path) -> None:
    """Nothing, if a file can be made there, apart from case and evidence.

    Raises:
        InputError: It cannot.
    """
    require_apart(case, path)
    if path.exists() or path.is_symlink():
        raise InputError(path, "is there already", remedy="give another name; nothing is overwritten")
    if not path.absolute().parent.is_dir():
        raise InputError(path, "cannot be made: its folder is not there", remedy="make the folder first")


def write_new_file(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and wait until its name is on the medium."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.absolute().parent)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside the one to be made, to be renamed to that one when it is whole, or it goes away.

    Raises:
        InputError: The folder is there already, or its parent is not.
    """
    if folder.exists() or folder.is_symlink():
        raise InputError(folder, "is there already", remedy="give a new folder; an export overwrites nothing")
    if not folder.absolute().parent.is_dir():
        raise InputError(folder, "cannot be made: its parent is not there", remedy="make the parent first")
    beside = folder.absolute().with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)
