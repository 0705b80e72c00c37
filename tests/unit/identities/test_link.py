"""Links: three claims that never become one another, weights that add up, and probabilities shared among rivals."""

from __future__ import annotations

import pytest

from headwater.identities import read_linkage_model
from headwater.identities.link import KEPT_MBITS
from headwater.schema import table_named

QUILL = {
    "full_name": "Marta Quill",
    "date_of_birth": "1981-04-07",
    "street_address": "4 Mill Lane",
    "postcode": "QZ1 1AA",
    "phone": "+442079460018",
    "email": "marta.quill@mail.test",
}
HOLM = {
    "full_name": "Anders Holm",
    "date_of_birth": "1975-11-30",
    "street_address": "9 Quay Street",
    "postcode": "QZ7 2BB",
    "phone": "+442079460199",
    "email": "anders.holm@mail.test",
}
SIDES = {"used": ("accounts", "records"), "paid": ("payments", "customers"), "held": ("customers", "records")}


def contact(person):
    return {"email": person["email"], "phone": person["phone"]}


@pytest.fixture
def town(case):
    """Accounts, customers and people in every relation that makes a link, with rivals among them."""
    for number in range(6):
        shared = {"street_address": "4 Mill Lane", "postcode": "QZ1 1AA", "phone": "+442079460018"}
        case.add("records", f"rec-{number}", full_name=f"{'ABCDEF'[number]}nna Quill", date_of_birth=None, **shared)
    case.add("records", "rec-quill", nickname="night owl", **QUILL)
    case.add("records", "rec-holm", nickname="night owl", **HOLM)
    case.add("customers", "cus-quill", country="GB", **QUILL)
    case.add("customers", "cus-holm", country="SE", **HOLM)
    case.add("accounts", "acc-quill", nickname="nightowl", **contact(QUILL))
    case.add("accounts", "acc-owl", nickname="Night_Owl")
    case.add("accounts", "acc-none", nickname="", email="", phone="")
    case.payment("acc-owl", ("cus-quill", 600_000), ("cus-holm", 400_000))
    case.payment("acc-quill", ("cus-quill", 1_000_000))
    case.payment("acc-none", ("cus-holm", 100_000, 999_000))
    return case


def test_each_claim_keeps_to_its_own_two_tables(town):
    links = town.links().values()
    assert {link["claim"] for link in links} == set(SIDES)
    for link in links:
        assert (link["left_table"], link["right_table"]) == SIDES[link["claim"]]
        assert link["left_id"][:3] == link["left_table"][:3]
        assert link["right_id"][:3] == link["right_table"][:3]


def test_a_weight_is_the_sum_of_what_is_shown_and_the_probability_follows_from_it(town):
    for link in town.links().values():
        assert link["match_weight_mbits"] == sum(part["weight_mbits"] for part in link["comparisons"])
        assert link["comparisons"][0]["field"] == "prior"
        odds = 2.0 ** (link["match_weight_mbits"] / 1000)
        assert abs(link["probability_ppm"] - 1_000_000 * odds / (1 + odds)) <= 1


def test_every_bar_has_a_sentence_and_agreement_on_a_value_says_how_many_rows_have_it(town):
    for link in town.links().values():
        for part in link["comparisons"]:
            assert len(part["sentence"].split()) >= 5
            if part["level"] in {"equal", "shared"}:
                assert part["rows_with_value"] >= 2
                assert f"; {part['rows_with_value']:,} of " in part["sentence"]


def test_rivals_are_counted_and_the_weaker_ones_lose_by_them(town):
    links = town.links()
    for (claim, left, right), link in links.items():
        others = [key for key in links if key[:2] == (claim, left) and key[2] != right]
        assert link["rivals"] == len(others)
    taken = [part for link in links.values() for part in link["comparisons"] if part["field"] == "rivals"]
    assert taken
    assert all(part["weight_mbits"] < 0 for part in taken)


def test_the_order_of_the_rows_does_not_show(town):
    expected, again = town.derived(), town.derived(shuffled=7)
    for name in ("links", "contrary_facts"):
        assert expected[name].num_rows
        assert again[name].equals(expected[name], check_metadata=True)


