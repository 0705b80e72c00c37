"""Leads: which first, why, and what would move them; and one lead with everything that stands for and against it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.charts import link_chart_svg
from headwater.engine import Session
from headwater.errors import InputError
from headwater.leads import (
    CONNECTION_WORDS,
    Connections,
    LeadTimeline,
    RuleSet,
    lead_connections,
    lead_named,
    read_rules,
    short_moves,
    standing_outcomes,
)
from headwater.references import OUTCOMES
from headwater.schema import table_named
from headwater.workflow import lead_explained, lead_timeline, merged_person
from headwater_web.answers import NotThereError, Page, Redirect
from headwater_web.ask import Ask
from headwater_web.cases import OpenCase
from headwater_web.drawings import drawn
from headwater_web.rules import CASE_READERS, Route
from headwater_web.screens.lead_views import told_timeline
from headwater_web.shown import json_value, shown_text
from headwater_web.table_pages import Condition, TablePage
from headwater_web.text import Seized

__all__ = ["BEGUN", "ROUTES"]

_ROWS: Final = 50
_LEADS_BEGUN: Final = 20
_REASONS: Final = 2
"""Of those that a line shows; the lead itself shows all."""
_FILTERS: Final = (("tier", "risk_tier"), ("country", "lead_country"))
"""What the form asks for, and the column that it is compared with."""
_NONE: Final = "none"
"""What the form asks for where there is no country, or nothing came back."""


def leads(ask: Ask) -> Page:
    """The leads in order: because, against, country, why now."""
    where = [Condition(column=column, value=ask.one(name)) for name, column in _FILTERS if ask.one(name)]
    if ask.one("country") == _NONE:
        where = [one for one in where if one.column != "lead_country"] + [Condition(column="lead_country", value="")]
    first = ask.number("first")
    came_back = ask.case.derived("outcome of each lead", lambda tables: standing_outcomes(tables.arrow("outcomes")))
    page = _page(ask, where, ask.one("outcome"), came_back, first)
    ask.reads("table:leads", *(str(row["lead_id"]) for row in page.rows))
    names = _nicknames(ask, [str(row["account_id"]) for row in page.rows])
    rules = read_rules()
    judged = ask.case.kept("accounts judged", _judged_accounts)
    shown = [
        _line(ask, row, names.get(str(row["account_id"])), rules)
        | {
            "outcome": came_back.get(str(row["lead_id"])),
            "person": _person(ask, str(row["account_id"]), judged),
        }
        for row in page.rows
    ]
    asked = {name: ask.one(name) for name in ("tier", "country", "outcome") if ask.one(name)}

    def at(number: int) -> str:
        return ask.url("leads", first=number, **asked)

    values: dict[str, Any] = {
        "leads": shown,
        "first": page.first,
        "fitting": page.fitting,
        "total": page.total,
        "asked": {name: ask.one(name) for name in ("tier", "country", "outcome")},
        "outcomes": [*sorted(OUTCOMES), _NONE],
        "countries": ask.case.derived("lead countries", _countries),
        "tiers": ask.case.derived("lead tiers", _tiers),
        "before": at(max(0, page.first - _ROWS)) if page.first else None,
        "next": at(page.first + _ROWS) if page.first + _ROWS < page.fitting else None,
        "table": ask.url("table", table="leads"),
        "map": ask.url("leads_by_country"),
        "movers": ask.url("leads_movers"),
    }

    def as_json() -> object:
        return {
            "first": page.first,
            "fitting": page.fitting,
            "total": page.total,
            "leads": [json_value(row) for row in page.rows],
            "outcomes": {id_: came_back[id_] for row in page.rows if (id_ := str(row["lead_id"])) in came_back},
        }

    return Page(template="leads.html", values=values, as_json=as_json)


def _page(ask: Ask, where: list[Condition], outcome: str, came_back: dict[str, str], first: int) -> TablePage:
    """A page of the leads that fit, of which this came back where an outcome is asked for; `none`: nothing did."""
    short = ask.case.derived(
        "leads in short", lambda tables: tables.columns("leads", ["lead_id", "risk_tier", "lead_country"])
    )
    kept = np.ones(short.num_rows, bool)
    for one in where:
        texts = short[one.column].cast(pa.string())
        fits = pc.fill_null(pc.equal(texts, one.value), False) if one.value else pc.is_null(texts)  # noqa: FBT003 - Arrow's own signature
        kept &= fits.to_numpy()
    if outcome:
        wanted = [lead_id for lead_id, of_lead in came_back.items() if outcome in {of_lead, _NONE}]
        is_wanted = pc.is_in(short["lead_id"], value_set=pa.array(wanted, pa.string())).to_numpy()
        kept &= ~is_wanted if outcome == _NONE else is_wanted
    places = np.flatnonzero(kept)
    with ask.case.tables() as tables:
        rows = tables.at("leads", places[first : first + _ROWS].tolist()).to_pylist()
    return TablePage(rows=rows, first=first, fitting=len(places), total=short.num_rows)


def _person(ask: Ask, account_id: str, judged: frozenset[str]) -> dict[str, Any] | None:
    """The person whom an account is judged to belong to, each account with where its lead is and how it is cut off."""
    if account_id not in judged:
        return None
    told = ask.case.kept("person", lambda tables: merged_person(tables, account_id), account_id)
    if told is None:
        return None
    can_cut = any(route.name == "review_pair" for route in ask.workbench.routes)
    accounts = [
        {
            **one,
            "href": ask.url("lead", lead=one["lead_id"]) if one["lead_id"] else "",
            "cut": ask.url("review_pair", link=one["link_id"])
            if can_cut
            else ask.url("table", table="links", **{"is.link_id": one["link_id"]}),
        }
        for one in told["accounts"]
    ]
    return {**told, "accounts": accounts}


def _judged_accounts(tables: Session) -> frozenset[str]:
    judged = tables.arrow("judgements")
    positive = judged.filter(pc.and_(pc.equal(judged["claim"], "used"), pc.equal(judged["verdict"], "positive")))
    return frozenset(positive["left_id"].to_pylist())


def _line(ask: Ask, lead: dict[str, Any], nickname: str | None, rules: RuleSet) -> dict[str, Any]:
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
        **short_moves(lead, rules),
    }


def _nicknames(ask: Ask, account_ids: list[str]) -> dict[str, str | None]:
    with ask.case.tables() as tables:
        found = tables.keyed("accounts", "account_id", account_ids, columns=["account_id", "nickname"])
    return dict(zip(*(found[name].to_pylist() for name in ("account_id", "nickname")), strict=True))


def _countries(tables: Session) -> list[str]:
    """The countries that are proposed to lead, in order of their codes."""
    return sorted(set(tables.columns("leads", ["lead_country"])["lead_country"].to_pylist()) - {None})


def _tiers(tables: Session) -> list[str]:
    """The tiers that there are leads of."""
    return [str(tier) for tier in sorted(set(tables.columns("leads", ["risk_tier"])["risk_tier"].to_pylist()))]


def _ids(tables: Session, wanted: str) -> tuple[str, str]:
    """Ids of the lead and of the account that somebody names by a lead, an account or a rank."""
    lead = lead_named(tables, wanted, columns=["lead_id", "account_id"])
    return str(lead["lead_id"]), str(lead["account_id"])


def _parts(
    ask: Ask, tables: Session, lead_id: str, account_id: str
) -> tuple[dict[str, Any], LeadTimeline, Connections]:
    """The lead explained, what happened when, and what it hangs together with."""
    links = lead_connections(tables, account_id, address=lambda table, row: _row_at(ask, table, row))
    return lead_explained(tables, lead_id), lead_timeline(tables, lead_id), links


def lead(ask: Ask) -> Page | Redirect:
    """One lead: what speaks against it first, then why, where, what would move it, and what came back."""
    wanted = ask.path["lead"]
    try:
        lead_id, account_id = ask.case.derived("lead named", lambda tables: _ids(tables, wanted), wanted)
    except InputError:
        raise NotThereError("problem.no_lead", lead=Seized(wanted)) from None
    if lead_id != wanted:
        # A rank or an account was asked for: a rank moves with the next run, and an address is kept and passed on.
        return Redirect(to=ask.url("lead", lead=lead_id))
    told, timeline, links = ask.case.kept("lead", lambda tables: _parts(ask, tables, lead_id, account_id), lead_id)
    ask.reads("table:leads", lead_id, account_id)
    person = _person(ask, account_id, ask.case.kept("accounts judged", _judged_accounts))
    if person is not None:
        ask.reads(*(str(one["account_id"]) for one in person["accounts"]))
    claims = told["claims"]
    of_rule = {claim["claim"]: claim for claim in claims["rules"]}
    values: dict[str, Any] = {
        "lead": told,
        "person": person,
        "timeline": told_timeline(ask, timeline),
        "links": links,
        "link_kinds": list(dict.fromkeys(placed.node.kind for placed in links.chart.nodes)),
        "link_svg": drawn(_link_svg(ask, links)),
        "link_rows": [{**asdict(row), "href": _row_at(ask, row.table, row.row_id)} for row in links.rows],
        "rows": {"contrary": [_claim(ask, claim, account_id) for claim in claims["contrary"]]},
        "nickname": _nicknames(ask, [account_id]).get(account_id),
        "account": ask.url("table", table="accounts", **{"is.account_id": account_id}),
        "fired": [
            rule | {"rows": _claim(ask, of_rule[rule["rule"]], account_id)} for rule in told["rules"] if rule["fired"]
        ],
        "unfired": [rule for rule in told["rules"] if not rule["fired"]],
        "pieces": [
            piece | {"rows": _claim(ask, claim, account_id)}
            for piece, claim in zip(told["jurisdiction"], claims["jurisdiction"], strict=True)
        ],
        "neighbours": [other | {"href": ask.url("lead", lead=other["lead_id"])} for other in told["neighbours"]],
        "rivals": list({(r["payer_id"], r["other_id"]): r for r in told["rivals"]}.values()),
        "rival_table": ask.url("table", table="rival_hypotheses"),
        "back": ask.url("leads"),
    }

    def as_json() -> object:
        return {"lead": json_value(told), "links": links.chart.as_json(), "person": json_value(person)}

    return Page(template="lead.html", values=values, as_json=as_json)


def _row_at(ask: Ask, table: str, row_id: str) -> str:
    """Where a row is shown; empty for a table whose rows are known by several columns."""
    key = table_named(table).key
    return ask.url("table", table=table, **{f"is.{key[0]}": row_id}) if len(key) == 1 else ""


def _claim(ask: Ask, claim: dict[str, Any], account_id: str) -> dict[str, Any]:
    """The rows behind a claim as the page shows them, each with its address, and that of all rows of the account."""
    table = str(claim["table"])
    key = table_named(table).key[0]
    has_account = any(column.name == "account_id" for column in table_named(table).columns)
    return {
        **claim,
        "rows": [
            {"href": _row_at(ask, table, str(row[key])), "cells": [shown_text(row[name]) for name in claim["columns"]]}
            for row in claim["rows"]
        ],
        "all_href": ask.url("table", table=table, **{"is.account_id": account_id}) if has_account else "",
    }


def _link_svg(ask: Ask, links: Connections) -> str:
    words = {kind: ask.word(f"lead.is_{kind}") for kind in CONNECTION_WORDS}
    about = ask.word(
        "linkchart.told",
        shown=len(links.chart.nodes),
        total=links.chart.total,
        edges=len(links.chart.edges),
        edges_total=links.chart.edges_total,
    )
    return link_chart_svg(links.chart, title=ask.word("lead.connections"), about=about, words=words)


def _some_leads(case: OpenCase) -> None:
    """Everything of a few leads from all over the order: the indexes that any other one is read by are there then."""

    def read(tables: Session) -> None:
        leads = tables.count("leads")
        for rank in range(1, leads + 1, max(1, leads // _LEADS_BEGUN)):
            lead_explained(tables, str(rank))
            told = lead_timeline(tables, str(rank))
            lead_connections(tables, told.account_id)

    case.kept("some leads", read)


BEGUN = (("lead", _some_leads), ("lead_timeline", _some_leads))

ROUTES = (
    Route(
        name="leads",
        path="/case/{case}/leads/",
        about="The leads in order, for and against each; `tier`, `country`, `outcome` and `first` say which.",
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
