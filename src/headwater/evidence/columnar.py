"""Operations on whole columns of rows that binding them needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.cells import TableCells
from headwater.evidence.mapping import Where
from headwater.schema import content_ids

__all__ = ["counted", "ids_of", "note", "rows_where", "runs"]


def runs(batch: pa.RecordBatch, column: str) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The batch cut where the column's value changes."""
    values = batch[column]
    if len(values) == 0:
        return
    encoded = values.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    cuts = [0, *(np.flatnonzero(encoded[1:] != encoded[:-1]) + 1).tolist(), len(encoded)]
    for start, end in pairwise(cuts):
        yield values[start].as_py(), batch.slice(start, end - start)


def note(reasons: dict[int, str], where: pa.Array, reason: str) -> None:
    """The reason for each row that is meant and has none yet."""
    for place in np.flatnonzero(where.to_numpy(zero_copy_only=False)).tolist():
        reasons.setdefault(place, reason)


def ids_of(prefix: str, exhibit_id: str, keys: pa.Array) -> pa.Array:
    """The ids of the rows that have those keys; null where there is none."""
    encoded = keys.dictionary_encode()
    ids = content_ids(prefix, (exhibit_id,), encoded.dictionary.to_pylist())
    return pa.array(ids, pa.string()).take(encoded.indices)


def rows_where(where: Where, cells: TableCells) -> pa.Array:
    """Whether each row is one that a mapping's `where` takes."""
    column, value, equal = where
    matches = pc.equal(pc.fill_null(cells.texts(column), "NULL"), value)
    return matches if equal else pc.invert(matches)


def counted(rows: pa.Table, binding: str) -> Sequence[tuple[tuple[str, str, int], int]]:
    """How many of the bound rows are of each file, table and binding, which the column of that name tells."""
    counts: Mapping[str, list[object]] = (
        rows.group_by(["source_item_id", "source_table", binding]).aggregate([([], "count_all")]).to_pydict()
    )
    keys = zip(counts["source_item_id"], counts["source_table"], counts[binding], strict=True)
    return [
        ((str(item), str(name), int(str(place))), int(str(n)))
        for (item, name, place), n in zip(keys, counts["count_all"], strict=True)
    ]
