"""Commands that work on the draft of a mapping: mapping suggest, show, confirm, reject, edit, try, approve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import AllowUnsealed, AsJson, CasePath
from headwater.cli.output import JobProgress, emit, emit_table, note, printable
from headwater.errors import ConfigError, InputError

if TYPE_CHECKING:
    from headwater.workflow import MappingDraft

__all__ = ["register"]

mapping_app = typer.Typer(
    help="The draft of a mapping, decided binding by binding. 'headwater map' takes a mapping from a file.",
    no_args_is_help=True,
)

_Operator = Annotated[str, typer.Option("--operator", help="Who acts.")]
_Why = Annotated[str, typer.Option("--why", help="Reason; of a confirmed binding, what the mapping says of it.")]
_Draft = Annotated[int, typer.Option("--draft", help="Number of the draft that you looked at.", min=0)]
_Binding = Annotated[str, typer.Argument(metavar="BINDING_ID", help="From 'mapping show'.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(mapping_app, name="mapping")


@mapping_app.command("suggest")
def suggest(
    case: CasePath, operator: _Operator, why: _Why, allow_unsealed: AllowUnsealed = False, as_json: AsJson = False
) -> None:
    """Begin a draft from the dumps; nothing is bound by it."""
    from headwater.workflow import Case, start_draft

    with Case(case) as opened, JobProgress("reading the dumps") as progress:
        actor = opened.actor(operator, why=why)
        draft = start_draft(opened, actor, allow_unsealed=allow_unsealed, progress=progress)
    _show(draft, as_json=as_json)


@mapping_app.command("show")
def show(
    case: CasePath,
    operator: _Operator,
    why: _Why,
    text: Annotated[bool, typer.Option("--text", help="The draft as the text of a mapping.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the draft: each binding, its columns and candidates, and whether somebody has confirmed it."""
    from headwater.workflow import Case, consult, mapping_draft

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "the draft of a mapping"):
        draft = mapping_draft(opened)
        if draft is None:
            raise ConfigError("no draft of a mapping yet; begin with 'headwater mapping suggest CASE'")
    if text:
        emit({"draft": draft.number, "content": draft.content}, as_json=as_json, text=draft.content.rstrip("\n"))
        return
    _show(draft, as_json=as_json)


@mapping_app.command("confirm")
def confirm(
    case: CasePath,
    binding: _Binding,
    draft: _Draft,
    operator: _Operator,
    why: _Why,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="OURS=THEIRS", help="Another candidate; empty leaves it out. May be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say of a suggested binding that it is so; --why is what the mapping says of it from now on."""
    from headwater.workflow import Case, decide_binding

    pairs = dict(one.partition("=")[::2] for one in column or ())
    with Case(case) as opened:
        actor = opened.actor(operator, why=why)
        _show(decide_binding(opened, actor, draft, binding, confirm=True, columns=pairs), as_json=as_json)


@mapping_app.command("reject")
def reject(
    case: CasePath, binding: _Binding, draft: _Draft, operator: _Operator, why: _Why, as_json: AsJson = False
) -> None:
    """Take a binding out of the draft; the draft with it stays on record."""
    from headwater.workflow import Case, decide_binding

    with Case(case) as opened:
        actor = opened.actor(operator, why=why)
        _show(decide_binding(opened, actor, draft, binding, confirm=False), as_json=as_json)


@mapping_app.command("edit")
def edit(
    case: CasePath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Text of a mapping, as 'mapping show --text' has it.")],
    draft: _Draft,
    operator: _Operator,
    why: _Why,
    as_json: AsJson = False,
) -> None:
    """Put a text that you wrote in the draft's place; --draft 0 where there is none yet."""
    from headwater.workflow import Case, edit_draft

    with Case(case) as opened:
        if not file.is_file():
            raise InputError(file, "no such file", remedy="check the path")
        actor = opened.actor(operator, why=why)
        _show(edit_draft(opened, actor, draft, file.read_text("utf-8")), as_json=as_json)


@mapping_app.command("try")
def attempt(
    case: CasePath,
    operator: _Operator,
    why: _Why,
    rows: Annotated[int, typer.Option("--rows", help="Look at so many rows of each file; 0 for all.", min=0)] = 0,
    allow_unsealed: AllowUnsealed = False,
    as_json: AsJson = False,
) -> None:
    """Try the draft on the dumps: the rows that it would bind, and what a wrong mapping would show."""
    from headwater.cli.table_commands import check_line
    from headwater.workflow import Case, try_draft

    with Case(case) as opened, JobProgress("trying the draft") as progress:
        actor = opened.actor(operator, why=why)
        tried = try_draft(opened, actor, at_most_rows=rows, allow_unsealed=allow_unsealed, progress=progress)
    for line in tried.checks.to_pylist():
        emit(line, as_json=as_json, text=printable(check_line(line)))
    whole = {"rows_read": tried.rows_read, "whole": tried.whole, "tables_bound": tried.tables.num_rows}
    of_all = "all rows" if tried.whole else "the first rows of each file"
    emit(whole, as_json=as_json, text=f"{tried.rows_read:,} rows were looked at, {of_all}; nothing was bound")


@mapping_app.command("approve")
def approve(case: CasePath, draft: _Draft, operator: _Operator, why: _Why, as_json: AsJson = False) -> None:
    """Make the draft the mapping that runs use; every binding of it has to be confirmed."""
    from headwater.workflow import Case, approve_draft

    with Case(case) as opened:
        mapping = approve_draft(opened, opened.actor(operator, why=why), draft)
    row = {"mapping_id": mapping.mapping_id, "approved_by": operator, "bindings": len(mapping.bindings)}
    emit(row, as_json=as_json, text=f"mapping {mapping.mapping_id} approved by {operator}; the next run uses it")


def _show(draft: MappingDraft, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "draft": draft.number,
            "binding_id": one.binding_id,
            "state": "confirmed" if one.confirmed else "suggested",
            "table": one.table,
            "binds": one.binds,
            "where": one.where,
            "rows": one.rows,
            "columns": [dict(column) for column in one.columns],
            "because": one.because,
        }
        for one in draft.bindings
    ]
    shown = rows if as_json else [{**row, "because": printable(row["because"])} for row in rows]
    emit_table(shown, ("binding_id", "state", "table", "binds", "where", "rows", "because"), as_json=as_json)
    note(f"draft {draft.number}: {len(rows)} bindings, {draft.unconfirmed} of them wait for a decision")
    if draft.fault:
        note(f"it cannot be read as a mapping: {draft.fault}")
