"""Folders that add up, and one that does not; the strip of a medium against its ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engine import Session
from headwater.errors import InputError
from headwater.schema import table_named
from headwater.workflow import accounted, folder_entries, folder_sums, medium_strip
from headwater.workflow.tree_entries import _Chosen

PLACES = (
    # Path, its account, size. A folder's own entry lies in the folder above it.
    ("a", "directory", "other", 0),
    ("a/one.png", "file", "known", 10),
    ("a/b", "directory", "other", 0),
    ("a/b/two.png", "file", "near", 20),
    ("a/b/three", "file", "refused", 400),
    ("ab", "directory", "other", 0),
    ("ab/four.zip", "file", "other", 7),
    ("ab/four.zip!/in/five.jpg", "file", "none", 5),
    ("six", "file", "deferred", 3),
)


def _session(left_out: str = "") -> Session:
    entries, items, verdicts = [], [], []
    for number, (path, kind, account, size) in enumerate(PLACES):
        entry = {
            "exhibit_id": "E 1", "volume_index": 0, "path": path, "path_bytes": path.encode(),
            "directory": path.rpartition("/")[0], "entry_type": kind, "size_bytes": size, "read_bytes": size,
            "disposition": account if account in {"refused", "deferred"} else "catalogued",
        }  # fmt: skip
        entries.append(entry)
        if path != left_out:
            item = {"item_id": f"itm-{number}", "content_kind": "other", "content_format": "other", "copies": 1}
            items.append({**entry, **item})
        if account in {"known", "near", "none"}:
            verdicts.append({"item_id": f"itm-{number}", "verdict": account, "verdict_group": account})
    session = Session({})
    for name, rows in (("entries", entries), ("items", items), ("media_verdicts", verdicts)):
        session.put(name, table_named(name).rows(rows))
    return session


@pytest.fixture
def tables():
    with _session() as session:
        yield session


def test_a_level_adds_up_to_its_folder_and_the_whole_to_the_ledger(tables):
    sums = folder_sums(tables)
    entries, size_bytes, lines = accounted(tables)
    [exhibit] = sums.exhibits()
    assert (exhibit.entries, exhibit.size_bytes, list(exhibit.lines)) == (entries, size_bytes, lines)
    for folder in ("", "a", "a/b", "ab", "ab/four.zip!", "ab/four.zip!/in"):
        level = sums.level("E 1", 0, folder)
        assert sum(part.entries for part in level.parts) == level.whole.entries
        assert sum(part.size_bytes for part in level.parts) == level.whole.size_bytes
        for number, line in enumerate(level.whole.lines):
            assert sum(part.lines[number].entries for part in level.parts) == line.entries
        assert all(part.unaccounted_entries == part.unaccounted_bytes == 0 for part in (*level.parts, level.whole))


def test_a_folder_holds_what_is_below_it_and_no_folder_of_a_like_name(tables):
    sums = folder_sums(tables)
    assert [(p.name, p.entries, p.is_here) for p in sums.level("E 1").parts] == [
        ("a", 4, False), ("ab", 2, False), ("", 3, True),
    ]  # fmt: skip
    assert sums.level("E 1", 0, "a").whole.size_bytes == 430
    assert [p.folder for p in sums.level("E 1", 0, "ab").parts] == ["ab/four.zip!", "ab"]
    for wrong in (("E 2", 0, ""), ("E 1", 1, ""), ("E 1", 0, "b"), ("E 1", 0, "a/")):
        with pytest.raises(InputError, match="no such folder"):
            sums.level(*wrong)


def test_an_entry_that_went_nowhere_shows_in_each_folder_above_it():
    with _session(left_out="a/b/three") as session:
        sums = folder_sums(session)
        for folder in ("", "a", "a/b"):
            whole = sums.level("E 1", 0, folder).whole
            assert (whole.unaccounted_entries, whole.unaccounted_bytes) == (1, 400)
        assert sums.level("E 1", 0, "ab").whole.unaccounted_entries == 0


def test_each_number_has_its_rows(tables):
    sums, entries = folder_sums(tables), folder_entries(tables)
    for folder in ("", "a", "a/b", "ab"):
        for part in sums.level("E 1", 0, folder).parts:
            for line in part.lines:
                found = entries.under("E 1", 0, part.folder, account=line.account, is_here=part.is_here)
                assert found.fitting == len(found.rows) == line.entries
                assert sum(row["size_bytes"] for row in found.rows if row["entry_type"] == "file") == line.size_bytes


def test_entries_follow_each_other_in_order_of_path(tables):
    entries = folder_entries(tables)
    whole = entries.under("E 1", 0, "")
    assert [row["path"] for row in whole.rows] == sorted((path for path, *_ in PLACES), key=str.encode)
    assert [entries.under("E 1", 0, "", first=n, rows=1).rows[0] for n in range(whole.fitting)] == whole.rows
    assert entries.under("E 1", 0, "ab", is_here=True).fitting == 1
    assert entries.under("E 1", 0, "no such").fitting == entries.under("E 2", 0, "").fitting == 0


def _medium(ranges: list[tuple[str, int]]) -> Session:
    rows, at = [], 0
    for kind, size in ranges:
        rows.append({"exhibit_id": "E 1", "start_bytes": at, "range_bytes": size, "range_kind": kind})
        at += size
    session = Session({})
    session.put("medium_ranges", table_named("medium_ranges").rows(rows))
    exhibit = {
        "exhibit_id": "E 1", "exhibit_kind": "disk-image", "container_format": "raw", "files": 1, "size_bytes": at,
        "sha256": "0" * 64, "medium_bytes": at, "integrity": "not-stored",
    }  # fmt: skip
    session.put("exhibits", table_named("exhibits").rows([exhibit]))
    return session


def test_a_strip_shows_each_kind_where_it_lies_and_always_what_was_not_read():
    with _medium([("structures", 500), ("content", 3000), ("unreadable", 1), ("content", 999), ("slack", 500)]) as t:
        strip = medium_strip(t, "E 1", columns=10)
    assert strip is not None
    assert strip.parts == (
        ("structures", 0, 1),
        ("content", 1, 6),
        ("unreadable", 7, 1),
        ("content", 8, 1),
        ("slack", 9, 1),
    )
    assert strip.unaccounted_bytes == 0
    assert {one.range_kind: (one.ranges, one.range_bytes) for one in strip.sums}["content"] == (2, 3999)


def test_a_strip_agrees_with_a_byte_by_byte_drawing():
    draw = np.random.default_rng(9)
    kinds = ["content", "slack", "structures", "unallocated"]
    ranges = [(str(draw.choice(kinds)), int(draw.integers(1, 40))) for _ in range(200)]
    bytes_of = [kind for kind, size in ranges for _ in range(size)]
    columns = len(bytes_of) // 25
    with _medium(ranges) as tables:
        strip = medium_strip(tables, "E 1", columns=columns)
    assert strip is not None
    drawn = [kind for kind, _, wide in strip.parts for _ in range(wide)]
    assert len(drawn) == columns
    for column, kind in enumerate(drawn):
        inside = range(-(-column * len(bytes_of) // columns) - 1, (column + 1) * len(bytes_of) // columns + 1)
        here = [bytes_of[at] for at in inside if 0 <= at < len(bytes_of)]
        # Its bytes at the edges belong to two columns, so that a kind may be short of the most by these.
        assert here.count(kind) >= max(map(here.count, here)) - 2


def test_an_exhibit_without_ranges_has_no_strip(tables):
    tables.put("exhibits", table_named("exhibits").empty())
    assert medium_strip(tables, "E 1") is None


@settings(deadline=None, max_examples=30)
@given(
    share=st.sampled_from([0.0, 0.001, 0.5, 1.0]), rows=st.integers(0, 200_000), seed=st.integers(0, 9), data=st.data()
)
def test_rows_that_were_chosen_are_found_from_any_of_them_on(share: float, rows: int, seed: int, data: Any) -> None:
    mask = np.random.default_rng(seed).random(rows) < share
    chosen = _Chosen(mask)
    expected = np.flatnonzero(mask)
    first = data.draw(st.integers(0, len(expected) + 1))
    assert chosen.count == len(expected)
    assert chosen.places(first, 40_000).tolist() == expected[first : first + 40_000].tolist()
