"""Rows as COPY writes them, whole buffers of lines at a time.

References:
    PostgreSQL documentation, "COPY", File Formats, Text Format.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from headwater_sealed import postgres_syntax as syntax
from headwater_sealed.mysql_runs import RowRun

__all__ = ["copied_run", "fitting_lines"]


def fitting_lines(content: bytes, width: int) -> tuple[int, int]:
    """How many whole lines of `content` come before one that has not `width` values, and where they end.

    Args:
        content: Lines, the last of them with its end too.
        width: Values of a row.
    """
    window = np.frombuffer(content, np.uint8)
    breaks = np.flatnonzero(window == 10)
    tabs = np.searchsorted(np.flatnonzero(window == 9), breaks)
    wrong = np.flatnonzero(np.diff(tabs, prepend=0) != width - 1)
    good = int(wrong[0]) if len(wrong) else len(breaks)
    return good, int(breaks[good - 1]) + 1 if good else 0


def copied_run(content: bytes, at: int, width: int) -> RowRun:
    """The lines of `content`, each of `width` fields, as rows; `at` is where the content begins."""
    window = np.frombuffer(content, np.uint8)
    stops = np.flatnonzero((window == 9) | (window == 10))
    starts = np.concatenate([[0], stops[:-1] + 1])
    # What lies between two values is an element too; every second is taken.
    offsets = np.empty(2 * len(stops) + 1, np.int32)
    offsets[0::2] = np.concatenate([[0], stops + 1])
    offsets[1::2] = stops
    spans = pa.Array.from_buffers(pa.binary(), 2 * len(stops), [None, pa.py_buffer(offsets), pa.py_buffer(content)])
    taken = np.arange(0, 2 * len(stops), 2)
    null = np.zeros(len(stops), np.bool_)
    slashes = np.flatnonzero(window == 92)
    if len(slashes):
        index = np.unique(np.searchsorted(stops, slashes))
        short = index[stops[index] - starts[index] == 2]
        null[short[(window[starts[short]] == 92) & (window[starts[short] + 1] == ord("N"))]] = True
        other = index[~null[index]]
        if len(other):
            texts = [
                syntax.unescaped(content[a:b])
                for a, b in zip(starts[other].tolist(), stops[other].tolist(), strict=True)
            ]
            taken[other] = len(spans) + np.arange(len(other))
            spans = pa.concat_arrays([spans, pa.array(texts, pa.binary())])
    rows = starts[::width]
    return RowRun(
        starts=rows + at,
        lengths_bytes=stops[width - 1 :: width] + 1 - rows,
        values=spans.take(pa.array(taken, mask=null)),
        quoted=~null,
    )
