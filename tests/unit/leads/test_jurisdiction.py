"""Which country: each piece of evidence from the least that makes it, and none from an address that hides."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from headwater.engine import StageContext
from headwater.errors import ConfigError, RefusedError
from headwater.leads import EVIDENCE_TABLES, NETWORK_READS, rank_leads, read_jurisdiction
from headwater.leads.acts import DeclaredColumns
from headwater.leads.jurisdiction import proposed
from headwater.schema import table_named
from headwater.workflow import ranked_leads

LIST, DATABASE = "network addresses, by a list", "network addresses, by a database"
POINTS = {kind.name: kind.points for kind in read_jurisdiction().evidence}


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
    assert evidence(paying) == [("SE", LIST, 2)]
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
    assert evidence(paying) == [("SE", LIST, 1)]


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
    case.account("acc-1", nickname="svenne", email="sven@mejl.example.se", phone=None)
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


def test_the_heaviest_country_comes_first_however_often_another_was_observed(case):
    case.account("acc-1", phone="+46 8 123 456 78")
    for number in range(3):
        payment = case.payment("acc-1")
        case.add("customers", f"cus-{number}", country="NL")
        case.link("paid", payment, f"cus-{number}")
        for day in range(3):
            case.traced(payment, "acc-1", "svc-1", day=day)
    case.add("services", "svc-1", name="Birch", country="ES")
    case.add("networks", cidr="203.0.113.0/24", kind="access", country="SE")
    case.login("acc-1", "203.0.113.1")
    lead = case.lead()
    assert weights(lead) == [
        ("SE", LIST, 40, 1),
        ("SE", "telephone of the account", 30, 1),
        ("NL", "customer return of a paid link", 20, 3),
        ("ES", "service that can name a payer", 10, 9),
    ]
    assert (lead["lead_country"], lead["lead_country_margin"], lead["shared_with"]) == ("SE", 50, ["NL"])
    assert lead["jurisdiction_version"] == read_jurisdiction().version


def weights(lead):
    return [(part["country"], part["evidence"], part["weight"], part["observed"]) for part in lead["jurisdiction"]]


def test_the_points_of_a_kind_are_divided_by_how_often_each_country_was_observed(paying):
    for cidr, country in (("203.0.113.0/24", "PT"), ("198.51.100.0/24", "FR"), ("192.0.2.0/24", "BE")):
        paying.add("networks", cidr=cidr, kind="access", country=country)
    for number in range(97):
        paying.login("acc-1", f"203.0.113.{number}")
    for address in ("198.51.100.1", "192.0.2.1", "192.0.2.2"):
        paying.login("acc-1", address)
    lead = paying.lead()
    assert weights(lead) == [("PT", LIST, 40 * 97 // 100, 97), ("BE", LIST, 1, 2), ("FR", LIST, 1, 1)]
    assert lead["shared_with"] == []


def test_of_even_countries_more_kinds_of_evidence_then_the_code_decide_and_it_is_said(paying):
    for cidr, country in (("203.0.113.0/24", "PT"), ("198.51.100.0/24", "FR")):
        paying.add("networks", cidr=cidr, kind="access", country=country)
    paying.login("acc-1", "203.0.113.1")
    paying.login("acc-1", "198.51.100.1")
    lead = paying.lead()
    assert (lead["lead_country"], lead["lead_country_margin"], lead["shared_with"]) == ("FR", 0, ["PT"])
    rules = read_jurisdiction()
    piece = {"observed": 1, "table": "-", "example_id": "-"}
    two = [{"country": "PT", "evidence": name, "weight": 10, **piece} for name in "ab"]
    found = proposed([{"country": "FR", "evidence": "c", "weight": 20, **piece}, *two], rules)
    assert (found.lead_country, found.margin, found.shared_with) == ("PT", 0, ("FR",))


def test_a_country_shares_the_lead_from_the_printed_share_of_weight_on():
    rules = read_jurisdiction()

    def shared(weight):
        pieces = [
            {"country": "SE", "evidence": "a", "weight": 80},
            {"country": "NO", "evidence": "b", "weight": weight},
        ]
        return proposed(pieces, rules).shared_with

    assert rules.shared_percent == 20
    assert shared(20) == ("NO",)
    assert shared(19) == ()


IBANS = {"NL": "NL91 ABNA 0417 1643 00", "GB": "GB82 WEST 1234 5698 7654 32", "DE": "DE89 3704 0044 0532 0130 00"}


def test_bank_accounts_speak_for_their_country(paying):
    paying.add("identifiers", account_id="acc-1", identifier_kind="IBAN", value=IBANS["NL"])
    paying.add(
        "identifiers", account_id="acc-1", identifier_kind="iban", value="NL92 ABNA 0417 1643 00"
    )  # a wrong digit
    paying.add("identifiers", account_id="acc-1", identifier_kind="phone", value="+46 8 123 456 78")
    paying.add("customers", "cus-1", country=None, phone="+351 21 234 5678")
    paying.add("customer_identifiers", customer_id="cus-1", identifier_kind="iban", value=IBANS["GB"])
    paying.add("customer_identifiers", customer_id="cus-1", identifier_kind="network_address", value="203.0.113.9")
    paying.add("customer_identifiers", customer_id="cus-2", identifier_kind="iban", value=IBANS["DE"])
    assert [row[:2] for row in evidence(paying)] == [("NL", "IBAN of the account")]
    paying.link("paid", "pay-000", "cus-1")
    assert [row[:2] for row in evidence(paying)] == [
        ("NL", "IBAN of the account"),
        ("GB", "IBAN of a paying customer"),
        ("PT", "telephone of a paying customer"),
    ]
    paying.judge("paid", "pay-000", "cus-1", "negative")
    assert [row[:2] for row in evidence(paying)] == [("NL", "IBAN of the account")]


def test_the_bank_account_of_a_person_on_record_speaks_behind_a_judgement_only(paying):
    for number, country in (("1", "DE"), ("2", "GB")):
        paying.add("records", f"rec-{number}")
        paying.add("record_identifiers", record_id=f"rec-{number}", identifier_kind="iban", value=IBANS[country])
        paying.link("used", "acc-1", f"rec-{number}")
    assert evidence(paying) == []
    paying.judge("used", "acc-1", "rec-1", "positive")
    assert evidence(paying) == [("DE", "IBAN of the person judged to have used the account", 1)]
    paying.judge("used", "acc-1", "rec-2", "positive")  # two people: nobody is named
    assert evidence(paying) == []


def in_database(case, cidr, name="geo", **said):
    network = ipaddress.ip_network(cidr)
    case.add(
        "network_ranges",
        reference_name=name,
        reference_version="1",
        first_bytes=network[0].packed,
        last_bytes=network[-1].packed,
        **said,
    )


def test_a_database_speaks_where_no_list_does_and_beside_a_list_that_says_otherwise(paying):
    paying.add("networks", "net-1", cidr="203.0.113.0/25", kind="access", country="SE")
    in_database(paying, "203.0.113.0/24", country="NO")
    in_database(paying, "198.51.100.0/24", country="SE")
    in_database(paying, "203.0.113.0/24", name="other", country="NO")
    paying.login("acc-1", "203.0.113.1")  # the list says SE, both databases NO
    paying.login("acc-1", "203.0.113.200")  # databases alone
    paying.upload("acc-1", address="198.51.100.1")
    lead = paying.lead()
    assert weights(lead) == [("SE", LIST, 40, 1), ("SE", DATABASE, 10, 1), ("NO", DATABASE, 20, 2)]
    acts = {row["network_address"]: row["proxy"] for row in paying.derived()["lead_acts"].to_pylist()}
    assert (acts["203.0.113.1"], acts["203.0.113.200"]) == (False, None)


def test_where_list_and_database_agree_it_is_one_statement(paying):
    paying.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE")
    in_database(paying, "203.0.113.0/24", country="SE")
    paying.login("acc-1", "203.0.113.1")
    assert weights(paying.lead()) == [("SE", LIST, 40, 1)]


@pytest.mark.parametrize("flagged_by", ["list", "database"])
def test_an_address_that_either_flags_says_nothing_of_where_somebody_was(paying, flagged_by):
    kind, flag = ("vpn", None) if flagged_by == "list" else ("access", "tor")
    paying.add("networks", "net-1", cidr="203.0.113.0/24", kind=kind, country="SE", holder="Line")
    in_database(paying, "203.0.113.0/24", country="SE", hides_as=flag)
    paying.login("acc-1", "203.0.113.1")
    lead = paying.lead()
    assert weights(lead) == []
    assert lead["next_lawful_steps"] == []
    assert [row["proxy"] for row in paying.derived()["lead_acts"].to_pylist() if row["network_address"]] == [True]


def test_who_announces_a_range_can_be_asked_who_used_it(paying):
    in_database(paying, "203.0.113.0/24", country="SE")
    in_database(paying, "203.0.112.0/20", name="systems", holder="Openmoor", system_number=64_500)
    paying.login("acc-1", "203.0.113.1")
    [step] = paying.lead()["next_lawful_steps"]
    assert step == {"holder": "Openmoor", "country": "SE", "step": "preservation"}


# A name, date of birth, sex, nationality, language, suburb, nickname, e-mail, device or weight is never to be added.
ALLOWED = {
    "accounts": {"account_id", "phone"},
    "identifiers": {"identifier_id", "account_id", "identifier_kind", "value"},
    "logins": {"login_id", "account_id", "network_address", "exhibit_id"},
    "uploads": {"upload_id", "account_id", "network_address", "exhibit_id"},
    "payments": {"payment_id", "account_id"},
    "links": {"link_id", "claim", "left_id", "right_id", "proposed"},
    "judgements": {"link_id", "claim", "verdict", "left_id", "right_id"},
    "customers": {"customer_id", "country", "phone"},
    "customer_identifiers": {"customer_identifier_id", "customer_id", "identifier_kind", "value"},
    "record_identifiers": {"record_identifier_id", "record_id", "identifier_kind", "value"},
    "traces": {"trace_id", "direction", "policy", "account_id"},
    "endpoints": {"endpoint_id", "trace_id", "service_id"},
    "services": {"service_id", "country"},
}


def test_jurisdiction_reads_columns_that_it_declares_and_no_trait():
    reads = {read for evidence in EVIDENCE_TABLES.values() for read in evidence.reads} | set(NETWORK_READS)
    assert reads == {f"{table}.{column}" for table, columns in ALLOWED.items() for column in columns}
    for read in reads:
        table, column = read.split(".")
        assert column in {c.name for c in table_named(table).columns}


@pytest.mark.parametrize("name", EVIDENCE_TABLES)
def test_evidence_is_computed_from_what_it_declares(case, name):
    evidence_of, tables = EVIDENCE_TABLES[name], case.session()
    rows = evidence_of.rows(DeclaredColumns(tables, name, evidence_of))
    assert set(rows.columns) == {"account_id", "stated", "example_id"}
    tables_read = {read.split(".")[0] for read in evidence_of.reads}
    assert evidence_of.table in tables_read
    with pytest.raises(RefusedError, match="which it does not declare"):
        DeclaredColumns(tables, name, evidence_of).table("records")


def test_who_somebody_is_moves_no_country(busy):
    columns = ("jurisdiction", "lead_country", "lead_country_margin", "shared_with")
    before = [{name: lead[name] for name in columns} for lead in busy.leads().values()]
    for number, row in enumerate(busy.rows["accounts"]):
        row |= {"nickname": f"svenne{number}", "email": f"x{number}@mejl.example.se", "pgp_fingerprint": "F" * 40}
    for row in busy.rows["customers"] + busy.rows["records"]:
        row |= {"full_name": "Åsa", "date_of_birth": "1970-01-01", "suburb": "Lisboa", "email": "a@b.pt"}
    for row in busy.rows["logins"]:
        row["device"] = "Mozilla/5.0 (pt-PT)"
    assert [{name: lead[name] for name in columns} for lead in busy.leads().values()] == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("points = 40", "points = 0"), "whole numbers from 1"),
        (("points = 40", "points = 4.5"), "whole numbers from 1"),
        (("shared_percent = 20", "shared_percent = 0"), "from 1 to 100"),
        (('name = "IBAN of the account"', 'name = "language"'), "each kind of evidence has its points once"),
        (("[[evidence]]", "[[evidence"), "not a file of points"),
        (("because =", "why ="), "not a file of points"),
    ],
)
def test_a_file_of_points_that_will_not_do_is_refused(tmp_path, change, reason):
    path = Path(__file__).parents[3] / "src/headwater/leads/jurisdiction.toml"
    changed = tmp_path / "jurisdiction.toml"
    changed.write_text(path.read_text("utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=reason):
        read_jurisdiction(changed)


def test_each_account_has_its_own(paying):
    paying.account("acc-2", phone="+46 8 123 456 78")
    paying.payment("acc-2")
    assert evidence(paying, "acc-1") == []
    assert evidence(paying, "acc-2") == [("SE", "telephone of the account", 1)]


def test_leads_without_a_country_are_a_list_of_their_own_in_the_same_order(busy):
    for number in range(3):
        busy.payment(busy.account(f"acc-nowhere-{number}"))
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
