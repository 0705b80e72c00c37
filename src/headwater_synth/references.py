"""Outside knowledge that goes with a seizure: register, customer returns, tags, services, networks."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from headwater_synth.chain import ChainResult, PlannedInvoice
from headwater_synth.identifiers import (
    CUSTOMER_IDENTIFIER_COLUMNS,
    RECORD_IDENTIFIER_COLUMNS,
    customer_identifiers,
    record_identifiers,
)
from headwater_synth.mmdb_writer import mmdb_bytes
from headwater_synth.population import Population
from headwater_synth.population_network import Network
from headwater_synth.population_payments import EXCHANGES, daily_prices
from headwater_synth.records import PersonRow, customer_of, record_keys, record_of
from headwater_synth.seeds import stream

__all__ = ["CustomerReturn", "customer_returns", "write_references", "written_csv"]

_PERSON_COLUMNS = tuple(field.name for field in fields(PersonRow))
_MOST_OTHERS = 12  # customers of each exchange who have nothing to do with the platform
_LAST_MODIFIED = dt.date(2026, 8, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerReturn:
    """What an exchange hands over on a lawful request.

    Attributes:
        actor: The exchange.
        person_keys: Its customers, in order.
        transactions: Person, direction, txid, output index, address, satoshis and time, in order of time.
    """

    actor: str
    person_keys: tuple[int, ...]
    transactions: tuple[tuple[int, str, str, int, str, int, int], ...]


def written_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """The number of rows, after writing them with a header."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _operator(population: Population) -> int:
    """The person behind the platform's first administrator account, who cashes out."""
    accounts = population.planned_accounts()
    administrator = next(key for key in accounts if population.conduct(key).role == "administrator")
    return population.person_of(administrator)


def customer_returns(population: Population, chain: ChainResult) -> tuple[CustomerReturn, ...]:
    """What each exchange that a tag pack knows hands over; nobody knew to ask the other.

    Args:
        population: Everybody.
        chain: Who withdrew and deposited what.
    """
    payers = {withdrawal.person_key for withdrawal in chain.withdrawals}
    returns = []
    for exchange in EXCHANGES:
        if not exchange.tagged:
            continue
        rng = stream(population.seed, "customer-return", exchange.actor)
        rows = [
            (
                found.person_key,
                "withdrawal",
                found.txid,
                found.output_index,
                found.address,
                found.amount_sat,
                found.at_s,
            )
            for found in chain.withdrawals
            if found.exchange == exchange.actor and found.person_key is not None
        ]
        operator = _operator(population)
        rows += [
            (operator, "deposit", found.txid, found.output_index, found.address, found.amount_sat, found.at_s)
            for found in chain.deposits
            if found.exchange == exchange.actor
        ]
        others = [found for found in chain.other_withdrawals if found.exchange == exchange.actor]
        for found in rng.sample(others, min(_MOST_OTHERS, len(others))):
            person = rng.randrange(1, population.persons + 1)
            if population.accounts_of(person) or person in payers:
                continue
            rows.append(
                (person, "withdrawal", found.txid, found.output_index, found.address, found.amount_sat, found.at_s)
            )
        rows.sort(key=lambda row: (row[6], row[2], row[3]))
        people = tuple(sorted({row[0] for row in rows}))
        returns.append(CustomerReturn(actor=exchange.actor, person_keys=people, transactions=tuple(rows)))
    return tuple(returns)


def _person_cells(person: PersonRow) -> list[str]:
    return [str(getattr(person, column)) for column in _PERSON_COLUMNS]


def _write_returns(
    folder: Path, population: Population, returns: Sequence[CustomerReturn], invoices: Sequence[PlannedInvoice]
) -> None:
    for returned in returns:
        withdrawn: dict[int, list[int]] = {}
        for person, direction, _, _, _, _, at_s in returned.transactions:
            if direction == "withdrawal":
                withdrawn.setdefault(person, []).append(at_s)
        written_csv(
            folder / f"customer-identifiers-{returned.actor}.csv",
            CUSTOMER_IDENTIFIER_COLUMNS,
            customer_identifiers(population, returned.actor, returned.person_keys, withdrawn, invoices),
        )
        customers = [customer_of(population, returned.actor, person) for person in returned.person_keys]
        numbers = {customer.person_key: customer.source_key for customer in customers}
        customers.sort(key=lambda customer: customer.source_key)
        written_csv(
            folder / f"customers-{returned.actor}.csv",
            ("actor", "source_key", *_PERSON_COLUMNS),
            ((customer.actor, customer.source_key, *_person_cells(customer.person)) for customer in customers),
        )
        written_csv(
            folder / f"customer-transactions-{returned.actor}.csv",
            ("actor", "source_key", "direction", "txid", "output_index", "address", "amount_sat", "at_utc"),
            (
                (
                    returned.actor,
                    numbers[person],
                    direction,
                    txid,
                    output_index,
                    address,
                    amount_sat,
                    f"{dt.datetime.fromtimestamp(at_s, tz=dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
                )
                for person, direction, txid, output_index, address, amount_sat, at_s in returned.transactions
            ),
        )


