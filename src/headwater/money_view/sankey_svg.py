"""The picture written as SVG: no script, no style sheet, no font of its own; every number in it is a whole one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from headwater.money_view.amounts import btc_text, share_text
from headwater.money_view.sankey import HEIGHT, WIDTH, Band, Node, Picture
from headwater.packages import printable

__all__ = ["svg_text", "text_width"]

_SIZE: Final = 26
_SMALL: Final = 22
# Every fixed-width face named here advances by 0.6 em and a little (DejaVu Sans Mono: 1233 of 2048 units), so that
# where a word ends is known without measuring it.
_ADVANCE_MILLI_EM: Final = 603
_FACES: Final = "DejaVu Sans Mono, Liberation Mono, Noto Sans Mono, monospace"
_BAR: Final = 30
_MARGIN: Final = 50

# source: Okabe and Ito, "Color Universal Design" (2008): told apart with every common colour vision, and as greys.
_COLOURS: Final = {
    "platform": "#000000",
    "hops": "#5b6875",
    "service": "#0072b2",
    "others": "#56b4e9",
    "reason": "#999999",
    "fee": "#d55e00",
}
_LEGEND: Final = (
    ("service", "named service"),
    ("others", "other services"),
    ("reason", "another reason to stop"),
    ("fee", "transaction fees"),
)
_DIRECTIONS: Final = {"backward": "came from", "forward": "went to"}


def text_width(text: str, size: int) -> int:
    """How wide a text is drawn, in tenths of a millimetre, rounded up; wide characters count twice."""
    cells = sum(2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1 for character in text)
    return -(-cells * size * _ADVANCE_MILLI_EM // 1000)


def svg_text(picture: Picture, *, title: str, notes: Sequence[str]) -> str:
    """The picture as an SVG document on a landscape A4 page.

    Args:
        picture: What is laid out.
        title: Over it.
        notes: Lines under it: what it rests on.
    """
    return "\n".join([*_lines(picture, title, notes), ""])


def _lines(picture: Picture, title: str, notes: Sequence[str]) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH // 10}mm" height="{HEIGHT // 10}mm" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title about">'
    )
    yield f'<title id="title">{escape(printable(title))}</title>'
    yield f'<desc id="about">{escape(_about(picture))}</desc>'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield f'<g font-family="{_FACES}" font-size="{_SIZE}" fill="#1b2733">'
    yield _text(_cut(printable(title), WIDTH - 2 * _MARGIN, 36), _MARGIN, 90, size=36, weight="bold")
    for place, line in enumerate(_heading(picture)):
        yield _text(_cut(line, WIDTH - 2 * _MARGIN, _SIZE), _MARGIN, 140 + 38 * place)
    for band in picture.bands:
        yield _band(band)
    for node in picture.nodes:
        yield _bar(node, picture)
    # Words last: nothing is drawn over them.
    for node in picture.nodes:
        yield _words(node, picture)
    yield from _legend()
    for place, line in enumerate(notes):
        yield _text(_cut(printable(line), WIDTH - 2 * _MARGIN, _SMALL), _MARGIN, 1990 + 32 * place, size=_SMALL)
    yield "</g>"
    yield "</svg>"


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


def _bar(node: Node, picture: Picture) -> str:
    share = share_text(node.amount_sat, picture.total_sat)
    shown = f"{printable(node.label)}: {node.amount_sat} satoshis, {share}"
    return (
        f'<rect class="node" id={quoteattr(node.name)} data-sat="{node.amount_sat}" data-height="{node.height}" '
        f'x="{node.x}" y="{node.y}" width="{_BAR}" height="{max(node.height, 1)}" fill="{_COLOURS[node.kind]}">'
        f"<title>{escape(shown)}</title></rect>"
    )


def _words(node: Node, picture: Picture) -> str:
    share = share_text(node.amount_sat, picture.total_sat)
    if node.side == "above":
        words = f"{node.label} {share}" if node.kind == "hops" else node.label
        return _text(words, node.x + _BAR // 2, node.y - 14, anchor="middle")
    figures = f"{btc_text(node.amount_sat)} BTC {share}"
    room = (node.x if node.side == "left" else WIDTH - node.x - _BAR) - _MARGIN - 16
    label = _cut(printable(node.label), room - text_width(f" {figures}", _SIZE), _SIZE)
    y = node.y + node.height // 2 + _SIZE // 3
    if node.side == "left":
        return _text(f"{label} {figures}", node.x - 16, y, anchor="end")
    return _text(f"{label} {figures}", node.x + _BAR + 16, y)


def _band(band: Band) -> str:
    middle = (band.x + band.to_x) // 2
    low, to_low = band.y + band.width, band.to_y + band.width
    # A stream too thin to have a width is drawn as a hairline, so that nothing is missing from the picture.
    hairline = "" if band.width else f' stroke="{_COLOURS[band.kind]}" stroke-width="1"'
    return (
        f'<path class="band" data-from={quoteattr(band.source)} data-to={quoteattr(band.target)} '
        f'data-sat="{band.amount_sat}" d="M{band.x} {band.y}C{middle} {band.y} {middle} {band.to_y} {band.to_x} '
        f'{band.to_y}L{band.to_x} {to_low}C{middle} {to_low} {middle} {low} {band.x} {low}Z" '
        f'fill="{_COLOURS[band.kind]}" fill-opacity="0.4"{hairline}/>'
    )


def _legend() -> Iterator[str]:
    x = _MARGIN
    for kind, words in _LEGEND:
        yield f'<rect x="{x}" y="1924" width="24" height="24" fill="{_COLOURS[kind]}"/>'
        yield _text(words, x + 36, 1945, size=_SMALL)
        x += 36 + text_width(words, _SMALL) + 50
    yield _text("hop: one transaction. Widths are in proportion to satoshis.", x, 1945, size=_SMALL)


def _text(text: str, x: int, y: int, *, size: int = _SIZE, anchor: str = "start", weight: str = "normal") -> str:
    # A white edge keeps words readable where they stand over a stream.
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" stroke="#ffffff" '
        f'stroke-width="6" stroke-linejoin="round" paint-order="stroke">{escape(text)}</text>'
    )


def _cut(text: str, room: int, size: int) -> str:
    """The text, cut to the room that there is; the picture's titles have it whole."""
    if text_width(text, size) <= room:
        return text
    kept = text
    while kept and text_width(f"{kept}\u2026", size) > room:
        kept = kept[:-1]
    return f"{kept}\u2026"
