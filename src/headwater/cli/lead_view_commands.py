"""Commands that show leads beside their list, and `status`, which shows a case at one look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from headwater.cli.head_text import head_text
from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, note, printable

__all__ = ["register_views", "status"]

Lead = Annotated[str, typer.Argument(metavar="LEAD", help="A lead, an account, or a rank.")]


def register_views(leads_app: typer.Typer) -> None:
    """Add these commands to `leads`."""
    leads_app.command("timeline")(timeline)
    leads_app.command("person")(person)
    leads_app.command("by-country")(by_country)
    leads_app.command("movers")(movers)


def timeline(
    case: CasePath,
    lead: Lead,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Tell local times in this zone, as Europe/Berlin.")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only from this time on, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only before this time, UTC.")] = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show what a lead's account did and when, in UTC and local: its acts, money and media by hash, and the gaps."""
    from headwater.leads import timeline_sentences, timeline_words
    from headwater.workflow import Case, consult, lead_timeline, lead_window, named_lead

    window = lead_window(begin, end)
    with Case(case) as opened:
        ids, actor = named_lead(opened, lead), opened.actor(operator, why=why)
        with consult(opened, actor, "leads timeline", ids) as tables:
            told = lead_timeline(tables, lead, zone=zone, window=window)
        head = head_text(opened)
    words = timeline_words(told)
    emit(words, as_json=as_json, text="\n".join([*_bins_text(words), *timeline_sentences(told)]))
    note(head)


def _bins_text(words: Mapping[str, Any]) -> Iterator[str]:
    yield f"lead {words['lead_id']}, account {words['account_id']}"
    for one in words["bins"]:
        counts = ", ".join(f"{kind} {count}" for kind, count in one["counts"].items())
        yield f"{one['lane']:<8}{one['begin']['utc']}  {one['begin']['local'] or '-'}  {counts}"


def person(case: CasePath, lead: Lead, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """Show the person whom a lead's account is judged to belong to, and every account judged the same."""
    from headwater.workflow import Case, consult, merged_person, named_lead

    with Case(case) as opened:
        ids, actor = named_lead(opened, lead), opened.actor(operator, why=why)
        with consult(opened, actor, "leads person", ids) as tables:
            told = merged_person(tables, ids[-1])
    for row in told["accounts"] if told else ():
        named = printable(row["nickname"] or row["account_id"])
        rank = f"lead {row['rank']}" if row["rank"] else "no lead"
        text = (
            f"{row['record_id']}  {named}, {rank}: {printable(row['because'])} "
            f"({row['positive_operators']} found so; {row['link_id']})"
        )
        emit(row, as_json=as_json, text=text)
    if told is None:
        note("nobody: no link of this account to a record was judged positive")


def by_country(case: CasePath, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """Count the leads by the country that is proposed to lead them; the counts add up to all leads."""
    from headwater.workflow import Case, consult, leads_by_country

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "leads by-country") as tables:
        rows = leads_by_country(tables)
    for row in rows:
        tiers = ", ".join(f"tier {tier}: {count}" for tier, count in row["by_tier"].items())
        country = f"{row['country']} {row['name'] or ''}".strip() if row["country"] else "unattributed"
        emit(row, as_json=as_json, text=f"{row['leads']:>8,}  {country} ({tiers}; shares {row['shared']:,})")
    if not rows:
        note("no lead")


def movers(
    case: CasePath,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many movers.")] = 200,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show which leads went up, went down, are new or are gone since the run before that had others, and why."""
    from headwater.workflow import Case, consult, lead_movers

    with Case(case) as opened:
        with consult(opened, opened.actor(operator, why=why), "leads movers"):
            told = lead_movers(opened, most=limit)
        head = head_text(opened)
    emit(told, as_json=as_json, text="\n".join(_movers_text(told)))
    note(head)


def _movers_text(told: Mapping[str, Any]) -> Iterator[str]:
    if told["before"] is None:
        yield "nothing to compare: " + (
            f"the leads of {told['not_kept']} earlier run(s) are no longer kept"
            if told["not_kept"]
            else "the first run"
        )
        return
    yield "since {}: ".format(told["before"]["at_utc"]) + ", ".join(f"{n:,} {s}" for s, n in told["counts"].items())
    for one in told["movers"]:
        why = "; ".join(
            f"{change['rule']} {change['before']} -> {change['now']}" if change["now"] is not None else change["rule"]
            for change in one["why"]
        )
        was, now = one["rank_before"] or "-", one["rank"] or "-"
        tiers = f"tier {one['tier_before'] or '-'} -> {one['tier'] or '-'}"
        yield f"{one['state']:<5} {was} -> {now} ({tiers})  {one['lead_id']}  {why or 'nothing of its own changed'}"


def status(case: CasePath, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """Show a case at one look: where every entry went, what waits, how far the stages are, who saw the custody log."""
    from headwater.workflow import Case, case_status, consult

    with Case(case) as opened:
        with consult(opened, opened.actor(operator, why=why), "status") as tables:
            told = case_status(opened, tables)
        head = head_text(opened)
    emit(told, as_json=as_json, text="\n".join(_status_text(told)))
    note(head)


def _status_text(told: Mapping[str, Any]) -> Iterator[str]:
    parts = " + ".join(f"{line['account']} {line['entries']:,}" for line in told["accounts"])
    is_whole = not told["unaccounted_entries"] and not told["unaccounted_bytes"]
    yield f"{told['entries']:,} entries = {parts}" + (
        "" if is_whole else f"; UNACCOUNTED {told['unaccounted_entries']:,}"
    )
    sizes = " + ".join(f"{line['account']} {line['size_bytes']:,}" for line in told["accounts"])
    yield f"{told['size_bytes']:,} bytes = {sizes}" + (
        "" if is_whole else f"; UNACCOUNTED {told['unaccounted_bytes']:,}"
    )
    for action in told["next"]:
        yield f"next: {action['action']}, {action['count']:,}"
    for stage in told["stages"]:
        yield f"{stage['stage']}: {stage['state']} {stage['at_utc']}".rstrip()
    if (running := told["running"]) is not None:
        amount = f"{running['done']:,}" + (f" of {running['total']:,}" if running["total"] else "")
        left = "no estimate yet" if running["left_s"] is None else f"about {running['left_s']:,} s left"
        yield f"running: {running['stage']}, {amount} {running['counted']}, {left} (told {running['told_utc']})"
    witness = told["witness"]
    yield (
        f"custody log: {told['custody']['entries']:,} entries; "
        + (f"a witness outside has seen {witness['entries']:,}" if witness["entries"] else "no witness outside yet")
    )
