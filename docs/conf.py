"""Sphinx: offline, strict, and with reference pages that are written from the code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from reference_pages import filled

from headwater import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "headwater"
author = "The headwater authors"
copyright = "the headwater authors, AGPL-3.0-or-later"  # noqa: A001 - Sphinx wants this name
version = release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

# Nothing is fetched, and the date of the build is not in the pages: two builds of one commit are the same bytes.
html_theme = "furo"
html_title = f"headwater {__version__}"
html_last_updated_fmt = None
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"source_repository": "", "top_of_page_buttons": []}


def _fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    source[0] = filled(source[0])


def setup(app: Sphinx) -> None:
    """Have each page filled in before it is parsed."""
    app.connect("source-read", _fill_in)
