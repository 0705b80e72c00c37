"""Invented pairs of rows with their answers, which measure the people who judge; nobody of them is in the seizure."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path

from headwater_synth.people import (
    Person,
    country_weights,
    drawn_address,
    drawn_origin,
    drawn_person,
    phone_written,
)
from headwater_synth.people_names import drawn_surname, name_stocks
from headwater_synth.population import Population
from headwater_synth.population_accounts import registered_at_s
from headwater_synth.population_payments import EXCHANGES
from headwater_synth.records import PersonRow, customer_key
from headwater_synth.references import written_csv
from headwater_synth.seeds import stream
from headwater_synth.words import words

__all__ = ["PAIRS_OF_EACH", "write_known_pairs"]

PAIRS_OF_EACH = 8
"""Pairs of each claim and answer."""

_PERSON = tuple(field.name for field in fields(PersonRow))
_SIDES = {
    "left": ("key", "actor", *_PERSON, "nickname", "registered_at_utc"),
    "right": (*_PERSON, "nickname"),
}
_COLUMNS = ("claim", "answer", "source", *(f"{side}_{name}" for side, names in _SIDES.items() for name in names))
_BEYOND = 10_000  # numbers of people far from those of the population


def write_known_pairs(path: Path, population: Population) -> int:
    """The number of pairs, after writing them.

    Args:
        path: Where to.
        population: Whose numbers these people continue.
    """
    rows = [
        {"claim": claim, "answer": answer, "source": "invented for training", **pair}
        for claim, answer, pairs in (
            ("used", "same", _used_same),
            ("used", "different", _used_different),
            ("held", "same", _held_same),
            ("held", "different", _held_different),
        )
        for pair in pairs(population)
    ]
    stream(population.seed, "known-pairs", "order").shuffle(rows)  # the place in the file tells nothing
    return written_csv(path, _COLUMNS, ([row.get(name, "") for name in _COLUMNS] for row in rows))


def _people(population: Population, kind: str) -> Iterator[tuple[random.Random, int, Person, Person]]:
    """A stream, a number and two relatives under one roof, for each pair of a kind."""
    kinds = ("used-same", "used-different", "held-same", "held-different")
    for pair in range(PAIRS_OF_EACH):
        rng = stream(population.seed, "known-pair", kind, pair)
        number = population.persons + _BEYOND + 2 * (kinds.index(kind) * PAIRS_OF_EACH + pair)
        country = rng.choice(sorted(country_weights()))
        origin = drawn_origin(rng, country)
        surname = drawn_surname(rng, name_stocks()[origin])
        address = drawn_address(rng, country)
        one, other = (
            drawn_person(rng, person_key=key, household_key=0, origin=origin, surname=surname, address=address)
            for key in (number, number + 1)
        )
        yield rng, number, one, other


def _written(rng: random.Random, person: Person, *, phone: bool, email: bool) -> dict[str, str]:
    """How a source writes a person down."""
    given, surname = person.given.latin[0], person.surname.latin[0]
    return {
        "full_name": f"{surname} {given}" if person.surname_first else f"{given} {surname}",
        "given_name": given,
        "surname": surname,
        "date_of_birth": person.date_of_birth.isoformat(),
        "street_address": person.address.street_address,
        "suburb": person.address.suburb,
        "postcode": person.address.postcode,
        "country": person.address.country,
        "phone": phone_written(rng, person.phone, person.address.country) if phone else "",
        "email": person.email if email else "",
    }


def _account(rng: random.Random, population: Population, number: int, *, email: str, phone: str) -> dict[str, str]:
    stock = words()
    key = rng.randrange(1, population.accounts + 1)
    opened = dt.datetime.fromtimestamp(registered_at_s(population.seed, key, of=population.accounts), tz=dt.UTC)
    return {
        "key": str(population.accounts + number % _BEYOND),
        "nickname": f"{rng.choice(stock.adjectives)}{rng.choice(stock.nouns)}{rng.randrange(100, 2_400)}",
        "email": email,
        "phone": phone,
        "registered_at_utc": f"{opened:%Y-%m-%dT%H:%M:%SZ}",
    }


def _customer(rng: random.Random, population: Population, number: int, person: Person) -> dict[str, str]:
    actor = rng.choice([exchange.actor for exchange in EXCHANGES if exchange.tagged])
    written = _written(rng, person, phone=rng.random() < 0.8, email=rng.random() < 0.8)
    return {"key": customer_key(population, actor, number), "actor": actor, **written}


def _sides(left: Mapping[str, str], right: Mapping[str, str]) -> dict[str, str]:
    return {f"left_{name}": value for name, value in left.items()} | {
        f"right_{name}": value for name, value in right.items()
    }


def _used_same(population: Population) -> Iterator[dict[str, str]]:
    for rng, number, person, _ in _people(population, "used-same"):
        account = _account(rng, population, number, email=person.email, phone=person.phone if number % 4 == 0 else "")
        yield _sides(account, _written(rng, person, phone=True, email=True))


def _used_different(population: Population) -> Iterator[dict[str, str]]:
    """The mailbox is the family's, and the telephone of the account is another's: a relative used the account."""
    for rng, number, person, relative in _people(population, "used-different"):
        account = _account(rng, population, number, email=person.email, phone=relative.phone)
        yield _sides(account, _written(rng, person, phone=True, email=True))


def _held_same(population: Population) -> Iterator[dict[str, str]]:
    for rng, number, person, _ in _people(population, "held-same"):
        moved = replace(person, address=drawn_address(rng, person.address.country)) if number % 4 == 0 else person
        yield _sides(
            _customer(rng, population, number, person), _written(rng, moved, phone=True, email=number % 3 == 0)
        )


def _held_different(population: Population) -> Iterator[dict[str, str]]:
    """Parent and child under one roof with one given name, born on one day of the year, many years apart."""
    for rng, number, child, relative in _people(population, "held-different"):
        born = child.date_of_birth.replace(year=child.date_of_birth.year - 24, day=min(child.date_of_birth.day, 28))
        parent = replace(relative, given=child.given, date_of_birth=born)
        child_born = replace(child, date_of_birth=child.date_of_birth.replace(day=born.day))
        yield _sides(
            _customer(rng, population, number, child_born), _written(rng, parent, phone=True, email=number % 3 == 0)
        )
