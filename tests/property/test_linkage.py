"""Linkage: Splink's levels are a plain reading of the model, and the order of rows never shows."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from headwater.identities.model import Claim, Comparison, Level
from headwater.identities.pairs import compared_pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import JaroWinkler

from headwater.engine import Session, StageContext, write_parquet
from headwater.identities import link_records, read_model
from headwater.identities.link import KEPT_MBITS
from headwater.identities.normal import comparable
from headwater.schema import table_named

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


# The whole stage, from rows as sources write them.
PEOPLE = {
    "full_name": ["Anna Petrov", "Ana Petrova", "Robert Silva", "Bob Silva", "Анна Петрова"],
    "date_of_birth": DATES,
    "street_address": ["1 High St", "2 Low Rd"],
    "postcode": ["QZ1 1AA", "QZ2 2BB"],
    "country": ["GB"],
    "phone": ["+44 20 7946 0018", "020 7946 0018", "+44 20 7946 0199"],
    "email": ["anna@mail.test", "Anna+list@mail.test", "bob@mail.test"],
    "nickname": ["Night Owl", "night_owl", "blackbird"],
}
KEYS = {"accounts": "account_id", "customers": "customer_id", "records": "record_id"}
CLAIMS = {"held": ("customers", "records"), "used": ("accounts", "records")}
Rows = dict[str, list[dict[str, Any]]]


def people(generator: random.Random, rows: int) -> Rows:
    """Tables of people and accounts, each row as its source might write it, with gaps."""
    made: Rows = {}
    for table, key in KEYS.items():
        columns = {c.name: c for c in table_named(table).columns}
        blank = {"string": "-", "int64": 0, "bool": False}
        required = {name: blank[str(column.type)] for name, column in columns.items() if not column.nullable}
        made[table] = [
            required
            | {
                name: generator.choice([None, "", *values, *values])
                for name, values in PEOPLE.items()
                if name in columns
            }
            | {key: f"{table[:3]}-{n:02}"}
            for n in range(rows)
        ]
    return made


def linked(rows: Rows, *, threads: int = 2, folder: Path | None = None) -> list[Any]:
    """The links; with a folder, the digests of both tables' files instead."""
    with Session({}, threads=threads) as session:
        for name, listed in rows.items():
            session.put(name, table_named(name).rows(listed))
        tables = link_records(StageContext(tables=session))
    if folder is not None:
        return [write_parquet(table, folder / name) for name, table in sorted(tables.items())]
    return list(tables["links"].to_pylist())


def plainly_linked(rows: Rows) -> dict[Any, tuple[int, int, int]]:
    """For each link its weight, probability and rivals: every pair looked at, in exact fractions."""
    weights: dict[str, dict[str, dict[str, int]]] = {}
    for name, (left_table, right_table) in CLAIMS.items():
        claim = MODEL.claims[name]
        lefts, rights = ([comparable(r, r[KEYS[t]]) for r in rows[t]] for t in (left_table, right_table))
        known = {(c.field, level.name): level.weight_mbits for c in claim.comparisons for level in c.levels}
        for (left, right), levels in plainly_compared(claim, lefts, rights).items():
            weight = claim.prior_mbits(len(rights)) + sum(known[level] for level in levels)
            if weight >= KEPT_MBITS:
                weights.setdefault(name, {}).setdefault(left, {})[right] = weight
    found = {}
    for name, by_left in weights.items():
        for left, rivals in by_left.items():
            odds = {right: Fraction(2.0 ** (weight / 1000)) for right, weight in rivals.items()}
            for right, weight in rivals.items():
                probability = int(odds[right] / (1 + sum(odds.values())) * 1_000_000)
                found[name, left, right] = (weight, probability, len(rivals) - 1)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_stage_says_what_looking_at_every_pair_says(seed):
    rows = people(random.Random(seed), 14)
    expected = plainly_linked(rows)
    links = linked(rows)
    assert {link["claim"] for link in links} == set(CLAIMS)
    assert {(row["claim"], row["left_id"], row["right_id"]) for row in links} == set(expected)
    for row in links:
        weight, probability, rivals = expected[row["claim"], row["left_id"], row["right_id"]]
        assert (row["match_weight_mbits"], row["rivals"]) == (weight, rivals)
        # Odds are kept in whole 2**-40ths, and what is below one part in a million is cut off.
        assert abs(row["probability_ppm"] - probability) <= 1
        assert row["proposed"] == (row["probability_ppm"] >= 500_000)


@given(st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_neither_the_order_of_rows_nor_the_number_of_threads_shows_in_the_files(tmp_path_factory, generator):
    rows = people(generator, 12)
    first, second = (tmp_path_factory.mktemp("links") for _ in range(2))
    expected = linked(rows, folder=first)
    for listed in rows.values():
        generator.shuffle(listed)
    assert linked(rows, threads=1, folder=second) == expected


FIELDS = {
    "email": {"email"},
    "phone": {"phone"},
    "nickname": {"nickname"},
    "date_of_birth": {"date_of_birth"},
    "full_name": {"given_name", "surname_and_household"},
}


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(FIELDS)), st.sampled_from(["left", "right", "both"]))
@settings(max_examples=8, deadline=None)
def test_what_a_side_does_not_state_is_never_compared(generator, column, side):
    rows = people(generator, 12)
    for table in {"left": ["accounts", "customers"], "right": ["records"], "both": list(KEYS)}[side]:
        for row in rows[table]:
            if column in row:
                row[column] = generator.choice([None, ""])
    for link in linked(rows):
        assert not {part["field"] for part in link["comparisons"]} & FIELDS[column]


@given(st.randoms(use_true_random=False), st.sampled_from(["left", "right"]))
@settings(max_examples=4, deadline=None)
def test_an_address_that_a_side_does_not_state_never_agrees(generator, side):
    rows = people(generator, 12)
    for row in rows["customers" if side == "left" else "records"]:
        row |= {"street_address": None, "phone": None}
    levels = {p["level"] for link in linked(rows) for p in link["comparisons"] if p["field"] == "surname_and_household"}
    assert not {level for level in levels if "address" in level or "telephone" in level}


def test_the_rows_made_here_agree_in_every_field_where_both_sides_state_it():
    """Without this, the two tests above would hold of rows that never meet."""
    parts = [part for link in linked(people(random.Random("agree"), 30)) for part in link["comparisons"]]
    agreeing = {part["field"] for part in parts if part["weight_mbits"] > 0}
    assert agreeing == set().union(*FIELDS.values())
    assert {part["level"] for part in parts} >= {"surname and address equal", "surname and telephone equal"}
