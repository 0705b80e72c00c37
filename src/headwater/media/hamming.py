"""Exact search of 256-bit hashes by Hamming distance: every pair within the limit, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from headwater.media.hamming_index import BITS, HASH_BYTES, HammingIndex, HashArray, build_index

__all__ = ["PAIRS_AT_ONCE", "Pairs", "Targets", "hashes_from_hex", "pairs_within"]

PAIRS_AT_ONCE = 1 << 22
"""Pairs that are held at once where there may be any number: 50 MB of them."""

_FLAT_BELOW_PAIRS = 20_000_000
"""With fewer pairs to compare, comparing all of them costs less than building an index (bench/hamming_search.py)."""
_MAX_INDEXED_BITS = 47
"""With a larger limit some slot has a radius of 3 or more, and the look-ups outnumber any list worth indexing."""
_COMPARED_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of hashes, sorted by query, then target.

    Attributes:
        query: Row of the query.
        target: Row of the target.
        distance_bits: Their distance.
    """

    query: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    distance_bits: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.query)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """The pairs as (query, target, distance)."""
        return iter(zip(self.query.tolist(), self.target.tolist(), self.distance_bits.tolist(), strict=True))


def hashes_from_hex(texts: Sequence[str]) -> HashArray:
    """The hashes as an array of rows of 32 bytes.

    Example:
        >>> hashes_from_hex(["00" * 31 + "ff"]).shape
        (1, 32)
    """
    return np.frombuffer(bytes.fromhex("".join(texts)), dtype=np.uint8).reshape(len(texts), HASH_BYTES)


def pairs_within(
    queries: HashArray,
    targets: HashArray,
    *,
    max_distance_bits: int,
    method: Literal["auto", "flat", "multi-index"] = "auto",
) -> Pairs:
    """Every pair of a query and a target at most so many bits apart.

    Args:
        queries: Rows of 32 bytes.
        targets: Rows of 32 bytes.
        max_distance_bits: 0 to 256.
        method: `auto` takes whichever is faster; the result is the same.
    """
    if not 0 <= max_distance_bits <= BITS:
        raise ValueError(f"a distance of {max_distance_bits} bits is not within 0 to {BITS}")
    if method == "auto":
        small = len(queries) * len(targets) < _FLAT_BELOW_PAIRS
        method = "flat" if small or max_distance_bits > _MAX_INDEXED_BITS else "multi-index"
    if not len(queries) or not len(targets):
        found = np.empty((0, 3), np.uint32)
    elif method == "flat":
        found = np.concatenate([np.empty((0, 3), np.uint32), *_flat(queries, targets, max_distance_bits)])
    else:
        found = build_index(targets, max_distance_bits=max_distance_bits).search(queries)
    order = np.lexsort((found[:, 1], found[:, 0]))
    query, target, distance_bits = found[order].T.astype(np.int64)
    return Pairs(query=query, target=target, distance_bits=distance_bits)


def _words(hashes: HashArray) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(hashes).view(np.uint64)


def _flat(queries: HashArray, targets: HashArray, max_distance_bits: int) -> Iterator[npt.NDArray[np.uint32]]:
    """Rows of query, target and distance, by comparing each with each; queries in pieces, in order."""
    query_words, target_words = _words(queries), _words(targets)
    step = max(1, _COMPARED_AT_ONCE // len(targets))
    for start in range(0, len(queries), step):
        block = query_words[start : start + step]
        distance = np.zeros((len(block), len(targets)), dtype=np.uint16)
        for word in range(4):
            distance += np.bitwise_count(block[:, word, None] ^ target_words[None, :, word])
        query, target = np.nonzero(distance <= max_distance_bits)
        yield np.column_stack([query + start, target, distance[query, target]]).astype(np.uint32)


class Targets:
    """Hashes that are searched more than once, or for more pairs than are held at once.

    Args:
        hashes: Rows of 32 bytes; may be mapped.
        max_distance_bits: Where most of them will be searched; an index is fastest there.
        folder: Where to write the index, if it is too large for memory; must hold none.
    """

    def __init__(self, hashes: HashArray, *, max_distance_bits: int, folder: Path | None = None) -> None:
        self._hashes = hashes
        self._max_distance_bits = max_distance_bits
        self._folder = folder
        self._index: HammingIndex | None = None

    def pieces(
        self, queries: HashArray, *, max_distance_bits: int, expected: int = 0, most_pairs: int = PAIRS_AT_ONCE
    ) -> Iterator[npt.NDArray[np.uint32]]:
        """Every pair of a query and a target at most so many bits apart, in pieces of successive queries.

        A piece has rows of query, target and distance in bits, in no particular order.

        Args:
            queries: Rows of 32 bytes.
            max_distance_bits: No more than an index is for: 47.
            expected: How many queries will be asked in all, if more than these.
            most_pairs: Of a piece, unless it is of one query alone.
        """
        assert max_distance_bits <= _MAX_INDEXED_BITS
        if not len(queries) or not len(self._hashes):
            return
        if self._index is None and max(len(queries), expected) * len(self._hashes) >= _FLAT_BELOW_PAIRS:
            self._index = build_index(self._hashes, max_distance_bits=self._max_distance_bits, folder=self._folder)
        if self._index is None:
            yield from _flat(queries, self._hashes, max_distance_bits)
        else:
            yield from self._index.within(max_distance_bits).pieces(queries, most_pairs=most_pairs)
