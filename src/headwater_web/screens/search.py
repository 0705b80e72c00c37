"""Search: rows by what somebody wrote down of them, with a letter or two that may be wrong."""

from __future__ import annotations

from typing import Any, Final

from headwater.engine import Session
from headwater.schema import table_named
from headwater.search import LEAST_LETTERS, Found
from headwater.workflow import LONGEST_QUERY, search_row
from headwater_web.answers import Page, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.tables import readable_tables
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["ROUTES"]

_SHOWN: Final = 100


def search(ask: Ask) -> Page:
    """What fits, the best first; while the index is being made, a page that says so and asks again."""
    asked = ask.one("q").strip()
    if len(asked) > LONGEST_QUERY:
        raise WrongInputError("problem.long_query", most=LONGEST_QUERY)
    values: dict[str, Any] = {"asked": asked, "state": "begin", "found": [], "fitting": 0, "here": ask.address}
    if len(asked) < LEAST_LETTERS:
        return Page(template="search.html", values=values, as_json={"found": [], "fitting": 0})
    index = ask.case.searched()
    if index is None:
        ask.reads("index:being-made")
        values["state"] = "making"
        return Page(template="search.html", values=values, as_json={"found": None, "fitting": None}, status=202)
    found, fitting = index.find(asked, most=_SHOWN)
    readable = {table.name for table in readable_tables(ask)}
    found = [one for one in found if one.searched.table in readable]
    ask.reads(*(f"table:{name}" for name in dict.fromkeys(one.searched.table for one in found)))
    ask.reads(*(one.key for one in found if one.key != one.value))
    accounts = [one.key for one in found if one.searched.table == "accounts"]
    with ask.case.tables() as tables:
        leads = _leads(tables, accounts)
    values |= {"state": "done", "found": [_line(ask, one, leads) for one in found], "fitting": fitting}

    def as_json() -> object:
        return {"fitting": fitting, "found": [json_value(search_row(one)) for one in found]}

    return Page(template="search.html", values=values, as_json=as_json)


def _leads(tables: Session, accounts: list[str]) -> dict[str, tuple[str, int]]:
    rows = tables.keyed("leads", "account_id", accounts, columns=["account_id", "lead_id", "rank"]).to_pylist()
    return {row["account_id"]: (row["lead_id"], row["rank"]) for row in rows}


def _line(ask: Ask, found: Found, leads: dict[str, tuple[str, int]]) -> dict[str, Any]:
    table = table_named(found.searched.table)
    alone = len(table.key) == 1
    lead = leads.get(found.key) if table.name == "accounts" else None
    column = table.key[0] if alone else found.searched.column
    return {
        "table": table.name,
        "column": found.searched.column,
        "value": Seized(found.value),
        "edits": found.edits,
        "href": ask.url("row" if alone else "table", table=table.name, **{f"is.{column}": found.key}),
        "lead": ask.url("lead", lead=lead[0]) if lead else "",
        "rank": lead[1] if lead else 0,
    }


ROUTES = (
    Route(
        name="search",
        path="/case/{case}/search/",
        about="Rows by nicknames, names, e-mails, addresses, txids and digests: `q`; a letter or two may be wrong.",
        view=search,
        roles=CASE_READERS,
        in_case=True,
        reads="search",
        nav="nav.search",
    ),
)
