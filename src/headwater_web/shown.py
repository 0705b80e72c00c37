"""Values of tables as text."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

__all__ = ["json_value", "shown_text"]


def shown_text(value: object) -> str:
    """A value as one text: times in UTC, bytes in hex, lists and structures as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict):
        return json.dumps(value, default=shown_text, ensure_ascii=False)
    return str(value)


def json_value(value: Any) -> Any:  # noqa: ANN401 - whatever a table holds
    """The value as JSON has it."""
    if isinstance(value, dict):
        return {name: json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(part) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return shown_text(value)
