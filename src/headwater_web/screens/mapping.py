"""The platform mapping: what the dump's tables may be, decided binding by binding, tried, and approved by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headwater.workflow import (
    DraftBinding,
    MappingDraft,
    TriedMapping,
    approve_draft,
    decide_binding,
    edit_draft,
    mapping_draft,
    start_draft,
    try_draft,
)
from headwater_web.answers import Page, Redirect, WrongInputError
from headwater_web.ask import Ask
from headwater_web.rules import CASE_READERS, DECIDERS, Route
from headwater_web.shown import json_value
from headwater_web.text import Seized

__all__ = ["ROUTES"]

_MOST_ROWS: Final = 20_000
"""Of each file, when a draft is tried while somebody waits for the page; the command line takes them all."""
_MEMORY: Final = "tried drafts"
_WHOLE: Final = 100


def mapping(ask: Ask) -> Page:
    """The draft: each binding with its columns, candidates and counts, and what waits for a decision."""
    draft, approved = mapping_draft(ask.case.reading), ask.case.reading.mapping()
    ask.reads("mapping", *(() if draft is None else (f"draft:{draft.number}",)))
    bindings = [] if draft is None else [_shown(ask, one) for one in draft.bindings]
    bindings.sort(key=lambda one: bool(one["confirmed"]))
    values: dict[str, Any] = {
        "draft": draft,
        "bindings": bindings,
        "content": "" if draft is None else draft.content,
        "approved": approved is not None,
        "approved_now": draft is not None and approved == draft.content.encode("utf-8"),
        "history": [] if draft is None else [{**one, "why": Seized(one["why"])} for one in draft.history],
        "others": () if draft is None else draft.others,
        "unbound": () if draft is None else draft.unbound,
        "fault": "" if draft is None or not draft.fault else Seized(draft.fault),
        "checks_of": ask.url("table", table="mapping_checks"),
    }
    return Page(template="mapping.html", values=values, as_json=lambda: _as_json(draft))


def _as_json(draft: MappingDraft | None) -> dict[str, Any]:
    if draft is None:
        return {"draft": None}
    bindings = [
        {
            "binding_id": one.binding_id,
            "table": one.table,
            "binds": one.binds,
            "confirmed": one.confirmed,
            "because": one.because,
            "rows": one.rows,
            "columns": [json_value(dict(column)) for column in one.columns],
        }
        for one in draft.bindings
    ]
    return {"draft": draft.number, "fault": draft.fault, "unconfirmed": draft.unconfirmed, "bindings": bindings}


def _shown(ask: Ask, one: DraftBinding) -> dict[str, Any]:
    return {
        "binding_id": one.binding_id,
        "table": Seized(one.table),
        "binds": one.binds,
        "where": Seized(one.where),
        "because": Seized(one.because),
        "confirmed": one.confirmed,
        "rows": one.rows,
        "decide": ask.url("mapping_decide", binding=one.binding_id),
        "columns": [_column(column) for column in one.columns],
    }


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    candidates = list(column["candidates"])
    labels = [one["label"] for one in candidates]
    return {
        "ours": column["ours"],
        "column": column["column"],
        "unit": column["unit"],
        "candidates": candidates,
        "choices": labels if column["column"] in labels else [column["column"], *labels],
        "evidence": [Seized(text) for one in candidates[:1] for text in one["evidence"]],
    }


def checks(ask: Ask) -> Page:
    """What the draft makes of the dumps: each count that a right mapping has near the whole."""
    case = ask.case.reading
    draft = mapping_draft(case)
    tried = None if draft is None or draft.fault else _tried(ask, case, draft)
    ask.reads("mapping checks", *(() if draft is None else (f"draft:{draft.number}",)))
    rows = [] if tried is None else [_check(row) for row in tried.checks.to_pylist()]
    doubtful = sorted((row for row in rows if not row["whole"]), key=lambda row: row["share"])
    values = {
        "draft": draft,
        "tried": tried,
        "doubtful": [row for row in doubtful if row["check_name"] != "filled"],
        "filled": [row for row in doubtful if row["check_name"] == "filled"],
        "held": [row for row in rows if row["whole"]],
        "tables": [] if tried is None else tried.tables.to_pylist(),
        "most": _MOST_ROWS,
    }

    def as_json() -> object:
        return {"checks": [] if tried is None else tried.checks.to_pylist()}

    return Page(template="mapping_checks.html", part="mapping_checks_part.html", values=values, as_json=as_json)


def _tried(ask: Ask, case: Any, draft: MappingDraft) -> TriedMapping:  # noqa: ANN401 - a case that is open
    kept: dict[object, TriedMapping] = ask.workbench.memory.setdefault(_MEMORY, {})
    key = (ask.case.key, ask.case.version(), draft.number)
    if key not in kept:
        kept.clear()
        kept[key] = try_draft(case, ask.actor, at_most_rows=_MOST_ROWS)
    return kept[key]


def _check(row: Mapping[str, Any]) -> dict[str, Any]:
    share = _WHOLE * row["rows_met"] / row["rows"] if row["rows"] else float(_WHOLE)
    return {**row, "source_table": Seized(row["source_table"]), "share": share, "whole": row["rows_met"] == row["rows"]}


def suggest(ask: Ask) -> Redirect:
    """Begin a draft from the dumps."""
    with ask.case.acting() as case:
        start_draft(case, ask.actor)
    return Redirect(to=ask.url("mapping"))


def decide(ask: Ask) -> Redirect:
    """Confirm or reject one binding of the draft that was looked at."""
    verdict = ask.form.get("verdict", "")
    if verdict not in {"confirm", "reject"}:
        raise WrongInputError("problem.no_decision")
    columns = {name.removeprefix("column."): value for name, value in ask.form.items() if name.startswith("column.")}
    with ask.case.acting() as case:
        decide_binding(
            case, ask.actor, _number(ask), ask.path["binding"], confirm=verdict == "confirm", columns=columns
        )
    return Redirect(to=ask.url("mapping"))


def edit(ask: Ask) -> Redirect:
    """Put a text that a person wrote in the draft's place."""
    with ask.case.acting() as case:
        edit_draft(case, ask.actor, _number(ask), ask.form.get("content", ""))
    return Redirect(to=ask.url("mapping"))


