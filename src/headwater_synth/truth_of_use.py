"""The truth about who used accounts and who stands beside a payer, written apart from the evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headwater_synth.chain import PlannedInvoice
from headwater_synth.population import Population
from headwater_synth.references import CustomerReturn, written_csv

__all__ = ["FACT_COLUMNS", "RIVAL_COLUMNS", "fact_rows", "write_truth_of_use"]

FACT_COLUMNS = ("account_key", "fact_kind", "other_person_key", "since_utc", "looks_like")
RIVAL_COLUMNS = ("account_key", "payer_person_key", "other_person_key")


def write_truth_of_use(
    folder: Path, population: Population, invoices: Sequence[PlannedInvoice], returns: Sequence[CustomerReturn]
) -> None:
    """Write `facts.csv` and `rivals.csv`.

    Args:
        folder: Where to.
        population: Everybody.
        invoices: All of them.
        returns: What the exchanges handed over.
    """
    written_csv(folder / "facts.csv", FACT_COLUMNS, fact_rows(population))
    customers = {returned.actor: frozenset(returned.person_keys) for returned in returns}
    written_csv(folder / "rivals.csv", RIVAL_COLUMNS, _rival_rows(population, invoices, customers))


def fact_rows(population: Population) -> Iterator[Sequence[object]]:
    """What is true of accounts, and of those planted to look so what they are instead."""
    planted: dict[int, list[Sequence[object]]] = {}
    for fact in population.facts.facts:
        since = f"{dt.datetime.fromtimestamp(fact.at_s, tz=dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        row = (fact.account_key, fact.fact_kind, fact.other_person_key, since, "")
        planted.setdefault(fact.account_key, []).append(row)
    for account_key, what in population.facts.lookalikes.items():
        planted.setdefault(account_key, []).append((account_key, "", "", "", what))
    for account_key in population.account_keys():
        conduct = population.conduct(account_key)
        yield from planted.get(account_key, ())
        if conduct.network in {"vpn", "mixed"}:
            yield account_key, "proxy", "", "", ""
        if population.sharers(account_key, conduct):
            yield account_key, "shared_network_address", "", "", ""


def _rival_rows(
    population: Population, invoices: Sequence[PlannedInvoice], customers: Mapping[str, frozenset[int]]
) -> Iterator[Sequence[object]]:
    """For each account and payer whom an exchange returned, who else of the household some source has a row of."""
    returned = frozenset(person for people in customers.values() for person in people)
    pairs: set[tuple[int, int, int]] = set()
    for invoice in invoices:
        payer = invoice.payer_person_key
        if invoice.paid_at_s is None or payer is None or payer not in customers.get(invoice.exchange or "", ()):
            continue
        for other in population.members(population.household_of(payer)):
            if other != payer and (other in returned or population.record_plan(other) is not None):
                pairs.add((invoice.account_key, payer, other))
    yield from sorted(pairs)
