"""Leads: in the printed order whatever the order of rows, with their reasons, and naming nobody without a judgement."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.engine import StageContext
from headwater.leads import rank_leads, read_rules
from headwater.schema import table_named

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def order_of(lead, latest):
    """The printed order, read from a lead alone."""
    strongest = [rule for rule in lead["rules_fired"] if rule["tier"] == lead["risk_tier"]]
    return (
        min(rule["tier"] for rule in lead["rules_fired"]),
        -len(strongest),
        -sum(rule["observed"] for rule in strongest),
        -len(lead["rules_fired"]),
        -latest.get(lead["lead_id"], dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).timestamp(),
        lead["account_id"],
    )


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_rows_does_not_show(busy, seed):
    expected, again = busy.derived(), busy.derived(shuffled=seed)
    for name in ("leads", "lead_acts"):
        assert expected[name].num_rows > 10
        assert again[name].equals(expected[name], check_metadata=True)


def test_every_account_on_which_a_rule_fires_is_a_lead_in_the_printed_order(busy):
    tables = busy.derived()
    leads = tables["leads"].to_pylist()
    assert [lead["rank"] for lead in leads] == list(range(1, len(leads) + 1))
    latest: dict[str, dt.datetime] = {}
    for act in tables["lead_acts"].to_pylist():
        latest[act["lead_id"]] = max(latest.get(act["lead_id"], act["at_utc"]), act["at_utc"])
    keys = [order_of(lead, latest) for lead in leads]
    assert keys == sorted(keys)
    acted = {row["account_id"] for table in ("uploads", "payments") for row in busy.rows[table]}
    assert acted <= {lead["account_id"] for lead in leads}


def test_a_lead_prints_each_rule_that_fired_with_its_reason_and_a_row_to_see_it_by(busy):
    rules = {rule.name: rule for rule in read_rules().rules}
    tables = dict(busy.rows)
    for lead in busy.leads().values():
        fired = lead["rules_fired"]
        assert fired
        assert lead["risk_tier"] == fired[0]["tier"] == min(rule["tier"] for rule in fired)
        assert [rule["tier"] for rule in fired] == sorted(rule["tier"] for rule in fired)
        assert {rule["rule"] for rule in fired} | set(lead["rules_not_fired"]) == set(rules)
        assert not {rule["rule"] for rule in fired} & set(lead["rules_not_fired"])
        assert lead["rules_version"] == read_rules().version
        for rule in fired:
            printed = rules[rule["rule"]]
            assert rule["tier"] == printed.tier
            assert rule["because"] == printed.because.replace("{n}", str(rule["observed"]))
            assert rule["observed"] >= printed.at_least
            key = table_named(rule["table"]).key[0]
            assert rule["example_id"] in {row[key] for row in tables[rule["table"]]}


def test_each_step_of_the_order_decides_where_those_before_it_are_even(case):
    # A stronger tier beats any number of weaker acts.
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        case.account(f"acc-{name}")
    case.origin("acc-g", "none")
    for _ in range(9):
        case.upload("acc-f", group="known", victim="no")
    # More rules of the tier beat more acts; more acts beat more rules in all.
    case.origin("acc-e", "none")
    case.origin("acc-e", "known", "no")
    for _ in range(2):
        case.origin("acc-d", "none")
    case.origin("acc-c", "none")
    case.payment("acc-c", day=0)
    # Of two alike, the later last act, then the account's id.
    case.upload("acc-g", day=5)
    case.upload("acc-b", day=2, group="known", victim="yes")
    case.upload("acc-a", day=2, group="known", victim="yes")
    case.upload("acc-h", day=3, group="known", victim="yes")
    case.account("acc-h")
    assert list(case.leads()) == ["acc-e", "acc-d", "acc-g", "acc-c", "acc-f", "acc-h", "acc-a", "acc-b"]


def test_a_child_who_may_be_at_risk_now_comes_before_everything_else(case):
    """However often, however late, however much and however easy to reach: whatever the others did, they come after."""
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE", holder="Line")
    case.add("services", "svc-1", name="Alder", country="SE", retention_days=1)
    case.account("acc-z")
    case.origin("acc-z", "none")
    case.account("acc-a", role="administrator", phone="+46 8 123 456 78")
    for day in range(1, 60):
        case.upload("acc-a", day=day, address="203.0.113.9", group="known", victim="no")
        case.login("acc-a", "203.0.113.9", day=day)
        case.traced(case.payment("acc-a", day=day), "acc-a", "svc-1", day=day)
    leads = case.leads()
    assert list(leads) == ["acc-z", "acc-a"]
    assert [lead["risk_tier"] for lead in leads.values()] == [1, 2]
    assert leads["acc-z"]["why_now"].startswith(
        "a child may be at risk now: earliest known uploader of 1 media cluster"
    )
    assert "at risk" not in leads["acc-a"]["why_now"]


def test_why_not_to_wait_says_who_deletes_first_and_how_recent_the_last_act_was(case):
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE", holder="North Line")
    case.add("services", "svc-1", name="Alder", country="NL", retention_days=90)
    case.account("acc-1")
    case.login("acc-1", "203.0.113.9", day=20)
    case.traced(case.payment("acc-1", day=10), "acc-1", "svc-1", day=10)
    case.account("acc-2")
    case.payment("acc-2", day=40)
    recent = "last act 20 day(s) before the platform's last, on 2026-01-21"
    assert case.lead()["why_now"] == f"Alder (NL) may delete what it holds from 2026-04-11; {recent}"
    clock(case, "access", "SE", 7)
    assert case.lead()["why_now"] == f"North Line (SE) may have deleted what it holds since 2026-01-28; {recent}"
    case.origin("acc-1", "none")
    assert case.lead()["why_now"].split("; ")[0].startswith("a child may be at risk now")
    assert case.lead("acc-2")["why_now"] == "last act 0 day(s) before the platform's last, on 2026-02-10"


def test_memory_for_few_leads_at_a_time_gives_the_same_bytes(busy, monkeypatch, tmp_path):
    whole = busy.derived()
    monkeypatch.setattr("headwater.leads.rank._BATCH_LEADS", 3)
    monkeypatch.setattr("headwater.leads.dated_acts._BATCH_ROWS", 7)
    monkeypatch.setattr("headwater.leads.by_place._SLICE_ROWS", 5)
    stored = rank_leads(StageContext(tables=busy.session(), scratch=tmp_path))
    for name, table in whole.items():
        found = stored[name] if isinstance(stored[name], pa.Table) else pq.read_table(stored[name].path)
        assert found.equals(table)
    assert not isinstance(stored["leads"], pa.Table)


def test_more_rules_in_all_come_before_the_later_act(case):
    for name in ("a", "b"):
        case.account(f"acc-{name}")
        case.origin(f"acc-{name}", "none")
    case.login("acc-b", None, day=50)
    case.payment("acc-a", day=1)
    assert list(case.leads()) == ["acc-a", "acc-b"]


def test_an_account_that_did_nothing_is_no_lead(case):
    case.account("acc-1")
    case.login("acc-1", "203.0.113.9")
    case.link("used", "acc-1", "rec-1")
    assert case.leads() == {}


def test_a_judgement_on_an_account_that_is_gone_is_no_lead(case):
    case.add("records", "rec-1", convicted=True)
    case.judge("used", "acc-gone", "rec-1", "positive")
    assert case.leads() == {}


@pytest.fixture
def paying(case):
    case.account("acc-1", email="marta.quill@mail.test")
    case.payment("acc-1")
    for number in (1, 2):
        case.add("records", f"rec-{number}")
        case.link("used", "acc-1", f"rec-{number}")
    return case


def test_a_link_however_certain_names_nobody(paying):
    paying.rows["links"][0] |= {"probability_ppm": 1_000_000, "match_weight_mbits": 60_000}
    lead = paying.lead()
    assert lead["named_record_id"] is None
    assert lead["assertion_kind"] == "computed"
    assert {"field": "judged_identity", "state": "absent"} in lead["completeness"]


def test_a_positive_judgement_of_use_names_a_person(paying):
    paying.judge("used", "acc-1", "rec-1", "positive")
    lead = paying.lead()
    assert lead["named_record_id"] == "rec-1"
    assert lead["assertion_kind"] == "assessed"
    assert lead["data_subject_category"] == "unclassified"
    assert {"field": "judged_identity", "state": "present"} in lead["completeness"]


@pytest.mark.parametrize("verdict", ["negative", "unsure"])
def test_no_other_judgement_names_a_person(paying, verdict):
    paying.judge("used", "acc-1", "rec-1", verdict)
    assert paying.lead()["named_record_id"] is None


@pytest.mark.parametrize("verdicts", [("negative", "positive", "unsure"), ("positive", "unsure", "negative")])
def test_a_negative_outlives_what_others_say_before_and_after(paying, verdicts):
    for verdict, operator in zip(verdicts, ("A. Examiner", "B. Analyst", "C. Approver"), strict=True):
        paying.judge("used", "acc-1", "rec-1", verdict, operator=operator)
    for operator in ("D. Reader", "E. Reader"):
        paying.judge("used", "acc-1", "rec-1", "positive", operator=operator)
    assert paying.lead()["named_record_id"] is None


def test_who_said_no_may_take_it_back_and_who_said_yes_too(paying):
    paying.judge("used", "acc-1", "rec-1", "negative")
    paying.judge("used", "acc-1", "rec-1", "positive")
    assert paying.lead()["named_record_id"] == "rec-1"
    paying.judge("used", "acc-1", "rec-1", "unsure")
    assert paying.lead()["named_record_id"] is None


def test_two_people_judged_positive_are_nobody(paying):
    for right in ("rec-1", "rec-2"):
        paying.judge("used", "acc-1", right, "positive")
    assert paying.lead()["named_record_id"] is None
    paying.judge("used", "acc-1", "rec-2", "negative", operator="B. Analyst")
    assert paying.lead()["named_record_id"] == "rec-1"


@pytest.mark.parametrize("claim", ["paid", "held"])
def test_who_paid_is_not_thereby_named(paying, claim):
    left = "pay-000" if claim == "paid" else "cus-1"
    paying.judge(claim, left, "rec-1", "positive")
    paying.judge(claim, "acc-1", "rec-1", "positive")
    assert paying.lead()["named_record_id"] is None


def test_a_record_that_is_gone_is_not_named(paying):
    """A judgement outlives the register it was given on; a lead cites no row that is not there."""
    paying.judge("used", "acc-1", "rec-1", "positive")
    paying.rows["records"].clear()
    assert paying.lead()["named_record_id"] is None


def test_what_speaks_against_travels_with_the_lead(paying):
    payment, used = "pay-000", paying.rows["links"][0]["link_id"]
    paid = paying.link("paid", payment, "cus-1")
    paying.add("customers", "cus-1")
    beside = paying.link("paid", payment, "cus-2", proposed=False)
    for subject, statement in (
        ({"account_id": "acc-1"}, "b: about the account"),
        ({"link_id": used}, "a: about the person"),
        ({"link_id": paid}, "c: about the payer"),
        ({"link_id": paid}, "a: about the person"),
        ({"link_id": beside}, "about a link that is not proposed"),
        ({"account_id": "acc-2"}, "about somebody else"),
    ):
        paying.add("contrary_facts", **subject, statement=statement)
    told = [fact["statement"] for fact in paying.lead()["contrary"]]
    assert told == ["a: about the person", "a: about the person", "b: about the account", "c: about the payer"]


def test_a_fact_on_the_lead_names_its_row(paying):
    paying.add("contrary_facts", "fct-1", account_id="acc-1", fact_kind="proxy", source_table="networks", source_id="n")
    (fact,) = paying.lead()["contrary"]
    assert (fact["fact_id"], fact["fact_kind"], fact["source_table"], fact["source_id"]) == (
        *("fct-1", "proxy"),
        *("networks", "n"),
    )


def test_what_speaks_against_who_a_payer_is_travels_with_the_account_that_was_paid_for(paying):
    paying.add("customers", "cus-1")
    paying.link("paid", "pay-000", "cus-1")
    held = paying.link("held", "cus-1", "rec-1")
    paying.add("contrary_facts", "fct-1", link_id=held, statement="two live there")
    assert [fact["fact_id"] for fact in paying.lead()["contrary"]] == ["fct-1"]


def test_other_people_beside_a_payer_travel_with_the_lead_in_order_of_ids(paying):
    shared = [dict.fromkeys(("payer_row_table", "payer_row_id", "other_row_table", "other_row_id"), "-")]
    for number, kinds in ((2, ["phone"]), (1, ["household", "network_address", "household"])):
        rows = [{"shared_kind": kind, **shared[0]} for kind in kinds]
        told = {"other_table": "records", "other_id": f"rec-{number}", "link_id": "lnk-1", "shared": rows}
        lists = {f"{who}_{side}": [] for who in ("payer", "other") for side in ("support", "contradiction")}
        paying.add("rival_hypotheses", f"rvl-{number}", account_id="acc-1", **told, **lists)
    rivals = paying.lead()["rivals"]
    assert [rival["rival_id"] for rival in rivals] == ["rvl-1", "rvl-2"]
    assert "household, network address;" in rivals[0]["statement"]
    assert paying.lead()["assertion_kind"] == "computed"


def test_acts_carry_time_address_and_flag_as_they_were_noted(case):
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="access")
    case.add("networks", "net-2", cidr="198.51.100.0/24", kind="tor")
    case.account("acc-1", registered_at_utc=START)
    case.account("acc-2", registered_at_utc=START)
    case.login("acc-1", "198.51.100.7", day=1)
    case.upload("acc-1", day=2, address="203.0.113.7")
    case.login("acc-1", "192.0.2.7", day=3)
    case.payment("acc-1", day=4)
    case.login("acc-2", "203.0.113.7", day=9)  # no lead, so none of its acts is told
    rows = sorted(case.derived()["lead_acts"].to_pylist(), key=lambda row: row["at_utc"])
    assert [(row["act"], row["network_address"], row["proxy"]) for row in rows] == [
        ("registration", None, None),
        ("login", "198.51.100.7", True),
        ("upload", "203.0.113.7", False),
        ("login", "192.0.2.7", None),
        ("payment", None, None),
    ]
    assert [row["at_utc"] for row in rows] == [START + dt.timedelta(days=day) for day in range(5)]
    assert case.lead()["why_now"] == "last act 5 day(s) before the platform's last, on 2026-01-05"


def states(lead):
    return {part["field"]: part["state"] for part in lead["completeness"]}


def test_what_was_not_asked_for_is_not_said_to_be_absent(case):
    case.account("acc-1", nickname="", email="a@mail.test")
    payment = case.payment("acc-1")
    found = states(case.lead())
    assert (found["nickname"], found["email"], found["phone"]) == ("absent", "present", "absent")
    assert (found["payment"], found["customer_of_service"]) == ("present", "absent")
    assert found["subscriber_of_network_address"] == found["network_address_not_hidden"] == "absent"
    case.add("services", "svc-1", name="Alder", country="NL")
    case.traced(payment, "acc-1", "svc-1")
    case.login("acc-1", "203.0.113.9")
    found = states(case.lead())
    assert found["customer_of_service"] == found["subscriber_of_network_address"] == "not_collected"
    case.add("customers", "cus-1")
    case.link("paid", payment, "cus-1")
    assert states(case.lead())["customer_of_service"] == "present"
    case.judge("paid", payment, "cus-1", "negative")
    assert states(case.lead())["customer_of_service"] == "not_collected"


def test_an_address_that_hides_is_not_one_to_ask_about(case):
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="vpn", country="IS", holder="Tunnel")
    case.account("acc-1")
    case.upload("acc-1", address="::ffff:203.0.113.9")
    lead = case.lead()
    assert states(lead)["network_address_not_hidden"] == "absent"
    assert lead["next_lawful_steps"] == []


def test_each_holder_is_asked_once_services_of_payers_first(case):
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE", holder="North Line")
    case.add("networks", "net-2", cidr="198.51.100.0/24", kind="access", holder="South Line")
    case.add("services", "svc-1", name="Alder", country="NL", retention_days=30)
    case.add("services", "svc-2", name="Birch", country="PT", retention_days=10)
    case.add("services", "svc-3", name="Cedar", country="ES", retention_days=1)
    case.account("acc-1")
    for day in (1, 2):
        case.login("acc-1", "203.0.113.9", day=day)
    case.login("acc-1", "198.51.100.9", day=3)
    payment = case.payment("acc-1", day=4)
    case.traced(payment, "acc-1", "svc-1", day=1)
    case.traced(payment, "acc-1", "svc-1", day=0)
    case.traced(payment, "acc-1", "svc-2", day=25)
    case.traced(payment, "acc-1", "svc-3", direction="forward")  # where the platform's money went names no payer
    lead = case.lead()
    assert [tuple(step[n] for n in ("holder", "country", "step")) for step in lead["next_lawful_steps"]] == [
        ("Alder", "NL", "preservation"),
        ("Alder", "NL", "mutual_assistance"),
        ("Birch", "PT", "preservation"),
        ("Birch", "PT", "mutual_assistance"),
        ("South Line", "unknown", "preservation"),
        ("North Line", "SE", "preservation"),
    ]
    assert lead["volatile_until_utc"] == START + dt.timedelta(days=30)


def test_what_is_in_the_lead_s_own_country_is_ordered_and_what_is_abroad_asked_for_by_assistance(case):
    case.add("services", "svc-1", name="Alder", country="NL", retention_days=30)
    case.add("services", "svc-2", name="Birch", country="PT", retention_days=10)
    case.account("acc-1", phone="+31 20 123 4567")
    payment = case.payment("acc-1")
    case.traced(payment, "acc-1", "svc-1")
    case.traced(payment, "acc-1", "svc-2")
    lead = case.lead()
    assert lead["lead_country"] == "NL"
    assert [(step["holder"], step["step"]) for step in lead["next_lawful_steps"]] == [
        ("Alder", "production_order"),
        ("Birch", "preservation"),
        ("Birch", "mutual_assistance"),
    ]


def clock(case, kind, country, days, holder=None):
    case.add("retention_clocks", holder_kind=kind, country=country, retention_days=days, holder=holder)


def test_clocks_tell_how_long_holders_keep_what_they_have(case):
    case.add("networks", "net-1", cidr="203.0.113.0/24", kind="access", country="SE", holder="North Line")
    case.add("networks", "net-2", cidr="198.51.100.0/24", kind="access", country="SE", holder="South Line")
    case.account("acc-1")
    case.payment("acc-1")
    for day in (1, 5):
        case.login("acc-1", "203.0.113.9", day=day)
    case.login("acc-1", "198.51.100.9", day=3)
    assert case.lead()["volatile_until_utc"] is None
    clock(case, "service", "SE", 1)  # of another kind
    clock(case, "access", "NO", 1)
    assert case.lead()["volatile_until_utc"] is None
    clock(case, "access", "SE", 180)
    assert case.lead()["volatile_until_utc"] == START + dt.timedelta(days=3 + 180)
    clock(case, "access", "SE", 10, holder="North Line")  # its own row counts for it, also where it is the shorter
    assert case.lead()["volatile_until_utc"] == START + dt.timedelta(days=5 + 10)
    clock(case, "access", "SE", 400, holder="South Line")
    clock(case, "access", "SE", 4, holder="North Line")  # two tables say two things: the shorter one counts
    assert case.lead()["volatile_until_utc"] == START + dt.timedelta(days=5 + 4)


def test_a_service_s_own_entry_counts_before_the_clock_of_its_country(case):
    case.add("services", "svc-1", name="Alder", country="NL", retention_days=None)
    case.account("acc-1")
    case.traced(case.payment("acc-1"), "acc-1", "svc-1", day=2)
    assert case.lead()["volatile_until_utc"] is None
    clock(case, "service", "NL", 50)
    assert case.lead()["volatile_until_utc"] == START + dt.timedelta(days=52)
    case.rows["services"][0]["retention_days"] = 1_000_000
    assert case.lead()["volatile_until_utc"] > START + dt.timedelta(days=300_000)


def test_the_key_for_deconfliction_is_that_of_the_identifiers_alone(case):
    case.account("acc-1", nickname="Night Owl", email="A@mail.test", platform_key="1")
    case.account("acc-2", nickname=" night owl ", email="a@MAIL.test", platform_key="2", phone="")
    case.account("acc-3", nickname="night owl", email=None)
    for account in ("acc-1", "acc-2", "acc-3"):
        case.payment(account)
    keys = {account: lead["deconfliction_key"] for account, lead in case.leads().items()}
    assert keys["acc-1"] == keys["acc-2"] != keys["acc-3"]


def test_two_accounts_that_state_nothing_are_not_one(case):
    for account in ("acc-1", "acc-2"):
        case.account(account)
        case.payment(account)
    assert len({lead["deconfliction_key"] for lead in case.leads().values()}) == 2


def test_nothing_in_is_nothing_out(case):
    names = ("leads", "victim_leads", "lead_acts", "review_queue")
    assert case.derived() == {name: table_named(name).empty() for name in names}


def test_evidence_that_is_not_what_was_acquired_points_at_nobody(case):
    case.add("exhibits", "EX-1", integrity="verified")
    case.add("exhibits", "EX-2", integrity="failed")
    case.account("acc-good", role="administrator", exhibit_id="EX-1")
    case.account("acc-bad", role="administrator", exhibit_id="EX-2")
    assert list(case.leads()) == ["acc-good"]


def test_an_upload_that_is_gone_counts_by_its_noted_digest_unless_it_is_also_listed_as_benign(case):
    for name in ("acc-a", "acc-b"):
        case.account(name)
    for account, polarities in (("acc-a", ("known-illegal",)), ("acc-b", ("known-illegal", "known-benign"))):
        upload = case.upload(account)
        for polarity in polarities:
            case.add("noted_matches", upload_id=upload, polarity=polarity, file_is_gone=True, victim_identified="no")
    rules = {account: {rule["rule"] for rule in lead["rules_fired"]} for account, lead in case.leads().items()}
    gone = {"uploads_now_gone_of_series_with_unidentified_victim", "uploads_now_gone_of_known_media"}
    assert gone <= rules["acc-a"]
    assert not gone & rules.get("acc-b", set())
