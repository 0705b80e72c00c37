"""What each side computes, and what a peer who cheats is caught at."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.deconfliction import answered, hidden, key_check, keyed, marked, new_scalar, padded_count
from headwater.deconfliction.sides import shared_by_ecdh, shared_in
from headwater.errors import InputError

SESSION = "dcs-" + "0a" * 16
OURS = [f"email:north{n}@mail.test" for n in range(6)]
THEIRS = [f"email:south{n}@mail.test" for n in range(3)] + OURS[:4]


@pytest.fixture(scope="module")
def exchange():
    a, b = new_scalar(), new_scalar()
    offer = hidden(OURS, SESSION, a)
    own = hidden(THEIRS, SESSION, b)
    return a, b, offer, own, answered(offer.values, b, own, source="offer")


def test_both_come_to_the_same(exchange):
    a, _, offer, own, answer = exchange
    shared, bits = shared_by_ecdh(answer, offer.order, a, source="answer")
    assert shared == OURS[:4]
    assert marked(bits, own.order, at_most=len(offer.order), source="result") == OURS[:4]
    assert len(bits) == len(own.order) // 8


def test_the_order_sent_says_nothing_of_the_order_held(exchange):
    _, _, offer, _, _ = exchange
    named = [name for name in offer.order if name]
    assert sorted(named) == OURS
    assert len(offer.order) == padded_count(len(OURS)) == 1_024
    values = [offer.values[n : n + 32] for n in range(0, len(offer.values), 32)]
    assert values == sorted(values)


def test_an_offer_that_repeats_a_point_or_is_out_of_order_is_refused(exchange):
    _, b, offer, own, _ = exchange
    for values in (offer.values[:32] + offer.values, offer.values[32:] + offer.values[:32]):
        with pytest.raises(InputError, match="repeats an earlier one, or is out of order"):
            answered(values, b, own, source="offer")


def test_an_answer_that_repeats_itself_is_refused(exchange):
    a, _, offer, _, answer = exchange
    half = len(offer.values)
    with pytest.raises(InputError, match="two of the values returned are equal"):
        shared_by_ecdh(answer[32:64] + answer[32:], offer.order, a, source="answer")
    with pytest.raises(InputError, match="repeats"):
        shared_by_ecdh(answer[:half] + answer[half : half + 32] + answer[half:-32], offer.order, a, source="answer")


def test_an_answer_with_a_point_of_small_order_is_refused(exchange):
    a, _, offer, _, answer = exchange
    identity = (1).to_bytes(32, "little")
    half = len(offer.values)
    with pytest.raises(InputError, match="value 0 is no point"):
        shared_by_ecdh(identity + answer[32:], offer.order, a, source="answer")
    with pytest.raises(InputError, match="no point"):
        shared_by_ecdh(answer[:half] + bytes(32) + answer[half + 32 :], offer.order, a, source="answer")


def test_a_peer_who_sends_our_own_values_back_shares_nothing(exchange):
    """Who holds no identifier cannot look as if it held ours."""
    a, _, offer, _, _ = exchange
    shared, bits = shared_by_ecdh(offer.values + offer.values, offer.order, a, source="answer")
    assert shared == []
    assert not any(bits)


def test_a_peer_who_claims_what_stands_for_nothing_is_caught(exchange):
    own = exchange[3]
    with pytest.raises(InputError, match="stands for no identifier"):
        shared_in(own.values, own, source="answer")


def test_a_result_that_marks_too_much_is_refused(exchange):
    _, _, offer, own, _ = exchange
    count = len(own.order)
    with pytest.raises(InputError, match="stands for no identifier"):
        marked(b"\xff" * (count // 8), own.order, at_most=len(offer.order), source="result")
    with pytest.raises(InputError, match="more than there can be"):
        marked(b"\xff" * (count // 8), own.order, at_most=1, source="result")
    with pytest.raises(InputError, match="more than there can be"):
        marked(b"\x01", own.order[:3], at_most=9, source="result")


def test_under_a_key_both_come_to_the_same():
    key = secrets.token_bytes(32)
    ours, theirs = keyed(OURS, SESSION, key), keyed(THEIRS, SESSION, key)
    assert shared_in(theirs.values, ours, source="x") == shared_in(ours.values, theirs, source="x") == OURS[:4]
    other = keyed(THEIRS, SESSION, secrets.token_bytes(32))
    assert shared_in(other.values, ours, source="x") == []
    assert key_check(SESSION, key) != key_check(SESSION, key[::-1])
    assert keyed(OURS, "dcs-1", key).values[:32] not in ours.values
    with pytest.raises(InputError, match="repeats"):
        shared_in(theirs.values[:32] * 2, ours, source="x")


def test_the_test_vectors_of_the_format_hold():
    """A change of any of these needs another version of the format: agencies run different versions of headwater."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "deconfliction-format.md").read_text(encoding="utf-8")
    point, keyed_value, check = re.findall(r"\| `([0-9a-f]{64})` \|", page)
    session, identifier, key = "dcs-" + "0a" * 16, "email:alder@mail.test", b"\x5a" * 32
    sent = hidden([identifier], session, (8 * 12345).to_bytes(32, "little"))
    place = sent.order.index(identifier)
    assert sent.values[place * 32 : place * 32 + 32].hex() == point
    under_key = keyed([identifier], session, key)
    place = under_key.order.index(identifier)
    assert under_key.values[place * 32 : place * 32 + 32].hex() == keyed_value
    assert key_check(session, key) == check


@given(ours=st.sets(st.integers(0, 60)), theirs=st.sets(st.integers(0, 60)))
def test_what_is_shared_is_what_both_hold(ours, theirs):
    key = b"\x5a" * 32
    one, other = (keyed([f"email:{n}@mail.test" for n in sorted(side)], SESSION, key) for side in (ours, theirs))
    expected = sorted(f"email:{n}@mail.test" for n in ours & theirs)
    assert shared_in(other.values, one, source="x") == shared_in(one.values, other, source="x") == expected


@pytest.mark.parametrize("count", [1, 1_024, 1_025, 5_000, 99_999, 1_000_000, 4_999_999, 2**20])
def test_padding_is_little_and_hides_the_last_digits(count):
    padded = padded_count(count)
    assert count <= padded
    assert padded == 1_024 or padded <= count * 1.12
    assert padded_count(padded) == padded
    digits = f"{padded:b}".rstrip("0")
    assert len(digits) <= 6
