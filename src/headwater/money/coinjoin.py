"""Whether a transaction joins the coins of several people: yes, no, or abstain, by named rules tried in order.

Spending together shows one control only where one person spends. So the question here is not "is it a CoinJoin" but
"may it be one": `abstain` excludes a transaction from clustering and stops a trace exactly as `yes` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "COINJOIN_VERSION",
    "DUST_SAT",
    "RULES",
    "SHARED_CLUSTER_RULE",
    "CoinjoinAnswer",
    "CoinjoinVerdict",
    "Shape",
    "coinjoin_verdict",
    "shape_of",
]

COINJOIN_VERSION: Final = (2, 0, 0)  # 2: rules of protocols are tried before the shapes
SHARED_CLUSTER_RULE: Final = "inputs_spent_together_elsewhere"
DUST_SAT: Final = 546  # source: Bitcoin Core, policy.cpp, GetDustThreshold of a key-hash output
LEAST_OUTPUTS: Final = 3
MANY_INPUTS: Final = 20
"""From here on, rounds with many denominations are told by the share of repeated amounts alone.

Rounds of Wasabi 2 take part in this size; see docs/explanation/money.md for how it was set and what it misses.
"""

CoinjoinAnswer = Literal["yes", "no", "abstain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of a transaction the rules look at.

    Attributes:
        is_coinbase: New coins.
        inputs: Inputs.
        input_scripts: Distinct scripts spent from.
        outputs: Outputs of more than dust that somebody can spend.
        equal_outputs: How many distinct scripts receive the amount that most receive.
        equal_sat: That amount; the largest, where several are received equally often.
        repeated_outputs: Outputs whose amount another script receives too.
        payers_at_most: Into how many groups the inputs can be parted so that each could have paid `equal_sat`.
        returns_to_input: An output goes back to a script spent from.
    """

    is_coinbase: bool
    inputs: int
    input_scripts: int
    outputs: int
    equal_outputs: int
    equal_sat: int
    repeated_outputs: int
    payers_at_most: int
    returns_to_input: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinjoinVerdict:
    """An answer and the rule that gave it."""

    answer: CoinjoinAnswer
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    name: str
    answer: CoinjoinAnswer
    holds: Callable[[Shape], bool]


RULES: Final = (
    _Rule(name="coinbase", answer="no", holds=lambda shape: shape.is_coinbase),
    _Rule(name="one_input_script", answer="no", holds=lambda shape: shape.input_scripts < 2),
    _Rule(name="few_outputs", answer="no", holds=lambda shape: shape.outputs < LEAST_OUTPUTS),
    _Rule(name="no_amount_repeated", answer="no", holds=lambda shape: shape.equal_outputs < 2),
    _Rule(
        name="many_denominations",
        answer="yes",
        holds=lambda shape: shape.input_scripts >= MANY_INPUTS and 2 * shape.repeated_outputs >= shape.outputs,
    ),
    # One coin large enough for everything and small change beside it: nobody else could have paid an equal share.
    _Rule(name="one_payer_only", answer="no", holds=lambda shape: shape.payers_at_most < 2),
    _Rule(
        name="all_outputs_equal",
        answer="yes",
        holds=lambda shape: (
            shape.equal_outputs == shape.outputs
            and shape.equal_outputs <= min(shape.input_scripts, shape.payers_at_most)
        ),
    ),
    # Equal outputs and a change for nearly everyone: the shape of JoinMarket and of the first Wasabi. Few equal outputs
    # must have it exactly; of five and more, some may have had nothing left to return.
    _Rule(
        name="equal_outputs_with_change",
        answer="yes",
        holds=lambda shape: (
            3 <= shape.equal_outputs <= min(shape.input_scripts, shape.payers_at_most)
            and (
                0 <= 2 * shape.equal_outputs - shape.outputs <= 1
                or (
                    shape.equal_outputs >= 5
                    and 3 * shape.equal_outputs <= 2 * shape.outputs
                    and shape.outputs <= 2 * shape.equal_outputs + 1
                )
            )
            and not shape.returns_to_input
        ),
    ),
    _Rule(name="change_returns_to_input", answer="no", holds=lambda shape: shape.returns_to_input),
    # At most one change for each equal output, and one output more for a coordinator.
    _Rule(
        name="equal_outputs",
        answer="abstain",
        holds=lambda shape: shape.equal_outputs <= shape.input_scripts and shape.outputs <= 2 * shape.equal_outputs + 1,
    ),
    # One amount alone is repeated, and more often than there can be payers: somebody was paid it twice. Every protocol
    # with one amount gives each participant one share of it. Who splits coins of one's own pays all of them.
    _Rule(
        name="more_shares_than_payers",
        answer="no",
        holds=lambda shape: (
            shape.input_scripts < MANY_INPUTS
            and shape.repeated_outputs == shape.equal_outputs > min(shape.input_scripts, shape.payers_at_most)
        ),
    ),
    _Rule(
        name="repeated_amounts",
        answer="abstain",
        holds=lambda shape: shape.input_scripts >= 3 and 2 * shape.repeated_outputs >= shape.outputs,
    ),
    # What is left pays amounts that mostly differ, or more equal ones than it has inputs: a payout of one payer.
    _Rule(name="batch_payout", answer="no", holds=lambda _: True),
)
"""In the order in which they are tried; the first that holds answers."""


def coinjoin_verdict(shape: Shape) -> CoinjoinVerdict:
    """The answer of the first rule that holds.

    Example:
        >>> shape = shape_of([(b"a", 9), (b"b", 9)], [(b"c", 17)], is_coinbase=False)
        >>> coinjoin_verdict(shape)
        CoinjoinVerdict(answer='no', rule='few_outputs')
    """
    rule = next(rule for rule in RULES if rule.holds(shape))
    return CoinjoinVerdict(answer=rule.answer, rule=rule.name)


def shape_of(spent: Sequence[tuple[object, int]], outputs: Sequence[tuple[object, int]], *, is_coinbase: bool) -> Shape:
    """The shape of a transaction.

    Args:
        spent: Script and satoshis of each output spent.
        outputs: Script and satoshis of each output that somebody can spend.
        is_coinbase: New coins.
    """
    by_script: Counter[object] = Counter()
    for script, amount_sat in spent:
        by_script[script] += amount_sat
    counted = [(script, amount_sat) for script, amount_sat in outputs if amount_sat > DUST_SAT]
    receivers = Counter(amount_sat for _, amount_sat in set(counted))
    equal_outputs, equal_sat = max(((count, amount_sat) for amount_sat, count in receivers.items()), default=(0, 0))
    return Shape(
        is_coinbase=is_coinbase,
        inputs=len(spent),
        input_scripts=len(by_script),
        outputs=len(counted),
        equal_outputs=equal_outputs,
        equal_sat=equal_sat,
        repeated_outputs=sum(1 for _, amount_sat in counted if receivers[amount_sat] > 1),
        payers_at_most=_payers_at_most(list(by_script.values()), equal_sat),
        returns_to_input=any(script in by_script for script, _ in outputs),
    )


def _payers_at_most(amounts_sat: Sequence[int], equal_sat: int) -> int:
    """Groups of scripts that could each pay an amount: a bound from above, and exact where no group needs three."""
    if equal_sat == 0:
        return 0
    small_sat = [amount_sat for amount_sat in amounts_sat if amount_sat < equal_sat]
    return len(amounts_sat) - len(small_sat) + min(sum(small_sat) // equal_sat, len(small_sat) // 2)
