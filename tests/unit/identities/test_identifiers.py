"""Identifiers: rare values say much, frequent and barred ones nothing, absent ones are never agreement."""

from __future__ import annotations

import pytest

KEY = "0123456789ABCDEF0123456789ABCDEF01234567"


def used(case, account="acc-1", record="rec-1"):
    return case.links().get(("used", account, record))


def part(link, field):
    return next((p for p in link["comparisons"] if p["field"] == field), None)


def noted(case, kind, value, *, record="rec-1"):
    if record not in {row["record_id"] for row in case.rows["records"]}:
        case.add("records", record, full_name="Marta Quill")
    number = len(case.rows["record_identifiers"])
    case.add("record_identifiers", f"rid-{number}", record_id=record, identifier_kind=kind, value=value)


@pytest.mark.parametrize(
    ("kind", "table", "values", "on_record"),
    [
        ("pgp_fingerprint", "accounts", {"pgp_fingerprint": KEY}, f"{KEY[:20]} {KEY[20:]}".lower()),
        ("pgp_fingerprint", "accounts", {"pgp_fingerprint": KEY}, KEY[-16:]),
        ("nickname", "accounts", {"nickname": "Night_Owl"}, "night owl"),
        ("email", "accounts", {"email": "A.Owl+x@gmail.com"}, "aowl@googlemail.com"),
        ("wallet_address", "account_addresses", {"address": "BC1QEXAMPLE"}, "bc1qexample"),
        ("network_address", "logins", {"network_address": "::ffff:203.0.113.9"}, "203.0.113.9"),
        ("device", "logins", {"device": "Tablet  X7 build 99"}, "tablet x7 build 99"),
        ("iban", "identifiers", {"identifier_kind": "IBAN", "value": "de02 1203 0000"}, "DE0212030000"),
    ],
)
def test_what_an_earlier_case_noted_of_a_person_is_found_at_the_account(case, kind, table, values, on_record):
    if table == "accounts":
        case.add("accounts", "acc-1", **values)
    else:
        case.add("accounts", "acc-1")
        case.add(table, "row-1", account_id="acc-1", **values)
    noted(case, kind, on_record)
    found = part(used(case), kind)
    assert (found["level"], found["rows_with_value"]) == ("shared", 2)
    assert found["weight_mbits"] > 0


def test_the_more_rows_have_a_value_the_less_it_says(case):
    case.add("accounts", "acc-1", nickname="nightowl")
    case.add("records", "rec-1", full_name="Marta Quill", nickname="nightowl")
    before = part(used(case), "nickname")["weight_mbits"]
    for others in (1, 5, 50):
        for number in range(others):
            case.add("accounts", f"acc-{others}-{number}", nickname="night.owl")
        found = part(used(case), "nickname")
        assert found["weight_mbits"] < before
        before = found["weight_mbits"]


def test_a_device_that_many_have_says_nothing(case):
    case.add("records", "rec-1", full_name="Marta Quill", nickname="nightowl")
    noted(case, "device", "Firefox on Windows")
    for number in range(101):
        account = case.add("accounts", f"acc-{number}", nickname="nightowl" if number == 1 else None)
        case.add("logins", f"log-{number}", account_id=account, device="firefox on windows")
    found = part(used(case), "device")
    assert found["weight_mbits"] == 0
    assert "101 rows of one side have it, so it adds nothing" in found["sentence"]
    assert used(case, "acc-2") is None


@pytest.mark.parametrize("why", ["network list", "single client", "many accounts", None])
def test_a_network_address_that_many_people_come_from_is_barred(case, why):
    case.add("accounts", "acc-1", nickname="nightowl")
    case.add("records", "rec-1", full_name="Marta Quill", nickname="nightowl")
    noted(case, "network_address", "203.0.113.9")
    case.login("acc-1", "203.0.113.9")
    if why == "network list":
        case.add("networks", "net-1", cidr="203.0.113.0/24", kind="vpn")
    elif why == "single client":
        case.add("web_logs", "-", largest_client="203.0.113.9", single_client=True)
    elif why == "many accounts":
        for number in range(20):
            case.login(case.add("accounts", f"acc-other-{number}"), "203.0.113.9")
    found = part(used(case), "network_address")
    assert (found["weight_mbits"] == 0) == (why is not None)
    assert ("so it adds nothing" in found["sentence"]) == (why is not None)


