"""Pages of a table: a few rows out of any number, read from the one or two row groups that hold them."""

from __future__ import annotations

import bisect
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine import may_hold
from headwater.schema import table_named
from headwater_web.answers import WrongInputError
from headwater_web.cases import OpenCase

__all__ = ["PAGE_ROWS", "Condition", "TablePage", "TablePages", "conditions_of"]

PAGE_ROWS: Final = 50
_OPEN_FILES: Final = 64
_KEPT_FILTERS: Final = 64
_DIGESTS: Final = ("sha256", "sha1", "md5", "txid")
_FEW_GROUPS: Final = 2
"""Of rows: so many are read sooner than an index is made."""
_OF_MANY: Final = frozenset({"exhibit_id", "mapping_id", "model_id", "service_id"})
"""Ids that so many rows share that an index of them would find half of the table."""

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a column is to be.

    Attributes:
        column: Its name.
        value: Compared as text; empty for an absent value.
        holds: Whether the value is only to be within the text, whatever the case of its letters.
    """

    column: str
    value: str
    holds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePage:
    """Some rows of a table, in its own order.

    Attributes:
        rows: The rows.
        first: Number of the first among those that fit, from 0.
        fitting: How many fit.
        total: How many there are.
    """

    rows: list[dict[str, Any]]
    first: int
    fitting: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A Parquet file, open, or rows in memory."""

    starts: Sequence[int]
    rows: int
    path: Path | None = None
    file: pq.ParquetFile | None = None
    table: pa.Table | None = None

    def group(self, index: int, columns: Sequence[str]) -> pa.Table:
        if self.file is not None:
            return self.file.read_row_group(index, columns=list(columns))
        assert self.table is not None
        return self.table.select(list(columns))

    def may_hold(self, index: int, where: Sequence[Condition]) -> bool:
        """Whether a row group can have a row that fits, by the least and the greatest value that its footer names."""
        if self.file is None:
            return True
        return all(self._may_hold(index, condition) for condition in where)

    def _may_hold(self, index: int, condition: Condition) -> bool:
        assert self.file is not None
        schema = self.file.schema_arrow
        place = schema.get_field_index(condition.column)
        if condition.holds or not condition.value or place < 0 or not pa.types.is_string(schema.field(place).type):
            return True
        return may_hold(self.file, index, condition.column, [condition.value])


class TablePages:
    """The pages of one case's tables. Threads may share it.

    Args:
        case: The case.
    """

    def __init__(self, case: OpenCase) -> None:
        self._case = case
        self._lock = threading.Lock()
        self._files: OrderedDict[Path, _Part] = OrderedDict()
        self._fitting: OrderedDict[tuple[object, ...], _Numbers] = OrderedDict()

    def total(self, table: str) -> int:
        """Rows of a table."""
        return sum(part.rows for part in self._parts(table))

    def page(
        self, table: str, *, first: int = 0, rows: int = PAGE_ROWS, where: Sequence[Condition] = (),
        columns: Sequence[str] = (),
    ) -> TablePage:  # fmt: skip
        """Rows of a table, in its own order, which is that of rank where it has one.

        Args:
            table: Its name.
            first: Number of the first row among those that fit.
            rows: How many at most.
            where: What the rows are to fit; all of it.
            columns: Which columns; empty for all.
        """
        parts = self._parts(table)
        total = sum(part.rows for part in parts)
        names = list(columns) or [column.name for column in table_named(table).columns]
        if where:
            numbers = self._numbers(table, parts, where)
            wanted = numbers[first : first + rows]
            return TablePage(rows=_rows_at(parts, wanted, names), first=first, fitting=len(numbers), total=total)
        wanted = np.arange(first, min(first + rows, total), dtype=np.int64)
        return TablePage(rows=_rows_at(parts, wanted, names), first=first, fitting=total, total=total)

    def batches(
        self, table: str, *, where: Sequence[Condition] = (), columns: Sequence[str] = ()
    ) -> Iterator[pa.Table]:
        """Every row that fits, part by part: memory holds one row group."""
        names = list(columns) or [column.name for column in table_named(table).columns]
        read = list(dict.fromkeys([*names, *(condition.column for condition in where)]))
        for part in self._parts(table):
            for index in range(len(part.starts)):
                group = part.group(index, _there(part, read))
                yield _with_columns(group.filter(_mask(group, where)) if where else group, names, table)

    def _numbers(self, table: str, parts: Sequence[_Part], where: Sequence[Condition]) -> _Numbers:
        """Numbers of the rows that fit, found once for each state of the case."""
        key = (self._case.version_of(table), table, tuple(where))
        with self._lock:
            if key in self._fitting:
                self._fitting.move_to_end(key)
                return self._fitting[key]
        found, before = [], 0
        for part in parts:
            found += [numbers + before for numbers in self._fitting_in(part, where)]
            before += part.rows
        numbers = np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)
        with self._lock:
            self._fitting[key] = numbers
            while len(self._fitting) > _KEPT_FILTERS:
                self._fitting.popitem(last=False)
        return numbers

    def _fitting_in(self, part: _Part, where: Sequence[Condition]) -> Iterator[_Numbers]:
        """Numbers of a part's rows that fit, from 0 and in order."""
        groups = [index for index in range(len(part.starts)) if part.may_hold(index, where)]
        one = next((condition for condition in where if _tells_apart(part, condition)), None)
        if one is not None and part.path is not None and len(groups) > _FEW_GROUPS:
            places = self._case.places(part.path, one.column, one.value)
            if len(where) == 1:
                yield places
                return
            groups = np.unique(np.searchsorted(part.starts, places, side="right") - 1).tolist()
        names = list(dict.fromkeys(condition.column for condition in where))
        for index in groups:
            mask = _mask(part.group(index, _there(part, names)), where)
            yield np.flatnonzero(mask.to_numpy(zero_copy_only=False)) + part.starts[index]

    def _parts(self, table: str) -> list[_Part]:
        paths = self._case.files(table)
        if paths is None or (not paths and table in _IN_STATE):
            with self._case.tables() as tables:
                rows = tables.arrow(table)
            return [_Part(starts=(0,), rows=rows.num_rows, table=rows)]
        return [self._opened(path) for path in paths]

    def _opened(self, path: Path) -> _Part:
        with self._lock:
            if path in self._files:
                self._files.move_to_end(path)
                return self._files[path]
        file = pq.ParquetFile(path)
        counts = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
        starts = [0, *itertools.accumulate(counts)][:-1]
        part = _Part(starts=starts, rows=sum(counts), path=path, file=file)
        with self._lock:
            self._files[path] = part
            while len(self._files) > _OPEN_FILES:
                self._files.popitem(last=False)
        return part


