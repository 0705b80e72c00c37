"""Which country: each piece of evidence from the least that makes it, and none from an address that hides."""

from __future__ import annotations

import pytest

from headwater.engine import StageContext
from headwater.errors import ConfigError
from headwater.leads import rank_leads
from headwater.workflow import ranked_leads


@pytest.fixture
def paying(case):
    """An account that paid: a lead, and so far of no country."""
    case.account("acc-1")
    case.payment("acc-1")
    return case


def evidence(case, account="acc-1"):
    lead = case.leads()[account]
    countries = [part["country"] for part in lead["jurisdiction"]]
    assert lead["lead_country"] == (countries[0] if countries else None)
    return [(part["country"], part["evidence"], part["observed"]) for part in lead["jurisdiction"]]


def test_without_evidence_a_lead_is_of_no_country(paying):
    paying.login("acc-1", "203.0.113.9")
    paying.login("acc-1", None)
    assert evidence(paying) == []


def test_an_access_range_says_where_somebody_was(paying):
    paying.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE")
    first = paying.login("acc-1", "203.0.113.9")
    paying.login("acc-1", "::ffff:203.0.113.10")
    assert evidence(paying) == [("SE", "network addresses of logins", 2)]
    assert paying.lead()["jurisdiction"][0]["example_id"] == first


def test_an_address_that_hides_says_nothing(paying):
    for number, kind in enumerate(("vpn", "proxy", "tor", "hosting", "VPN", "datacentre")):
        paying.add("networks", cidr=f"203.0.{number}.0/24", kind=kind, country="SE")
        paying.login("acc-1", f"203.0.{number}.9")
        paying.login("acc-1", f"::ffff:203.0.{number}.9")
    assert evidence(paying) == []


@pytest.mark.parametrize(
    ("access", "hiding"),
    [
        ("203.0.113.0/24", "203.0.0.0/16"),
        ("203.0.0.0/16", "203.0.113.0/24"),
        ("203.0.113.9/32", "203.0.113.0/24"),
    ],
)
def test_a_flag_counts_whatever_another_list_says(paying, access, hiding):
    paying.add("networks", "net-1", cidr=access, kind="access", country="SE")
    paying.add("networks", "net-2", cidr=hiding, kind="vpn", country="SE")
    paying.login("acc-1", "203.0.113.9")
    assert evidence(paying) == []


@pytest.mark.parametrize("names", [("net-1", "net-2"), ("net-2", "net-1")])
def test_of_two_lists_of_one_range_the_one_that_flags_it_counts(paying, names):
    for name, kind in zip(names, ("access", "vpn"), strict=True):
        paying.add("networks", name, cidr="203.0.113.0/24", kind=kind, country="SE")
    paying.login("acc-1", "203.0.113.9")
    assert evidence(paying) == []


def test_only_the_hidden_logins_fall_away(paying):
    paying.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE")
    paying.add("networks", "net-2", cidr="198.51.100.0/24", kind="vpn", country="IS")
    for address in ("198.51.100.1", "198.51.100.2", "203.0.113.1"):
        paying.login("acc-1", address)
    assert evidence(paying) == [("SE", "network addresses of logins", 1)]


def test_a_telephone_speaks_by_its_prefix_or_not_at_all(case):
    countries = {
        "+46 8 123 456 78": "SE",
        " +351 21 234 5678": "PT",
        "020 7946 0018": None,
        "08-123 456 78": None,
        "+": None,
        "+999 1": None,
        "": None,
        None: None,
    }
    for number, phone in enumerate(countries):
        case.account(f"acc-{number}", phone=phone)
        case.payment(f"acc-{number}")
    leads = case.leads()
    for number, country in enumerate(countries.values()):
        told = [(part["country"], part["evidence"]) for part in leads[f"acc-{number}"]["jurisdiction"]]
        assert told == ([(country, "telephone of the account")] if country else [])


