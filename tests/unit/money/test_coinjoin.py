"""Shapes that join several people's coins, shapes that do not, and shapes that leave it open."""

from __future__ import annotations

import pytest

from headwater.money.coinjoin import RULES, SHARED_CLUSTER_RULE, coinjoin_verdict, shape_of


def answered(spent, outputs, **options):
    """Amounts stand for scripts of their own; a pair names its script."""
    return coinjoin_verdict(
        shape_of(
            [each if isinstance(each, tuple) else (f"in{place}", each) for place, each in enumerate(spent)],
            [each if isinstance(each, tuple) else (f"out{place}", each) for place, each in enumerate(outputs)],
            is_coinbase=options.get("is_coinbase", False),
        )
    )


MAKERS = [260_000, 310_000, 540_000, 222_000, 205_000]
EQUAL = [200_000] * 5


@pytest.mark.parametrize(
    ("spent", "outputs", "rule"),
    [
        (MAKERS, [*EQUAL, 59000, 109000, 339000, 21000, 4000], "equal_outputs_with_change"),
        (MAKERS, [*EQUAL, 59000, 109000, 339000, 21000], "equal_outputs_with_change"),
        (MAKERS, [*EQUAL, 59000, 109000, 339000], "equal_outputs_with_change"),
        ([5_001_000] * 5, [5_000_000] * 5, "all_outputs_equal"),
        (
            [900_000 + each for each in range(30)],
            [600_000] * 9 + [300_000] * 9 + [111_000, 222_000],
            "many_denominations",
        ),
        ([500, 600, 700], [450, 450], "few_outputs"),
    ],
)
def test_shapes_with_one_answer(spent, outputs, rule):
    verdict = answered(spent, outputs)
    assert verdict.rule == rule
    assert verdict.answer == ("no" if rule == "few_outputs" else "yes")


@pytest.mark.parametrize(
    ("spent", "outputs", "rule"),
    [
        ([1_000_000, 1_000_000], [300_000, 300_000, 1_390_000], "equal_outputs"),
        ([600_000, 700_000, 800_000], [500_000, 500_000, 500_000, 580_000], "equal_outputs"),
        ([9_000_000] * 3, [1_000] * 6 + [2_000] * 6 + [7, 80_001], "repeated_amounts"),
    ],
)
def test_shapes_that_leave_it_open(spent, outputs, rule):
    verdict = answered(spent, outputs)
    assert (verdict.answer, verdict.rule) == ("abstain", rule)


@pytest.mark.parametrize(
    ("spent", "outputs", "rule"),
    [
        ([10_000_000], [500_000] * 9, "one_input_script"),  # a batch payout from one address
        ([("hot", 900_000), ("hot", 900_000)], [500_000, 500_000, 700_000], "one_input_script"),
        (list(range(1_000, 60_000, 1_000)), [1_700_000], "few_outputs"),  # an ordinary consolidation
        ([9_000_000, 4_000_000], [731_000, 52_000, 9_300_000, 1_400_000], "no_amount_repeated"),
        ([9_000_000, 4_000], [500_000, 500_000, 7_900_000], "one_payer_only"),
        ([9_000_000, 8_000_000], [500_000] * 5 + [90_000 + each for each in range(30)], "more_shares_than_payers"),
        ([9_000_000, 8_000_000], [500_000] * 2 + [90_000 + each for each in range(30)], "batch_payout"),
        ([1_500_000, 1_200_000, 1_350_000], [1_010_000] * 4, "more_shares_than_payers"),  # one's own coins, split
        ([("hot", 9_000_000), 8_000_000], [500_000, 500_000, ("hot", 15_000_000)], "change_returns_to_input"),
        ([9_000_000, 8_000_000], [546, 546, 546, 16_000_000], "few_outputs"),  # dust is no share
        ([9_000_000, 8_000_000], [("one", 500_000), ("one", 500_000), 15_000_000], "no_amount_repeated"),
    ],
)
def test_shapes_of_one_payer(spent, outputs, rule):
    verdict = answered(spent, outputs)
    assert (verdict.answer, verdict.rule) == ("no", rule)


def test_new_coins_are_no_coinjoin():
    assert answered([], [100, 100, 100], is_coinbase=True).rule == "coinbase"


def test_the_order_of_inputs_and_outputs_means_nothing():
    outputs = [*EQUAL, 59_000, 109_000, 339_000, 21_000, 4_000]
    named = [(f"in{place}", each) for place, each in enumerate(MAKERS)]
    assert answered(named[::-1], outputs[::-1]) == answered(named, outputs)


def test_rules_have_names_of_their_own_and_the_last_always_holds():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert RULES[-1].holds(shape_of([], [], is_coinbase=False))


def test_rounds_of_the_chain_are_excluded_and_payouts_are_not(case):
    kinds = case.chain.transaction_kinds
    answers = {row["txid"]: row["coinjoin"] for row in case.rows("transactions")}
    for txid, kind in kinds.items():
        if kind == "coinjoin":
            assert answers[txid] in {"yes", "abstain"}
        elif kind != "honest":
            assert answers[txid] == "no", kind


def test_every_rule_is_explained(repository):
    page = (repository / "docs" / "explanation" / "money.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.answer} |" in page
    assert SHARED_CLUSTER_RULE in page
