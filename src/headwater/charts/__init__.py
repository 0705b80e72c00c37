"""Charts drawn as SVG from whole numbers: the same picture on a page, on paper and in a signed report."""

from headwater.charts.labels import cut_label, shown_label, text_width
from headwater.charts.link_layout import LinkChart, LinkEdge, LinkNode, PlacedNode, link_chart
from headwater.charts.link_svg import link_chart_svg

__all__ = [
    "LinkChart",
    "LinkEdge",
    "LinkNode",
    "PlacedNode",
    "cut_label",
    "link_chart",
    "link_chart_svg",
    "shown_label",
    "text_width",
]