def approve(ask: Ask) -> Redirect:
    """Make the draft the mapping that runs use."""
    with ask.case.acting() as case:
        approve_draft(case, ask.actor, _number(ask))
    return Redirect(to=ask.url("mapping"))


def _number(ask: Ask) -> int:
    text = ask.form.get("draft", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise WrongInputError("problem.no_number", name="draft")
    return int(text)


ROUTES = (
    Route(
        name="mapping",
        path="/case/{case}/intake/mapping/",
        about="The draft of the platform mapping: bindings with their counts and candidates, and who decided what.",
        view=mapping,
        roles=CASE_READERS,
        in_case=True,
        reads="platform mapping",
    ),
    Route(
        name="mapping_checks",
        path="/case/{case}/intake/mapping/checks",
        about="The draft tried on the dumps: what each binding would bind, and what a wrong one would show.",
        view=checks,
        roles=CASE_READERS,
        in_case=True,
        reads="draft of a mapping, tried",
    ),
    Route(
        name="mapping_suggest",
        path="/case/{case}/intake/mapping/suggest",
        about="Begins a draft from the dumps; asks for a reason.",
        view=suggest,
        roles=DECIDERS,
        in_case=True,
        reads="profiles for a mapping",
        methods=("POST",),
        bulk=True,
    ),
    Route(
        name="mapping_decide",
        path="/case/{case}/intake/mapping/{binding}/decide",
        about="Confirms or rejects a binding; the reason is what the mapping says of it from now on.",
        view=decide,
        roles=DECIDERS,
        in_case=True,
        reads="decision on a binding",
        methods=("POST",),
        bulk=True,
        sample=(("binding", "mpb-none"),),
    ),
    Route(
        name="mapping_edit",
        path="/case/{case}/intake/mapping/edit",
        about="Puts a text that somebody wrote in the draft's place; asks for a reason.",
        view=edit,
        roles=DECIDERS,
        in_case=True,
        reads="text of a mapping",
        methods=("POST",),
        bulk=True,
    ),
    Route(
        name="mapping_approve",
        path="/case/{case}/intake/mapping/approve",
        about="Makes the draft the mapping that runs use, in the name of whoever asks; asks for a reason.",
        view=approve,
        roles=DECIDERS,
        in_case=True,
        reads="approval of a mapping",
        methods=("POST",),
        bulk=True,
    ),
)
