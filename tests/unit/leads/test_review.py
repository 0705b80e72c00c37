"""The order of review: urgent before sure, and the same whatever the order of rows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.leads import read_rules, uncertainty_mbits

LOWEST = max(rule.tier for rule in read_rules().rules) + 1


def entropy_mbits(probability: float) -> float:
    if probability in {0, 1}:
        return 0.0
    return -1_000 * sum(p * math.log2(p) for p in (probability, 1 - probability))


@pytest.mark.parametrize("percent", range(101))
def test_at_whole_per_cents_it_is_the_entropy(percent):
    assert uncertainty_mbits(percent * 10_000) == max(100, round(entropy_mbits(percent / 100)))


@given(st.integers(0, 1_000_000))
def test_between_them_it_is_near_and_symmetric(ppm):
    found = uncertainty_mbits(ppm)
    assert found == uncertainty_mbits(1_000_000 - ppm)
    assert 100 <= found <= 1_000
    assert found == pytest.approx(max(100, entropy_mbits(ppm / 1_000_000)), abs=20)


def link(case, claim, left_table, left, right, ppm, *, proposed=True):
    return case.add(
        "links", f"lnk-{claim}-{left}-{right}", claim=claim, left_table=left_table, left_id=left, right_id=right,
        probability_ppm=ppm, proposed=proposed,
    )  # fmt: skip


def queue(case, **options):
    return case.derived(**options)["review_queue"].to_pylist()


@pytest.fixture
def two(case):
    """An account that was first to upload never-seen media (tier 1), and one that only paid (tier 5)."""
    case.account("acc-1")
    case.origin("acc-1")
    case.account("acc-5")
    case.payment("acc-5")
    case.add("customers", "cus-1")
    return case


def test_each_claim_has_the_tier_of_the_lead_it_concerns(two):
    payment = two.payment("acc-1")
    used = link(two, "used", "accounts", "acc-5", "rec-1", 600_000)
    paid = link(two, "paid", "payments", payment, "cus-1", 600_000)
    held = link(two, "held", "customers", "cus-1", "rec-2", 600_000)
    nobody = link(two, "held", "customers", "cus-2", "rec-2", 600_000)
    rows = {row["link_id"]: row for row in queue(two)}
    assert {name: rows[name]["risk_tier"] for name in rows} == {used: 5, paid: 1, held: 1, nobody: LOWEST}
    leads = {lead["account_id"]: lead["lead_id"] for lead in two.leads().values()}
    assert rows[held]["lead_id"] == leads["acc-1"]
    assert rows[nobody]["lead_id"] is None
    assert rows[nobody]["because"].startswith("no lead rests on it")


def test_of_several_accounts_that_a_customer_paid_for_the_most_urgent_counts(two):
    for account in ("acc-5", "acc-1"):
        link(two, "paid", "payments", two.payment(account), "cus-1", 990_000)
    held = link(two, "held", "customers", "cus-1", "rec-1", 600_000)
    rows = {row["link_id"]: row for row in queue(two)}
    assert rows[held]["risk_tier"] == 1


def test_a_payment_that_is_not_proposed_ties_nobody_to_a_lead(two):
    link(two, "paid", "payments", two.payment("acc-1"), "cus-1", 100_000, proposed=False)
    held = link(two, "held", "customers", "cus-1", "rec-1", 600_000)
    assert [(row["link_id"], row["risk_tier"]) for row in queue(two)] == [(held, LOWEST)]


def test_value_is_uncertainty_doubled_for_each_tier(two):
    sure = link(two, "used", "accounts", "acc-1", "rec-1", 999_999)
    unsure = link(two, "used", "accounts", "acc-5", "rec-1", 500_000)
    first, second = queue(two)
    assert (first["link_id"], first["value_mbits"]) == (sure, 100 << (LOWEST - 1))
    assert (second["link_id"], second["value_mbits"]) == (unsure, 1_000 << (LOWEST - 5))
    assert [first["rank"], second["rank"]] == [1, 2]


def test_the_order_of_rows_changes_nothing(busy):
    orders = [queue(busy, shuffled=seed) for seed in (None, 1, 2)]
    assert len(orders[0]) > 5
    assert orders[0] == orders[1] == orders[2]


def test_a_judgement_takes_no_link_out_of_the_order(busy):
    before = {row["link_id"] for row in queue(busy)}
    busy.judgements.clear()
    assert {row["link_id"] for row in queue(busy)} == before
