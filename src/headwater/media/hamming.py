"""Exact search of 256-bit hashes by Hamming distance: every pair within the limit, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from headwater.media.hamming_index import BITS, HASH_BYTES, HashArray, build_index

__all__ = ["Pairs", "hashes_from_hex", "pairs_within"]

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
        found = _flat(queries, targets, max_distance_bits)
    else:
        found = build_index(targets, max_distance_bits=max_distance_bits).search(queries)
    order = np.lexsort((found[:, 1], found[:, 0]))
    query, target, distance_bits = found[order].T.astype(np.int64)
    return Pairs(query=query, target=target, distance_bits=distance_bits)


def _words(hashes: HashArray) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(hashes).view(np.uint64)


def _flat(queries: HashArray, targets: HashArray, max_distance_bits: int) -> npt.NDArray[np.uint32]:
    """Rows of query, target and distance, by comparing each with each."""
    query_words, target_words = _words(queries), _words(targets)
    step = max(1, _COMPARED_AT_ONCE // len(targets))
    parts = [np.empty((0, 3), np.uint32)]
    for start in range(0, len(queries), step):
        block = query_words[start : start + step]
        distance = np.zeros((len(block), len(targets)), dtype=np.uint16)
        for word in range(4):
            distance += np.bitwise_count(block[:, word, None] ^ target_words[None, :, word])
        query, target = np.nonzero(distance <= max_distance_bits)
        parts.append(np.column_stack([query + start, target, distance[query, target]]).astype(np.uint32))
    return np.concatenate(parts)
