"""What is kept between the layers of traces: matrices of transactions, and what already went through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from headwater.money.flows import IntArray, Side, distinct, pro_rata_weights, spans_of
from headwater.money.traced import firsts

__all__ = ["Filled", "Matrices", "Shared"]

_KEPT_WEIGHTS: Final = 1 << 24  # 128 MB


class Matrices:
    """The pro rata matrices of transactions that traces went through, kept as long as there is room.

    Args:
        inputs: Inputs in order.
        outputs: Outputs in order.

    Attributes:
        weights: Where `begins` points into.
    """

    def __init__(self, inputs: Side, outputs: Side) -> None:
        self._inputs, self._outputs = inputs, outputs
        self._begins = np.full(len(inputs.totals_sat), -1, dtype=np.int64)
        self._room = np.zeros(1 << 10, dtype=np.int64)
        self._used = 0

    @property
    def weights(self) -> IntArray:
        """All that are kept, one matrix after the other; each as `pro_rata_weights` gives it."""
        return self._room

    def sizes(self, txs: IntArray) -> IntArray:
        """Weights in the matrix of each of the transactions."""
        sizes: IntArray = self._inputs.lengths(txs) * (self._outputs.lengths(txs) + 1)
        return sizes

    def begins(self, txs: IntArray) -> IntArray:
        """Where the matrix of each of the transactions begins in `weights`, until the next call."""
        wanted = distinct(txs[self._begins[txs] < 0])
        if len(wanted):
            needed = int(self.sizes(wanted).sum())
            if self._used + needed > _KEPT_WEIGHTS and self._used:
                self._begins[:] = -1
                self._used = 0
                wanted = distinct(txs)
                needed = int(self.sizes(wanted).sum())
            if self._used + needed > len(self._room):
                grown = np.zeros(max(2 * len(self._room), self._used + needed), dtype=np.int64)
                grown[: self._used] = self._room[: self._used]
                self._room = grown
            offsets, weights = pro_rata_weights(wanted, self._inputs, self._outputs)
            self._room[self._used : self._used + needed] = weights
            self._begins[wanted] = offsets + self._used
            self._used += needed
        begins: IntArray = self._begins[txs]
        return begins


class Filled:
    """How many satoshis of each trace went through each transaction so far: TIHO fills its outputs from there on."""

    def __init__(self) -> None:
        self._keys = np.zeros(0, dtype=np.int64)
        self._filled_sat = np.zeros(0, dtype=np.int64)

    def put(self, keys: IntArray, places: IntArray, amounts_sat: IntArray) -> IntArray:
        """Where each amount begins, after what came before; what comes together is in order of places.

        Args:
            keys: Trace and transaction of each amount, as one number.
            places: Input or output of the transaction that it comes from.
            amounts_sat: Satoshis.
        """
        order = np.lexsort((places, keys))
        ordered, amounts = keys[order], amounts_sat[order]
        first = firsts(ordered)
        before = np.cumsum(amounts) - amounts
        before -= np.repeat(before[first], np.diff(np.append(first, len(ordered))))
        at, known = _found(self._keys, ordered)
        before[known] += self._filled_sat[at]
        merged, inverse = np.unique(np.concatenate((self._keys, ordered)), return_inverse=True)
        filled = np.zeros(len(merged), dtype=np.int64)
        np.add.at(filled, inverse, np.concatenate((self._filled_sat, amounts)))
        self._keys, self._filled_sat = merged, filled
        lows = np.empty_like(before)
        lows[order] = before
        return lows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    keys: IntArray
    starts: IntArray
    withins: IntArray
    shares: IntArray


class Shared:
    """What each output of each trace passed on so far, pro rata: a later part of it is shared out over what remains."""

    def __init__(self) -> None:
        self._given: list[_Given] = []

    def take_off(self, keys: IntArray, begins: IntArray, weights: IntArray) -> None:
        """Lower weights by what was shared out over them before.

        Args:
            keys: Trace and output of each amount that is to be shared out, as one number, in order.
            begins: First weight of each.
            weights: The weights; changed.
        """
        for given in self._given:
            at, known = _found(given.keys, keys)
            pieces, which = spans_of(given.starts[at], given.starts[at + 1] - given.starts[at])
            weights[begins[known][which] + given.withins[pieces]] -= given.shares[pieces]

    def note(self, keys: IntArray, parents: IntArray, withins: IntArray, shares: IntArray) -> None:
        """Keep what was shared out.

        Args:
            keys: Trace and output of each amount, as one number, each once, in order.
            parents: For each share, the place of its amount in `keys`, in order.
            withins: Which of the weights of that amount it is.
            shares: Satoshis.
        """
        starts = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(np.bincount(parents, minlength=len(keys)))))
        self._given.append(_Given(keys=keys, starts=starts, withins=withins, shares=shares))


def _found(known: IntArray, keys: IntArray) -> tuple[IntArray, IntArray]:
    """Where keys stand among known ones, which are in order, and which of the keys these are."""
    at = np.searchsorted(known, keys)
    which = np.flatnonzero(at < len(known))
    which = which[known[at[which]] == keys[which]]
    return at[which], which
