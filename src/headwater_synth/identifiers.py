"""What sources note of people besides name and address: an exchange's logins, devices and accounts; an earlier case.

Bank accounts are of the country code ZZ, which is nobody's, with check digits that are right.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from headwater_synth.chain import ChainResult, PlannedInvoice
from headwater_synth.population import Population
from headwater_synth.population_accounts import OPENED_AT_S, registered_at_s
from headwater_synth.records import customer_key, record_keys
from headwater_synth.seeds import stream

__all__ = ["CUSTOMER_IDENTIFIER_COLUMNS", "RECORD_IDENTIFIER_COLUMNS", "customer_identifiers", "record_identifiers"]

CUSTOMER_IDENTIFIER_COLUMNS = ("actor", "source_key", "identifier_kind", "value", "at_utc")
RECORD_IDENTIFIER_COLUMNS = ("source_key", "identifier_kind", "value", "at_utc")

_MAKES = ("fernphone", "moorbook", "tidetab", "alderbook")
_MOST_NOTED = 3  # withdrawals of one customer, before which a login is noted
_YEAR_S = 365 * 86_400


def household_device(population: Population, household_key: int) -> str:
    """The device that a household has in common, by the number that its maker gave it."""
    return _device(population, "household", household_key)


def _device(population: Population, *names: str | int) -> str:
    rng = stream(population.seed, "device", *names)
    return f"{rng.choice(_MAKES)}-{rng.randrange(1 << 40):010x}"


def _iban(population: Population, actor: str, person_key: int) -> str:
    number = f"{stream(population.seed, 'iban', actor, person_key).randrange(10**16):016d}"
    # ISO 13616-1: the number, then the country with letters as 35 for Z, then 00; what is lacking to 1 by 97.
    return f"ZZ{98 - int(f'{number}353500') % 97:02d}{number}"


def _home(population: Population, person_key: int) -> str:
    return str(ipaddress.ip_address(population.networks.home(population.household_of(person_key))))


def _utc(at_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_s, tz=dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def customer_identifiers(
    population: Population,
    actor: str,
    person_keys: Sequence[int],
    withdrawn_at_s: Mapping[int, Sequence[int]],
    invoices: Sequence[PlannedInvoice],
) -> Iterator[tuple[str, str, str, str, str]]:
    """What an exchange noted of its customers, in order of customers.

    Args:
        population: Everybody.
        actor: The exchange.
        person_keys: Its customers.
        withdrawn_at_s: When each of them withdrew.
        invoices: All of them: who pays for a relative elsewhere was at home when that account was opened.
    """
    elsewhere: dict[int, int] = {}
    for invoice in invoices:
        payer = invoice.payer_person_key
        if payer is not None and population.household_of(payer) != population.household_of(
            population.person_of(invoice.account_key)
        ):
            elsewhere.setdefault(payer, invoice.account_key)
    for person in person_keys:
        rng = stream(population.seed, "customer-identifiers", actor, person)
        key, hides = customer_key(population, actor, person), rng.random() < 0.15
        rows: list[tuple[str, str, str]] = []
        for at_s in withdrawn_at_s.get(person, ())[:_MOST_NOTED]:
            packed = population.networks.exit(person, rng.randrange(254))
            value = str(ipaddress.ip_address(packed)) if hides else _home(population, person)
            rows.append(("network_address", value, _utc(at_s - rng.randrange(120, 900))))
        if person in elsewhere:
            opened_at_s = registered_at_s(population.seed, elsewhere[person], of=population.accounts) + 60
            rows.append(("network_address", _home(population, person), _utc(opened_at_s + rng.randrange(300, 1_500))))
        household = population.household_of(person)
        own = household_device(population, household) if rng.random() < 0.35 else _device(population, "own", person)
        rows.append(("device", own, ""))
        if rng.random() < 0.8:
            rows.append(("iban", _iban(population, actor, person), ""))
        yield from ((actor, key, *row) for row in rows)


def record_identifiers(
    population: Population, chain: ChainResult, customers: Sequence[int]
) -> Iterator[tuple[str, str, str, str]]:
    """What an earlier case knows of people on record who have an account or live with a customer, in order of people.

    Args:
        population: Everybody.
        chain: Whose wallets received what.
        customers: Everybody whom an exchange returned.
    """
    wallets: dict[int, str] = {}
    for found in chain.withdrawals:
        if found.person_key is not None:
            wallets.setdefault(found.person_key, found.address)
    beside = {
        other
        for person in customers
        for other in population.members(population.household_of(person))
        if other != person
    }
    for person in range(1, population.persons + 1):
        accounts = population.accounts_of(person)
        if not (accounts or person in beside) or population.record_plan(person) is None:
            continue
        rng = stream(population.seed, "record-identifiers", person)
        at = _utc(OPENED_AT_S - rng.randrange(_YEAR_S // 4, 3 * _YEAR_S))
        rows: list[tuple[str, str]] = []
        if accounts and rng.random() < 0.2:
            rows += _used_again(population, accounts[0], wallets.get(person))
        if person in beside:
            household = population.household_of(person)
            both = (("device", household_device(population, household)), ("network_address", _home(population, person)))
            rows += [row for row, often in zip(both, (0.6, 0.5), strict=True) if rng.random() < often]
        yield from ((record_keys(population, person)[0], *row, at) for row in rows)


def _used_again(population: Population, account_key: int, wallet: str | None) -> list[tuple[str, str]]:
    """What somebody used on an earlier platform, and uses again."""
    account = population.account(account_key)
    told = (("nickname", account.nickname), ("pgp_fingerprint", account.pgp_fingerprint), ("wallet_address", wallet))
    return [(kind, value) for kind, value in told if value]
