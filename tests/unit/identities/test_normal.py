"""Names, dates and numbers as they are compared: many spellings of one, and absent stays absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.identities.normal import comparable, email_key, nickname_key, phone_key

NOBODY = dict.fromkeys(
    ("given_name", "surname", "full_name", "date_of_birth", "street_address", "postcode", "phone", "email")
)


def keys(**values):
    return comparable(NOBODY | values, "row-1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yuri Petrov", "Juri Petrow"),
        ("Dmitri Petrov", "Дмитрий Петров"),
        ("Jürgen Größer", "Juergen Groesser"),
        ("Élodie O'Connor", "Elodie OConnor"),
        ("MARIA  lopez", "Maria Lopez"),
    ],
)
def test_one_name_in_several_spellings(one, other):
    assert keys(full_name=one)["surname"] == keys(full_name=other)["surname"]
    assert keys(full_name=one)["given"] == keys(full_name=other)["given"]


@pytest.mark.parametrize(("short", "long"), [("Bob", "Robert"), ("Liz", "Elizabeth"), ("Sasha", "Alexander")])
def test_a_short_form_is_lengthened(short, long):
    assert keys(given_name=short)["given_long"] == keys(given_name=long)["given_long"]
    assert keys(given_name=short)["given"] != keys(given_name=long)["given"]


def test_a_full_name_stands_in_where_its_parts_are_absent():
    whole, parts = keys(full_name="Ana Maria Silva"), keys(given_name="Ana Maria", surname="Silva")
    assert (whole["given"], whole["surname"]) == (parts["given"], parts["surname"])


@pytest.mark.parametrize(
    ("text", "whole", "swapped"),
    [
        ("1980-02-03", "1980-02-03", "1980-03-02"),
        ("1980-02", None, None),
        ("1980", None, None),
        ("03.02.1980", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_only_a_whole_date_is_compared(text, whole, swapped):
    found = keys(date_of_birth=text)
    assert (found["date_of_birth"], found["date_of_birth_swapped"]) == (whole, swapped)


@pytest.mark.parametrize(
    ("phone", "country", "key"),
    [
        ("+44 20 7946 0018", None, "+442079460018"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("020 7946 0018", None, None),
        ("12", "GB", None),
        ("not a number", "GB", None),
        ("", "GB", None),
        (None, "GB", None),
    ],
)
def test_a_number_is_read_with_its_own_country_or_not_at_all(phone, country, key):
    assert phone_key(phone, country) == key


@pytest.mark.parametrize(
    ("email", "key"),
    [
        (" Jo.Doe+x@Example.ORG ", "jo.doe@example.org"),
        ("jo.doe@googlemail.com", "jodoe@gmail.com"),
        ("jo@doe@example.org", None),
        ("@example.org", None),
        ("", None),
        (None, None),
    ],
)
def test_one_address_in_several_spellings(email, key):
    assert email_key(email) == key


@pytest.mark.parametrize(
    ("nickname", "key"), [("Night_Owl 7", "nightowl7"), ("owl", None), (None, None), ("ночь", "noch")]
)
def test_a_nickname_of_a_few_letters_says_nothing(nickname, key):
    assert nickname_key(nickname) == key


TEXT = st.one_of(st.none(), st.text(max_size=20))


@given(st.fixed_dictionaries(dict.fromkeys([*NOBODY, "nickname", "country"], TEXT)))
def test_anything_can_be_compared_and_nothing_absent_becomes_present(row):
    found = comparable(row, "row-1")
    assert all(value is None or (isinstance(value, str) and value) for value in found.values())
    assert comparable(row, "row-1") == found
    for name, source in (
        ("email", "email"),
        ("phone", "phone"),
        ("postcode", "postcode"),
        ("street", "street_address"),
    ):
        assert found[name] is None or row[source]
    again = found["given_long"]
    assert (found["given"] is None) == (again is None)
