"""A picture of one policy's flows laid out in whole units: what comes into a node leaves it, in satoshis and as drawn.

From left to right: where the platform's receipts came from, over how many transactions, the platform, over how many
transactions, where they went. Every satoshi is in the picture: services beyond the first few are drawn as one, reasons
to stop and fees stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.errors import IntegrityError
from headwater.money_view.frames import PAPER, Frame
from headwater.money_view.sums import FEE, UNNAMED, End, FlowSums, MoneySums

__all__ = ["PLATFORM", "Band", "Node", "Picture", "laid_out"]

PLATFORM: Final = "platform"
_MOST_REASONS: Final = 10
_GAP: Final = 10


_BUCKETS: Final = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 9), (10, None))
_BACKWARD: Final = "backward"
_ASIDE: Final = -1  # in place of a number of hops: satoshis that are followed the other way only
_NOT_FOLLOWED: Final = End(stop_reason="not followed this way")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A bar.

    Attributes:
        name: Its id in the picture.
        kind: platform, hops, service, others, reason or fee; what its colour says.
        side: Where its words stand: left, right or above.
        label: What it is.
        amount_sat: Satoshis through it.
        x: Left edge, in tenths of a millimetre.
        y: Upper edge.
        height: Height, the sum of its bands on each side.
        direction: Of what is followed there; empty for the platform.
        ends: The ends that it is; none for the platform and bars of hops, but for that of fees.
        hops: The transactions that it stands for, as least and most, the latter None for no limit; None where it stands
            for all of them, or for fees, which fall anywhere.
    """

    name: str
    kind: str
    side: str
    label: str
    amount_sat: int
    x: int
    y: int
    height: int
    direction: str = ""
    ends: tuple[End, ...] = ()
    hops: tuple[int, int | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A stream between two bars, as wide at one end as at the other.

    Attributes:
        source: Node at its left end.
        target: Node at its right end.
        kind: What its colour says.
        amount_sat: Satoshis in it.
        x: Left end.
        y: Upper edge there.
        to_x: Right end.
        to_y: Upper edge there.
        width: Width; 0 where the satoshis are fewer than a unit shows.
    """

    source: str
    target: str
    kind: str
    amount_sat: int
    x: int
    y: int
    to_x: int
    to_y: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The whole of one policy.

    Attributes:
        policy: The rule of attribution.
        receipts: Receipts followed.
        total_sat: Satoshis of them.
        nodes: The bars.
        bands: The streams.
        shares: For each direction drawn, the satoshis that reach a named service, and all.
        frame: What it is laid out in.
    """

    policy: str
    receipts: int
    total_sat: int
    nodes: tuple[Node, ...]
    bands: tuple[Band, ...]
    shares: Mapping[str, tuple[int, int]]
    frame: Frame = PAPER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """An end as it will be drawn: one of the ends, or several together."""

    order: int
    kind: str
    label: str
    ends: frozenset[End]


def laid_out(sums: MoneySums, policy: str, *, top: int, frame: Frame = PAPER) -> Picture:
    """The picture of a policy.

    Args:
        sums: All sums of the case.
        policy: Which of its policies.
        top: Services drawn one by one on each side; the others are drawn as one, also where there is none.
        frame: What it is laid out in: `PAPER`, or `SCREEN`.
    """
    total_sat = max((flow.origin_sat for flow in sums.of_policy(policy)), default=0)
    flows = [_levelled(flow, total_sat) for flow in sums.of_policy(policy)]
    nodes: list[Node] = []
    bands: list[Band] = []
    sides = [(flow, _slots(flow, sums, top)) for flow in flows]
    crowd = max((len(slots) for _, slots in sides), default=0)
    if frame.on_page and (more := frame.tallest + frame.pitch * crowd - (frame.bottom - frame.top)) > 0:
        frame = replace(frame, height=frame.height + more, bottom=frame.bottom + more)
    room = frame.bottom - frame.top
    tall = min(frame.tallest, room - frame.pitch * crowd)
    platform_y = frame.top + (room - tall) // 2
    for flow, slots in sides:
        _draw_side(flow, slots, frame, total_sat=total_sat, tall=tall, platform_y=platform_y, nodes=nodes, bands=bands)
    nodes.append(
        Node(
            name=PLATFORM,
            kind="platform",
            side="above",
            label="platform",
            amount_sat=total_sat,
            x=frame.columns[2],
            y=platform_y,
            height=tall if total_sat else 0,
        )
    )
    picture = Picture(
        policy=policy,
        receipts=max((flow.receipts for flow in flows), default=0),
        total_sat=total_sat,
        nodes=tuple(nodes),
        bands=tuple(bands),
        shares={flow.direction: (flow.named_sat, flow.origin_sat) for flow in flows},
        frame=frame,
    )
    _check(picture)
    return picture


def _levelled(flow: FlowSums, total_sat: int) -> FlowSums:
    """The sums with what is followed the other way only, so that both sides of the platform are of one height."""
    if flow.origin_sat == total_sat:
        return flow
    rest: dict[tuple[End, int | None], int] = {(_NOT_FOLLOWED, _ASIDE): total_sat - flow.origin_sat}
    return FlowSums(
        direction=flow.direction,
        policy=flow.policy,
        receipts=flow.receipts,
        origin_sat=flow.origin_sat,
        by_end={**flow.by_end, **rest},
    )


def _slots(flow: FlowSums, sums: MoneySums, top: int) -> list[_Slot]:
    """The ends in the order they are drawn: services, the others, reasons, fees."""
    ends = list(flow.ends)
    services = [end for end in ends if end.is_named_service]
    unnamed = [end for end in ends if end.stop_reason == UNNAMED]
    reasons = [end for end in ends if not end.is_named_service and end.stop_reason not in {FEE, UNNAMED}]
    drawn = [(0, "service", sums.label(end), [end]) for end in services[:top]]
    others = services[top:] + unnamed
    # How many are not named is not said either.
    told = UNNAMED if unnamed else f"{len(others)} other services" if others else "other services: none"
    drawn.append((1, "others", told, others))
    drawn += [(2, "reason", sums.label(end), [end]) for end in reasons[:_MOST_REASONS]]
    if fewer := reasons[_MOST_REASONS:]:
        drawn.append((3, "reason", f"{len(fewer)} other reasons", fewer))
    if fees := [end for end in ends if end.stop_reason == FEE and not end.is_named_service]:
        drawn.append((4, "fee", "transaction fees", fees))
    return [
        _Slot(order=order, kind=kind, label=label, ends=frozenset(held))
        for order, (_, kind, label, held) in enumerate(drawn)
    ]


def _bucket(hops: int | None) -> tuple[int, str]:
    """Place and words of the bar that an end at this distance is reached over."""
    if hops is None:
        return len(_BUCKETS), "fees on the way"
    if hops == _ASIDE:
        return len(_BUCKETS) + 1, "not followed"
    for place, (low, high) in enumerate(_BUCKETS):
        if high is None or low <= hops <= high:
            if not high:
                return place, f"{low} or more hops" if high is None else "not moved on"
            words = f"{low} hop" if high == 1 else f"{low} hops" if low == high else f"{low} to {high} hops"
            return place, words
    raise AssertionError("the last bucket takes every number")


def _draw_side(
    flow: FlowSums,
    slots: Sequence[_Slot],
    frame: Frame,
    *,
    total_sat: int,
    tall: int,
    platform_y: int,
    nodes: list[Node],
    bands: list[Band],
) -> None:
    leftward = flow.direction == _BACKWARD
    slot_of = {end: slot for slot in slots for end in slot.ends}
    cells: dict[tuple[int, int], int] = {}
    words: dict[int, str] = {}
    for (end, hops), amount_sat in flow.by_end.items():
        place, text = _bucket(hops)
        words[place] = text
        key = (place, slot_of[end].order)
        cells[key] = cells.get(key, 0) + amount_sat
    widths = _widths(cells, total_sat, tall)

    left_ends, left_hops, middle_x, right_hops, right_ends = frame.columns
    hops_x, ends_x = (left_hops, left_ends) if leftward else (right_hops, right_ends)
    hop_heights = {place: sum(width for (at, _), width in widths.items() if at == place) for place in sorted(words)}
    end_heights = {slot.order: sum(w for (_, at), w in widths.items() if at == slot.order) for slot in slots}
    hop_ys = _stacked(hop_heights, frame, headroom=frame.headroom, least=0)
    end_ys = _stacked(end_heights, frame, headroom=0, least=frame.pitch - _GAP)

    passed = platform_y
    hop_left, end_left = dict(hop_ys), dict(end_ys)
    for place in sorted(words):
        amount_sat = sum(sat for (at, _), sat in cells.items() if at == place)
        name = f"{flow.direction}-hops-{place}"
        nodes.append(
            Node(
                name=name,
                kind="hops",
                side="above",
                label=words[place],
                amount_sat=amount_sat,
                x=hops_x,
                y=hop_ys[place],
                height=hop_heights[place],
                direction=flow.direction,
                ends=(End(stop_reason=FEE),) if place == len(_BUCKETS) else (),
                hops=_BUCKETS[place] if place < len(_BUCKETS) else None,
            )
        )
        near, far = (PLATFORM, middle_x, passed), (name, hops_x, hop_ys[place])
        bands.append(_band(near, far, "hops", amount_sat, hop_heights[place], frame.bar, leftward=leftward))
        passed += hop_heights[place]
        for slot in slots:
            if (sat := cells.get((place, slot.order))) is None:
                continue
            width = widths[place, slot.order]
            far = (f"{flow.direction}-end-{slot.order}", ends_x, end_left[slot.order])
            near = (name, hops_x, hop_left[place])
            bands.append(_band(near, far, slot.kind, sat, width, frame.bar, leftward=leftward))
            hop_left[place] += width
            end_left[slot.order] += width
    nodes += [
        Node(
            name=f"{flow.direction}-end-{slot.order}",
            kind=slot.kind,
            side="left" if leftward else "right",
            label=slot.label,
            amount_sat=sum(sat for (_, at), sat in cells.items() if at == slot.order),
            x=ends_x,
            y=end_ys[slot.order],
            height=end_heights[slot.order],
            direction=flow.direction,
            ends=tuple(sorted(slot.ends - {_NOT_FOLLOWED})),
        )
        for slot in slots
    ]


def _band(
    near: tuple[str, int, int],
    far: tuple[str, int, int],
    kind: str,
    amount_sat: int,
    width: int,
    bar: int,
    *,
    leftward: bool,
) -> Band:
    """A band between a node nearer the platform and one farther from it."""
    (source, x, y), (target, to_x, to_y) = (far, near) if leftward else (near, far)
    return Band(
        source=source,
        target=target,
        kind=kind,
        amount_sat=amount_sat,
        x=x + bar,
        y=y,
        to_x=to_x,
        to_y=to_y,
        width=width,
    )


def _widths(cells: Mapping[tuple[int, int], int], total_sat: int, tall: int) -> dict[tuple[int, int], int]:
    """Whole widths in proportion to satoshis that add up exactly: each ends where its running sum ends."""
    widths: dict[tuple[int, int], int] = {}
    passed_sat = 0
    for key in sorted(cells):
        before = passed_sat
        passed_sat += cells[key]
        widths[key] = tall * passed_sat // total_sat - tall * before // total_sat
    return widths


def _stacked(heights: Mapping[int, int], frame: Frame, *, headroom: int, least: int) -> dict[int, int]:
    """Upper edge of each bar, one under the other in the middle of the page, apart enough for their words."""
    slots = {key: headroom + max(height, least) + _GAP for key, height in heights.items()}
    y = frame.top + (frame.bottom - frame.top - sum(slots.values())) // 2
    edges: dict[int, int] = {}
    for key, slot in slots.items():
        # A bar lower than its words stands in the middle of them.
        edges[key] = y + headroom + (max(heights[key], least) - heights[key]) // 2
        y += slot
    return edges


def _check(picture: Picture) -> None:
    """Nothing, if at every node what comes in goes out, in satoshis and in width.

    Raises:
        IntegrityError: At one it does not.
    """
    for node in picture.nodes:
        for bands in (_at(picture.bands, node.name, "target"), _at(picture.bands, node.name, "source")):
            if not bands:
                continue  # an end of the picture
            held = (sum(band.amount_sat for band in bands), sum(band.width for band in bands))
            if held != (node.amount_sat, node.height):
                raise IntegrityError(
                    f"{picture.policy}: {node.label} holds {node.amount_sat} satoshis and its streams {held[0]}; "
                    "run 'headwater verify'"
                )


def _at(bands: Iterable[Band], name: str, end: str) -> list[Band]:
    return [band for band in bands if getattr(band, end) == name]