def _write_records(path: Path, population: Population) -> int:
    """The number of rows of the register, written in order of its own numbers."""
    places = [
        (key, person, row)
        for person in range(1, population.persons + 1)
        for row, key in enumerate(record_keys(population, person))
    ]
    places.sort()
    records = (record_of(population, person, row) for _, person, row in places)
    return written_csv(
        path,
        ("source_key", *_PERSON_COLUMNS, "nickname", "convicted"),
        (
            (record.source_key, *_person_cells(record.person), record.nickname, int(record.convicted))
            for record in records
        ),
    )


def _write_tagpack(path: Path, tagged: Mapping[str, Sequence[str]]) -> None:
    names = {exchange.actor: exchange.name for exchange in EXCHANGES}
    pack = {
        "title": "Invented exchanges",
        "creator": "headwater-synth",
        "description": "Hot wallets of exchanges that do not exist, on regtest",
        "network": "BTC",
        "currency": "BTC",
        "category": "exchange",
        "confidence": "service_data",
        "source": "https://tags.example/invented",
        "lastmod": _LAST_MODIFIED,
        "tags": [
            {"address": address, "label": f"{names[actor]} hot wallet", "actor": actor}
            for actor in sorted(tagged)
            for address in tagged[actor]
        ],
    }
    path.write_text(yaml.safe_dump(pack, sort_keys=False, allow_unicode=True), encoding="utf-8")


_FLAGS = {
    "vpn": "is_anonymous_vpn",
    "tor": "is_tor_exit_node",
    "proxy": "is_public_proxy",
    "hosting": "is_hosting_provider",
}


def _network_database(networks: Sequence[Network]) -> bytes:
    """The same ranges as a database of countries and flags has them; of one access range it says another country."""
    elsewhere = next(found.cidr for found in networks if found.kind == "access")
    ranges = []
    for found in networks:
        said: dict[str, object] = {}
        if found.country:
            said["country"] = {"iso_code": "LU" if found.cidr == elsewhere else found.country}
        if found.kind in _FLAGS:
            said |= {"is_anonymous": True, _FLAGS[found.kind]: True}
        ranges.append((found.cidr, said))
    built_s = int(dt.datetime.combine(_LAST_MODIFIED, dt.time(), dt.UTC).timestamp())
    return mmdb_bytes(ranges, database_type="Invented-Country-and-Flags", build_epoch=built_s)


_SERVICE_COLUMNS = (
    "actor",
    "name",
    "kind",
    "country",
    "legal_contact",
    "records_held",
    "retention_days",
    "custodial",
    "valid_from",
)


def _service_rows() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (
            exchange.actor,
            exchange.name,
            "exchange",
            exchange.country,
            f"lawful-requests@{exchange.actor}.example",
            "identity document, address, bank account, deposits, withdrawals, network addresses",
            1_825,
            1,
            "2025-01-01",
        )
        for exchange in EXCHANGES
    ]
    rows.append(
        (
            "millrace-pay",
            "Millrace Payments BV",
            "processor",
            "NL",
            "legal@millrace-pay.example",
            "merchant, invoices",
            730,
            1,
            "2025-06-01",
        )
    )
    rows.append(
        (
            "pocketvault",
            "Pocketvault Software AB",
            "wallet",
            "SE",
            "desk@pocketvault.example",
            "none",
            0,
            0,
            "2025-06-01",
        )
    )
    return rows


def write_references(
    folder: Path,
    population: Population,
    chain: ChainResult,
    returns: Sequence[CustomerReturn],
    invoices: Sequence[PlannedInvoice],
) -> int:
    """The number of rows of the register, after writing all references but the hash lists.

    Args:
        folder: Where to; made if absent.
        population: Everybody.
        chain: Whose addresses are tagged.
        returns: What the exchanges handed over.
        invoices: All of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_tagpack(folder / "tagpack.yaml", chain.tagged_addresses)
    written_csv(folder / "services.csv", _SERVICE_COLUMNS, _service_rows())
    written_csv(
        folder / "networks.csv",
        ("cidr", "kind", "country", "holder"),
        ((found.cidr, found.kind, found.country, found.holder) for found in population.networks.networks()),
    )
    (folder / "networks.mmdb").write_bytes(_network_database(population.networks.networks()))
    written_csv(
        folder / "prices.csv",
        ("day", "currency", "price_minor", "source"),
        ((*price, "invented daily rate of the platform") for price in daily_prices(population.seed)),
    )
    _write_returns(folder, population, returns, invoices)
    customers = sorted({person for returned in returns for person in returned.person_keys})
    written_csv(
        folder / "record-identifiers.csv",
        RECORD_IDENTIFIER_COLUMNS,
        record_identifiers(population, chain, customers),
    )
    return _write_records(folder / "records.csv", population)
