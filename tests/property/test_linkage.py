"""Linkage: Splink's levels are a plain reading of the model, and the order of rows never shows."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import JaroWinkler

from headwater.engine import Session
from headwater.identities import read_model
from headwater.identities.model import Claim, Comparison, Level
from headwater.identities.pairs import compared_pairs

MODEL = read_model()
# Few values, so that rows meet and differ in every way that a level knows.
VALUES = {
    "given": ["anna", "ana", "ivan", "robert", "bob"],
    "given_long": ["anna", "ana", "ivan", "robert", "roberta"],
    "surname": ["petrov", "petrova", "silva", "silvia", "doe"],
    "street": ["1 high st", "2 low rd"],
    "postcode": ["a1", "b2"],
    "phone": ["+441", "+442"],
    "email": ["a@b.c", "d@e.f"],
    "nickname": ["nightowl", "blackbird"],
}
DATES = ["1980-02-03", "1980-03-02", "1980-02-04", "1981-02-03", "1979-12-31"]


def row_of(generator: random.Random, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"unique_id": name}
    for column, values in VALUES.items():
        row[column] = generator.choice([None, *values, *values])
    whole = generator.choice([None, *DATES])
    year, month, day = whole.split("-") if whole else (None, None, None)
    row |= {
        "date_of_birth": whole,
        "date_of_birth_swapped": whole and f"{year}-{day}-{month}",
        "born_year_month": whole and f"{year}-{month}",
        "born_month_day": whole and f"{month}-{day}",
        "born_year_day": whole and f"{year}-{day}",
    }
    return row


def same(left: dict[str, Any], right: dict[str, Any], one: str, other: str | None = None) -> bool:
    return left[one] is not None and left[one] == right[other or one]


def fits(level: Level, left: dict[str, Any], right: dict[str, Any]) -> bool:
    if level.rule == "equal":
        return all(same(left, right, column) for column in level.columns)
    if level.rule == "any_equal":
        return any(same(left, right, column) for column in level.columns)
    if level.rule == "crossed":
        return same(left, right, *level.columns)
    if level.rule == "similar":
        one, other = left[level.columns[0]], right[level.columns[0]]
        near = one and other and JaroWinkler.similarity(one, other) >= level.least_percent / 100
        return bool(near) and all(same(left, right, column) for column in level.also_equal)
    assert level.rule == "otherwise"
    return True


def level_of(comparison: Comparison, left: dict[str, Any], right: dict[str, Any]) -> Level | None:
    if any(left[column] is None or right[column] is None for column in comparison.needs):
        return None
    return next(level for level in comparison.levels if fits(level, left, right))


def plainly_compared(claim: Claim, lefts: list[dict[str, Any]], rights: list[dict[str, Any]]) -> dict[Any, Any]:
    found = {}
    for left in lefts:
        for right in rights:
            if any(all(same(left, right, column) for column in columns) for columns in claim.blocking):
                levels = [(c.field, level_of(c, left, right)) for c in claim.comparisons]
                found[left["unique_id"], right["unique_id"]] = [(f, lv.name) for f, lv in levels if lv is not None]
    return found


def by_splink(claim: Claim, lefts: list[dict[str, Any]], rights: list[dict[str, Any]]) -> dict[Any, Any]:
    with Session({}) as session:
        pairs = compared_pairs(session, claim, lefts, rights)
    assert [(p.left_id, p.right_id) for p in pairs] == sorted((p.left_id, p.right_id) for p in pairs)
    return {(p.left_id, p.right_id): [(field, level.name) for field, level in p.levels] for p in pairs}


@pytest.mark.parametrize("claim", ["held", "used"])
@pytest.mark.parametrize("seed", range(3))
def test_splink_says_what_a_plain_reading_of_the_model_says(claim, seed):
    generator = random.Random(f"{claim}{seed}")
    lefts = [row_of(generator, f"l{n:02}") for n in range(25)]
    rights = [row_of(generator, f"r{n:02}") for n in range(25)]
    expected = plainly_compared(MODEL.claims[claim], lefts, rights)
    assert len(expected) > 30
    assert by_splink(MODEL.claims[claim], lefts, rights) == expected


def test_every_level_of_the_model_is_reached_by_the_rows_compared_here():
    generator = random.Random("levels")
    lefts = [row_of(generator, f"l{n:03}") for n in range(120)]
    rights = [row_of(generator, f"r{n:03}") for n in range(120)]
    reached = set()
    for name in ("held", "used"):
        for levels in plainly_compared(MODEL.claims[name], lefts, rights).values():
            reached |= {(name, field, level) for field, level in levels}
    there = {
        (name, comparison.field, level.name)
        for name in ("held", "used")
        for comparison in MODEL.claims[name].comparisons
        for level in comparison.levels
    }
    assert there - reached == set()


@given(st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_the_order_of_rows_does_not_show(generator):
    lefts = [row_of(generator, f"l{n:02}") for n in range(12)]
    rights = [row_of(generator, f"r{n:02}") for n in range(12)]
    expected = by_splink(MODEL.claims["held"], lefts, rights)
    generator.shuffle(lefts)
    generator.shuffle(rights)
    assert by_splink(MODEL.claims["held"], lefts, rights) == expected


def test_nobody_to_compare_is_no_pair():
    row = row_of(random.Random(1), "a")
    with Session({}) as session:
        assert compared_pairs(session, MODEL.claims["held"], [], [row]) == []
        assert compared_pairs(session, MODEL.claims["held"], [row], []) == []


def test_a_value_that_looks_like_sql_is_a_value():
    row = row_of(random.Random(2), "a'; DROP TABLE a_left; --") | {"email": "'\"; --@x.y", "surname": 'x" OR 1=1'}
    expected = plainly_compared(MODEL.claims["held"], [row], [row | {"unique_id": "b"}])
    assert by_splink(MODEL.claims["held"], [row], [row | {"unique_id": "b"}]) == expected
    assert expected
