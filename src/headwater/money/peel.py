"""Peel chains: one coin that pays a little away, and what is left again, and again. For following only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.money.change import CHANGE_RULES, NEITHER, ChangeGuesses
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.schema import content_id, table_named

__all__ = [
    "HOP_RULES",
    "LEAST_HOPS",
    "REMAINDER_RULE",
    "STOP_REASONS",
    "PeelChain",
    "PeelHop",
    "peel_chains",
    "peel_tables",
    "remainders",
]

LEAST_HOPS: Final = 3
"""Fewer are two payments in a row. BlockSci asks for a neighbour of the same form, which is two."""

REMAINDER_RULE: Final = "larger_remainder"
_REMAINDER_QUARTERS: Final = 3  # ours: a peel leaves at least three quarters; measured in money-error-rates

HOP_RULES: Final = (*CHANGE_RULES, REMAINDER_RULE)
"""What can name the remainder of a hop; of several rules that agree, the first."""

STOP_REASONS: Final = {
    "unspent": "the remainder is not spent in this snapshot",
    "not_a_peel": "it is spent with others, or on more or fewer than two outputs, or perhaps by several people",
    "rules_conflict": "it is spent by a peel of which rules name different remainders",
    "no_rule": "it is spent by a peel of which no rule names the remainder",
}


_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeelHop:
    """One transaction of a chain.

    Attributes:
        tx: The transaction.
        rule: The rule that named the remainder; the first of those that agree.
        remainder: The output that goes on.
        peeled: The output that was rejected.
    """

    tx: int
    rule: str
    remainder: int
    peeled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeelChain:
    """Hops in order, each spending the remainder of the one before, and why there is no further one."""

    hops: tuple[PeelHop, ...]
    stop_reason: str


def peel_chains(snapshot: Snapshot, guesses: ChangeGuesses) -> list[PeelChain]:
    """The peel chains of a snapshot, of at least `LEAST_HOPS`, in the order of their first transactions.

    A transaction of one input and two outputs is a hop if the rules of change that speak agree, or, where none speaks,
    if one output holds three quarters of what came in. No two chains share a transaction.

    References:
        Meiklejohn et al. 2013, section 5; BlockSci, isPeelingChain.
    """
    inputs = np.asarray(snapshot.input_starts, dtype=np.int64)
    single = inputs[guesses.txs + 1] - inputs[guesses.txs] == 1
    amounts = np.asarray(snapshot.output_amounts_sat, dtype=np.int64)[guesses.outputs]
    input_sat = np.asarray(snapshot.input_amounts_sat, dtype=np.int64)
    came_in = input_sat[inputs[guesses.txs]] if len(input_sat) else np.zeros(0, dtype=np.int64)
    named, spoken_by = remainders(guesses, amounts, came_in)
    disputed = guesses.disputed
    hops: dict[int, PeelHop] = {}
    stopped: dict[int, str] = {}
    for at in np.nonzero(single)[0].tolist():
        tx, choice = int(guesses.txs[at]), int(named[at])
        if choice == NEITHER:
            stopped[tx] = "rules_conflict" if disputed[at] else "no_rule"
            continue
        remainder, peeled = int(guesses.outputs[at, choice]), int(guesses.outputs[at, 1 - choice])
        hops[tx] = PeelHop(tx=tx, rule=HOP_RULES[spoken_by[at]], remainder=remainder, peeled=peeled)
    following = {tx: _spender(snapshot, hop.remainder) for tx, hop in hops.items()}
    continued = {after for after in following.values() if after is not None}
    chains: list[PeelChain] = []
    for begin, first in hops.items():
        if begin in continued:
            continue
        chain = [first]
        after = following[begin]
        while after in hops:
            chain.append(hops[after])
            after = following[after]
        if len(chain) >= LEAST_HOPS:
            reason = "unspent" if after is None else stopped.get(after, "not_a_peel")
            chains.append(PeelChain(hops=tuple(chain), stop_reason=reason))
    return chains


def remainders(
    guesses: ChangeGuesses, amounts_sat: _Numbers, came_in_sat: _Numbers
) -> tuple[npt.NDArray[np.int8], _Numbers]:
    """Which of two outputs goes on if the transaction is a hop, or `NEITHER`, and the place in `HOP_RULES` of why.

    Args:
        guesses: What the rules of change say.
        amounts_sat: What the two outputs hold; shape (n, 2).
        came_in_sat: What the first input brings in; shape (n,).
    """
    spoken = guesses.named != NEITHER
    larger = amounts_sat.argmax(axis=1) if len(amounts_sat) else np.zeros(0, dtype=np.int64)
    large = 4 * amounts_sat.max(axis=1, initial=0) >= _REMAINDER_QUARTERS * came_in_sat
    named = np.where(spoken.any(axis=0), guesses.agreed, np.where(large, larger, NEITHER)).astype(np.int8)
    return named, np.where(spoken.any(axis=0), spoken.argmax(axis=0), len(CHANGE_RULES))


def peel_tables(snapshot: Snapshot, chains: Sequence[PeelChain], txids: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """The tables `peel_chains` and `peel_hops`."""
    amounts = snapshot.output_amounts_sat
    heads: list[dict[str, object]] = []
    steps: list[dict[str, object]] = []
    for chain in chains:
        first, last = chain.hops[0], chain.hops[-1]
        chain_id = content_id("pel", txids[first.tx])
        heads.append(
            {
                "peel_chain_id": chain_id,
                "first_txid": txids[first.tx],
                "last_txid": txids[last.tx],
                "hops": len(chain.hops),
                "input_sat": int(snapshot.input_amounts_sat[snapshot.input_starts[first.tx]]),
                "peeled_sat": sum(int(amounts[hop.peeled]) for hop in chain.hops),
                "remainder_sat": int(amounts[last.remainder]),
                "stop_reason": chain.stop_reason,
            }
        )
        steps += [
            {
                "peel_chain_id": chain_id,
                "hop": number,
                "txid": txids[hop.tx],
                "rule": hop.rule,
                "output_index": snapshot.output_index(hop.remainder),
                "remainder_sat": int(amounts[hop.remainder]),
                "rejected_output_index": snapshot.output_index(hop.peeled),
                "peeled_sat": int(amounts[hop.peeled]),
            }
            for number, hop in enumerate(chain.hops, start=1)
        ]
    return table_named("peel_chains").rows(heads), table_named("peel_hops").rows(steps)


def _spender(snapshot: Snapshot, output: int) -> int | None:
    number = snapshot.spent_by[output]
    return None if number == ABSENT else int(snapshot.input_txs[number])
