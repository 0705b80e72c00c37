"""What the chain says of rounds of protocols: a mix of Whirlpool descends from its pool, and a tx0 leads into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.coinjoin_protocols import Premix, Round, mix_pool_sat, premix_of, round_answer
from headwater.money.scripts import is_unspendable
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["CUT_RULE", "LINEAGE_RULES", "round_of", "with_protocols"]

CUT_RULE: Final = "cut_by_judgement"
"""What `coinjoin_rule` says of a transaction that a person cut: its inputs are taken for several people's."""

LINEAGE_RULES: Final = {"whirlpool_mix": "yes", "whirlpool_tx0": "no"}
"""The rules that need the chain, and their answers."""

_LEAST_INPUTS: Final = 2  # one input is one payer
_LEAST_OUTPUTS: Final = 3


def with_protocols(
    snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict], cut_txids: Collection[str] = ()
) -> list[CoinjoinVerdict]:
    """The verdicts, with those of protocols in place of those by shape where a rule of a protocol holds.

    A mix is of Whirlpool for certain (`whirlpool_mix`) if every spent output that this snapshot holds comes from a mix
    of the same pool or from a tx0 of it, and at least one does. A tx0 that leads into such a mix is one person's doing
    (`whirlpool_tx0`, no), unless it has two changes. Whoever builds both against the rules is not told apart.

    Args:
        snapshot: The chain.
        verdicts: By shape, one for each transaction.
        cut_txids: Transactions, as displayed, that a person took for several people's; they stand above every rule.
    """
    answers = list(verdicts)
    pools_sat: dict[int, int] = {}
    for tx in range(len(snapshot.txids)):
        spent, made = len(snapshot.inputs_of(tx)), len(snapshot.outputs_of(tx))
        if spent < _LEAST_INPUTS or made < _LEAST_OUTPUTS or not snapshot.is_resolved(tx):
            continue
        joint = round_of(snapshot, tx)
        answers[tx] = round_answer(joint) or answers[tx]
        pool_sat = mix_pool_sat(joint)
        if pool_sat is not None:
            pools_sat[tx] = pool_sat
    _answer_by_lineage(snapshot, pools_sat, answers)
    cut = {bytes.fromhex(txid)[::-1] for txid in cut_txids}
    for tx in range(len(snapshot.txids)) if cut else ():
        if bytes(snapshot.txids[tx]) in cut:
            answers[tx] = CoinjoinVerdict(answer="yes", rule=CUT_RULE)
    return answers


def _answer_by_lineage(snapshot: Snapshot, pools_sat: Mapping[int, int], answers: list[CoinjoinVerdict]) -> None:
    """Answer for mixes that descend from their pool, and for the transactions that prepared coins for them."""
    premixes: dict[int, Premix | None] = {}
    for tx, pool_sat in pools_sat.items():
        parents = _parents(snapshot, tx)
        for parent in parents - premixes.keys():
            premixes[parent] = premix_of(round_of(snapshot, parent))
        sources = [_is_of_pool(snapshot, number, pool_sat, pools_sat, premixes) for number in snapshot.inputs_of(tx)]
        known = [source for source in sources if source is not None]
        if not known or not all(known):
            continue
        answers[tx] = CoinjoinVerdict(answer="yes", rule="whirlpool_mix")
        for parent in parents:
            premix = premixes[parent]
            if premix is not None and premix.changes <= 1 and answers[parent].answer != "no":
                answers[parent] = CoinjoinVerdict(answer="no", rule="whirlpool_tx0")


def round_of(snapshot: Snapshot, tx: int) -> Round:
    """A transaction as the rules of protocols see it; inputs that are not resolved are left out."""
    scripts = snapshot.scripts
    outputs = [
        (bytes(scripts[snapshot.output_scripts[at]]), int(snapshot.output_amounts_sat[at]))
        for at in snapshot.outputs_of(tx)
    ]
    return Round(
        spent=tuple(
            (bytes(scripts[snapshot.input_scripts[at]]), int(snapshot.input_amounts_sat[at]))
            for at in snapshot.inputs_of(tx)
            if snapshot.input_scripts[at] != ABSENT
        ),
        outputs=tuple((script, amount_sat) for script, amount_sat in outputs if not is_unspendable(script)),
        data_outputs=sum(1 for script, _ in outputs if is_unspendable(script)),
    )


def _parents(snapshot: Snapshot, tx: int) -> set[int]:
    spent = (snapshot.input_outputs[number] for number in snapshot.inputs_of(tx))
    return {int(snapshot.output_txs[output]) for output in spent if output != ABSENT}


def _is_of_pool(
    snapshot: Snapshot, number: int, pool_sat: int, pools_sat: Mapping[int, int], premixes: Mapping[int, Premix | None]
) -> bool | None:
    """Whether an input of a mix comes from the pool; None where this snapshot does not hold its source."""
    output = snapshot.input_outputs[number]
    if output == ABSENT:
        return None
    parent = int(snapshot.output_txs[output])
    amount_sat = int(snapshot.input_amounts_sat[number])
    if amount_sat == pool_sat:
        return pools_sat.get(parent) == pool_sat
    premix = premixes[parent]
    return premix is not None and (premix.pool_sat, premix.premix_sat) == (pool_sat, amount_sat)
