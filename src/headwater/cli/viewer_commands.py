"""Commands that exchange with the accredited viewer: viewer export, viewer import, viewer withdraw."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import AsJson, CasePath
from headwater.cli.output import JobProgress, emit, emit_table, note, printable

if TYPE_CHECKING:
    from headwater.viewer import Change, Said
    from headwater.workflow import GradesRead

__all__ = ["register"]

viewer_app = typer.Typer(help="Lists out to the accredited viewer, grades back in.", no_args_is_help=True)

_Operator = Annotated[str, typer.Option("--operator", help="Who acts.")]
_Why = Annotated[str, typer.Option("--why", help="Reason, for the custody log.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(viewer_app, name="viewer")


@viewer_app.command("export")
def export(
    case: CasePath,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    operator: _Operator,
    why: _Why,
    file_format: Annotated[
        list[str] | None, typer.Option("--format", help="vics (default) or csv; may be repeated.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", help="none, not_comparable, near, known or benign; may be repeated. Default: all but benign."
        ),
    ] = None,
    exhibit: Annotated[str | None, typer.Option("--exhibit", help="Only media and paths of this exhibit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write digests, verdicts and paths on the evidence for the accredited viewer. No media leaves; it is recorded."""
    from headwater.workflow import Case, export_media

    with Case(case) as opened, JobProgress("writing") as progress:
        exported = export_media(
            opened,
            opened.actor(operator, why=why),
            folder,
            formats=file_format or ("vics",),
            groups=group or (),
            exhibit_id=exhibit,
            progress=progress,
        )
    groups = {name: dict(count) for name, count in exported.groups.items()}
    row = {
        "folder": printable(folder),
        "files": dict(exported.outputs),
        "groups": groups,
        "graded": exported.graded,
        "paths_withheld": exported.paths_withheld,
        "without_digest": exported.without_digest,
    }
    lines = [f"{digest}  {name}" for name, digest in exported.outputs.items()]
    lines += [
        f"{name}: {count['media']:,} media in {count['files']:,} files, {count['bytes']:,} bytes"
        for name, count in groups.items()
    ]
    emit(row, as_json=as_json, text="\n".join(lines))
    if exported.without_digest:
        note(f"{exported.without_digest:,} items were left out: nothing of them could be digested")
    if exported.paths_withheld:
        note(f"{exported.paths_withheld:,} paths held key material or encoded bytes, which were withheld")


