"""Data directories in a folder or an image that was taken in: each read on a copy by its own kind of server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Exhibit, StageContext
from headwater.errors import UnreadableInputError
from headwater.evidence.copied_directory import copied_out
from headwater.evidence.folders import shown
from headwater.evidence.platform import PlatformTables
from headwater.evidence.readable import FileSet
from headwater.evidence.row_source import RowSource
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.evidence.throwaway import DataDirectory, Exported, data_directory, exported_rows
from headwater.schema import item_id

__all__ = ["DATABASE_FORMATS", "database_batches", "read_databases", "read_volume_databases"]

DATABASE_FORMATS = ("innodb-directory", "postgresql-directory")
"""What rows of a data directory are said to be read from."""

_MARKS = {"innodb": "ibdata1", "postgresql": "global/pg_control"}
_BESIDE = {"innodb": b"mysql", "postgresql": b"PG_VERSION"}
_TELLING = r"(?:^|/)(?:ibdata1|mysql|global/pg_control|PG_VERSION)$"
_JOBS = {"mysql-dump": "parse_mysql_dump", "postgres-dump": "parse_postgres_dump"}


def _found(folder: Path) -> Iterator[DataDirectory]:
    """The data directories in a folder, itself among them, in the order of their paths."""
    for place, names, _ in os.walk(folder):
        try:
            found = data_directory(Path(place))
        except OSError:  # too long a path, or one that may not be read: its entry has the reason
            found, names[:] = None, []
        if found is not None:
            yield found
            names.clear()
        names.sort()  # links are not gone into, and lead nowhere


def read_databases(exhibit: Exhibit, platform: PlatformTables, pool: SealedPool, context: StageContext) -> None:
    """Takes in the rows of every data directory of a folder; one that cannot be read is a defect.

    How each was read, and which bytes of its copy the server changed, is kept as a note: it may differ from one run to
    the next.
    """
    for number, directory in enumerate(_found(exhibit.path)):
        mark = os.fsencode((directory.path / _MARKS[directory.engine]).relative_to(exhibit.path))
        source = _source(exhibit, 0, mark, directory.engine)
        _take(source, nullcontext(directory.path), str(number), platform, pool, context)


def read_volume_databases(
    exhibit: Exhibit,
    reached: FileSet,
    entries: Iterable[pa.Table],
    platform: PlatformTables,
    pool: SealedPool,
    context: StageContext,
) -> None:
    """The same for a volume of an image: each data directory is copied out for as long as its server works.

    Args:
        exhibit: The image.
        reached: The volume.
        entries: Rows of the table `entries`, those of the volume among them.
        platform: Takes the rows.
        pool: Sealed workers.
        context: The stage.
    """
    volume = reached.volume_index or 0
    for number, (engine, directory, mark, whole) in enumerate(_on_volume(exhibit.exhibit_id, volume, entries)):
        source = _source(exhibit, volume, mark, engine)
        if not whole:
            reason = f"no {_BESIDE[engine].decode()} lies beside it, so that it is no whole data directory"
            platform.defect(source, code="database_not_read", reason=reason)
            continue
        _take(source, copied_out(pool, reached, directory), f"{volume}-{number}", platform, pool, context)


def _on_volume(exhibit_id: str, volume: int, entries: Iterable[pa.Table]) -> Iterator[tuple[str, bytes, bytes, bool]]:
    """Engine, path and mark of each data directory on a volume, and whether it is whole; in the order of paths."""
    paths: set[bytes] = set()
    for part in entries:
        here = pc.and_(pc.equal(part["exhibit_id"], exhibit_id), pc.equal(part["volume_index"], volume))
        names = part.filter(pc.and_(here, pc.match_substring_regex(part["path"], _TELLING)))["path_bytes"]
        paths.update(names.to_pylist())
    for path in sorted(paths):
        for engine, mark in _MARKS.items():
            above = path.removesuffix(mark.encode())
            if above != path and above[-1:] in {b"", b"/"}:
                yield engine, above.rstrip(b"/"), path, above + _BESIDE[engine] in paths


def _source(exhibit: Exhibit, volume: int, mark: bytes, engine: str) -> RowSource:
    return RowSource(
        exhibit_id=exhibit.exhibit_id,
        item_id=item_id(exhibit.exhibit_id, volume, mark),
        path=shown(mark),
        path_bytes=mark,
        source_format=f"{engine}-directory",
    )


def _take(
    source: RowSource,
    place: AbstractContextManager[Path],
    number: str,
    platform: PlatformTables,
    pool: SealedPool,
    context: StageContext,
) -> None:
    rows = 0
    try:
        with place as folder:
            directory = _directory(folder)
            with exported_rows(directory) as exported:
                for batch in _batches(pool, exported):
                    rows += platform.take(source, batch)
                    context.progress("rows", rows, None)
                note = f"database-{source.exhibit_id}-{number}.json"
                context.notes[note] = _note(source, directory, exported)
    except (UnreadableInputError, SealedWorkerError) as error:
        platform.defect(source, code="database_not_read", reason=error.reason)


def _directory(folder: Path) -> DataDirectory:
    found = data_directory(folder)
    if found is None:
        raise UnreadableInputError(folder, "no data directory", remedy="look at it by hand")
    return found


def database_batches(
    pool: SealedPool, exhibit: Exhibit, mark: bytes, reached: FileSet | None = None
) -> Iterator[pa.RecordBatch]:
    """The records of one data directory of a folder or a volume, as the sealed reader of dumps gives them.

    Args:
        pool: Sealed workers.
        exhibit: The folder or the image.
        mark: The file that the directory is known by.
        reached: The volume, for an image.

    Raises:
        UnreadableInputError: It cannot be read.
    """
    engine = next(engine for engine, name in _MARKS.items() if mark.endswith(name.encode()))
    directory = mark.removesuffix(_MARKS[engine].encode()).rstrip(b"/")
    place: AbstractContextManager[Path] = nullcontext(exhibit.path / os.fsdecode(directory))
    if reached is not None:
        place = copied_out(pool, reached, directory)
    with place as folder, exported_rows(_directory(folder)) as exported:
        yield from _batches(pool, exported)


def _batches(pool: SealedPool, exported: Exported) -> Iterator[pa.RecordBatch]:
    for database, dump in exported.dumps.items():
        for batch in pool.stream(_JOBS[exported.source_format], [dump], {}):
            if not database:
                yield batch
                continue
            place = batch.schema.get_field_index("table_name")
            names = pc.binary_join_element_wise(database, batch["table_name"], ".")
            yield batch.set_column(place, batch.schema.field(place), names)


def _note(source: RowSource, directory: DataDirectory, exported: Exported) -> bytes:
    told = {
        "exhibit_id": source.exhibit_id,
        "source_item_id": source.item_id,
        "path": source.path,
        "engine": directory.engine,
        "stated_version": directory.stated_version,
        "server_version": exported.server_version,
        "recovery": exported.recovery,
        "changed": [asdict(one) for one in exported.changed],
    }
    return json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"