def test_the_target_decides_what_is_proposed_and_nothing_else(town):
    plain = town.links()
    for target_ppm in (1, 970_000, 999_999):
        links = town.links(queue_expected_precision_ppm=target_ppm)
        for claim in SIDES:
            shown = [x["probability_ppm"] for x in links.values() if x["claim"] == claim and x["proposed"]]
            hidden = [x["probability_ppm"] for x in links.values() if x["claim"] == claim and not x["proposed"]]
            assert sum(shown) >= target_ppm * len(shown)
            assert max(hidden, default=0) < min(shown, default=1_000_001)
            assert all(ppm >= 500_000 for ppm in shown)
        for key, link in links.items():
            assert {**link, "proposed": None} == {**plain[key], "proposed": None}


def test_nothing_is_proposed_where_nothing_is_as_right_as_that(town):
    assert not any(link["proposed"] for link in town.links(queue_expected_precision_ppm=1_000_001).values())


def test_a_payer_on_record_makes_no_user(case):
    """The whole chain from a payment to a person on record is certain, and the account is still linked to nobody."""
    case.add("records", "rec-quill", **QUILL)
    case.add("customers", "cus-quill", **QUILL)
    case.add("accounts", "acc-1", nickname="blackbird", email="other@mail.test")
    payment = case.payment("acc-1", ("cus-quill", 1_000_000))
    links = case.links()
    assert set(links) == {("paid", payment, "cus-quill"), ("held", "cus-quill", "rec-quill")}
    assert all(link["proposed"] for link in links.values())


def test_what_a_service_returned_is_never_compared_with_an_account(case):
    case.add("customers", "cus-quill", **QUILL)
    case.add("accounts", "acc-quill", nickname="nightowl", **contact(QUILL))
    assert case.links() == {}


def test_two_candidates_that_fit_alike_are_both_uncertain(case):
    case.add("accounts", "acc-quill", nickname="nightowl")
    case.add("records", "rec-1", full_name="Marta Quill", nickname="nightowl")
    alone = case.links()["used", "acc-quill", "rec-1"]
    assert alone["proposed"]
    assert alone["rivals"] == 0
    case.add("records", "rec-2", full_name="Tom Quill", nickname="night owl")
    both = [case.links()["used", "acc-quill", right] for right in ("rec-1", "rec-2")]
    assert [link["rivals"] for link in both] == [1, 1]
    assert both[0]["probability_ppm"] == both[1]["probability_ppm"] < alone["probability_ppm"] - 100_000
    assert not any(link["proposed"] for link in both)


@pytest.mark.parametrize("absent", ["email", "phone", "nickname"])
@pytest.mark.parametrize("value", [None, "  "])
def test_what_is_absent_on_both_sides_is_no_agreement(case, absent, value):
    person = {"email": "marta.quill@mail.test", "phone": "+442079460018", "nickname": "nightowl"} | {absent: value}
    case.add("accounts", "acc-1", **person)
    case.add("records", "rec-1", full_name="Marta Quill", **person)
    link = case.links()["used", "acc-1", "rec-1"]
    fields = {part["field"] for part in link["comparisons"]} & {"email", "phone", "nickname"}
    assert fields == {"email", "phone", "nickname"} - {absent}
    assert absent not in link["because"]


def test_rows_that_say_nothing_are_linked_to_nobody(case):
    blank = dict.fromkeys(QUILL)
    case.add("accounts", "acc-1", nickname=None, email=None, phone=None)
    case.add("customers", "cus-1", **blank)
    case.add("records", "rec-1", **blank)
    case.add("records", "rec-2", **dict.fromkeys(QUILL, ""))
    assert case.links() == {}


def test_an_address_on_one_side_alone_adds_nothing(case):
    case.add("customers", "cus-1", **QUILL | {"street_address": None, "postcode": None, "phone": None})
    case.add("records", "rec-1", **QUILL)
    fields = {p["field"] for p in case.links()["held", "cus-1", "rec-1"]["comparisons"]}
    assert not fields & {"street", "street_number", "postcode", "phone", "moved"}


def test_a_relative_of_the_same_household_is_not_the_customer(case):
    case.add("customers", "cus-quill", **QUILL)
    relative = QUILL | {"full_name": "Tom Quill", "date_of_birth": "1979-09-21", "email": "tom.quill@mail.test"}
    case.add("records", "rec-tom", **relative)
    link = case.links().get(("held", "cus-quill", "rec-tom"))
    assert link is None or (not link["proposed"] and link["probability_ppm"] < 100_000)


