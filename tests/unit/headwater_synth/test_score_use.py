"""Measures of facts and of people beside a payer: right, wrong and missing ones, each counted once."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from headwater.engine import Session
from headwater.schema import table_named
from headwater_synth.score_truth import Measure, Truth
from headwater_synth.score_use import FACTS, fact_measures, rival_measures


def filler(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_timestamp(kind):
        return datetime(2025, 1, 1, tzinfo=UTC)
    return 0 if pa.types.is_integer(kind) else False if pa.types.is_boolean(kind) else "-"


def put(session: Session, name: str, *rows: dict[str, object]) -> None:
    table = table_named(name)
    needed = {c.name: filler(c.type) for c in table.columns if not c.nullable}
    session.put(name, table.rows({**needed, table.key[0]: f"{name}-{n}", **row} for n, row in enumerate(rows)))


def truth(**files: tuple[dict[str, str], ...]) -> Truth:
    names = ("accounts", "people", "payments", "addresses", "transactions", "flows", "media", "facts", "rivals")
    return Truth(**{name: files.get(name, ()) for name in names})


def by_name(measures) -> dict[str, Measure]:
    return {measure.measure: measure for measure in measures}


@pytest.fixture
def session():
    with Session({}) as opened:
        keys = [{"account_id": f"acc-{n}", "platform_key": str(n)} for n in (1, 2, 3, 4)]
        put(opened, "accounts", *keys)
        yield opened


def test_a_fact_is_right_where_it_is_true_and_missing_where_it_is_not_found(session):
    found = [{"account_id": f"acc-{n}", "fact_kind": "proxy"} for n in (1, 1, 2)]
    put(session, "contrary_facts", *found, {"link_id": "lnk-1", "fact_kind": "rival_candidate"})
    facts = tuple({"account_key": key, "fact_kind": "proxy"} for key in ("1", "3", "4"))
    told = by_name(fact_measures(session, truth(facts=facts)))
    assert (told["facts.proxy.precision"].value, told["facts.proxy.precision"].n) == (0.5, 2)
    assert (told["facts.proxy.recall"].value, told["facts.proxy.recall"].n) == (0.333333, 3)


def test_another_sign_of_two_people_is_no_wrong_one(session):
    put(session, "contrary_facts", {"account_id": "acc-1", "fact_kind": "impossible_times"})
    told = by_name(fact_measures(session, truth(facts=({"account_key": "1", "fact_kind": "several_users"},))))
    assert told["facts.impossible.precision"].value == 1.0
    assert told["facts.impossible.recall"].value is None
    assert told["facts.several_users.recall"].value == 0.0


def test_every_measured_kind_is_one_of_the_schema():
    about = next(c.about for c in table_named("contrary_facts").columns if c.name == "fact_kind")
    assert set(FACTS.values()) <= set(about.split(", "))


PEOPLE = (
    {"person_key": "10", "record_keys": "R-1", "customer_keys": "north:C-1", "only_paid_for_relative": "1"},
    {"person_key": "11", "record_keys": "R-2", "customer_keys": "", "only_paid_for_relative": "0"},
)


def paid(session: Session, **lead: object) -> Truth:
    put(session, "records", *({"record_id": f"rec-{n}", "source_key": f"R-{n}"} for n in (1, 2)))
    put(session, "customers", {"customer_id": "cus-1", "actor": "north", "source_key": "C-1"})
    put(session, "leads", {"account_id": "acc-1", **lead})
    accounts = (
        {"account_key": "1", "person_key": "11", "shares_address_with": "2"},
        {"account_key": "2", "person_key": "12", "shares_address_with": "1"},
    )
    return truth(
        accounts=accounts,
        people=(*PEOPLE, {**PEOPLE[1], "person_key": "12", "record_keys": "R-3"}),
        rivals=({"account_key": "1", "payer_person_key": "10", "other_person_key": "11"},),
    )


def test_a_pair_counts_where_it_is_shown_for_that_account(session):
    known = paid(session)
    shown = {"payer_id": "cus-1", "other_table": "records", "other_id": "rec-2"}
    put(session, "rival_hypotheses", {"account_id": "acc-2", **shown})
    assert by_name(rival_measures(session, known))["rivals.recall"].value == 0.0
    put(session, "rival_hypotheses", {"account_id": "acc-1", **shown})
    assert by_name(rival_measures(session, known))["rivals.recall"].value == 1.0


@pytest.mark.parametrize(("named", "wrong"), [(None, 0), ("rec-1", 1), ("rec-2", 0)])
def test_a_lead_that_names_who_only_paid_is_counted(session, named, wrong):
    known = paid(session, named_record_id=named)
    assert by_name(rival_measures(session, known))["rivals.payers_named_as_users"].value == wrong


def test_a_lead_that_names_who_only_shares_a_line_is_counted(session):
    known = paid(session, named_record_id="rec-3")
    put(session, "records", *({"record_id": f"rec-{n}", "source_key": f"R-{n}"} for n in (1, 2, 3)))
    assert by_name(rival_measures(session, known))["rivals.payers_named_as_users"].value == 1