@viewer_app.command("import")
def import_grades(
    case: CasePath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Graded VICS JSON, or our CSV.")],
    operator: _Operator,
    why: _Why,
    apply: Annotated[bool, typer.Option("--apply", help="Add the grades; without it nothing changes.")] = False,
    scheme: Annotated[str, typer.Option("--scheme", help="Whose categories, where the file does not say.")] = "",
    country: Annotated[str, typer.Option("--country", help="Whose law, where the file does not say.")] = "",
    graded_by: Annotated[str, typer.Option("--graded-by", help="Who graded, where the file does not say.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what a graded file would change, or apply it. A later grade replaces an earlier one; nothing is deleted."""
    from headwater.workflow import Case, read_grades

    with Case(case) as opened:
        read = read_grades(
            opened,
            opened.actor(operator, role="analyst", why=why),
            file,
            apply=apply,
            scheme=scheme,
            country=country,
            graded_by=graded_by,
        )
    if read.state == "there-already":
        told = f"{file.name}: applied already, SHA-256 {read.source_sha256}; nothing to do"
        emit({"kind": "sum", "state": read.state, "source_sha256": read.source_sha256}, as_json=as_json, text=told)
        return
    for change in read.comparison.changes:
        emit(_change_row(change), as_json=as_json, text=_change_text(change))
    for number, reason in read.comparison.unrecognised:
        emit(
            {"kind": "not_recognised", "row": number, "reason": reason},
            as_json=as_json,
            text=f"not recognised: row {number + 1}: {reason}",
        )
    for name, count in sorted(read.comparison.unknown_fields.items()):
        row = {"kind": "unknown_field", "field": name, "rows": count}
        emit(row, as_json=as_json, text=f"unknown field, kept as it is: {name} in {count:,} rows")
    emit(_sum_row(read), as_json=as_json, text=_sum_text(read))
    if read.state == "shown":
        note("nothing was changed; --apply adds these grades")


@viewer_app.command("list")
def list_files(case: CasePath, operator: _Operator, why: _Why, as_json: AsJson = False) -> None:
    """Show every graded file that was applied, and whether its grades count."""
    from headwater.workflow import Case, consult, graded_file_list

    with Case(case) as opened, consult(opened, opened.actor(operator, role="analyst", why=why), "graded files"):
        rows = [asdict(one) for one in graded_file_list(opened)]
    shown = rows if as_json else [{**row, "file_name": printable(row["file_name"])} for row in rows]
    emit_table(shown, ("source_sha256", "file_name", "counts", "operator", "at_utc"), as_json=as_json)


@viewer_app.command("withdraw")
def withdraw(
    case: CasePath,
    source_sha256: Annotated[str, typer.Argument(metavar="SOURCE_SHA256", help="As 'viewer import' printed it.")],
    operator: _Operator,
    why: _Why,
    as_json: AsJson = False,
) -> None:
    """Take back all that a graded file brought. It stays on record; what stood before stands again."""
    from headwater.workflow import Case, withdraw_grades

    with Case(case) as opened:
        act = withdraw_grades(opened, opened.actor(operator, role="analyst", why=why), source_sha256)
    emit(
        {"source_sha256": act.source_sha256, "file": act.file_name, "act": act.act},
        as_json=as_json,
        text=f"{act.file_name}: withdrawn by {act.operator}; it stays on record",
    )


def _said_row(said: Said) -> dict[str, Any]:
    return {name: value for name, value in said._asdict().items() if value is not None}


def _change_row(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "row": change.row,
        "sha256": change.content.sha256,
        "item_id": change.content.item_id,
        "scheme": change.scheme,
        "country": change.country,
        "graded_by": change.graded_by,
        "old": _said_row(change.old),
        "new": _said_row(change.new),
        "in_conflict_with": [{"graded_by": name, **_said_row(said)} for name, said in change.against],
    }


def _said_text(said: Said) -> str:
    parts = [said.category or "no category"]
    parts += [f"series {said.series}"] if said.series else []
    parts += [f"victim identified {said.victim_identified}"] if said.victim_identified != "unknown" else []
    parts += [f"tags {said.tags}"] if said.tags else []
    return ", ".join(parts)


def _change_text(change: Change) -> str:
    words = change.kind.replace("_", " ")
    told = _said_text(change.new)
    if change.kind in {"changed", "withdrawn"}:
        told = f"{_said_text(change.old)} -> {told}"
    elif change.kind == "as_exported":
        told = (
            f"{_said_text(change.old)} stands, the row says {told} as its older export did; export again to change it"
        )
    elif change.kind == "fields":
        told = "only fields that headwater does not know"
    by = f" by {change.graded_by}" if change.graded_by else ""
    law = f" ({' '.join(filter(None, (change.scheme, change.country)))})" if change.scheme or change.country else ""
    against = "".join(f"; CONFLICT with {name or 'an unnamed grader'}: {_said_text(s)}" for name, s in change.against)
    return printable(f"{words}: {change.content.item_id} sha256 {change.content.sha256[:16]}: {told}{law}{by}{against}")


def _sum_row(read: GradesRead) -> dict[str, Any]:
    comparison = read.comparison
    return {
        "kind": "sum",
        "state": read.state,
        "source_sha256": read.source_sha256,
        "graded_by": read.graded_by,
        "rows": comparison.rows,
        "counts": dict(sorted(comparison.counts.items())),
        "conflicts": comparison.conflicts,
        "not_recognised": len(comparison.unrecognised),
        "rows_kept": len(comparison.stored),
    }


def _sum_text(read: GradesRead) -> str:
    comparison = read.comparison
    counts = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in sorted(comparison.counts.items()))
    return (
        f"{comparison.rows:,} rows: {counts or 'nothing'}; {comparison.conflicts:,} in conflict, "
        f"{len(comparison.unrecognised):,} not recognised; {read.state}; SHA-256 {read.source_sha256}"
    )
