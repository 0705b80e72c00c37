"""The custody log's head as a QR code, drawn as lines: a reader who keeps the report is a witness to the log."""

from __future__ import annotations

from itertools import groupby

import segno

__all__ = ["qr_svg"]

_QUIET_MODULES = 4  # source: ISO/IEC 18004, the empty border


def qr_svg(text: str) -> str:
    """The text as a QR code in SVG: one path of bars, no bitmap, the same bytes for the same text."""
    rows = [list(row) for row in segno.make_qr(text, error="m").matrix]
    side = len(rows) + 2 * _QUIET_MODULES
    bars = []
    for y, row in enumerate(rows, start=_QUIET_MODULES):
        x = _QUIET_MODULES
        for dark, modules in groupby(row):
            width = len(list(modules))
            if dark:
                bars.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{side}" height="{side}" '
        f'shape-rendering="crispEdges"><path fill="#000" d="{"".join(bars)}"/></svg>'
    )
