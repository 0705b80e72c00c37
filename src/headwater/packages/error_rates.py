"""What is known of each step's errors: the figures of the pages that the measuring programs write, and no others."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["error_rates"]


def error_rates() -> list[dict[str, Any]]:
    """A row for each step: whether it was measured, on what, and the tables as the documentation has them.

    `bench/error_rates.py` gathers them; a step that nobody measured says so.
    """
    content = files("headwater.packages").joinpath("error_rates.json").read_text(encoding="utf-8")
    steps: list[dict[str, Any]] = json.loads(content)["steps"]
    return [step if step["measured"] else {**step, "note": _not_measured(step["note"])} for step in steps]


def _not_measured(note: str) -> str:
    return f"Not measured. {note}".strip()
