"""Facets against a plain count of the same; the chance of a distance against draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from headwater.errors import ConfigError
from headwater.workflow.content import chance_log10
from headwater.workflow.contents import FACETS, NO_VALUE, Contents

COUNT = 60
_NAMES = dict.fromkeys(FACETS, ("red", "green", "blue")) | {
    "group": ("known", "near", "none"),
    "copies": ("1", "2-4", "5-19"),
}


@pytest.fixture(scope="module")
def held() -> list[dict[str, set[str]]]:
    """For each content the values of each facet; of a list it may have several."""
    draw = np.random.default_rng(4)
    made = []
    for _ in range(COUNT):
        values = {name: {str(draw.choice(_NAMES[name]))} for name in FACETS}
        values["list"] |= {str(draw.choice(_NAMES["list"]))}
        made.append(values)
    return made


@pytest.fixture(scope="module")
def contents(held: list[dict[str, set[str]]]) -> Contents:
    rows = pa.table(
        {
            "content": [f"c{n:02}" for n in range(COUNT)],
            "media_cluster_id": [f"m{n % 17}" for n in range(COUNT)],
            "places": [1 + n % 5 for n in range(COUNT)],
        }
    )
    values = {}
    for name in FACETS:
        pairs = [(n, _NAMES[name].index(value)) for n in range(COUNT) for value in sorted(held[n][name])]
        values[name] = (np.array([n for n, _ in pairs]), np.array([v for _, v in pairs]), _NAMES[name])
    return Contents(rows, values)


CASES = [
    ({}, {}),
    ({"group": ["near"]}, {}),
    ({"list": ["red", "blue"], "kind": ["green"]}, {"group": ["known"]}),
    ({}, {"list": ["red"]}),
    ({"list": ["red"]}, {"list": ["blue"], "exhibit": ["green"]}),
]


def _fitting(held: list[dict[str, set[str]]], wanted: dict[str, list[str]], out: dict[str, list[str]]) -> Iterator[int]:
    for number, values in enumerate(held):
        if all(values[k] & set(v) for k, v in wanted.items()) and not any(values[k] & set(v) for k, v in out.items()):
            yield number


@pytest.mark.parametrize(("wanted", "out"), CASES)
def test_a_page_holds_what_fits_and_nothing_else(contents, held, wanted, out):
    expected = list(_fitting(held, wanted, out))
    page = contents.page(wanted, out, by_cluster=False, rows=COUNT)
    assert [row["content"] for row in page.rows] == [f"c{n:02}" for n in expected]
    assert page.contents == page.fitting == len(expected)
    clusters = contents.page(wanted, out, rows=COUNT)
    assert sum(row["contents"] for row in clusters.rows) == len(expected)
    assert sum(row["all_places"] for row in clusters.rows) == clusters.places == sum(1 + n % 5 for n in expected)
    assert len({row["media_cluster_id"] for row in clusters.rows}) == clusters.fitting == len(clusters.rows)


@pytest.mark.parametrize(("wanted", "out"), CASES)
def test_a_count_is_what_asking_for_the_value_alone_would_give(contents, held, wanted, out):
    for name, values in contents.facets(wanted, out).items():
        others = {k: v for k, v in wanted.items() if k != name}, {k: v for k, v in out.items() if k != name}
        fitting = list(_fitting(held, *others))
        for one in values:
            assert one.contents == sum(one.value in held[n][name] for n in fitting)
            assert one.is_in == (one.value in wanted.get(name, ()))
            assert one.is_out == (one.value in out.get(name, ()))


def test_grades_laid_over_count_as_if_they_had_always_been_there(contents, held):
    draw = np.random.default_rng(7)
    rows = np.sort(draw.choice(COUNT, 20, replace=False))
    pairs = (np.concatenate([rows, rows[:5]]), np.array([n % 2 for n in range(20)] + [2] * 5), ["A", "B", "C"])
    graded = contents.with_grades(pairs)
    told = [{*values["grade"]} for values in held]
    for row in range(COUNT):
        told[row] = {pairs[2][code] for at, code in zip(*pairs[:2], strict=True) if at == row} or {NO_VALUE}
    anew = [{**values, "grade": told[row]} for row, values in enumerate(held)]
    for wanted, out in (({}, {}), ({"grade": ["C"]}, {}), ({"list": ["red"]}, {"grade": [NO_VALUE]})):
        expected = list(_fitting(anew, wanted, out))
        page = graded.page(wanted, out, by_cluster=False, rows=COUNT)
        assert [row["content"] for row in page.rows] == [f"c{n:02}" for n in expected]
        counts = {one.value: one.contents for one in graded.facets(wanted, out)["grade"]}
        others = list(_fitting(anew, {k: v for k, v in wanted.items() if k != "grade"}, {}))
        if not out:
            assert all(count == sum(value in told[n] for n in others) for value, count in counts.items())
    # The first is as it was.
    assert contents.page({"grade": ["C"]}, {}).contents == 0


def test_pages_follow_each_other(contents):
    whole = contents.page({}, {}, rows=COUNT).rows
    parts = [contents.page({}, {}, first=first, rows=5).rows for first in range(0, len(whole), 5)]
    assert [row for part in parts for row in part] == whole


def test_a_facet_that_is_none_is_refused(contents):
    with pytest.raises(ConfigError, match="no facet"):
        contents.page({"colour": ["red"]}, {})


def test_the_chance_of_a_distance_is_that_of_independent_bits():
    draw = np.random.default_rng(1).binomial(256, 0.5, 200_000)
    for bits in (110, 120, 128):
        assert abs(10 ** chance_log10(bits) - (draw <= bits).mean()) < 0.005
    assert abs(chance_log10(256)) < 1e-9
