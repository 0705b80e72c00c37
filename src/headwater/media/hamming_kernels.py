"""Inner loops of the search by Hamming distance, compiled by numba when they are first called.

A batch of queries is looked up slot by slot. The look-ups are put in order of their buckets, then what they found in
order of the targets, so that memory is read in streams where one query after the other would miss the cache at nearly
every step (bench/hamming_search.py has both beside each other).

This module, and numba with it, is loaded only where a list is large enough to be indexed.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from headwater.compiled import I64, U32, U64, Int, ask_for, compiled

__all__ = ["count_buckets", "fill_buckets", "scan_all", "search_slot"]

_AHEAD_BUCKETS, _AHEAD_TARGETS = 16, 24
"""Look-ups ahead for which memory is asked beforehand: about the number of misses that a core waits for at once."""
_QUERIES_A_SCAN = 8


@intrinsic  # type: ignore[untyped-decorator]  # numba publishes no types
def _bits_set(_context: Any, _value: Any) -> Any:  # noqa: ANN401  # as above
    """Number of bits that are set, in one instruction."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401  # as above
        counting = builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)])
        return builder.call(counting, arguments)

    return numba.types.uint64(numba.types.uint64), generate


@compiled
def _key(words: U64, row: Int, first: Int, width: Int) -> Int:
    """The bits of a hash from `first` on, `width` of them."""
    word, shift = first >> 6, first & 63
    value = words[row * 4 + word] >> np.uint64(shift)
    if shift + width > 64:
        value |= words[row * 4 + word + 1] << np.uint64(64 - shift)
    return np.int64(value & np.uint64((1 << width) - 1))


@compiled
def count_buckets(words: U64, rows: int, first: int, width: int, counts: U32) -> None:
    """Adds to `counts[key + 1]` how many of the rows have that key."""
    for row in range(rows):
        counts[_key(words, row, first, width) + 1] += np.uint32(1)


@compiled
def fill_buckets(words: U64, rows: int, first_row: int, first: int, width: int, ends: U32, ids: U32) -> None:
    """Puts the number of each row, from `first_row`, into its bucket, and moves the bucket's end in `ends`."""
    for row in range(rows):
        key = _key(words, row, first, width)
        place = ends[key]
        ids[place] = np.uint32(first_row + row)
        ends[key] = place + np.uint32(1)


@compiled
def _by_high_part(values: U64, count: int, shift: int, bounds: I64, into: U64) -> None:
    """The values in order of what lies above `shift`."""
    bounds[:] = 0
    for place in range(count):
        bounds[np.int64(values[place] >> np.uint64(shift)) + 1] += 1
    for part in range(1, len(bounds)):
        bounds[part] += bounds[part - 1]
    for place in range(count):
        high = np.int64(values[place] >> np.uint64(shift))
        into[bounds[high]] = values[place]
        bounds[high] += 1


@compiled
def _is_found_before(queries: U64, query: Int, words: U64, target: Int, slots: I64, slot: int) -> bool:
    """Whether an earlier slot finds the pair too, and has told it."""
    for earlier in range(slot):
        first, width = slots[earlier, 0], slots[earlier, 1]
        differing = _key(queries, query, first, width) ^ _key(words, target, first, width)
        if np.int64(_bits_set(np.uint64(differing))) <= slots[earlier, 2]:
            return True
    return False


@compiled
def _distance(queries: U64, query: Int, words: U64, target: Int) -> int:
    return (  # type: ignore[no-any-return]  # an integer
        _bits_set(queries[query * 4] ^ words[target * 4])
        + _bits_set(queries[query * 4 + 1] ^ words[target * 4 + 1])
        + _bits_set(queries[query * 4 + 2] ^ words[target * 4 + 2])
        + _bits_set(queries[query * 4 + 3] ^ words[target * 4 + 3])
    )


