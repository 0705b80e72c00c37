"""Every screen, in the order of the navigation; nothing is reachable that is not here."""

from __future__ import annotations

from typing import Final

from headwater_web.rules import Route, checked_routes
from headwater_web.screens import (
    audit,
    cases,
    catalogue,
    description,
    exports,
    files,
    go_to,
    home,
    intake,
    lead_views,
    leads,
    mapping,
    money,
    money_clusters,
    money_services,
    money_tokens,
    people,
    provider,
    release,
    remarks,
    reports,
    review,
    saved,
    search,
    sign_in,
    tables,
    viewer,
)

__all__ = ["BEGUN", "ROUTES", "SCREENS"]

SCREENS: Final = (
    files,
    reports,
    description,
    sign_in,
    provider,
    cases,
    people,
    home,
    intake,
    mapping,
    catalogue,
    viewer,
    review,
    lead_views,
    leads,
    money,
    money_services,
    money_tokens,
    money_clusters,
    release,
    remarks,
    search,
    saved,
    go_to,
    tables,
    exports,
    audit,
)
"""Modules with a tuple `ROUTES`; a new screen is one line here."""

ROUTES: Final[tuple[Route, ...]] = checked_routes(route for screen in SCREENS for route in screen.ROUTES)

BEGUN: Final = tuple(step for screen in SCREENS for step in getattr(screen, "BEGUN", ()))
"""What is made in the background when serving begins: names of routes, and from a case what they wait for."""
