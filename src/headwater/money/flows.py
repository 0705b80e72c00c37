"""Which satoshis of a transaction's inputs are in which of its outputs, by several rules, in exact integers.

No rule is a fact about the chain: satoshis have no identity. FIFO, LIFO and TIHO lay amounts end to end and cut them;
pro rata mixes. They stand side by side so that nobody takes one of them for the truth.

Everything here works on many transactions at once. Sums may pass the range of 64 bits in a chain that no node would
accept; they are only ever taken within one transaction, where the difference of two sums that wrapped is right again.

References:
    Anderson, Shumailov, Ahmed: "Making Bitcoin Legal" (2018), section 3, and Anderson, Shumailov, Ahmed, Rietmann:
    "Bitcoin Redux" (2018), section on taint tracking: FIFO, after Clayton's case. Möser, Böhme, Breuker: "Towards Risk
    Scoring of Bitcoin Transactions" (2014), section 3: poison and haircut, which is pro rata here. Tironsakkul, Maarek,
    Eross, Just: "Probing the Mystery of Cryptocurrency Theft" (2019), section on tainting methods: TIHO.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "FIFO",
    "FURTHER_POLICIES",
    "LIFO",
    "POISON",
    "POLICIES",
    "PRO_RATA",
    "TIHO",
    "IntArray",
    "Pieces",
    "Side",
    "cut_along",
    "distinct",
    "largest_remainders",
    "pro_rata_weights",
    "spans_of",
]

FIFO: Final = "fifo"
PRO_RATA: Final = "pro_rata"
LIFO: Final = "lifo"
TIHO: Final = "tiho"
POISON: Final = "poison"

POLICIES: Final = (FIFO, PRO_RATA)
"""The rules that every receipt is followed by; requests and links rest on these alone."""

FURTHER_POLICIES: Final = (LIFO, TIHO, POISON)
"""The rules that a case may ask for besides; the last of them attributes nothing and only bounds."""

_LEAST_BATCH: Final = 128  # measured: an output of a few inputs takes 5 us alone, any number of them 200 us at once

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The inputs, or the outputs, of every transaction, laid end to end within each.

    Attributes:
        starts: First place of each transaction, and the number of places at the end.
        amounts_sat: What is at each place; 0 where nothing says.
        ends_sat: Where each place ends, counted from the beginning of its transaction.
        totals_sat: What each transaction has in all.
        numbers: The input or output at each place.
    """

    starts: IntArray
    amounts_sat: IntArray
    ends_sat: IntArray
    totals_sat: IntArray
    numbers: IntArray

    @classmethod
    def of(cls, starts: Sequence[int], amounts_sat: Sequence[int], *, highest_first: bool = False) -> Side:
        """The inputs or outputs of a snapshot, in their order or, of each transaction, the highest first.

        Args:
            starts: As in the attribute.
            amounts_sat: By number; below 0 where nothing says.
            highest_first: Order by amount; among equal ones, the first comes first.
        """
        begins = np.asarray(starts, dtype=np.int64)
        amounts = np.maximum(np.asarray(amounts_sat, dtype=np.int64), 0)
        numbers = np.arange(len(amounts), dtype=np.int64)
        lengths = np.diff(begins)
        if highest_first:
            numbers = np.lexsort((-amounts, np.repeat(np.arange(len(lengths)), lengths)))
            amounts = amounts[numbers]
        sums = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(amounts)))
        before = sums[begins[:-1]]
        return cls(
            starts=begins,
            amounts_sat=amounts,
            ends_sat=sums[1:] - np.repeat(before, lengths),
            totals_sat=sums[begins[1:]] - before,
            numbers=numbers,
        )

    def lengths(self, txs: IntArray) -> IntArray:
        """Places of each of the transactions."""
        return self.starts[txs + 1] - self.starts[txs]

    def place_at(self, txs: IntArray, position_sat: IntArray) -> IntArray:
        """The place that a satoshi of a transaction lies on; the end of the transaction's places if beyond them."""
        low, high = self.starts[txs], self.starts[txs + 1]
        while (apart := low < high).any():
            middle = (low + high) >> 1
            above = self.ends_sat[np.where(apart, middle, 0)] > position_sat
            high = np.where(apart & above, middle, high)
            low = np.where(apart & ~above, middle + 1, low)
        return low


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Stretches of satoshis after they were cut or shared out.

    Attributes:
        parents: The stretch, or the amount, that each is a piece of.
        places: Place on the side, or beyond the last place of the transaction: that goes to the fee.
        lows: First satoshi, counted from the beginning of the place.
        highs: The one after the last.
    """

    parents: IntArray
    places: IntArray
    lows: IntArray
    highs: IntArray


def distinct(keys: IntArray) -> IntArray:
    """Each key once, in order: `numpy.unique` hashes, and keys made of two numbers make it ten times slower."""
    ordered = np.sort(keys)
    once: IntArray = ordered[np.concatenate((np.ones(min(len(keys), 1), dtype=np.bool_), ordered[1:] != ordered[:-1]))]
    return once


def spans_of(begins: IntArray, lengths: IntArray) -> tuple[IntArray, IntArray]:
    """The numbers of several ranges one after the other, and which range each is of.

    Example:
        >>> [part.tolist() for part in spans_of(np.array([5, 9]), np.array([2, 1]))]
        [[5, 6, 9], [0, 0, 1]]
    """
    which = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    within = np.arange(len(which), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return begins[which] + within, which


def cut_along(txs: IntArray, lows: IntArray, highs: IntArray, side: Side) -> Pieces:
    """Stretches of satoshis as they fall on the places of their transactions.

    Args:
        txs: Transaction of each stretch.
        lows: Where it begins among all satoshis of its transaction.
        highs: Where it ends; above `lows`.
        side: What it falls on.

    Example:
        >>> side = Side.of([0, 2], [4, 6])
        >>> pieces = cut_along(np.array([0]), np.array([2]), np.array([7]), side)
        >>> list(zip(pieces.places.tolist(), pieces.lows.tolist(), pieces.highs.tolist()))
        [(0, 2, 4), (1, 0, 3)]
    """
    first = side.place_at(txs, lows)
    places, parents = spans_of(first, side.place_at(txs, highs - 1) - first + 1)
    tx = txs[parents]
    beyond = places == side.starts[tx + 1]
    known = np.where(beyond, 0, places)
    ends = np.where(beyond, highs[parents], side.ends_sat[known])
    begins = np.where(beyond, side.totals_sat[tx], side.ends_sat[known] - side.amounts_sat[known])
    low, high = np.maximum(lows[parents], begins), np.minimum(highs[parents], ends)
    kept = high > low  # a place that holds nothing takes nothing
    return Pieces(parents=parents[kept], places=places[kept], lows=(low - begins)[kept], highs=(high - begins)[kept])


def largest_remainders(totals: IntArray, weights: IntArray, lengths: IntArray) -> IntArray:
    """Whole shares of each total in proportion to its weights, adding up to it exactly.

    What rounding down leaves over goes, one each, to the largest remainders; among equal ones to the first.

    Args:
        totals: What to share out; below 2**51 (all bitcoin there can be), and not above the sum of its weights.
        weights: Not negative, those of each total one after the other; together below 2**60.
        lengths: How many weights each total has.

    Example:
        >>> largest_remainders(np.array([10]), np.array([1, 1, 1]) * 5, np.array([3])).tolist()
        [4, 3, 3]
    """
    ends = np.cumsum(lengths)
    starts = ends - lengths
    which = np.repeat(np.arange(len(lengths)), lengths)
    whole_of = _sums(weights, starts, ends)
    whole = np.maximum(whole_of, 1)[which]
    total = totals[which]
    # The quotient in floating point is off by one or two at most; the remainder that belongs to it fits 64 bits even
    # where the product does not, because both wrap alike. So the remainder tells how far the quotient is off.
    shares = (total.astype(np.float64) * weights / whole).astype(np.int64)
    remainders = total * weights - shares * whole
    for _ in range(2):
        low, high = remainders < 0, remainders >= whole
        shares += high.astype(np.int64) - low
        remainders += np.where(low, whole, 0) - np.where(high, whole, 0)
    left = totals - _sums(shares, starts, ends)
    if left.any():
        order = np.lexsort((-remainders, which))
        rank = np.arange(len(order)) - starts[which]  # `which` is in order already
        shares[order[rank < left[which]]] += 1
    return shares


def _sums(values: IntArray, starts: IntArray, ends: IntArray) -> IntArray:
    sums = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values)))
    difference: IntArray = sums[ends] - sums[starts]
    return difference


def pro_rata_weights(
    txs: IntArray, inputs: Side, outputs: Side, *, least_batch: int = _LEAST_BATCH
) -> tuple[IntArray, IntArray]:
    """What each output, and last the fee, of each transaction takes from each of its inputs, pro rata.

    Output after output takes in proportion to what remains of each input, so that every row and every column of the
    matrix adds up exactly (invariant I9).

    Args:
        txs: The transactions, each once.
        inputs: Inputs in order.
        outputs: Outputs in order, of no transaction more than its inputs.
        least_batch: Inputs from which many transactions are done at once; fewer are quicker one by one.

    Returns:
        Where the matrix of each transaction begins, and all of them: for each output in order, then the fee, the share
        of every input in order.
    """
    ins, outs = inputs.lengths(txs), outputs.lengths(txs)
    sizes = ins * (outs + 1)
    offsets = np.cumsum(sizes) - sizes
    weights = np.zeros(int(sizes.sum()), dtype=np.int64)
    single = ins == 1  # nothing to share out, and most transactions are so
    _fill_single(weights, txs[single], offsets[single], inputs, outputs)
    several = np.flatnonzero(~single)
    several = several[np.argsort(-outs[several], kind="stable")]  # those that have an output `turn` come first
    txs, ins, outs, base = txs[several], ins[several], outs[several], offsets[several]
    places, which = spans_of(inputs.starts[txs], ins)
    remaining = inputs.amounts_sat[places]
    cell = base[which] + places - inputs.starts[txs][which]
    ends = np.cumsum(ins)
    for turn in range(int(outs[0]) if len(outs) else 0):
        active = int(np.searchsorted(-outs, -turn, side="left"))
        upto = int(ends[active - 1])
        if upto < least_batch:
            for number in range(active):
                begin, end = int(ends[number] - ins[number]), int(ends[number])
                start = int(outputs.starts[txs[number]])
                amounts = outputs.amounts_sat[start + turn : start + int(outs[number])].tolist()
                columns, rest = _columns_of(remaining[begin:end].tolist(), amounts)
                first = int(base[number]) + turn * int(ins[number])
                weights[first : first + len(columns)] = columns
                remaining[begin:end] = rest
            break
        totals = outputs.amounts_sat[outputs.starts[txs[:active]] + turn]
        taken = largest_remainders(totals, remaining[:upto], ins[:active])
        weights[cell[:upto] + turn * ins[which[:upto]]] = taken
        remaining[:upto] -= taken
    weights[cell + (outs * ins)[which]] = remaining
    assert not len(weights) or weights.min() >= 0, "an output takes more than an input has"
    return offsets, weights


def _columns_of(remaining: list[int], amounts_sat: list[int]) -> tuple[list[int], list[int]]:
    """Of one transaction, what outputs take from each input one after the other, and what remains of the inputs."""
    columns: list[int] = []
    for amount_sat in amounts_sat:
        whole = sum(remaining) or 1
        parts = [divmod(amount_sat * weight, whole) for weight in remaining]
        shares = [share for share, _ in parts]
        left = amount_sat - sum(shares)
        for place in sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left] if left else ():
            shares[place] += 1
        columns += shares
        remaining = [weight - share for weight, share in zip(remaining, shares, strict=True)]
    return columns, remaining


def _fill_single(weights: IntArray, txs: IntArray, offsets: IntArray, inputs: Side, outputs: Side) -> None:
    places, which = spans_of(outputs.starts[txs], outputs.lengths(txs))
    weights[offsets[which] + places - outputs.starts[txs][which]] = outputs.amounts_sat[places]
    weights[offsets + outputs.lengths(txs)] = inputs.totals_sat[txs] - outputs.totals_sat[txs]