@compiled
def _compare(
    queries: U64, words: U64, candidates: U64, count: int, limit: int, slots: I64, slot: int, found: U32, told: int
) -> int:
    """Writes the pairs among the candidates that are within the limit; how many there are now, written or not."""
    for place in range(count):
        if place + _AHEAD_TARGETS < count:
            ask_for(words, np.int64(candidates[place + _AHEAD_TARGETS] >> np.uint64(32)) << 2)
        target = np.int64(candidates[place] >> np.uint64(32))
        query = np.int64(candidates[place] & np.uint64(0xFFFFFFFF))
        distance = _distance(queries, query, words, target)
        if distance <= np.uint64(limit) and not _is_found_before(queries, query, words, target, slots, slot):
            if told < len(found):
                found[told, 0], found[told, 1], found[told, 2] = query, target, distance
            told += 1
    return told


@compiled
def search_slot(
    queries: U64,
    words: U64,
    offsets: U32,
    ids: U32,
    masks: U32,
    limit: int,
    slots: I64,
    slot: int,
    buffers: tuple[U64, U64, U64],
    bounds: I64,
    shifts: tuple[int, int],
    loads: I64,
    most_load: int,
    found: U32,
    told: int,
) -> int:
    """Writes the pairs of a batch of queries that this slot finds and none before; how many pairs are told by now.

    Args:
        queries: Four words for each hash of the batch.
        words: The same of the targets.
        offsets: For each value of the slot, where its bucket begins in `ids`.
        ids: Numbers of targets, bucket by bucket.
        masks: Every value within the slot's radius of 0.
        limit: Largest distance of a pair, in bits.
        slots: First bit, width and radius of every slot.
        slot: Which one.
        buffers: Room for the look-ups, sorted and not, and for candidates.
        bounds: Room for the bounds of parts.
        shifts: Bits below which look-ups, and candidates, are not sorted.
        loads: For each query how many candidates it had; one with more than `most_load` is left to the flat scan.
        most_load: See there.
        found: Room for pairs: query, target, distance.
        told: Pairs that are told already.
    """
    first, width = slots[slot, 0], slots[slot, 1]
    looked, candidates, sorted_ones = buffers
    count = 0
    for query in range(len(queries) // 4):
        key = np.uint64(_key(queries, query, first, width))
        for mask in masks:
            sorted_ones[count] = ((key ^ np.uint64(mask)) << np.uint64(32)) | np.uint64(query)
            count += 1
    _by_high_part(sorted_ones, count, shifts[0], bounds, looked)
    many = 0
    for place in range(count):
        if place + 2 * _AHEAD_BUCKETS < count:
            ask_for(offsets, np.int64(looked[place + 2 * _AHEAD_BUCKETS] >> np.uint64(32)))
        if place + _AHEAD_BUCKETS < count:
            ask_for(ids, np.int64(offsets[np.int64(looked[place + _AHEAD_BUCKETS] >> np.uint64(32))]))
        value = np.int64(looked[place] >> np.uint64(32))
        query = looked[place] & np.uint64(0xFFFFFFFF)
        begin, end = np.int64(offsets[value]), np.int64(offsets[value + 1])
        loads[query] += end - begin
        if loads[query] > most_load:
            continue
        for at in range(begin, end):
            candidates[many] = (np.uint64(ids[at]) << np.uint64(32)) | query
            many += 1
            if many == len(candidates):
                _by_high_part(candidates, many, shifts[1], bounds, sorted_ones)
                told = _compare(queries, words, sorted_ones, many, limit, slots, slot, found, told)
                many = 0
    _by_high_part(candidates, many, shifts[1], bounds, sorted_ones)
    return _compare(queries, words, sorted_ones, many, limit, slots, slot, found, told)


@compiled
def scan_all(queries: U64, words: U64, limit: int, found: U32, told: int) -> int:
    """Writes the pairs within the limit by comparing each with each; how many pairs are told by now."""
    many = len(queries) // 4
    for start in range(0, many, _QUERIES_A_SCAN):
        end = min(many, start + _QUERIES_A_SCAN)
        for target in range(len(words) // 4):
            for query in range(start, end):
                distance = _distance(queries, query, words, target)
                if distance <= np.uint64(limit):
                    if told < len(found):
                        found[told, 0], found[told, 1], found[told, 2] = query, target, distance
                    told += 1
    return told
