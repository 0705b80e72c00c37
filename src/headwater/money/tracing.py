"""Satoshis of one output followed through the chain, backward or forward, until every one of them has a reason to stop.

A trace goes on layer by layer, one transaction a layer. Amounts that meet at an output in the same layer are followed
as one, so that the work is bounded by hops times outputs, whatever the number of ways between them. Nothing is
recursive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.flows import (
    FIFO,
    POLICIES,
    Intervals,
    bounds_of,
    cut_along,
    largest_remainder,
    pro_rata_matrix,
    size_sat,
)
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["BACKWARD", "DIRECTIONS", "FORWARD", "Flow", "Leaf", "StopRules", "Trace", "Tracer"]

BACKWARD: Final = "backward"
FORWARD: Final = "forward"
DIRECTIONS: Final = (BACKWARD, FORWARD)

_FEE: Final = -1
_MATRICES_KEPT: Final = 256  # a matrix is inputs times outputs
_BOUNDS_KEPT: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRules:
    """Where traces stop.

    Attributes:
        service_scripts: Script numbers of clusters that belong to a custodial service.
        max_hops: Transactions to follow at most.
        dust_sat: Amounts below this are not followed further; 0 follows everything.
    """

    service_scripts: frozenset[int] = frozenset()
    max_hops: int = 20
    dust_sat: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Satoshis of the origin that pass from one output to one farther away.

    Attributes:
        hop: Transactions from the origin, from 1.
        from_output: Output nearer the origin.
        to_output: Output farther from it.
        amount_sat: Satoshis.
    """

    hop: int
    from_output: int
    to_output: int
    amount_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Satoshis of the origin that are followed no further.

    Attributes:
        output: Output they stop at.
        stop_reason: Why.
        amount_sat: Satoshis.
        hops: Least transactions from the origin.
        via_outputs: The outputs nearer the origin that they came through, with the satoshis of each.
    """

    output: int
    stop_reason: str
    amount_sat: int
    hops: int
    via_outputs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One output followed in one direction by one policy; `origin_sat` is its leaves and fees together.

    Attributes:
        direction: `backward` or `forward`.
        policy: `fifo` or `pro_rata`.
        origin_output: Output it begins at.
        origin_sat: Satoshis of it.
        fee_sat: Satoshis of it that went to fees.
        flows: Every step.
        leaves: Every stop.
    """

    direction: str
    policy: str
    origin_output: int
    origin_sat: int
    fee_sat: int
    flows: tuple[Flow, ...]
    leaves: tuple[Leaf, ...]


@dataclass(slots=True, kw_only=True)
class _Stopped:
    amount_sat: int = 0
    hops: int = 0
    via_outputs: dict[int, int] = field(default_factory=dict)


