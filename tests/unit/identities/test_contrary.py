"""What speaks against: each kind of fact from the least that makes it, and none without its cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headwater.identities import Networks
from headwater.schema import table_named

EMAIL = "marta.quill@mail.test"
PHONE = "+442079460018"
HOME = {"street_address": "4 Mill Lane", "postcode": "QZ1 1AA"}
USED = ("used", "acc-1", "rec-1")


def person(name: str, **values: Any) -> dict[str, Any]:
    return {"full_name": name, **values}


def linked(case):
    """An account and the one person on record who has its e-mail."""
    case.add("accounts", "acc-1", email=EMAIL)
    case.add("records", "rec-1", email=EMAIL, **person("Marta Quill", **HOME, phone=PHONE))


def vpn(case, *, cause: bool):
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="vpn" if cause else "access")
    case.add("accounts", "acc-1")
    case.login("acc-1", "203.0.113.9")
    return [("proxy", "acc-1", None)]


def shared_line(case, *, cause: bool):
    for account in ("acc-1", "acc-2"):
        case.add("accounts", account)
    case.login("acc-1", "203.0.113.9")
    case.login("acc-2", "203.0.113.9" if cause else "203.0.113.10")
    return [("shared_network_address", account, None) for account in ("acc-1", "acc-2")]


def behind_a_proxy(case, *, cause: bool):
    case.add("web_logs", "-", largest_client="127.0.0.1", single_client=cause)
    case.add("accounts", "acc-1")
    case.login("acc-1", "127.0.0.1")
    return [("single_client_log", "acc-1", None)]


def household(case, *, cause: bool):
    linked(case)
    home = HOME if cause else HOME | {"street_address": "5 Mill Lane"}
    case.add("records", "rec-2", **person("Tom Quill", **home))
    return [("shared_household", None, USED)]


def same_telephone(case, *, cause: bool):
    linked(case)
    case.add("records", "rec-2", **person("Tom Quill", phone=PHONE if cause else "+442079460199"))
    return [("shared_contact", None, USED)]


def rival(case, *, cause: bool):
    linked(case)
    email = EMAIL if cause else "tom.quill@mail.test"
    case.add("records", "rec-2", email=email, **person("Tom Quill"))
    # Two people with one e-mail are each other's rivals, and share a contact.
    both = [USED, ("used", "acc-1", "rec-2")]
    return [(kind, None, link) for kind in ("rival_candidate", "shared_contact") for link in both]


def payer(case, *, cause: bool):
    linked(case)
    case.add("records", "rec-2", **person("Anders Holm", email="anders.holm@mail.test", date_of_birth="1975-11-30"))
    whose = case.rows["records"][1 if cause else 0]
    named = {name: whose.get(name) for name in ("full_name", "email", "date_of_birth", "phone", *HOME)}
    case.add("customers", "cus-1", **named)
    payment = case.payment("acc-1", ("cus-1", 1_000_000))
    return [("payer_is_not_user", None, ("paid", payment, "cus-1")), ("payer_is_not_user", None, USED)]


def two_countries(case, *, cause: bool):
    case.network("203.0.113.0/24", "GB")
    case.network("198.51.100.0/24", "PL")
    case.add("accounts", "acc-1")
    case.login("acc-1", "203.0.113.9", minutes=0)
    case.login("acc-1", "198.51.100.9", minutes=59 if cause else 60)
    return [("impossible_times", "acc-1", None)]


def two_homes(case, *, cause: bool):
    case.add("accounts", "acc-1")
    for turn in range(4):
        line, device = (("203.0.113.9", "oak"), ("198.51.100.9", "elm" if cause else "oak"))[turn % 2]
        case.login("acc-1", line, device=device)
    return [("several_users", "acc-1", None)]


def sold(case, *, cause: bool):
    case.add("accounts", "acc-1")
    for day in range(10):
        line, device = ("203.0.113.9", "oak") if day < 5 else ("198.51.100.9", "elm" if cause else "oak")
        case.login("acc-1", line, device=device)
    return [("resold_account", "acc-1", None)]


CAUSES: list[Callable[..., list[Any]]] = [
    *(vpn, shared_line, behind_a_proxy, household, same_telephone, rival, payer),
    *(two_countries, two_homes, sold),
]


@pytest.mark.parametrize("situation", CAUSES)
def test_a_fact_is_there_with_its_cause_and_no_other_beside_it(case, situation):
    expected = situation(case, cause=True)
    tables = case.derived()
    assert case.told(tables) == sorted(expected, key=repr)
    for fact in tables["contrary_facts"].to_pylist():
        name = fact["source_table"]
        cited = tables[name] if name in tables else table_named(name).rows(case.rows[name])
        assert fact["source_id"] in cited[table_named(name).key[0]].to_pylist()
        assert len(fact["statement"].split()) > 4
        assert (fact["account_id"] is None) != (fact["link_id"] is None)


@pytest.mark.parametrize("situation", CAUSES)
def test_a_fact_is_not_there_without_its_cause(case, situation):
    situation(case, cause=False)
    assert case.contrary() == []


def test_every_kind_of_fact_that_the_schema_names_is_made_here(case):
    named = next(c.about for c in table_named("contrary_facts").columns if c.name == "fact_kind").split(", ")
    made = set()
    for situation in CAUSES:
        case.rows.clear()
        made |= {kind for kind, _, _ in situation(case, cause=True)}
    assert made == set(named)


def test_a_range_of_any_hiding_kind_speaks_for_all_who_came_through_it(case):
    """Such an address is not evidence of a household: strangers share it."""
    expected = []
    for number, kind in enumerate(("vpn", "proxy", "tor", "hosting", "VPN")):
        case.add("networks", f"net-{number}", cidr=f"203.0.{number}.0/24", kind=kind)
        for account in (f"acc-{number}a", f"acc-{number}b"):
            case.add("accounts", account)
            case.login(account, f"203.0.{number}.9")
            expected.append(("proxy", account, None))
    assert case.contrary() == expected


@pytest.mark.parametrize(("access", "hiding"), [("203.0.113.0/24", "203.0.0.0/16"), ("203.0.0.0/16", "203.0.113.0/24")])
def test_a_flag_counts_whatever_another_list_says(case, access, hiding):
    case.add("networks", "net-1", cidr=access, kind="access")
    case.add("networks", "net-2", cidr=hiding, kind="vpn")
    case.add("accounts", "acc-1")
    case.login("acc-1", "203.0.113.9")
    assert case.contrary() == [("proxy", "acc-1", None)]


def test_one_line_in_two_spellings_is_one_line(case):
    for account, address in (("acc-1", "203.0.113.9"), ("acc-2", "::ffff:203.0.113.9")):
        case.add("accounts", account)
        case.login(account, address)
    assert [kind for kind, _, _ in case.contrary()] == ["shared_network_address"] * 2


def test_one_account_on_one_line_shares_it_with_nobody(case):
    case.add("accounts", "acc-1")
    for address in ("203.0.113.9", "203.0.113.9", None):
        case.login("acc-1", address)
    assert case.contrary() == []


@pytest.mark.parametrize("absent", ["street_address", "postcode"])
def test_half_an_address_is_no_household(case, absent):
    linked(case)
    case.rows["records"][0][absent] = None
    case.add("records", "rec-2", **person("Tom Quill", **HOME | {absent: None}))
    assert case.contrary() == []


def test_contacts_that_nobody_has_are_not_shared(case):
    linked(case)
    for number in (2, 3):
        case.add("records", f"rec-{number}", **person(f"Nobody {number}", phone=None, email=""))
    assert case.contrary() == []


def test_where_several_candidates_are_proposed_each_that_is_not_the_payer_is_told(case):
    """Two rows of one person may both be proposed; none may hide behind another."""
    linked(case)
    case.add("records", "rec-2", **person("Marta Quill", email=EMAIL))
    case.add("records", "rec-3", **person("Anders Holm", email="anders.holm@mail.test", date_of_birth="1975-11-30"))
    payer = case.rows["records"][2]
    case.add("customers", "cus-1", **{n: payer[n] for n in ("full_name", "email", "date_of_birth")})
    payment = case.payment("acc-1", ("cus-1", 1_000_000))
    told = [link for kind, _, link in case.contrary(queue_expected_precision_ppm=1) if kind == "payer_is_not_user"]
    assert told == [("paid", payment, "cus-1"), USED, ("used", "acc-1", "rec-2")]


def test_what_is_not_proposed_says_nothing_of_payers(case):
    payer(case, cause=True)
    assert "payer_is_not_user" not in {kind for kind, _, _ in case.contrary(queue_expected_precision_ppm=1_000_001)}


@pytest.mark.parametrize("single", [True, False])
def test_the_one_client_of_a_log_joins_nobody_and_places_nobody(case, single):
    """Behind a proxy all accounts have its address: without the bar they would share a line, and have a country."""
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="GB")
    case.add("web_logs", "-", largest_client="::ffff:203.0.113.9", single_client=single)
    for account in ("acc-1", "acc-2"):
        case.add("accounts", account)
        case.login(account, "203.0.113.9")
    kind = "single_client_log" if single else "shared_network_address"
    assert case.contrary() == [(kind, account, None) for account in ("acc-1", "acc-2")]
    network = Networks(case.context().tables).range_of("203.0.113.9", "-")
    assert network is not None
    assert (network.hides, network.country) == ((True, None) if single else (False, "GB"))


def test_the_one_client_of_a_log_is_barred_on_its_exhibit_alone(case):
    case.add("web_logs", "another", largest_client="203.0.113.9", single_client=True)
    case.add("web_logs", "-", largest_client="unix:", single_client=True)
    for account in ("acc-1", "acc-2"):
        case.add("accounts", account)
        case.login(account, "203.0.113.9")
    assert [kind for kind, _, _ in case.contrary()] == ["shared_network_address"] * 2
