"""Whatever the seed and however few the accounts: every planted situation is there, and the truth says so."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_synth.population import build_population
from headwater_synth.population_payments import EXCHANGES, chain_plan
from headwater_synth.population_truth import is_reachable
from headwater_synth.records import record_of


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(min_value=-(2**40), max_value=2**80), accounts=st.integers(min_value=40, max_value=160))
def test_planted_situations(seed, accounts):
    population = build_population(seed, accounts=accounts, payers=40)
    plan = chain_plan(population, blocks=200)
    paid = {}
    for invoice in plan.invoices:
        if invoice.paid_at_s is not None:
            paid.setdefault(invoice.account_key, []).append(invoice)
    accounts_now = [population.account(key) for key in population.account_keys()]
    conducts = {account.account_key: account.conduct for account in accounts_now}

    origins = [account for account in accounts_now if account.conduct.uploads == "origin"]
    reachable = [a for a in origins if is_reachable(population, a, paid.get(a.account_key, ()))]
    assert len(reachable) >= 6

    payers = {i.payer_person_key for found in paid.values() for i in found}
    only_paid = [person for person in payers if not population.accounts_of(person)]
    assert len(only_paid) >= 2
    assert any(population.record_plan(person) for person in only_paid)
    assert any(population.record_plan(person) is None for person in only_paid)
    for person in only_paid:
        users = {
            population.person_of(key) for key, found in paid.items() for i in found if i.payer_person_key == person
        }
        assert users <= set(population.relatives(person))

    networks = {conduct.network for conduct in conducts.values()}
    assert networks == {"home", "vpn", "mixed", "hotspot"}
    sharing = {key: population.sharers(key, conducts[key]) for key in conducts}
    same_roof = [
        (key, other)
        for key, others in sharing.items()
        for other in others
        if population.person_of(key) != population.person_of(other)
        and population.household_of(population.person_of(key)) == population.household_of(population.person_of(other))
    ]
    strangers = [
        (key, other)
        for key, others in sharing.items()
        for other in others
        if population.household_of(population.person_of(key)) != population.household_of(population.person_of(other))
    ]
    assert same_roof
    assert strangers
    assert all(key in sharing[other] for key, others in sharing.items() for other in others)

    assert {i.route for found in paid.values() for i in found} == {
        "exchange_direct",
        "exchange_wallet",
        "exchange_two_hops",
        "coinjoin",
        "self_funded",
    }
    assert {i.exchange for found in paid.values() for i in found} >= {exchange.actor for exchange in EXCHANGES}
    assert any(i.paid_at_s is None for i in plan.invoices)
    assert {account.role for account in accounts_now} == {"member", "moderator", "administrator"}

    streets = {}
    for person in range(1, population.persons + 1):
        household = population.household(population.household_of(person))
        streets.setdefault((household.address.street_address, household.address.suburb), set()).add(
            household.household_key
        )
    assert any(len(households) > 1 for households in streets.values())

    names = {}
    for person in range(1, population.persons + 1):
        found = population.person(person)
        names.setdefault((found.given.native, found.surname.native), []).append(found.date_of_birth)
    assert any(len(set(born)) > 1 for born in names.values())

    on_record = [person for person in range(1, population.persons + 1) if population.record_plan(person)]
    records = [record_of(population, person, 0) for person in on_record]
    assert len({record.source_key for record in records}) == len(records)
    assert {record.convicted for record in records} == {True, False}
