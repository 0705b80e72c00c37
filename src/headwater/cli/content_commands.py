"""Commands that show stills and videos by content: contents, content."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, emit_table, note, printable

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("contents")(contents)
    app.command("content")(content)


def contents(
    case: CasePath,
    wanted: Annotated[
        list[str] | None, typer.Option("--is", metavar="FACET=VALUE", help="Only these; may be repeated. See --facets.")
    ] = None,
    left_out: Annotated[
        list[str] | None, typer.Option("--not", metavar="FACET=VALUE", help="None of these; may be repeated.")
    ] = None,
    by_content: Annotated[bool, typer.Option("--each", help="One row for each content, not for each cluster.")] = False,
    facets: Annotated[bool, typer.Option("--facets", help="Show the values of each facet with their counts.")] = False,
    first: Annotated[int, typer.Option("--first", help="Number of the first row, from 0.", min=0)] = 0,
    limit: Annotated[int, typer.Option("--limit", help="Rows at most.", min=1)] = 50,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show stills and videos by content, with what the lists say of each."""
    from headwater.workflow import Case, consult, contents_of

    asked = [_facet_values(one) for one in (wanted or (), left_out or ())]
    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "contents") as tables:
        found = contents_of(tables)
    if facets:
        rows: list[dict[str, Any]] = [
            {"facet": name, **asdict(one)} for name, values in found.facets(*asked).items() for one in values
        ]
        emit_table(rows, ("facet", "value", "contents", "is_in", "is_out"), as_json=as_json)
        return
    page = found.page(*asked, by_cluster=not by_content, first=first, rows=limit)
    columns = ("content", "verdict_group", "verdict", "distance_bits", "content_format", "contents", "all_places")
    emit_table(page.rows, columns, as_json=as_json)
    note(
        f"{page.fitting:,} rows fit: {page.contents:,} contents in {page.places:,} places, of {found.total:,} contents"
    )


def _facet_values(given: list[str] | tuple[()]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"'{one}': write FACET=VALUE")
        found.setdefault(name, []).append(value)
    return found


def content(
    case: CasePath,
    named: Annotated[str, typer.Argument(metavar="CONTENT", help="SHA-256 of a still or video, or an item's id.")],
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show one content: its places, its hashes, and why it is known, near, or neither."""
    from headwater.workflow import Case, consult, content_explained

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "content", (named,)) as tables:
        told = content_explained(tables, named)
    if as_json:
        emit(told, as_json=True)
        return
    verdict = told["verdict"]
    lines = [f"{told['content']}: {verdict['verdict']} ({verdict['verdict_group']}), {told['content_format']}"]
    lines += [f"  {name}: {digest}" for name, digest in told["digests"].items() if digest]
    lines += [f"  place: {one['exhibit_id']} {one['path']}" for one in told["places"]]
    lines += [_match_line(one) for one in told["matches"]]
    if verdict["reason"]:
        lines.append(f"  because: {verdict['reason']}")
    if told["cluster"] is not None:
        near = told["cluster"]
        lines.append(f"  cluster {near['media_cluster_id']}: {len(near['contents'])} contents, {near['items']} places")
    emit({}, as_json=False, text="\n".join(printable(line) for line in lines))


def _match_line(one: dict[str, Any]) -> str:
    by = f"{one['reference_name']}@{one['reference_version']} {one['entry_id']}"
    aside = "; set aside as a hub" if one["quarantined"] else ""
    if one["distance_bits"] is None:
        return f"  {one['tier']} by {one['method']}: {by}{aside}"
    turned = "" if one["transform"] == "none" else f", {one['transform']}"
    near = f"{one['distance_bits']} bits{turned}, {one['margin_bits']} within the limit, quality {one['quality']}"
    return f"  {one['tier']} by {one['method']}: {near}: {by}{aside}"
