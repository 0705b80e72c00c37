"""Commands about what leaves and what comes back: review, recall, sent."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, note, printable
from headwater.cli.package_text import package_lead_text

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
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the leads of a draft in full to whoever will release it; the custody log records which were opened."""
    from headwater.workflow import REVIEWER_ROLE, Case, review_draft

    with Case(case) as opened:
        actor = opened.actor(operator, role=REVIEWER_ROLE, why=why)
        leads = review_draft(opened, actor, package_id, lead_ids=lead or (), sample=sample)
    for row in leads:
        emit(row, as_json=as_json, text=package_lead_text(row), to_the_end=True)
    note(f"{len(leads)} leads shown to {operator}, and recorded so")


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


def sent(case: CasePath, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """List what was sent to whom, in its order, with the receipts that came back and what was recalled."""
    from headwater.workflow import Case, consult, sent_list

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "sent"):
        rows = sent_list(opened)
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
