"""Invented people: every script is there, every form of a name is readable, nobody's number is real."""

from __future__ import annotations

import phonenumbers
import pytest

from headwater_synth.people import (
    country_weights,
    drawn_address,
    drawn_origin,
    drawn_person,
    phone_written,
    phones,
)
from headwater_synth.people_names import drawn_surname, folded, name_stocks, transliterations
from headwater_synth.seeds import stream


@pytest.mark.parametrize(
    ("native", "forms"),
    [
        ("Журавлёв", ("Zhuravlev", "Zhuravlyov", "Schurawljow")),
        ("Юрий", ("Iurii", "Yuriy", "Jurij")),
        ("Παπαδόπουλος", ("Papadopoulos",)),
        ("Jürgen", ("Jürgen", "Jurgen", "Juergen")),
        ("Łukasz", ("Łukasz", "Lukasz")),
        ("William", ("William",)),
    ],
)
def test_transliterations(native, forms):
    assert transliterations(native) == forms


def test_every_name_has_a_form_that_a_clerk_can_type():
    for origin, stock in name_stocks().items():
        rng = stream(1, "names", origin)
        for name in [*stock.given, *(drawn_surname(rng, stock) for _ in range(50))]:
            assert name.native, origin
            assert name.latin[0], origin
            for form in (*name.latin, *name.short):
                assert folded(form).isascii(), (origin, form)


def test_scripts_are_many():
    letters = {name.native[0] for stock in name_stocks().values() for name in stock.given}
    blocks = {"latin": "A", "greek": "Α", "cyrillic": "А", "arabic": "ا", "han": "一"}  # noqa: RUF001 -- that is the point
    assert all(any(ord(first) <= ord(letter) < ord(first) + 0x5000 for letter in letters) for first in blocks.values())


def _person(country, person_key):
    rng = stream(5, "person", person_key)
    address = drawn_address(rng, country)
    return drawn_person(
        rng,
        person_key=person_key,
        household_key=person_key,
        origin=drawn_origin(rng, country),
        surname=None,
        address=address,
    )


@pytest.mark.parametrize("country", sorted(country_weights()))
def test_telephone_numbers_differ_and_read_as_the_same_number_in_any_style(country):
    people = [_person(country, key) for key in range(1, min(1_000, phones(country)))]
    assert len({person.phone for person in people}) == len(people)
    for person in people[:40]:
        meant = phonenumbers.parse(person.phone, None)
        for style in range(8):
            written = phone_written(stream(style, "style"), person.phone, country)
            assert phonenumbers.parse(written, country) == meant, written


def test_mail_addresses_differ():
    people = [_person("DE", key) for key in range(1, 400)]
    assert len({person.email for person in people}) == len(people)
    assert all(person.email.isascii() and person.email.endswith(".example") for person in people)
