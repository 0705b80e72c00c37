"""Values that stand in another table than the row they belong to: joins, and attributes kept as rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.cells import TableCells, bare_column
from headwater.evidence.columnar import rows_where
from headwater.evidence.mapping import PlatformMapping, Via, binds_table

__all__ = ["Lookups"]


class Lookups:
    """What the mapping looks up elsewhere, gathered as the rows come.

    Args:
        mapping: The approved mapping; None looks nothing up.
    """

    def __init__(self, mapping: PlatformMapping | None) -> None:
        vias = {} if mapping is None else {via: None for b in mapping.bindings for c in b.columns for via in c.via}
        self._vias = tuple(vias)
        self._pairs: dict[Via, list[tuple[pa.Array, pa.Array]]] = {via: [] for via in self._vias}
        self._first: dict[Via, tuple[pa.Array, pa.Array]] = {}

    def wants(self, table: str) -> bool:
        """Whether rows of that table are looked up in."""
        return any(binds_table(via.table, table) for via in self._vias)

    def take(self, table: str, cells: TableCells) -> None:
        """Takes rows of a table that is looked up in; where it lacks a column, it has nothing to give."""
        for via in self._vias:
            if not binds_table(via.table, table):
                continue
            named = [via.key, via.take, *([via.where[0]] if via.where is not None else [])]
            if any(bare_column(name) not in cells.columns for name in named):
                continue
            keys, values = cells[via.key], cells[via.take]
            if via.where is not None:
                kept = rows_where(via.where, cells)
                keys, values = keys.filter(kept), values.filter(kept)
            self._pairs[via].append((keys, values))

    def found(self, via: Via, keys: pa.Array) -> pa.Array:
        """For each key the value of the first row that has it; null where none has."""
        if via not in self._first:
            pairs = self._pairs[via]
            known = pa.concat_arrays([pair[0] for pair in pairs]) if pairs else pa.array([], pa.binary())
            values = pa.concat_arrays([pair[1] for pair in pairs]) if pairs else pa.array([], pa.binary())
            numbered = pa.table({"key": known, "place": np.arange(len(known))})
            first = numbered.group_by("key").aggregate([("place", "min")])
            self._first[via] = first["key"].combine_chunks(), values.take(first["place_min"].combine_chunks())
        known, values = self._first[via]
        return values.take(pc.index_in(keys, value_set=known)) if len(known) else pa.nulls(len(keys), pa.binary())