def test_a_pair_of_no_weight_is_not_even_a_rival(case):
    case.add("customers", "cus-quill", **QUILL)
    case.add("records", "rec-quill", **QUILL)
    case.add("records", "rec-holm", **HOLM | {"postcode": QUILL["postcode"]})
    links = case.links()
    assert set(links) == {("held", "cus-quill", "rec-quill")}
    assert all(link["match_weight_mbits"] >= KEPT_MBITS for link in links.values())


def test_the_reasons_are_in_words_and_name_what_agrees(case):
    case.add("accounts", "acc-quill", nickname="blackbird", **contact(QUILL))
    case.add("records", "rec-quill", nickname="nightowl", **QUILL)
    link = case.links()["used", "acc-quill", "rec-quill"]
    assert link["because"].startswith("the account was used by this person, proposed because of ")
    assert "email: shared; phone: shared" in link["because"]
    assert "nickname" not in link["because"]
    assert link["model_id"] == read_linkage_model().model_id


@pytest.mark.parametrize(
    ("fifo_sat", "pro_rata_sat", "level"),
    [
        (1_000_000, 1_000_000, "all of it, by FIFO and pro rata"),
        (990_000, 1_000_000, "all of it, by FIFO and pro rata"),
        (989_999, 1_000_000, "more than half, by FIFO and pro rata"),
        (1_000_000, 500_000, "more than half, by FIFO and pro rata"),
        (1_000_000, 499_999, "some of it"),
        (1, 1, "some of it"),
        (0, 1_000_000, "some of it"),
    ],
)
def test_a_payment_weighs_by_the_lower_of_the_two_rules(case, fifo_sat, pro_rata_sat, level):
    case.add("accounts", "acc-1")
    case.add("customers", "cus-1")
    payment = case.payment("acc-1", ("cus-1", fifo_sat, pro_rata_sat))
    _, part = case.links()["paid", payment, "cus-1"]["comparisons"]
    assert (part["field"], part["level"]) == ("share_of_payment_traced", level)


def test_a_payer_is_proposed_only_for_more_than_a_part(case):
    case.add("accounts", "acc-1")
    for number in range(20):
        case.add("customers", f"cus-{number:02}")
    payment = case.payment("acc-1", ("cus-00", 900_000), ("cus-01", 100_000))
    links = case.links()
    assert links["paid", payment, "cus-00"]["probability_ppm"] > 900_000
    assert links["paid", payment, "cus-01"]["probability_ppm"] < 100_000
    assert not links["paid", payment, "cus-01"]["proposed"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("customer_transactions", {"direction": "deposit"}),
        ("customer_transactions", {"output_index": 7}),
        ("customer_transactions", {"txid": None}),
        ("traces", {"direction": "forward"}),
        ("traces", {"payment_id": None}),
        ("endpoints", {"stop_reason": "coinjoin"}),
        ("endpoints", {"output_index": 7}),
    ],
)
def test_a_payer_is_found_by_the_very_output_that_the_service_sent(case, table, change):
    case.add("accounts", "acc-1")
    case.add("customers", "cus-1")
    payment = case.payment("acc-1", ("cus-1", 1_000_000))
    assert ("paid", payment, "cus-1") in case.links()
    for row in case.rows[table]:
        row.update(change)
    assert case.links() == {}


def test_a_withdrawal_that_two_returns_list_counts_once(case):
    case.add("accounts", "acc-1")
    case.add("customers", "cus-1")
    payment = case.payment("acc-1", ("cus-1", 600_000))
    once = case.links()["paid", payment, "cus-1"]
    again = case.rows["customer_transactions"][0] | {"customer_transaction_id": "ctx-again"}
    case.rows["customer_transactions"].append(again)
    assert case.links()["paid", payment, "cus-1"] == once


def test_nothing_in_is_nothing_out(case):
    tables = case.derived()
    assert sorted(tables) == ["account_reuse", "contrary_facts", "linkage_reports", "links"]
    for name in ("links", "contrary_facts", "account_reuse"):
        assert tables[name] == table_named(name).empty()
    reports = tables["linkage_reports"].to_pylist()
    assert [(r["claim"], r["links_proposed"], r["expected_precision_ppm"]) for r in reports] == [
        ("held", 0, None), ("paid", 0, None), ("used", 0, None),
    ]  # fmt: skip
