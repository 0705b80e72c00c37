"""Saved views: the address of what one sees, under a name, for oneself or for whoever works on the case."""

from __future__ import annotations

from dataclasses import asdict

from headwater.errors import ConfigError
from headwater_web.answers import NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import AUDITORS, CASE_READERS, Route
from headwater_web.text import Seized

__all__ = ["ROUTES"]


def saved_views(ask: Ask) -> Page:
    """The person's views, and those that others share."""
    views = ask.workbench.saved.of(ask.who, ask.case.case_id)
    shown = [{**asdict(view), "name": Seized(view.name)} for view in views]
    return Page(
        template="saved_views.html", values={"views": shown}, as_json={"views": [asdict(view) for view in views]}
    )


def save_view(ask: Ask) -> Redirect:
    """Save a view of this case, and go back to it."""
    address = ask.form.get("address", "")
    # An address of another case, or of another server, would be a door that nobody checked.
    if not address.startswith(ask.url("home")) or "\\" in address or any(ord(c) < 33 for c in address):
        raise WrongInputError("problem.no_view")
    try:
        ask.workbench.saved.save(
            ask.who, ask.case.case_id, ask.form.get("name", ""), address, shared=ask.form.get("shared", "") == "yes"
        )
    except ConfigError as error:
        raise WrongInputError("problem.input", why=str(error)) from None
    return Redirect(to=address)


def remove_view(ask: Ask) -> Redirect:
    """Remove one of the person's own views."""
    number = ask.form.get("view", "")
    if not (number.isascii() and number.isdigit() and len(number) < 12) or not ask.workbench.saved.remove(
        ask.who, ask.case.case_id, int(number)
    ):
        raise NotThereError("problem.no_saved_view")
    return Redirect(to=ask.url("saved_views"))


ROUTES = (
    Route(
        name="saved_views",
        path="/case/{case}/views/",
        about="The views of this case that somebody saved: their own, and those that others share.",
        view=saved_views,
        roles=CASE_READERS | AUDITORS,
        in_case=True,
        reads="saved views",
        nav="nav.saved_views",
    ),
    Route(
        name="save_view",
        path="/case/{case}/views/save",
        about="Save an address of this case under a name: `name`, `address`, `shared`.",
        view=save_view,
        roles=CASE_READERS | AUDITORS,
        in_case=True,
        reads="saved views",
        methods=("POST",),
    ),
    Route(
        name="remove_view",
        path="/case/{case}/views/remove",
        about="Remove one of one's own saved views: `view`.",
        view=remove_view,
        roles=CASE_READERS | AUDITORS,
        in_case=True,
        reads="saved views",
        methods=("POST",),
    ),
)
