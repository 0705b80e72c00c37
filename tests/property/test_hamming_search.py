"""Exact Hamming search: whatever the method, exactly the pairs that comparing each with each finds."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.media.hamming import Pairs, hashes_from_hex, pairs_within
from headwater.media.hamming_index import BITS, HammingIndex, Slot, build_index, open_index, slots_for

LIMIT = 31


def brute_force(queries: np.ndarray, targets: np.ndarray, limit: int) -> list[tuple[int, int, int]]:
    """The pairs by Python's own integers: nothing in common with the search under test."""
    left = [int.from_bytes(row.tobytes()) for row in queries]
    right = [int.from_bytes(row.tobytes()) for row in targets]
    return [
        (q, t, (one ^ two).bit_count())
        for q, one in enumerate(left)
        for t, two in enumerate(right)
        if (one ^ two).bit_count() <= limit
    ]


@st.composite
def bunched_hashes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Queries and targets around a few centres, so that many pairs lie close to the limit on either side."""
    randomness = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centres = randomness.integers(0, 256, (draw(st.integers(1, 4)), BITS // 8), dtype=np.uint8)

    def around(count: int) -> np.ndarray:
        bits = np.unpackbits(centres[randomness.integers(0, len(centres), count)], axis=1)
        for row in bits:
            flipped = randomness.permutation(BITS)[: int(randomness.integers(0, 40))]
            row[flipped] ^= 1
        return np.packbits(bits, axis=1).reshape(count, BITS // 8)

    return around(draw(st.integers(0, 30))), around(draw(st.integers(0, 60)))


@settings(max_examples=60, deadline=None)
@given(bunched_hashes(), st.sampled_from([0, 1, 15, 16, 17, 30, 31, 32, 40, 47]))
def test_every_method_equals_brute_force(hashes, limit):
    queries, targets = hashes
    expected = brute_force(queries, targets, limit)
    for method in ("flat", "multi-index", "auto"):
        assert list(pairs_within(queries, targets, max_distance_bits=limit, method=method)) == expected


def flipped(row: np.ndarray, plan: tuple[Slot, ...], at_radius: int, randomness: np.random.Generator) -> np.ndarray:
    """The row with as many bits flipped in one slot as its radius, and one more than that in every other."""
    bits = np.unpackbits(row, bitorder="little")
    for place, slot in enumerate(plan):
        many = slot.radius_bits + (place != at_radius)
        bits[slot.first_bit + randomness.permutation(slot.width_bits)[:many]] ^= 1
    return np.packbits(bits, bitorder="little")


# 11 slots is what ten million hashes ask for, 12 a million, 16 what few do.
@pytest.mark.parametrize("targets", [100, 1_000_000, 10_000_000])
def test_31_bits_with_one_slot_at_its_radius_and_every_other_beyond(targets):
    """The hardest pairs there are: only one slot can find each, and a random test never makes one."""
    plan = slots_for(targets, LIMIT)
    randomness = np.random.default_rng(targets)
    rows = randomness.integers(0, 256, (len(plan), BITS // 8), dtype=np.uint8)
    queries = np.stack([flipped(row, plan, place, randomness) for place, row in enumerate(rows)])
    others = randomness.integers(0, 256, (50, BITS // 8), dtype=np.uint8)
    index = build_index(np.vstack([others, rows]), max_distance_bits=LIMIT, slots=plan)
    found = sorted(map(tuple, index.search(queries).tolist()))
    assert found == [(place, 50 + place, LIMIT) for place in range(len(plan))]


@pytest.mark.parametrize("lost", range(16))
def test_a_smaller_radius_in_any_slot_would_lose_such_a_pair(lost):
    plan = slots_for(100, LIMIT)
    row = np.zeros((1, BITS // 8), dtype=np.uint8)
    query = flipped(row[0], plan, lost, np.random.default_rng(lost)).reshape(1, -1)
    smaller = tuple(slot._replace(radius_bits=slot.radius_bits - (place == lost)) for place, slot in enumerate(plan))
    with pytest.raises(AssertionError, match="could be missed"):
        build_index(row, max_distance_bits=LIMIT, slots=smaller)
    whole = build_index(row, max_distance_bits=LIMIT, slots=plan)
    assert whole.search(query).tolist() == [[0, 0, LIMIT]]
    assert replace(whole, slots=smaller, _tables=[]).search(query).tolist() == []


@settings(deadline=None)
@given(st.integers(2, 2**32), st.integers(0, 47))
def test_no_pair_within_the_limit_lies_outside_every_slots_radius(targets, limit):
    """The bound itself: the fewest differing bits that escape every slot are one more than the limit."""
    plan = slots_for(targets, limit)
    assert sum(slot.radius_bits + 1 for slot in plan) == limit + 1
    assert [slot.first_bit for slot in plan] == np.cumsum([0, *(slot.width_bits for slot in plan)])[:-1].tolist()
    assert sum(slot.width_bits for slot in plan) == BITS


@settings(max_examples=25, deadline=None)
@given(bunched_hashes(), st.integers(0, 2**32 - 1))
def test_order_of_rows_changes_nothing_but_the_numbers(hashes, seed):
    queries, targets = hashes
    order = np.random.default_rng(seed).permutation(len(targets))
    plain = {(q, t): d for q, t, d in pairs_within(queries, targets, max_distance_bits=LIMIT, method="multi-index")}
    mixed = pairs_within(queries, targets[order], max_distance_bits=LIMIT, method="multi-index")
    assert {(q, int(order[t])): d for q, t, d in mixed} == plain


@settings(max_examples=25, deadline=None)
@given(bunched_hashes())
def test_distance_is_a_metric(hashes):
    queries, _ = hashes
    pairs = pairs_within(queries, queries, max_distance_bits=BITS)
    distance = {(q, t): d for q, t, d in pairs}
    assert len(distance) == len(queries) ** 2
    for (one, two), bits in distance.items():
        assert bits == distance[two, one]
        assert (bits == 0) == (queries[one].tobytes() == queries[two].tobytes())
        assert all(bits <= distance[one, third] + distance[third, two] for third in range(len(queries)))


def test_both_methods_on_real_hashes(reference_data):
    folder = reference_data / "media" / "expected"
    needles, haystack = (
        hashes_from_hex((folder / f"{name}.txt").read_text(encoding="ascii").split())
        for name in ("needles", "haystack")
    )
    expected = brute_force(needles, haystack, LIMIT)
    assert expected
    for method in ("flat", "multi-index"):
        assert list(pairs_within(needles, haystack, max_distance_bits=LIMIT, method=method)) == expected
    among = pairs_within(haystack, haystack, max_distance_bits=LIMIT, method="multi-index")
    assert list(among) == brute_force(haystack, haystack, LIMIT)


def bunched_in_a_slot(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets that all have one value in several slots, and queries near some of them and near none."""
    randomness = np.random.default_rng(5)
    targets = randomness.integers(0, 256, (count, BITS // 8), dtype=np.uint8)
    targets[:, :6] = 0
    queries = np.vstack([targets[:9], randomness.integers(0, 256, (4, BITS // 8), dtype=np.uint8)])
    queries[:, 20] ^= 0x55
    return queries, targets


def test_a_query_that_meets_most_of_a_list_is_compared_with_all_of_it(monkeypatch):
    scanned = []
    queries, targets = bunched_in_a_slot(3_000)
    by_scan = HammingIndex._by_scan

    def watched(self, words, hot, most_pairs):
        scanned.extend(hot.tolist())
        return by_scan(self, words, hot, most_pairs)

    monkeypatch.setattr(HammingIndex, "_by_scan", watched)
    found = pairs_within(queries, targets, max_distance_bits=LIMIT, method="multi-index")
    assert scanned == list(range(9))
    assert list(found) == brute_force(queries, targets, LIMIT)


def test_candidates_and_pairs_beyond_the_room_for_them_are_not_lost(monkeypatch):
    monkeypatch.setattr("headwater.media.hamming_index._CANDIDATES", 7)
    monkeypatch.setattr("headwater.media.hamming_index._FIRST_PAIRS", 3)
    monkeypatch.setattr("headwater.media.hamming_index._BATCH_QUERIES", 5)
    queries, targets = bunched_in_a_slot(400)
    found = pairs_within(queries, targets, max_distance_bits=LIMIT, method="multi-index")
    assert list(found) == brute_force(queries, targets, LIMIT)
    everything = pairs_within(targets[:60], targets, max_distance_bits=47, method="multi-index")
    assert list(everything) == brute_force(targets[:60], targets, 47)


def test_an_index_in_files_finds_the_same_and_is_not_read_whole(tmp_path):
    queries, targets = bunched_in_a_slot(400)
    in_memory = build_index(targets, max_distance_bits=LIMIT)
    build_index(targets, max_distance_bits=LIMIT, folder=tmp_path / "index")
    mapped = open_index(tmp_path / "index")
    assert isinstance(mapped.words, np.memmap)
    assert sorted(mapped.search(queries).tolist()) == sorted(in_memory.search(queries).tolist())
    assert len(mapped) == 400
    (tmp_path / "index" / "index.json").write_text('{"form": 9}', encoding="utf-8")
    with pytest.raises(ValueError, match="form 9"):
        open_index(tmp_path / "index")


@settings(max_examples=25, deadline=None)
@given(bunched_hashes(), st.sampled_from([31, 36, 47]), st.integers(1, 40))
def test_pieces_are_of_successive_queries_and_together_all_pairs(hashes, limit, most):
    queries, targets = hashes
    index = build_index(targets, max_distance_bits=LIMIT).within(limit)
    pieces = list(index.pieces(queries, most_pairs=most))
    assert all(len(piece) <= most or len(np.unique(piece[:, 0])) == 1 for piece in pieces)
    filled = [piece[:, 0] for piece in pieces if len(piece)]
    assert all(one.max() < other.min() for one, other in itertools.pairwise(filled))
    found = sorted(tuple(pair) for piece in pieces for pair in piece.tolist())
    assert found == brute_force(queries, targets, limit)


def test_queries_that_all_meet_most_of_a_list_are_compared_with_all_of_it_at_once(monkeypatch):
    """Some are tried, the rest are not looked up; and look-ups come back where the queries change."""
    looked = []
    by_slots = HammingIndex._by_slots

    def watched(self, words, loads, found):
        looked.append(len(loads))
        return by_slots(self, words, loads, found)

    _, targets = bunched_in_a_slot(3_000)
    randomness = np.random.default_rng(8)
    far = randomness.integers(0, 256, (100, BITS // 8), dtype=np.uint8)
    queries = np.vstack([targets[:300], far])
    monkeypatch.setattr("headwater.media.hamming_index._BATCH_QUERIES", 100)
    monkeypatch.setattr(HammingIndex, "_by_slots", watched)
    found = build_index(targets, max_distance_bits=LIMIT).search(queries)
    assert looked == [64, 64, 64, 64, 100]
    assert sorted(map(tuple, found.tolist())) == brute_force(queries, targets, LIMIT)


def test_an_index_whose_slots_are_not_filled_is_not_searched_farther():
    _, targets = bunched_in_a_slot(40)
    index = build_index(targets, max_distance_bits=3)
    assert any(slot.radius_bits < 0 for slot in index.slots)
    with pytest.raises(ValueError, match="not filled"):
        index.within(LIMIT)


def test_a_full_medium_is_an_error_and_no_killed_process(tmp_path, monkeypatch):
    def full(descriptor, offset, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        build_index(bunched_in_a_slot(40)[1], max_distance_bits=LIMIT, folder=tmp_path / "index")


def test_nothing_to_search_finds_nothing():
    none = hashes_from_hex([])
    one = hashes_from_hex(["00" * 32])
    for queries, targets in ((none, one), (one, none), (none, none)):
        found = pairs_within(queries, targets, max_distance_bits=LIMIT)
        assert isinstance(found, Pairs)
        assert list(found) == []


@pytest.mark.parametrize("limit", [-1, 257])
def test_a_limit_that_no_distance_has_is_refused(limit):
    one = hashes_from_hex(["00" * 32])
    with pytest.raises(ValueError, match="not within"):
        pairs_within(one, one, max_distance_bits=limit)
