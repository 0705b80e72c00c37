"""Parquet written once: the same table gives the same bytes, and a crash leaves either the whole file or none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ParquetParts", "file_sha256", "sync_folder", "write_parquet"]

ROW_GROUP_ROWS = 65_536
NESTED_GROUP_ROWS = 1_024


_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "version": "2.6",
    "use_dictionary": True,
    "write_statistics": True,
}


def _group_rows(schema: pa.Schema) -> int:
    """Rows of a row group: few where rows hold lists, so that a page of them is read without decoding thousands."""
    return NESTED_GROUP_ROWS if any(pa.types.is_nested(field.type) for field in schema) else ROW_GROUP_ROWS


def write_parquet(table: pa.Table, path: Path) -> str:
    """SHA-256 of the file written: to a temporary name, flushed, renamed, and the folder flushed."""
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, temporary, row_group_size=_group_rows(table.schema), **_OPTIONS)
    return _placed(temporary, path)


class ParquetParts:
    """A Parquet file that is written part by part; the same rows give the same bytes, however they are cut into parts.

    Use it as a context manager: without `finish`, nothing is left behind.

    Args:
        path: The file.
        schema: Of every part.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._writer = pq.ParquetWriter(self._temporary, schema, **_OPTIONS)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._group_rows = _group_rows(schema)
        self.rows = 0

    def write(self, part: pa.Table) -> None:
        """Append rows; memory holds less than a row group of them."""
        self.rows += part.num_rows
        self._waiting.append(part)
        self._waiting_rows += part.num_rows
        if self._waiting_rows < self._group_rows:
            return
        joined = pa.concat_tables(self._waiting)
        whole = self._waiting_rows // self._group_rows * self._group_rows
        for start in range(0, whole, self._group_rows):
            self._write_group(joined.slice(start, self._group_rows))
        self._waiting = [joined.slice(whole)]
        self._waiting_rows -= whole

    def finish(self) -> str:
        """SHA-256 of the file, which is now on the medium and complete."""
        if self._waiting_rows:
            self._write_group(pa.concat_tables(self._waiting))
        self._writer.close()
        return _placed(self._temporary, self._path)

    def _write_group(self, rows: pa.Table) -> None:
        # The writer's bytes depend on the chunks it is given, so that it is given one.
        self._writer.write_table(rows.combine_chunks(), row_group_size=self._group_rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer.is_open:
            self._writer.close()
        self._temporary.unlink(missing_ok=True)


def _placed(temporary: Path, path: Path) -> str:
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    temporary.rename(path)
    sync_folder(path.parent)
    return digest


def sync_folder(folder: Path) -> None:
    """Flush a folder, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
