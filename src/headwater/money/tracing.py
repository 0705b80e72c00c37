"""Satoshis of outputs followed through the chain, backward or forward, until every one of them has a reason to stop.

Many outputs are followed at once, layer by layer, one transaction a layer. Amounts of one origin that meet at an output
in the same layer are followed as one, so that the work is bounded by hops times outputs, whatever the number of ways
between them. Nothing is recursive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater.money.carried import Filled, Matrices, Shared
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.flows import (
    FIFO,
    LIFO,
    PRO_RATA,
    TIHO,
    IntArray,
    Pieces,
    Side,
    cut_along,
    largest_remainders,
    spans_of,
)
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.stops import BACKWARD, FORWARD, StopRules, Stops, code_of
from headwater.money.traced import Flows, Leaves, Trace, Traces, firsts, joined_keys

__all__ = ["Tracer"]

_FEE: Final = -2  # in place of an output; ABSENT is -1
_MOST_WEIGHTS: Final = 1 << 22  # 32 MB of pro rata matrices worked on at a time, unless one alone is larger


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """Stretches of satoshis after the same number of transactions, by trace, output and first satoshi."""

    traces: IntArray
    outputs: IntArray
    lows: IntArray
    highs: IntArray

    def begins(self) -> IntArray:
        """First stretch of each output of each trace."""
        return firsts(joined_keys(self.traces, self.outputs))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """Outputs of traces that go on, with all their satoshis there, and the transaction that they go through next."""

    traces: IntArray
    outputs: IntArray
    amounts_sat: IntArray
    txs: IntArray


class Tracer:
    """Follows outputs of one snapshot.

    Args:
        snapshot: The chain, of fewer than 2**32 outputs.
        verdicts: Of each transaction, whether it joins coins of several people.
        rules: Where to stop.

    Attributes:
        stops: The rules over this snapshot.
        amounts_sat: What each output holds.
        input_outputs: The output that each input spends, or `ABSENT`.
        sides: By direction, what a trace comes from and what it goes to in the next transaction.
    """

    def __init__(self, snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict], rules: StopRules) -> None:
        self.stops = Stops(snapshot, verdicts, rules)
        self.amounts_sat = np.asarray(snapshot.output_amounts_sat, dtype=np.int64)
        self.input_outputs = np.asarray(snapshot.input_outputs, dtype=np.int64)
        self._snapshot = snapshot
        self._spent_by = np.asarray(snapshot.spent_by, dtype=np.int64)
        self._inputs = Side.of(snapshot.input_starts, snapshot.input_amounts_sat)
        self._outputs = Side.of(snapshot.output_starts, snapshot.output_amounts_sat)
        self.sides = {BACKWARD: (self._outputs, self._inputs), FORWARD: (self._inputs, self._outputs)}
        self._matrices = Matrices(self._inputs, self._outputs)
        self._highest_first: dict[str, Side] = {}

    def trace(self, origin: int, direction: str, policy: str) -> Trace:
        """The output followed one way by one policy.

        Args:
            origin: Number of the output.
            direction: `backward` or `forward`.
            policy: `fifo`, `lifo`, `tiho` or `pro_rata`.
        """
        return next(self.traces([origin], direction, policy).each())

    def traces(self, origins: Sequence[int], direction: str, policy: str) -> Traces:
        """Outputs followed one way by one policy, each on its own.

        Args:
            origins: Numbers of the outputs, at most 2**31.
            direction: `backward` or `forward`.
            policy: `fifo`, `lifo`, `tiho` or `pro_rata`.
        """
        begun = np.asarray(origins, dtype=np.int64)
        origin_sat = self.amounts_sat[begun]
        fee_sat = np.zeros(len(begun), dtype=np.int64)
        filled, shared = Filled(), Shared()
        steps: list[tuple[IntArray, ...]] = []
        ends: list[tuple[IntArray, ...]] = []
        held = np.flatnonzero(origin_sat)
        layer = _Layer(traces=held, outputs=begun[held], lows=np.zeros_like(held), highs=origin_sat[held])
        hops = 0
        while len(layer.traces):
            first = layer.begins()
            traces, outputs = layer.traces[first], layer.outputs[first]
            amounts = np.add.reduceat(layer.highs - layer.lows, first)
            codes = self.stops.codes(direction, outputs, begun[traces], amounts, hops)
            ended = codes != 0
            ends.append(
                (
                    traces[ended],
                    outputs[ended],
                    codes[ended].astype(np.int64),
                    amounts[ended],
                    _same(hops, int(ended.sum())),
                )
            )
            reached = _Reached(
                traces=traces[~ended],
                outputs=outputs[~ended],
                amounts_sat=amounts[~ended],
                txs=self.stops.next_txs[direction][outputs[~ended]],
            )
            pieces = self._passed_on(layer, first, ~ended, reached, direction, policy, filled, shared)
            further = self._farther(pieces.places, reached.txs[pieces.parents], direction, policy)
            sizes = pieces.highs - pieces.lows
            # Every transaction passes on what reached it, to the satoshi (invariant I9).
            assert (np.bincount(pieces.parents, sizes, len(reached.txs)) == reached.amounts_sat).all(), "satoshis lost"
            np.add.at(fee_sat, reached.traces[pieces.parents[further == _FEE]], sizes[further == _FEE])
            outside = pieces.parents[further == ABSENT]
            ends.append(
                (
                    reached.traces[outside],
                    reached.outputs[outside],
                    _same(code_of("snapshot_end"), len(outside)),
                    sizes[further == ABSENT],
                    _same(hops, len(outside)),
                )
            )
            kept = further >= 0
            parents = pieces.parents[kept]
            steps.append(_steps(reached, parents, further[kept], sizes[kept], hops + 1))
            layer = _next_layer(
                reached.traces[parents],
                further[kept],
                pieces.lows[kept],
                pieces.highs[kept],
                cuts=policy in {FIFO, LIFO},
            )
            hops += 1
        traced = Traces(
            direction=direction,
            policy=policy,
            origins=begun,
            origin_sat=origin_sat,
            fee_sat=fee_sat,
            flows=_flows(steps),
            leaves=_leaves(ends),
        )
        ended_sat = np.zeros_like(origin_sat)
        np.add.at(ended_sat, traced.leaves.traces, traced.leaves.amounts_sat)
        assert (ended_sat + fee_sat == origin_sat).all(), "a trace lost satoshis"
        assert traced.leaves.codes.all(), "a leaf without a reason"
        return traced

    def _passed_on(
        self,
        layer: _Layer,
        first: IntArray,
        going: npt.NDArray[np.bool_],
        reached: _Reached,
        direction: str,
        policy: str,
        filled: Filled,
        shared: Shared,
    ) -> Pieces:
        """The satoshis in the next transaction's other side: pieces of each output that was reached."""
        here, there = self.sides[direction]
        places = reached.outputs if direction == BACKWARD else self._spent_by[reached.outputs]
        if policy == PRO_RATA:
            return self._shared_out(reached, places, direction, shared)
        if policy == TIHO:
            lows = filled.put(joined_keys(reached.traces, reached.txs), places, reached.amounts_sat)
            side = self._highest_first_of(direction)
            return cut_along(reached.txs, lows, lows + reached.amounts_sat, side)
        lengths = np.diff(np.append(first, len(layer.traces)))
        stretches = np.repeat(going, lengths)
        which = np.repeat(np.arange(len(reached.txs), dtype=np.int64), lengths[going])
        base = here.ends_sat[places] - here.amounts_sat[places]
        lows, highs, txs = layer.lows[stretches] + base[which], layer.highs[stretches] + base[which], reached.txs[which]
        if policy == LIFO:  # the last satoshi in is the first out; a transaction's inputs are all that goes through it
            lows, highs = self._inputs.totals_sat[txs] - highs, self._inputs.totals_sat[txs] - lows
        cut = cut_along(txs, lows, highs, there)
        return Pieces(parents=which[cut.parents], places=cut.places, lows=cut.lows, highs=cut.highs)

    def _shared_out(self, reached: _Reached, places: IntArray, direction: str, shared: Shared) -> Pieces:
        """Pro rata: over the row or the column of the matrix of the next transaction."""
        txs, of_tx = np.unique(reached.txs, return_inverse=True)
        batch = (np.cumsum(self._matrices.sizes(txs)) // _MOST_WEIGHTS)[of_tx]
        parts = [
            self._share_of(reached, places, direction, np.flatnonzero(batch == part), shared)
            for part in np.unique(batch)
        ]
        parents, taken, shares = (
            np.concatenate([part[column] for part in parts]) if parts else np.zeros(0, dtype=np.int64)
            for column in range(3)
        )
        return Pieces(parents=parents, places=taken, lows=np.zeros_like(shares), highs=shares)

    def _share_of(
        self, reached: _Reached, places: IntArray, direction: str, chosen: IntArray, shared: Shared
    ) -> tuple[IntArray, IntArray, IntArray]:
        here, there = self.sides[direction]
        tx = reached.txs[chosen]
        begins = self._matrices.begins(tx)
        place = places[chosen] - here.starts[tx]
        ins = self._inputs.lengths(tx)
        beyond = 0 if direction == BACKWARD else 1  # what goes to the fee comes last
        lengths = there.lengths(tx) + beyond
        withins, which = spans_of(np.zeros_like(lengths), lengths)
        row = place[which] * ins[which] + withins if direction == BACKWARD else withins * ins[which] + place[which]
        over = self._matrices.weights[begins[which] + row]
        keys = joined_keys(reached.traces[chosen], reached.outputs[chosen])
        shared.take_off(keys, np.cumsum(lengths) - lengths, over)
        shares = largest_remainders(reached.amounts_sat[chosen], over, lengths)
        some = shares > 0
        which, withins, shares = which[some], withins[some], shares[some]
        shared.note(keys, which, withins, shares)
        return chosen[which], there.starts[tx][which] + withins, shares

    def _highest_first_of(self, direction: str) -> Side:
        side = self._highest_first.get(direction)
        if side is None:
            snapshot = self._snapshot
            side = self._highest_first[direction] = (
                Side.of(snapshot.input_starts, snapshot.input_amounts_sat, highest_first=True)
                if direction == BACKWARD
                else Side.of(snapshot.output_starts, snapshot.output_amounts_sat, highest_first=True)
            )
        return side

    def _farther(self, places: IntArray, txs: IntArray, direction: str, policy: str) -> IntArray:
        """The output at each place, `ABSENT` for one outside of this snapshot, or the fee."""
        side = self._highest_first_of(direction) if policy == TIHO else self.sides[direction][1]
        beyond = places == side.starts[txs + 1]
        numbers = side.numbers[np.where(beyond, 0, places)]
        if direction == BACKWARD:
            assert not beyond.any(), "a transaction pays out more than it takes in"
            return self.input_outputs[numbers]
        return np.where(beyond, _FEE, numbers)


def _same(number: int, times: int) -> IntArray:
    return np.full(times, number, dtype=np.int64)


def _steps(reached: _Reached, parents: IntArray, further: IntArray, sizes: IntArray, hop: int) -> tuple[IntArray, ...]:
    """What passes from each output reached to each one farther, as columns of `Flows`."""
    keys = joined_keys(parents, further)
    order = np.argsort(keys, kind="stable")
    first = firsts(keys[order])
    amounts = np.add.reduceat(sizes[order], first) if len(first) else sizes
    at = order[first]
    whose = parents[at]
    return reached.traces[whose], _same(hop, len(at)), reached.outputs[whose], further[at], amounts


def _next_layer(traces: IntArray, outputs: IntArray, lows: IntArray, highs: IntArray, *, cuts: bool) -> _Layer:
    """Stretches that meet at an output put together: as they lie if the rule cuts, else their sum."""
    keys = joined_keys(traces, outputs)
    order = np.lexsort((lows, keys)) if cuts else np.argsort(keys, kind="stable")
    keys, traces, outputs, lows, highs = (column[order] for column in (keys, traces, outputs, lows, highs))
    if cuts:  # stretches of one origin never overlap; those that touch are one
        apart = np.concatenate(
            (np.ones(min(len(keys), 1), dtype=np.bool_), (keys[1:] != keys[:-1]) | (lows[1:] != highs[:-1]))
        )
        first = np.flatnonzero(apart)
        last = np.append(first[1:], len(keys)) - 1
        return _Layer(traces=traces[first], outputs=outputs[first], lows=lows[first], highs=highs[last[: len(first)]])
    first = firsts(keys)
    sums = np.add.reduceat(highs - lows, first) if len(first) else highs
    return _Layer(traces=traces[first], outputs=outputs[first], lows=np.zeros_like(sums), highs=sums)


def _flows(steps: Sequence[tuple[IntArray, ...]]) -> Flows:
    columns = [np.concatenate(column) for column in zip(*steps, strict=True)] or [np.zeros(0, dtype=np.int64)] * 5
    return Flows(
        traces=columns[0], hops=columns[1], from_outputs=columns[2], to_outputs=columns[3], amounts_sat=columns[4]
    )


def _leaves(ends: Sequence[tuple[IntArray, ...]]) -> Leaves:
    """Stops at one output for one reason put together, in order."""
    columns = [np.concatenate(column) for column in zip(*ends, strict=True)] or [np.zeros(0, dtype=np.int64)] * 5
    traces, outputs, codes, amounts, hops = columns
    order = np.lexsort((codes, outputs, traces))
    traces, outputs, codes, amounts, hops = (column[order] for column in (traces, outputs, codes, amounts, hops))
    keys = joined_keys(traces, outputs)
    changed = (keys[1:] != keys[:-1]) | (codes[1:] != codes[:-1])
    first = np.flatnonzero(np.concatenate((np.ones(min(len(keys), 1), dtype=np.bool_), changed)))
    some = bool(len(first))
    return Leaves(
        traces=traces[first],
        outputs=outputs[first],
        codes=codes[first].astype(np.int8),
        amounts_sat=np.add.reduceat(amounts, first) if some else amounts,
        hops=np.minimum.reduceat(hops, first) if some else hops,
    )
