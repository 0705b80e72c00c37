"""Rows gathered into record batches of one schema."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

__all__ = ["Emit", "Rows", "field"]

Emit = Callable[[pa.RecordBatch], None]
"""Takes a batch of a job's schema."""

_BATCH_ROWS = 4096
_BATCH_BYTES = 8 * 1024 * 1024


def field(name: str, kind: pa.DataType, *, nullable: bool = False) -> pa.Field:
    """A field of a job's schema; required unless said otherwise."""
    return pa.field(name, kind, nullable=nullable)


class Rows:
    """Emits rows as batches, each of at most so many rows and about so many bytes.

    Args:
        schema: Of every batch.
        emit: Takes a batch.
    """

    def __init__(self, schema: pa.Schema, emit: Emit) -> None:
        self._schema = schema
        self._names = frozenset(schema.names)
        self._emit = emit
        self._columns: list[tuple[str, list[object]]] = [(name, []) for name in schema.names]
        self._count = 0
        self._bytes = 0

    def add(self, **row: object) -> None:
        """Takes a row; a column that is left out is null."""
        assert row.keys() <= self._names, sorted(row.keys() - self._names)
        for name, values in self._columns:
            value = row.get(name)
            values.append(value)
            if isinstance(value, str | bytes):
                self._bytes += len(value)
        self._count += 1
        if self._count >= _BATCH_ROWS or self._bytes >= _BATCH_BYTES:
            self.close()

    def close(self) -> None:
        """Emits what is left."""
        if self._count:
            arrays = [
                pa.array(values, type=kind.type) for (_, values), kind in zip(self._columns, self._schema, strict=True)
            ]
            batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
            batch.validate(full=True)
            self._emit(batch)
        for _, values in self._columns:
            values.clear()
        self._count = self._bytes = 0
