"""What an origin can have reached at all, and how many of its satoshis at most: poison, which attributes nothing.

References:
    Möser, Böhme, Breuker: "Towards Risk Scoring of Bitcoin Transactions" (Financial Cryptography Workshops 2014, LNCS
    8438, pages 16-32): the policy `poison`, by which every output of a transaction with one tainted input is tainted.
    It says yes or no. The satoshis are bounded here by what no rule can exceed: what the output holds, and what the
    origin held.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headwater.money.flows import IntArray, distinct, spans_of
from headwater.money.snapshot import ABSENT
from headwater.money.stops import BACKWARD, code_of
from headwater.money.traced import Leaves, firsts, joined_keys
from headwater.money.tracing import Tracer

__all__ = ["poison_bounds"]


def poison_bounds(tracer: Tracer, origins: Sequence[int], direction: str) -> Leaves:
    """Where each origin's satoshis can end by any rule, for which reason, and how many of them at most.

    `amounts_sat` is the lesser of what the output and what the origin holds; these bounds do not add up to anything.
    Every output is looked at once, when the fewest transactions lead to it. Dust is judged by the bound.

    Args:
        tracer: The chain and its stop rules.
        origins: Numbers of the outputs to begin at, at most 2**31.
        direction: `backward` or `forward`.
    """
    begun = np.asarray(origins, dtype=np.int64)
    _, there = tracer.sides[direction]
    traces = np.flatnonzero(tracer.amounts_sat[begun])
    outputs = begun[traces]
    seen = joined_keys(traces, outputs)
    ends: list[tuple[IntArray, ...]] = []
    hops = 0
    while len(traces):
        bounds = np.minimum(tracer.amounts_sat[outputs], tracer.amounts_sat[begun[traces]])
        codes = tracer.stops.codes(direction, outputs, begun[traces], bounds, hops).astype(np.int64)
        ended = codes != 0
        ends.append(_ended(traces, outputs, codes, bounds, hops, ended))
        traces, outputs, bounds = traces[~ended], outputs[~ended], bounds[~ended]
        txs = tracer.stops.next_txs[direction][outputs]
        places, which = spans_of(there.starts[txs], there.lengths(txs))
        held = there.amounts_sat[places] > 0  # where nothing is, nothing of the origin can be
        places, which = places[held], which[held]
        further = tracer.input_outputs[places] if direction == BACKWARD else places
        outside = np.zeros(len(traces), dtype=np.bool_)
        outside[which[further == ABSENT]] = True
        ends.append(_ended(traces, outputs, np.full_like(traces, code_of("snapshot_end")), bounds, hops, outside))
        keys = distinct(joined_keys(traces[which], further)[further != ABSENT])
        at = np.minimum(np.searchsorted(seen, keys), len(seen) - 1)
        keys = keys[seen[at] != keys]
        seen = np.sort(np.concatenate((seen, keys)))
        traces, outputs = keys >> 32, keys & ((1 << 32) - 1)
        hops += 1
    columns = [np.concatenate(column) for column in zip(*ends, strict=True)] or [np.zeros(0, dtype=np.int64)] * 5
    order = np.lexsort((columns[1], columns[0]))
    at_traces, at_outputs, codes, amounts, at_hops = (column[order] for column in columns)
    assert codes.all(), "a leaf without a reason"
    assert len(firsts(joined_keys(at_traces, at_outputs))) == len(at_traces), "an output was looked at twice"
    return Leaves(traces=at_traces, outputs=at_outputs, codes=codes.astype(np.int8), amounts_sat=amounts, hops=at_hops)


def _ended(
    traces: IntArray,
    outputs: IntArray,
    codes: IntArray,
    bounds: IntArray,
    hops: int,
    ended: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> tuple[IntArray, ...]:
    hop = np.full(int(ended.sum()), hops, dtype=np.int64)
    return traces[ended], outputs[ended], codes[ended], bounds[ended], hop
