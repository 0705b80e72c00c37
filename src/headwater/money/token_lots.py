"""Token transfers as lots: which units of each transfer are which units of the next one, by FIFO, exactly.

The ledgers of Ethereum and TRON keep balances, not coins: nothing on them says which units of a balance an account pays
with. The rule here is that every account pays with what it has held longest. Applied to all transfers of a token in
their order, it ties every unit of a transfer to one unit of an earlier one, so that a way through many accounts is a
chain of such ties and no unit is ever in two places.

Amounts are Python integers, of any size.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["BURN", "DESTROYED", "FEE", "KINDS", "MINT", "NOWHERE", "TRANSFER", "Lots", "Move", "Piece", "Spans"]

TRANSFER: Final = "transfer"
MINT: Final = "mint"
BURN: Final = "burn"
DESTROYED: Final = "destroyed"
FEE: Final = "fee"
KINDS: Final = (TRANSFER, MINT, BURN, DESTROYED, FEE)
"""What a move is: between accounts; new units; units given back; what the issuer took; what the block's maker got."""

NOWHERE: Final = -1
"""In place of a move: units held before the first move of the table, or still held after the last."""

Spans = list[tuple[int, int]]
"""Stretches of the units of one move, each from its first unit to the one after its last; apart, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Units of one token that pass from one account to another.

    Attributes:
        sender: Account that pays; of a mint, nobody's.
        receiver: Account that is paid; of a burn, a fee and what was destroyed, nobody's.
        units: Whole base units.
        kind: One of `KINDS`.
    """

    sender: str
    receiver: str
    units: int
    kind: str = TRANSFER


class Piece(NamedTuple):
    """A stretch of the units of one move and the units of another that they are.

    A tuple and no dataclass, because several are made for every transfer.

    Attributes:
        low: First unit of the one move.
        high: Unit after the last.
        other: The other move, or `NOWHERE`.
        other_low: Its unit that is the first.
    """

    low: int
    high: int
    other: int
    other_low: int


class Lots:
    """The lots of one token, from all its moves in their order.

    A balance that the moves do not explain is a lot of its own: each account is taken to have held, before its first
    move, the least that leaves it with no less than nothing at any time. It is its oldest lot.

    A move from an account to itself changes no balance and no lot.

    Args:
        moves: In the order of the chain.

    Attributes:
        moves: The same.
        opening: By account, the units held before, where there are any.
        closing: By account, the units held after the last move.
    """

    def __init__(self, moves: Sequence[Move]) -> None:
        self.moves = moves
        self.opening = _least_openings(moves)
        self.closing: dict[str, int] = {}
        self._before: list[list[Piece]] = [[] for _ in moves]
        self._after: list[list[Piece]] = [[] for _ in moves]
        queues: dict[str, deque[Piece]] = {}
        for account, units in self.opening.items():
            queues[account] = deque([Piece(0, units, NOWHERE, 0)])
        for number, move in enumerate(moves):
            if move.sender == move.receiver and move.kind == TRANSFER:
                continue
            if move.kind != MINT:
                self._pay(queues.setdefault(move.sender, deque()), number)
            if move.kind in {TRANSFER, MINT} and move.units:
                queues.setdefault(move.receiver, deque()).append(Piece(0, move.units, number, 0))
        for account, queue in queues.items():
            held = sum(lot.high - lot.low for lot in queue)
            if held:
                self.closing[account] = held
            for lot in queue:
                if lot.other != NOWHERE:
                    self._after[lot.other].append(
                        Piece(lot.other_low, lot.other_low + lot.high - lot.low, NOWHERE, lot.low)
                    )

    def _pay(self, queue: deque[Piece], number: int) -> None:
        """Take the units of a move from the front of what its sender holds."""
        at, wanted = 0, self.moves[number].units
        while wanted:
            lot = queue.popleft()
            taken = min(wanted, lot.high - lot.low)
            self._before[number].append(Piece(at, at + taken, lot.other, lot.other_low))
            if lot.other != NOWHERE:
                self._after[lot.other].append(Piece(lot.other_low, lot.other_low + taken, number, at))
            if taken < lot.high - lot.low:
                queue.appendleft(Piece(lot.low + taken, lot.high, lot.other, lot.other_low + taken))
            at += taken
            wanted -= taken

    def came_from(self, number: int, spans: Iterable[tuple[int, int]]) -> Iterator[Piece]:
        """For stretches of a move, what its sender had them from; `NOWHERE` is what it held before."""
        return _over(self._before[number], spans)

    def went_to(self, number: int, spans: Iterable[tuple[int, int]]) -> Iterator[Piece]:
        """For stretches of a move, what its receiver did with them; `NOWHERE` is what it still holds."""
        return _over(self._after[number], spans)


def _least_openings(moves: Sequence[Move]) -> dict[str, int]:
    balances: dict[str, int] = {}
    lowest: dict[str, int] = {}
    for move in moves:
        if move.sender == move.receiver and move.kind == TRANSFER:
            continue
        if move.kind != MINT:
            balance = balances.get(move.sender, 0) - move.units
            balances[move.sender] = balance
            lowest[move.sender] = min(lowest.get(move.sender, 0), balance)
        if move.kind in {TRANSFER, MINT}:
            balances[move.receiver] = balances.get(move.receiver, 0) + move.units
    return {account: -least for account, least in lowest.items() if least < 0}


def _over(pieces: Sequence[Piece], spans: Iterable[tuple[int, int]]) -> Iterator[Piece]:
    """The pieces cut down to the stretches; both are apart and in order."""
    for low, high in spans:
        at = max(bisect_right(pieces, low, key=_low) - 1, 0)
        while at < len(pieces) and pieces[at].low < high:
            piece = pieces[at]
            first, last = max(low, piece.low), min(high, piece.high)
            if first < last:
                yield Piece(first, last, piece.other, piece.other_low + first - piece.low)
            at += 1


def _low(piece: Piece) -> int:
    return piece.low
