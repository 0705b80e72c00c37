"""What tracing found: the steps of satoshis through transactions, and where they stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.money.flows import IntArray
from headwater.money.stops import OWNED, STOP_REASONS, code_of

__all__ = ["Flow", "Flows", "Leaf", "Leaves", "Trace", "Traces", "firsts", "joined_keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Satoshis of origins that pass from one output to one farther away, one a place.

    Attributes:
        traces: Which of the origins.
        hops: Transactions from the origin, from 1.
        from_outputs: Output nearer the origin.
        to_outputs: Output farther from it.
        amounts_sat: Satoshis.
    """

    traces: IntArray
    hops: IntArray
    from_outputs: IntArray
    to_outputs: IntArray
    amounts_sat: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """Satoshis of origins that are followed no further, one a place, by origin, output and reason.

    Attributes:
        traces: Which of the origins.
        outputs: Output they stop at.
        codes: Why, by place in `STOP_REASONS`.
        amounts_sat: Satoshis.
        hops: Least transactions from the origin.
    """

    traces: IntArray
    outputs: IntArray
    codes: npt.NDArray[np.int8]
    amounts_sat: IntArray
    hops: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One place of `Flows`; its attributes are those."""

    hop: int
    from_output: int
    to_output: int
    amount_sat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One place of `Leaves`.

    Attributes:
        output: Output they stop at.
        stop_reason: Why.
        amount_sat: Satoshis.
        hops: Least transactions from the origin.
        via_outputs: Where the reason says whose the output is: the outputs nearer the origin that they came through,
            with the satoshis of each.
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
        policy: By which rule.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Several outputs followed in one direction by one policy.

    Attributes:
        direction: `backward` or `forward`.
        policy: By which rule.
        origins: Outputs they begin at.
        origin_sat: Satoshis of each.
        fee_sat: Of these, what went to fees.
        flows: Every step.
        leaves: Every stop.
    """

    direction: str
    policy: str
    origins: IntArray
    origin_sat: IntArray
    fee_sat: IntArray
    flows: Flows
    leaves: Leaves

    def via(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """For each trace and output of somebody's where it stops, what it came through, with the satoshis of each.

        A trace stops at such an output on every way, so all that flows there stops there.
        """
        leaves, flows = self.leaves, self.flows
        owned = np.isin(leaves.codes, [code_of(reason) for reason in OWNED])
        ends = joined_keys(leaves.traces[owned], leaves.outputs[owned])
        reaching = np.isin(joined_keys(flows.traces, flows.to_outputs), ends)
        found: dict[tuple[int, int], dict[int, int]] = {}
        columns = (flows.traces, flows.to_outputs, flows.from_outputs, flows.amounts_sat)
        for trace, output, via, amount_sat in zip(*(column[reaching].tolist() for column in columns), strict=True):
            through = found.setdefault((trace, output), {})
            through[via] = through.get(via, 0) + amount_sat
        return {key: sorted(through.items()) for key, through in found.items()}

    def each(self) -> Iterator[Trace]:
        """The traces one by one, in the order of their origins."""
        via = self.via()
        flows, leaves = self.flows, self.leaves
        for place in range(len(self.origins)):
            steps, stops = np.flatnonzero(flows.traces == place), np.flatnonzero(leaves.traces == place)
            yield Trace(
                direction=self.direction,
                policy=self.policy,
                origin_output=int(self.origins[place]),
                origin_sat=int(self.origin_sat[place]),
                fee_sat=int(self.fee_sat[place]),
                flows=tuple(
                    Flow(
                        hop=int(flows.hops[at]),
                        from_output=int(flows.from_outputs[at]),
                        to_output=int(flows.to_outputs[at]),
                        amount_sat=int(flows.amounts_sat[at]),
                    )
                    for at in steps
                ),
                leaves=tuple(
                    Leaf(
                        output=int(leaves.outputs[at]),
                        stop_reason=STOP_REASONS[leaves.codes[at]],
                        amount_sat=int(leaves.amounts_sat[at]),
                        hops=int(leaves.hops[at]),
                        via_outputs=tuple(via.get((place, int(leaves.outputs[at])), ())),
                    )
                    for at in stops
                ),
            )


def joined_keys(first: IntArray, second: IntArray) -> IntArray:
    """One number for each pair of numbers below 2**31 and 2**32, in the order of the pairs."""
    keys: IntArray = (first << 32) | second
    return keys


def firsts(keys: IntArray) -> IntArray:
    """First place of each run of equal keys."""
    return np.flatnonzero(np.concatenate((np.ones(min(len(keys), 1), dtype=np.bool_), keys[1:] != keys[:-1])))
