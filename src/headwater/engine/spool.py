"""Tables that may be too long for memory: spooled in parts, put in order on the medium, read back in parts."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine.parquet import ROW_GROUP_ROWS, ParquetParts
from headwater.schema import SchemaMismatchError, Table

__all__ = [
    "Derived",
    "Replay",
    "Spool",
    "StoredTable",
    "as_pattern",
    "duckdb_limits",
    "stored_in_order",
    "stored_parts",
]

HELD_BYTES = 32 << 20
"""What a spool holds before it puts its rows down in a scratch file."""
PART_BYTES = 8 << 10
"""What a part takes beside its rows: that of a single row would otherwise count for next to nothing."""
ENGINE_THREAD_MB = 256
"""What each thread of DuckDB may hold when it sorts or joins; what is beyond it goes to scratch files of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """A derived table that lies on the medium: whole, checked, in canonical order.

    Attributes:
        path: The Parquet file, in a scratch folder that somebody else removes.
        num_rows: Its rows.
        sha256: Its digest.
    """

    path: Path
    num_rows: int
    sha256: str


Derived: TypeAlias = "pa.Table | StoredTable"
"""What a stage gives for a table. The rows decide what ends up on disk, byte for byte, and not which of both it was."""


def duckdb_limits(threads: int, scratch: Path | str) -> dict[str, str | int | bool]:
    """The configuration of a DuckDB that stays in bounded memory, writes to one folder, and loads nothing."""
    return {
        "threads": threads,
        "memory_limit": f"{threads * ENGINE_THREAD_MB}MB",
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def as_pattern(path: Path) -> str:
    """The path as DuckDB takes it: a pattern that means this file, whatever brackets and stars its name holds."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def stored_parts(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a Parquet file in their order, a row group's worth at a time.

    Args:
        path: The file.
        columns: Only these; None for all.
    """
    # By default what the columns take in the file is held as a whole: 770 MB for three digests of ten million rows.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(ROW_GROUP_ROWS, columns=None if columns is None else list(columns)):
            yield pa.Table.from_batches([batch])


def ascending(keys: pa.Table) -> bool:
    """Whether each row's columns, compared one after the other, are greater than those of the row before."""
    undecided = np.ones(max(0, keys.num_rows - 1), bool)
    for column in keys.columns:
        values = column.combine_chunks()
        before, after = values[:-1], values[1:]
        less = pc.less(before, after).to_numpy(zero_copy_only=False)
        same = pc.equal(before, after).to_numpy(zero_copy_only=False)
        if (undecided & ~less & ~same).any():
            return False
        undecided &= same
    return not undecided.any()


def stored_in_order(table: Table, parts: Iterable[pa.Table], scratch: Path) -> StoredTable:
    """The table written from parts that come in canonical order; memory holds about a row group.

    Args:
        table: What the rows are.
        parts: Its rows. Where the table has an order that its key does not give, whoever makes them answers for the
            key.
        scratch: Folder for the file.

    Raises:
        SchemaMismatchError: The rows are not in order, or two have the same key.
    """
    place = Path(tempfile.mkdtemp(prefix=f"{table.name}-", dir=scratch)) / f"{table.name}.parquet"
    order = [*table.order_by, *(name for name in table.key if name not in table.order_by)]
    last: pa.Table | None = None
    with ParquetParts(place, table.arrow) as written:
        for part in parts:
            if not part.num_rows:
                continue
            keys = part.select(order)
            if not ascending(keys if last is None else pa.concat_tables([last, keys])):
                raise SchemaMismatchError(f"{table.name}: two rows have the same key {table.key}")
            last = keys.slice(keys.num_rows - 1)
            written.write(part)
        return StoredTable(num_rows=written.rows, path=place, sha256=written.finish())


class Replay:
    """Batches put aside as they come, to be gone through again in the same order.

    Use it as a context manager: the scratch file goes with the block.

    Args:
        schema: Of every batch.
        scratch: Folder for the file; None holds the batches in memory.
    """

    def __init__(self, schema: pa.Schema, scratch: Path | None) -> None:
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._path: Path | None = None
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        if scratch is not None:
            descriptor, name = tempfile.mkstemp(prefix="replay-", suffix=".arrow", dir=scratch)
            os.close(descriptor)
            self._path = Path(name)
            self._writer = pa.ipc.new_stream(name, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes a batch."""
        if self._writer is None:
            self._held.append(batch)
        else:
            self._writer.write_batch(batch)

    def parts(self, rows: int) -> Iterator[pa.Table]:
        """The batches, joined to parts of at least that many rows but for the last; nothing can be added any more."""
        waiting: list[pa.RecordBatch] = []
        waiting_rows = 0
        for batch in self._batches():
            waiting.append(batch)
            waiting_rows += batch.num_rows
            if waiting_rows >= rows:
                yield pa.Table.from_batches(waiting, self._schema).combine_chunks()
                waiting, waiting_rows = [], 0
        if waiting_rows:
            yield pa.Table.from_batches(waiting, self._schema).combine_chunks()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._path is None or self._writer is None:
            yield from self._held
            return
        self._writer.close()
        with pa.OSFile(str(self._path)) as file, pa.ipc.open_stream(file) as batches:
            yield from batches

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._path is not None and self._writer is not None:
            self._writer.close()
            self._path.unlink(missing_ok=True)


class Spool:
    """Rows of one table as they are found, in any order: in memory while they are few, then in scratch files.

    Args:
        table: What the rows are; it is ordered by its key alone.
        scratch: Folder for the files; None holds every row in memory.
    """

    def __init__(self, table: Table, scratch: Path | None) -> None:
        assert scratch is None or not table.order_by, f"{table.name} has an order that its key does not give"
        self._table = table
        self._scratch = scratch
        self._folder: Path | None = None
        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._files: list[Path] = []
        # The last key put down, for as long as every file begins behind it: then nothing needs sorting.
        self._in_order = True
        self._last: pa.Table | None = None

    def add(self, part: pa.Table) -> None:
        """Takes rows."""
        if not part.num_rows:
            return
        self._held.append(self._table.typed(part))
        self._held_bytes += part.nbytes + PART_BYTES
        if self._scratch is not None and self._held_bytes >= HELD_BYTES:
            self._put_down()

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows so far, part by part.

        Args:
            columns: Only these; None for all.
        """
        for file in self._files:
            yield from stored_parts(file, columns)
        for part in self._held:
            yield part if columns is None else part.select(list(columns))

    def finished(self) -> Derived:
        """The table in canonical order.

        Raises:
            SchemaMismatchError: A required value is absent, or two rows have the same key.
        """
        if not self._files:
            return self._table.checked(pa.concat_tables([self._table.empty(), *self._held]))
        assert self._scratch is not None
        self._put_down()
        parts = self.parts() if self._in_order else self._sorted()
        stored = stored_in_order(self._table, parts, self._scratch)
        assert self._folder is not None
        shutil.rmtree(self._folder)
        return stored

    def _put_down(self) -> None:
        """Writes what is held to a scratch file, in order."""
        if not self._held:
            return
        rows = self._table.checked(pa.concat_tables(self._held))
        keys = rows.select(list(self._table.key))
        first = keys.slice(0, 1)
        self._in_order &= self._last is None or ascending(pa.concat_tables([self._last, first]))
        self._last = keys.slice(keys.num_rows - 1).combine_chunks()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"{self._table.name}-", dir=self._scratch))
        file = self._folder / f"{len(self._files)}.parquet"
        pq.write_table(rows, file, compression="zstd", compression_level=1)
        self._files.append(file)
        self._held, self._held_bytes = [], 0

    def _sorted(self) -> Iterator[pa.Table]:
        import duckdb

        assert self._folder is not None
        with duckdb.connect(config=duckdb_limits(1, self._folder)) as connection:
            connection.execute("SET TimeZone='UTC'")
            rows = connection.read_parquet([as_pattern(file) for file in self._files])
            key = ", ".join(f'"{name}"' for name in self._table.key)
            for batch in rows.order(key).to_arrow_reader(ROW_GROUP_ROWS):
                yield pa.Table.from_batches([batch]).cast(self._table.arrow)
