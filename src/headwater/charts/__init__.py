"""Charts drawn as SVG from whole numbers: the same picture on a page, on paper and in a signed report."""

from headwater.charts.calendar import clock_time, instant_of, microseconds_of
from headwater.charts.labels import FACES, cut_label, shown_label, text_width
from headwater.charts.lanes import timeline_drawing
from headwater.charts.link_layout import LinkChart, LinkEdge, LinkNode, PlacedNode, link_chart
from headwater.charts.link_svg import link_chart_svg
from headwater.charts.shapes import Drawing, Shape, drawing_svg
from headwater.charts.timeline import GAP_DAYS, LANES, Bin, Gap, Span, Timeline, laid_out_timeline

__all__ = [
    "FACES",
    "GAP_DAYS",
    "LANES",
    "Bin",
    "Drawing",
    "Gap",
    "LinkChart",
    "LinkEdge",
    "LinkNode",
    "PlacedNode",
    "Shape",
    "Span",
    "Timeline",
    "clock_time",
    "cut_label",
    "drawing_svg",
    "instant_of",
    "laid_out_timeline",
    "link_chart",
    "link_chart_svg",
    "microseconds_of",
    "shown_label",
    "text_width",
    "timeline_drawing",
]
