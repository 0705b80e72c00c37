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
from headwater.money.scripts import is_unspendable
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.tx_habits import TxHabits
from headwater.schema import table_named

__all__ = ["CHANGE_RULES", "CHANGE_VERSION", "ChangeGuesses", "change_guesses", "change_table"]

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
    columns = _Columns(snapshot, verdicts)
    pair = columns.pairs
    spending, own = columns.spenders[pair], columns.txs[:, None]
    is_spent = (spending != ABSENT).all(axis=1)
    rates = habits.fee_rates(columns.fees_sat)
    locks = habits.lock_times > 0
    holds = (
        columns.is_reused[pair],
        columns.is_fresh[pair],
        (columns.kinds[pair] == columns.input_kinds[own]) & (columns.input_kinds[own] != ABSENT),
        columns.amounts_sat[pair] % ROUND_SAT != 0,
        (columns.amounts_sat[pair] < columns.least_input_sat[own]) & (columns.input_counts[own] > 1),
        (locks[spending] == locks[own]) & is_spent[:, None],
        (abs(rates[spending] - rates[own]) * _FEE_PARTS <= rates[own]) & is_spent[:, None],
    )
    return ChangeGuesses(txs=columns.txs, outputs=pair, named=np.stack([_only_one(each) for each in holds]))


def change_table(snapshot: Snapshot, guesses: ChangeGuesses, txids: Sequence[str]) -> pa.Table:
    """The table `change_candidates`: a row for each rule that names one of two outputs; a silent rule has none."""
    disputed = guesses.disputed
    amounts = np.asarray(snapshot.output_amounts_sat, dtype=np.int64)
    starts = np.asarray(snapshot.output_starts, dtype=np.int64)
    parts: dict[str, list[object]] = {name: [] for name in ("txid", "rule", "fired")}
    numbers: dict[str, list[_Numbers]] = {
        name: [] for name in ("output_index", "amount_sat", "rejected_output_index", "rejected_sat")
    }
    for place, rule in enumerate(CHANGE_RULES):
        at = np.nonzero(guesses.named[place] != NEITHER)[0]
        named = guesses.named[place][at].astype(np.int64)
        change, sibling = guesses.outputs[at, named], guesses.outputs[at, 1 - named]
        parts["txid"] += [txids[tx] for tx in guesses.txs[at].tolist()]
        parts["rule"] += [rule] * len(at)
        parts["fired"] += ["conflict" if each else "yes" for each in disputed[at].tolist()]
        for name, output in (("", change), ("rejected_", sibling)):
            numbers[f"{name}output_index"].append(output - starts[guesses.txs[at]])
            numbers[f"{name}sat" if name else "amount_sat"].append(amounts[output])
    joined = {name: pa.array(np.concatenate(columns)) for name, columns in numbers.items()}
    return table_named("change_candidates").columnar({**parts, **joined})


def _only_one(holds: _Flags) -> npt.NDArray[np.int8]:
    """The one of two outputs that a condition holds for; `NEITHER` where it holds for both or none."""
    only: npt.NDArray[np.int8] = np.where(holds[:, 0] == holds[:, 1], NEITHER, holds[:, 1]).astype(np.int8)
    return only


class _Columns:
    """The columns that rules are reckoned from, one value for each output or each transaction."""

    def __init__(self, snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict]) -> None:
        count = len(snapshot.txids)
        self.amounts_sat = _numbers(snapshot.output_amounts_sat)
        scripts, owners = _numbers(snapshot.output_scripts), _numbers(snapshot.output_txs)
        input_txs, input_scripts = _numbers(snapshot.input_txs), _numbers(snapshot.input_scripts)
        input_sat, blocks = _numbers(snapshot.input_amounts_sat), _numbers(snapshot.tx_blocks)
        unresolved = np.zeros(count, dtype=bool)
        unresolved[input_txs[input_sat == ABSENT]] = True

        self.input_counts = np.bincount(input_txs, minlength=count)
        self.least_input_sat = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(self.least_input_sat, input_txs, input_sat)
        self.fees_sat = _sums(input_txs, input_sat, count) - _sums(owners, self.amounts_sat, count)
        spent_by = _numbers(snapshot.spent_by)
        self.spenders = np.where(spent_by == ABSENT, ABSENT, input_txs[spent_by] if len(input_txs) else ABSENT)

        types = {"": ABSENT}
        script_kinds = np.array(
            [types.setdefault(_script_type(bytes(script)), len(types)) for script in snapshot.scripts], dtype=np.int64
        )
        spendable = np.array([not is_unspendable(bytes(script)) for script in snapshot.scripts], dtype=bool)[scripts]
        self.kinds = script_kinds[scripts]
        spent_kinds = script_kinds[input_scripts] if len(input_scripts) else input_scripts
        self.input_kinds = _one_kind(input_txs, spent_kinds, count)
        keys = input_txs * max(len(snapshot.scripts), 1) + input_scripts
        self.is_reused = np.isin(owners * max(len(snapshot.scripts), 1) + scripts, keys)
        self.is_fresh = _fresh(scripts, blocks[owners], input_scripts, blocks[input_txs], snapshot)

        of_one = np.array([verdict.answer == "no" for verdict in verdicts], dtype=bool)
        wanted = of_one & ~unresolved & (self.input_counts > 0) & (np.bincount(owners[spendable], minlength=count) == 2)
        self.txs = np.nonzero(wanted)[0]
        self.pairs = np.nonzero(spendable & wanted[owners])[0].reshape(-1, 2)


def _fresh(
    scripts: _Numbers, blocks: _Numbers, input_scripts: _Numbers, input_blocks: _Numbers, snapshot: Snapshot
) -> _Flags:
    """Whether an output is the first that its script received, by blocks: order within one is no evidence."""
    count = len(snapshot.scripts)
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
