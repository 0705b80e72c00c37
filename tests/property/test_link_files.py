"""Linkage of files: distances, symmetry, and that neither the order of rows nor threads nor the side show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from headwater.identities import LinkOptions, link_files
from headwater.identities.linkage.level_kernels import edits, likeness
from headwater_synth.two_files import ROUGH, USUAL, two_files, write_two_files

MADE = two_files(600, seed=11, left_errors=USUAL, right_errors=ROUGH)
WORD = st.text("abcde", max_size=14)


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode() + b"\0", np.uint8).copy()


@settings(max_examples=300, deadline=None)
@given(WORD, WORD)
def test_edits_are_those_of_an_independent_implementation(one: str, other: str) -> None:
    masks = np.zeros(256, np.uint64)
    found = edits(_bytes(one), 0, len(one), _bytes(other), 0, len(other), masks)
    assert found == OSA.distance(one, other)
    assert not masks.any()


@settings(max_examples=200, deadline=None)
@given(WORD, WORD)
def test_likeness_is_the_same_from_both_sides_and_its_short_cut_loses_nothing(one: str, other: str) -> None:
    text = _bytes(one + other)
    starts = np.array([0, len(one), len(one) + len(other)], np.int64)
    masks = np.zeros(256, np.uint64)
    alike = np.zeros(2, np.uint32)
    letters = np.array([sum({1 << (ord(c) & 31) for c in w}) for w in (one, other)], np.uint32)
    found = likeness(text, starts, letters, 0, 1, masks)
    assert found == likeness(text, starts, letters, 1, 0, masks)
    # Equal sets of letters switch the short cut off.
    if abs(len(one) - len(other)) * 5 <= max(len(one), len(other)) * 2:
        assert found == likeness(text, starts, alike, 0, 1, masks)


def _links(folder: Path, left: pa.Table, right: pa.Table, **options: object) -> bytes:
    write_two_files(MADE, folder)
    pa_csv.write_csv(left, folder / "left.csv")
    pa_csv.write_csv(right, folder / "right.csv")
    out = folder / "links.csv"
    link_files(folder / "left.csv", folder / "right.csv", folder / "columns.toml", out, LinkOptions(**options))
    return out.read_bytes()


def test_neither_the_order_of_rows_nor_threads_change_a_byte(tmp_path: Path) -> None:
    first = _links(tmp_path, MADE.left, MADE.right, threads=1)
    random = np.random.default_rng(5)
    shuffled = [t.take(pa.array(random.permutation(t.num_rows))) for t in (MADE.left, MADE.right)]
    assert _links(tmp_path, *shuffled, threads=2) == first
    assert first.count(b"\n") > 300


@pytest.mark.parametrize("column", ["given_name", "date_of_birth", "address", "email"])
def test_an_absent_value_adds_nothing(tmp_path: Path, column: str) -> None:
    at = MADE.left.column_names.index(column)
    emptied = MADE.left.set_column(at, column, pa.nulls(MADE.left.num_rows, pa.string()))
    _links(tmp_path, emptied, MADE.right)
    links = pa_csv.read_csv(tmp_path / "links.csv")
    field = {"address": "street"}.get(column, column)
    assert links[f"{field}_bits"].null_count == links.num_rows > 0


def test_sides_exchanged_give_the_same_pairs(tmp_path: Path) -> None:
    def pairs(names: tuple[str, str]) -> set[tuple[str, str]]:
        return set(zip(*(pa_csv.read_csv(tmp_path / "links.csv")[n].to_pylist() for n in names), strict=True))

    _links(tmp_path, MADE.left, MADE.right)
    there = pairs(("left_id", "right_id"))
    _links(tmp_path, MADE.right, MADE.left)
    back = pairs(("right_id", "left_id"))
    # The sample from which m is fitted is drawn from the left; in files this small it is all of them.
    assert len(there ^ back) <= len(there) // 100
