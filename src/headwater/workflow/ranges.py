"""What holds each byte of a medium, drawn as a strip and summed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session

__all__ = ["RANGE_KINDS", "RangeSum", "Strip", "medium_strip"]

RANGE_KINDS: Final = ("content", "slack", "structures", "unallocated", "outside", "refused", "unreadable")
"""In the order of a legend; of a part of the strip that several share, the last two win, else the largest."""
_ALARMING: Final = frozenset({"refused", "unreadable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSum:
    """All ranges of one kind.

    Attributes:
        range_kind: One of `RANGE_KINDS`.
        ranges: How many.
        range_bytes: Their bytes.
    """

    range_kind: str
    ranges: int
    range_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A medium from its first byte to its last.

    Attributes:
        exhibit_id: The image.
        medium_bytes: Size of its medium.
        sums: Of each kind.
        parts: Kind, first column and columns of each stretch of the strip.
        columns: Of the strip.
    """

    exhibit_id: str
    medium_bytes: int
    sums: tuple[RangeSum, ...]
    parts: tuple[tuple[str, int, int], ...]
    columns: int

    @property
    def unaccounted_bytes(self) -> int:
        """Bytes that nothing holds; 0 where the ranges add up to the medium."""
        return self.medium_bytes - sum(one.range_bytes for one in self.sums)


def medium_strip(tables: Session, exhibit_id: str, *, columns: int = 1000) -> Strip | None:
    """The strip of an image; None where the exhibit is none, or its ranges are not known.

    Args:
        tables: Of the case.
        exhibit_id: The exhibit.
        columns: How fine it is drawn. A column shows what holds most of it; what could not be read shows always.
    """
    ranges = tables.chosen("medium_ranges", lambda part: pc.equal(part["exhibit_id"], exhibit_id))
    exhibits = tables.arrow("exhibits")
    [medium] = exhibits.filter(pc.equal(exhibits["exhibit_id"], exhibit_id))["medium_bytes"].to_pylist() or [None]
    if not ranges.num_rows or not medium:
        return None
    summed = ranges.group_by("range_kind").aggregate([("range_bytes", "sum"), ("range_bytes", "count")]).to_pylist()
    found = {row["range_kind"]: row for row in summed}
    kinds = [*RANGE_KINDS, *sorted(found.keys() - set(RANGE_KINDS))]
    sums = tuple(
        RangeSum(range_kind=kind, ranges=found[kind]["range_bytes_count"], range_bytes=found[kind]["range_bytes_sum"])
        for kind in kinds
        if kind in found
    )
    largest = _largest_by_column(ranges, kinds, int(medium), columns)
    edges = [0, *(np.flatnonzero(np.diff(largest)) + 1).tolist(), columns]
    parts = tuple((kinds[largest[a]], a, b - a) for a, b in pairwise(edges) if largest[a] >= 0)
    return Strip(exhibit_id=exhibit_id, medium_bytes=int(medium), sums=sums, parts=parts, columns=columns)


def _largest_by_column(
    ranges: pa.Table, kinds: list[str], medium_bytes: int, columns: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each column the kind that is drawn there; -1 where nothing is."""
    held = np.zeros((len(kinds), columns))
    starts = ranges["start_bytes"].to_numpy().astype(np.float64) * columns / medium_bytes
    ends = starts + ranges["range_bytes"].to_numpy().astype(np.float64) * columns / medium_bytes
    places = np.array([kinds.index(kind) for kind in ranges["range_kind"].to_pylist()])
    for kind in range(len(kinds)):
        held[kind] = _covered(starts[places == kind], ends[places == kind], columns)
        if kinds[kind] in _ALARMING:
            held[kind] *= np.where(held[kind] > 0, columns * 2.0 * medium_bytes, 1.0)
    drawn: np.ndarray[tuple[int], np.dtype[np.int64]] = np.where(held.max(axis=0) > 0, held.argmax(axis=0), -1)
    return drawn


def _covered(
    starts: np.ndarray[tuple[int], np.dtype[np.float64]],
    ends: np.ndarray[tuple[int], np.dtype[np.float64]],
    columns: int,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much of each column lies in one of the ranges, which do not overlap."""
    edges = np.arange(columns + 1, dtype=np.float64)
    order = np.argsort(starts)
    starts, ends = starts[order], ends[order]
    before = np.concatenate([[0.0], np.cumsum(ends - starts)])
    place = np.searchsorted(starts, edges, side="right")
    # Of the last range that has begun, only what lies before the edge.
    over = np.where(place > 0, np.maximum(0.0, ends[np.maximum(place - 1, 0)] - edges), 0.0) if len(starts) else 0.0
    covered: np.ndarray[tuple[int], np.dtype[np.float64]] = np.diff(before[place] - over)
    return covered
