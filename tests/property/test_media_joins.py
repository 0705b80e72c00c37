"""Joins of near-duplicates: the tree of each cluster is the one over every join there is, whatever is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.media import joins as joins_module
from headwater.media.hamming_index import BITS
from headwater.media.joins import spanning_joins

LIMIT = 31
Items = Sequence[tuple[tuple[int, ...], bool]]
"""Of each item the hashes of its frames, as numbers, and whether it is a video."""


def every_join(items: Items) -> list[tuple[int, int, int]]:
    """Distance and items of every join, by the rules as they are written and nothing else."""
    found = []
    for first, second in combinations(range(len(items)), 2):
        one, other = items[first][0], items[second][0]
        distances = [[(a ^ b).bit_count() for b in other] for a in one]
        if len(one) > len(other):
            distances = [list(column) for column in zip(*distances, strict=True)]
        near = sum(min(row) <= LIMIT for row in distances if row)
        if distances and 2 * near >= len(distances) and near:
            found.append((min(map(min, distances)), first, second))
    kept, placed = [], set()
    for distance, first, second in sorted(found):
        stills = [item for item in (first, second) if not items[item][1]]
        if len(stills) == 1:
            if stills[0] in placed:
                continue
            placed.add(stills[0])
        kept.append((distance, first, second))
    return kept


def tree(joins: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The least joins that connect what all connect."""
    component: dict[int, int] = {}
    kept = []
    for distance, first, second in sorted(joins):
        one, other = component.setdefault(first, first), component.setdefault(second, second)
        if one != other:
            kept.append((distance, first, second))
            component = {item: one if of == other else of for item, of in component.items()}
    return kept


def found(items: Items) -> list[tuple[int, int, int]]:
    frames = [(pdq, number) for number, (of, _) in enumerate(items) for pdq in of]
    hashes = np.frombuffer(b"".join(pdq.to_bytes(32) for pdq, _ in frames), np.uint8).reshape(-1, 32)
    numbers = np.array([number for _, number in frames], np.int64)
    return [
        tuple(row) for row in spanning_joins(hashes, numbers, np.array([video for _, video in items], bool)).tolist()
    ]


def drawn(seed: int, many: int, centres: int, longest: int) -> Items:
    """Items around a few centres; some frames equal to others, some items to others in all."""
    draw = np.random.default_rng(seed)
    around = [int.from_bytes(draw.bytes(32)) for _ in range(centres)]
    pool = [
        centre ^ sum(1 << int(bit) for bit in draw.permutation(BITS)[: int(draw.integers(0, 24))])
        for centre in around
        for _ in range(int(draw.integers(1, 6)))
    ]
    items = []
    for _ in range(many):
        is_video = bool(draw.integers(0, 2))
        frames = int(draw.integers(0, longest if is_video or draw.integers(0, 4) == 0 else 2))
        items.append((tuple(pool[int(draw.integers(0, len(pool)))] for _ in range(frames)), is_video))
        if items and draw.integers(0, 4) == 0:
            items.append(items[int(draw.integers(0, len(items)))])
    return items


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 24), st.integers(1, 6), st.integers(2, 6))
def test_the_tree_is_that_of_every_join(seed, many, centres, longest):
    items = drawn(seed, many, centres, longest)
    some, whole = found(items), every_join(items)
    assert set(some) <= set(whole)
    assert tree(some) == tree(whole)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_same_compiled_and_in_small_pieces(seed, monkeypatch):
    items = drawn(seed, 60, 4, 6)
    plain = found(items)
    monkeypatch.setattr(joins_module, "_COMPILED_FROM", 0)
    assert found(items) == plain
    monkeypatch.setattr(joins_module, "PAIRS_AT_ONCE", 5)
    monkeypatch.setattr("headwater.media.hamming._COMPARED_AT_ONCE", 100)
    assert found(items) == plain
    monkeypatch.setattr("headwater.media.hamming._FLAT_BELOW_PAIRS", 0)
    assert found(items) == plain
    assert tree(plain) == tree(every_join(items))


def test_items_that_are_all_near_each_other_keep_few_joins():
    draw = np.random.default_rng(3)
    centre = int.from_bytes(draw.bytes(32))
    items = [(tuple(centre ^ 1 << int(bit) for bit in draw.permutation(BITS)[:3]), True) for _ in range(80)]
    assert len(every_join(items)) == 80 * 79 // 2
    some = found(items)
    assert tree(some) == tree(every_join(items))
    assert len(some) < 2 * 80


@pytest.mark.parametrize("lost", [0, -1])
def test_the_check_would_see_a_join_that_is_missing(lost):
    items = drawn(5, 30, 3, 4)
    some = tree(found(items))
    some.pop(lost)
    assert tree(some) != tree(every_join(items))


def test_of_two_with_as_many_frames_the_first_decides():
    """Each frame of the one is near the only frame of the other that is near any, so that the order matters."""
    draw = np.random.default_rng(9)
    card, *others = (int.from_bytes(draw.bytes(32)) for _ in range(9))
    near = (card ^ 1, card ^ 2, card ^ 4, card ^ 8)
    far = (card, *others[:3])
    assert every_join([(near, True), (far, True)]) == [(1, 0, 1)]
    assert every_join([(far, True), (near, True)]) == []
    for items in ([(far, True), (near, True), (far, True)], [(near, True), (far, True), (near, True), (far, True)]):
        assert tree(found(items)) == tree(every_join(items))
