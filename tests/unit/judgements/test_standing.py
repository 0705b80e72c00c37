"""What stands of several people's judgements: a negative outlives every positive but its author's own."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from headwater.judgements import (
    KNOWN_CLAIM,
    VERDICTS,
    Judgement,
    append,
    history,
    is_about_link,
    snapshot,
    standing,
)
from headwater.schema.state import METADATA

PEOPLE = ("A. Examiner", "B. Analyst", "C. Approver")
DECISIONS = st.lists(st.tuples(st.sampled_from(["l1", "l2"]), st.sampled_from(PEOPLE), st.sampled_from(VERDICTS)))


def judgement(link: str, operator: str, verdict: str, *, at: int = 0) -> Judgement:
    return Judgement(
        link_id=link,
        claim="used",
        left_id=f"acc-{link}",
        right_id=f"rec-{link}",
        verdict=verdict,
        operator=operator,
        why="for a test",
        seen_weight_mbits=1_234,
        model_id="mdl-1",
        at_utc=f"2026-01-01T00:00:{at:02}.000000Z",
    )


def subject(link: str) -> tuple[str, str, str]:
    return "used", f"acc-{link}", f"rec-{link}"


def given_in_order(decisions: Iterable[tuple[str, str, str]]) -> list[Judgement]:
    return [judgement(*decision, at=n % 60) for n, decision in enumerate(decisions)]


@given(DECISIONS, st.lists(st.sampled_from(PEOPLE[1:])))
def test_a_negative_survives_everything_that_others_say_later(before, others):
    decisions = [*before, ("l1", PEOPLE[0], "negative"), *(("l1", other, "positive") for other in others)]
    assert standing(given_in_order(decisions))[subject("l1")].verdict == "negative"


@given(DECISIONS, st.sampled_from(VERDICTS))
def test_a_person_s_own_later_judgement_replaces_the_earlier_one(before, verdict):
    mine = [(link, PEOPLE[0], earlier) for link, _, earlier in before]
    assert standing(given_in_order([*mine, ("l1", PEOPLE[0], verdict)]))[subject("l1")].verdict == verdict


@given(DECISIONS, st.randoms())
def test_only_each_person_s_own_order_counts(decisions, random):
    # Any order of the whole that keeps each person's own: deal the people's decisions out anew.
    piles = {person: [d for d in decisions if d[1] == person] for person in PEOPLE}
    dealt = []
    while any(piles.values()):
        dealt.append(piles[random.choice([p for p in PEOPLE if piles[p]])].pop(0))
    assert snapshot(given_in_order(decisions)).equals(snapshot(given_in_order(dealt)))


@given(DECISIONS)
def test_the_snapshot_counts_the_people_who_now_say_yes(decisions):
    rows = {row["link_id"]: row for row in snapshot(given_in_order(decisions)).to_pylist()}
    for link in {link for link, _, _ in decisions}:
        last = {person: verdict for named, person, verdict in decisions if named == link}
        assert rows[link]["positive_operators"] == sum(v == "positive" for v in last.values())
        weakest = min(last.values(), key=["negative", "unsure", "positive"].index)
        assert rows[link]["verdict"] == weakest
        assert last[rows[link]["operator"]] == weakest
        assert "at_utc" not in rows[link]


def test_nothing_judged_stands_for_nothing():
    assert standing([]) == {}
    assert snapshot([]).num_rows == 0


def test_history_is_what_was_appended_in_its_order_and_the_table_takes_no_other_verdict():
    engine = sa.create_engine("sqlite://")
    METADATA.create_all(engine)
    listed = given_in_order([("l1", PEOPLE[0], "positive"), ("l1", PEOPLE[0], "negative"), ("l2", PEOPLE[1], "unsure")])
    with closing(engine.connect()) as connection:
        for one in listed:
            append(connection, one)
        assert history(connection) == listed
        with pytest.raises(sa.exc.IntegrityError):
            append(connection, judgement("l3", PEOPLE[0], "perhaps"))
        connection.rollback()
    engine.dispose()


def test_every_field_of_a_decision_is_in_its_id():
    one = judgement("l1", PEOPLE[0], "positive")
    others = [
        judgement("l2", PEOPLE[0], "positive"),
        judgement("l1", PEOPLE[1], "positive"),
        judgement("l1", PEOPLE[0], "negative"),
        judgement("l1", PEOPLE[0], "positive", at=1),
    ]
    assert len({j.judgement_id for j in [one, *others]}) == 5
    assert one.judgement_id == judgement("l1", PEOPLE[0], "positive").judgement_id


@given(DECISIONS, st.lists(st.tuples(st.sampled_from(PEOPLE[1:]), st.sampled_from(VERDICTS), st.text(max_size=4))))
def test_a_negative_stands_under_any_id_until_its_author_withdraws_it(before, later):
    # The link's id and its model may change between the runs; what was judged are the two rows.
    others = [
        replace(judgement("l1", operator, verdict), link_id=f"lnk-{model}", model_id=f"mdl-{model}")
        for operator, verdict, model in later
    ]
    judged = [*given_in_order(before), judgement("l1", PEOPLE[0], "negative"), *others]
    assert standing(judged)[subject("l1")].verdict == "negative"
    taken_back = [*judged, replace(judgement("l1", PEOPLE[0], "unsure"), link_id="lnk-new")]
    stands = standing(taken_back)[subject("l1")]
    assert stands.person != PEOPLE[0].casefold() if stands.verdict == "negative" else stands.verdict == "unsure"


def test_the_snapshot_has_the_id_that_the_link_has_now():
    judged = [judgement("l1", PEOPLE[0], "positive"), judgement("l2", PEOPLE[0], "positive")]
    rows = snapshot(judged, {subject("l1"): "lnk-now"}).to_pylist()
    assert {row["left_id"]: row["link_id"] for row in rows} == {"acc-l1": "lnk-now", "acc-l2": "l2"}


def test_one_person_spelled_two_ways_is_one_person():
    judged = [judgement("l1", name, "positive") for name in ("B. Analyst", "b. analyst", " B. ANALYST ")]
    assert snapshot(judged).to_pylist()[0]["positive_operators"] == 1
    both = [*judged, judgement("l1", "b. analyst", "negative"), judgement("l1", "B. Analyst", "positive")]
    assert snapshot(both).to_pylist()[0]["verdict"] == "positive"


def test_nothing_follows_from_a_judgement_on_a_pair_of_known_answer():
    known = replace(judgement("l1", PEOPLE[0], "positive"), claim=KNOWN_CLAIM)
    assert snapshot([known]).num_rows == 0
    assert not is_about_link(known)


def test_a_judgement_of_before_keeps_its_id_and_what_was_seen_is_in_a_new_one_s():
    old = judgement("l1", PEOPLE[0], "positive")
    # As version 2026.11 wrote it down in the custody log, before it was recorded what a person was shown.
    assert old.judgement_id == "jdg-68cf97acb766568159d6db20e5b1e897"
    seen = [
        replace(old, bars_sha256="ab"),
        replace(old, links_sha256="ab"),
        replace(old, headwater_version="ab"),
        replace(old, shown_as="link"),
        replace(old, score_hidden=True),
    ]
    assert len({one.judgement_id for one in (old, *seen)}) == 6
