"""The command that finds rows by what somebody wrote down of them."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import JobProgress, emit, note, printable

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("search")(search)


def search(
    case: CasePath,
    query: Annotated[str, typer.Argument(metavar="TEXT", help="A name, nickname, e-mail, address, txid or digest.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")] = 20,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Find rows by accounts, names, addresses, txids and digests; a letter or two may be wrong."""
    from headwater.workflow import Case, search_case

    with Case(case) as opened, JobProgress("making the index") as progress:
        rows, fitting = search_case(opened, opened.actor(operator, why=why), query, most=limit, progress=progress)
    for row in rows:
        slip = f"  ({row['edits']} letters differ)" if row["edits"] else ""
        text = f"{row['table']}.{row['column']}  {printable(row['value'])}  {printable(row['key'])}{slip}"
        emit(row, as_json=as_json, text=text)
    if fitting > len(rows):
        note(f"{fitting - len(rows):,} more fit; --limit shows more, a longer text leaves fewer")
    if not rows:
        note("nothing in the case is written like that; paths of files and free text are not searched")
