"""What the chain says of rounds of protocols: a mix of Whirlpool descends from its pool, and a tx0 leads into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.coinjoin_protocols import Premix, Round, premix_of
from headwater.money.scripts import is_unspendable
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["CUT_RULE", "LINEAGE_RULES", "answer_by_lineage", "round_of"]

CUT_RULE: Final = "cut_by_judgement"
"""What `coinjoin_rule` says of a transaction that a person cut: its inputs are taken for several people's."""

LINEAGE_RULES: Final = {"whirlpool_mix": "yes", "whirlpool_tx0": "no"}
"""The rules that need the chain, and their answers."""


def answer_by_lineage(
    snapshot: Snapshot,
    pools_sat: Mapping[int, int],
    answers: list[CoinjoinVerdict],
    mixes: Iterable[int] | None = None,
) -> None:
    """Answer for mixes that descend from their pool, and for the transactions that prepared coins for them.

    A mix is of Whirlpool for certain (`whirlpool_mix`) if every spent output that this snapshot holds comes from a mix
    of the same pool or from a tx0 of it, and at least one does. A tx0 that leads into such a mix is one person's doing
    (`whirlpool_tx0`, no), unless it has two changes. Whoever builds both against the rules is not told apart.

    Args:
        snapshot: The chain.
        pools_sat: The pool of each transaction in the shape of a mix.
        answers: What each transaction says by itself; changed.
        mixes: Those of them to answer for, whose parents this snapshot holds; None for all.
    """
    premixes: dict[int, Premix | None] = {}
    for tx in pools_sat if mixes is None else mixes:
        parents = _parents(snapshot, tx)
        for parent in parents - premixes.keys():
            premixes[parent] = premix_of(round_of(snapshot, parent))
        inputs = snapshot.inputs_of(tx)
        sources = [_is_of_pool(snapshot, number, pools_sat[tx], pools_sat, premixes) for number in inputs]
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
