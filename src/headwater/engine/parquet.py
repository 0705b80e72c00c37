"""Parquet written once: the same table gives the same bytes, and a crash leaves either the whole file or none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["file_sha256", "sync_folder", "write_parquet"]

ROW_GROUP_ROWS = 65_536


def write_parquet(table: pa.Table, path: Path) -> str:
    """SHA-256 of the file written: to a temporary name, flushed, renamed, and the folder flushed."""
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(
        table,
        temporary,
        compression="zstd",
        compression_level=3,
        row_group_size=ROW_GROUP_ROWS,
        version="2.6",
        use_dictionary=True,
        write_statistics=True,
    )
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
