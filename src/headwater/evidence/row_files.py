"""Which sealed job reads the rows of a file, and the records of one file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from headwater.engine import Exhibit
from headwater.evidence.databases import DATABASE_FORMATS, database_batches
from headwater.evidence.folders import shown
from headwater.evidence.image_files import image_parameters, image_sources
from headwater.evidence.members import entry_of, file_and_members, member_path
from headwater.evidence.readable import FileSet
from headwater.evidence.sealed import SealedPool

__all__ = ["LOG_SUFFIX", "ROW_JOBS", "RowJob", "row_batches", "table_of_file"]

LOG_SUFFIX = b"-wal"
"""Stands behind the name of an SQLite database to name its write-ahead log."""

_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst)\Z", re.IGNORECASE)
_SUFFIX = re.compile(r"\.(?:bson|jsonl?|ndjson|csv|tsv|txt)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowJob:
    """How rows of one format are read.

    Attributes:
        job: The sealed job.
        told: Its parameters beside the entries.
        named: Whether the file says nothing of its table's name, which is then told from the file's.
        beside: Whether it is read together with another file, which stands before it or behind.
    """

    job: str
    told: Mapping[str, Any] = field(default_factory=dict)
    named: bool = False
    beside: bool = False

    def parameters(self, path: str) -> dict[str, Any]:
        """The parameters of the job over the file at that path, beside its entries."""
        return {**self.told, "table_name": table_of_file(path)} if self.named else dict(self.told)


ROW_JOBS: Mapping[str, RowJob] = {
    "mysql-dump": RowJob(job="parse_mysql_dump"),
    "postgres-dump": RowJob(job="parse_postgres_dump"),
    "postgres-custom-dump": RowJob(job="parse_postgres_archive"),
    "postgres-directory-dump": RowJob(job="parse_postgres_archive"),
    "postgres-directory-rows": RowJob(job="parse_postgres_archive", beside=True),
    "mongo-archive": RowJob(job="parse_mongo_archive"),
    "bson": RowJob(job="parse_bson", named=True),
    "json-rows": RowJob(job="parse_json_rows", named=True),
    "csv": RowJob(job="parse_csv", named=True),
    "mysql-tab": RowJob(job="parse_mysql_tab", named=True),
    "sqlite": RowJob(job="parse_sqlite", beside=True),
    "sqlite-wal": RowJob(job="parse_sqlite", told={"part": "log"}, beside=True),
}
"""How the rows of a file are read, by what the file is taken for."""


def table_of_file(path: str) -> str:
    """The name of the table that a file is the export of, from its path: `users` of `backup/users.jsonl.gz!/`."""
    name = next((part for part in reversed(re.split(r"!?/", path)) if part), path)
    return _SUFFIX.sub("", _PACKED.sub("", name)) or name


def row_batches(
    pool: SealedPool,
    exhibit: Exhibit,
    source_format: str,
    *,
    volume_index: int = 0,
    path_bytes: bytes = b"",
    inode: int | None = None,
    log: tuple[bytes, int | None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The records of a file that rows are read from.

    Args:
        pool: Sealed workers.
        exhibit: The exhibit that the file is or lies in.
        source_format: What it is read as.
        volume_index: Volume of an image.
        path_bytes: Path of the file in the exhibit; empty where it is the exhibit itself.
        inode: Number of the file on its volume, where it is known.
        log: Path and number of the write-ahead log of an SQLite database.
    """
    if source_format in DATABASE_FORMATS:
        reached = _volume(exhibit, volume_index) if exhibit.exhibit_kind == "disk-image" else None
        return database_batches(pool, exhibit, path_bytes, reached)
    how = ROW_JOBS[source_format]
    places = [(path_bytes, inode), *([log] if log is not None else [])]
    if exhibit.exhibit_kind == "disk-image":
        reached = _volume(exhibit, volume_index)
        entries = [entry_of(key, inode=number) for key, number in places]
    else:
        files, entries = [], []
        for number, (key, _) in enumerate(places):
            path, members = file_and_members(key)
            files.append(exhibit.path / os.fsdecode(path) if exhibit.exhibit_kind == "directory" else exhibit.path)
            entry: dict[str, Any] = {"file_index": number}
            entries.append(entry | {"members": members} if members else entry)
        reached = FileSet(files=files)
    name = shown(member_path(path_bytes)) if path_bytes else exhibit.path.name
    return pool.stream(how.job, reached.files, {**reached.parameters(entries), **how.parameters(name)})


def _volume(exhibit: Exhibit, volume_index: int) -> FileSet:
    return FileSet(
        files=image_sources(exhibit.path, exhibit.secret),
        volume_index=volume_index,
        told=image_parameters(exhibit.path, exhibit.secret),
    )
