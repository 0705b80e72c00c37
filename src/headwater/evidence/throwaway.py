"""A database's own data directory, read by its own kind of server: on a copy, without a network, destroyed afterwards.

No reader of ours understands the pages of InnoDB or of PostgreSQL's heap. Their servers do, so one is started on a copy
of the directory, as a user without rights, in a network of its own with nobody in it, with none of the seized settings,
plugins or events; its dump program writes the rows out, and the sealed reader of dumps reads what that wrote. Which
bytes of the copy the server changed is noted. The directory itself is never written, and that is looked at.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import UnreadableInputError
from headwater.evidence.throwaway_engines import mariadb_dumps, postgres_dumps
from headwater.evidence.throwaway_server import ThrowawayServer

__all__ = ["ByteRange", "DataDirectory", "Exported", "data_directory", "exported_rows"]

_BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDirectory:
    """A data directory as it was found.

    Attributes:
        engine: innodb or postgresql.
        path: Where it lies.
        stated_version: What it says of the server that wrote it; empty if nothing.
    """

    engine: str
    path: Path
    stated_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes of the copy that the server changed, in steps of 4 KiB.

    Attributes:
        path: File, relative to the directory.
        change: changed, added or removed.
        offset_bytes: Where they begin.
        length_bytes: How many.
    """

    path: str
    change: str
    offset_bytes: int
    length_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a server gave of a directory.

    Attributes:
        dumps: What its dump program wrote: one file, or one for each database, by its name.
        source_format: What the sealed reader reads them as.
        server_version: Of the server that was started.
        recovery: read-only, or what the server had to do to the copy.
        changed: What it changed in the copy.
    """

    dumps: Mapping[str, Path]
    source_format: str
    server_version: str
    recovery: str
    changed: tuple[ByteRange, ...]


def data_directory(path: Path) -> DataDirectory | None:
    """The data directory that a folder is; None if it is none."""
    if (path / "PG_VERSION").is_file() and (path / "global" / "pg_control").is_file():
        stated = (path / "PG_VERSION").read_text("ascii", "replace").strip()[:20]
        return DataDirectory(engine="postgresql", path=path, stated_version=stated)
    if (path / "ibdata1").is_file() and (path / "mysql").is_dir():
        upgraded = next(
            (path / n for n in ("mariadb_upgrade_info", "mysql_upgrade_info") if (path / n).is_file()), None
        )
        stated = upgraded.read_text("utf-8", "replace").strip("\0 \n")[:60] if upgraded is not None else ""
        return DataDirectory(engine="innodb", path=path, stated_version=stated)
    return None


@contextmanager
def exported_rows(directory: DataDirectory) -> Iterator[Exported]:
    """What the directory's own kind of server gives of it; copy and dumps are there for as long as the context lasts.

    Copy and dumps lie in a folder of their own in the folder for temporary files, which has to be one that other users
    can go through where this program runs as root, because the server does not.

    Args:
        directory: Read, never written.

    Raises:
        UnreadableInputError: There is no room for a copy; or the server is not installed, cannot read the directory, or
            does not come to an end.
    """
    size_bytes = sum(path.stat().st_size for path in _files(directory.path))
    if shutil.disk_usage(tempfile.gettempdir()).free < 3 * size_bytes:
        raise UnreadableInputError(
            directory.path,
            f"a copy and an export take {3 * size_bytes} bytes, and {tempfile.gettempdir()} has less",
            remedy="name a folder with more room in TMPDIR",
        )
    # The path of a socket may have 107 bytes only.
    scratch = Path(tempfile.mkdtemp(prefix="hw-"))
    try:
        yield _exported(directory, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _exported(directory: DataDirectory, scratch: Path) -> Exported:
    before = _digests(directory.path)
    copy = scratch / "copy"
    _copied(directory.path, copy)
    server = ThrowawayServer(directory.path, scratch, copy)
    try:
        if directory.engine == "postgresql":
            dumps, version, recovery = postgres_dumps(server, directory.stated_version)
        else:
            dumps, version, recovery = mariadb_dumps(server)
        changed = tuple(_changes(directory.path, copy))
    finally:
        shutil.rmtree(copy, ignore_errors=True)
        if _digests(directory.path) != before:
            raise UnreadableInputError(
                directory.path, "it changed while a copy of it was read", remedy="attach it read-only and begin again"
            )
    return Exported(
        dumps=dumps,
        source_format="mysql-dump" if directory.engine == "innodb" else "postgres-dump",
        server_version=version,
        recovery=recovery,
        changed=changed,
    )


def _copied(source: Path, target: Path) -> None:
    """Copies files and folders; a link is left out, for what it leads to is not of the directory."""
    target.mkdir(mode=0o700)
    for folder, names, files in os.walk(source):
        place = target / Path(folder).relative_to(source)
        names[:] = sorted(name for name in names if not (Path(folder) / name).is_symlink())
        for name in names:
            (place / name).mkdir(mode=0o700)
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                shutil.copyfile(path, place / name)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _digests(folder: Path) -> Mapping[Path, str]:
    found = {}
    for path in _files(folder):
        with path.open("rb") as file:
            found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _changes(before: Path, after: Path) -> Iterator[ByteRange]:
    """What differs between the directory and the copy that a server has used."""
    names = {os.fspath(path.relative_to(folder)) for folder in (before, after) for path in _files(folder)}
    for name in sorted(names):
        old, new = before / name, after / name
        if not old.is_file() or not new.is_file():
            one = new if new.is_file() else old
            change = "added" if new.is_file() else "removed"
            yield ByteRange(path=name, change=change, offset_bytes=0, length_bytes=one.stat().st_size)
            continue
        yield from _differences(name, old, new)


def _differences(name: str, old: Path, new: Path) -> Iterator[ByteRange]:
    start: int | None = None
    at = 0
    with old.open("rb") as left, new.open("rb") as right:
        while True:
            one, other = left.read(_BLOCK_BYTES), right.read(_BLOCK_BYTES)
            if one != other and start is None:
                start = at
            if start is not None and (one == other or not (one or other)):
                yield ByteRange(path=name, change="changed", offset_bytes=start, length_bytes=at - start)
                start = None
            if not one and not other:
                return
            at += max(len(one), len(other))
