"""What one person is given: all that waits, in order, and among it pairs that nothing tells from the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.judgements import AS_KNOWN, AS_LINK, AS_REPEATED, Shares, woven

WAITING = [f"lnk-w{n:03}" for n in range(400)]
KNOWN = {f"lnk-k{n:03}" for n in range(100)}
REPEATED = {f"lnk-r{n:03}" for n in range(100)}
FIVE = Shares(known_ppm=50_000, repeated_ppm=50_000)


def given_to(person="b. analyst", *, waiting=WAITING, known=KNOWN, repeated=REPEATED, judged=0, shares=FIVE):
    return list(
        woven(
            waiting,
            known=lambda: known,
            repeated=lambda: repeated,
            case_id="cas-1",
            person=person,
            judged=judged,
            shares=shares,
        )
    )


@given(
    st.lists(st.sampled_from(WAITING), unique=True, max_size=60),
    st.sets(st.sampled_from(sorted(KNOWN)), max_size=9),
    st.sets(st.sampled_from(sorted(REPEATED)), max_size=9),
    st.integers(0, 500),
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
)
def test_everything_that_waits_is_given_once_and_in_order(waiting, known, repeated, judged, known_ppm, repeated_ppm):
    shares = Shares(known_ppm=known_ppm, repeated_ppm=repeated_ppm)
    found = given_to(waiting=waiting, known=known, repeated=repeated, judged=judged, shares=shares)
    assert [link for link, purpose in found if purpose == AS_LINK] == waiting
    assert len({link for link, _ in found}) == len(found)
    assert {link for link, purpose in found if purpose == AS_KNOWN} <= known
    assert {link for link, purpose in found if purpose == AS_REPEATED} <= repeated


def test_about_one_in_twenty_is_of_each_kind():
    found = [purpose for n in range(20) for _, purpose in given_to(f"person {n}")]
    for purpose in (AS_KNOWN, AS_REPEATED):
        assert 0.04 < found.count(purpose) / len(found) < 0.06


def test_places_depend_on_the_person_and_on_nothing_that_passes():
    assert given_to() == given_to()
    assert given_to() == given_to(known=sorted(KNOWN, reverse=True), repeated=sorted(REPEATED, reverse=True))
    assert given_to("b. analyst") != given_to("c. approver")


def test_who_judges_what_stands_first_finds_the_rest_where_it_was():
    before = given_to()
    for done, (link, purpose) in enumerate(before[:150], start=1):
        rest = given_to(
            waiting=[one for one in WAITING if (one, AS_LINK) in before[done:]],
            known=KNOWN - {one for one, _ in before[:done]},
            repeated=REPEATED - {one for one, _ in before[:done]},
            judged=done,
        )
        assert rest == before[done:], (link, purpose)


@pytest.mark.parametrize("shares", [Shares(known_ppm=0, repeated_ppm=0), FIVE])
def test_without_pairs_or_places_only_what_waits_is_given(shares):
    pairs = {"known": set(), "repeated": set()} if shares is FIVE else {}
    assert given_to(shares=shares, **pairs) == [(link, AS_LINK) for link in WAITING]


def test_nothing_is_given_where_nothing_waits():
    assert given_to(waiting=[]) == []
