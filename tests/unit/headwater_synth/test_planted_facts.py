"""What is planted about who used accounts: there from the smallest seizure on, in the evidence as in the truth."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from headwater.references.identifier_rows import read_customer_identifiers, read_record_identifiers
from headwater_synth.chain import build_chain
from headwater_synth.identifiers import (
    CUSTOMER_IDENTIFIER_COLUMNS,
    RECORD_IDENTIFIER_COLUMNS,
    customer_identifiers,
    record_identifiers,
)
from headwater_synth.population import build_population
from headwater_synth.population_activity import drawn_logins
from headwater_synth.population_payments import chain_plan
from headwater_synth.references import customer_returns, written_csv
from headwater_synth.truth_of_use import fact_rows


@pytest.fixture(scope="module")
def population():
    return build_population(5, accounts=900, payers=80)


@pytest.mark.parametrize("seed", range(6))
def test_the_smallest_seizure_has_each_kind(seed):
    plan = build_population(seed, accounts=40, payers=10).facts
    assert Counter(fact.fact_kind for fact in plan.facts) == {
        "resold_account": 1,
        "several_users": 1,
        "impossible_times": 1,
    }
    assert sorted(plan.lookalikes.values()) == ["moved", "renewed", "second_home"]


def test_planned_logins_are_those_of_the_plan_and_all_others_are_not_touched(population):
    logins = list(drawn_logins(population).since(0))
    for account, visits in population.facts.visits.items():
        found = [login for login in logins if login.account_key == account]
        assert [login.at_ms // 1_000 for login in found] == [visit.at_s for visit in visits]
        lines = [population.networks.home(visit.household_key) for visit in visits]
        assert [login.network_address for login in found] == lines


def test_a_sold_account_shows_another_line_from_its_day_on_and_its_uploads_too(population):
    (account, (person, since)), *_ = population.facts.seconds.items()
    before, after = (population.upload_address(account, since + step, 7) for step in (-1, 0))
    assert after == population.networks.home(population.household_of(person))
    assert before == population.networks.home(population.household_of(population.person_of(account)))
    assert before != after


def test_the_second_person_has_no_account_and_lives_in_another_country(population):
    for fact in population.facts.facts:
        assert not population.accounts_of(fact.other_person_key)
        countries = {
            population.networks.country(population.household_of(person))
            for person in (fact.other_person_key, population.person_of(fact.account_key))
        }
        assert len(countries) == 2


def test_the_truth_lists_what_is_true_and_what_only_looks_so(population):
    rows = list(fact_rows(population))
    assert {row[1] for row in rows} == {
        *("resold_account", "several_users", "impossible_times"),
        *("shared_network_address", "proxy", ""),
    }
    assert {row[4] for row in rows if not row[1]} == {"moved", "second_home", "renewed"}
    assert len(set(rows)) == len(rows)


def test_identifiers_are_of_the_right_people_and_headwater_reads_them(population, tmp_path):
    plan = chain_plan(population, blocks=140)
    chain = build_chain(plan)
    returns = customer_returns(population, chain)
    for returned in returns:
        withdrawn = {row[0]: [row[6]] for row in returned.transactions if row[1] == "withdrawal"}
        rows = customer_identifiers(population, returned.actor, returned.person_keys, withdrawn, plan.invoices)
        path = tmp_path / f"{returned.actor}.csv"
        many = written_csv(path, CUSTOMER_IDENTIFIER_COLUMNS, rows)
        reading = read_customer_identifiers(path)
        assert ([len(rows) for rows in reading.tables.values()], reading.bad_rows) == ([many], [])
    customers = [person for returned in returns for person in returned.person_keys]
    path = tmp_path / "earlier.csv"
    many = written_csv(path, RECORD_IDENTIFIER_COLUMNS, record_identifiers(population, chain, customers))
    reading = read_record_identifiers(path)
    assert many > 10
    assert ([len(rows) for rows in reading.tables.values()], reading.bad_rows) == ([many], [])
    with path.open(encoding="utf-8") as file:
        kinds = {row["identifier_kind"] for row in csv.DictReader(file)}
    assert kinds >= {"nickname", "wallet_address", "device", "network_address"}
