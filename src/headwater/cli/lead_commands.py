"""Commands about leads: leads (and their outcomes), package, release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from headwater.cli.head_text import head_text
from headwater.cli.lead_view_commands import register_views, status
from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, note, printable
from headwater.cli.package_text import changes_text
from headwater.cli.people_text import lead_explained_text, lead_text, outcomes_text

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    leads_app = typer.Typer(
        cls=_ListedByDefault, help="Show the leads in order, or explain one: leads CASE, leads explain CASE LEAD."
    )
    leads_app.command("list")(leads)
    leads_app.command("explain")(explain_lead)
    leads_app.command("outcomes")(outcomes)
    leads_app.command("outcome-import")(outcome_import)
    register_views(leads_app)
    app.add_typer(leads_app, name="leads")
    app.command("status")(status)
    app.command("package")(package)
    app.command("release")(release)


class _ListedByDefault(TyperGroup):
    """`leads CASE` is `leads list CASE`; a case in a folder that is called as a word is named `./word`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer keeps its copy of click to itself
        if not args or args[0] not in {*self.commands, "--help"}:
            args = ["list", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def leads(
    case: CasePath,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0 for all.")] = 20,
    country: Annotated[str | None, typer.Option("--country", help="Only leads for this country.")] = None,
    unattributed: Annotated[
        bool, typer.Option("--unattributed", help="Only leads that nothing ties to a country.")
    ] = False,
    victims: Annotated[
        bool,
        typer.Option("--victims", help="The leads of victims, which stand apart; say who asks, and why."),
    ] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the leads in order, each with the rules that fired."""
    from headwater.workflow import Case, consult, ranked_leads, victim_reader

    what = "leads of victims" if victims else "leads"
    with Case(case) as opened:
        actor = victim_reader(opened, operator, why) if victims else opened.actor(operator, why=why)
        with consult(opened, actor, what) as tables:
            ranked = ranked_leads(tables, country=country, unattributed=unattributed, of_victims=victims)
        head = head_text(opened)
    for lead in ranked[: limit or None]:
        emit(lead, as_json=as_json, text=lead_text(lead))
    if limit and len(ranked) > limit:
        note(f"{len(ranked) - limit:,} more; --limit 0 shows all")
    if not ranked:
        note("no lead")
    note(head)


def explain_lead(
    case: CasePath,
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="A lead, an account, or a rank.")],
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Say which rules fired on a lead and which did not, what parts it from its neighbours, and what would move it."""
    from headwater.workflow import Case, consult, lead_explained, named_lead

    with Case(case) as opened:
        ids, actor = named_lead(opened, lead), opened.actor(operator, why=why)
        with consult(opened, actor, "leads explain", ids) as tables:
            told = lead_explained(tables, lead)
        head = head_text(opened)
    emit(told, as_json=as_json, text=lead_explained_text(told))
    note(head)


def outcomes(case: CasePath, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """Show what became of the leads, as imported reports say: by tier, by rule, and how often a lead was right."""
    from headwater.workflow import Case, consult, outcome_report

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "leads outcomes") as tables:
        sums = outcome_report(tables)
    for row in sums:
        emit(row, as_json=as_json, text=outcomes_text(row))
    if not sums:
        note("no outcome was reported; import a report with 'headwater reference add CASE outcomes FILE'")


def outcome_import(
    case: CasePath,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="From the recipient: outcomes-....age.")],
    key: Annotated[
        Path, typer.Option("--from", metavar="KEY.pem", help="The recipient's public key, had over another channel.")
    ],
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Take in what a recipient reports of leads, signed by them, as a reference of kind outcomes."""
    from headwater.workflow import Case, import_outcomes

    with Case(case) as opened:
        row = import_outcomes(opened, opened.actor(operator, why=why), path, key)
    told = ", ".join(f"{lead} {outcome}" for lead, outcome in row["outcomes"])
    emit(row, as_json=as_json, text=f"{printable(row['agency'])} reports: {told}; kept as {row['reference']}")


def package(
    case: CasePath,
    country: Annotated[str, typer.Option("--country", help="ISO 3166-1 alpha-2.")],
    recipient: Annotated[str, typer.Option("--recipient", help="The country's age key, or a file with it or OpenPGP.")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Legal basis of the transfer.")],
    handling: Annotated[str, typer.Option("--handling", help="Handling code.")] = "law-enforcement-only",
    onward: Annotated[str, typer.Option("--onward", help="Rule for passing it on.")] = "ask the sender first",
    reissue: Annotated[
        list[str] | None,
        typer.Option("--reissue", metavar="LEAD_ID", help="A recalled lead to be sent again; may be repeated."),
    ] = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Draft the package for a country; a second operator releases it."""
    from headwater.workflow import Case, draft_package

    with Case(case) as opened:
        draft = draft_package(
            opened,
            opened.actor(operator, why=why),
            country=country,
            recipient=recipient,
            handling_code=handling,
            legal_basis=legal_basis,
            onward_transfer=onward,
            reissue=reissue or (),
        )
    first = (
        f"draft {draft['package_id']} for {country}, number {draft['number']} for this recipient: "
        f"{draft['leads']} leads, {draft['files']} files in {printable(draft['folder'])}"
    )
    emit(draft, as_json=as_json, text="\n".join([first, *changes_text(draft)]))


def release(
    case: CasePath,
    package_id: Annotated[str, typer.Argument(metavar="PACKAGE_ID", help="From 'headwater package'.")],
    operator: Annotated[str, typer.Option("--operator", help="Who releases; never who drafted.")],
    why: Annotated[str, typer.Option("--why", help="Why it may leave.")],
    opened_leads: Annotated[
        list[str] | None, typer.Option("--opened", metavar="LEAD_ID", help="A lead you read in full; may be repeated.")
    ] = None,
    all_opened: Annotated[bool, typer.Option("--all-opened", help="You read every lead of it in full.")] = False,
    sample: Annotated[str, typer.Option("--sample", help="How you chose, where you did not read all.")] = "",
    as_json: AsJson = False,
) -> None:
    """Release a drafted package as a second person: sign it, encrypt it to the recipient, seal it."""
    from headwater.workflow import Case, release_package

    with Case(case) as opened:
        released = release_package(
            opened,
            opened.actor(operator, role="approver", why=why),
            package_id,
            why=why,
            leads_opened=opened_leads or (),
            all_opened=all_opened,
            sample=sample,
        )
    emit(released, as_json=as_json, text=f"released {package_id}: {printable(Path(str(released['folder'])))}")
