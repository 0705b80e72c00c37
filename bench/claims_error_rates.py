"""How right the proposed links of invented cases are, for several targets of the queue, as the page says it.

    python bench/claims_error_rates.py [--accounts 400,5000,50000] [--write]

The people, registers and customer returns are those of `headwater-synth`, with households, relatives, namesakes,
movers and names in other scripts. With `--write` the table goes into docs/explanation/identities.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session, StageContext
from headwater.identities import blocked_pairs, link_records, read_linkage_model
from headwater.identities.claims.proposed import expected, proposed
from headwater.schema import content_id, table_named
from headwater_synth.population import Population, build_population
from headwater_synth.population_payments import EXCHANGES, payer_of
from headwater_synth.population_truth import own_data_leads
from headwater_synth.records import customer_of, record_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "identities.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
SEED = 1_130_207
TARGETS_PPM = (999_000, 990_000, 970_000, 950_000, 900_000)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_DIRECT = frozenset({"exchange_direct", "exchange_wallet", "exchange_two_hops", "coinjoin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """A case with its truth.

    Attributes:
        tables: The tables that claims read.
        person_of: Id of a row to the person.
        reachable: For each claim, left rows whose person their own data can lead to.
    """

    tables: Mapping[str, pa.Table]
    person_of: Mapping[str, int]
    reachable: Mapping[str, frozenset[str]]


def invented(accounts: int, seed: int = SEED) -> Invented:
    """A case of so many accounts."""
    population = build_population(seed, accounts=accounts, payers=accounts)
    records, customers, held_accounts = _records(population), _customers(population), _accounts(population)
    people = {**{r["record_id"]: p for p, r in records}, **{c["customer_id"]: p for p, c in customers}}
    people |= {a["account_id"]: p for p, a in held_accounts}
    on_record = {person for person, _ in records}
    own = frozenset(
        account["account_id"]
        for _, account in held_accounts
        if own_data_leads(population, population.account(int(account["platform_key"])))
    )
    return Invented(
        tables={
            "records": _table("records", [row for _, row in records]),
            "customers": _table("customers", [row for _, row in customers]),
            "accounts": _table("accounts", [row for _, row in held_accounts]),
        },
        person_of=people,
        reachable={"held": frozenset(c["customer_id"] for p, c in customers if p in on_record), "used": own},
    )


def _records(population: Population) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for person in range(1, population.persons + 1):
        plan = population.record_plan(person)
        for row in range(plan.rows if plan else 0):
            record = record_of(population, person, row)
            said = {name: value or None for name, value in asdict(record.person).items()}
            found.append((person, {"record_id": content_id("rec", record.source_key), "source_key": record.source_key,
                                   "nickname": record.nickname or None, **said}))  # fmt: skip
    return found


def _customers(population: Population) -> list[tuple[int, dict[str, Any]]]:
    wanted = set()
    for account in population.payers:
        conduct = population.conduct(account)
        payer = payer_of(population, account, conduct)
        if payer is not None and conduct.route in _DIRECT:
            wanted.add((EXCHANGES[conduct.exchange_index].actor, payer))
    found = []
    for actor, person in sorted(wanted):
        customer = customer_of(population, actor, person)
        said = {name: value or None for name, value in asdict(customer.person).items()}
        key = customer.source_key
        found.append(
            (person, {"customer_id": content_id("cus", actor, key), "actor": actor, "source_key": key, **said})
        )
    return found


def _accounts(population: Population) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for key in population.account_keys():
        account = population.account(key)
        said = {name: getattr(account, name) for name in ("nickname", "email", "phone", "pgp_fingerprint")}
        row = {"account_id": content_id("acc", str(key)), "platform_key": str(key), **said}
        found.append((account.person_key, row))
    return found


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    blank = {c.name: _blank(c.type) for c in table_named(name).columns if not c.nullable}
    return table_named(name).rows(blank | row for row in rows)


def _blank(kind: pa.DataType) -> object:
    if pa.types.is_boolean(kind):
        return False
    return START if pa.types.is_timestamp(kind) else 0 if pa.types.is_integer(kind) else "-"


def lines(accounts: int) -> Iterator[str]:
    """The lines of the table for a case of so many accounts."""
    made = invented(accounts)
    with Session({}) as session:
        for name, rows in made.tables.items():
            session.put(name, rows)
        right_pairs = _right_pairs(made)
        together = blocked_pairs(session, read_linkage_model(), right_pairs)
        blocking = sum(together) / len(right_pairs)
        tables = link_records(StageContext(tables=session, workers=2))
    for claim in ("held", "used"):
        links = tables["links"].filter(pc.equal(tables["links"]["claim"], claim))
        ppm = links["probability_ppm"].to_numpy()
        left, right = links["left_id"].to_pylist(), links["right_id"].to_pylist()
        correct = np.array([made.person_of[a] == made.person_of[b] for a, b in zip(left, right, strict=True)], bool)
        wanted = made.reachable[claim]
        for target in TARGETS_PPM:
            shown = proposed(ppm, target)
            reached = wanted.intersection(np.array(left)[shown & correct].tolist())
            told = expected(ppm[shown])
            yield (
                f"| {accounts:,} | `{claim}` | {target / 1e6:.3f} | {told.links:,} | "
                f"{(told.precision_ppm or 0) / 1e6:.4f} | {correct[shown].mean():.4f} | "
                f"{len(reached) / len(wanted):.4f} | {f'{blocking:.4f}' if claim == 'held' else ''} |"
            )


def _right_pairs(made: Invented) -> list[tuple[str, str]]:
    records: dict[int, list[str]] = {}
    for record in made.tables["records"]["record_id"].to_pylist():
        records.setdefault(made.person_of[record], []).append(record)
    customers = made.tables["customers"]["customer_id"].to_pylist()
    return [(customer, record) for customer in customers for record in records.get(made.person_of[customer], ())]


def _packages_too() -> None:
    # Here, because whoever runs this file from elsewhere does not look for modules beside it.
    from error_rates import write_gathered

    write_gathered()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", default="400,5000,50000")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    told = [
        "| accounts | claim | target | proposed | precision expected | precision | recall | of blocking |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for accounts in map(int, options.accounts.split(",")):
        for line in lines(accounts):
            told.append(line)
            print(line, flush=True)
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(told) + "\n" + END + rest.split(END)[1], encoding="utf-8")
        _packages_too()


if __name__ == "__main__":
    main()
