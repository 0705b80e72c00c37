"""Rows behind a sum give the sum, whatever is asked for; a bound is no less than what any rule brings."""

from __future__ import annotations

import pytest

from headwater.money_view import FEE, End, end_rows, laid_out, money_sums, service_lines, svg_text
from headwater.money_view import SCREEN as FRAME

from .conftest import Made


def case_of_two(made: Made) -> Made:
    made.service("alder")
    made.service("birch", country="DE")
    for policy, parts in (("fifo", (600, 250, 0)), ("pro_rata", (300, 300, 250))):
        made.trace(policy, 900, policy=policy, fee_sat=50)
        made.end(policy, parts[0], reason="service", service="alder", hops=1)
        made.end(policy, parts[1], reason="coinjoin", hops=2)
        made.end(policy, parts[2], reason="service", service="birch", hops=12)
    return made


@pytest.fixture
def two(made: Made) -> Made:
    return case_of_two(made)


def test_rows_behind_each_sum_give_it(two: Made) -> None:
    tables = two.put()
    sums = money_sums(tables)
    for flow in sums.flows:
        assert end_rows(tables, direction=flow.direction, policy=flow.policy).amount_sat == flow.origin_sat
        for end, amount_sat in flow.ends.items():
            found = end_rows(tables, direction=flow.direction, policy=flow.policy, ends=[end])
            assert found.amount_sat == amount_sat == sum(found.rows["amount_sat"].to_pylist())
        between = [(0, 0), (1, 1), (2, 9), (10, None)]
        rows = [end_rows(tables, direction=flow.direction, policy=flow.policy, hops=hops) for hops in between]
        assert sum(one.amount_sat for one in rows) == flow.origin_sat - flow.ends[End(stop_reason=FEE)]


def test_another_direction_or_policy_has_no_rows(two: Made) -> None:
    tables = two.put()
    assert end_rows(tables, direction="forward", policy="fifo").amount_sat == 0
    assert end_rows(tables, direction="backward", policy="lifo").rows.num_rows == 0


def test_a_reason_alone_is_not_that_reason_at_a_service(two: Made) -> None:
    found = end_rows(two.put(), direction="backward", policy="fifo", ends=[End(stop_reason="service")])
    assert found.rows.num_rows == 0


def test_each_service_has_its_amounts_and_a_bound(two: Made) -> None:
    alder, birch = service_lines(two.put())
    assert (alder.service["actor"], alder.by_policy) == ("alder", {"fifo": 600, "pro_rata": 300})
    assert (birch.service["actor"], birch.by_policy) == ("birch", {"fifo": 0, "pro_rata": 250})
    assert (alder.least_sat, alder.most_sat) == (300, 600)
    # What two outputs can hold of a receipt is no more than the receipt.
    assert alder.most_sat <= alder.bound_sat <= 900
    assert alder.bound_is_whole is False


@pytest.mark.parametrize("policy", ["fifo", "pro_rata"])
def test_every_bar_of_a_page_names_what_it_is_made_of(two: Made, policy: str) -> None:
    tables = two.put()
    picture = laid_out(money_sums(tables), policy, top=1, frame=FRAME)
    for node in picture.nodes:
        if node.ends or node.hops is not None:
            asked = {"ends": list(node.ends) or None, "hops": node.hops}
            assert end_rows(tables, direction="backward", policy=policy, **asked).amount_sat == node.amount_sat
    text = svg_text(picture, title="x", links={(node.name, node.name): "/rows" for node in picture.nodes})
    assert text.count('<a href="/rows"') == len(picture.nodes)
    assert "style=" not in text
