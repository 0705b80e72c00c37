"""Rows by their ids, out of millions, for a page that names fifty of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Lookup"]

_DIGITS = 16
"""Hexadecimal digits of an id that it is looked up by; the whole is compared afterwards."""


class Lookup:
    """Some columns of a table, with its rows in order of their ids.

    Args:
        rows: The first column is the key; ids as headwater makes them, `xxx-` and 32 hexadecimal digits, or any texts.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        self._key = rows.column_names[0]
        numbers = _numbers(rows[self._key])
        self._places: dict[str, int] | None = None
        if numbers is None:
            self._places = {key: place for place, key in enumerate(rows[self._key].to_pylist())}
            return
        order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[order]
        self._order = order.astype(np.uint32)

    def rows(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The rows that are there, by their ids."""
        places = [place for one in dict.fromkeys(ids) if (place := self._place(one)) is not None]
        found = self._rows.take(pa.array(places, pa.int64())).to_pylist()
        return {row[self._key]: row for row in found}

    def _place(self, wanted: str) -> int | None:
        if self._places is not None:
            return self._places.get(wanted)
        number = _number(wanted)
        if number is None:
            return None
        at = int(np.searchsorted(self._sorted, np.uint64(number)))
        while at < len(self._sorted) and self._sorted[at] == number:
            place = int(self._order[at])
            if self._rows[self._key][place].as_py() == wanted:
                return place
            at += 1
        return None


def _number(text: str) -> int | None:
    digits = text.partition("-")[2][:_DIGITS]
    try:
        return int(digits, 16) if len(digits) == _DIGITS else None
    except ValueError:
        return None


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.uint64] | None:
    """The first digits of each id as a number; None where one is no id of ours."""
    found = []
    for chunk in column.chunks:
        _, offsets, content = chunk.buffers()
        if not len(chunk):
            continue
        places = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
        if chunk.null_count or not (np.diff(places) == _ID_LENGTH).all():
            return None
        letters = np.frombuffer(content, np.uint8)[places[0] : places[-1]].reshape(-1, _ID_LENGTH)
        first = letters[:, _PREFIX : _PREFIX + _DIGITS]
        values = np.where(first >= ord("a"), first - ord("a") + 10, first - ord("0"))
        if (letters[:, _PREFIX - 1] != ord("-")).any() or (values > 15).any():
            return None
        number = np.zeros(len(chunk), np.uint64)
        for place in range(_DIGITS):
            number = (number << np.uint64(4)) | values[:, place].astype(np.uint64)
        found.append(number)
    return np.concatenate(found) if found else np.empty(0, np.uint64)


_PREFIX, _ID_LENGTH = 4, 36
