"""A link chart written as SVG: no script, no style sheet, no attribute of styles; readable where nothing else runs.

Each node and edge says in `data-` attributes what it is, so that a script that makes the chart movable reads it from
there, and the picture and the movable chart cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from headwater.charts.labels import FACES, cut_label, shown_label
from headwater.charts.link_layout import BOX_HIGH, BOX_WIDE, LinkChart, LinkEdge, PlacedNode

__all__ = ["link_chart_svg"]

_SIZE: Final = 13
_SMALL: Final = 11
_STRIPE: Final = 6
_THICKEST: Final = 9
_MOST_LABELLED: Final = 30
"""Edges beyond which words on them would lie on each other: then their titles alone have them."""

# source: Okabe and Ito, "Color Universal Design" (2008): told apart with every common colour vision. The word in the
# box says the same, so that nothing rests on the colour.
_COLOURS: Final = {
    "platform": "#000000",
    "address": "#0072b2",
    "address_cluster": "#0072b2",
    "service": "#009e73",
    "account": "#d55e00",
    "payer": "#cc79a7",
    "record": "#cc79a7",
    "payment": "#56b4e9",
    "transaction": "#56b4e9",
}
_OTHER: Final = "#5b6875"


def link_chart_svg(chart: LinkChart, *, title: str, about: str, words: Mapping[str, str], name: str = "links") -> str:
    """The chart as an SVG element.

    Args:
        chart: What is laid out.
        title: What it is a chart of.
        about: In a sentence, for who does not see it; also how many are left out.
        words: What each kind of node is called, by kind; a kind that is not there is called by its own name.
        name: Begins the ids in it; two charts on one page have two.
    """
    return "\n".join([*_lines(chart, title, about, words, name), ""])


def _lines(chart: LinkChart, title: str, about: str, words: Mapping[str, str], name: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="linkchart" width="{chart.width}" height="{chart.height}" '
        f'viewBox="0 0 {chart.width} {chart.height}" role="group" aria-labelledby="{name}-title {name}-about">'
    )
    yield f'<title id="{name}-title">{escape(shown_label(title))}</title>'
    yield f'<desc id="{name}-about">{escape(shown_label(about))}</desc>'
    yield f'<g font-family="{FACES}" font-size="{_SIZE}" fill="#1b2733">'
    at = {placed.node.node_id: placed for placed in chart.nodes}
    most = max((edge.amount for edge in chart.edges), default=0)
    between: dict[tuple[str, str], int] = {}
    texts = []
    for edge in chart.edges:
        pair = (min(edge.source_id, edge.target_id), max(edge.source_id, edge.target_id))
        between[pair] = between.get(pair, -1) + 1
        path, middle = _path(at[edge.source_id], at[edge.target_id], between[pair])
        yield _edge(edge, path, most, at)
        if edge.label and len(chart.edges) <= _MOST_LABELLED:
            texts.append(_edge_words(edge, middle))
    for placed in chart.nodes:
        yield _node(placed, words, in_focus=placed.node.node_id in chart.focus)
    # Words last: nothing is drawn over them.
    yield from texts
    yield "</g>"
    yield "</svg>"


def _node(placed: PlacedNode, words: Mapping[str, str], *, in_focus: bool) -> str:
    node = placed.node
    x, y = placed.x - BOX_WIDE // 2, placed.y - BOX_HIGH // 2
    colour = _COLOURS.get(node.kind, _OTHER)
    kind, label = shown_label(words.get(node.kind, node.kind)), shown_label(node.label)
    room = BOX_WIDE - _STRIPE - 16
    classes = f"lc-node lc-{_class(node.kind)}{' lc-focus' if in_focus else ''}"
    facts = (
        f"data-node={quoteattr(shown_label(node.node_id))} data-kind={quoteattr(node.kind)} "
        f"data-words={quoteattr(kind)} data-label={quoteattr(label)} "
        f'data-colour="{colour}" data-x="{placed.x}" data-y="{placed.y}"'
    )
    opening = f"<a href={quoteattr(node.href)} class={quoteattr(classes)} {facts}>" if node.href else (
        f"<g class={quoteattr(classes)} {facts}>"
    )  # fmt: skip
    return (
        f"{opening}<title>{escape(f'{kind}: {label}')}</title>"
        f'<rect class="lc-box" x="{x}" y="{y}" width="{BOX_WIDE}" height="{BOX_HIGH}" rx="5" fill="#ffffff" '
        f'stroke="{colour}" stroke-width="{3 if in_focus else 1}"/>'
        f'<rect class="lc-stripe" x="{x}" y="{y}" width="{_STRIPE}" height="{BOX_HIGH}" rx="2" fill="{colour}"/>'
        f'<text class="lc-kind" x="{x + _STRIPE + 8}" y="{y + 15}" font-size="{_SMALL}" fill="#4d5a58">'
        f"{escape(cut_label(kind, room, _SMALL))}</text>"
        f'<text class="lc-label" x="{x + _STRIPE + 8}" y="{y + 33}">{escape(cut_label(label, room, _SIZE))}</text>'
        f"{'</a>' if node.href else '</g>'}"
    )


def _class(kind: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in kind)


def _edge(edge: LinkEdge, path: str, most: int, at: Mapping[str, PlacedNode]) -> str:
    # Thick by the root of the amount: what is a hundredth of the most can still be told from nothing.
    thick = 1 + (_THICKEST - 1) * math.isqrt(10_000 * edge.amount // most) // 100 if most and edge.amount > 0 else 1
    source, target = at[edge.source_id].node, at[edge.target_id].node
    told = f"{shown_label(source.label)} \u2192 {shown_label(target.label)}"
    label = shown_label(edge.label)
    broken = ' stroke-dasharray="6 5"' if edge.kind == "inferred" else ""
    return (
        f'<path class="lc-edge" data-from={quoteattr(shown_label(edge.source_id))} '
        f"data-to={quoteattr(shown_label(edge.target_id))} data-label={quoteattr(label)} "
        f"data-kind={quoteattr(edge.kind)} "
        f'data-thick="{thick}" d="{path}" fill="none" stroke="#84908c" stroke-opacity="0.7" stroke-width="{thick}"'
        f"{broken}><title>{escape(f'{told}: {label}' if label else told)}</title></path>"
    )


def _path(source: PlacedNode, target: PlacedNode, several: int) -> tuple[str, tuple[int, int]]:
    """From the side of one box to that of the other, with an arrow's head; and where its words stand."""
    aside = 14 * several
    half = BOX_WIDE // 2
    y, to_y = source.y + aside, target.y + aside
    if source.x == target.x:  # one column: round its right side
        x = source.x + half
        bend = x + 46 + aside
        return f"M{x} {y}C{bend} {y} {bend} {to_y} {x} {to_y}{_head(x, to_y, -1)}", (bend - 8, (y + to_y) // 2)
    way = 1 if target.x > source.x else -1
    x, to_x = source.x + way * half, target.x - way * half
    middle = (x + to_x) // 2
    return f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}{_head(to_x, to_y, way)}", (middle, (y + to_y) // 2)


def _head(x: int, y: int, way: int) -> str:
    return f"M{x - way * 8} {y - 5}L{x} {y}L{x - way * 8} {y + 5}"


def _edge_words(edge: LinkEdge, middle: tuple[int, int]) -> str:
    label = cut_label(shown_label(edge.label), 170, _SMALL)
    # A light edge keeps words readable where they stand over a line.
    return (
        f'<text class="lc-words" x="{middle[0]}" y="{middle[1] - 4}" font-size="{_SMALL}" text-anchor="middle" '
        f'stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke">{escape(label)}</text>'
    )
