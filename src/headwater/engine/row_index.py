"""Indexes of immutable Parquet files, made when first asked for: rows by a value, or by their place, in no time.

What an index needs lies in scratch files that are mapped: memory holds what is looked at, and the system takes it back.
"""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine.keyed import ByStatistics, with_columns
from headwater.engine.spool import stored_parts

__all__ = ["RowIndexes", "text_numbers"]

_KEPT: Final = 2_048
_MOST_MAPPED: Final = 50_000_000
"""Values of one file that are copied for a question that was not foreseen; above this its row groups are read."""
_MOST_BYTES: Final = 64
"""Of a text that its number is made of; the whole is compared afterwards."""
_FACTOR: Final = np.uint64(0x100000001B3)
_BEGIN: Final = np.uint64(0xCBF29CE484222325)

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
_Made = TypeVar("_Made")


def text_numbers(texts: pa.Array) -> Numbers:
    """For each text a number, the same for the same text; of texts with the same beginning perhaps the same.

    References:
        FNV-1a, of the first 64 bytes.
    """
    _, offsets, content = texts.buffers()
    if not len(texts):
        return np.zeros(0, np.uint64)
    edges = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    begins, lengths = edges[:-1], np.minimum(np.diff(edges), _MOST_BYTES)
    letters = np.frombuffer(content, np.uint8) if content is not None and content.size else np.zeros(1, np.uint8)
    numbers = np.full(len(texts), _BEGIN)
    least = int(lengths.min())
    for place in range(int(lengths.max())):
        if place < least:
            numbers = (numbers ^ letters[begins + place]) * _FACTOR
        else:
            longer = np.flatnonzero(lengths > place)
            numbers[longer] = (numbers[longer] ^ letters[begins[longer] + place]) * _FACTOR
    return numbers


class _Mapped:
    """A column of a file, mapped, whose rows are taken without touching the others."""

    def __init__(self, path: Path, field: pa.Field, scratch: Path) -> None:
        schema = pa.schema([field])
        with tempfile.NamedTemporaryFile(dir=scratch) as place:
            with pa.ipc.new_file(place.name, schema) as writer:
                for part in stored_parts(path, _there(path, field)):
                    writer.write_table(with_columns(part, schema))
            # What is mapped outlives its name.
            self.chunks = pa.ipc.open_file(pa.memory_map(place.name)).read_all().column(0).chunks
        self._type = field.type
        self._ends = np.cumsum([len(chunk) for chunk in self.chunks], dtype=np.int64)

    def at(self, places: Places) -> pa.ChunkedArray:
        """The values at these places, which are in order."""
        taken = []
        inside = np.searchsorted(self._ends, places, side="right")
        for chunk in np.unique(inside).tolist():
            begin = int(self._ends[chunk]) - len(self.chunks[chunk])
            taken.append(self.chunks[chunk].take(pa.array(places[inside == chunk] - begin)))
        return pa.chunked_array(taken, self._type)


def _there(path: Path, field: pa.Field) -> list[str]:
    names = pq.read_schema(path).names
    # Without any column a file would give no rows, and their number is what matters here.
    return [field.name] if field.name in names else names[:1]


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
        wanted = pa.array(values, pa.string())
        numbers, order = self._order(path, column)
        looked_for = text_numbers(wanted)
        first, last = np.searchsorted(numbers, looked_for), np.searchsorted(numbers, looked_for, side="right")
        spans = [order[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
        places = np.unique(np.concatenate(spans).astype(np.int64)) if spans else np.zeros(0, np.int64)
        # Two texts may have one number.
        same = pc.is_in(self._column(path, pa.field(column, pa.string())).at(places), value_set=wanted)
        found: Places = places[same.to_numpy()]
        return found

    def at(self, path: Path, schema: pa.Schema, places: Places) -> pa.Table:
        """As `FindsRows` says."""
        if not len(places):
            return schema.empty_table()
        rows = self.once(("rows", path), lambda: pq.read_metadata(path).num_rows)
        unmapped = [field for field in schema if not self._is_mapped(path, field)]
        if rows * len(unmapped) > _MOST_MAPPED:
            # A row of a table that is looked at now and then is not worth a copy of the whole.
            return ByStatistics().at(path, schema, places)
        return pa.table([self._column(path, field).at(places) for field in schema], schema=schema)

    def _is_mapped(self, path: Path, field: pa.Field) -> bool:
        with self._lock:
            return ("column", path, field.name, str(field.type)) in self._made

    def make(self, path: Path, columns: pa.Schema, by: Sequence[str]) -> None:
        """Make what will be asked for: columns of a file, and the order of those by whose values rows are found."""
        for field in columns:
            self._column(path, field)
        for column in by:
            self._order(path, column)

    def _column(self, path: Path, field: pa.Field) -> _Mapped:
        return self.once(("column", path, field.name, str(field.type)), lambda: _Mapped(path, field, self._place()))

    def _order(self, path: Path, column: str) -> tuple[Numbers, npt.NDArray[np.uint32]]:
        return self.once(("order", path, column), lambda: self._ordered(path, column))

    def _ordered(self, path: Path, column: str) -> tuple[Numbers, npt.NDArray[np.uint32]]:
        chunks = self._column(path, pa.field(column, pa.string())).chunks
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
