"""A negative judgement survives every later chain: no order of judgements, no other row brings it back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engine import Session, StageContext
from headwater.identities import link_records
from headwater.identities.claims.standing import Denials
from headwater.judgements import Judgement, settled_snapshot
from headwater.schema import content_id, table_named

ROWS = {
    "accounts": ["a1", "a2"],
    "payments": ["p1", "p2"],
    "customers": ["c1", "c2", "c3"],
    "records": ["r1", "r2", "r3"],
}
SIDES = {"held": ("customers", "records"), "used": ("accounts", "records"), "paid": ("payments", "customers")}
PAIRS = [(claim, left, right) for claim, (one, other) in SIDES.items() for left in ROWS[one] for right in ROWS[other]]
VERDICTS = st.lists(st.tuples(st.sampled_from(PAIRS), st.sampled_from(["positive", "negative"])), max_size=12)
TWINS = st.lists(st.tuples(st.sampled_from(ROWS["records"]), st.sampled_from(ROWS["records"])), max_size=2)


def judged(verdicts: Any) -> list[Judgement]:
    return [
        Judgement(
            link_id=content_id("lnk", *pair), claim=pair[0], left_id=pair[1], right_id=pair[2], verdict=verdict,
            operator=f"Op {n}", why="because", seen_weight_mbits=0, model_id="mdl-1", at_utc="2026-01-01T00:00:00.0Z",
        )
        for n, (pair, verdict) in enumerate(verdicts)
    ]  # fmt: skip


def plainly_one(edges: list[tuple[Any, Any]], start: Any) -> set[Any]:
    """All rows that edges lead to, found by walking."""
    found = {start}
    while grown := {b for a, b in edges + [(b, a) for a, b in edges] if a in found} - found:
        found |= grown
    return found


@given(VERDICTS, TWINS)
@settings(max_examples=200, deadline=None)
def test_no_chain_joins_what_a_person_parted(verdicts, twins):
    settled = settled_snapshot(judged(verdicts))
    rows = settled.to_pylist()
    pairs = [(("records", a), ("records", b)) for a, b in twins]
    denials = Denials(settled, pairs)
    ends = [((SIDES[r["claim"]][0], r["left_id"]), (SIDES[r["claim"]][1], r["right_id"])) for r in rows]
    edges = pairs + [ends[n] for n, r in enumerate(rows) if r["verdict"] == "positive"]
    parted = [ends[n] for n, r in enumerate(rows) if r["verdict"] == "negative"]
    for claim, left, right in PAIRS:
        mine = plainly_one(edges, (SIDES[claim][0], left))
        theirs = plainly_one(edges, (SIDES[claim][1], right))
        barred = any((a in mine and b in theirs) or (b in mine and a in theirs) for a, b in parted)
        assert (denials.denied_by(claim, left, right) is not None) == barred


@given(VERDICTS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_judgements_of_different_people_does_not_show(verdicts, generator):
    made = judged(verdicts)
    shuffled = list(made)
    generator.shuffle(shuffled)
    one, other = (Denials(settled_snapshot(each), ()) for each in (made, shuffled))
    assert [one.denied_by(*pair) for pair in PAIRS] == [other.denied_by(*pair) for pair in PAIRS]


def test_nothing_is_settled_as_long_as_nobody_said_no():
    assert settled_snapshot(judged([(PAIRS[0], "positive")])).num_rows == 0
    assert settled_snapshot(judged([(PAIRS[0], "positive"), (PAIRS[1], "negative")])).num_rows == 2


PERSON = {
    "full_name": "Marta Quill", "date_of_birth": "1981-04-07", "street_address": "4 Mill Lane", "postcode": "QZ1 1AA",
    "email": "marta.quill@mail.test",
}  # fmt: skip
RECORD = {"reference_name": "register", "reference_version": "1", "source_key": "R-1", "convicted": False}


def stage(rows: dict[str, list[dict[str, Any]]], judgements: list[Judgement]) -> dict[Any, dict[str, Any]]:
    with Session({}) as session:
        for name, listed in rows.items():
            columns = table_named(name).columns
            kinds = {"string": "-", "int64": 0, "bool": False}
            blank = {c.name: kinds[str(c.type)] for c in columns if not c.nullable}
            session.put(name, table_named(name).rows(blank | row for row in listed))
        session.put("settled_links", settled_snapshot(judgements))
        links = link_records(StageContext(tables=session))["links"].to_pylist()
    return {(row["claim"], row["left_id"], row["right_id"]): row for row in links}


@pytest.mark.parametrize("change", ["another version of the register", "the same row again", "none"])
def test_what_was_denied_is_kept_and_marked_and_no_other_row_of_the_person_is_proposed(change):
    customer = {"customer_id": "cus-1", "actor": "northquay", "source_key": "1", **PERSON}
    records = [{"record_id": "rec-1", **RECORD, **PERSON}]
    if change == "another version of the register":
        records.append({"record_id": "rec-2", **RECORD, **PERSON, "reference_version": "2", "phone": "+442079460018"})
    elif change == "the same row again":
        records.append({"record_id": "rec-2", **RECORD, **PERSON, "source_key": "R-2"})
    rows = {"customers": [customer], "records": records}
    pair = ("held", "cus-1", "rec-1")
    assert stage(rows, [])[pair]["barred_by"] is None
    links = stage(rows, judged([(pair, "negative")]))
    denied = content_id("lnk", *pair)
    assert len(links) == len(records)
    assert all((link["barred_by"], link["proposed"]) == (denied, False) for link in links.values())
