"""Token tracing against an oracle that moves single units, on small random worlds of accounts.

The promises: no unit is lost or made; each unit goes where the oracle's goes; every leaf has its reason; forward and
backward are one another's mirror; amounts of any size are exact.
"""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from headwater.money.stops import BACKWARD, FORWARD
from headwater.money.token_lots import BURN, DESTROYED, FEE, MINT, NOWHERE, TRANSFER, Lots, Move
from headwater.money.token_tracing import TOKEN_STOP_REASONS, TokenStops, trace_move

ACCOUNTS = "abcdef"
LARGEST = (1 << 256) - 1
DAY_S = 86_400


@st.composite
def moves(draw):
    found = []
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from((TRANSFER,) * 5 + (MINT, BURN, DESTROYED, FEE)))
        sender, receiver = draw(st.sampled_from(ACCOUNTS)), draw(st.sampled_from(ACCOUNTS))
        if kind == MINT:
            sender = ""
        if kind in {BURN, FEE}:
            receiver = ""
        if kind == DESTROYED:
            receiver = sender
        found.append(Move(sender=sender, receiver=receiver, units=draw(st.integers(0, 9)), kind=kind))
    return found


@st.composite
def rules(draw, world):
    owned = draw(st.dictionaries(st.sampled_from(ACCOUNTS), st.sampled_from(("service", "bridge", "swap_or_contract"))))
    gaps = draw(st.sets(st.sampled_from(ACCOUNTS)))
    since = draw(st.integers(0, len(world)))
    return TokenStops(
        owned=owned,
        # An account with a gap is whole from one move on, and not to the end.
        covers=lambda account, first, last: account not in gaps or (first >= since and last is not None),
        at_s=[number * DAY_S for number in range(len(world))],
        marked=frozenset(draw(st.sets(st.integers(0, len(world) - 1), max_size=2))),
        max_hops=draw(st.integers(1, 6)),
        max_days=draw(st.integers(0, 6)),
    )


def simulated(world):
    """For each move, the way of each of its units so far, moved one by one; ways begin with NOWHERE where they do."""
    opening = Counter()
    while True:
        queues = {account: deque([NOWHERE] for _ in range(opening[account])) for account in ACCOUNTS}
        ways, short = [], None
        for number, move in enumerate(world):
            carried = []
            if move.kind == TRANSFER and move.sender == move.receiver:
                ways.append(carried)
                continue
            for _ in range(move.units):
                if move.kind == MINT:
                    unit = []
                elif queues[move.sender]:
                    unit = queues[move.sender].popleft()
                else:
                    short = move.sender
                    break
                unit.append(number)
                carried.append(unit)
            if short:
                break
            if move.kind in {TRANSFER, MINT}:
                queues[move.receiver].extend(carried)
            ways.append(carried)
        if not short:
            return ways, opening
        opening[short] += 1


def expected(world, ways, origin, stops, direction):
    """Leaves and fees of the origin, unit by unit."""
    leaves, fees = Counter(), 0
    for unit in ways[origin]:
        at = unit.index(origin)
        way = unit[: at + 1][::-1] if direction == BACKWARD else unit[at:]
        for hops, (here, there) in enumerate(zip(way, [*way[1:], None], strict=True), start=1):
            reason = of_move(world[here], here, origin, stops, direction) or of_step(
                world, (origin, here, there), stops, direction, hops
            )
            if reason == FEE:
                fees += 1
            elif reason is not None:
                leaves[here, reason] += 1
            if reason is not None:
                break
    return leaves, fees


def of_move(move, number, origin, stops, direction):
    """Why a unit stops at a move, whatever was before or came after."""
    account = move.sender if direction == BACKWARD else move.receiver
    ending = {MINT} if direction == BACKWARD else {BURN, DESTROYED}
    if account in stops.owned and move.kind not in ending:
        return stops.owned[account]
    if number in stops.marked and number != origin:
        return "address_poisoning"
    return move.kind if move.kind in ending else None


