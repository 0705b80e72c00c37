"""The description of the workbench that programs read."""

from __future__ import annotations

import json

from headwater_web.answers import File
from headwater_web.ask import Ask
from headwater_web.openapi import openapi_of
from headwater_web.rules import SIGNED_IN, Route

__all__ = ["ROUTES"]


def description(ask: Ask) -> File:
    """Every address, what it takes, and how it may answer."""
    told = json.dumps(openapi_of(ask.workbench.routes), indent=1, sort_keys=True)
    return File(content=told.encode(), media_type="application/json", kept=False)


ROUTES = (
    Route(
        name="description",
        path="/api.json",
        about="The description of every address in the form of OpenAPI, for programs.",
        view=description,
        roles=SIGNED_IN,
        in_case=False,
        reads="",
    ),
)
