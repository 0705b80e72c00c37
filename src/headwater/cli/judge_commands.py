"""Commands in which people judge: queue and judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, note
from headwater.cli.people_text import hub_text
from headwater.cli.queue_text import agreement_text, band_text, judgement_text, known_answers_text, pair_text

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("queue")(queue)
    app.command("judge")(judge)


def queue(
    case: CasePath,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0 for all.")] = 20,
    judged: Annotated[bool, typer.Option("--judged", help="Every proposed link, also those that are judged.")] = False,
    claim: Annotated[str | None, typer.Option("--claim", help="used, paid, held or hub.")] = None,
    link: Annotated[str | None, typer.Option("--link", metavar="LINK_ID", help="This one alone.")] = None,
    hide_score: Annotated[
        bool, typer.Option("--hide-score", help="Without weights and probability of what you have not judged.")
    ] = False,
    agreement: Annotated[
        bool,
        typer.Option("--agreement", help="Instead: how judgements agree with known answers, each other and outcomes."),
    ] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the pairs that wait for a person, what speaks against them first; or listed hashes that are set aside."""
    from headwater.errors import ConfigError
    from headwater.workflow import Case, show_queue

    if agreement:
        _print_agreement(case, operator, why, as_json=as_json)
        return
    with Case(case) as opened:
        hidden = hide_score or opened.settings.hide_score_until_judged
        if hidden and operator is None:
            raise ConfigError("--operator is missing; weights are hidden from whoever has not judged, so say who looks")
        shown = show_queue(
            opened,
            opened.actor(operator, why=why),
            limit=limit,
            claim=claim,
            link_id=link,
            judged=judged,
            hide_score=hidden,
        )
    for row in shown.rows:
        emit(row, as_json=as_json, text=hub_text(row) if claim == "hub" else pair_text(row))
    if shown.hubs and claim != "hub":
        note(f"{shown.hubs:,} listed hashes are set aside as hubs; see them with --claim hub")
    if shown.unordered:
        note(f"{shown.unordered:,} links have no place in the order of review and come last; 'headwater run' gives one")
    if shown.left:
        note(f"{shown.left:,} more; --limit 0 shows all")
    if not shown.rows:
        note("no hub waits for a judgement" if claim == "hub" else "no link waits for your judgement")


def _print_agreement(case: Path, operator: str | None, why: str, *, as_json: bool) -> None:
    from headwater.workflow import Case, agreement_report, consult

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "queue agreement") as tables:
        report = agreement_report(tables, opened.judgements())
    for row in report.known:
        emit(row, as_json=as_json, text=known_answers_text(row))
    for row in report.repeated:
        emit(row, as_json=as_json, text=agreement_text(row))
    for row in report.bands:
        emit(row, as_json=as_json, text=band_text(row))
    note(f"{report.known_pairs:,} pairs of known answer in the case; the queue can show {report.known_pairs_shown:,}")
    if not report.known:
        note("nobody has judged a pair of known answer yet")
    if not report.repeated:
        note("no pair was judged twice yet")


def judge(
    case: CasePath,
    link: Annotated[
        str | None, typer.Argument(metavar="LINK_ID", help="From the queue: a link, or a hub.", show_default=False)
    ] = None,
    verdict: Annotated[str | None, typer.Argument(metavar="positive|negative|unsure", show_default=False)] = None,
    why: Annotated[str, typer.Option("--why", help="Your reason; it stays with the judgement.")] = "",
    history: Annotated[
        bool, typer.Option("--history", help="Instead: every judgement on record, or those on one link.")
    ] = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Record what you decide about a link. To undo it, judge again: nothing is ever removed."""
    from headwater.errors import ConfigError
    from headwater.workflow import Case, judge_link

    if history:
        _print_history(case, link, operator, why, as_json=as_json)
        return
    if link is None or verdict is None:
        raise ConfigError("judge needs LINK_ID and positive, negative or unsure; or --history to read what was judged")
    with Case(case) as opened:
        judged = judge_link(opened, opened.actor(operator, role="analyst", why=why), link, verdict, why=why)
    judgement = judged.judgement
    told = "".join(f"\n  {change}" for change in judged.changes)
    emit(
        {
            "judgement_id": judgement.judgement_id,
            "link_id": judgement.link_id,
            "verdict": judgement.verdict,
            "operator": judgement.operator,
            "changes": list(judged.changes),
        },
        as_json=as_json,
        text=f"{judgement.link_id}: {judgement.verdict} by {judgement.operator}; 'headwater run' takes it into account"
        + told,
    )


def _print_history(case: Path, link: str | None, operator: str | None, why: str, *, as_json: bool) -> None:
    from headwater.workflow import Case, consult, judgement_history

    with (
        Case(case) as opened,
        consult(opened, opened.actor(operator, why=why), "judgements", () if link is None else (link,)) as tables,
    ):
        told = judgement_history(opened, tables, link)
    for row in told:
        emit(row, as_json=as_json, text=judgement_text(row))
    if not told:
        note("nobody has judged anything yet")
