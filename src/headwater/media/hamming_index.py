"""An index of 256-bit hashes for exact search by Hamming distance, in memory or mapped from files.

Multi-index hashing cuts a hash into slots. If each slot `i` of two hashes differs in more than `r_i` bits, then the
hashes differ in at least the sum of `r_i + 1`. So if those sum to more than the limit, some slot of any pair within the
limit lies within its radius, and looking up every value within its radius in each slot finds every pair. With so many
slots that a value of one has about one hash, few look-ups find much that is not wanted.

Lists of real media bunch: one value of a slot may hold a good part of a list. A query that meets more candidates than
comparing it with a part of the list would cost is compared with all of it instead, which finds the same.

References:
    Norouzi, Punjani, Fleet: Fast Exact Search in Hamming Space with Multi-Index Hashing (2014), sections 3 and 4.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "HammingIndex", "HashArray", "Slot", "build_index", "new_array", "open_index", "slots_for"]

BITS = 256
HASH_BYTES = BITS // 8
HashArray = npt.NDArray[np.uint8]
"""Hashes as rows of 32 bytes."""

_LEAST_SLOTS, _MOST_SLOTS = 8, 16
_VALUES_A_HASH, _WIDEST_BITS = 4, 26
_MAX_TARGETS = (1 << 32) - 1
_BATCH_QUERIES = 8_192
_CANDIDATES = 2_000_000  # that are sorted at once; more are taken in several goes
_PART_BITS = 9  # parts into which look-ups and candidates are sorted: each then lies in a cache of its own
_ROWS_AT_ONCE = 1 << 20
_FIRST_PAIRS = (
    1 << 22
)  # room for pairs of a batch, at first; where there are more, it is searched again with room for all
_MOST_OF_LIST = 4  # a query with more candidates than one in so many of the list is compared with all of it
_UNBOUNDED = 1 << 62
_WORDS_A_HASH = 4
_TRIED = 64
_FORM = 1
_WORDS, _OFFSETS, _IDS, _PLAN = "words.npy", "offsets.npy", "ids.npy", "index.json"


class Slot(NamedTuple):
    """A part of a hash.

    Attributes:
        first_bit: From 0, in the order of the bytes, low bits of a byte first.
        width_bits: Of it.
        radius_bits: Within which it is searched; -1 where it need not be.
    """

    first_bit: int
    width_bits: int
    radius_bits: int


def slots_for(targets: int, max_distance_bits: int) -> tuple[Slot, ...]:
    """The slots of an index of so many hashes: as many as make the fewest look-ups and candidates for each query.

    Example:
        >>> plan = slots_for(10_000_000, 31)
        >>> len(plan), [slot.radius_bits for slot in plan].count(2), sum(slot.radius_bits + 1 for slot in plan)
        (11, 10, 32)
    """
    # A slot has no more than some values for each hash, and never more than 67 million: its buckets take memory.
    widest = min(max(BITS // _MOST_SLOTS, (_VALUES_A_HASH * targets - 1).bit_length()), _WIDEST_BITS)
    least = max(_LEAST_SLOTS, -(-BITS // widest))
    plans = [_plan(many, max_distance_bits) for many in range(least, _MOST_SLOTS + 1)]
    return min(plans, key=lambda plan: sum(_looked_up(slot) * (1 + targets / (1 << slot.width_bits)) for slot in plan))


def _plan(many: int, max_distance_bits: int) -> tuple[Slot, ...]:
    """So many slots; the narrower ones, whose look-ups are fewer, have the larger radii."""
    width, wider = divmod(BITS, many)
    widths = [width + 1] * wider + [width] * (many - wider)
    whole, rest = divmod(max_distance_bits + 1, many)
    radii = [whole - 1 + (place >= many - rest) for place in range(many)]
    firsts = np.concatenate([[0], np.cumsum(widths)[:-1]]).tolist()
    return tuple(Slot(*parts) for parts in zip(firsts, widths, radii, strict=True))


def _looked_up(slot: Slot) -> int:
    """How many values of the slot are looked up for a query."""
    return sum(math.comb(slot.width_bits, count) for count in range(slot.radius_bits + 1))


def _masks(slot: Slot) -> npt.NDArray[np.uint32]:
    """Every value of the slot with at most so many bits set as its radius."""
    values = [
        sum(1 << place for place in places)
        for count in range(slot.radius_bits + 1)
        for places in combinations(range(slot.width_bits), count)
    ]
    return np.array(values, np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class HammingIndex:
    """An index of hashes.

    Attributes:
        max_distance_bits: The largest distance it is for.
        slots: How hashes are cut.
        words: Four words for each hash, one behind the other.
        offsets: For each slot, for each of its values, where its bucket begins; one behind the other.
        ids: For each slot, numbers of hashes, bucket by bucket; one behind the other.
    """

    max_distance_bits: int
    slots: tuple[Slot, ...]
    words: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.uint32]
    ids: npt.NDArray[np.uint32]
    _tables: list[npt.NDArray[np.uint32]] = field(default_factory=list)

    def __len__(self) -> int:
        """How many hashes are indexed."""
        return len(self.words) // 4

    def search(self, queries: HashArray) -> npt.NDArray[np.uint32]:
        """Every pair within the limit, in no particular order: rows of query, target and distance in bits.

        Args:
            queries: Rows of 32 bytes.
        """
        return np.concatenate([np.empty((0, 3), np.uint32), *self.pieces(queries, most_pairs=_UNBOUNDED)])

    def pieces(self, queries: HashArray, *, most_pairs: int) -> Iterator[npt.NDArray[np.uint32]]:
        """What `search` finds, in pieces of successive queries with no more pairs, unless of one query alone.

        Args:
            queries: Rows of 32 bytes.
            most_pairs: Of a piece.
        """
        start, many, mostly_hot = 0, _BATCH_QUERIES, True
        while start < len(queries):
            part = np.ascontiguousarray(queries[start : start + many]).view(np.uint64).ravel()
            most = most_pairs if len(part) > _WORDS_A_HASH else _UNBOUNDED
            asked = len(part) // _WORDS_A_HASH
            # The look-ups of a hot query are for nothing. So some are tried first, where those before were hot.
            mostly_hot = mostly_hot and asked > _TRIED < 2 * len(self._hot(part[: _TRIED * _WORDS_A_HASH]))
            found, hot = self._batch(part, most, scanned=mostly_hot)
            mostly_hot = 2 * hot > asked
            if isinstance(found, int):
                many = max(1, min(asked // 2, asked * most_pairs // found))
                continue
            found[:, 0] += np.uint32(start)
            yield found
            start += asked
            if 4 * len(found) < most_pairs:
                many = min(_BATCH_QUERIES, 2 * many)

    def _hot(self, queries: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """The queries that meet too many candidates."""
        loads = np.zeros(len(queries) // _WORDS_A_HASH, np.int64)
        self._by_slots(queries, loads, np.empty((0, 3), np.uint32))
        return np.flatnonzero(loads > self._most_load())

    def within(self, max_distance_bits: int) -> HammingIndex:
        """The same index, to be searched at another distance; for the one it was built for it is the fastest.

        Raises:
            ValueError: Hashes of some slot were not filed, because none was needed at the distance it was built for.
        """
        plan = _plan(len(self.slots), max_distance_bits)
        if any(slot.radius_bits < 0 for slot in self.slots):
            raise ValueError(f"an index for {self.max_distance_bits} bits has slots that are not filled")
        assert [slot[:2] for slot in plan] == [slot[:2] for slot in self.slots], "cut otherwise than by their number"
        return HammingIndex(
            max_distance_bits=max_distance_bits, slots=plan, words=self.words, offsets=self.offsets, ids=self.ids
        )

    def _batch(
        self, queries: npt.NDArray[np.uint64], most_pairs: int, *, scanned: bool
    ) -> tuple[npt.NDArray[np.uint32] | int, int]:
        """The pairs of these queries, or about how many where that is more than `most_pairs`; and the hot queries.

        Args:
            queries: Four words for each hash.
            most_pairs: More are not held.
            scanned: Whether all of them are hot, as those before were.
        """
        asked = len(queries) // _WORDS_A_HASH
        if scanned:
            return self._by_scan(queries, np.arange(asked), most_pairs), asked
        capacity = min(_FIRST_PAIRS, most_pairs)
        while True:
            found = np.empty((capacity, 3), np.uint32)
            loads = np.zeros(asked, np.int64)
            told = self._by_slots(queries, loads, found)
            hot = np.flatnonzero(loads > self._most_load())
            if told > most_pairs:
                return told, len(hot)
            if told <= capacity:
                break
            capacity = told
        told_by_slots = found[:told]
        if not len(hot):
            return told_by_slots, 0
        told_by_slots = told_by_slots[~np.isin(told_by_slots[:, 0], hot)]
        by_scan = self._by_scan(queries, hot, most_pairs - len(told_by_slots))
        if isinstance(by_scan, int):
            return len(told_by_slots) + by_scan, len(hot)
        return np.concatenate([told_by_slots, by_scan]), len(hot)

    def _most_load(self) -> int:
        return max(len(self) // _MOST_OF_LIST, 1_000)

    def _by_slots(
        self, queries: npt.NDArray[np.uint64], loads: npt.NDArray[np.int64], found: npt.NDArray[np.uint32]
    ) -> int:
        from headwater.media.hamming_kernels import search_slot  # loads a compiler

        if not self._tables:
            self._tables.extend(_masks(slot) for slot in self.slots)
        slots = np.array(self.slots, np.int64)
        looked = np.empty(max(map(len, self._tables)) * len(loads), np.uint64)
        room = max(len(looked), _CANDIDATES)
        buffers = looked, np.empty(_CANDIDATES, np.uint64), np.empty(room, np.uint64)
        many = len(self)
        target_shift = 32 + max(0, (many - 1).bit_length() - _PART_BITS)
        told, begin = 0, 0
        for place, slot in enumerate(self.slots):
            values = 1 << slot.width_bits
            if slot.radius_bits >= 0:
                told = search_slot(
                    queries,
                    self.words,
                    self.offsets[begin : begin + values + 1],
                    self.ids[place * many : (place + 1) * many],
                    self._tables[place],
                    self.max_distance_bits,
                    slots,
                    place,
                    buffers,
                    np.zeros((1 << _PART_BITS) + 2, np.int64),
                    (32 + max(0, slot.width_bits - _PART_BITS), target_shift),
                    loads,
                    self._most_load(),
                    found,
                    told,
                )
            begin += values + 1
        return told

    def _by_scan(
        self, queries: npt.NDArray[np.uint64], hot: npt.NDArray[np.int64], most_pairs: int
    ) -> npt.NDArray[np.uint32] | int:
        """The pairs of the queries that meet too many candidates; or how many, where that is more than `most_pairs`."""
        from headwater.media.hamming_kernels import scan_all  # loads a compiler

        chosen = queries.reshape(-1, 4)[hot].ravel()
        capacity = min(_FIRST_PAIRS, most_pairs)
        while True:
            found = np.empty((capacity, 3), np.uint32)
            told = int(scan_all(chosen, self.words, self.max_distance_bits, found, 0))
            if told > most_pairs:
                return told
            if told <= capacity:
                break
            capacity = told
        found = found[:told]
        found[:, 0] = hot[found[:, 0]]
        return found


def build_index(
    hashes: HashArray, *, max_distance_bits: int, folder: Path | None = None, slots: tuple[Slot, ...] | None = None
) -> HammingIndex:
    """An index of the hashes.

    In memory it takes 32 bytes a hash, 4 for each slot, and 4 for each value of each slot: 1.3 GB for ten million. With
    a folder it is written there and mapped, and building it takes 12 bytes a hash besides.

    Args:
        hashes: Rows of 32 bytes; a mapped array is read in pieces.
        max_distance_bits: The largest distance that will be searched for.
        folder: Where to write it; made, and must not hold one.
        slots: How to cut the hashes, if not as their number asks for.
    """
    from headwater.media.hamming_kernels import count_buckets, fill_buckets  # loads a compiler

    many = len(hashes)
    if many > _MAX_TARGETS:
        raise ValueError(f"{many:,} hashes are more than an index can number")
    slots = slots_for(many, max_distance_bits) if slots is None else slots
    assert sum(slot.radius_bits + 1 for slot in slots) > max_distance_bits, "pairs within the limit could be missed"
    assert sum(slot.width_bits for slot in slots) == BITS
    values = [(1 << slot.width_bits) + 1 for slot in slots]
    words = new_array(folder, _WORDS, (4 * many,), np.uint64)
    offsets = new_array(folder, _OFFSETS, (sum(values),), np.uint32)
    ids = new_array(folder, _IDS, (len(slots) * many,), np.uint32)
    pieces = range(0, many, _ROWS_AT_ONCE)
    for start in pieces:
        piece = np.ascontiguousarray(hashes[start : start + _ROWS_AT_ONCE]).view(np.uint64).ravel()
        words[4 * start : 4 * start + len(piece)] = piece
    begin = 0
    for place, (slot, length) in enumerate(zip(slots, values, strict=True)):
        ends = np.zeros(length, np.uint32)
        if slot.radius_bits >= 0:
            for start in pieces:
                piece = words[4 * start : 4 * (start + _ROWS_AT_ONCE)]
                count_buckets(piece, len(piece) // 4, slot.first_bit, slot.width_bits, ends)
            np.cumsum(ends, out=ends)
            offsets[begin : begin + length] = ends
            # Filled in memory and written in one go: a mapped file would be written all over, page by page.
            of_slot = np.empty(many, np.uint32)
            for start in pieces:
                piece = words[4 * start : 4 * (start + _ROWS_AT_ONCE)]
                fill_buckets(piece, len(piece) // 4, start, slot.first_bit, slot.width_bits, ends, of_slot)
            ids[place * many : (place + 1) * many] = of_slot
        begin += length
    if folder is not None:
        told = {"form": _FORM, "max_distance_bits": max_distance_bits, "slots": slots}
        (folder / _PLAN).write_text(json.dumps(told), encoding="utf-8")
        return open_index(folder)
    return HammingIndex(max_distance_bits=max_distance_bits, slots=slots, words=words, offsets=offsets, ids=ids)


def open_index(folder: Path) -> HammingIndex:
    """The index in that folder, mapped: what is not searched is not read."""
    told = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
    if told["form"] != _FORM:
        raise ValueError(f"an index of form {told['form']}, where {_FORM} is read; build it again")
    words, offsets, ids = (np.load(folder / name, mmap_mode="r") for name in (_WORDS, _OFFSETS, _IDS))
    slots = tuple(Slot(*slot) for slot in told["slots"])
    return HammingIndex(max_distance_bits=told["max_distance_bits"], slots=slots, words=words, offsets=offsets, ids=ids)


def new_array(folder: Path | None, name: str, shape: tuple[int, ...], kind: type[np.generic]) -> npt.NDArray[Any]:
    """An array to be filled, in memory, or mapped from a file of that name in the folder, which is made.

    Raises:
        OSError: The medium has no room for it.
    """
    if folder is None:
        return np.empty(shape, kind)
    folder.mkdir(parents=True, exist_ok=True)
    made: npt.NDArray[Any] = np.lib.format.open_memmap(folder / name, mode="w+", dtype=kind, shape=shape)
    # Room is taken now: where a mapped file finds none later, the process is killed and cannot say why.
    with (folder / name).open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    return made
