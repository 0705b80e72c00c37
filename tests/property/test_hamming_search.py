"""Exact Hamming search: whatever the method, exactly the pairs that comparing each with each finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.media.hamming import BITS, Pairs, hashes_from_hex, pairs_within, slot_radii

SLOTS = 16
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


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, SLOTS - 1))
def test_31_bits_with_one_slot_at_its_radius_and_every_other_beyond(seed, at_radius):
    """The hardest pair there is: 1 bit in one slot, 2 in each other, 31 in all. Only that one slot can find it."""
    randomness = np.random.default_rng(seed)
    target = randomness.integers(0, 256, (1, BITS // 8), dtype=np.uint8)
    bits = np.unpackbits(target, axis=1)[0]
    for slot in range(SLOTS):
        flipped = randomness.permutation(16)[: 1 if slot == at_radius else 2] + 16 * slot
        bits[flipped] ^= 1
    query = np.packbits(bits).reshape(1, -1)
    others = randomness.integers(0, 256, (50, BITS // 8), dtype=np.uint8)
    targets = np.vstack([others, target])
    found = pairs_within(query, targets, max_distance_bits=LIMIT, method="multi-index")
    assert (0, 50, 31) in list(found)
    assert list(found) == brute_force(query, targets, LIMIT)
    assert len(pairs_within(query, target, max_distance_bits=LIMIT - 1, method="multi-index")) == 0


@pytest.mark.parametrize("slot", range(SLOTS))
def test_a_smaller_radius_in_any_slot_would_lose_such_a_pair(slot, monkeypatch):
    bits = np.zeros(BITS, dtype=np.uint8)
    for each in range(SLOTS):
        bits[16 * each : 16 * each + (1 if each == slot else 2)] = 1
    query, target = np.packbits(bits).reshape(1, -1), np.zeros((1, BITS // 8), dtype=np.uint8)
    assert list(pairs_within(query, target, max_distance_bits=LIMIT, method="multi-index")) == [(0, 0, 31)]
    smaller = tuple(0 if each == slot else 1 for each in range(SLOTS))
    monkeypatch.setattr("headwater.media.hamming.slot_radii", lambda _limit: smaller)
    assert list(pairs_within(query, target, max_distance_bits=LIMIT, method="multi-index")) == []


@settings(deadline=None)
@given(st.integers(0, BITS))
def test_no_pair_within_the_limit_lies_outside_every_slots_radius(limit):
    """The bound itself: the fewest differing bits that escape every slot are one more than the limit."""
    fewest = sum(radius + 1 for radius in slot_radii(limit))
    assert fewest == limit + 1


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


def test_many_targets_with_one_value_in_a_slot_are_taken_in_blocks(monkeypatch):
    monkeypatch.setattr("headwater.media.hamming._CANDIDATES_AT_ONCE", 7)
    randomness = np.random.default_rng(5)
    targets = randomness.integers(0, 256, (40, BITS // 8), dtype=np.uint8)
    targets[:, :6] = 0
    queries = targets[:9].copy()
    queries[:, 20] ^= 0x55
    found = pairs_within(queries, targets, max_distance_bits=LIMIT, method="multi-index")
    assert list(found) == brute_force(queries, targets, LIMIT)


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
