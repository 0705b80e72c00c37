"""Sphinx configuration: offline, no outside fonts or scripts, warnings are errors (scripts/docs)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "headwater"
author = "The headwater authors"
project_copyright = "2026, the headwater authors; AGPL-3.0-or-later"
extensions = ["myst_parser", "generated_reference"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_build", "_ext"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
html_theme = "furo"
html_title = "headwater"
html_show_sphinx = False
html_copy_source = False
nitpicky = True
