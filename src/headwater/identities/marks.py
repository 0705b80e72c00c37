"""What rows about people have in common with each other and with accounts: a household, a contact, a device, a line.

Read are names of places and things alone. Of a person's name and date of birth only one use is made here: to tell that
two rows are about one person. No other column of a person is read (tests/unit/identities/test_traits_unread.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.identities.networks import plain_address
from headwater.identities.normal import comparable, email_key, nickname_key, phone_key, words
from headwater.identities.visits import line_of

__all__ = ["COLUMNS_READ", "Mark", "Row", "are_one_person", "marks", "marks_of_account", "names_of"]

Row = tuple[str, str]
"""Table and id of a row about a person: a record, or a customer of a service."""

_NAMES = ("full_name", "given_name", "surname", "date_of_birth")
_PLACES = ("street_address", "suburb", "postcode", "country", "phone", "email")
_IDENTIFIER = ("identifier_kind", "value", "at_utc")
COLUMNS_READ: Mapping[str, tuple[str, ...]] = {
    "records": ("record_id", *_PLACES, "nickname"),
    "customers": ("customer_id", *_PLACES),
    "record_identifiers": ("record_identifier_id", "record_id", *_IDENTIFIER),
    "customer_identifiers": ("customer_identifier_id", "customer_id", *_IDENTIFIER),
}
"""All that is read of rows about people, but for names where two rows are compared with each other."""
_OWNERS = {"record_identifiers": "records", "customer_identifiers": "customers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something by which a row about a person may be known.

    Attributes:
        kind: household, phone, email, nickname, device, network_address or pgp_fingerprint.
        key: In the form in which it is compared; of a network address its line.
        owner: The row about the person.
        seen_in: The row that says so: the same, or one of its identifiers.
        value: As that row writes it; empty for a household.
        at_utc: When it was used or noted, if that row says.
    """

    kind: str
    key: str
    owner: Row
    seen_in: Row
    value: str = ""
    at_utc: dt.datetime | None = None


def marks(tables: Session, *, of: Collection[Row] | None = None) -> Iterator[Mark]:
    """The marks of rows about people, in order of tables and their rows.

    Args:
        tables: Has the four tables of `COLUMNS_READ`.
        of: Only those of these rows; None for all.
    """
    with_telephones = _have_telephones(tables)
    countries: dict[Row, str] = {}
    for name, columns in COLUMNS_READ.items():
        owner_table = _OWNERS.get(name, name)
        owner_id = f"{owner_table[:-1]}_id"
        wanted = None if of is None else pa.array(sorted(i for t, i in of if t == owner_table), pa.string())
        for row in _rows(tables, name, columns, owner_id, wanted):
            owner, seen_in = (owner_table, row[owner_id]), (name, row[f"{name[:-1]}_id"])
            if name in _OWNERS:
                kind, value = row["identifier_kind"], row["value"]
                key = _key(kind, value, countries.get(owner))
                if key:
                    yield Mark(kind=kind, key=key, owner=owner, seen_in=seen_in, value=value, at_utc=row["at_utc"])
                continue
            if row["country"] and owner in with_telephones:
                countries[owner] = row["country"]
            yield from (Mark(kind=kind, key=key, owner=owner, seen_in=seen_in) for kind, key in _row_marks(row))


def _rows(
    tables: Session, name: str, columns: Collection[str], by: str, wanted: pa.Array | None
) -> Iterator[dict[str, Any]]:
    for part in tables.parts(name, list(columns)):
        yield from (part if wanted is None else part.filter(pc.is_in(part[by], value_set=wanted))).to_pylist()


def _have_telephones(tables: Session) -> set[Row]:
    """The rows whose identifiers hold a telephone number, which is read with the country of the row."""
    found: set[Row] = set()
    for name, owner_table in _OWNERS.items():
        owner_id = f"{owner_table[:-1]}_id"
        for part in tables.parts(name, [owner_id, "identifier_kind"]):
            owners = part.filter(pc.equal(part["identifier_kind"], "phone"))[owner_id]
            found |= {(owner_table, owner) for owner in owners.to_pylist()}
    return found


def _row_marks(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    street, country = " ".join(sorted(words(row["street_address"]))), row["country"]
    if street:
        # A source may have the postcode, or the town, or both: either makes the household.
        for place in ("".join(words(row["postcode"])), " ".join(words(row["suburb"]))):
            if place:
                yield "household", f"{street}|{place}"
    for kind in ("phone", "email", "nickname"):
        key = _key(kind, row.get(kind), country)
        if key:
            yield kind, key


_KEYS: Mapping[str, Callable[[str], str | None]] = {
    "email": email_key,
    "nickname": nickname_key,
    "device": lambda value: " ".join(value.split()).lower(),
    "network_address": lambda value: line_of(plain_address(value)),
    "pgp_fingerprint": lambda value: "".join(value.split()).upper(),
}


def _key(kind: str, value: str | None, country: str | None) -> str | None:
    """The value in the form in which it is compared; None for a kind that is not compared here, and for no value."""
    if not value:
        return None
    if kind == "phone":
        return phone_key(value, country)
    make = _KEYS.get(kind)
    return None if make is None else make(value)


def marks_of_account(kinds_and_values: Mapping[tuple[str, str], Row]) -> dict[tuple[str, str], Row]:
    """Kind and key of what an account gave, each with the row that says so.

    Args:
        kinds_and_values: Kind and value as the platform has them; a telephone number counts with its prefix only.
    """
    found: dict[tuple[str, str], Row] = {}
    for (kind, value), seen_in in kinds_and_values.items():
        try:
            key = _key(kind, value, None)
        except ValueError:  # what a mapping calls a network address may be something else
            key = None
        if key:
            found.setdefault((kind, key), seen_in)
    return found


def names_of(tables: Session, rows: Collection[Row]) -> dict[Row, dict[str, str | None]]:
    """Names and dates of birth of rows about people, in the form in which they are compared."""
    found: dict[Row, dict[str, str | None]] = {}
    for name in ("records", "customers"):
        key = f"{name[:-1]}_id"
        wanted = pa.array(sorted({i for table, i in rows if table == name}), pa.string())
        for row in _rows(tables, name, (key, *_NAMES), key, wanted):
            found[name, row[key]] = comparable(row, row[key])
    return found


_COMPARED = ("given_long", "surname", "date_of_birth")


def are_one_person(one: Mapping[str, str | None], other: Mapping[str, str | None]) -> bool:
    """Whether two rows may be about one person: no more of what both say differs than agrees.

    Two rows that say nothing of each other may be. A mother and her son differ in given name and date of birth.
    """
    both = [name for name in _COMPARED if one[name] and other[name]]
    agree = sum(one[name] == other[name] for name in both)
    return len(both) - agree <= agree
