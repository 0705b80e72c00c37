"""What became of leads stands beside them and is summed; nothing that was derived changes by it."""

from __future__ import annotations

import pytest

from headwater.engine import StageContext
from headwater.leads import outcome_sums, outcomes_of_leads, rank_leads


def reported(case, lead, outcome, *, by="Unit ES", on="2026-05-01", version="1"):
    where = {"reference_name": by.lower().replace(" ", "-"), "reference_version": version}
    case.add("outcomes", lead_id=lead, outcome=outcome, reported_by=by, reported_on=on, note=None, **where)


@pytest.fixture
def leads(case):
    for number in range(6):
        case.account(f"acc-{number}")
        case.payment(f"acc-{number}")
    case.upload("acc-0")
    return {account: lead["lead_id"] for account, lead in case.leads().items()}


def session_of(case):
    session = case.session()
    session.put("leads", rank_leads(StageContext(tables=session))["leads"])
    return session


def outcomes_of(case):
    return outcomes_of_leads(case.session().arrow("outcomes"))


def sums_of(case):
    session = session_of(case)
    return {row["leads_of"]: row for row in outcome_sums(session.arrow("outcomes"), session.arrow("leads"))}


def test_without_a_report_there_is_no_sum(case, leads):
    assert leads
    assert sums_of(case) == {}
    assert outcomes_of(case) == {}


def test_the_last_word_of_each_unit_stands_and_the_latest_comes_first(case, leads):
    lead = leads["acc-0"]
    reported(case, lead, "no_action", on="2026-05-01")
    reported(case, lead, "payer_identified", on="2026-06-01", version="2")
    reported(case, lead, "no_action", by="Unit SE", on="2026-07-01")
    found = outcomes_of(case)
    assert [(row["reported_by"], row["outcome"]) for row in found[lead]] == [
        ("Unit SE", "no_action"),
        ("Unit ES", "payer_identified"),
    ]
    assert set(found) == {lead}


def test_sums_are_by_tier_and_rule_and_a_wrong_name_is_never_outvoted(case, leads):
    reported(case, leads["acc-0"], "child_safeguarded")
    reported(case, leads["acc-1"], "payer_identified")
    reported(case, leads["acc-2"], "no_action")
    reported(case, leads["acc-3"], "payer_identified", by="Unit ES")
    reported(case, leads["acc-3"], "wrong_person", by="Unit SE")
    sums = sums_of(case)
    whole = sums["all leads"]
    assert (whole["reported"], whole["child_safeguarded"], whole["payer_identified"]) == (4, 1, 1)
    assert (whole["no_action"], whole["wrong_person"]) == (1, 1)
    assert whole["right_ppm"] == 666_667
    assert 0 < whole["right_least_ppm"] < whole["right_ppm"] < whole["right_most_ppm"] < 1_000_000
    assert (sums["tier 4"]["reported"], sums["tier 5"]["reported"]) == (1, 3)
    assert (sums["uploads"]["reported"], sums["paid_for_access"]["reported"]) == (1, 4)


def test_the_interval_is_wilsons(case, leads):
    for account in ("acc-0", "acc-1", "acc-2", "acc-3"):
        reported(case, leads[account], "payer_identified")
    whole = sums_of(case)["all leads"]
    # 4 of 4 at 95 %: 51.0 to 100 % (Wilson 1927; as in Newcombe 1998, table I, for such sizes).
    assert (whole["right_ppm"], round(whole["right_least_ppm"], -3), whole["right_most_ppm"]) == (1e6, 510_000, 1e6)


def test_no_action_alone_says_nothing_of_right_or_wrong(case, leads):
    reported(case, leads["acc-0"], "no_action")
    whole = sums_of(case)["all leads"]
    assert (whole["reported"], whole["right_ppm"], whole["right_least_ppm"]) == (1, None, None)


def test_a_report_on_a_lead_that_is_not_here_is_counted_apart(case, leads):
    reported(case, "led-" + "0" * 32, "wrong_person")
    assert set(sums_of(case)) == {"leads that this case does not have"}


def test_no_lead_moves_by_what_became_of_it(case, leads):
    before = case.derived()
    for lead in leads.values():
        reported(case, lead, "wrong_person")
    after = case.derived()
    assert all(before[name].equals(after[name]) for name in before)
