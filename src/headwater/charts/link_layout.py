"""A link chart laid out: who is shown, where, and how many are not; whole numbers, the same whatever the order given.

Columns are steps away from what the chart is about: what leads to it stands left of it, what it leads to right. Which
things a cap leaves out is decided by the same steps, nearest and most first, and is said in a number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["BOX_HIGH", "BOX_WIDE", "LinkChart", "LinkEdge", "LinkNode", "PlacedNode", "link_chart"]

BOX_WIDE: Final = 190
BOX_HIGH: Final = 42
_COLUMN: Final = 290
_PITCH: Final = 58
_MARGIN: Final = 24
_MOST_IN_COLUMN: Final = 14
_SWEEPS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkNode:
    """A thing in the chart.

    Attributes:
        node_id: Its id, unique in the chart.
        kind: What it is, such as `address_cluster`, `service`, `account`; says its colour, and stands in it as a word.
        label: What it is called; may be seized text.
        href: Where it leads on this server; empty for nowhere.
    """

    node_id: str
    kind: str
    label: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEdge:
    """A connection, in its direction.

    Attributes:
        source_id: Where it comes from.
        target_id: Where it leads.
        label: What it is; may be seized text.
        amount: How much, in whatever whole unit all edges share: how thick it is drawn. 0 where nothing is counted.
        kind: What it is by; `inferred` is drawn as a broken line.
    """

    source_id: str
    target_id: str
    label: str = ""
    amount: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedNode:
    """A node and its place.

    Attributes:
        node: What is there.
        x: Of its middle, in pixels.
        y: Of its middle.
        step: Steps from what the chart is about; below 0 where it leads there.
    """

    node: LinkNode
    x: int
    y: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChart:
    """The chart, laid out.

    Attributes:
        nodes: What is shown, nearest first.
        edges: The edges between these.
        focus: Ids of what the chart is about.
        total: Nodes that there are.
        edges_total: Edges that there are.
        cap: How many nodes were to be shown at most.
        width: In pixels.
        height: In pixels.
    """

    nodes: tuple[PlacedNode, ...]
    edges: tuple[LinkEdge, ...]
    focus: tuple[str, ...]
    total: int
    edges_total: int
    cap: int
    width: int
    height: int

    @property
    def omitted(self) -> int:
        """Nodes that the cap leaves out."""
        return self.total - len(self.nodes)

    def as_json(self) -> dict[str, Any]:
        """The chart for programs: places, edges, and what was left out."""
        return {
            "shown": len(self.nodes),
            "total": self.total,
            "omitted": self.omitted,
            "cap": self.cap,
            "edges_total": self.edges_total,
            "width": self.width,
            "height": self.height,
            "focus": list(self.focus),
            "nodes": [
                {
                    "id": placed.node.node_id,
                    "kind": placed.node.kind,
                    "label": placed.node.label,
                    "href": placed.node.href,
                    "x": placed.x,
                    "y": placed.y,
                    "step": placed.step,
                }
                for placed in self.nodes
            ],
            "edges": [
                {
                    "source": edge.source_id,
                    "target": edge.target_id,
                    "label": edge.label,
                    "amount": edge.amount,
                    "kind": edge.kind,
                }
                for edge in self.edges
            ],
        }


@dataclass(slots=True, kw_only=True)
class _Near:
    """Who is next to whom, and the side on which each stands."""

    nodes: Mapping[str, LinkNode]
    amounts: dict[str, dict[str, int]] = field(default_factory=dict)
    outward: set[tuple[str, str]] = field(default_factory=set)

    def add(self, edge: LinkEdge) -> None:
        for one, other in ((edge.source_id, edge.target_id), (edge.target_id, edge.source_id)):
            beside = self.amounts.setdefault(one, {})
            beside[other] = beside.get(other, 0) + edge.amount
        self.outward.add((edge.source_id, edge.target_id))


def link_chart(
    nodes: Iterable[LinkNode],
    edges: Iterable[LinkEdge],
    *,
    focus: Collection[str] = (),
    cap: int = 60,
) -> LinkChart:
    """The chart of these things, with at most so many of them as the cap says.

    Args:
        nodes: All things; an id that is there twice counts once.
        edges: All connections; those of one direction between the same two, with the same label, count together.
        focus: Ids of what the chart is about, in the middle; empty for the first id in order.
        cap: How many nodes are shown at most, 1 or more; what is nearest is kept, then what most is connected by.

    Raises:
        ValueError: The cap is below 1, an edge leads to no node, or a link of a node leads off this server.

    >>> chart = link_chart(
    ...     [LinkNode(node_id=name, kind="address", label=name) for name in "abc"],
    ...     [LinkEdge(source_id="a", target_id="b", amount=5), LinkEdge(source_id="b", target_id="c", amount=2)],
    ...     focus=["b"],
    ...     cap=2,
    ... )
    >>> [(placed.node.node_id, placed.step) for placed in chart.nodes], chart.omitted
    ([('b', 0), ('a', -1)], 1)
    """
    if cap < 1:
        raise ValueError("a chart shows one thing at least")
    by_id = {node.node_id: node for node in sorted(nodes, key=lambda node: (node.node_id, node.kind, node.label))}
    for node in by_id.values():
        if node.href and not (node.href.startswith("/") and not node.href.startswith("//")):
            raise ValueError(f"{node.node_id}: a chart leads nowhere but to this server")
    joined = _joined(edges)
    for edge in joined:
        if edge.source_id not in by_id or edge.target_id not in by_id:
            raise ValueError(f"{edge.source_id} to {edge.target_id}: an edge without one of its nodes")
    near = _Near(nodes=by_id)
    for edge in joined:
        near.add(edge)
    middle = sorted(name for name in focus if name in by_id) or sorted(by_id)[:1]
    steps = _steps(near, middle)
    shown = list(steps)[:cap]
    levels: dict[int, list[str]] = {}
    for name in shown:
        levels.setdefault(steps[name], []).append(name)
    _order(levels, near)
    placed, width, height = _placed(levels, by_id)
    kept = tuple(edge for edge in joined if edge.source_id in placed and edge.target_id in placed)
    return LinkChart(
        nodes=tuple(placed[name] for name in shown),
        edges=kept,
        focus=tuple(name for name in middle if name in placed),
        total=len(by_id),
        edges_total=len(joined),
        cap=cap,
        width=width,
        height=height,
    )


def _joined(edges: Iterable[LinkEdge]) -> list[LinkEdge]:
    """The edges, those of the same two, label and kind as one with their sum."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for edge in edges:
        key = (edge.source_id, edge.target_id, edge.kind, edge.label)
        sums[key] = sums.get(key, 0) + edge.amount
    return [
        LinkEdge(source_id=source, target_id=target, kind=kind, label=label, amount=amount)
        for (source, target, kind, label), amount in sorted(sums.items())
    ]


