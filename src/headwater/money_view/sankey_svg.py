"""The picture written as SVG: no script, no style sheet, no font of its own; every number in it is a whole one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from headwater.charts import FACES, cut_label, text_width
from headwater.money_view.amounts import btc_text, share_text
from headwater.money_view.frames import Frame
from headwater.money_view.sankey import Band, Node, Picture
from headwater.packages import printable

__all__ = ["svg_text"]

# source: Okabe and Ito, "Color Universal Design" (2008): told apart with every common colour vision, and as greys.
_COLOURS: Final = {
    "platform": "#000000",
    "hops": "#5b6875",
    "service": "#0072b2",
    "others": "#56b4e9",
    "reason": "#999999",
    "fee": "#d55e00",
}
_LARGEST_ON_PAGE: Final = 13
_LEGEND: Final = (
    ("service", "named service"),
    ("others", "other services"),
    ("reason", "another reason to stop"),
    ("fee", "transaction fees"),
)
_DIRECTIONS: Final = {"backward": "came from", "forward": "went to"}


def svg_text(
    picture: Picture, *, title: str, notes: Sequence[str] = (), links: Mapping[tuple[str, str], str] | None = None
) -> str:
    """The picture as an SVG document on a landscape A4 page, or as an element of a page.

    Args:
        picture: What is laid out.
        title: Over it.
        notes: Lines under it: what it rests on.
        links: Where a bar or a stream leads: addresses by the names of the nodes at its two ends, of a bar by its own
            name twice. None for a document that leads nowhere.
    """
    return "\n".join([*_lines(picture, title, notes, links or {}), ""])


def _lines(picture: Picture, title: str, notes: Sequence[str], links: Mapping[tuple[str, str], str]) -> Iterator[str]:
    frame = picture.frame
    if frame.on_page:
        # Links within a picture of role `img` are no links to who reads by ear.
        # What is drawn and its words, and no more.
        top = max(0, min((node.y for node in picture.nodes), default=0) - 2 * frame.headroom)
        bottom = min(frame.height, max((node.y + node.height for node in picture.nodes), default=0) + frame.pitch)
        size = f'class="sankey" width="{frame.width}" height="{bottom - top}"'
        role = "group"
    else:
        top, bottom = 0, frame.height
        size = f'width="{frame.width // 10}mm" height="{frame.height // 10}mm"'
        role = "img"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 {top} {frame.width} {bottom - top}" role="{role}" aria-labelledby="title about">'
    )
    yield f'<title id="title">{escape(printable(title))}</title>'
    yield f'<desc id="about">{escape(_about(picture))}</desc>'
    if not frame.on_page:
        yield f'<rect width="{frame.width}" height="{frame.height}" fill="#ffffff"/>'
    yield f'<g font-family="{FACES}" font-size="{frame.size}" fill="#1b2733">'
    room = frame.width - 2 * frame.margin
    if not frame.on_page:
        yield _text(cut_label(printable(title), room, 36), frame.margin, 90, size=36, weight="bold")
        for place, line in enumerate(_heading(picture)):
            yield _text(cut_label(line, room, frame.size), frame.margin, 140 + 38 * place, size=frame.size)
    labels = {node.name: node.label for node in picture.nodes}
    for band in picture.bands:
        shown = f"{labels[band.source]} \u2192 {labels[band.target]}: {band.amount_sat} satoshis"
        yield _linked(_band(band, shown if links else ""), links.get((band.source, band.target)), shown)
    for node in picture.nodes:
        shown = f"{node.label}: {node.amount_sat} satoshis, {share_text(node.amount_sat, picture.total_sat)}"
        yield _linked(_bar(node, shown, frame), links.get((node.name, node.name)), shown)
    # Words last: nothing is drawn over them.
    for node in picture.nodes:
        yield from _words(node, picture)
    if not frame.on_page:
        yield from _legend(frame)
        for place, line in enumerate(notes):
            words = cut_label(printable(line), room, frame.small)
            yield _text(words, frame.margin, 1990 + 32 * place, size=frame.small)
    yield "</g>"
    yield "</svg>"


def _linked(shape: str, href: str | None, words: str) -> str:
    if href is None:
        return shape
    return f"<a href={quoteattr(href)} aria-label={quoteattr(printable(words))}>{shape}</a>"


def _about(picture: Picture) -> str:
    bands = "; ".join(f"{band.source} to {band.target}: {band.amount_sat} satoshis" for band in picture.bands)
    return f"{' '.join(_heading(picture))} {bands or 'Nothing was followed.'}"


def _heading(picture: Picture) -> Iterator[str]:
    yield (
        f"{picture.receipts} receipts, {picture.total_sat} satoshis ({btc_text(picture.total_sat)} BTC), attributed by "
        f"{picture.policy.replace('_', ' ')}: a rule, not a fact of the chain"
    )
    for direction, (named_sat, origin_sat) in picture.shares.items():
        words = _DIRECTIONS.get(direction, direction)
        yield f"{words}: {named_sat} satoshis ({share_text(named_sat, origin_sat)}) reach services that are named here"


def _bar(node: Node, shown: str, frame: Frame) -> str:
    colour = f'class="node s-{node.kind}"' if frame.on_page else 'class="node"'
    return (
        f'<rect {colour} id={quoteattr(node.name)} data-sat="{node.amount_sat}" data-height="{node.height}" '
        f'x="{node.x}" y="{node.y}" width="{frame.bar}" height="{max(node.height, 1)}" fill="{_COLOURS[node.kind]}">'
        f"<title>{escape(printable(shown))}</title></rect>"
    )


def _words(node: Node, picture: Picture) -> Iterator[str]:
    frame = picture.frame
    share = share_text(node.amount_sat, picture.total_sat)
    if node.side == "above":
        words = f"{node.label} {share}" if node.kind == "hops" else node.label
        above = 7 if frame.on_page else 14
        size = frame.small if frame.on_page else frame.size
        yield _text(words, node.x + frame.bar // 2, node.y - above, size=size, anchor="middle")
        return
    figures = f"{btc_text(node.amount_sat)} BTC {share}"
    gap = 8 if frame.on_page else 16
    room = (node.x if node.side == "left" else frame.width - node.x - frame.bar) - frame.margin - gap
    x, anchor = (node.x - gap, "end") if node.side == "left" else (node.x + frame.bar + gap, "start")
    y = node.y + node.height // 2 + frame.size // 3
    if frame.on_page:
        yield _text(cut_label(printable(node.label), room, frame.size), x, y - 8, size=frame.size, anchor=anchor)
        yield _text(cut_label(figures, room, frame.small), x, y + 8, size=frame.small, anchor=anchor, kind="soft")
        return
    label = cut_label(printable(node.label), room - text_width(f" {figures}", frame.size), frame.size)
    yield _text(f"{label} {figures}", x, y, size=frame.size, anchor=anchor)


def _band(band: Band, title: str) -> str:
    middle = (band.x + band.to_x) // 2
    low, to_low = band.y + band.width, band.to_y + band.width
    # A stream too thin to have a width is drawn as a hairline, so that nothing is missing from the picture.
    hairline = "" if band.width else f' stroke="{_COLOURS[band.kind]}" stroke-width="1"'
    return (
        f'<path class="band" data-from={quoteattr(band.source)} data-to={quoteattr(band.target)} '
        f'data-sat="{band.amount_sat}" d="M{band.x} {band.y}C{middle} {band.y} {middle} {band.to_y} {band.to_x} '
        f'{band.to_y}L{band.to_x} {to_low}C{middle} {to_low} {middle} {low} {band.x} {low}Z" '
        f'fill="{_COLOURS[band.kind]}" fill-opacity="0.4"{hairline}'
        + (f"><title>{escape(printable(title))}</title></path>" if title else "/>")
    )


def _legend(frame: Frame) -> Iterator[str]:
    x = frame.margin
    for kind, words in _LEGEND:
        yield f'<rect x="{x}" y="1924" width="24" height="24" fill="{_COLOURS[kind]}"/>'
        yield _text(words, x + 36, 1945, size=frame.small)
        x += 36 + text_width(words, frame.small) + 50
    yield _text("hop: one transaction. Widths are in proportion to satoshis.", x, 1945, size=frame.small)


def _text(
    text: str, x: int, y: int, *, size: int, anchor: str = "start", weight: str = "normal", kind: str = ""
) -> str:
    # A white edge keeps words readable where they stand over a stream.
    own = f'class="{kind}" ' if kind else ""
    return (
        f'<text {own}x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" stroke="#ffffff" '
        f'stroke-width="{6 if size > _LARGEST_ON_PAGE else 3}" stroke-linejoin="round" paint-order="stroke">'
        f"{escape(text)}</text>"
    )
