"""Sketches of columns: the same whatever the order, exact while small, and near the truth when large."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.evidence.sketch import KEPT_VALUES, ColumnSketch

CELLS = st.lists(st.none() | st.binary(max_size=80), max_size=60)


def sketch_of(*batches, kept_values=KEPT_VALUES):
    sketch = ColumnSketch(kept_values=kept_values)
    for cells in batches:
        sketch.add(pa.array(cells, pa.binary()))
    return sketch


def state(sketch):
    counts = (sketch.rows, sketch.nulls, sketch.empty, sketch.shortest_bytes, sketch.longest_bytes)
    return counts, sketch.values, sketch.distinct


@given(CELLS)
def test_a_small_column_is_told_exactly(cells):
    sketch = sketch_of(cells)
    filled = [cell for cell in cells if cell]
    assert sketch.rows == len(cells)
    assert sketch.nulls == cells.count(None)
    assert sketch.empty == cells.count(b"")
    assert sketch.filled == len(filled)
    assert sketch.distinct == len(set(filled))
    assert set(sketch.values) == set(filled)
    assert (sketch.shortest_bytes, sketch.longest_bytes) == (
        (min(map(len, filled)), max(map(len, filled))) if filled else (0, 0)
    )


@given(CELLS, st.randoms(use_true_random=False), st.integers(0, 60), st.sampled_from([4, KEPT_VALUES]))
def test_neither_order_nor_batches_show(cells, generator, cut, kept_values):
    shuffled = generator.sample(cells, len(cells))
    one = sketch_of(cells, kept_values=kept_values)
    assert state(one) == state(sketch_of(shuffled[:cut], shuffled[cut:], kept_values=kept_values))


@given(CELLS, CELLS, st.sampled_from([4, KEPT_VALUES]))
def test_two_sketches_merged_are_the_sketch_of_all(one, other, kept_values):
    merged = sketch_of(one, kept_values=kept_values)
    merged.merge(sketch_of(other, kept_values=kept_values))
    assert state(merged) == state(sketch_of(one, other, kept_values=kept_values))


@given(CELLS, CELLS)
def test_inclusion_of_small_columns_is_exact(one, other):
    mine, theirs = {cell for cell in one if cell}, {cell for cell in other if cell}
    expected = len(mine & theirs) / len(mine) if mine else 0.0
    assert sketch_of(one).share_within(sketch_of(other)) == pytest.approx(expected)


def test_a_slice_of_a_larger_array_is_read_as_itself():
    cells = pa.array([b"a", b"bb", None, b"ccc", b"dddd"], pa.binary()).slice(1, 3)
    sketch = ColumnSketch()
    sketch.add(cells)
    assert set(sketch.values) == {b"bb", b"ccc"}


def test_long_values_that_differ_at_either_end_are_told_apart():
    middle = b"x" * 5000
    sketch = sketch_of([b"a" + middle, b"b" + middle, middle + b"a", middle + b"b", middle, middle + b"x"])
    assert sketch.distinct == 6
    assert {len(value) for value in sketch.values} == {4096}


@pytest.mark.parametrize("distinct", [5_000, 60_000])
def test_a_large_column_is_told_nearly(distinct):
    generator = random.Random(7)
    cells = [b"%d" % generator.randrange(distinct) for _ in range(distinct * 3)]
    truth = len(set(cells))
    sketch = sketch_of(*(cells[at : at + 4096] for at in range(0, len(cells), 4096)))
    assert len(sketch.values) == KEPT_VALUES
    assert sketch.distinct == pytest.approx(truth, rel=0.08)


def test_inclusion_of_large_columns_is_told_nearly():
    keys = sketch_of([b"%d" % n for n in range(40_000)])
    within = sketch_of([b"%d" % (n * 3) for n in range(13_000)])
    half = sketch_of([b"%d" % n for n in range(20_000, 60_000)])
    assert within.share_within(keys) == pytest.approx(1.0)
    assert half.share_within(keys) == pytest.approx(0.5, abs=0.06)
    assert sketch_of([b"k%d" % n for n in range(9_000)]).share_within(keys) == 0.0
