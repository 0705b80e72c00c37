"""Byte ranges by the million: from bitmaps, put together, and laid over each other until they tile a medium."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["NO_RANGES", "Ranges", "bit_ranges", "ranges_of", "tiles"]

Ranges = np.ndarray
"""Shape (n, 2), int64: where each begins and how long it is, in bytes; any order, overlaps allowed."""

NO_RANGES: Ranges = np.empty((0, 2), np.int64)
"""None."""


def ranges_of(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges of pairs of beginning and length in bytes."""
    return np.array(list(pairs), np.int64).reshape(-1, 2)


def bit_ranges(bitmap: bytes, *, count: int, first_bytes: int, unit_bytes: int) -> Ranges:
    """The ranges whose bits are set.

    Args:
        bitmap: The lowest bit of each byte comes first.
        count: How many bits of it mean something.
        first_bytes: Where the unit of the first bit begins.
        unit_bytes: How many bytes each bit stands for.
    """
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")[:count]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bits, [0])).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    return np.stack([first_bytes + starts * unit_bytes, (ends - starts) * unit_bytes], axis=1).astype(np.int64)


def _merged(ranges: Ranges, size_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Beginnings and ends of what the ranges cover, in order and apart, inside of the medium."""
    starts = np.clip(ranges[:, 0], 0, size_bytes)
    ends = np.clip(ranges[:, 0] + ranges[:, 1], 0, size_bytes)
    there = ends > starts
    order = np.argsort(starts[there], kind="stable")
    starts, ends = starts[there][order], ends[there][order]
    if not len(starts):
        return starts, ends
    reached = np.maximum.accumulate(ends)
    apart = np.concatenate(([True], starts[1:] > reached[:-1]))
    last = np.concatenate((apart[1:], [True]))
    return starts[apart], reached[last]


def tiles(layers: Sequence[Ranges], size_bytes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is seen from above when the layers lie on each other: ranges side by side, from 0 to the end.

    Args:
        layers: The uppermost first. What none of them covers belongs to the number behind the last one.
        size_bytes: Of the medium; what lies behind its end is left out.

    Returns:
        Beginning, length and number of layer of each range, int64, in order; neighbours are of different layers.
    """
    covered = [_merged(layer, size_bytes) for layer in layers]
    points = np.unique(
        np.concatenate([np.array([0, size_bytes], np.int64), *(part for pair in covered for part in pair)])
    )
    starts = points[:-1]
    number = np.full(len(starts), len(layers), np.int64)
    for index in reversed(range(len(layers))):
        begins, ends = covered[index]
        inside = np.searchsorted(begins, starts, "right") > np.searchsorted(ends, starts, "right")
        number[inside] = index
    first = np.concatenate(([True], number[1:] != number[:-1])) if len(number) else np.empty(0, bool)
    starts, number = starts[first], number[first]
    return starts, np.diff(np.append(starts, size_bytes)), number