def test_a_nickname_that_the_shared_address_is_made_of_counts_once(case):
    case.add("accounts", "acc-1", nickname="night_owl", email="night.owl@mail.test")
    case.add("records", "rec-1", nickname="nightowl", email="night.owl@mail.test")
    assert part(used(case), "nickname")["weight_mbits"] == 0


def test_what_one_side_lacks_is_not_compared(case):
    case.add("accounts", "acc-1", nickname="nightowl", pgp_fingerprint=KEY)
    case.add("records", "rec-1", nickname="nightowl", phone="+442079460018")
    assert {p["field"] for p in used(case)["comparisons"]} & {"pgp_fingerprint", "phone", "email"} == set()


def test_a_customers_bank_account_on_record_makes_a_candidate_and_counts(case):
    case.add("customers", "cus-1", full_name="Marta Quill")
    case.add("records", "rec-1", full_name="M. Kwil")
    case.add("customer_identifiers", "cid-1", customer_id="cus-1", identifier_kind="iban", value="DE0212030000")
    noted(case, "iban", "DE0212030000")
    found = part(case.links()["held", "cus-1", "rec-1"], "iban")
    assert (found["level"], found["rows_with_value"]) == ("shared", 2)


def reused(case):
    return case.derived()["account_reuse"].to_pylist()


def test_accounts_of_two_exhibits_that_share_a_key_are_a_finding_and_no_link(case):
    case.add("accounts", "acc-1", exhibit_id="EX-1", nickname="nightowl", pgp_fingerprint=KEY)
    case.add("accounts", "acc-2", exhibit_id="EX-2", nickname="Night Owl", pgp_fingerprint=KEY)
    case.add("accounts", "acc-3", exhibit_id="EX-1", nickname="night-owl")
    rows = {(row["account_id"], row["other_account_id"]): row for row in reused(case)}
    assert set(rows) == {("acc-1", "acc-2"), ("acc-2", "acc-3")}
    assert rows["acc-1", "acc-2"]["shared"] == "nickname: shared; pgp fingerprint: shared"
    for row in rows.values():
        assert row["match_weight_mbits"] == sum(p["weight_mbits"] for p in row["comparisons"])
        assert next(p for p in row["comparisons"] if p["field"] == "nickname")["rows_with_value"] == 3
    assert case.links() == {}


def test_reuse_stands_beside_a_used_link_and_adds_nothing(case):
    case.add("accounts", "acc-1", exhibit_id="EX-1", nickname="nightowl")
    case.add("records", "rec-1", nickname="nightowl")
    case.add("accounts", "acc-2", exhibit_id="EX-2", nickname="blackbird")
    alone = used(case)
    for row in case.rows["accounts"]:
        row["pgp_fingerprint"] = KEY
    link = used(case)
    assert part(alone, "other_exhibits") is None
    assert part(link, "other_exhibits")["weight_mbits"] == 0
    assert link["probability_ppm"] == alone["probability_ppm"]


def test_accounts_of_one_exhibit_are_no_reuse(case):
    for number in range(2):
        case.add("accounts", f"acc-{number}", exhibit_id="EX-1", nickname="nightowl")
    case.add("accounts", "acc-9", exhibit_id="EX-2", nickname="blackbird")
    assert reused(case) == []


def test_the_report_says_what_is_expected_of_this_case(case):
    case.add("accounts", "acc-1", email="marta.quill@mail.test")
    case.add("records", "rec-1", full_name="Marta Quill", email="marta.quill@mail.test")
    tables = case.derived()
    report = next(row for row in tables["linkage_reports"].to_pylist() if row["claim"] == "used")
    shown = [r["probability_ppm"] for r in tables["links"].to_pylist() if r["claim"] == "used" and r["proposed"]]
    assert (report["left_rows"], report["right_rows"], report["links_proposed"]) == (1, 1, len(shown))
    assert report["expected_precision_ppm"] == sum(shown) // len(shown)
    assert [line["least_probability_ppm"] for line in report["lines"]] == [500_000, 900_000, 950_000, 990_000, 999_000]
    assert {rule["rule"]: rule["pairs_compared"] for rule in report["rules"]} == {"email": 1}
