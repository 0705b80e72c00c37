"""Commands for what people note beside rows: remark add, list and withdraw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, note, printable

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    remark = typer.Typer(help="Notes, labels and assignments beside any row of the case.", no_args_is_help=True)
    remark.command("add")(add)
    remark.command("list")(shown)
    remark.command("withdraw")(withdraw)
    app.add_typer(remark, name="remark")


def add(
    case: CasePath,
    object_id: Annotated[str, typer.Argument(metavar="ID", help="Of the row: a lead, an account, a file, any id.")],
    text: Annotated[str | None, typer.Option("--note", help="A note.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="A word or two to find it by.")] = None,
    assign: Annotated[str | None, typer.Option("--assign", metavar="NAME", help="Whose work it is.")] = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Note something beside a row. It is on record for good, and leaves with packages that hold the row."""
    from headwater.errors import ConfigError
    from headwater.workflow import Case, remark_on

    given = [(kind, words) for kind, words in (("note", text), ("label", label), ("assignment", assign)) if words]
    if len(given) != 1:
        raise ConfigError("give one of --note, --label and --assign, with words")
    [(kind, words)] = given
    with Case(case) as opened:
        remark = remark_on(opened, opened.actor(operator, role="analyst", why=why), object_id, kind, words)
    emit(
        {"remark_id": remark.remark_id, "object_id": object_id, "object_table": remark.object_table, "kind": kind},
        as_json=as_json,
        text=f"{kind} on {object_id} ({remark.object_table}): {remark.remark_id}",
    )


def shown(
    case: CasePath,
    object_id: Annotated[str | None, typer.Option("--on", metavar="ID", help="Beside this row alone.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="note, label or assignment.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="With just these words: a label, or a name.")] = None,
    also_ended: Annotated[bool, typer.Option("--all", help="Also what was withdrawn or replaced.")] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """List what was noted, the newest first."""
    from headwater.workflow import Case, consult, remarks_shown

    with Case(case) as opened:
        ids = (object_id,) if object_id else ()
        with consult(opened, opened.actor(operator, why=why), "remarks", ids) as tables:
            rows = remarks_shown(tables, object_id=object_id, remark_kind=kind, text=text, also_ended=also_ended)
    for row in rows:
        emit(row, as_json=as_json, text=_line(row))
    if not rows:
        note("nobody has noted anything that fits")


def _line(row: Mapping[str, Any]) -> str:
    line = f"{row['at_utc'][:16]}Z  {printable(row['operator'])}  {row['remark_kind']} on {row['object_id']}"
    ended = "" if row["state"] == "stands" else f"\n  {row['state']} by {printable(row['ended_by'])}"
    why = f": {printable(row['ended_why'])}" if row["ended_why"] else ""
    return f"{line}\n  {printable(row['text'])}\n  {row['remark_id']}{ended}{why}"


def withdraw(
    case: CasePath,
    remark_id: Annotated[str, typer.Argument(metavar="REMARK_ID", help="From 'headwater remark list'.")],
    why: Annotated[str, typer.Option("--why", help="Your reason; it stays on record with the remark.")] = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a remark; a note only if it is your own. It stays on record, and is told as withdrawn."""
    from headwater.workflow import Case, withdraw_remark

    with Case(case) as opened:
        act = withdraw_remark(opened, opened.actor(operator, role="analyst", why=why), remark_id, why=why)
    emit(
        {"remark_id": act.remark_id, "withdraws_id": remark_id, "object_id": act.object_id},
        as_json=as_json,
        text=f"{remark_id}: withdrawn",
    )