def _steps(near: _Near, middle: Sequence[str]) -> dict[str, int]:
    """Steps of every node from the middle, in the order in which a cap keeps them."""
    steps: dict[str, int] = {}
    rest = sorted(near.nodes)
    begin, aside = list(middle), 0
    while begin:
        steps |= dict.fromkeys(begin, aside)
        level = begin
        while level:
            reached: dict[str, int] = {}
            sides: dict[str, int] = {}
            for name in level:
                for other, amount in sorted(near.amounts.get(name, {}).items()):
                    if other in steps:
                        continue
                    reached[other] = reached.get(other, 0) + amount
                    side = (1 if (name, other) in near.outward else -1) if steps[name] == 0 else steps[name]
                    sides.setdefault(other, 1 if side > 0 else -1)
            beyond = abs(steps[level[0]]) + 1
            level = sorted(reached, key=lambda name: (-reached[name], name))
            steps |= {name: sides[name] * beyond for name in level}
        # What nothing connects with the middle stands beyond all that is connected.
        begin = next(([name] for name in rest if name not in steps), [])
        aside = max(steps.values(), default=0) + 1
    return steps


def _order(levels: dict[int, list[str]], near: _Near) -> None:
    """Put each column in the order of what its members are connected with beside it, so that few edges cross."""
    at = {name: place for names in levels.values() for place, name in enumerate(names)}
    outward = sorted(levels, key=lambda step: (abs(step), step))
    for sweep in range(_SWEEPS):
        for step in outward if sweep % 2 == 0 else reversed(outward):
            inner = step - (step > 0) + (step < 0)
            beside = {inner} if sweep % 2 == 0 else {step + 1, step - 1} - {inner}
            known = {name for other in beside for name in levels.get(other, ())}
            middles = {}
            for name in levels[step]:
                places = [at[other] for other in near.amounts.get(name, {}) if other in known and other != name]
                middles[name] = 1000 * sum(places) // len(places) if places else 1000 * at[name]
            levels[step] = [name for _, name in sorted((middle, name) for name, middle in middles.items())]
            at |= {name: place for place, name in enumerate(levels[step])}


def _placed(
    levels: Mapping[int, Sequence[str]], by_id: Mapping[str, LinkNode]
) -> tuple[dict[str, PlacedNode], int, int]:
    """Every node's place, and how large the chart is; a long column goes on in the next."""
    columns: list[tuple[int, Sequence[str]]] = []
    for step in sorted(levels):
        names = levels[step]
        count = -(-len(names) // _MOST_IN_COLUMN)
        high = -(-len(names) // count)
        columns += [(step, names[start : start + high]) for start in range(0, len(names), high)]
    tallest = max((len(names) for _, names in columns), default=1)
    height = 2 * _MARGIN + (tallest - 1) * _PITCH + BOX_HIGH
    placed = {}
    for place, (step, names) in enumerate(columns):
        top = (height - (len(names) - 1) * _PITCH) // 2
        for row, name in enumerate(names):
            placed[name] = PlacedNode(
                node=by_id[name],
                x=_MARGIN + BOX_WIDE // 2 + place * _COLUMN,
                y=top + row * _PITCH,
                step=step,
            )
    return placed, 2 * _MARGIN + BOX_WIDE + max(0, len(columns) - 1) * _COLUMN, height
