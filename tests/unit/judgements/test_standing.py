"""What stands of several people's judgements: a negative outlives every positive but its author's own."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from headwater.judgements import VERDICTS, Judgement, append, history, snapshot, standing
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


def given_in_order(decisions: Iterable[tuple[str, str, str]]) -> list[Judgement]:
    return [judgement(*decision, at=n % 60) for n, decision in enumerate(decisions)]


@given(DECISIONS, st.lists(st.sampled_from(PEOPLE[1:])))
def test_a_negative_survives_everything_that_others_say_later(before, others):
    decisions = [*before, ("l1", PEOPLE[0], "negative"), *(("l1", other, "positive") for other in others)]
    assert standing(given_in_order(decisions))["l1"].verdict == "negative"


@given(DECISIONS, st.sampled_from(VERDICTS))
def test_a_person_s_own_later_judgement_replaces_the_earlier_one(before, verdict):
    mine = [(link, PEOPLE[0], earlier) for link, _, earlier in before]
    assert standing(given_in_order([*mine, ("l1", PEOPLE[0], verdict)]))["l1"].verdict == verdict


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
