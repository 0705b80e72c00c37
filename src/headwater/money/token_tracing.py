"""Units of token transfers followed through accounts, either way, until every one of them has a reason to stop.

Layer by layer, one transfer a layer; stretches of one origin that meet in a transfer after the same number of transfers
go on together. Every step asserts that no unit was lost or made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headwater.money.stops import BACKWARD
from headwater.money.token_lots import BURN, DESTROYED, FEE, MINT, NOWHERE, Lots, Piece, Spans

__all__ = ["TOKEN_STOP_REASONS", "TokenLeaf", "TokenStops", "TokenTrace", "trace_move", "united"]

TOKEN_STOP_REASONS: Final = (
    "service",
    "bridge",
    "swap_or_contract",
    "address_poisoning",
    "mint",
    "burn",
    "destroyed",
    "balance_before_table",
    "unspent",
    "snapshot_end",
    "hop_limit",
    "time_limit",
    "dust",
)
"""Every reason for which a trace of tokens stops; of several that hold, the first is given."""

_BY_KIND: Final = {MINT: "mint", BURN: "burn", DESTROYED: "destroyed"}
_SECONDS_A_DAY: Final = 86_400

Covers = Callable[[str, int, int | None], bool]
"""Whether the tables hold all that an account did between two moves; None for the second: to their end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStops:
    """Where traces of one token stop.

    Attributes:
        owned: By account, why none goes through it: `service`, `bridge` or `swap_or_contract`.
        covers: Whether the table is whole for an account from one move to another.
        marked: Moves that are address poisoning.
        at_s: Time of each move, in seconds since 1970.
        max_hops: Transfers to follow at most.
        max_days: Days between the origin and a transfer, at most; 0 for no limit.
        dust_units: Less than this is not followed further; 0 follows everything.
    """

    covers: Covers
    at_s: Sequence[int]
    owned: Mapping[str, str] = field(default_factory=dict)
    marked: frozenset[int] = frozenset()
    max_hops: int = 20
    max_days: int = 0
    dust_units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLeaf:
    """Units that are followed no further.

    Attributes:
        move: Transfer they stop at: the last one that was followed.
        account: Account beyond it that the reason is about: the sender backward, the receiver forward.
        stop_reason: Why.
        spans: Which of the units of that transfer.
        hops: Least transfers from the origin's account, the origin itself counted.
    """

    move: int
    account: str
    stop_reason: str
    spans: tuple[tuple[int, int], ...]
    hops: int

    @property
    def units(self) -> int:
        """How many."""
        return sum(high - low for low, high in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTrace:
    """One transfer followed one way; its units are those of its leaves and fees together.

    Attributes:
        origin: The transfer.
        direction: `backward` or `forward`.
        fee_units: What went to those who make blocks; forward only.
        flows: Hop, transfer nearer the origin, transfer farther from it, units.
        leaves: Every stop, by hops, transfer and reason.
    """

    origin: int
    direction: str
    fee_units: int
    flows: tuple[tuple[int, int, int, int], ...]
    leaves: tuple[TokenLeaf, ...]


class _Ends:
    """Units by the transfer and the reason that they stop for."""

    def __init__(self) -> None:
        self._spans: dict[tuple[int, str], Spans] = {}
        self._hops: dict[tuple[int, str], int] = {}

    def add(self, move: int, stop_reason: str, spans: Spans, hops: int) -> None:
        if spans:
            key = (move, stop_reason)
            self._spans.setdefault(key, []).extend(spans)
            self._hops.setdefault(key, hops)  # layers come in order, so the first is the least

    def leaves(self, beyond: Callable[[int], str]) -> tuple[TokenLeaf, ...]:
        return tuple(
            TokenLeaf(
                move=move,
                account=beyond(move),
                stop_reason=reason,
                spans=tuple(_joined(spans)),
                hops=self._hops[move, reason],
            )
            for (move, reason), spans in sorted(
                self._spans.items(), key=lambda item: (self._hops[item[0]], item[0][0], item[0][1])
            )
        )


def trace_move(lots: Lots, origin: int, direction: str, stops: TokenStops) -> TokenTrace:
    """A transfer followed one way.

    Args:
        lots: Of its token.
        origin: Its number.
        direction: `backward` or `forward`.
        stops: Where to stop.
    """
    back = direction == BACKWARD
    moves = lots.moves
    ends = _Ends()
    flows: list[tuple[int, int, int, int]] = []
    fee_units = 0
    layer: dict[int, Spans] = {origin: [(0, moves[origin].units)]} if moves[origin].units else {}
    hops = 1
    while layer:
        following: dict[int, Spans] = {}
        for number in sorted(layer):
            spans = layer[number]
            reached = sum(high - low for low, high in spans)
            whole = _stop_of_all(lots, number, stops, back=back, is_origin=number == origin)
            if whole is not None:
                ends.add(number, whole, spans, hops)
                continue
            going: dict[int, list[Piece]] = {}
            ended = 0
            for piece in lots.came_from(number, spans) if back else lots.went_to(number, spans):
                stop = _stop_of_piece(lots, number, piece.other, stops, back=back)
                if stop is None and moves[piece.other].kind == FEE:
                    fee_units += piece.high - piece.low
                elif stop is not None:
                    ends.add(number, stop, [(piece.low, piece.high)], hops)
                else:
                    going.setdefault(piece.other, []).append(piece)
                    continue
                ended += piece.high - piece.low
            onward = sum(piece.high - piece.low for pieces in going.values() for piece in pieces)
            # Every transfer passes on what reached it, to the unit (invariant I9).
            assert ended + onward == reached, "units lost"
            for other, pieces in going.items():
                units = sum(piece.high - piece.low for piece in pieces)
                limit = _limit(stops, origin, other, onward, hops)
                if limit is not None:
                    ends.add(number, limit, [(piece.low, piece.high) for piece in pieces], hops)
                    continue
                flows.append((hops + 1, number, other, units))
                following.setdefault(other, []).extend(
                    (piece.other_low, piece.other_low + piece.high - piece.low) for piece in pieces
                )
        layer = {number: _joined(spans) for number, spans in following.items()}
        hops += 1
    leaves = ends.leaves(lambda move: moves[move].sender if back else moves[move].receiver)
    assert sum(leaf.units for leaf in leaves) + fee_units == moves[origin].units, "a trace lost units"
    return TokenTrace(
        origin=origin, direction=direction, fee_units=fee_units, flows=tuple(sorted(flows)), leaves=leaves
    )


def _stop_of_all(lots: Lots, number: int, stops: TokenStops, *, back: bool, is_origin: bool) -> str | None:
    """Why nothing of a transfer goes on, whatever the lots say."""
    move = lots.moves[number]
    owned = stops.owned.get(move.sender if back else move.receiver)
    if owned is not None and not (move.kind in _BY_KIND and (move.kind == MINT) == back):
        return owned
    if number in stops.marked and not is_origin:
        return "address_poisoning"
    kind = _BY_KIND.get(move.kind)
    return kind if kind is not None and (move.kind == MINT) == back else None


def _stop_of_piece(lots: Lots, number: int, other: int, stops: TokenStops, *, back: bool) -> str | None:
    """Why a stretch of a transfer has nothing beyond it, or nothing that is known."""
    move = lots.moves[number]
    account = move.sender if back else move.receiver
    if other == NOWHERE:
        if back:
            return "balance_before_table"
        return "unspent" if stops.covers(account, number, None) else "snapshot_end"
    first, last = (other, number) if back else (number, other)
    return None if stops.covers(account, first, last) else "snapshot_end"


def _limit(stops: TokenStops, origin: int, other: int, onward: int, hops: int) -> str | None:
    if hops >= stops.max_hops:
        return "hop_limit"
    if stops.max_days and abs(stops.at_s[other] - stops.at_s[origin]) > stops.max_days * _SECONDS_A_DAY:
        return "time_limit"
    return "dust" if onward < stops.dust_units else None


def _joined(spans: Spans) -> Spans:
    """The stretches in order, neighbours put together; no two of them overlap, because no unit is in two places."""
    joined: Spans = []
    for low, high in sorted(spans):
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            assert not joined or joined[-1][1] < low, "a unit in two places"
            joined.append((low, high))
    return joined


def united(spans: Spans) -> Spans:
    """The stretches in order, each unit once; they may overlap.

    >>> united([(0, 5), (3, 8), (9, 10)])
    [(0, 8), (9, 10)]
    """
    found: Spans = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
