"""Charts that the product drew, on their way into a page: what could run, or look like another page, is refused."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from markupsafe import Markup

from headwater.errors import IntegrityError

__all__ = ["drawn"]

_SVG: Final = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset({"svg", "g", "a", "path", "rect", "circle", "line", "text", "tspan", "title", "desc"})
_ATTRIBUTES: Final = frozenset(
    {
        "aria-hidden", "aria-label", "aria-labelledby", "class", "cx", "cy", "d", "fill", "fill-opacity", "font-family",
        "font-size", "font-weight", "height", "href", "id", "paint-order", "preserveAspectRatio", "r", "role", "rx",
        "stroke", "stroke-dasharray", "stroke-linejoin", "stroke-opacity", "stroke-width", "tabindex", "text-anchor",
        "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
    },
)  # fmt: skip


def drawn(svg: str) -> Markup:
    """The chart, as a template may put it into a page.

    Args:
        svg: An SVG element of ours; what other people wrote stands in its texts and attributes, escaped.

    Raises:
        IntegrityError: It holds anything but shapes, texts and links to this server, or is no XML.
    """
    try:
        root = ET.fromstring(svg)  # noqa: S314 - our own drawing, with no document type in it
    except ET.ParseError as error:
        raise IntegrityError(f"a chart is no XML: {error}; report this as a defect") from error
    if "<!" in svg or "<?" in svg:
        raise IntegrityError("a chart holds a declaration; report this as a defect")
    for element in root.iter():
        if element.tag.removeprefix(_SVG) not in _ELEMENTS:
            raise IntegrityError(f"a chart holds the element {element.tag}; report this as a defect")
        for name, value in element.attrib.items():
            own = name in _ATTRIBUTES or name.startswith("data-")
            if not own or (name == "href" and not (value.startswith("/") and not value.startswith("//"))):
                raise IntegrityError(f"a chart holds the attribute {name}; report this as a defect")
    return Markup(svg)  # noqa: S704 - every element and attribute was looked at above