class Tracer:
    """Follows outputs of one snapshot.

    Args:
        snapshot: The chain.
        verdicts: Of each transaction, whether it joins coins of several people.
        rules: Where to stop.
    """

    def __init__(self, snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict], rules: StopRules) -> None:
        self._snapshot = snapshot
        self._verdicts = verdicts
        self._rules = rules
        self._amounts = lru_cache(maxsize=_BOUNDS_KEPT)(self._amounts_of)
        self._matrix = lru_cache(maxsize=_MATRICES_KEPT)(self._matrix_of)

    def traces_of(self, output: int) -> list[Trace]:
        """The output followed both ways by each policy."""
        return [self.trace(output, direction, policy) for direction in DIRECTIONS for policy in POLICIES]

    def trace(self, origin: int, direction: str, policy: str) -> Trace:
        """The output followed one way by one policy.

        Args:
            origin: Number of the output.
            direction: `backward` or `forward`.
            policy: `fifo` or `pro_rata`.
        """
        origin_sat = self._snapshot.output_amounts_sat[origin]
        stopped: dict[tuple[int, str], _Stopped] = {}
        flows: list[Flow] = []
        fee_sat = hops = 0
        layer: dict[int, Intervals] = {origin: [(0, origin_sat)]} if origin_sat else {}
        via: dict[int, dict[int, int]] = {}
        while layer:
            following: dict[int, Intervals] = {}
            following_via: dict[int, dict[int, int]] = {}
            for output in sorted(layer):
                intervals = layer[output]
                reason = self._stop_reason(output, hops, size_sat(intervals), direction)
                if reason is not None:
                    _stop(stopped, (output, reason), size_sat(intervals), hops, via.get(output, {}))
                    continue
                for further, part in self._passed_on(output, intervals, direction, policy):
                    amount_sat = size_sat(part)
                    if further == _FEE:
                        fee_sat += amount_sat
                    elif further < _FEE:  # an input whose output lies outside of this snapshot
                        _stop(stopped, (output, "snapshot_end"), amount_sat, hops, {})
                    else:
                        flows.append(Flow(hop=hops + 1, from_output=output, to_output=further, amount_sat=amount_sat))
                        met = following.setdefault(further, [])
                        following[further] = (
                            sorted([*met, *part]) if policy == FIFO else [(0, size_sat(met) + amount_sat)]
                        )
                        following_via.setdefault(further, {})[output] = amount_sat
            layer, via = following, following_via
            hops += 1
        leaves = tuple(
            Leaf(
                output=output,
                stop_reason=reason,
                amount_sat=leaf.amount_sat,
                hops=leaf.hops,
                via_outputs=tuple(sorted(leaf.via_outputs.items())),
            )
            for (output, reason), leaf in sorted(stopped.items())
        )
        assert sum(leaf.amount_sat for leaf in leaves) + fee_sat == origin_sat, "a trace lost satoshis"
        return Trace(
            direction=direction,
            policy=policy,
            origin_output=origin,
            origin_sat=origin_sat,
            fee_sat=fee_sat,
            flows=tuple(flows),
            leaves=leaves,
        )

    def _stop_reason(self, output: int, hops: int, amount_sat: int, direction: str) -> str | None:  # noqa: PLR0911 - the stop rules, in their order
        snapshot = self._snapshot
        if hops and snapshot.output_scripts[output] in self._rules.service_scripts:
            return "service"
        if direction == BACKWARD:
            tx = snapshot.output_txs[output]
            if snapshot.is_coinbase(tx):
                return "coinbase"
        else:
            spent_by = snapshot.spent_by[output]
            if spent_by == ABSENT:
                return "unspent"
            tx = snapshot.input_txs[spent_by]
        if not snapshot.is_resolved(tx):
            return "snapshot_end"
        if self._verdicts[tx].answer != "no":
            return "coinjoin"
        if hops >= self._rules.max_hops:
            return "hop_limit"
        return "dust" if amount_sat < self._rules.dust_sat else None

    def _passed_on(self, output: int, intervals: Intervals, direction: str, policy: str) -> list[tuple[int, Intervals]]:
        """The outputs one transaction farther, each with the satoshis there; a negative number is no output."""
        snapshot = self._snapshot
        if direction == BACKWARD:
            tx = snapshot.output_txs[output]
            place = output - snapshot.output_starts[tx]
        else:
            spent_by = snapshot.spent_by[output]
            tx = snapshot.input_txs[spent_by]
            place = spent_by - snapshot.input_starts[tx]
        input_bounds, output_bounds = self._amounts(tx)
        if policy == FIFO:
            here, there = (output_bounds, input_bounds) if direction == BACKWARD else (input_bounds, output_bounds)
            parts = cut_along(intervals, here[place - 1] if place else 0, there)
        else:
            columns = self._matrix(tx)
            weights = columns[place] if direction == BACKWARD else [column[place] for column in columns]
            shares = largest_remainder(size_sat(intervals), weights)
            parts = [(where, [(0, share_sat)]) for where, share_sat in enumerate(shares) if share_sat]
        return [(self._farther(tx, where, direction), part) for where, part in parts]

    def _farther(self, tx: int, place: int, direction: str) -> int:
        snapshot = self._snapshot
        if direction == BACKWARD:
            output = snapshot.input_outputs[snapshot.input_starts[tx] + place]
            return _FEE - 1 if output == ABSENT else output
        output = snapshot.output_starts[tx] + place
        return _FEE if output == snapshot.output_starts[tx + 1] else output

    def _amounts_of(self, tx: int) -> tuple[list[int], list[int]]:
        """Where inputs end, and where outputs and then the fee end, laid end to end."""
        snapshot = self._snapshot
        inputs = bounds_of(snapshot.input_amounts_sat[number] for number in snapshot.inputs_of(tx))
        outputs = bounds_of(snapshot.output_amounts_sat[number] for number in snapshot.outputs_of(tx))
        assert not inputs or inputs[-1] >= outputs[-1], "a transaction pays out more than it takes in"
        return inputs, [*outputs, inputs[-1] if inputs else outputs[-1]]

    def _matrix_of(self, tx: int) -> list[list[int]]:
        snapshot = self._snapshot
        return pro_rata_matrix(
            [snapshot.input_amounts_sat[number] for number in snapshot.inputs_of(tx)],
            [snapshot.output_amounts_sat[number] for number in snapshot.outputs_of(tx)],
        )


def _stop(
    stopped: dict[tuple[int, str], _Stopped],
    leaf: tuple[int, str],
    amount_sat: int,
    hops: int,
    via_outputs: Mapping[int, int],
) -> None:
    known = stopped.setdefault(leaf, _Stopped(hops=hops))
    known.amount_sat += amount_sat
    for output, through_sat in via_outputs.items():
        known.via_outputs[output] = known.via_outputs.get(output, 0) + through_sat
