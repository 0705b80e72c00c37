"""What came of links by band of probability: outcomes outrank judgements, and what nobody decided counts nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headwater.engine import Session
from headwater.judgements import Judgement, snapshot
from headwater.schema import table_named
from headwater.workflow import agreement_report

LINK = {
    "left_table": "accounts", "right_table": "records", "proposed": True, "match_weight_mbits": 1, "comparisons": [],
    "because": "x", "model_id": "mdl-1", "rivals": 0,
}  # fmt: skip


def link(account: str, ppm: int, *, claim: str = "used", **changes):
    row = {"link_id": f"lnk-{account}", "claim": claim, "left_id": account, "right_id": f"rec-{account}"}
    return {**LINK, **row, "probability_ppm": ppm, **changes}


def judged(account: str, verdict: str, operator: str = "B"):
    return Judgement(
        link_id=f"lnk-{account}", claim="used", left_id=account, right_id=f"rec-{account}", verdict=verdict,
        operator=operator, why="x", seen_weight_mbits=1, model_id="mdl-1", at_utc="2026-01-01T00:00:00.000000Z",
    )  # fmt: skip


def outcome(account: str, word: str):
    return {
        "outcome_id": f"otc-{account}-{word}", "reference_name": "r", "reference_version": "1", "reference_row": 0,
        "lead_id": f"led-{account}", "outcome": word, "reported_on": "2026-05-01", "reported_by": "Unit",
    }  # fmt: skip


@pytest.fixture
def report():
    def made(links, judgements, outcomes=()):
        with Session({}) as session:
            session.put("links", table_named("links").rows(links))
            session.put("judgements", snapshot(judgements))
            session.put("outcomes", table_named("outcomes").rows(outcomes))
            leads = [{"lead_id": f"led-{row['left_id']}", "account_id": row["left_id"]} for row in links]
            blank = {
                column.name: [] if "list" in str(column.type) else 0 if str(column.type) == "int64" else "-"
                for column in table_named("leads").columns
                if not column.nullable
            }
            rows = [{**blank, **lead, "rank": rank} for rank, lead in enumerate(leads)]
            session.put("leads", table_named("leads").rows(rows))
            return agreement_report(session, judgements)

    return made


def test_links_stand_in_the_band_of_their_probability_beside_what_was_expected(report):
    found = report([link("a", 900_000), link("b", 989_999), link("c", 990_000), link("d", 1, proposed=False)], [])
    assert [(row["least_ppm"], row["below_ppm"], row["links"], row["expected_ppm"]) for row in found.bands] == [
        (900_000, 990_000, 2, 944_999),
        (990_000, 999_000, 1, 990_000),
    ]
    assert all(row["observed_ppm"] is None for row in found.bands)


def test_judgements_say_what_share_was_right_and_unsure_says_nothing(report):
    links = [link(account, 950_000) for account in "abcd"]
    judgements = [judged("a", "positive"), judged("b", "positive"), judged("c", "negative"), judged("d", "unsure")]
    [band] = report(links, judgements).bands
    assert (band["judged_positive"], band["judged_negative"], band["judged_unsure"]) == (2, 1, 1)
    assert band["observed_ppm"] == 666_667


def test_an_outcome_outranks_what_was_judged(report):
    links = [link(account, 950_000) for account in "abc"]
    judgements = [judged(account, "positive") for account in "abc"]
    outcomes = [outcome("a", "wrong_person"), outcome("b", "child_safeguarded"), outcome("c", "no_action")]
    [band] = report(links, judgements, outcomes).bands
    assert (band["outcome_right"], band["outcome_wrong"]) == (1, 1)
    assert band["observed_ppm"] == 666_667  # b by outcome, c by judgement; a was wrong


def test_an_outcome_says_nothing_of_links_that_named_nobody(report):
    links = [link("a", 950_000), link("b", 950_000)]
    [band] = report(
        links, [judged("a", "negative")], [outcome("a", "wrong_person"), outcome("b", "wrong_person")]
    ).bands
    assert (band["outcome_right"], band["outcome_wrong"], band["observed_ppm"]) == (0, 0, 0)


def test_what_a_person_was_given_is_expected_by_the_links_they_judged(report):
    links = [link("a", 800_000), link("b", 900_000), link("c", 100_000)]
    judgements = [judged("a", "positive"), judged("b", "unsure"), judged("b", "positive"), judged("c", "positive", "C")]
    known = replace(judged("k", "positive"), claim="known")
    assert report(links, [*judgements, known]).known == []  # its answer is not in the case any more
    [both] = report(links, [*judgements, judged("a", "positive", "C")]).repeated
    assert (both["measure"], both["pairs"], both["agreed"], both["kappa_ppm"]) == ("with_other", 1, 1, None)
