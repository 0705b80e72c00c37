"""What a column holds, told from a bounded sample of its distinct values: the ground that suggestions stand on.

A sketch keeps the values with the smallest hashes. Such a sample is uniform over the distinct values, does not hang on
the order of the rows, and two sketches can be compared: how much of one column lies within another is told from the
values below the smaller of their two bounds.

References:
    Bar-Yossef, Jayram, Kumar, Sivakumar and Trevisan, "Counting Distinct Elements in a Data Stream", RANDOM 2002
    (k minimum values). Beyer, Haas, Reinwald, Sismanis and Gemulla, "On Synopses for Distinct-Value Estimation under
    Multiset Operations", SIGMOD 2007 (intersections).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["KEPT_VALUES", "ColumnSketch"]

KEPT_VALUES = 2048
"""Distinct values kept: a share is told to about ±2 percentage points (1/√2048)."""

_MAX_VALUE_BYTES = 4096  # enough to tell any shape by; the body of a long text says no more
_HEAD_BYTES, _TAIL_BYTES = 48, 16
_ALL = np.uint64(2**64 - 1)
_FACTOR = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio, odd: successive multiples are spread evenly


def _powers() -> npt.NDArray[np.uint64]:
    found, value = [], 1
    for _ in range(_HEAD_BYTES + _TAIL_BYTES):
        found.append(value)
        value = value * _FACTOR % 2**64
    return np.array(found, np.uint64)


_POWERS = _powers()


def _hashes(values: pa.Array) -> npt.NDArray[np.uint64]:
    """64-bit hashes of binary values without nulls, from their length, first 48 and last 16 bytes."""
    lengths = pc.binary_length(values).to_numpy(zero_copy_only=False).astype(np.int64)
    hashes = _polynomial(pc.binary_slice(values, 0, _HEAD_BYTES), 0)
    longer = np.flatnonzero(lengths > _HEAD_BYTES)
    if len(longer):
        tails = pc.binary_slice(values.take(pa.array(longer)), -_TAIL_BYTES)
        hashes[longer] += _polynomial(tails, _HEAD_BYTES)
    return _mixed(hashes ^ (lengths.astype(np.uint64) * np.uint64(_FACTOR)))


def _polynomial(values: pa.Array, first_power: int) -> npt.NDArray[np.uint64]:
    offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
    if values.buffers()[2] is None or offsets[0] == offsets[-1]:
        return np.zeros(len(values), np.uint64)
    content = np.frombuffer(values.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].astype(np.uint64)
    starts = (offsets[:-1] - offsets[0]).astype(np.int64)
    lengths = np.diff(offsets).astype(np.int64)
    place = np.arange(len(content)) - np.repeat(starts, lengths)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum((content + np.uint64(1)) * _POWERS[place + first_power])])
    found: npt.NDArray[np.uint64] = sums[starts + lengths] - sums[starts]
    return found


def _mixed(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit of the input spread over every bit of the output.

    References:
        Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014 (mix64).
    """
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(31))


class ColumnSketch:
    """Counts of a column, and a sample of its distinct values.

    Attributes:
        rows: Cells seen.
        nulls: Of these, NULL.
        empty: Of these, without a byte.
        shortest_bytes: Length of the shortest cell that is neither; 0 if there is none.
        longest_bytes: Of the longest.
    """

    def __init__(self, *, kept_values: int = KEPT_VALUES) -> None:
        self._kept_values = kept_values
        self._hashes = np.zeros(0, np.uint64)
        self._values = pa.array([], pa.binary())
        self._bound = _ALL  # every distinct value with a hash up to here is kept
        self.rows = self.nulls = self.empty = 0
        self.shortest_bytes = self.longest_bytes = 0

    def add(self, cells: pa.Array) -> None:
        """Takes cells of the column, as bytes."""
        self.rows += len(cells)
        self.nulls += cells.null_count
        there = cells.drop_null()
        lengths = pc.binary_length(there)
        filled = there.filter(pc.greater(lengths, 0))
        self.empty += len(there) - len(filled)
        if not len(filled):
            return
        shortest, longest = (bound.as_py() for bound in pc.min_max(pc.binary_length(filled)).values())
        self.shortest_bytes = min(self.shortest_bytes or shortest, shortest)
        self.longest_bytes = max(self.longest_bytes, longest)
        unique = pc.unique(filled)
        hashes = _hashes(unique)
        wanted = np.flatnonzero(hashes <= self._bound)
        if not len(wanted):
            return
        self._keep(hashes[wanted], pc.binary_slice(unique.take(pa.array(wanted)), 0, _MAX_VALUE_BYTES))

    def merge(self, other: ColumnSketch) -> None:
        """Takes what another sketch has taken."""
        self.rows += other.rows
        self.nulls += other.nulls
        self.empty += other.empty
        lengths = [length for length in (self.shortest_bytes, other.shortest_bytes) if length]
        self.shortest_bytes = min(lengths, default=0)
        self.longest_bytes = max(self.longest_bytes, other.longest_bytes)
        self._bound = min(self._bound, other._bound)
        self._keep(other._hashes, other._values)

    def _keep(self, hashes: npt.NDArray[np.uint64], values: pa.Array) -> None:
        joined = np.concatenate([self._hashes, hashes])
        kept, first = np.unique(joined, return_index=True)
        count = int(np.searchsorted(kept, self._bound, side="right"))
        if count > self._kept_values:
            count = self._kept_values
            self._bound = kept[count - 1]
        self._hashes = kept[:count]
        self._values = pa.concat_arrays([self._values, values]).take(pa.array(first[:count]))

    @property
    def values(self) -> list[bytes]:
        """The kept distinct values, in an order that says nothing; each cut at 4 KiB."""
        found: list[bytes] = self._values.to_pylist()
        return found

    @property
    def filled(self) -> int:
        """Cells that are neither NULL nor empty."""
        return self.rows - self.nulls - self.empty

    @property
    def distinct(self) -> int:
        """How many distinct values there are: exact as long as all are kept, else an estimate within some 5 %."""
        if self._bound == _ALL:
            return len(self._hashes)
        return min(self.filled, round((len(self._hashes) - 1) * 2**64 / (int(self._bound) + 1)))

    def share_within(self, other: ColumnSketch) -> float:
        """Which share of this column's distinct values the other one has too, from 0 to 1; 0 if that cannot be told."""
        bound = min(self._bound, other._bound)
        mine, theirs = self._hashes[self._hashes <= bound], other._hashes[other._hashes <= bound]
        return float(np.isin(mine, theirs, assume_unique=True).mean()) if len(mine) else 0.0
