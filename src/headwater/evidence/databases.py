"""Data directories in a folder that was taken in: each read on a copy by its own kind of server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Exhibit, StageContext
from headwater.errors import UnreadableInputError
from headwater.evidence.folders import shown
from headwater.evidence.platform import PlatformTables
from headwater.evidence.row_source import RowSource
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.evidence.throwaway import DataDirectory, Exported, data_directory, exported_rows
from headwater.schema import item_id

__all__ = ["DATABASE_FORMATS", "database_batches", "read_databases"]

DATABASE_FORMATS = ("innodb-directory", "postgresql-directory")
"""What rows of a data directory are said to be read from."""

_MARKS = {"innodb": "ibdata1", "postgresql": "global/pg_control"}
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
        source = RowSource(
            exhibit_id=exhibit.exhibit_id,
            item_id=item_id(exhibit.exhibit_id, 0, mark),
            path=shown(mark),
            path_bytes=mark,
            source_format=f"{directory.engine}-directory",
        )
        rows = 0
        try:
            with exported_rows(directory) as exported:
                for batch in _batches(pool, exported):
                    rows += platform.take(source, batch)
                    context.progress("rows", rows, None)
                context.notes[f"database-{exhibit.exhibit_id}-{number}.json"] = _note(
                    exhibit, source, directory, exported
                )
        except (UnreadableInputError, SealedWorkerError) as error:
            platform.defect(source, code="database_not_read", reason=error.reason)


def database_batches(pool: SealedPool, exhibit: Exhibit, mark: bytes) -> Iterator[pa.RecordBatch]:
    """The records of one data directory of a folder, as the sealed reader of dumps gives them.

    Args:
        pool: Sealed workers.
        exhibit: The folder.
        mark: The file that the directory is known by.

    Raises:
        UnreadableInputError: It cannot be read.
    """
    path = exhibit.path / os.fsdecode(mark)
    directory = next(
        found for place in (path.parent, path.parent.parent) if (found := data_directory(place)) is not None
    )
    with exported_rows(directory) as exported:
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


def _note(exhibit: Exhibit, source: RowSource, directory: DataDirectory, exported: Exported) -> bytes:
    told = {
        "exhibit_id": exhibit.exhibit_id,
        "source_item_id": source.item_id,
        "path": source.path,
        "engine": directory.engine,
        "stated_version": directory.stated_version,
        "server_version": exported.server_version,
        "recovery": exported.recovery,
        "changed": [asdict(one) for one in exported.changed],
    }
    return json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"
