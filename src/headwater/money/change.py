"""Which output of a payment is its change: a guess by named rules, for following only and never for clusters.

A transaction of two outputs pays somebody with one and gives the rest back with the other. Each rule here knows one
habit of wallets by which the two can differ. None is proof: how often each is wrong was measured, and the figures are
in docs/explanation/money-error-rates.md. So the answers stand in a table of their own. Nothing reads them that says
who is who.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.scripts import is_each_unspendable
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.tx_habits import TxHabits
from headwater.schema import table_named

__all__ = [
    "CHANGE_RULES",
    "CHANGE_VERSION",
    "NEITHER",
    "ChangeGuesses",
    "Pairs",
    "candidate_rows",
    "change_guesses",
    "change_table",
    "named_change",
]

CHANGE_VERSION: Final = (1, 0, 0)
NEITHER: Final = -1
ROUND_SAT: Final = 100_000  # 0.001 BTC; BlockSci's power-of-ten heuristic takes the digits as an option
_FEE_PARTS: Final = 100  # rates within a hundredth are one: signatures differ by a byte

CHANGE_RULES: Final = {
    # source: Androulaki et al. 2013, section 3; BlockSci, change heuristic "address reuse"
    "reused_script": "pays a script that the transaction spends from",
    # source: Meiklejohn et al. 2013, section 4.1, one-time change
    "fresh_script": "pays a script never seen before, and its sibling pays one that was",
    # source: BlockSci, "address type"
    "script_type": "has the type of all inputs, and its sibling another",
    # source: BlockSci, "power of ten"
    "round_amount": "is not a round amount, and its sibling is",
    # source: Nick 2015, section 4; BlockSci, "optimal change"
    "optimal_amount": "is less than every input, of which there are two or more, and its sibling is not",
    # source: BlockSci, "locktime"; Möser and Narayanan 2022, table of fingerprints
    "lock_time": "was spent with a lock time if this transaction has one and else without, and its sibling was not",
    # source: BlockSci, "fixed fee"
    "fee_rate": "was spent at this transaction's fee rate, and its sibling at another",
}
"""Each rule, and what the output is that it names. In the order in which one is quoted where several agree."""

_Numbers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGuesses:
    """What the rules say of the transactions that they look at: one payer by the CoinJoin rules, and two outputs.

    Attributes:
        txs: Those transactions; shape (n,).
        outputs: Their two outputs that somebody can spend; shape (n, 2).
        named: For each rule in the order of `CHANGE_RULES`, which of the two is the change, or `NEITHER`; shape
            (rules, n).
    """

    txs: _Numbers
    outputs: _Numbers
    named: npt.NDArray[np.int8]

    @property
    def agreed(self) -> npt.NDArray[np.int8]:
        """Which of the two outputs all rules that speak name, or `NEITHER`."""
        first, second = (self.named == 0).any(axis=0), (self.named == 1).any(axis=0)
        agreed: npt.NDArray[np.int8] = np.where(first & ~second, 0, np.where(second & ~first, 1, NEITHER)).astype(
            np.int8
        )
        return agreed

    @property
    def disputed(self) -> _Flags:
        """Whether rules name different outputs."""
        disputed: _Flags = (self.named == 0).any(axis=0) & (self.named == 1).any(axis=0)
        return disputed


def change_guesses(snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict], habits: TxHabits) -> ChangeGuesses:
    """What each rule says of each transaction with one payer and two spendable outputs.

    All such transactions of the snapshot are looked at, not only those near a trace: it is a few passes over columns,
    cheaper than to find out which are near. With more outputs there is no one sibling to reject: payouts to many are
    left alone.

    Args:
        snapshot: The chain.
        verdicts: For each transaction, whether it joins several people's coins.
        habits: Lock times and sizes of its transactions.
    """
    columns = Pairs(snapshot)
    of_one = np.array([verdict.answer == "no" for verdict in verdicts], dtype=bool)[columns.txs]
    txs, pair = columns.txs[of_one], columns.outputs[of_one]
    spent_by, input_txs = _numbers(snapshot.spent_by), _numbers(snapshot.input_txs)
    spenders = np.where(spent_by == ABSENT, ABSENT, input_txs[spent_by] if len(input_txs) else ABSENT)[pair]
    rates = habits.fee_rates(columns.fees_sat)
    locks = habits.lock_times > 0
    named = named_change(
        columns.local_holds[:, of_one],
        is_fresh=_fresh(snapshot)[pair],
        is_spent=(spenders != ABSENT).all(axis=1),
        locks=locks[txs],
        spending_locks=locks[spenders],
        rates=rates[txs],
        spending_rates=rates[spenders],
    )
    return ChangeGuesses(txs=txs, outputs=pair, named=named)


def named_change(
    local_holds: _Flags,
    *,
    is_fresh: _Flags,
    is_spent: _Flags,
    locks: _Flags,
    spending_locks: _Flags,
    rates: _Numbers,
    spending_rates: _Numbers,
) -> npt.NDArray[np.int8]:
    """Which of two outputs each rule names, or `NEITHER`, in the order of `CHANGE_RULES`; shape (rules, n).

    Args:
        local_holds: As `Pairs.local_holds`.
        is_fresh: Whether each output is the first that its script received; shape (n, 2).
        is_spent: Whether both outputs are spent; shape (n,). Where they are not, what spends them is not looked at.
        locks: Whether each transaction has a lock time; shape (n,).
        spending_locks: Whether what spends each output has one; shape (n, 2).
        rates: Fee rate of each transaction; shape (n,).
        spending_rates: That of what spends each output; shape (n, 2).
    """
    reused, kind, odd, small = local_holds
    near = abs(spending_rates - rates[:, None]) * _FEE_PARTS <= rates[:, None]
    same_lock = spending_locks == locks[:, None]
    holds = (reused, is_fresh, kind, odd, small, same_lock & is_spent[:, None], near & is_spent[:, None])
    return np.stack([_only_one(each) for each in holds])


def change_table(snapshot: Snapshot, guesses: ChangeGuesses, txids: Sequence[str]) -> pa.Table:
    """The table `change_candidates`: a row for each rule that names one of two outputs; a silent rule has none."""
    starts = _numbers(snapshot.output_starts)
    shown = pa.array(txids, type=pa.string()).take(pa.array(guesses.txs))
    indexes = guesses.outputs - starts[guesses.txs][:, None]
    rows = candidate_rows(guesses, shown, indexes, _numbers(snapshot.output_amounts_sat)[guesses.outputs])
    return table_named("change_candidates").checked(rows)


def candidate_rows(guesses: ChangeGuesses, txids: pa.Array, indexes: _Numbers, amounts_sat: _Numbers) -> pa.Table:
    """Rows of the table `change_candidates`, in no particular order.

    Args:
        guesses: What the rules say.
        txids: Their transactions, as displayed.
        indexes: Places of the two outputs in each; shape (n, 2).
        amounts_sat: What they hold; shape (n, 2).
    """
    disputed = guesses.disputed
    parts = []
    for place, rule in enumerate(CHANGE_RULES):
        at = np.nonzero(guesses.named[place] != NEITHER)[0]
        named = guesses.named[place][at].astype(np.int64)
        columns = {
            "txid": txids.take(pa.array(at)),
            "rule": pa.repeat(rule, len(at)),
            "fired": pa.array(np.where(disputed[at], "conflict", "yes").tolist(), type=pa.string()),
            "output_index": pa.array(indexes[at, named]),
            "amount_sat": pa.array(amounts_sat[at, named]),
            "rejected_output_index": pa.array(indexes[at, 1 - named]),
            "rejected_sat": pa.array(amounts_sat[at, 1 - named]),
        }
        parts.append(table_named("change_candidates").part(columns))
    return pa.concat_tables(parts)


def _only_one(holds: _Flags) -> npt.NDArray[np.int8]:
    """The one of two outputs that a condition holds for; `NEITHER` where it holds for both or none."""
    only: npt.NDArray[np.int8] = np.where(holds[:, 0] == holds[:, 1], NEITHER, holds[:, 1]).astype(np.int8)
    return only


class Pairs:
    """Transactions that could have one payer and have two spendable outputs, and what they say of these by themselves.

    Args:
        snapshot: The chain, or a stretch of it with all that its inputs bring in.

    Attributes:
        txs: The transactions; shape (n,).
        outputs: Their two outputs that somebody can spend; shape (n, 2).
        local_holds: For the rules that need nothing but the transaction, `reused_script`, `script_type`,
            `round_amount` and `optimal_amount`, whether each holds for each output; shape (4, n, 2).
        fees_sat: Of every transaction, what goes in and not out.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        count = len(snapshot.txids)
        amounts_sat = _numbers(snapshot.output_amounts_sat)
        scripts, owners = _numbers(snapshot.output_scripts), _numbers(snapshot.output_txs)
        input_txs, input_scripts = _numbers(snapshot.input_txs), _numbers(snapshot.input_scripts)
        input_sat = _numbers(snapshot.input_amounts_sat)
        unresolved = np.zeros(count, dtype=bool)
        unresolved[input_txs[input_sat == ABSENT]] = True
        input_counts = np.bincount(input_txs, minlength=count)
        least_input_sat = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(least_input_sat, input_txs, input_sat)
        self.fees_sat = _sums(input_txs, input_sat, count) - _sums(owners, amounts_sat, count)

        spendable = ~is_each_unspendable(snapshot.scripts)[scripts]
        wanted = ~unresolved & (input_counts > 0) & (np.bincount(owners[spendable], minlength=count) == 2)
        self.txs = np.nonzero(wanted)[0]
        self.outputs = pair = np.nonzero(spendable & wanted[owners])[0].reshape(-1, 2)

        script_kinds = _script_kinds(snapshot)
        spent_kinds = script_kinds[input_scripts] if len(input_scripts) else input_scripts
        kinds, input_kinds = script_kinds[scripts[pair]], _one_kind(input_txs, spent_kinds, count)[self.txs, None]
        most = max(len(snapshot.scripts), 1)
        known = input_scripts != ABSENT  # otherwise the key would be one of the transaction before
        self.local_holds = np.stack(
            [
                np.isin(self.txs[:, None] * most + scripts[pair], (input_txs * most + input_scripts)[known]),
                (kinds == input_kinds) & (input_kinds != ABSENT),
                amounts_sat[pair] % ROUND_SAT != 0,
                (amounts_sat[pair] < least_input_sat[self.txs, None]) & (input_counts[self.txs, None] > 1),
            ]
        )


