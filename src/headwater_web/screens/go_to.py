"""The command palette: every screen, every table, and the row of any id, by a few letters."""

from __future__ import annotations

import re
from typing import Any, Final

from headwater.engine import Session
from headwater.schema import TABLES, Table
from headwater.search import LEAST_LETTERS
from headwater_web.answers import Page, Redirect
from headwater_web.ask import Ask
from headwater_web.rules import AUDITORS, CASE_READERS, Route
from headwater_web.screens.tables import readable_tables
from headwater_web.text import Seized

__all__ = ["ROUTES"]

_ID: Final = re.compile(r"[a-z]{2,4}-[0-9a-f]{32}")
_MOST: Final = 40


def go_to(ask: Ask) -> Page | Redirect:
    """What the letters name; straight there if it is one thing, or the whole name of one."""
    asked = ask.one("q").strip()
    found = [*_screens(ask, asked.casefold()), *_tables(ask, asked.casefold()), *_rows(ask, asked)][:_MOST]
    meant = [item for item in found if str(item["word"]).casefold() == asked.casefold()] or found
    if asked and len(meant) == 1:
        return Redirect(to=str(meant[0]["href"]))
    if len(asked) >= LEAST_LETTERS and ask.may("search"):
        search = ask.url("search", q=asked)
        if not found:
            return Redirect(to=search)
        found.append({"word": ask.word("search.for_it", text=Seized(asked)), "about": "", "href": search})
    return Page(template="go_to.html", values={"asked": asked, "found": found}, as_json={"found": found})


def _screens(ask: Ask, asked: str) -> list[dict[str, Any]]:
    shown = [route for route in ask.workbench.routes if route.nav and ask.may(route.name)]
    named = [(ask.word(route.nav), route) for route in shown]
    return [
        {"word": word, "about": "", "href": ask.url(route.name)} for word, route in named if asked in word.casefold()
    ]


def _tables(ask: Ask, asked: str) -> list[dict[str, Any]]:
    if not ask.may("table"):
        return []
    return [
        {"word": table.name, "about": table.about, "href": ask.url("table", table=table.name)}
        for table in readable_tables(ask)
        if asked in table.name
    ]


def _rows(ask: Ask, asked: str) -> list[dict[str, Any]]:
    """Rows whose own id it is: an id says what it names, so that few tables have to be looked at."""
    if not _ID.fullmatch(asked) or not ask.may("row"):
        return []
    found: list[dict[str, Any]] = []
    readable = {table.name for table in readable_tables(ask)}
    for table in ask.case.kept("tables with an id", lambda tables: _holding(tables, asked), asked):
        if table.name in readable:
            href = ask.url("row", table=table.name, **{f"is.{table.key[0]}": asked})
            found.append({"word": asked, "about": table.name, "href": href})
            ask.reads(asked)
    return found


def _holding(tables: Session, row_id: str) -> list[Table]:
    """The tables that have a row of this id."""
    by_id = [table for table in TABLES if len(table.key) == 1 and table.key[0].endswith("_id")]
    return [table for table in by_id if tables.keyed(table.name, table.key[0], [row_id], columns=table.key).num_rows]


ROUTES = (
    Route(
        name="go_to",
        path="/case/{case}/go-to",
        about="The command palette: screens and tables by a few letters, a row by its id.",
        view=go_to,
        roles=CASE_READERS | AUDITORS,
        in_case=True,
        reads="command palette",
    ),
)
