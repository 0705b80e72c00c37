"""Commands about what leaves and what comes back: review, recall, sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, note, printable
from headwater.cli.package_text import draft_text, package_lead_text

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("review")(review)
    app.command("recall")(recall)
    app.command("sent")(sent)


def review(
    case: CasePath,
    package_id: Annotated[str, typer.Argument(metavar="PACKAGE_ID", help="From 'headwater package'.")],
    operator: Annotated[str, typer.Option("--operator", help="Who reads; who releases it afterwards.")],
    lead: Annotated[
        list[str] | None, typer.Option("--lead", metavar="LEAD_ID", help="Only this lead; may be repeated.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="So many leads, drawn by digest; default: all.")
    ] = None,
    checks: Annotated[
        bool,
        typer.Option("--checks", help="Instead: recipient, contents, what is withheld, the checks."),
    ] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the leads of a draft in full to whoever will release it; the custody log records which were opened."""
    from headwater.workflow import REVIEWER_ROLE, Case, review_draft

    if checks:
        _print_checks(case, package_id, operator, why, as_json=as_json)
        return
    with Case(case) as opened:
        actor = opened.actor(operator, role=REVIEWER_ROLE, why=why)
        leads = review_draft(opened, actor, package_id, lead_ids=lead or (), sample=sample)
    for row in leads:
        emit(row, as_json=as_json, text=package_lead_text(row), to_the_end=True)
    note(f"{len(leads)} leads shown to {operator}, and recorded so")


def _print_checks(case: Path, package_id: str, operator: str, why: str, *, as_json: bool) -> None:
    from headwater.workflow import Case, checked_draft, consult, draft_told

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "draft", (package_id,)):
        told, checked = draft_told(opened, package_id), checked_draft(opened, package_id, operator)
    emit({**checked, **told}, as_json=as_json, text=draft_text(told, checked), to_the_end=True)


def recall(
    case: CasePath,
    what: Annotated[list[str], typer.Argument(metavar="ID...", help="Leads, or packages, that were sent.")],
    operator: Annotated[str, typer.Option("--operator", help="Who recalls; signs every notice.")],
    why: Annotated[str, typer.Option("--why", help="The reason, as every recipient reads it.")],
    as_json: AsJson = False,
) -> None:
    """Take sent leads or packages back: a signed, sealed notice for every recipient who was sent them."""
    from headwater.workflow import Case, recall_sent

    with Case(case) as opened:
        notices = recall_sent(opened, opened.actor(operator, why=why), what)
    for notice in notices:
        leads, packages = notice["leads"], notice["packages"]
        assert isinstance(leads, list)
        assert isinstance(packages, list)
        text = (
            f"{notice['recall_id']} for {notice['country']}: {len(leads)} leads of {', '.join(packages)}; "
            f"send {printable(notice['folder'])}"
        )
        emit(notice, as_json=as_json, text=text, to_the_end=True)


def sent(
    case: CasePath,
    drafts: Annotated[bool, typer.Option("--drafts", help="Instead: drafts that nobody has released.")] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """List what was sent to whom, in its order, with the receipts that came back and what was recalled."""
    from headwater.workflow import Case, consult, draft_list, sent_list

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "drafts" if drafts else "sent"):
        rows = draft_list(opened) if drafts else sent_list(opened)
    if drafts:
        for row in rows:
            text = f"{row['country']} {row['number']:>4}  {row['package_id']}  {row['lead_count']} leads  "
            emit(row, as_json=as_json, text=f"{text}{row['drafted_at_utc']}  by {printable(row['author'])}")
        if not rows:
            note("no draft waits")
        return
    for row in rows:
        emit(row, as_json=as_json, text=_sent_text(row))
    if not rows:
        note("nothing was sent")


def _sent_text(row: dict[str, Any]) -> str:
    receipt = f"receipt of {row['received_at_utc']}" if row["receipt_id"] else "no receipt yet"
    recalled = f"; recalled by {', '.join(row['recalled_by'])}" if row["recalled_by"] else ""
    return (
        f"{row['country']} {row['number']:>4}  {row['kind']:<7}  {row['id']}  {row['leads']} leads  "
        f"{row['sent_at_utc']}  {receipt}{recalled}"
    )
