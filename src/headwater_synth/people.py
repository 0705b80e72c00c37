"""Invented people: a name, a day of birth, an address, a telephone number and an e-mail address each."""

from __future__ import annotations

import datetime as dt
import functools
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import yaml

from headwater_synth.people_names import Name, drawn_surname, folded, name_stocks

__all__ = [
    "Address",
    "Person",
    "country_weights",
    "drawn_address",
    "drawn_origin",
    "drawn_person",
    "phone_written",
    "phones",
]

_BORN_FROM = dt.date(1948, 1, 1).toordinal()
_BORN_UNTIL = dt.date(2004, 1, 1).toordinal()  # everybody invented here is an adult
_MAIL_DOMAINS = ("inbox.example", "post.example", "letters.example", "mailhall.example", "brief.example")
_PHONE_STRIDE = 7_919  # a prime that divides no capacity, so that neighbours in the population get distant numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An invented postal address.

    Attributes:
        street_address: Street and number.
        suburb: Town.
        postcode: Postal code.
        country: ISO 3166-1 alpha-2.
    """

    street_address: str
    suburb: str
    postcode: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented adult.

    Attributes:
        person_key: Number of the person.
        household_key: Number of the household.
        given: Given name.
        surname: Surname.
        surname_first: Whether the bearer writes the surname first.
        date_of_birth: Day of birth.
        address: Where the household lives.
        phone: In E.164 form.
        email: The person's own, not the one given to the platform.
    """

    person_key: int
    household_key: int
    given: Name
    surname: Name
    surname_first: bool
    date_of_birth: dt.date
    address: Address
    phone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    weight: int
    origins: Mapping[str, int]
    calling_code: str
    trunk: str
    phones: tuple[str, ...]
    street: str
    stems: tuple[str, ...]
    ways: tuple[str, ...]
    towns: tuple[str, ...]
    postcode: str


@functools.cache
def _places() -> Mapping[str, _Place]:
    text = resources.files("headwater_synth").joinpath("data", "places.yaml").read_text(encoding="utf-8")
    places = {}
    for country, stored in yaml.safe_load(text).items():
        listed = {key: tuple(stored[key].replace("-", " ").split()) for key in ("stems",)}
        listed["towns"] = tuple(word.replace("-", " ") for word in stored["towns"].split())
        listed["ways"] = tuple("" if word == "-" else word.replace("-", " ") for word in stored["ways"].split())
        places[country] = _Place(**{**stored, **listed, "phones": tuple(stored["phones"])})
    return places


def country_weights() -> Mapping[str, int]:
    """How many of a hundred households live in each country."""
    return {country: place.weight for country, place in _places().items()}


def drawn_origin(rng: random.Random, country: str) -> str:
    """An origin of names, by its share in a country."""
    origins = _places()[country].origins
    return rng.choices(list(origins), weights=list(origins.values()))[0]


def drawn_address(rng: random.Random, country: str) -> Address:
    """An invented address in a country."""
    place = _places()[country]
    street = place.street.format(number=rng.randrange(1, 180), stem=rng.choice(place.stems), way=rng.choice(place.ways))
    postcode = "".join(
        str(rng.randrange(10)) if mark == "#" else rng.choice("ABDEFHLNPRTUWXY") if mark == "@" else mark
        for mark in place.postcode
    )
    return Address(
        street_address=" ".join(street.split()), suburb=rng.choice(place.towns), postcode=postcode, country=country
    )


@functools.cache
def _phone_ranges(country: str) -> tuple[tuple[str, int, int], ...]:
    """Prefix, free digits and first index of every telephone range of a country."""
    ranges, first = [], 0
    for pattern in _places()[country].phones:
        digits = pattern.count("#")
        ranges.append((pattern.rstrip("#"), digits, first))
        first += 10**digits
    return tuple(ranges)


def phones(country: str) -> int:
    """How many different telephone numbers a country has."""
    _, digits, first = _phone_ranges(country)[-1]
    return first + int(10**digits)


def _phone(country: str, number: int) -> str:
    """The telephone number of that index, in E.164 form; different for the first `phones(country)` indices."""
    index = number * _PHONE_STRIDE % phones(country)
    prefix, digits, first = next(found for found in reversed(_phone_ranges(country)) if found[2] <= index)
    return f"+{_places()[country].calling_code}{prefix}{index - first:0{digits}d}"


def phone_written(rng: random.Random, phone: str, country: str) -> str:
    """An E.164 number of a country as one form or another of people's writing has it."""
    place = _places()[country]
    national = phone.removeprefix(f"+{place.calling_code}")
    style = rng.randrange(4)
    if style == 0:
        return phone
    if style == 1:
        abroad = "+" if place.calling_code == "1" else "00"  # in North America 00 means nothing
        return f"{abroad}{place.calling_code} {national[:3]} {national[3:]}"
    if style == 2:
        return f"{place.trunk}{national[:3]} {national[3:6]} {national[6:]}".strip()
    return f"{place.trunk}{national[:4]}-{national[4:]}"


def _mail_name(text: str) -> str:
    return re.sub(r"[^a-z]", "", folded(text).lower()) or "post"


def drawn_person(
    rng: random.Random,
    *,
    person_key: int,
    household_key: int,
    origin: str,
    surname: Name | None,
    address: Address,
) -> Person:
    """An invented person of a household.

    Args:
        rng: Stream of that person alone.
        person_key: Number of the person; the telephone number and the e-mail address follow from it.
        household_key: Number of the household.
        origin: Where the given name, and a surname of the person's own, come from.
        surname: The household's surname; None for one of the person's own.
        address: The household's.
    """
    stock = name_stocks()[origin]
    given = rng.choice(stock.given)
    surname = surname or drawn_surname(rng, stock)
    joint = rng.choice((".", "_", "", "-"))
    mail_name = f"{_mail_name(given.latin[0])}{joint}{_mail_name(surname.latin[0])}{person_key}"
    return Person(
        person_key=person_key,
        household_key=household_key,
        given=given,
        surname=surname,
        surname_first=stock.surname_first,
        date_of_birth=dt.date.fromordinal(rng.randrange(_BORN_FROM, _BORN_UNTIL)),
        address=address,
        phone=_phone(address.country, person_key),
        email=f"{mail_name}@{rng.choice(_MAIL_DOMAINS)}",
    )
