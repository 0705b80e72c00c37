"""Rows by the value of one of their columns, out of immutable Parquet of millions, without reading the others."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["ByStatistics", "FindsRows", "may_hold", "text_bounds"]

Made = TypeVar("Made")

_LONGEST_BOUND: Final = 64
"""Characters: no id or digest is longer, and a writer of Parquet may cut off what is."""


class FindsRows(Protocol):
    """What finds rows in a file."""

    def rows(self, path: Path, schema: pa.Schema, column: str, values: Sequence[str]) -> pa.Table:
        """The rows of a file whose column has one of the values, in their order.

        Args:
            path: The file; it never changes.
            schema: The columns that are given; one that the file lacks is absent in every row.
            column: Whose values are compared, texts.
            values: In order, each once.
        """

    def at(self, path: Path, schema: pa.Schema, places: npt.NDArray[np.int64]) -> pa.Table:
        """The rows of a file at these places, counted from 0 and in order."""

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, perhaps that of an earlier time with the same key."""


class ByStatistics:
    """Reads the row groups whose bounds, in the footer, allow one of the values: few where the column is in order."""

    def rows(self, path: Path, schema: pa.Schema, column: str, values: Sequence[str]) -> pa.Table:
        """As `FindsRows` says."""
        wanted = pa.array(values, pa.string())
        found = [schema.empty_table()]
        with pq.ParquetFile(path, pre_buffer=False) as file:
            there = [field.name for field in schema if field.name in file.schema_arrow.names]
            for index in range(file.metadata.num_row_groups if column in file.schema_arrow.names else 0):
                if not may_hold(file, index, column, values):
                    continue
                keys = file.read_row_group(index, columns=[column])[column]
                places = np.flatnonzero(pc.is_in(keys, value_set=wanted).to_numpy())
                if len(places):
                    rows = file.read_row_group(index, columns=there).take(pa.array(places))
                    found.append(with_columns(rows, schema))
        return pa.concat_tables(found)

    def at(self, path: Path, schema: pa.Schema, places: npt.NDArray[np.int64]) -> pa.Table:
        """As `FindsRows` says."""
        found = [schema.empty_table()]
        with pq.ParquetFile(path, pre_buffer=False) as file:
            there = [field.name for field in schema if field.name in file.schema_arrow.names]
            begin = 0
            for index in range(file.metadata.num_row_groups):
                end = begin + file.metadata.row_group(index).num_rows
                inside = places[(places >= begin) & (places < end)] - begin
                begin = end
                if len(inside):
                    found.append(with_columns(file.read_row_group(index, columns=there).take(inside), schema))
        return pa.concat_tables(found)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:  # noqa: ARG002 - nothing is kept here
        """As `FindsRows` says: made each time."""
        return make()


def may_hold(file: pq.ParquetFile, index: int, column: str, values: Sequence[str]) -> bool:
    """Whether a row group can have one of the values, by the least and the greatest that its footer names.

    Args:
        file: Of which.
        index: Of the row group, from 0.
        column: A column of texts that the file has.
        values: In order.
    """
    group = file.metadata.row_group(index)
    place = next(n for n in range(group.num_columns) if group.column(n).path_in_schema == column)
    bounds = group.column(place).statistics
    if bounds is None or not bounds.has_min_max:
        return True
    first = bisect.bisect_left(values, bounds.min)
    return first < len(values) and (values[first] <= bounds.max or len(bounds.max) >= _LONGEST_BOUND)


def text_bounds(path: Path, column: str) -> tuple[str, str] | None:
    """The least and the greatest text of a column, by the footer of its file; None where that does not say.

    Args:
        path: The file.
        column: A column of texts.
    """
    groups = pq.read_metadata(path)
    found = []
    for index in range(groups.num_row_groups):
        group = groups.row_group(index)
        chunks = (group.column(n) for n in range(group.num_columns))
        told = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == column), None)
        if told is None or not told.has_min_max or len(told.max) >= _LONGEST_BOUND:
            return None
        found += [(told.min, told.max)]
    return (min(least for least, _ in found), max(most for _, most in found)) if found else None


def with_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with just these columns; those that a file of an earlier version lacks are absent in every row."""
    held = [rows[f.name].cast(f.type) if f.name in rows.column_names else pa.nulls(len(rows), f.type) for f in schema]
    return pa.table(held, schema=schema)
