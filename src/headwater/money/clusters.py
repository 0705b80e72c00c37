"""Address clusters: scripts that one transaction spent from together, with a proof transaction for every merge."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from headwater.errors import UnreadableInputError
from headwater.money.block_layout import TXID_BYTES
from headwater.money.byte_table import ByteTable, NumberOf
from headwater.money.coinjoin import (
    SHARED_CLUSTER_RULE,
    CoinjoinVerdict,
    coinjoin_verdict,
    shape_of,
)
from headwater.money.coinjoin_lineage import with_protocols
from headwater.money.scripts import SCRIPTS_OF_ANYONE, is_each_unspendable
from headwater.money.snapshot import Snapshot, as_numbers

__all__ = [
    "AddressClusters",
    "Merge",
    "address_clusters",
    "coinjoin_verdicts",
    "joined_scripts",
    "merge_path",
    "proving_order",
    "sets_in_order",
]

_Leaders = npt.NDArray[np.int64]
_Proofs = npt.NDArray[np.int32] | npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Merge:
    """A transaction that spent from two scripts that nothing had joined before.

    Attributes:
        script_hex: The lower script in sorted order.
        other_script_hex: The other.
        txid: The transaction, as displayed.
    """

    script_hex: str
    other_script_hex: str
    txid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClusters:
    """Which scripts are under one control.

    Attributes:
        leaders: For each script number, the smallest number in its cluster, which stands for it.
        sizes: For each of these, scripts in its cluster; 0 for the other numbers.
        proofs: A spanning tree of every cluster: script numbers, the one lower in sorted order first, and the
            transaction; shape (merges, 3).
    """

    leaders: array[int]
    sizes: array[int]
    proofs: _Proofs

    @property
    def merges(self) -> tuple[tuple[int, int, int], ...]:
        """The rows of `proofs` as plain numbers, for few of them."""
        return tuple((lower, other, tx) for lower, other, tx in self.proofs.tolist())


def coinjoin_verdicts(snapshot: Snapshot, cut_txids: Collection[str] = ()) -> list[CoinjoinVerdict]:
    """For each transaction, whether it joins coins of several people.

    Where the rules abstain, but other transactions that surely had one payer show all the inputs to be under one
    control, there was one payer here too. That adds no merge; it only lets traces go on.

    Args:
        snapshot: The chain.
        cut_txids: Transactions, as displayed, of which a person said that they have several payers.
    """
    from headwater.money.cluster_kernels import share_a_leader  # loads a compiler

    unspendable = np.asarray(is_each_unspendable(snapshot.scripts), dtype=np.uint8).tobytes()
    by_shape = [_verdict(snapshot, tx, unspendable) for tx in range(len(snapshot.txids))]
    verdicts = with_protocols(snapshot, by_shape, cut_txids)
    doubtful = np.array(
        [tx for tx, verdict in enumerate(verdicts) if verdict.answer == "abstain" and snapshot.is_resolved(tx)],
        dtype=np.int64,
    )
    if len(doubtful):
        leaders, _ = _joined(snapshot, np.nonzero(_is_joining(verdicts))[0], with_proofs=False)
        flags = np.empty(len(doubtful), dtype=np.uint8)
        starts, scripts = as_numbers(snapshot.input_starts), as_numbers(snapshot.input_scripts)
        share_a_leader(doubtful, starts, scripts, leaders, flags)
        for tx in doubtful[flags > 0].tolist():
            verdicts[tx] = CoinjoinVerdict(answer="no", rule=SHARED_CLUSTER_RULE)
    return verdicts


def address_clusters(snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict]) -> AddressClusters:
    """The clusters by co-spending, transactions that are or may be CoinJoins left out.

    Blocks are gone through in order, and the transactions of a block in the order of their txids: its miner's order is
    no evidence, and must not decide which transaction proves a merge.
    """
    is_joining = _is_joining(verdicts) & (np.diff(as_numbers(snapshot.input_starts)) > 1)
    order = proving_order(np.nonzero(is_joining)[0], as_numbers(snapshot.tx_blocks), snapshot.txids)
    leaders, proofs = _joined(snapshot, order, with_proofs=True)
    sizes = np.bincount(leaders, minlength=len(leaders))
    return AddressClusters(leaders=_column(leaders), sizes=_column(sizes), proofs=proofs)


def joined_scripts(
    order: npt.NDArray[np.int64],
    input_starts: npt.NDArray[np.int64],
    input_scripts: npt.NDArray[np.int64],
    scripts: ByteTable,
    *,
    with_proofs: bool,
) -> tuple[_Leaders, _Proofs]:
    """The smallest number in the cluster of each script, and the merges that made the clusters.

    Args:
        order: Transactions to join the scripts of, in the order in which they may prove a merge.
        input_starts: First input of every transaction, and the number of all at the end.
        input_scripts: Number of the script of every input, or `ABSENT`.
        scripts: The scripts.
        with_proofs: Whether merges are wanted; otherwise there are none.

    Returns:
        The leaders, and lower script, other script and transaction of each merge, shape (merges, 3).
    """
    from headwater.money.cluster_kernels import alone, join_spent_together, leaders_of  # loads a compiler

    sets = _room_for_sets(len(scripts))
    # Half the memory where the numbers fit.
    is_short = max(len(scripts), len(input_starts)) < np.iinfo(np.int32).max
    width: type[np.signedinteger[Any]] = np.int32 if is_short else np.int64
    proofs: _Proofs = np.empty((len(scripts) if with_proofs else 0, 3), dtype=width)
    numbers = NumberOf(scripts)
    shows_nothing = np.array([numbers[script] for script in SCRIPTS_OF_ANYONE if script in numbers], dtype=np.int64)
    content, starts = scripts.content, scripts.starts
    alone(content, starts, sets)
    merges = join_spent_together(order, input_starts, input_scripts, shows_nothing, content, starts, sets, proofs)
    leaders = sets.view(np.int64)
    leaders_of(sets, leaders)
    return leaders, proofs[: merges if with_proofs else 0]


def sets_in_order(scripts: int) -> npt.NDArray[np.uint64]:
    """Sets of one script each, for scripts that are numbered in the order of their bytes: the numbers tell that order.

    Raises:
        UnreadableInputError: There are more scripts than can be told apart.
    """
    sets = _room_for_sets(scripts)
    sets[:] = np.arange(scripts, dtype=np.uint64)
    sets *= np.uint64((1 << 32) + 1)
    return sets


def _room_for_sets(scripts: int) -> npt.NDArray[np.uint64]:
    from headwater.money.cluster_kernels import MOST_SCRIPTS  # loads a compiler

    if scripts > MOST_SCRIPTS:
        raise UnreadableInputError(
            "the chain", f"it has {scripts} scripts", remedy=f"take in a shorter one: up to {MOST_SCRIPTS} are joined"
        )
    return np.empty(scripts, dtype=np.uint64)


def proving_order(txs: npt.NDArray[np.int64], blocks: npt.NDArray[np.int64], txids: ByteTable) -> npt.NDArray[np.int64]:
    """Numbers of some transactions, block by block, and within a block in the order of their txids.

    Args:
        txs: The transactions, in rising order.
        blocks: For every transaction the place of its block, never falling.
        txids: Transactions, of 32 bytes each.
    """
    keys = txids.content.view(">u8")[txs * (TXID_BYTES // 8)].astype(np.uint64)
    order = txs.copy()
    bounds = np.concatenate(([0], np.nonzero(np.diff(blocks[txs]))[0] + 1, [len(txs)])).tolist()
    for first, last in pairwise(bounds):
        if last - first > 1:
            turns = np.argsort(keys[first:last])
            ordered = keys[first:last][turns]
            order[first:last] = txs[first:last][turns]
            if (ordered[1:] == ordered[:-1]).any():  # too few bytes looked at
                order[first:last] = sorted(txs[first:last].tolist(), key=txids.__getitem__)
    return order


def merge_path(merges: Iterable[Merge], script_hex: str, other_script_hex: str) -> list[str]:
    """The txids that prove, one after the other, that two scripts are under one control; empty if nothing does.

    Args:
        merges: Rows of the table `cluster_merges`; a spanning tree has one way between any two scripts.
        script_hex: Where the way begins.
        other_script_hex: Where it ends.

    Example:
        >>> ab = Merge(script_hex="51", other_script_hex="52", txid="aa")
        >>> bc = Merge(script_hex="52", other_script_hex="53", txid="bb")
        >>> merge_path([ab, bc], "53", "51")
        ['bb', 'aa']
    """
    neighbours: dict[str, list[tuple[str, str]]] = {}
    for merge in merges:
        neighbours.setdefault(merge.script_hex, []).append((merge.other_script_hex, merge.txid))
        neighbours.setdefault(merge.other_script_hex, []).append((merge.script_hex, merge.txid))
    came_from: dict[str, tuple[str, str] | None] = {script_hex: None}
    waiting = deque([script_hex])
    while waiting and other_script_hex not in came_from:
        here = waiting.popleft()
        for there, txid in neighbours.get(here, ()):
            if there not in came_from:
                came_from[there] = (here, txid)
                waiting.append(there)
    path: list[str] = []
    step = came_from.get(other_script_hex)
    while step is not None:
        path.append(step[1])
        step = came_from[step[0]]
    return path[::-1]


def _verdict(snapshot: Snapshot, tx: int, unspendable: bytes) -> CoinjoinVerdict:
    if not snapshot.is_resolved(tx):
        return CoinjoinVerdict(answer="abstain", rule="spent_output_unresolved")
    shape = shape_of(
        [(snapshot.input_scripts[at], snapshot.input_amounts_sat[at]) for at in snapshot.inputs_of(tx)],
        [
            (snapshot.output_scripts[at], snapshot.output_amounts_sat[at])
            for at in snapshot.outputs_of(tx)
            if not unspendable[snapshot.output_scripts[at]]
        ],
        is_coinbase=snapshot.is_coinbase(tx),
    )
    return coinjoin_verdict(shape)


def _is_joining(verdicts: Sequence[CoinjoinVerdict]) -> npt.NDArray[np.bool_]:
    return np.fromiter((verdict.answer == "no" for verdict in verdicts), dtype=np.bool_, count=len(verdicts))


def _joined(snapshot: Snapshot, order: npt.NDArray[np.int64], *, with_proofs: bool) -> tuple[_Leaders, _Proofs]:
    return joined_scripts(
        order,
        as_numbers(snapshot.input_starts),
        as_numbers(snapshot.input_scripts),
        snapshot.scripts,
        with_proofs=with_proofs,
    )


def _column(numbers: npt.NDArray[np.integer[Any]]) -> array[int]:
    return array("q", numbers.astype(np.int64).tobytes())
