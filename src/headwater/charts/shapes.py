"""A drawing as a list of shapes: written here as an SVG document, by a template as part of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from headwater.charts.labels import FACES

__all__ = ["Drawing", "Shape", "drawing_svg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One thing that is drawn. Colours are those of paper; the workbench has its own for each class.

    Attributes:
        kind: rect, line, path or text.
        x: Left edge, or where a line begins, or where a text is anchored.
        y: Upper edge, or where a line begins, or the base line of a text.
        width: Of a rectangle; of a line, how far it goes to the right.
        height: Of a rectangle; of a line, how far it goes down.
        name: What it stands for; style sheets know it as a class.
        fill: Colour on paper; `none` for none.
        stroke: Colour of the line on paper; empty for none.
        path: Of a path, where it goes.
        text: What a text says, or what a shape says of itself to who points at it.
        size: Of a text.
        anchor: Of a text: start, middle or end.
        upright: Whether a text goes upwards.
        place: What it leads to; whoever draws makes an address of it, or nothing. Empty for nothing.
    """

    kind: str
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    name: str
    fill: str = "none"
    stroke: str = ""
    path: str = ""
    text: str = ""
    size: int = 0
    anchor: str = "start"
    upright: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Shapes on a sheet, the first at the bottom.

    Attributes:
        width: Of the sheet, in units of its own.
        height: Of the sheet.
        title: What it is.
        about: What it shows, for who does not see it.
        shapes: What is drawn.
    """

    width: int
    height: int
    title: str
    about: str
    shapes: tuple[Shape, ...]


def drawing_svg(drawing: Drawing, *, name: str = "drawing", address: Callable[[str], str] | None = None) -> str:
    """The drawing as an SVG element: no script, no style sheet, no font of its own.

    Args:
        drawing: What is drawn.
        name: Begins the ids in it; two on one page have two.
        address: From the place that a shape leads to, to its address on this server; None draws no links.

    Example:
        >>> box = Shape(kind="rect", width=2, height=3, name="box", fill="#000000")
        >>> drawing_svg(Drawing(width=9, height=9, title="A box", about="One", shapes=(box,))).count("<rect")
        1
    """
    return "\n".join([*_lines(drawing, name, address), ""])


def _lines(drawing: Drawing, name: str, address: Callable[[str], str] | None) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 {drawing.width} {drawing.height}" '
        f'width="{drawing.width}" height="{drawing.height}" role="{"group" if address else "img"}" '
        f'aria-labelledby="{name}-title {name}-about">'
    )
    yield f'<title id="{name}-title">{escape(drawing.title)}</title>'
    yield f'<desc id="{name}-about">{escape(drawing.about)}</desc>'
    yield f'<g font-family="{FACES}">'
    for shape in drawing.shapes:
        if address is None or not shape.place:
            yield _written(shape)
        else:
            # Out of the way of the keyboard: the table under a drawing has the same links, in order.
            yield f'<a href={quoteattr(address(shape.place))} tabindex="-1">{_written(shape)}</a>'
    yield "</g>"
    yield "</svg>"


def _written(shape: Shape) -> str:
    stroke = f' stroke="{shape.stroke}"' if shape.stroke else ""
    said = f"<title>{escape(shape.text)}</title>" if shape.text else ""
    painted = f'class={quoteattr(shape.name)} fill="{shape.fill}"{stroke}'
    if shape.kind == "rect":
        size = f'width="{shape.width}" height="{shape.height}"'
        return f'<rect {painted} x="{shape.x}" y="{shape.y}" {size}>{said}</rect>'
    if shape.kind == "line":
        to = f'x2="{shape.x + shape.width}" y2="{shape.y + shape.height}"'
        return f'<line {painted} x1="{shape.x}" y1="{shape.y}" {to}>{said}</line>'
    if shape.kind == "path":
        return f'<path {painted} d="{shape.path}">{said}</path>'
    turned = f' transform="rotate(-90 {shape.x} {shape.y})"' if shape.upright else ""
    return (
        f'<text {painted} x="{shape.x}" y="{shape.y}" font-size="{shape.size}" '
        f'text-anchor="{shape.anchor}"{turned}>{escape(shape.text)}</text>'
    )
