"""Remarks: notes, labels and assignments beside any row, and who gave them; what is mine to do."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from headwater.engine import Session
from headwater.errors import ConfigError, InputError
from headwater.judgements import REMARK_KINDS
from headwater.workflow import LONGEST_LABEL, LONGEST_NOTE, object_row, remark_on, remarks_shown, withdraw_remark
from headwater_web.answers import NotThereError, Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.rules import CASE_READERS, DECIDERS, Role, Route
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["BEGUN", "ROUTES"]

_ROWS: Final = 50
_ABOUT_PEOPLE: Final = frozenset({"leads", "victim_leads"})


def _of_victims(ask: Ask) -> bool:
    return Role.VICTIM_ANALYST in ask.roles


def all_remarks(ask: Ask) -> Page:
    """What was noted in the case, the newest first; mine alone, of one kind, or with just these words."""
    kind, text = ask.one("kind"), ask.one("text")
    if ask.one("mine"):
        kind, text = "assignment", ask.who.name
    if kind not in {"", *REMARK_KINDS}:
        raise WrongInputError("problem.no_remark_kind")
    first = ask.number("first")
    with ask.case.tables() as tables:
        fitting = remarks_shown(
            tables, remark_kind=kind or None, text=text or None, also_ended=bool(ask.one("all")),
            of_victims=_of_victims(ask),
        )  # fmt: skip
    rows = fitting[first : first + _ROWS]
    ask.reads("table:remarks", *(str(row["remark_id"]) for row in rows))
    asked = {name: ask.one(name) for name in ("kind", "text", "all", "mine")}

    def at(number: int) -> str:
        return ask.url("remarks", first=number, **{name: value for name, value in asked.items() if value})

    values: dict[str, Any] = {
        "remarks": [_line(ask, row) for row in rows],
        "kinds": REMARK_KINDS,
        "asked": {**asked, "kind": kind, "text": text},
        "first": first,
        "fitting": len(fitting),
        "mine": ask.url("remarks", mine=1),
        "before": at(max(0, first - _ROWS)) if first else None,
        "next": at(first + _ROWS) if first + _ROWS < len(fitting) else None,
    }

    def as_json() -> object:
        return {"first": first, "fitting": len(fitting), "remarks": [json_value(row) for row in rows]}

    return Page(template="remarks.html", values=values, as_json=as_json)


def _line(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "text": Seized(row["text"]),
        "ended_why": Seized(row["ended_why"] or ""),
        "href": ask.url("remarks_on", object=row["object_id"]),
        "may_withdraw": row["state"] == "stands"
        and (row["remark_kind"] != "note" or row["operator"].casefold() == ask.who.name.casefold()),
    }


def _the_row(ask: Ask) -> tuple[str, dict[str, Any]]:
    """The table and row that the path names."""
    wanted = ask.path["object"]
    try:
        victims = _of_victims(ask)
        table, row = ask.case.kept(
            "row by id", lambda tables: object_row(tables, wanted, of_victims=victims), wanted, victims
        )
    except InputError:
        raise NotThereError("problem.no_row") from None
    return table, dict(row)


def remarks_on(ask: Ask) -> Page:
    """What was noted beside one row, also what was withdrawn; and the forms to note more."""
    return _beside(ask)


def _beside(ask: Ask) -> Page:
    table, _ = _the_row(ask)
    wanted = ask.path["object"]
    with ask.case.tables() as tables:
        rows = remarks_shown(tables, object_id=wanted, also_ended=True, of_victims=_of_victims(ask))
    ask.reads("table:remarks", wanted, *(str(row["remark_id"]) for row in rows))
    values: dict[str, Any] = {
        "object_id": wanted,
        "object_table": table,
        "object_href": _href(ask, table, wanted),
        "remarks": [_line(ask, row) for row in rows],
        "members": _members(ask),
        "longest_note": LONGEST_NOTE,
        "longest_label": LONGEST_LABEL,
    }

    def as_json() -> object:
        return {"object_id": wanted, "object_table": table, "remarks": [json_value(row) for row in rows]}

    return Page(template="remarks_on.html", values=values, as_json=as_json)


def _href(ask: Ask, table: str, wanted: str) -> str:
    if table in _ABOUT_PEOPLE - {"victim_leads"}:
        return ask.url("lead", lead=wanted)
    return ask.url("go_to", q=wanted)


def _members(ask: Ask) -> list[str]:
    """Who works on this case now, by name."""
    bench = ask.workbench
    members = {held.person_id for held in bench.members.in_case(ask.case.case_id)}
    return sorted(person.name for person in bench.people.listed() if person.person_id in members)


def add_remark(ask: Ask) -> Redirect:
    """Note something beside the row."""
    wanted = ask.path["object"]
    _the_row(ask)
    with ask.case.acting() as case:
        try:
            remark_on(
                case, ask.actor, wanted, ask.form.get("kind", ""), ask.form.get("text", ""), of_victims=_of_victims(ask)
            )
        except ConfigError as error:
            raise WrongInputError("problem.input", why=str(error)) from None
    return Redirect(to=ask.url("remarks_on", object=wanted))


def end_remark(ask: Ask) -> Redirect:
    """Withdraw a remark; it stays on record."""
    with ask.case.acting() as case:
        try:
            named, why = ask.form.get("remark", ""), ask.form.get("why", "")
            act = withdraw_remark(case, ask.actor, named, why=why, of_victims=_of_victims(ask))
        except ConfigError as error:
            raise WrongInputError("problem.input", why=str(error)) from None
    return Redirect(to=ask.url("remarks_on", object=act.object_id))


def _any_row(case: OpenCase) -> None:
    """A row that is not there, looked for in every table: its keys are in order then."""

    def sought(tables: Session) -> None:
        with contextlib.suppress(InputError):
            object_row(tables, "none", of_victims=True)

    case.kept("any row", sought)


BEGUN = (("remarks_on", _any_row),)

ROUTES = (
    Route(
        name="remarks",
        path="/case/{case}/remarks/",
        about="Notes, labels and assignments, the newest first; `kind`, `text`, `mine`, `all` and `first` say which.",
        view=all_remarks,
        roles=CASE_READERS,
        in_case=True,
        reads="remarks",
        nav="nav.remarks",
    ),
    Route(
        name="remarks_on",
        path="/case/{case}/remarks/on/{object}",
        about="What was noted beside one row, by its id, and the forms to note more.",
        view=remarks_on,
        roles=CASE_READERS,
        in_case=True,
        reads="remarks",
        sample=(("object", "acc-none"),),
    ),
    Route(
        name="add_remark",
        path="/case/{case}/remarks/on/{object}/add",
        about="Note something beside a row: `kind` and `text`.",
        view=add_remark,
        roles=DECIDERS,
        in_case=True,
        reads="remarks",
        methods=("POST",),
        sample=(("object", "acc-none"),),
    ),
    Route(
        name="end_remark",
        path="/case/{case}/remarks/withdraw",
        about="Withdraw a remark: `remark` and `why`; a note is its author's to withdraw.",
        view=end_remark,
        roles=DECIDERS,
        in_case=True,
        reads="remarks",
        methods=("POST",),
    ),
)
