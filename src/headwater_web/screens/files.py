"""The workbench's own files: style sheets, scripts, one icon."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from headwater_web.answers import File, NotThereError
from headwater_web.ask import Ask
from headwater_web.rules import ANYONE, Route

__all__ = ["OWN_FILES", "ROUTES"]

_FOLDER: Final = Path(__file__).parents[1] / "static"
OWN_FILES: Final = {
    "headwater.css": "text/css",
    "intake.css": "text/css",
    "catalogue.css": "text/css",
    "trusted.js": "text/javascript",
    "headwater.js": "text/javascript",
    "passkey.js": "text/javascript",
    "release.css": "text/css",
    "review.css": "text/css",
    "review.js": "text/javascript",
    "vendor/htmx.min.js": "text/javascript",
    "vendor/cytoscape.min.js": "text/javascript",
    "money.css": "text/css",
    "linkchart.css": "text/css",
    "linkchart.js": "text/javascript",
    "leads.css": "text/css",
    "icon.svg.txt": "image/svg+xml",
}
"""Every file that is served, and as what; another is one line here."""


def own_file(ask: Ask) -> File:
    """One of them."""
    name = ask.path["name"]
    if name not in OWN_FILES:
        raise NotThereError
    return File(content=_content(name), media_type=OWN_FILES[name])


@cache
def _content(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


ROUTES = (
    Route(
        name="own_file",
        path="/own/{name:path}",
        about="The workbench's own style sheets, scripts and icon.",
        view=own_file,
        roles=ANYONE,
        in_case=False,
        reads="",
        sample=(("name", "headwater.css"),),
    ),
)
