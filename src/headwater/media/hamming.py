"""Exact search of 256-bit hashes by Hamming distance: every pair within the limit, and no other.

Multi-index hashing cuts a hash into 16 slots of 16 bits. If two hashes differ in at most `d = 16 q + a` bits
(0 <= a < 16), then either one of the first `a + 1` slots differs in at most `q` bits, or one of the others in at most
`q - 1`: otherwise they would differ in at least `(a + 1)(q + 1) + (15 - a) q = d + 1` bits. So looking up every value
within these radii in each slot finds every pair. For the limit of 31 that is a radius of 1 in all 16 slots; for 30, the
last slot needs an exact look-up only.

References:
    Norouzi, Punjani, Fleet: Fast Exact Search in Hamming Space with Multi-Index Hashing (2014), section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "HashArray", "Pairs", "hashes_from_hex", "pairs_within", "slot_radii"]

BITS = 256
_BYTES = BITS // 8
_SLOTS = 16
_SLOT_BITS = BITS // _SLOTS
_FLAT_BELOW_PAIRS = 1_000_000
"""With fewer pairs to compare, comparing all of them costs less than building an index (bench/hamming_search.py)."""
_MAX_RADIUS = 2
"""With a larger radius in a slot (limit of 48 bits and more), the look-ups outnumber any list worth indexing."""
_CANDIDATES_AT_ONCE = 4_000_000

HashArray = npt.NDArray[np.uint8]
"""Hashes as rows of 32 bytes."""
_Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of hashes, sorted by query, then target.

    Attributes:
        query: Row of the query.
        target: Row of the target.
        distance_bits: Their distance.
    """

    query: _Indices
    target: _Indices
    distance_bits: _Indices

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.query)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """The pairs as (query, target, distance)."""
        return iter(zip(self.query.tolist(), self.target.tolist(), self.distance_bits.tolist(), strict=True))


def hashes_from_hex(texts: list[str]) -> HashArray:
    """The hashes as an array of rows of 32 bytes.

    Example:
        >>> hashes_from_hex(["00" * 31 + "ff"]).shape
        (1, 32)
    """
    return np.frombuffer(bytes.fromhex("".join(texts)), dtype=np.uint8).reshape(len(texts), _BYTES)


def slot_radii(max_distance_bits: int) -> tuple[int, ...]:
    """For each slot, the distance within which it must be searched; -1 where it need not be.

    Example:
        >>> set(slot_radii(31)), slot_radii(30).count(0), slot_radii(3).count(-1)
        ({1}, 1, 12)
    """
    whole, rest = divmod(max_distance_bits, _SLOTS)
    return tuple(whole if slot <= rest else whole - 1 for slot in range(_SLOTS))


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
        method = "flat" if small or max(slot_radii(max_distance_bits)) > _MAX_RADIUS else "multi-index"
    if not len(queries) or not len(targets):
        return _sorted_pairs([], len(targets))
    search = _flat if method == "flat" else _multi_index
    return _sorted_pairs(list(search(queries, targets, max_distance_bits)), len(targets))


_Found = tuple[_Indices, _Indices, _Indices]


def _sorted_pairs(found: list[_Found], targets: int) -> Pairs:
    """All that was found, each pair once, in order."""
    if not found:
        none: _Indices = np.empty(0, dtype=np.int64)
        return Pairs(query=none, target=none, distance_bits=none)
    query, target, distance = (np.concatenate([part[n] for part in found]) for n in range(3))
    _, first = np.unique(query * targets + target, return_index=True)
    return Pairs(query=query[first], target=target[first], distance_bits=distance[first])


def _words(hashes: HashArray) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(hashes).view(np.uint64)


def _flat(queries: HashArray, targets: HashArray, max_distance_bits: int) -> Iterator[_Found]:
    query_words, target_words = _words(queries), _words(targets)
    step = max(1, _CANDIDATES_AT_ONCE // len(targets))
    for start in range(0, len(queries), step):
        block = query_words[start : start + step]
        distance = np.zeros((len(block), len(targets)), dtype=np.uint16)
        for word in range(4):
            distance += np.bitwise_count(block[:, word, None] ^ target_words[None, :, word])
        query, target = np.nonzero(distance <= max_distance_bits)
        yield query.astype(np.int64) + start, target.astype(np.int64), distance[query, target].astype(np.int64)


def _multi_index(queries: HashArray, targets: HashArray, max_distance_bits: int) -> Iterator[_Found]:
    query_words, target_words = _words(queries), _words(targets)
    query_slots = np.ascontiguousarray(queries).view(np.uint16).astype(np.int64)
    target_slots = np.ascontiguousarray(targets).view(np.uint16).astype(np.int64)
    for slot, radius in enumerate(slot_radii(max_distance_bits)):
        if radius < 0:
            continue
        order = np.argsort(target_slots[:, slot], kind="stable")
        starts = np.zeros((1 << _SLOT_BITS) + 1, dtype=np.int64)
        np.cumsum(np.bincount(target_slots[:, slot], minlength=1 << _SLOT_BITS), out=starts[1:])
        for mask in _masks(radius):
            probe = query_slots[:, slot] ^ mask
            for query, target in _candidates(starts[probe], starts[probe + 1], order):
                distance = np.bitwise_count(query_words[query] ^ target_words[target]).sum(axis=1, dtype=np.int64)
                near = distance <= max_distance_bits
                yield query[near], target[near], distance[near]


def _masks(radius: int) -> Iterator[int]:
    """Every 16-bit value with at most `radius` bits set."""
    for count in range(radius + 1):
        for places in combinations(range(_SLOT_BITS), count):
            yield sum(1 << place for place in places)


def _candidates(first: _Indices, after: _Indices, order: _Indices) -> Iterator[tuple[_Indices, _Indices]]:
    """Pairs of a query and each target in its range of `order`, in blocks of bounded size.

    Hashes of real media bunch in some slots, so one look-up may return most of a list.
    """
    counts = after - first
    ends = np.cumsum(counts)
    total = int(ends[-1])
    for start in range(0, total, _CANDIDATES_AT_ONCE):
        position = np.arange(start, min(total, start + _CANDIDATES_AT_ONCE))
        query = np.searchsorted(ends, position, side="right")
        within = position - (ends[query] - counts[query])
        yield query, order[first[query] + within]
