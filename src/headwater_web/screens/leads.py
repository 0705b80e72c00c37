"""Leads: which first, why, and what would move them; and one lead with everything that stands for and against it."""

from __future__ import annotations

from typing import Any, Final

from headwater.engine import Session
from headwater.errors import InputError
from headwater.schema import table_named
from headwater.workflow import lead_explained
from headwater_web.answers import NotThereError, Page, Redirect
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.tables import pages_of
from headwater_web.shown import json_value
from headwater_web.table_pages import Condition
from headwater_web.text import Seized

__all__ = ["ROUTES"]

_ROWS: Final = 50
_REASONS: Final = 2
"""Of those that a line shows; the lead itself shows all."""
_FILTERS: Final = (("tier", "risk_tier"), ("country", "lead_country"))
"""What the form asks for, and the column that it is compared with."""


def leads(ask: Ask) -> Page:
    """The leads in order: because, against, country, why now."""
    where = [Condition(column=column, value=ask.one(name)) for name, column in _FILTERS if ask.one(name)]
    if ask.one("country") == "none":
        where = [one for one in where if one.column != "lead_country"] + [Condition(column="lead_country", value="")]
    first = ask.number("first")
    page = pages_of(ask).page("leads", first=first, rows=_ROWS, where=where)
    ask.reads("table:leads", *(str(row["lead_id"]) for row in page.rows))
    names = _nicknames(ask, [str(row["account_id"]) for row in page.rows])
    shown = [_line(ask, row, names.get(str(row["account_id"]))) for row in page.rows]
    asked = {name: ask.one(name) for name, _ in _FILTERS if ask.one(name)}

    def at(number: int) -> str:
        return ask.url("leads", first=number, **asked)

    values: dict[str, Any] = {
        "leads": shown,
        "first": page.first,
        "fitting": page.fitting,
        "total": page.total,
        "asked": {name: ask.one(name) for name, _ in _FILTERS},
        "countries": ask.case.derived("lead countries", _countries),
        "tiers": ask.case.derived("lead tiers", _tiers),
        "before": at(max(0, page.first - _ROWS)) if page.first else None,
        "next": at(page.first + _ROWS) if page.first + _ROWS < page.fitting else None,
        "table": ask.url("table", table="leads"),
    }
    as_json = {
        "first": page.first,
        "fitting": page.fitting,
        "total": page.total,
        "leads": [json_value(row) for row in page.rows],
    }
    return Page(template="leads.html", values=values, as_json=as_json)


def _line(ask: Ask, lead: dict[str, Any], nickname: str | None) -> dict[str, Any]:
    against = list(dict.fromkeys(str(fact["statement"]) for fact in lead["contrary"]))
    return {
        "href": ask.url("lead", lead=lead["lead_id"]),
        "rank": lead["rank"],
        "risk_tier": lead["risk_tier"],
        "lead_id": lead["lead_id"],
        "nickname": None if nickname is None else Seized(nickname),
        "because": [Seized(rule["because"]) for rule in lead["rules_fired"]][:_REASONS],
        "more": max(0, len(lead["rules_fired"]) - _REASONS),
        "against": [Seized(statement) for statement in against[:2]],
        "rivals": len({rival["other_id"] for rival in lead["rivals"]}),
        "country": lead["lead_country"],
        "shared_with": lead["shared_with"],
        "why_now": Seized(lead["why_now"]),
    }


def _nicknames(ask: Ask, account_ids: list[str]) -> dict[str, str | None]:
    found = ask.case.lookup("accounts", "nickname").rows(account_ids)
    return {account_id: row["nickname"] for account_id, row in found.items()}


def _countries(tables: Session) -> list[str]:
    """The countries that are proposed to lead, in order of their codes."""
    return sorted(set(tables.columns("leads", ["lead_country"])["lead_country"].to_pylist()) - {None})


def _tiers(tables: Session) -> list[str]:
    """The tiers that there are leads of."""
    return [str(tier) for tier in sorted(set(tables.columns("leads", ["risk_tier"])["risk_tier"].to_pylist()))]


def lead(ask: Ask) -> Page | Redirect:
    """One lead: what speaks against it first, then why, where, what would move it, and what came back."""
    wanted = ask.path["lead"]
    try:
        told = ask.case.kept("lead explained", lambda tables: lead_explained(tables, wanted), wanted)
    except InputError:
        raise NotThereError("problem.no_lead", lead=Seized(wanted)) from None
    if told["lead_id"] != wanted:
        # A rank or an account was asked for: a rank moves with the next run, and an address is kept and passed on.
        return Redirect(to=ask.url("lead", lead=told["lead_id"]))
    ask.reads("table:leads", str(told["lead_id"]), str(told["account_id"]))
    values: dict[str, Any] = {
        "lead": told,
        "nickname": _nicknames(ask, [str(told["account_id"])]).get(str(told["account_id"])),
        "account": ask.url("table", table="accounts", **{"is.account_id": told["account_id"]}),
        "fired": [rule | {"href": _row(ask, rule)} for rule in told["rules"] if rule["fired"]],
        "unfired": [rule for rule in told["rules"] if not rule["fired"]],
        "pieces": [piece | {"href": _row(ask, piece)} for piece in told["jurisdiction"]],
        "neighbours": [other | {"href": ask.url("lead", lead=other["lead_id"])} for other in told["neighbours"]],
        "rivals": list({(r["payer_id"], r["other_id"]): r for r in told["rivals"]}.values()),
        "rival_table": ask.url("table", table="rival_hypotheses"),
        "back": ask.url("leads"),
    }
    return Page(template="lead.html", values=values, as_json={"lead": json_value(told)})


def _row(ask: Ask, piece: dict[str, Any]) -> str:
    """Where the row is that a rule or a piece of evidence was read from; empty where it names none."""
    table, example = piece.get("table"), piece.get("example_id")
    if not table or not example:
        return ""
    key = table_named(str(table)).key
    return ask.url("table", table=table, **{f"is.{key[0]}": example}) if len(key) == 1 else ""


ROUTES = (
    Route(
        name="leads",
        path="/case/{case}/leads/",
        about="The leads in order, with what speaks for and against each; `tier`, `country` and `first` say which.",
        view=leads,
        roles=CASE_READERS,
        in_case=True,
        reads="leads",
        nav="nav.leads",
    ),
    Route(
        name="lead",
        path="/case/{case}/leads/{lead}",
        about="One lead by its id, its rank or its account: against, because, where, what would move it, outcomes.",
        view=lead,
        roles=CASE_READERS,
        in_case=True,
        reads="lead",
        sample=(("lead", "1"),),
    ),
)
