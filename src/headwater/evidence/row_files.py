"""Which sealed job reads the rows of a file, and the records of one file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from headwater.engine import Exhibit
from headwater.evidence.image_files import image_parameters, image_sources
from headwater.evidence.members import entry_of, file_and_members
from headwater.evidence.readable import FileSet
from headwater.evidence.sealed import SealedPool

__all__ = ["ROW_JOBS", "row_batches"]

ROW_JOBS: Mapping[str, str] = {
    "mysql-dump": "parse_mysql_dump",
    "postgres-dump": "parse_postgres_dump",
}
"""The job that reads the rows of a file, by what the file is taken for."""


def row_batches(
    pool: SealedPool,
    exhibit: Exhibit,
    source_format: str,
    *,
    volume_index: int = 0,
    path_bytes: bytes = b"",
    inode: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """The records of a file that rows are read from.

    Args:
        pool: Sealed workers.
        exhibit: The exhibit that the file is or lies in.
        source_format: What it is read as.
        volume_index: Volume of an image.
        path_bytes: Path of the file in the exhibit; empty where it is the exhibit itself.
        inode: Number of the file on its volume, where it is known.
    """
    job = ROW_JOBS[source_format]
    if exhibit.exhibit_kind == "disk-image":
        reached = FileSet(
            files=image_sources(exhibit.path, exhibit.secret),
            volume_index=volume_index,
            told=image_parameters(exhibit.path, exhibit.secret),
        )
        return pool.stream(job, reached.files, reached.parameters([entry_of(path_bytes, inode=inode)]))
    path, members = file_and_members(path_bytes)
    file = exhibit.path / os.fsdecode(path) if exhibit.exhibit_kind == "directory" else exhibit.path
    entry: dict[str, Any] = {"file_index": 0}
    return pool.stream(job, [file], {"entries": [entry | {"members": members} if members else entry]})
