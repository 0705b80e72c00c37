"""The generator's own reckoning, on transactions small enough to do by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_synth.chain.oracle import HOP_LIMIT, OracleTransaction, flows_of, largest_remainder


def transaction(txid, inputs, amounts_sat, scripts=None, *, is_coinjoin=False):
    names = scripts or [f"{txid}{place}" for place in range(len(amounts_sat))]
    return OracleTransaction(
        txid=txid,
        inputs=tuple(inputs),
        amounts_sat=tuple(amounts_sat),
        scripts=tuple(name.encode() for name in names),
        is_coinjoin=is_coinjoin,
    )


def ends(transactions, origin, direction, policy, services=None):
    known = {name.encode(): actor for name, actor in (services or {}).items()}
    return {
        (flow.endpoint_txid, flow.endpoint_output_index, flow.endpoint_kind, flow.service_actor): flow.amount_sat
        for flow in flows_of(transactions, known, [origin])
        if (flow.direction, flow.policy) == (direction, policy)
    }


SPLIT = [
    transaction("a", [], [60]),
    transaction("b", [], [40]),
    transaction("c", [("a", 0), ("b", 0)], [50, 45]),  # fee 5
]


def test_fifo_lays_satoshis_end_to_end():
    assert ends(SPLIT, ("c", 0), "backward", "fifo") == {("a", 0, "coinbase", None): 50}
    assert ends(SPLIT, ("c", 1), "backward", "fifo") == {
        ("a", 0, "coinbase", None): 10,
        ("b", 0, "coinbase", None): 35,
    }


def test_pro_rata_takes_from_every_input():
    assert ends(SPLIT, ("c", 0), "backward", "pro_rata") == {
        ("a", 0, "coinbase", None): 30,
        ("b", 0, "coinbase", None): 20,
    }
    assert ends(SPLIT, ("c", 1), "backward", "pro_rata") == {
        ("a", 0, "coinbase", None): 27,
        ("b", 0, "coinbase", None): 18,
    }


def test_forward_is_the_same_matrix_read_by_rows_and_loses_the_fee():
    assert ends(SPLIT, ("a", 0), "forward", "fifo") == {("c", 0, "unspent", None): 50, ("c", 1, "unspent", None): 10}
    assert ends(SPLIT, ("b", 0), "forward", "fifo") == {("c", 1, "unspent", None): 35}
    assert ends(SPLIT, ("b", 0), "forward", "pro_rata") == {
        ("c", 0, "unspent", None): 20,
        ("c", 1, "unspent", None): 18,
    }


def test_fifo_follows_the_very_satoshis_through_a_second_transaction():
    chain = [*SPLIT, transaction("d", [("c", 1)], [20, 25])]
    assert ends(chain, ("d", 0), "backward", "fifo") == {
        ("a", 0, "coinbase", None): 10,
        ("b", 0, "coinbase", None): 10,
    }
    assert ends(chain, ("d", 1), "backward", "fifo") == {("b", 0, "coinbase", None): 25}


def test_a_service_is_known_by_an_address_spent_together():
    chain = [
        transaction("a", [], [10, 10], ["tagged", "sibling"]),
        transaction("b", [("a", 0), ("a", 1)], [20], ["sibling"]),
        transaction("c", [("b", 0)], [19], ["platform"]),
    ]
    assert ends(chain, ("c", 0), "backward", "fifo", {"tagged": "X"}) == {("b", 0, "service", "X"): 19}


def test_a_coinjoin_joins_nobody_and_stops_both_ways():
    chain = [
        transaction("a", [], [10, 10], ["tagged", "other"]),
        transaction("j", [("a", 0), ("a", 1)], [10, 10], ["one", "two"], is_coinjoin=True),
        transaction("b", [], [30], ["other"]),
        transaction("c", [("j", 0)], [9], ["platform"]),
        transaction("d", [("b", 0)], [30], ["platform"]),
    ]
    services = {"tagged": "X"}
    assert ends(chain, ("c", 0), "backward", "fifo", services) == {("j", 0, "coinjoin", None): 9}
    assert ends(chain, ("d", 0), "backward", "fifo", services) == {("b", 0, "coinbase", None): 30}
    assert ends(chain, ("a", 1), "forward", "fifo", services) == {("a", 1, "coinjoin", None): 10}


def test_a_trace_ends_after_so_many_transactions():
    chain = [transaction("t0", [], [10])]
    chain += [transaction(f"t{number}", [(f"t{number - 1}", 0)], [10]) for number in range(1, HOP_LIMIT + 5)]
    last = (f"t{HOP_LIMIT + 4}", 0)
    assert ends(chain, last, "backward", "fifo") == {("t4", 0, "hop_limit", None): 10}
    assert ends(chain, ("t0", 0), "forward", "pro_rata") == {(f"t{HOP_LIMIT}", 0, "hop_limit", None): 10}


def test_an_origin_is_no_service_even_where_it_is_tagged():
    assert ends(SPLIT, ("c", 0), "backward", "fifo", {"c0": "X"}) == {("a", 0, "coinbase", None): 50}


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [(10, [1, 1, 1], [4, 3, 3]), (1, [2, 3], [0, 1]), (0, [5, 5], [0, 0]), (7, [0, 7], [0, 7]), (0, [0, 0], [0, 0])],
)
def test_what_is_left_over_goes_to_the_largest_remainders(total, weights, shares):
    assert largest_remainder(total, weights) == shares


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**12), min_size=1, max_size=8))
def test_shares_add_up_and_are_near_their_quota(total, weights):
    shares = largest_remainder(total, weights)
    if sum(weights):
        assert sum(shares) == total
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share * sum(weights) - total * weight) < sum(weights)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=5), st.data())
def test_backward_traces_lose_nothing(amounts_sat, data):
    chain = [transaction(f"in{place}", [], [amount]) for place, amount in enumerate(amounts_sat)]
    left_sat, outputs = sum(amounts_sat), []
    while left_sat and len(outputs) < 5:
        outputs.append(data.draw(st.integers(1, left_sat)))
        left_sat -= outputs[-1]
    chain.append(transaction("out", [(f"in{place}", 0) for place in range(len(amounts_sat))], outputs))
    for policy in ("fifo", "pro_rata"):
        for place, amount_sat in enumerate(outputs):
            assert sum(ends(chain, ("out", place), "backward", policy).values()) == amount_sat
        passed = {
            place: sum(ends(chain, (f"in{place}", 0), "forward", policy).values()) for place in range(len(amounts_sat))
        }
        assert sum(passed.values()) == sum(outputs)
        assert all(passed[place] <= amount for place, amount in enumerate(amounts_sat))
