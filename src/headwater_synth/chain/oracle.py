"""The generator's own reckoning of where satoshis came from and went to: slow, small and made apart from headwater.

The rules. A transaction's outputs in order, then its fee, take satoshis from its inputs in order: by FIFO end to end,
or pro rata with largest remainders, output after output from what remains of each input. A trace goes on layer by
layer, one transaction a layer; amounts that meet at one output in one layer are followed together. What comes to an
output in a later layer is shared out over what remains of its shares, so that nothing is given more than it holds. It
stops at an output of a known service, at a CoinJoin, at new coins (backward), at what is unspent (forward), after 20
transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater_synth.chain.result import Flow

__all__ = ["HOP_LIMIT", "OracleTransaction", "flows_of", "largest_remainder"]

HOP_LIMIT = 20

Outpoint = tuple[str, int]
Intervals = list[tuple[int, int]]  # satoshis of one output, from and up to


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleTransaction:
    """A transaction, as far as money goes.

    Attributes:
        txid: Its id.
        inputs: Outputs spent, in order; none for new coins.
        amounts_sat: Satoshis of its outputs, in order.
        scripts: Scripts of its outputs, in order.
        is_coinjoin: Whether it truly is one.
    """

    txid: str
    inputs: tuple[Outpoint, ...]
    amounts_sat: tuple[int, ...]
    scripts: tuple[bytes, ...]
    is_coinjoin: bool


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Whole shares of a total in proportion to weights; what is left over goes to the largest remainders.

    Args:
        total: What to share out.
        weights: Not negative, and not all zero unless the total is.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares


class _Chain:
    """The transactions, who spent what, and which scripts belong to a known service."""

    def __init__(self, transactions: Iterable[OracleTransaction], services: dict[bytes, str]) -> None:
        self.by_txid: dict[str, OracleTransaction] = {}
        self.spent_by: dict[Outpoint, tuple[str, int]] = {}
        self._leader: dict[bytes, bytes] = {}
        self._matrices: dict[str, list[list[int]]] = {}
        for transaction in transactions:
            self.by_txid[transaction.txid] = transaction
            for place, outpoint in enumerate(transaction.inputs):
                self.spent_by[outpoint] = (transaction.txid, place)
            if not transaction.is_coinjoin:  # those who spend together are one, except in a CoinJoin
                scripts = [self.script(outpoint) for outpoint in transaction.inputs]
                for script in scripts[1:]:
                    self._leader[self._lead(script)] = self._lead(scripts[0])
        self._actor_of_leader = {self._lead(script): actor for script, actor in services.items()}

    def _lead(self, script: bytes) -> bytes:
        path = []
        while (above := self._leader.get(script, script)) != script:
            path.append(script)
            script = above
        for passed in path:
            self._leader[passed] = script
        return script

    def script(self, outpoint: Outpoint) -> bytes:
        return self.by_txid[outpoint[0]].scripts[outpoint[1]]

    def amount_sat(self, outpoint: Outpoint) -> int:
        return self.by_txid[outpoint[0]].amounts_sat[outpoint[1]]

    def service(self, outpoint: Outpoint) -> str | None:
        return self._actor_of_leader.get(self._lead(self.script(outpoint)))

    def inputs_sat(self, transaction: OracleTransaction) -> list[int]:
        return [self.amount_sat(outpoint) for outpoint in transaction.inputs]

    def matrix(self, transaction: OracleTransaction) -> list[list[int]]:
        """Satoshis that pass from each input (row) to each output, and to the fee (last column), pro rata."""
        known = self._matrices.get(transaction.txid)
        if known is None:
            remaining = self.inputs_sat(transaction)
            columns: list[list[int]] = []
            for amount_sat in transaction.amounts_sat:
                column = largest_remainder(amount_sat, remaining)
                remaining = [left - taken for left, taken in zip(remaining, column, strict=True)]
                columns.append(column)
            columns.append(remaining)
            known = self._matrices[transaction.txid] = [list(row) for row in zip(*columns, strict=True)]
        return known


def _moved(intervals: Intervals, offset: int, sizes: Sequence[int]) -> list[Intervals]:
    """Intervals that begin at an offset, cut along parts that lie end to end; each relative to its part."""
    cut: list[Intervals] = []
    start = 0
    for size in sizes:
        part = [
            (max(low + offset, start) - start, min(high + offset, start + size) - start)
            for low, high in intervals
            if low + offset < start + size and high + offset > start
        ]
        cut.append(part)
        start += size
    return cut


def _joined(first: Intervals, second: Intervals) -> Intervals:
    return sorted([*first, *second])


def _size(intervals: Intervals) -> int:
    return sum(high - low for low, high in intervals)


class _Trace:
    """One origin followed in one direction by one policy."""

    def __init__(self, chain: _Chain, direction: str, policy: str) -> None:
        self.chain = chain
        self.backward = direction == "backward"
        self.fifo = policy == "fifo"
        self._remaining: dict[Outpoint, list[int]] = {}

    def endpoints(self, origin: Outpoint) -> dict[tuple[Outpoint, str, str | None], int]:
        """Satoshis by the output they end at, why, and at which service."""
        ends: dict[tuple[Outpoint, str, str | None], int] = {}
        self._remaining.clear()
        layer: dict[Outpoint, Intervals] = {origin: [(0, self.chain.amount_sat(origin))]}
        hops = 0
        while layer:
            following: dict[Outpoint, Intervals] = {}
            for outpoint in sorted(layer):
                stop, actor = self._stop(outpoint, hops)
                if stop is not None:
                    end = (outpoint, stop, actor)
                    ends[end] = ends.get(end, 0) + _size(layer[outpoint])
                    continue
                for further, intervals in self._passed_on(outpoint, layer[outpoint]):
                    if _size(intervals):
                        if self.fifo:
                            following[further] = _joined(following.get(further, []), intervals)
                        else:  # only the amount counts
                            amount_sat = _size(following.get(further, [])) + _size(intervals)
                            following[further] = [(0, amount_sat)]
            layer = following
            hops += 1
        return ends

    def _stop(self, outpoint: Outpoint, hops: int) -> tuple[str | None, str | None]:
        actor = self.chain.service(outpoint)
        if hops and actor is not None:
            return "service", actor
        spent = self.chain.spent_by.get(outpoint)
        created = self.chain.by_txid[outpoint[0]]
        if self.backward:
            if created.is_coinjoin:
                return "coinjoin", None
            if not created.inputs:
                return "coinbase", None
        else:
            if spent is not None and self.chain.by_txid[spent[0]].is_coinjoin:
                return "coinjoin", None
            if spent is None:
                return "unspent", None
        return ("hop_limit", None) if hops >= HOP_LIMIT else (None, None)

    def _passed_on(self, outpoint: Outpoint, intervals: Intervals) -> list[tuple[Outpoint, Intervals]]:
        """The outputs one transaction further, with the satoshis that are there; a forward trace loses its fees."""
        chain = self.chain
        if self.backward:
            transaction = chain.by_txid[outpoint[0]]
            place = outpoint[1]
            outpoints: list[Outpoint] = list(transaction.inputs)
        else:
            txid, place = chain.spent_by[outpoint]
            transaction = chain.by_txid[txid]
            outpoints = [(txid, output_index) for output_index in range(len(transaction.amounts_sat))]
        if self.fifo:
            here = transaction.amounts_sat if self.backward else chain.inputs_sat(transaction)
            there = chain.inputs_sat(transaction) if self.backward else transaction.amounts_sat
            parts = _moved(intervals, sum(here[:place]), there)
        else:
            matrix = chain.matrix(transaction)
            whole = [row[place] for row in matrix] if self.backward else matrix[place]
            weights = self._remaining.get(outpoint, whole)
            shares = largest_remainder(_size(intervals), weights)
            self._remaining[outpoint] = [left - taken for left, taken in zip(weights, shares, strict=True)]
            parts = [[(0, share_sat)] for share_sat in shares]
        return list(zip(outpoints, parts, strict=False))  # the fee has no output


def flows_of(
    transactions: Iterable[OracleTransaction],
    services: dict[bytes, str],
    origins: Sequence[Outpoint],
) -> tuple[Flow, ...]:
    """The true flows of every origin, both ways and by both policies.

    Args:
        transactions: The chain, in order.
        services: Actor by script that is publicly known as its own.
        origins: Receipts of the platform.
    """
    chain = _Chain(transactions, services)
    flows: list[Flow] = []
    for direction in ("backward", "forward"):
        for policy in ("fifo", "pro_rata"):
            trace = _Trace(chain, direction, policy)
            for origin in origins:
                ends = trace.endpoints(origin)
                for outpoint, kind, actor in sorted(ends, key=lambda end: end[:2]):
                    flows.append(
                        Flow(
                            direction=direction,
                            policy=policy,
                            origin_txid=origin[0],
                            origin_output_index=origin[1],
                            endpoint_txid=outpoint[0],
                            endpoint_output_index=outpoint[1],
                            endpoint_kind=kind,
                            service_actor=actor,
                            amount_sat=ends[outpoint, kind, actor],
                        ),
                    )
    return tuple(flows)
