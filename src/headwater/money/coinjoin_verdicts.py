"""For every transaction, whether it joins coins of several people: plain ones by columns, the others one by one.

Nearly all transactions are decided by what numpy reckons over columns: they spend from one script, make few outputs, or
pay no amount twice. Only the others are looked at by the rules of `coinjoin` and `coinjoin_protocols`, one at a time;
a test holds every answer to be the one that these rules give.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater.money.clusters import joined_leaders
from headwater.money.coinjoin import (
    DUST_SAT,
    LEAST_OUTPUTS,
    SHARED_CLUSTER_RULE,
    CoinjoinVerdict,
    coinjoin_verdict,
    shape_of,
)
from headwater.money.coinjoin_lineage import CUT_RULE, answer_by_lineage, round_of
from headwater.money.coinjoin_protocols import LEAST_EQUAL, LEAST_INPUTS, mix_pool_sat, round_answer
from headwater.money.scripts import is_each_unspendable
from headwater.money.snapshot import ABSENT, Snapshot, as_numbers

__all__ = ["CUT", "SHARED_CLUSTER", "OwnAnswers", "coinjoin_verdicts", "own_answers"]

CUT: Final = CoinjoinVerdict(answer="yes", rule=CUT_RULE)
SHARED_CLUSTER: Final = CoinjoinVerdict(answer="no", rule=SHARED_CLUSTER_RULE)
_UNRESOLVED: Final = CoinjoinVerdict(answer="abstain", rule="spent_output_unresolved")
_PLAIN: Final = tuple(
    CoinjoinVerdict(answer="no", rule=rule)
    for rule in ("coinbase", "one_input_script", "few_outputs", "no_amount_repeated")
)
"""The first rules of `coinjoin.RULES`, in their order."""

_Numbers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswers:
    """What each transaction says by itself, before the chain around it is looked at.

    Attributes:
        verdicts: For each transaction, by protocol or by shape.
        pools_sat: The pool, for transactions in the shape of a mix of Whirlpool.
    """

    verdicts: list[CoinjoinVerdict]
    pools_sat: dict[int, int]


def coinjoin_verdicts(snapshot: Snapshot, cut_txids: Collection[str] = ()) -> list[CoinjoinVerdict]:
    """For each transaction, whether it joins coins of several people.

    Where the rules abstain, but other transactions that surely had one payer show all the inputs to be under one
    control, there was one payer here too. That adds no merge; it only lets traces go on.

    Args:
        snapshot: The chain.
        cut_txids: Transactions, as displayed, of which a person said that they have several payers.
    """
    from headwater.money.cluster_kernels import share_a_leader  # loads a compiler

    own = own_answers(snapshot)
    verdicts = own.verdicts
    answer_by_lineage(snapshot, own.pools_sat, verdicts)
    for txid in cut_txids:
        tx = snapshot.tx_numbers.get(bytes.fromhex(txid)[::-1])
        if tx is not None:
            verdicts[tx] = CUT
    doubtful = np.array(
        [tx for tx, verdict in enumerate(verdicts) if verdict.answer == "abstain" and snapshot.is_resolved(tx)],
        dtype=np.int64,
    )
    if len(doubtful):
        leaders = joined_leaders(snapshot, verdicts)
        flags = np.empty(len(doubtful), dtype=np.uint8)
        starts, scripts = as_numbers(snapshot.input_starts), as_numbers(snapshot.input_scripts)
        share_a_leader(doubtful, starts, scripts, leaders, flags)
        for tx in doubtful[flags > 0].tolist():
            verdicts[tx] = SHARED_CLUSTER
    return verdicts


def own_answers(snapshot: Snapshot) -> OwnAnswers:
    """What each transaction says by itself.

    Args:
        snapshot: The chain, or a stretch of it with all that its inputs bring in.
    """
    spendable = ~is_each_unspendable(snapshot.scripts)
    count = len(snapshot.txids)
    columns = _Columns.of(snapshot, spendable)
    verdicts: list[CoinjoinVerdict] = [_UNRESOLVED] * count
    decided = ~columns.is_resolved
    for verdict, holds in zip(
        _PLAIN,
        (
            columns.is_coinbase,
            columns.is_of_one_script,
            columns.counted_outputs < LEAST_OUTPUTS,
            columns.most_equal < 2,
        ),
        strict=True,
    ):
        for tx in np.nonzero(holds & ~decided)[0].tolist():
            verdicts[tx] = verdict
        decided |= holds
    for tx in np.nonzero(~decided)[0].tolist():
        verdicts[tx] = _by_shape(snapshot, tx, spendable)
    pools_sat: dict[int, int] = {}
    for tx in np.nonzero(columns.may_be_round)[0].tolist():
        joint = round_of(snapshot, tx)
        verdicts[tx] = round_answer(joint) or verdicts[tx]
        pool_sat = mix_pool_sat(joint)
        if pool_sat is not None:
            pools_sat[tx] = pool_sat
    return OwnAnswers(verdicts=verdicts, pools_sat=pools_sat)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """One value for each transaction.

    Attributes:
        is_resolved: Whether all that its inputs bring in is known.
        is_coinbase: New coins.
        is_of_one_script: Whether it spends from less than two scripts.
        counted_outputs: Outputs of more than dust that somebody can spend.
        most_equal: How many distinct scripts receive the amount that most receive; 0 with fewer than three of these
            outputs.
        may_be_round: Whether a rule of a protocol can hold at all.
    """

    is_resolved: _Flags
    is_coinbase: _Flags
    is_of_one_script: _Flags
    counted_outputs: _Numbers
    most_equal: _Numbers
    may_be_round: _Flags

    @classmethod
    def of(cls, snapshot: Snapshot, spendable: _Flags) -> _Columns:
        count = len(snapshot.txids)
        input_txs, input_scripts = as_numbers(snapshot.input_txs), as_numbers(snapshot.input_scripts)
        inputs = np.diff(as_numbers(snapshot.input_starts))
        is_resolved = np.ones(count, dtype=np.bool_)
        is_resolved[input_txs[as_numbers(snapshot.input_amounts_sat) == ABSENT]] = False
        least, most = np.full(count, np.iinfo(np.int64).max), np.full(count, ABSENT)
        np.minimum.at(least, input_txs, input_scripts)
        np.maximum.at(most, input_txs, input_scripts)
        counted = (as_numbers(snapshot.output_amounts_sat) > DUST_SAT) & spendable[as_numbers(snapshot.output_scripts)]
        counted_outputs = np.bincount(as_numbers(snapshot.output_txs)[counted], minlength=count)
        most_equal = _most_equal(
            snapshot, counted & (counted_outputs >= LEAST_OUTPUTS)[as_numbers(snapshot.output_txs)]
        )
        made = np.diff(as_numbers(snapshot.output_starts))
        return cls(
            is_resolved=is_resolved,
            is_coinbase=as_numbers(snapshot.tx_positions) == 0,
            is_of_one_script=least >= most,
            counted_outputs=counted_outputs,
            most_equal=most_equal,
            may_be_round=is_resolved
            & (inputs > 1)
            & (made >= LEAST_OUTPUTS)
            & ((most_equal >= LEAST_EQUAL) | (inputs >= LEAST_INPUTS)),
        )


def _most_equal(snapshot: Snapshot, counted: _Flags) -> _Numbers:
    """For each transaction how many distinct scripts receive the amount that most receive.

    Args:
        snapshot: The chain.
        counted: Which outputs to look at.
    """
    most = np.zeros(len(snapshot.txids), dtype=np.int64)
    outputs = np.nonzero(counted)[0]
    if not len(outputs):
        return most
    txs = as_numbers(snapshot.output_txs)[outputs]
    amounts, scripts = as_numbers(snapshot.output_amounts_sat)[outputs], as_numbers(snapshot.output_scripts)[outputs]
    order = np.lexsort((scripts, amounts, txs))
    txs, amounts, scripts = txs[order], amounts[order], scripts[order]
    begins = np.ones(len(txs), dtype=np.bool_)
    begins[1:] = (txs[1:] != txs[:-1]) | (amounts[1:] != amounts[:-1])
    distinct = begins.copy()
    distinct[1:] |= scripts[1:] != scripts[:-1]
    first = np.nonzero(begins)[0]
    np.maximum.at(most, txs[first], np.add.reduceat(distinct.astype(np.int64), first))
    return most


def _by_shape(snapshot: Snapshot, tx: int, spendable: _Flags) -> CoinjoinVerdict:
    shape = shape_of(
        [(snapshot.input_scripts[at], snapshot.input_amounts_sat[at]) for at in snapshot.inputs_of(tx)],
        [
            (snapshot.output_scripts[at], snapshot.output_amounts_sat[at])
            for at in snapshot.outputs_of(tx)
            if spendable[snapshot.output_scripts[at]]
        ],
        is_coinbase=snapshot.is_coinbase(tx),
    )
    return coinjoin_verdict(shape)
