"""Identifiers of people on record and of customers: what is read, and what cannot be right."""

from __future__ import annotations

import pytest

from headwater.engine import Session
from headwater.errors import InputError
from headwater.references import KINDS, import_reference, reference_files

RECORDS = "source_key,full_name,convicted\nR-1,Ann Alder,0\nR-2,Ben Birch,1\n"
CUSTOMERS = "actor,source_key,full_name\nfirst-exchange,C-1,Ann Alder\n"


@pytest.fixture
def case(tmp_path):
    def add(kind, text, *, name, **options):
        path = tmp_path / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        return import_reference(tmp_path / "case", kind, path, name=name, version="1", **options)

    (tmp_path / "case").mkdir()
    add("records", RECORDS, name="register")
    add("customers", CUSTOMERS, name="return")
    return add


def rows(case_path, table):
    with Session(reference_files(case_path)) as session:
        return session.arrow(table).to_pylist()


def test_identifiers_are_kept_with_whom_they_belong_to(case, tmp_path):
    case(
        "record-identifiers",
        "source_key,identifier_kind,value\nR-2,pgp fingerprint,0123 4567 89AB CDEF 0123  4567 89ab cdef 0123 4567\n",
        name="earlier",
    )
    case(
        "customer-identifiers",
        "actor,source_key,identifier_kind,value,at_utc\n"
        "first-exchange,C-1,iban,gb82 west 1234 5698 7654 32,\n"
        "first-exchange,C-1,network_address,2001:DB8::1,2026-01-02T03:04:05Z\n",
        name="further",
    )
    [record] = rows(tmp_path / "case", "record_identifiers")
    people = {row["record_id"]: row["source_key"] for row in rows(tmp_path / "case", "records")}
    assert people[record["record_id"]] == "R-2"
    assert record["value"] == "0123456789ABCDEF0123456789ABCDEF01234567"
    found = rows(tmp_path / "case", "customer_identifiers")
    assert {row["value"] for row in found} == {"GB82WEST12345698765432", "2001:db8::1"}
    assert {row["customer_id"] for row in found} == {row["customer_id"] for row in rows(tmp_path / "case", "customers")}


@pytest.mark.parametrize(
    ("kind", "line", "told"),
    [
        ("record-identifiers", "R-9,email,a@post.example,", "no row of a register has the number 'R-9'"),
        ("record-identifiers", "R-1,shoe size,44,", "identifier_kind 'shoe_size' is none of"),
        ("record-identifiers", "R-1,iban,GB82WEST12345698765433,", "not an IBAN, or a digit of it is wrong"),
        ("record-identifiers", "R-1,network_address,10.0.0.256,", "not a network address"),
        ("record-identifiers", "R-1,pgp_fingerprint,alder,", "no key id or fingerprint"),
        ("record-identifiers", "R-1,device,red lantern,2026-01-02T03:04:05", "names no time zone"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_reason(case, kind, line, told):
    with pytest.raises(InputError) as refused:
        case(kind, f"source_key,identifier_kind,value,at_utc\n{line}\n", name="wrong")
    assert told in str(refused.value)


def test_a_customer_whom_nobody_returned_has_no_identifiers(case):
    text = "actor,source_key,identifier_kind,value\nfirst-exchange,C-2,device,red lantern\n"
    with pytest.raises(InputError, match="in no customer return"):
        case("customer-identifiers", text, name="wrong")


def test_a_number_of_two_registers_needs_the_register(case, tmp_path):
    case("records", RECORDS.replace("Ann", "Cid"), name="other")
    line = "R-1,nickname,red-lantern-42"
    with pytest.raises(InputError, match="2 rows of registers have the number 'R-1'; name the register"):
        case("record-identifiers", f"source_key,identifier_kind,value\n{line}\n", name="wrong")
    case("record-identifiers", f"source_key,identifier_kind,value,register\n{line},other\n", name="right")
    [row] = rows(tmp_path / "case", "record_identifiers")
    [person] = [r for r in rows(tmp_path / "case", "records") if r["record_id"] == row["record_id"]]
    assert person["full_name"] == "Cid Alder"


def test_both_kinds_have_a_template():
    assert {"record-identifiers", "customer-identifiers"} <= set(KINDS)
