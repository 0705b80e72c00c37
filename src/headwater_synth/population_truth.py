"""The truth about accounts and people, written apart from the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headwater_synth.chain import PlannedInvoice
from headwater_synth.population import Population
from headwater_synth.population_accounts import Account
from headwater_synth.population_payments import EXCHANGES
from headwater_synth.records import customer_key, record_keys
from headwater_synth.references import CustomerReturn, written_csv

__all__ = ["ACCOUNT_COLUMNS", "PEOPLE_COLUMNS", "is_reachable", "own_data_leads", "write_population_truth"]

ACCOUNT_COLUMNS = (
    "account_key",
    "nickname",
    "person_key",
    "role",
    "is_origin",
    "identity_reachable",
    "own_data_leads",
    "uses_vpn",
    "shares_address_with",
)
PEOPLE_COLUMNS = (
    "person_key",
    "given_name",
    "surname",
    "household_key",
    "record_keys",
    "customer_keys",
    "convicted",
    "only_paid_for_relative",
)
_TRACEABLE = frozenset({"exchange_direct", "exchange_wallet", "exchange_two_hops"})
_TAGGED = frozenset(exchange.actor for exchange in EXCHANGES if exchange.tagged)


def own_data_leads(population: Population, account: Account) -> bool:
    """Whether something that the platform has of an account stands on record of its person.

    Args:
        population: Everybody.
        account: The account.
    """
    plan = population.record_plan(account.person_key)
    if plan is None:
        return False
    named = plan.nickname and population.accounts_of(account.person_key)[0] == account.account_key
    mailed = plan.email and account.conduct.email == "personal"
    called = plan.phone and account.phone is not None
    return bool(named or mailed or called)


def is_reachable(population: Population, account: Account, paid: Sequence[PlannedInvoice]) -> bool:
    """Whether a record of the person behind an account exists and something that is there points to it.

    Args:
        population: Everybody.
        account: The account.
        paid: Its invoices that were paid.
    """
    if population.record_plan(account.person_key) is None:
        return False
    traced = any(
        invoice.payer_person_key == account.person_key and invoice.route in _TRACEABLE and invoice.exchange in _TAGGED
        for invoice in paid
    )
    return traced or own_data_leads(population, account)


def _account_rows(
    population: Population, origins: frozenset[int], paid: Mapping[int, Sequence[PlannedInvoice]]
) -> Iterator[Sequence[object]]:
    for account_key in population.account_keys():
        account = population.account(account_key)
        yield (
            account_key,
            account.nickname,
            account.person_key,
            account.role,
            int(account_key in origins),
            int(is_reachable(population, account, paid.get(account_key, ()))),
            int(own_data_leads(population, account)),
            int(account.conduct.network in {"vpn", "mixed"}),
            ";".join(str(key) for key in population.sharers(account_key, account.conduct)),
        )


def _people_rows(
    population: Population,
    customers: Mapping[int, Sequence[str]],
    paid: Mapping[int, Sequence[PlannedInvoice]],
) -> Iterator[Sequence[object]]:
    payers = {invoice.payer_person_key for invoices in paid.values() for invoice in invoices}
    for person_key in range(1, population.persons + 1):
        plan = population.record_plan(person_key)
        accounts = population.accounts_of(person_key)
        if not (plan or accounts or person_key in customers or person_key in payers):
            continue  # a member of a household of whom nobody holds anything
        person = population.person(person_key)
        yield (
            person_key,
            person.given.latin[0],
            person.surname.latin[0],
            person.household_key,
            ";".join(record_keys(population, person_key)),
            ";".join(customers.get(person_key, ())),
            int(plan is not None and plan.convicted),
            int(not accounts and person_key in payers),
        )


def write_population_truth(
    folder: Path,
    population: Population,
    *,
    origins: frozenset[int],
    invoices: Sequence[PlannedInvoice],
    returns: Sequence[CustomerReturn],
) -> None:
    """Write `accounts.csv` and `people.csv`.

    Args:
        folder: Where to; made if absent.
        population: Everybody.
        origins: Accounts that were the first to upload a scene which no list knows.
        invoices: All of them.
        returns: What the exchanges handed over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paid: dict[int, list[PlannedInvoice]] = {}
    for invoice in invoices:
        if invoice.paid_at_s is not None:
            paid.setdefault(invoice.account_key, []).append(invoice)
    customers: dict[int, list[str]] = {}
    for returned in returns:
        for person in returned.person_keys:
            key = customer_key(population, returned.actor, person)
            customers.setdefault(person, []).append(f"{returned.actor}:{key}")
    written_csv(folder / "accounts.csv", ACCOUNT_COLUMNS, _account_rows(population, origins, paid))
    written_csv(folder / "people.csv", PEOPLE_COLUMNS, _people_rows(population, customers, paid))
