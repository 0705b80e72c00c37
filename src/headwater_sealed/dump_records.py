"""The records of a dump, gathered into batches: tables, rows and defects as they come, ranges at the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from headwater_sealed.mysql_runs import RowRun
from headwater_sealed.rows import Emit, field

__all__ = ["DUMP_SCHEMA", "RANGE_KINDS", "DumpRecords"]

RANGE_KINDS = ("rows", "schema", "comment", "skipped", "unparsed")

DUMP_SCHEMA = pa.schema(
    [
        field("record_kind", pa.string()),
        field("table_name", pa.string(), nullable=True),
        field("number", pa.int64(), nullable=True),
        field("offset_bytes", pa.int64(), nullable=True),
        field("length_bytes", pa.int64(), nullable=True),
        field("names", pa.list_(pa.string()), nullable=True),
        field("types", pa.list_(pa.string()), nullable=True),
        field("values", pa.list_(pa.binary()), nullable=True),
        field("quoted", pa.list_(pa.bool_()), nullable=True),
        field("code", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
        field("range_kind", pa.string(), nullable=True),
    ]
)

_BATCH_ROWS = 4096
_BATCH_BYTES = 4 * 1024 * 1024


class DumpRecords:
    """Takes what the parser finds and emits it in the same order.

    Args:
        emit: Takes a batch.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._tables: list[str] = []
        self._numbers: list[int] = []
        self._offsets: list[int] = []
        self._lengths: list[int] = []
        self._literals: list[Sequence[tuple[bytes | None, bool]]] = []
        self._row_bytes = 0
        self._bytes = dict.fromkeys(RANGE_KINDS, 0)
        self._counts = dict.fromkeys(RANGE_KINDS, 0)
        self._last = ""

    def range(self, kind: str, length_bytes: int) -> None:
        """Accounts for the next bytes of the file; neighbours of one kind are one range."""
        if not length_bytes:
            return
        self._bytes[kind] += length_bytes
        if kind != self._last:
            self._counts[kind] += 1
            self._last = kind

    def row(
        self,
        table: str,
        number: int,
        offset_bytes: int,
        length_bytes: int,
        literals: Sequence[tuple[bytes | None, bool]],
    ) -> None:
        """Takes one row."""
        self._tables.append(table)
        self._numbers.append(number)
        self._offsets.append(offset_bytes)
        self._lengths.append(length_bytes)
        self._literals.append(literals)
        self._row_bytes += length_bytes
        if len(self._tables) >= _BATCH_ROWS or self._row_bytes >= _BATCH_BYTES:
            self.flush()

    def run(self, table: str, number: int, base_bytes: int, run: RowRun, width: int) -> None:
        """Takes many rows of one table.

        Args:
            table: Its name.
            number: Of the first row.
            base_bytes: Where in the file the buffer begins that the run was found in.
            run: The rows.
            width: Values of a row.
        """
        self.flush()
        count = len(run.starts)
        ends = pa.array(np.arange(0, count * width + 1, width, dtype=np.int32))
        self._emit_rows(
            count,
            {
                "record_kind": _repeated("row", count),
                "table_name": _repeated(table, count),
                "number": pa.array(np.arange(number, number + count)),
                "offset_bytes": pa.array(run.starts + base_bytes),
                "length_bytes": pa.array(run.lengths_bytes),
                "values": pa.ListArray.from_arrays(ends, run.values),
                "quoted": pa.ListArray.from_arrays(ends, pa.array(run.quoted)),
            },
        )

    def table(
        self, name: str, names: Sequence[str], types: Sequence[str], offset_bytes: int, length_bytes: int
    ) -> None:
        """Takes a table's declaration."""
        self._one(
            record_kind="table",
            table_name=name,
            offset_bytes=offset_bytes,
            length_bytes=length_bytes,
            names=list(names),
            types=list(types),
        )

    def defect(
        self,
        code: str,
        reason: str,
        offset_bytes: int,
        length_bytes: int,
        *,
        table: str | None = None,
        number: int | None = None,
    ) -> None:
        """Takes what could not be read, and why."""
        self._one(
            record_kind="defect",
            code=code,
            reason=reason,
            offset_bytes=offset_bytes,
            length_bytes=length_bytes,
            table_name=table,
            number=number,
        )

    def close(self) -> None:
        """Emits the rest and the ranges."""
        self.flush()
        ranges = [
            {
                "record_kind": "range",
                "range_kind": kind,
                "number": self._counts[kind],
                "length_bytes": self._bytes[kind],
            }
            for kind in RANGE_KINDS
        ]
        self._emit(pa.RecordBatch.from_pylist(ranges, schema=DUMP_SCHEMA))

    def flush(self) -> None:
        """Emits the rows so far."""
        count = len(self._tables)
        if not count:
            return
        ends = [0]
        for row in self._literals:
            ends.append(ends[-1] + len(row))
        flat = list(chain.from_iterable(self._literals))
        starts = pa.array(ends, pa.int32())
        columns = {
            "record_kind": pa.array(["row"] * count, pa.string()),
            "table_name": pa.array(self._tables, pa.string()),
            "number": pa.array(self._numbers, pa.int64()),
            "offset_bytes": pa.array(self._offsets, pa.int64()),
            "length_bytes": pa.array(self._lengths, pa.int64()),
            "values": pa.ListArray.from_arrays(starts, pa.array([value for value, _ in flat], pa.binary())),
            "quoted": pa.ListArray.from_arrays(starts, pa.array([quoted for _, quoted in flat], pa.bool_())),
        }
        self._emit_rows(count, columns)
        for gathered in (self._tables, self._numbers, self._offsets, self._lengths, self._literals):
            gathered.clear()
        self._row_bytes = 0

    def _one(self, **record: object) -> None:
        self.flush()
        self._emit(pa.RecordBatch.from_pylist([record], schema=DUMP_SCHEMA))

    def _emit_rows(self, count: int, columns: dict[str, pa.Array]) -> None:
        arrays = [columns[f.name] if f.name in columns else pa.nulls(count, f.type) for f in DUMP_SCHEMA]
        self._emit(pa.RecordBatch.from_arrays(arrays, schema=DUMP_SCHEMA))


def _repeated(text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), count)
