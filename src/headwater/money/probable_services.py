"""Address clusters that nobody tagged, and that hold or pay as only services do. Nobody is named by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.money.clusters import AddressClusters
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.flows import IntArray, distinct
from headwater.money.scripts import anyone_can_spend
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["Reach", "probable_services"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far an address cluster reaches within a snapshot.

    Attributes:
        scripts: Scripts in it.
        payees: Other clusters that it paid: its out-degree.
    """

    scripts: int
    payees: int


def probable_services(
    snapshot: Snapshot,
    clusters: AddressClusters,
    verdicts: Sequence[CoinjoinVerdict],
    *,
    min_scripts: int,
    min_payees: int,
    apart_from: Collection[int] = (),
) -> dict[int, Reach]:
    """The clusters that reach as far as stated, by leader, in order.

    What a CoinJoin pays is nobody's in particular, so it does not count; neither do outputs of no value, which carry
    text. A script that anybody can spend is under nobody's control.

    Args:
        snapshot: The chain.
        clusters: Its clusters.
        verdicts: Of each transaction, whether it joins coins of several people.
        min_scripts: Scripts of one cluster from which it counts; 0 never.
        min_payees: Clusters paid from which it counts; 0 never.
        apart_from: Leaders of clusters that are known to be somebody's, such as the platform's own.
    """
    if not (min_scripts or min_payees) or not len(snapshot.scripts):
        return {}
    leaders = np.asarray(clusters.leaders, dtype=np.int64)
    scripts = np.bincount(leaders, minlength=len(leaders))
    payees = _payees(snapshot, leaders, verdicts)
    far = np.zeros(len(leaders), dtype=np.bool_)
    if min_scripts:
        far |= scripts >= min_scripts
    if min_payees:
        far |= payees >= min_payees
    return {
        leader: Reach(scripts=int(scripts[leader]), payees=int(payees[leader]))
        for leader in np.flatnonzero(far).tolist()
        if leader not in apart_from and not anyone_can_spend(snapshot.scripts[leader])
    }


def _payees(snapshot: Snapshot, leaders: IntArray, verdicts: Sequence[CoinjoinVerdict]) -> IntArray:
    """For each leader how many other clusters its transactions paid."""
    size = len(leaders)
    alone = np.fromiter((verdict.answer == "no" for verdict in verdicts), dtype=np.bool_, count=len(verdicts))
    input_scripts = np.asarray(snapshot.input_scripts, dtype=np.int64)
    input_txs = np.asarray(snapshot.input_txs, dtype=np.int64)
    spent = (input_scripts != ABSENT) & alone[input_txs]
    payers = distinct(input_txs[spent] * size + leaders[input_scripts[spent]])
    txs, payer = payers // size, payers % size
    starts = np.asarray(snapshot.output_starts, dtype=np.int64)
    lengths = starts[txs + 1] - starts[txs]
    outputs = np.repeat(starts[txs] - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    paid = np.asarray(snapshot.output_amounts_sat, dtype=np.int64)[outputs] > 0
    outputs, paying = outputs[paid], np.repeat(payer, lengths)[paid]
    payee = leaders[np.asarray(snapshot.output_scripts, dtype=np.int64)[outputs]]
    pairs = distinct((paying * size + payee)[paying != payee])
    return np.bincount(pairs // size, minlength=size)