def _tells_apart(part: _Part, condition: Condition) -> bool:
    """Whether few rows have the text that is asked for, as few have one id or digest."""
    name = condition.column
    if part.file is None or condition.holds or not condition.value or name not in part.file.schema_arrow.names:
        return False
    told = name not in _OF_MANY and name.endswith(("_id", *_DIGESTS))
    return told and pa.types.is_string(part.file.schema_arrow.field(name).type)


_IN_STATE: Final = frozenset({"exhibits"})


def _there(part: _Part, names: Sequence[str]) -> list[str]:
    """Those of the columns that the file has: one of an earlier version may lack some."""
    if part.file is None:
        return list(names)
    return [name for name in names if name in part.file.schema_arrow.names]


def _with_columns(rows: pa.Table, names: Sequence[str], table: str) -> pa.Table:
    schema = table_named(table).arrow
    held = [rows[name] if name in rows.column_names else pa.nulls(len(rows), schema.field(name).type) for name in names]
    return pa.table(held, names=list(names))


def _rows_at(parts: Sequence[_Part], wanted: _Numbers, names: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    before = 0
    for part in parts:
        inside = wanted[(wanted >= before) & (wanted < before + part.rows)] - before
        groups: dict[int, list[int]] = {}
        for number in inside.tolist():
            groups.setdefault(bisect.bisect_right(part.starts, number) - 1, []).append(number)
        for index, numbers in groups.items():
            group = part.group(index, _there(part, names))
            taken = group.take(pa.array([number - part.starts[index] for number in numbers]))
            rows += [{name: row.get(name) for name in names} for row in taken.to_pylist()]
        before += part.rows
    return rows


def _mask(rows: pa.Table, where: Sequence[Condition]) -> pa.Array:
    mask = pa.array(np.ones(len(rows), dtype=bool))
    for condition in where:
        mask = pc.and_(mask, _fits(rows, condition))
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask


def _fits(rows: pa.Table, condition: Condition) -> pa.Array:
    if condition.column not in rows.column_names:
        return pa.array(np.full(len(rows), not condition.value))
    column = rows[condition.column].combine_chunks()
    if not condition.value:
        return pc.is_null(column)
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        raise WrongInputError("problem.no_filter", column=condition.column)
    text = column if pa.types.is_string(column.type) else column.cast(pa.string())
    if condition.holds:
        fitting = pc.match_substring(text, condition.value, ignore_case=True)
    else:
        fitting = pc.equal(text, condition.value)
    return pc.fill_null(fitting, False)  # noqa: FBT003 - Arrow's own signature


def conditions_of(table: str, query: Mapping[str, Sequence[str]]) -> list[Condition]:
    """The conditions in an address: `is.COLUMN=VALUE` for equal, `has.COLUMN=TEXT` for within.

    Raises:
        WrongInputError: The table has no such column.
    """
    known = {column.name for column in table_named(table).columns}
    found = []
    for name, values in query.items():
        kind, dot, column = name.partition(".")
        if kind not in {"is", "has"} or not dot:
            continue
        if column not in known:
            raise WrongInputError("problem.no_column", column=column)
        found += [
            Condition(column=column, value=value, holds=kind == "has") for value in values if value or kind == "is"
        ]
    return found
