"""Rows by their ids, out of millions, for a page that names fifty of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from headwater.engine import text_numbers

__all__ = ["Lookup"]


class Lookup:
    """Some columns of a table, with its rows in order of their ids.

    Args:
        rows: The first column is the key, texts.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        self._key = rows.column_names[0]
        numbers = np.concatenate([np.zeros(0, np.uint64), *(text_numbers(chunk) for chunk in rows[self._key].chunks)])
        order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[order]
        self._order = order.astype(np.uint32)

    def rows(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The rows that are there, by their ids."""
        places = [place for one in dict.fromkeys(ids) if (place := self._place(one)) is not None]
        found = self._rows.take(pa.array(places, pa.int64())).to_pylist()
        return {row[self._key]: row for row in found}

    def _place(self, wanted: str) -> int | None:
        number = text_numbers(pa.array([wanted]))[0]
        at = int(np.searchsorted(self._sorted, number))
        while at < len(self._sorted) and self._sorted[at] == number:
            place = int(self._order[at])
            if self._rows[self._key][place].as_py() == wanted:
                return place
            at += 1
        return None
