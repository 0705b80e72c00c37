"""What known answers, repeats and other people say of who judges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.judgements import (
    AS_LINK,
    AS_REPEATED,
    KNOWN_CLAIM,
    VERDICTS,
    Judgement,
    KnownAnswers,
    agreement_with_others,
    agreement_with_self,
    kappa_ppm,
    known_answers,
    share_of,
)


def judgement(pair: str, verdict: str, operator: str = "B. Analyst", *, claim: str = "used", shown_as: str = AS_LINK):
    return Judgement(
        link_id=f"lnk-{pair}", claim=claim, left_id=f"l-{pair}", right_id=f"r-{pair}", verdict=verdict,
        operator=operator, why="x", seen_weight_mbits=0, model_id="mdl-1", at_utc="2026-01-01T00:00:00.000000Z",
        shown_as=shown_as,
    )  # fmt: skip


def known(pair: str, verdict: str, operator: str = "B. Analyst"):
    return judgement(pair, verdict, operator, claim=KNOWN_CLAIM)


ANSWERS = {(KNOWN_CLAIM, f"l-{pair}", f"r-{pair}"): pair.split("-")[0] for pair in ("same-1", "same-2", "different-1")}


def test_right_wrong_and_unsure_are_counted_by_answer():
    judged = [known("same-1", "positive"), known("same-2", "unsure"), known("different-1", "positive")]
    [found] = known_answers(judged, ANSWERS)
    assert (found.same_right, found.same_wrong, found.different_right, found.different_wrong, found.unsure) == (
        1, 0, 0, 1, 1,
    )  # fmt: skip
    assert found.right == share_of(1, 2)


def test_of_a_pair_of_known_answer_what_was_said_first_counts():
    judged = [known("same-1", "negative"), known("same-1", "positive", "b. analyst "), known("same-1", "positive", "C")]
    first, other = known_answers(judged, ANSWERS)
    assert (first.operator, first.same_wrong, first.same_right) == ("B. Analyst", 1, 0)
    assert (other.operator, other.same_right) == ("C", 1)


def test_links_and_pairs_that_are_not_there_any_more_measure_nothing():
    assert known_answers([judgement("same-1", "positive"), known("gone-1", "positive")], ANSWERS) == []


def precision(expected_ppm, **counts):
    zero = dict.fromkeys(("same_right", "same_wrong", "different_right", "different_wrong", "unsure"), 0)
    return KnownAnswers(operator="B", **(zero | counts)).precision(expected_ppm)


def test_the_precision_of_positives_follows_by_bayes_rule():
    # 9 of 10 of one person found, 1 of 10 of two people taken for one: 9 to 1 at even odds.
    counts = {"same_right": 9, "same_wrong": 1, "different_right": 9, "different_wrong": 1}
    assert precision(500_000, **counts).ppm == 900_000
    assert precision(900_000, **counts).ppm == 987_805
    found = precision(500_000, **counts)
    assert found.least_ppm < 900_000 < found.most_ppm


def test_what_was_not_measured_is_said_to_be_so():
    assert precision(500_000, same_right=3).ppm is None
    assert precision(None, same_right=3, different_right=3).ppm is None


def test_only_what_was_shown_again_is_agreement_with_oneself():
    judged = [
        judgement("a", "positive"), judgement("a", "negative"),  # taken back, which is no disagreement
        judgement("b", "positive"), judgement("b", "positive", shown_as=AS_REPEATED),
        judgement("c", "unsure"), judgement("c", "negative", "b. analyst", shown_as=AS_REPEATED),
        judgement("d", "negative", "C. Approver"), judgement("d", "positive", shown_as=AS_REPEATED),
    ]  # fmt: skip
    [found] = agreement_with_self(judged)
    assert (found.operator, found.other, found.pairs, found.agreed) == ("B. Analyst", "B. Analyst", 2, 1)


def test_two_people_are_compared_by_what_each_said_first():
    judged = [
        judgement("a", "positive"), judgement("a", "negative", "C. Approver"), judgement("a", "negative"),
        judgement("b", "unsure"), judgement("b", "unsure", "C. Approver"),
        judgement("c", "positive", "D"),
        known("same-1", "positive"), known("same-1", "negative", "C. Approver"),
    ]  # fmt: skip
    [found] = agreement_with_others(judged)
    assert (found.operator, found.other, found.pairs, found.agreed) == ("B. Analyst", "C. Approver", 2, 1)


VERDICT_PAIRS = st.lists(st.tuples(st.sampled_from(VERDICTS), st.sampled_from(VERDICTS)), max_size=40)


@given(VERDICT_PAIRS)
def test_kappa_is_one_for_full_agreement_and_never_more(pairs):
    found = kappa_ppm(pairs)
    assert found is None or found <= 1_000_000
    if found is not None and all(one == two for one, two in pairs):
        assert found == 1_000_000
    assert kappa_ppm([(two, one) for one, two in pairs]) == found


def test_kappa_as_in_a_worked_example():
    # 20 yes-yes, 15 no-no, 5 yes-no, 10 no-yes: 0.4, as textbooks have it.
    yes, no = "positive", "negative"
    pairs = [(yes, yes)] * 20 + [(no, no)] * 15 + [(yes, no)] * 5 + [(no, yes)] * 10
    assert kappa_ppm(pairs) == 400_000


@pytest.mark.parametrize("pairs", [[], [("positive", "positive")] * 3])
def test_kappa_is_not_defined_where_chance_alone_would_agree(pairs):
    assert kappa_ppm(pairs) is None


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share(part, more):
    share = share_of(part, part + more)
    assert 0 <= share.least_ppm <= share.ppm <= share.most_ppm <= 1_000_000
