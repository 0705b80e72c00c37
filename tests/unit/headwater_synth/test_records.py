"""Registers: wrong where rows are wrong, right where they must be."""

from __future__ import annotations

import pytest

from headwater_synth.population import build_population
from headwater_synth.records import customer_of, record_keys, record_of


@pytest.fixture(scope="module")
def population():
    return build_population(5, accounts=600, payers=100)


def _records(population):
    for person in range(1, population.persons + 1):
        for row in range(len(record_keys(population, person))):
            yield record_of(population, person, row)


def test_what_the_plan_says_stands_in_the_first_row(population):
    for person in range(1, population.persons + 1):
        plan = population.record_plan(person)
        if plan is None:
            assert record_keys(population, person) == ()
            continue
        record, known = record_of(population, person, 0), population.person(person)
        assert record.source_key == record_keys(population, person)[0]
        assert record.convicted == plan.convicted
        assert record.person.email.lower() == (known.email if plan.email else "")
        assert bool(record.person.phone) == plan.phone
        accounts = population.accounts_of(person)
        named = plan.nickname and accounts
        assert record.nickname == (population.account(accounts[0]).nickname if named else "")


_WAYS = {
    "day and month swapped": lambda row, known: (
        known.date_of_birth.day != known.date_of_birth.month and row.date_of_birth == f"{known.date_of_birth:%Y-%d-%m}"
    ),
    "partial date": lambda row, known: (
        row.date_of_birth in {f"{known.date_of_birth:%Y}", f"{known.date_of_birth:%Y-%m}"}
    ),
    "moved": lambda row, known: row.street_address and row.suburb != known.address.suburb,
    "short form": lambda row, known: row.given_name in known.given.short,
    "transliteration": lambda row, known: row.surname in known.surname.latin[1:],
    "misspelling": lambda row, known: row.surname and row.surname not in known.surname.latin,
    "own script": lambda row, known: known.given.native in row.full_name and not known.given.native[0].isascii(),
    "one piece": lambda row, known: not row.surname,
    "surname first": lambda row, known: row.full_name.split(", ")[0].isupper() and ", " in row.full_name,
}


@pytest.mark.parametrize("way", _WAYS)
def test_rows_are_wrong_in_every_way(population, way):
    assert any(_WAYS[way](record.person, population.person(record.person_key)) for record in _records(population))


def test_customers_had_to_show_a_document(population):
    customers = [customer_of(population, "northquay", person) for person in range(1, 300)]
    right = sum(
        customer.person.date_of_birth == population.person(customer.person_key).date_of_birth.isoformat()
        for customer in customers
    )
    assert right > 0.8 * len(customers)
    assert len({customer.source_key for customer in customers}) == len(customers)