def test_a_name_an_address_or_a_device_says_nothing(case):
    """Neither does language; nor does a person on record whom nobody judged, or somebody did."""
    case.account("acc-1", nickname="svenne", email="sven@mejl.example.se")
    case.payment("acc-1")
    case.add("logins", account_id="acc-1", device="Mozilla/5.0 (sv-SE)")
    case.add("records", "rec-1", country="SE", full_name="Sven Svensson")
    case.link("used", "acc-1", "rec-1")
    case.judge("used", "acc-1", "rec-1", "positive")
    assert evidence(case) == []


def test_a_customer_return_speaks_through_a_proposed_link_that_nobody_denied(paying):
    paying.add("customers", "cus-1", country="NL")
    paying.add("customers", "cus-2", country="ES")
    paying.link("paid", "pay-000", "cus-1")
    paying.link("paid", "pay-000", "cus-2", proposed=False)
    assert evidence(paying) == [("NL", "customer return of a paid link", 1)]
    for verdict, operator in (("positive", "A. Examiner"), ("unsure", "B. Analyst")):
        paying.judge("paid", "pay-000", "cus-1", verdict, operator=operator)
        assert evidence(paying) == [("NL", "customer return of a paid link", 1)]
    paying.judge("paid", "pay-000", "cus-1", "negative", operator="C. Approver")
    paying.judge("paid", "pay-000", "cus-1", "positive", operator="D. Reader")
    assert evidence(paying) == []


def test_a_service_speaks_only_where_money_came_from_it(paying):
    paying.add("services", "svc-1", name="Alder", country="NL")
    paying.add("services", "svc-2", name="Birch", country="PT")
    paying.traced("pay-000", "acc-1", "svc-1")
    paying.traced("pay-000", "acc-1", "svc-2", direction="forward")
    paying.add("endpoints", trace_id=paying.rows["traces"][0]["trace_id"], stop_reason="unspent")
    assert evidence(paying) == [("NL", "service that can name a payer", 1)]


def test_the_most_telling_evidence_comes_first_however_much_there_is_of_the_other(case):
    case.account("acc-1", phone="+46 8 123 456 78")
    for number in range(3):
        payment = case.payment("acc-1")
        case.add("customers", f"cus-{number}", country="NL")
        case.link("paid", payment, f"cus-{number}")
        for day in range(3):
            case.traced(payment, "acc-1", "svc-1", day=day)
    case.add("services", "svc-1", name="Birch", country="ES")
    for cidr, country in (("203.0.113.0/24", "PT"), ("198.51.100.0/24", "FR"), ("192.0.2.0/24", "BE")):
        case.add("networks", cidr=cidr, kind="access", country=country)
    for address in ("198.51.100.1", "192.0.2.1", "203.0.113.1", "203.0.113.2"):
        case.login("acc-1", address)
    assert evidence(case) == [
        ("PT", "network addresses of logins", 2),
        ("BE", "network addresses of logins", 1),
        ("FR", "network addresses of logins", 1),
        ("SE", "telephone of the account", 1),
        ("NL", "customer return of a paid link", 3),
        ("ES", "service that can name a payer", 9),
    ]


def test_each_account_has_its_own(paying):
    paying.account("acc-2", phone="+46 8 123 456 78")
    paying.payment("acc-2")
    assert evidence(paying, "acc-1") == []
    assert evidence(paying, "acc-2") == [("SE", "telephone of the account", 1)]


def test_leads_without_a_country_are_a_list_of_their_own_in_the_same_order(busy):
    session = busy.session()
    session.put("leads", rank_leads(StageContext(tables=session))["leads"])
    every = ranked_leads(session)
    apart = ranked_leads(session, unattributed=True)
    assert apart == [lead for lead in every if lead["lead_country"] is None]
    assert 0 < len(apart) < len(every)
    of_countries = [ranked_leads(session, country=name) for name in ("SE", "PT", "NL", "GB")]
    assert {lead["lead_id"] for leads in (apart, *of_countries) for lead in leads} == {
        lead["lead_id"] for lead in every
    }
    with pytest.raises(ConfigError, match="exclude each other"):
        ranked_leads(session, country="SE", unattributed=True)
