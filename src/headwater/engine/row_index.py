"""Indexes of immutable Parquet files, made when first asked for: rows by a value, or by their place, in no time.

What an index needs lies in scratch files that are mapped: memory holds what is looked at, and the system takes it back.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine.keyed import ByStatistics, text_bounds, with_columns
from headwater.engine.spool import stored_parts

__all__ = ["RowIndexes", "text_numbers"]

_KEPT: Final = 4_096
_MOST_MAPPED: Final = 50_000_000
"""Values of one file that are copied for a question that was not foreseen; above this its row groups are read."""
_FEW: Final = 64
"""Values whose numbers are kept."""
_MOST_BYTES: Final = 64
"""Of a text that its number is made of; the whole is compared afterwards."""

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
_Made = TypeVar("_Made")


def text_numbers(texts: pa.Array) -> Numbers:
    """For each text a number, the same for the same text; of texts with the same beginning perhaps the same.

    References:
        FNV-1a, of the first 64 bytes.
    """
    from headwater.engine.row_kernels import numbers_of_texts

    numbers = np.zeros(len(texts), np.uint64)
    if not len(texts):
        return numbers
    _, offsets, content = texts.buffers()
    edges = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(content, np.uint8) if content is not None and content.size else np.zeros(0, np.uint8)
    numbers_of_texts(letters, edges, _MOST_BYTES, numbers)
    return numbers


@lru_cache(maxsize=4_096)
def _looked_for(values: tuple[str, ...]) -> tuple[pa.Array, Numbers]:
    """Texts and their numbers: a page looks for one id in many tables."""
    wanted = pa.array(values, pa.string())
    return wanted, text_numbers(wanted)


def _mapped(path: Path, field: pa.Field, scratch: Path) -> Sequence[pa.Array]:
    """A column of a file, mapped part by part: whoever takes some of its rows does not touch the others."""
    schema = pa.schema([field])
    with tempfile.NamedTemporaryFile(dir=scratch) as place:
        with pa.ipc.new_file(place.name, schema) as writer:
            for part in stored_parts(path, _there(path, field)):
                writer.write_table(with_columns(part, schema))
        # What is mapped outlives its name.
        chunks: Sequence[pa.Array] = pa.ipc.open_file(pa.memory_map(place.name)).read_all().column(0).chunks
        return chunks


class _Rows:
    """Columns of one file, side by side, in parts that are taken from in one go."""

    def __init__(self, schema: pa.Schema, columns: Sequence[Sequence[pa.Array]]) -> None:
        self._schema = schema
        whole = [pa.chunked_array(parts, field.type) for parts, field in zip(columns, schema, strict=True)]
        self._parts = pa.table(whole, schema=schema).to_batches()
        self._ends = np.cumsum([len(part) for part in self._parts], dtype=np.int64)

    def at(self, places: Places) -> pa.Table:
        """The rows at these places, which are in order."""
        taken = []
        inside = np.searchsorted(self._ends, places, side="right")
        for index in np.unique(inside).tolist():
            part = self._parts[index]
            taken.append(part.take(pa.array(places[inside == index] - (int(self._ends[index]) - len(part)))))
        return pa.Table.from_batches(taken, schema=self._schema)


def _there(path: Path, field: pa.Field) -> list[str]:
    names = pq.read_schema(path).names
    # Without any column a file would give no rows, and their number is what matters here.
    return [field.name] if field.name in names else names[:1]


def _column_key(path: Path, field: pa.Field) -> Hashable:
    return ("column", path, field.name, str(field.type))


def _rows_key(path: Path, schema: pa.Schema) -> Hashable:
    return ("columns", path, tuple(schema.names), tuple(map(str, schema.types)))


class RowIndexes:
    """What finds rows for many sessions of one case. Threads may share it; each index is made once.

    Args:
        scratch: Folder for its scratch files; None for one of the system's.
    """

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # made for the first index
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def _place(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="headwater-index-", dir=self._scratch)
            return Path(self._folder.name)

    def once(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What `make` gave when this key was first asked for, as long as it is kept."""
        own: Future[Any] = Future()
        with self._lock:
            making = self._made.setdefault(key, own)
            self._made.move_to_end(key)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        if making is own:
            try:
                own.set_result(make())
            except BaseException as error:
                with self._lock:
                    if self._made.get(key) is own:
                        del self._made[key]
                own.set_exception(error)
                raise
        found: _Made = making.result()
        return found

    def rows(self, path: Path, schema: pa.Schema, column: str, values: Sequence[str]) -> pa.Table:
        """As `FindsRows` says."""
        return self.at(path, schema, self.places(path, column, values))

    def places(self, path: Path, column: str, values: Sequence[str]) -> Places:
        """Where in a file the column has one of the values, counted from 0 and in order.

        Args:
            path: The file.
            column: Whose values are compared, texts.
            values: In order, each once.
        """
        bounds = self.once(("bounds", path, column), lambda: text_bounds(path, column))
        # An id of another table lies before or after all of this one, by how its ids begin.
        inside = values if bounds is None else [value for value in values if bounds[0] <= value <= bounds[1]]
        if not inside:
            return np.zeros(0, np.int64)
        # Of many values nothing is kept: they could be any number, and nobody asks for the same ones again.
        look = _looked_for if len(inside) <= _FEW else _looked_for.__wrapped__
        wanted, looked_for = look(tuple(inside))
        numbers, order = self._order(path, column)
        first, last = np.searchsorted(numbers, looked_for), np.searchsorted(numbers, looked_for, side="right")
        spans = [order[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
        if not spans:
            return np.zeros(0, np.int64)
        places = np.unique(np.concatenate(spans).astype(np.int64))
        # Two texts may have one number.
        held = self._rows(path, pa.schema([pa.field(column, pa.string())])).at(places)
        same = pc.is_in(held[column], value_set=wanted)
        found: Places = places[same.to_numpy()]
        return found

    def at(self, path: Path, schema: pa.Schema, places: Places) -> pa.Table:
        """As `FindsRows` says."""
        if not len(places):
            return schema.empty_table()
        if not self._is_made(_rows_key(path, schema)):
            rows = self.once(("rows", path), lambda: pq.read_metadata(path).num_rows)
            unmapped = [field for field in schema if not self._is_made(_column_key(path, field))]
            if rows * len(unmapped) > _MOST_MAPPED:
                # A row of a table that is looked at now and then is not worth a copy of the whole.
                return ByStatistics().at(path, schema, places)
        return self._rows(path, schema).at(places)

    def _rows(self, path: Path, schema: pa.Schema) -> _Rows:
        """Columns of a file, ready to take rows of; they lie on the medium once, however many ask for which."""
        key = _rows_key(path, schema)
        return self.once(key, lambda: _Rows(schema, [self._column(path, field) for field in schema]))

    def _is_made(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._made

    def make(self, path: Path, columns: pa.Schema, by: Sequence[str]) -> None:
        """Make what will be asked for: columns of a file, and the order of those by whose values rows are found."""
        for field in columns:
            self._column(path, field)
        for column in by:
            self._order(path, column)

    def _column(self, path: Path, field: pa.Field) -> Sequence[pa.Array]:
        return self.once(_column_key(path, field), lambda: _mapped(path, field, self._place()))

    def _order(self, path: Path, column: str) -> tuple[Numbers, npt.NDArray[np.uint32]]:
        return self.once(("order", path, column), lambda: self._ordered(path, column))

    def _ordered(self, path: Path, column: str) -> tuple[Numbers, npt.NDArray[np.uint32]]:
        chunks = self._column(path, pa.field(column, pa.string()))
        numbers = np.concatenate([np.zeros(0, np.uint64), *(text_numbers(chunk) for chunk in chunks)])
        order = np.argsort(numbers, kind="stable")
        return self._on_disk(numbers[order]), self._on_disk(order.astype(np.uint32))

    def _on_disk(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if not len(values):
            return values
        with tempfile.NamedTemporaryFile(dir=self._place()) as place:
            values.tofile(place.name)
            return np.memmap(place.name, values.dtype, "r")

    def close(self) -> None:
        """Let everything go."""
        with self._lock:
            self._made.clear()
        if self._folder is not None:
            self._folder.cleanup()
