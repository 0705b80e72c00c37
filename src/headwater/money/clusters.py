"""Address clusters: scripts that one transaction spent from together, with a proof transaction for every merge."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from headwater.money.coinjoin import (
    SHARED_CLUSTER_RULE,
    CoinjoinVerdict,
    coinjoin_verdict,
    shape_of,
)
from headwater.money.coinjoin_lineage import with_protocols
from headwater.money.scripts import anyone_can_spend, is_unspendable
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["AddressClusters", "Merge", "UnionFind", "address_clusters", "coinjoin_verdicts", "merge_path"]


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


class UnionFind:
    """Sets of numbers that only ever merge.

    Args:
        size: How many numbers, each a set of its own at first.
    """

    def __init__(self, size: int) -> None:
        self._leaders = list(range(size))

    def leader(self, number: int) -> int:
        """The number that stands for the set: always its smallest."""
        leaders = self._leaders
        while leaders[number] != number:
            leaders[number] = leaders[leaders[number]]
            number = leaders[number]
        return number

    def join(self, number: int, other: int) -> bool:
        """Merge two sets; whether they were apart."""
        number, other = self.leader(number), self.leader(other)
        if number == other:
            return False
        self._leaders[max(number, other)] = min(number, other)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClusters:
    """Which scripts are under one control.

    Attributes:
        leaders: For each script number, the number that stands for its cluster.
        sizes: Scripts in each cluster, by leader.
        merges: A spanning tree of every cluster: script numbers, the one lower in sorted order first, and the
            transaction.
    """

    leaders: tuple[int, ...]
    sizes: dict[int, int]
    merges: tuple[tuple[int, int, int], ...]


def coinjoin_verdicts(snapshot: Snapshot, cut_txids: Collection[str] = ()) -> list[CoinjoinVerdict]:
    """For each transaction, whether it joins coins of several people.

    Where the rules abstain, but other transactions that surely had one payer show all the inputs to be under one
    control, there was one payer here too. That adds no merge; it only lets traces go on.

    Args:
        snapshot: The chain.
        cut_txids: Transactions, as displayed, of which a person said that they have several payers.
    """
    verdicts = with_protocols(snapshot, [_verdict(snapshot, tx) for tx in range(len(snapshot.txids))], cut_txids)
    joined = UnionFind(len(snapshot.scripts))
    for tx, verdict in enumerate(verdicts):
        if verdict.answer == "no":
            _join_inputs(snapshot, tx, joined)
    for tx, verdict in enumerate(verdicts):
        if verdict.answer == "abstain" and snapshot.is_resolved(tx):
            leaders = {joined.leader(snapshot.input_scripts[number]) for number in snapshot.inputs_of(tx)}
            if len(leaders) == 1:
                verdicts[tx] = CoinjoinVerdict(answer="no", rule=SHARED_CLUSTER_RULE)
    return verdicts


def address_clusters(snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict]) -> AddressClusters:
    """The clusters by co-spending, transactions that are or may be CoinJoins left out.

    Blocks are gone through in order, and the transactions of a block in the order of their txids: its miner's order is
    no evidence, and must not decide which transaction proves a merge.
    """
    joined = UnionFind(len(snapshot.scripts))
    merges: list[tuple[int, int, int]] = []
    order = sorted(range(len(snapshot.txids)), key=lambda tx: (snapshot.tx_blocks[tx], snapshot.txids[tx]))
    for tx in order:
        if verdicts[tx].answer == "no":
            merges += [(script, other, tx) for script, other in _join_inputs(snapshot, tx, joined)]
    leaders = tuple(joined.leader(number) for number in range(len(snapshot.scripts)))
    sizes: dict[int, int] = {}
    for leader in leaders:
        sizes[leader] = sizes.get(leader, 0) + 1
    return AddressClusters(leaders=leaders, sizes=sizes, merges=tuple(merges))


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


def _verdict(snapshot: Snapshot, tx: int) -> CoinjoinVerdict:
    if not snapshot.is_resolved(tx):
        return CoinjoinVerdict(answer="abstain", rule="spent_output_unresolved")
    scripts = snapshot.scripts
    shape = shape_of(
        [(snapshot.input_scripts[at], snapshot.input_amounts_sat[at]) for at in snapshot.inputs_of(tx)],
        [
            (snapshot.output_scripts[at], snapshot.output_amounts_sat[at])
            for at in snapshot.outputs_of(tx)
            if not is_unspendable(scripts[snapshot.output_scripts[at]])
        ],
        is_coinbase=snapshot.is_coinbase(tx),
    )
    return coinjoin_verdict(shape)


def _join_inputs(snapshot: Snapshot, tx: int, joined: UnionFind) -> list[tuple[int, int]]:
    """The pairs of scripts that the transaction newly joins, the one lower in sorted order first."""
    spent = {snapshot.input_scripts[number] for number in snapshot.inputs_of(tx)} - {ABSENT}
    kept = sorted(
        (number for number in spent if not anyone_can_spend(snapshot.scripts[number])),
        key=lambda number: snapshot.scripts[number],
    )
    return [(kept[0], other) for other in kept[1:] if joined.join(kept[0], other)]
