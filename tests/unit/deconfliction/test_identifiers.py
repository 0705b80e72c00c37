"""What a case holds, in the form compared, and the rows that hold it."""

from __future__ import annotations

import pytest

from headwater.deconfliction import DEFAULT_KINDS, KINDS, held_identifiers, holders_of
from headwater.engine import Session
from headwater.identities import typed_identifier
from headwater.schema import table_named


@pytest.mark.parametrize(
    ("kind", "text", "country", "form"),
    [
        ("email", "Marta.Quill+list@GMail.com ", None, "email:martaquill@gmail.com"),
        ("email", "no address", None, None),
        ("phone", "06 12 34 56 78", "FR", "phone:+33612345678"),
        ("phone", "06 12 34 56 78", None, None),
        ("nickname", "Night-Owl_7", None, "nickname:nightowl7"),
        ("nickname", "elm", None, None),
        ("pgp", "0xABCD 1234 abcd 1234", None, "pgp:ABCD1234ABCD1234"),
        ("pgp", "ABCD", None, None),
        ("wallet", " BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", None,
         "wallet:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("wallet", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", None,
         "wallet:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"),
        ("wallet", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", None, "wallet:1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        ("wallet", "not one", None, None),
        ("txid", "AB" * 32, None, "txid:" + "ab" * 32),
        ("txid", "ab", None, None),
        ("media-sha256", "0F" * 32, None, "media-sha256:" + "0f" * 32),
        ("iban", "de89 3704 0044 0532 0130 00", None, "iban:DE89370400440532013000"),
        ("iban", "DE89", None, None),
        ("network-address", "2001:DB8:0:0::1", None, "network-address:2001:db8::1"),
        ("network-address", "somewhere", None, None),
    ],
)  # fmt: skip
def test_two_spellings_have_one_form(kind, text, country, form):
    assert typed_identifier(kind, text, country) == form


def test_absent_is_absent():
    assert [typed_identifier(kind, absent) for kind in KINDS for absent in (None, "")] == [None] * 2 * len(KINDS)


@pytest.fixture
def tables(small):
    """The tables of the small case, as `show` reads them."""
    from headwater.workflow import Case

    with Case(small.case) as case, case.tables() as session:
        yield session


def test_a_case_s_identifiers_are_distinct_and_sorted(tables: Session):
    held = held_identifiers(tables, DEFAULT_KINDS, with_records=False)
    assert held.identifiers == sorted(set(held.identifiers))
    assert {"email:marta.quill@mail.test", "phone:+33612345678", "nickname:alder"} <= set(held.identifiers)
    assert held.left_out == {}
    assert not any(name.startswith("network-address:") for name in held.identifiers)


def test_what_has_no_form_is_counted_and_not_dropped_silently(tables: Session):
    rows = [{**row, "nickname": "elm", "phone": "12"} for row in tables.arrow("accounts").to_pylist()]
    tables.put("accounts", table_named("accounts").rows(rows))
    held = held_identifiers(tables, DEFAULT_KINDS, with_records=False)
    assert held.left_out == {"nickname": 1, "phone": 1}  # distinct texts
    assert "nickname:elm" not in held.identifiers


def test_network_addresses_and_people_on_record_only_on_request(tables: Session):
    asked = held_identifiers(tables, ("network-address",), with_records=False)
    assert asked.identifiers == [f"network-address:{a}" for a in ("192.0.2.7", "198.51.100.9", "203.0.113.5")]
    without = held_identifiers(tables, ("email",), with_records=False).identifiers
    assert held_identifiers(tables, ("email",), with_records=True).identifiers == without  # the record has the same
    tables.put("accounts", tables.arrow("accounts").slice(0, 0))
    assert held_identifiers(tables, ("email",), with_records=False).identifiers == []
    assert held_identifiers(tables, ("email",), with_records=True).identifiers == ["email:marta.quill@mail.test"]


def test_each_row_that_holds_it_is_told(tables: Session):
    wanted = {"email:marta.quill@mail.test", "nickname:alder"}
    found = {(one.identifier, one.table) for one in holders_of(tables, wanted)}
    assert found == {(name, table) for name in wanted for table in ("accounts", "records")}
    accounts = {one.account_id for one in holders_of(tables, wanted) if one.table == "accounts"}
    assert len(accounts) == 1
    assert None not in accounts
    assert holders_of(tables, set()) == []