def of_step(world, numbers, stops, direction, hops):
    """Why a unit does not go on to the next move, which may be none; None where it does."""
    origin, here, there = numbers
    back = direction == BACKWARD
    account = world[here].sender if back else world[here].receiver
    if there is None:
        return "unspent" if stops.covers(account, here, None) else "snapshot_end"
    if there == NOWHERE:
        return "balance_before_table"
    if not stops.covers(account, *((there, here) if back else (here, there))):
        return "snapshot_end"
    if world[there].kind == FEE:
        return FEE
    if hops >= stops.max_hops:
        return "hop_limit"
    return "time_limit" if stops.max_days and abs(there - origin) > stops.max_days else None


@given(st.data())
def test_every_unit_goes_where_the_oracle_moves_it(data):
    world = data.draw(moves())
    stops = data.draw(rules(world))
    ways, opening = simulated(world)
    lots = Lots(world)
    assert lots.opening == +opening
    for origin, move in enumerate(world):
        if not ways[origin]:
            continue
        for direction in (BACKWARD, FORWARD):
            if direction == FORWARD and move.kind == FEE:
                continue
            trace = trace_move(lots, origin, direction, stops)
            leaves, fees = expected(world, ways, origin, stops, direction)
            assert Counter({(leaf.move, leaf.stop_reason): leaf.units for leaf in trace.leaves}) == leaves
            assert trace.fee_units == fees
            assert sum(leaf.units for leaf in trace.leaves) + trace.fee_units == move.units
            assert {leaf.stop_reason for leaf in trace.leaves} <= set(TOKEN_STOP_REASONS)


@given(moves())
def test_forward_and_backward_are_one_relation(world):
    lots = Lots(world)
    back, on = Counter(), Counter()
    for number, move in enumerate(world):
        whole = [(0, move.units)]
        for piece in lots.came_from(number, whole):
            if piece.other != NOWHERE:
                back[piece.other, piece.other_low, number, piece.low, piece.high - piece.low] += 1
        for piece in lots.went_to(number, whole):
            if piece.other != NOWHERE:
                on[number, piece.low, piece.other, piece.other_low, piece.high - piece.low] += 1
    assert back == on


@given(moves(), st.integers(1, LARGEST // 9))
def test_amounts_of_any_size_are_exact(world, factor):
    """A world whose every unit is a great many units is the same world."""
    large = [
        Move(sender=move.sender, receiver=move.receiver, units=move.units * factor, kind=move.kind) for move in world
    ]
    stops = TokenStops(covers=lambda *_: True, at_s=[0] * len(world), max_hops=10_000)
    few, many = Lots(world), Lots(large)
    assert many.opening == {account: units * factor for account, units in few.opening.items()}
    assert many.closing == {account: units * factor for account, units in few.closing.items()}
    for origin, move in enumerate(world):
        if not move.units or move.kind != TRANSFER or move.sender == move.receiver:
            continue
        for direction in (BACKWARD, FORWARD):
            one, other = (trace_move(lots, origin, direction, stops) for lots in (few, many))
            assert [(leaf.move, leaf.stop_reason, leaf.units * factor) for leaf in one.leaves] == [
                (leaf.move, leaf.stop_reason, leaf.units) for leaf in other.leaves
            ]


@given(st.data())
def test_dust_stops_only_what_is_below_it(data):
    world = data.draw(moves())
    lots = Lots(world)
    origin = data.draw(st.integers(0, len(world) - 1))
    move = world[origin]
    if move.kind != TRANSFER or move.sender == move.receiver:
        return
    stops = TokenStops(covers=lambda *_: True, at_s=[0] * len(world), max_hops=99, dust_units=4)
    for direction in (BACKWARD, FORWARD):
        for leaf in trace_move(lots, origin, direction, stops).leaves:
            assert leaf.stop_reason != "dust" or leaf.units < 4
