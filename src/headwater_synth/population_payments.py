"""Invoices of the platform and who pays them: the plan from which the chain is made."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from headwater_synth.chain import ChainPlan, PlannedInvoice
from headwater_synth.population import Population
from headwater_synth.population_accounts import SEIZED_AT_S, registered_at_s
from headwater_synth.population_cast import Conduct
from headwater_synth.seeds import stream

__all__ = ["EXCHANGES", "ExchangeFacts", "chain_plan", "daily_prices", "payer_of"]

_DAY_S = 86_400
_SATOSHIS = 100_000_000
_TRADING_S = 180 * _DAY_S  # before the seizure
_START_S = SEIZED_AT_S - _DAY_S - _TRADING_S
_LAST_PAYMENT_S = SEIZED_AT_S - 3 * 86_400
_PRICES_CENTS = (1_990, 3_990, 5_990, 11_990)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFacts:
    """An invented exchange.

    Attributes:
        actor: Its name in tag packs.
        name: As registered.
        country: Where it is established.
        tagged: Whether a tag pack knows an address of it.
    """

    actor: str
    name: str
    country: str
    tagged: bool


# The last one is in no tag pack: the chain is told by the order.
EXCHANGES = (
    ExchangeFacts(actor="northquay", name="Northquay Exchange Ltd", country="IE", tagged=True),
    ExchangeFacts(actor="lindenmarkt", name="Lindenmarkt Handel GmbH", country="DE", tagged=True),
    ExchangeFacts(actor="saltmeadow", name="Saltmeadow Trading SL", country="ES", tagged=False),
)


def payer_of(population: Population, account_key: int, conduct: Conduct) -> int | None:
    """The person who pays for an account; None where nobody does."""
    if conduct.payer == "nobody":
        return None
    user = population.person_of(account_key)
    if conduct.payer == "self":
        return user
    # One who has no account comes first: such a payer did nothing but pay.
    relatives = population.relatives(user)
    return next((person for person in relatives if not population.accounts_of(person)), relatives[0])


def _satoshis_per_cent(seed: int, at_s: int) -> int:
    """The invented rate of the day."""
    return stream(seed, "rate", at_s // _DAY_S).randrange(36, 46)


def _satoshis(seed: int, amount_cents: int, at_s: int) -> int:
    """What an amount is worth at the invented rate of the day."""
    return amount_cents * _satoshis_per_cent(seed, at_s)


def daily_prices(seed: int) -> Iterator[tuple[dt.date, str, int]]:
    """Day, currency and price of one bitcoin in its hundredths, for each day from the first trade to the seizure.

    The rate is the one by which the platform asked for satoshis, in whole satoshis for a cent, so prices are rounded.

    Args:
        seed: Seed of the seizure.
    """
    for day in range(_START_S // _DAY_S, SEIZED_AT_S // _DAY_S + 1):
        price_cents = _SATOSHIS // _satoshis_per_cent(seed, day * _DAY_S)
        yield dt.datetime.fromtimestamp(day * _DAY_S, tz=dt.UTC).date(), "EUR", price_cents


def _drawn_invoices(population: Population, account_key: int, start_s: int, rng: random.Random) -> list[PlannedInvoice]:
    """The invoices of an account, yet without their place in the order."""
    conduct = population.conduct(account_key)
    payer = payer_of(population, account_key, conduct)
    registered = registered_at_s(population.seed, account_key, of=population.accounts)
    earliest_s = max(start_s, registered) + 86_400
    paid = 0 if payer is None else 1 + (rng.random() < 0.35)
    drawn = []
    for number in range(paid + conduct.unpaid):
        issued_at_s = rng.randrange(earliest_s, _LAST_PAYMENT_S - 86_400)
        amount_cents = rng.choice(_PRICES_CENTS)
        drawn.append(
            PlannedInvoice(
                invoice_key=0,
                account_key=account_key,
                amount_sat=_satoshis(population.seed, amount_cents, issued_at_s) + rng.randrange(100),
                amount_cents=amount_cents,
                currency="EUR",
                issued_at_s=issued_at_s,
                paid_at_s=issued_at_s + rng.randrange(900, 72_000) if number < paid else None,
                payer_person_key=payer if number < paid else None,
                route=conduct.route,
                exchange=None if conduct.route == "self_funded" else EXCHANGES[conduct.exchange_index].actor,
            )
        )
    return drawn


def _invoiced(population: Population) -> Sequence[int]:
    """Accounts that have invoices: those that pay, and those of the cast that never did."""
    never = [key for key in population.planned_accounts() if population.conduct(key).unpaid]
    return sorted({*population.payers, *never})


def chain_plan(population: Population, *, blocks: int, bystanders: int = 0, payjoins_per_mille: int = 0) -> ChainPlan:
    """What the chain is made from: all invoices, in the order in which the platform gave out addresses.

    Args:
        population: Who pays.
        blocks: Height of the chain.
        bystanders: People besides.
        payjoins_per_mille: Of a thousand payments of theirs, how many are tried as PayJoins.
    """
    start_s = _START_S
    drawn: list[PlannedInvoice] = []
    for account_key in _invoiced(population):
        rng = stream(population.seed, "invoices", account_key)
        drawn += _drawn_invoices(population, account_key, start_s, rng)
    drawn.sort(key=lambda invoice: (invoice.issued_at_s, invoice.account_key))
    return ChainPlan(
        seed=population.seed,
        invoices=tuple(replace(invoice, invoice_key=key) for key, invoice in enumerate(drawn, start=1)),
        exchanges=tuple(exchange.actor for exchange in EXCHANGES),
        blocks=blocks,
        start_s=start_s,
        spacing_s=_TRADING_S // blocks,
        bystanders=bystanders,
        payjoins_per_mille=payjoins_per_mille,
    )
