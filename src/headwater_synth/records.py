"""Registers as agencies keep them: people with prior cases, written down by different hands, and exchanges' customers.

Rows are wrong in the ways rows are: a letter missing, another transliteration, a short form, day and month the other
way round, an address where the person lived before. E-mail addresses and telephone numbers are right where they stand.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from headwater_synth.people import Person, phone_written
from headwater_synth.people_names import Name, folded
from headwater_synth.population import Population
from headwater_synth.seeds import seed_digest, stream

__all__ = ["Customer", "PersonRow", "Record", "customer_key", "customer_of", "record_keys", "record_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """How a source writes a person down; empty where it has nothing.

    Attributes:
        full_name: Name in one piece.
        given_name: Given name.
        surname: Surname.
        date_of_birth: ISO date, possibly partial.
        street_address: Street and number.
        suburb: Town.
        postcode: Postal code.
        country: ISO 3166-1 alpha-2.
        phone: As somebody wrote it.
        email: As somebody wrote it.
    """

    full_name: str
    given_name: str
    surname: str
    date_of_birth: str
    street_address: str
    suburb: str
    postcode: str
    country: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of a register.

    Attributes:
        source_key: The register's own number.
        person_key: Whom it is about.
        person: What it says.
        nickname: Nickname on record.
        convicted: Whether a relevant conviction is on record.
    """

    source_key: str
    person_key: int
    person: PersonRow
    nickname: str
    convicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer as an exchange returned them.

    Attributes:
        actor: The exchange.
        source_key: Its customer number.
        person_key: Who it is.
        person: What the exchange has on file.
    """

    actor: str
    source_key: str
    person_key: int
    person: PersonRow


def _mistyped(rng: random.Random, text: str) -> str:
    """The text with one letter wrong, missing, doubled or changed for its neighbour."""
    if len(text) < 4:
        return text
    place = rng.randrange(1, len(text) - 1)
    before, here, after = text[:place], text[place], text[place + 1 :]
    return rng.choice(
        (
            before + after,
            before + here + here + after,
            before + after[0] + here + after[1:],
            before + rng.choice("aeionrst") + after,
        )
    )


def _written(rng: random.Random, name: Name, *, care: float) -> str:
    """One form of a name.

    Args:
        rng: Stream of that row alone.
        name: The name.
        care: Share of rows that carry the usual Latin form.
    """
    if rng.random() < care:
        return name.latin[0]
    form = rng.choice([*name.latin, folded(name.latin[0]), *name.short])
    return _mistyped(rng, form) if rng.random() < 0.4 else form


def _birth_written(rng: random.Random, person: Person, *, care: float) -> str:
    born = person.date_of_birth
    draw = rng.random()
    if draw < care:
        return born.isoformat()
    if draw < care + (1 - care) * 0.4 and born.day <= 12:
        return born.replace(month=born.day, day=min(born.month, 28)).isoformat()  # day and month the other way round
    if draw < care + (1 - care) * 0.7:
        return f"{born.year}"
    return "" if draw > 1 - (1 - care) * 0.15 else f"{born.year}-{born.month:02d}"


def _full_name(rng: random.Random, given: str, surname: str, person: Person, *, care: float) -> str:
    draw = rng.random()
    if draw < 0.3 * (1 - care):
        native = (person.surname.native, person.given.native)
        return "".join(native) if person.surname_first else " ".join(reversed(native))
    if draw < 0.3:
        return f"{surname.upper()}, {given}"
    if draw < 0.36 or person.surname_first:
        return f"{surname} {given}"
    return f"{given} {surname}"


def _person_row(
    rng: random.Random, population: Population, person: Person, *, care: float, moved: bool, phone: bool, email: bool
) -> PersonRow:
    given = _written(rng, person.given, care=care)
    surname = _written(rng, person.surname, care=care)
    full_name = _full_name(rng, given, surname, person, care=care)
    apart = rng.random() < max(0.75, care)  # some sources have the name in one piece only
    address = population.former_address(person.person_key) if moved else person.address
    street = _mistyped(rng, address.street_address) if rng.random() > care else address.street_address
    mail = person.email.title() if rng.random() < 0.1 else person.email
    return PersonRow(
        full_name=full_name,
        given_name=given if apart else "",
        surname=surname if apart else "",
        date_of_birth=_birth_written(rng, person, care=care),
        street_address=street if rng.random() < 0.92 else "",
        suburb=address.suburb,
        postcode=address.postcode if rng.random() < 0.85 else "",
        country=address.country,
        phone=phone_written(rng, person.phone, person.address.country) if phone else "",
        email=mail if email else "",
    )


def _register_number(seed: int, person_key: int, row: int) -> str:
    """A number that tells nothing of the order of people, and that no other row has."""
    offset = int.from_bytes(seed_digest(seed, "register")[:4], "big")
    mixed = ((2 * person_key + row) * 0x9E3779B1 + offset) & 0xFFFFFFFF
    return f"R-{mixed:08X}"


def record_keys(population: Population, person_key: int) -> tuple[str, ...]:
    """The register's numbers of the rows about a person, in order of the rows."""
    plan = population.record_plan(person_key)
    return tuple(_register_number(population.seed, person_key, row) for row in range(plan.rows if plan else 0))


def record_of(population: Population, person_key: int, row: int) -> Record:
    """One row of the register.

    Args:
        population: Everybody.
        person_key: Whom it is about; somebody who is on record.
        row: From 0; the e-mail address, the nickname and a former address stand in the first one.
    """
    plan = population.record_plan(person_key)
    assert plan is not None
    assert row < plan.rows
    rng = stream(population.seed, "record", person_key, row)
    accounts = population.accounts_of(person_key)
    first = row == 0
    return Record(
        source_key=_register_number(population.seed, person_key, row),
        person_key=person_key,
        person=_person_row(
            rng,
            population,
            population.person(person_key),
            care=0.6,
            moved=plan.moved and first,
            phone=plan.phone,
            email=plan.email and first,
        ),
        nickname=population.account(accounts[0]).nickname if plan.nickname and accounts and first else "",
        convicted=plan.convicted,
    )


def customer_key(population: Population, actor: str, person_key: int) -> str:
    """The number that an exchange gives a person; it tells nothing of the order of people, and nobody else has it."""
    offset = int.from_bytes(seed_digest(population.seed, "customers", actor)[:4], "big")
    return f"{actor[:2].upper()}-{(person_key * 0x9E3779B1 + offset) & 0xFFFFFFFF:010d}"


def customer_of(population: Population, actor: str, person_key: int) -> Customer:
    """A person as a customer of an exchange, who had to show a document: mostly right, and mostly up to date.

    Args:
        population: Everybody.
        actor: The exchange.
        person_key: Who.
    """
    rng = stream(population.seed, "customer", actor, person_key)
    return Customer(
        actor=actor,
        source_key=customer_key(population, actor, person_key),
        person_key=person_key,
        person=_person_row(
            rng,
            population,
            population.person(person_key),
            care=0.9,
            moved=rng.random() < 0.15,
            phone=rng.random() < 0.8,
            email=rng.random() < 0.8,
        ),
    )
