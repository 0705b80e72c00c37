"""The population: arrays that fit together, and the planted situations whatever the seed."""

from __future__ import annotations

import ipaddress
from collections import Counter

import pytest

from headwater.errors import ConfigError
from headwater_synth.population import build_population
from headwater_synth.population_accounts import OPENED_AT_S, SEIZED_AT_S
from headwater_synth.population_activity import drawn_logins, drawn_uploads
from headwater_synth.population_cast import CAST, CAST_ACCOUNTS
from headwater_synth.population_network import network_plan
from headwater_synth.population_payments import EXCHANGES, chain_plan, payer_of


@pytest.fixture(scope="module")
def population():
    return build_population(11, accounts=500, payers=200)


def test_accounts_and_people_point_at_each_other(population):
    for key in population.account_keys():
        assert key in population.accounts_of(population.person_of(key))
    for person in range(1, population.persons + 1):
        assert person in population.members(population.household_of(person))
        assert all(population.person_of(key) == person for key in population.accounts_of(person))


def test_relatives_are_mutual_and_never_oneself(population):
    for person in range(1, population.persons + 1):
        for relative in population.relatives(person):
            assert relative != person
            assert person in population.relatives(relative)


def test_account_keys_follow_registration_and_tell_nothing_of_households(population):
    accounts = [population.account(key) for key in population.account_keys()]
    times = [account.registered_at_s for account in accounts]
    assert times == sorted(times)
    assert times[0] >= OPENED_AT_S
    assert times[-1] < SEIZED_AT_S
    assert len({account.nickname for account in accounts}) == len(accounts)
    planned = population.planned_accounts()
    assert max(planned) - min(planned) > CAST_ACCOUNTS


def test_lines_of_households_differ_and_lie_in_the_listed_range_of_their_country():
    plan = network_plan(3)
    homes = {plan.home(household) for household in range(1, 20_001)}
    assert len(homes) == 20_000
    ranges = [(ipaddress.ip_network(found.cidr), found.country) for found in plan.networks() if found.kind == "access"]
    for household in range(1, 60):
        home = ipaddress.ip_address(plan.home(household))
        found = [country for cidr, country in ranges if home.version == cidr.version and home in cidr]
        assert found == [plan.country(household)]


def test_no_network_address_is_anybodys():
    plan = network_plan(3)
    for found in plan.networks():
        assert not ipaddress.ip_network(found.cidr).is_global, found


def test_a_relative_who_pays_and_has_no_account_comes_first(population):
    for key in population.payers:
        conduct = population.conduct(key)
        payer = payer_of(population, key, conduct)
        if conduct.payer == "relative":
            assert payer in population.relatives(population.person_of(key))
        else:
            assert payer == population.person_of(key)


def test_invoices_are_in_order_and_paid_within_the_life_of_the_account(population):
    plan = chain_plan(population, blocks=200)
    assert [invoice.invoice_key for invoice in plan.invoices] == list(range(1, len(plan.invoices) + 1))
    issued = [invoice.issued_at_s for invoice in plan.invoices]
    assert issued == sorted(issued)
    for invoice in plan.invoices:
        assert invoice.issued_at_s > population.account(invoice.account_key).registered_at_s
        assert invoice.paid_at_s is None or plan.start_s < invoice.issued_at_s < invoice.paid_at_s < SEIZED_AT_S
        assert (invoice.paid_at_s is None) == (invoice.payer_person_key is None)
    assert plan.exchanges == tuple(exchange.actor for exchange in EXCHANGES)
    assert [exchange.tagged for exchange in EXCHANGES] == [True, True, False]


def test_payers_are_capped_but_for_the_cast():
    few = build_population(11, accounts=500, payers=0)
    planned = [key for key in few.planned_accounts() if few.conduct(key).payer != "nobody"]
    assert sorted(few.payers) == planned
    assert planned


def test_logins_are_in_order_and_begin_with_the_registration(population):
    logins = list(drawn_logins(population).since(0))
    times = [login.at_ms // 1_000 for login in logins]
    assert times == sorted(times)
    first = {}
    for login in logins:
        first.setdefault(login.account_key, login)
    assert sorted(first) == list(population.account_keys())
    for key, login in first.items():
        assert login.at_ms // 1_000 == population.account(key).registered_at_s + 60


def test_logins_since_a_time_are_the_tail_of_all(population):
    logins = drawn_logins(population)
    every = list(logins.since(0))
    since = SEIZED_AT_S - 30 * 86_400
    assert list(logins.since(since)) == [login for login in every if login.at_ms >= since * 1_000]
    assert logins.count == len(every)


def test_addresses_show_what_the_truth_says(population):
    seen = {}
    for login in drawn_logins(population).since(0):
        seen.setdefault(login.account_key, set()).add(login.network_address)
    vpn = ipaddress.ip_network("198.18.0.0/15")
    users = Counter(address for addresses in seen.values() for address in addresses)
    for key in population.account_keys():
        conduct = population.conduct(key)
        addresses = {ipaddress.ip_address(address) for address in seen[key]}
        hidden = any(address.version == 4 and address in vpn for address in addresses)
        assert hidden == (conduct.network in {"vpn", "mixed"})
        open_addresses = [raw for raw in seen[key] if len(raw) == 16 or ipaddress.ip_address(raw) not in vpn]
        shared = any(users[raw] > 1 for raw in open_addresses)
        assert shared == bool(population.sharers(key, conduct)), key


def test_uploads_without_a_media_store_are_all_gone(population):
    uploads = drawn_uploads(population, ())
    assert {upload.account_key for upload in uploads} == set(population.uploaders)
    assert all(upload.gone for upload in uploads)
    assert [upload.upload_key for upload in uploads] == list(range(1, len(uploads) + 1))


@pytest.mark.parametrize("accounts", [0, 39, 2_000_001])
def test_too_few_or_too_many_accounts_are_refused_in_one_line(accounts):
    with pytest.raises(ConfigError, match="--accounts") as refused:
        build_population(1, accounts=accounts, payers=10)
    assert "\n" not in str(refused.value)


def test_the_cast_fits_into_the_smallest_platform():
    assert CAST_ACCOUNTS <= 40
    assert len({household.situation for household in CAST}) == len(CAST)
