"""Rows that belong to leads, held as columns and handed out for a few leads at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["NOWHERE", "Numbers", "RowsByPlace", "in_order_of", "numbers_of", "places_of"]

Numbers = npt.NDArray[np.int64]
NOWHERE: Final = -1
_SLICE_ROWS: Final = 1 << 20


class RowsByPlace:
    """Rows by the place of the lead that they belong to; those of no lead are left out.

    Args:
        places: For each row the place of its lead, from 0; -1 where it has none.
        rows: The rows; among those of one lead their order stays.
    """

    def __init__(self, places: Numbers, rows: pa.Table) -> None:
        order = np.argsort(places, kind="stable")
        order = order[np.searchsorted(places[order], 0) :]
        self._places = places[order]
        self._rows = rows.take(pa.array(order))

    def within(self, begin: int, end: int) -> dict[int, list[dict[str, Any]]]:
        """For each place from `begin` up to but not `end`, its rows."""
        first, last = np.searchsorted(self._places, [begin, end])
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        rows = self._rows.slice(first, last - first).to_pylist()
        for place, row in zip(self._places[first:last].tolist(), rows, strict=True):
            found[place].append(row)
        return found


def places_of(values: pa.ChunkedArray | pa.Array, among: pa.Array) -> Numbers:
    """For each value its place among others; -1 where it is not one of them."""
    found = [numbers_of(pc.index_in(part, value_set=among)) for part in _slices(values)]
    return np.concatenate([np.zeros(0, np.int64), *found])


def numbers_of(values: pa.ChunkedArray | pa.Array) -> Numbers:
    """Whole numbers or times as numbers; -1 where there is none."""
    numbers = values.cast(pa.int64()).fill_null(NOWHERE).to_numpy(zero_copy_only=False) if len(values) else []
    return np.asarray(numbers, np.int64)


def in_order_of(rows: pa.Table, key: str) -> pa.Table:
    """The rows in order of a text; a table on the medium mostly is."""
    keys = rows[key].combine_chunks() if rows[key].num_chunks != 1 else rows[key].chunk(0)
    if len(keys) < 2 or pc.all(pc.less_equal(keys[:-1], keys[1:])).as_py():
        return rows
    return rows.take(pc.sort_indices(keys))


def _slices(values: pa.ChunkedArray | pa.Array) -> list[pa.Array | pa.ChunkedArray]:
    # A slice's search has the others hashed anew: few large ones, and memory for one of them.
    return [values.slice(at, _SLICE_ROWS) for at in range(0, len(values), _SLICE_ROWS)]