def _script_kinds(snapshot: Snapshot) -> _Numbers:
    """For each script a number of its form, or `ABSENT`."""
    types = {"": ABSENT}
    kinds = [types.setdefault(_script_type(bytes(script)), len(types)) for script in snapshot.scripts]
    return np.array(kinds, dtype=np.int64)


def _fresh(snapshot: Snapshot) -> _Flags:
    """Whether an output is the first that its script received, by blocks: order within one is no evidence."""
    count = len(snapshot.scripts)
    scripts, input_scripts = _numbers(snapshot.output_scripts), _numbers(snapshot.input_scripts)
    tx_blocks = _numbers(snapshot.tx_blocks)
    blocks, input_blocks = tx_blocks[_numbers(snapshot.output_txs)], tx_blocks[_numbers(snapshot.input_txs)]
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, scripts, blocks)
    in_first = np.bincount(scripts[blocks == first[scripts]], minlength=count)
    from_outside = np.full(count, np.iinfo(np.int64).max)  # spends of what was received before this snapshot
    outside = (_numbers(snapshot.input_outputs) == ABSENT) & (input_scripts != ABSENT)
    np.minimum.at(from_outside, input_scripts[outside], input_blocks[outside])
    fresh: _Flags = (blocks == first[scripts]) & (in_first[scripts] == 1) & (from_outside[scripts] > blocks)
    return fresh


def _one_kind(input_txs: _Numbers, kinds: _Numbers, count: int) -> _Numbers:
    """The type that all inputs of a transaction have, or `ABSENT`."""
    least, most = np.full(count, np.iinfo(np.int64).max), np.full(count, ABSENT)
    np.minimum.at(least, input_txs, kinds)
    np.maximum.at(most, input_txs, kinds)
    return np.where(least == most, most, ABSENT)


def _script_type(script: bytes) -> str:
    """The name of a script's form; empty for forms that no wallet gives its own change."""
    forms = (
        ("key_hash", 25, b"\x76\xa9\x14"),
        ("script_hash", 23, b"\xa9\x14"),
        ("witness_key_hash", 22, b"\x00\x14"),
        ("witness_script_hash", 34, b"\x00\x20"),
        ("taproot", 34, b"\x51\x20"),
    )
    return next((name for name, length, head in forms if len(script) == length and script.startswith(head)), "")


def _numbers(column: Sequence[int] | npt.NDArray[np.int64]) -> _Numbers:
    return np.asarray(column, dtype=np.int64)


def _sums(places: _Numbers, amounts_sat: _Numbers, count: int) -> _Numbers:
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, places, amounts_sat)
    return sums
