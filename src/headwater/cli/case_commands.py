"""Commands that open a case, take exhibits into it and run it: case, evidence, map, run, verify, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import ALL_PROCESSORS, AllowUnsealed, AsJson, CasePath, Operator, Why, Workers
from headwater.cli.output import JobProgress, emit, emit_table, note, printable
from headwater.cli.secrets import secret_file, secret_files
from headwater.engine import Progress, silent
from headwater.errors import InputError

if TYPE_CHECKING:
    from headwater.workflow import Actor, Case

__all__ = ["register"]

case_app = typer.Typer(help="Begin a case.", no_args_is_help=True)
evidence_app = typer.Typer(help="Take exhibits in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(case_app, name="case")
    app.add_typer(evidence_app, name="evidence")
    app.command("map")(map_platform)
    app.command("run")(run)
    app.command("verify")(verify)
    app.command("doctor")(doctor)


@case_app.command("create")
def create(
    case: CasePath,
    authority: Annotated[str, typer.Option("--authority", help="Reference of the warrant or order.")],
    operator: Annotated[str, typer.Option("--operator", help="Who opens the case.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Why the data are held.")] = "investigation",
    as_json: AsJson = False,
) -> None:
    """Begin a case in a new folder, with its keys and its custody log."""
    from headwater.workflow import Case

    with Case.create(case, authority_ref=authority, operator=operator, purpose=purpose) as created:
        head = created.custody.head()
        emit(
            {"case": str(case), "authority_ref": authority, "operator": operator, "custody_root": head.root},
            as_json=as_json,
            text=f"case {case} opened by {operator} under {authority}; custody head {head.root[:16]}",
        )


@evidence_app.command("add")
def add_evidence(
    case: CasePath,
    path: Annotated[Path, typer.Argument(help="Disk image, folder, dump, wallet or block files.")],
    exhibit: Annotated[str, typer.Option("--exhibit", help="The agency's exhibit number.")],
    kind: Annotated[str | None, typer.Option("--kind", help="What it is; default: recognised by content.")] = None,
    operator: Operator = None,
    why: Why = "",
    accept_defects: Annotated[
        bool, typer.Option("--accept-defects", help="Take in what is damaged; what is missing becomes defects.")
    ] = False,
    passphrase_fd: Annotated[
        int | None,
        typer.Option(
            "--passphrase-fd",
            help="Open file descriptor from which the passphrase of an image, or a Monero view key, is read.",
        ),
    ] = None,
    allow_unsealed: AllowUnsealed = False,
    as_json: AsJson = False,
) -> None:
    """Take an exhibit in: digest it whole and make sure it is what it says. It stays where it is, and is only read."""
    from headwater.workflow import Case, add_exhibit

    with Case(case) as opened, JobProgress(f"digesting {exhibit}") as progress:
        placed = add_exhibit(
            opened,
            opened.actor(operator, why=why),
            path,
            exhibit_id=exhibit,
            exhibit_kind=kind,
            accept_defects=accept_defects,
            allow_unsealed=allow_unsealed,
            secret=None if passphrase_fd is None else secret_file(passphrase_fd),
            progress=progress,
        )
    row = placed.row
    emit(
        dict(row),
        as_json=as_json,
        text=f"{exhibit}: {row['container_format']} ({placed.exhibit_kind}), {row['size_bytes']:,} bytes, "
        f"SHA-256 {row['sha256']}, integrity {row['integrity']}",
    )


def map_platform(
    case: CasePath,
    approve: Annotated[Path | None, typer.Option("--approve", help="The mapping to use from now on.")] = None,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Say what the dump's tables and columns may be, and bind nothing.")
    ] = False,
    draft: Annotated[
        Path | None, typer.Option("--draft", help="With --suggest: write a mapping to correct and approve; a new file.")
    ] = None,
    operator: Operator = None,
    why: Why = "",
    allow_unsealed: AllowUnsealed = False,
    as_json: AsJson = False,
) -> None:
    """Suggest or approve the mapping from the application's tables to accounts, payments, uploads and logins."""
    from headwater.workflow import Case, approve_mapping

    with Case(case) as opened:
        if suggest == (approve is not None) or (draft is not None and not suggest):
            raise typer.BadParameter("give one of --suggest (with --draft FILE, if you like) and --approve FILE")
        actor = opened.actor(operator, why=why)
        if approve is None:
            _suggest(opened, actor, draft, allow_unsealed=allow_unsealed, as_json=as_json)
            return
        mapping = approve_mapping(opened, actor, approve)
    rows = [{"table": b.table, "binds": b.binds, "because": b.because} for b in mapping.bindings]
    if as_json:
        emit({"mapping_id": mapping.mapping_id, "approved_by": actor.name, "bindings": rows}, as_json=True)
        return
    emit_table(rows, ("table", "binds", "because"), as_json=False)
    note(f"mapping {mapping.mapping_id} approved by {actor.name}")


_SUGGESTED = 3  # tables for each of ours, and columns for each of theirs, that are shown


def _suggest(case: Case, actor: Actor, draft: Path | None, *, allow_unsealed: bool, as_json: bool) -> None:
    from headwater.evidence import likeliest
    from headwater.workflow import suggest_mapping

    if draft is not None and (draft.exists() or not draft.parent.is_dir()):
        why_not = "is there already" if draft.exists() else "cannot be written: its folder is not there"
        raise InputError(draft, why_not, remedy="name a new file for the draft")
    with JobProgress("reading the dumps") as progress:
        profile, found, text = suggest_mapping(case, actor, allow_unsealed=allow_unsealed, progress=progress)
    best = likeliest(found)
    rows = [
        {
            "binds": target if not table.literals else f"{target} ({', '.join(table.literals.values())})",
            "table_rank": table_rank,
            "table": table.table,
            "column_of_ours": ours,
            "rank": rank,
            "column": one.column if one.via is None else f"{one.column} via {one.via.table}.{one.via.take}",
            "unit": one.unit,
            "points": one.points,
            "evidence": "; ".join(one.evidence),
            "literals": dict(table.literals),
            "where": None if table.where is None else "=".join(table.where),
            "drafted": rank == 1 and any(table is drafted for drafted in best),
        }
        for target, tables in found.items()
        for table_rank, table in enumerate(tables, start=1)
        if table_rank <= _SUGGESTED or any(table is drafted for drafted in best)
        for ours, candidates in table.columns.items()
        for rank, one in enumerate(candidates[:_SUGGESTED], start=1)
    ]
    shown = rows if as_json else [row for row in rows if row["drafted"]]
    columns = ("binds", "table", "column_of_ours", "column", "unit", "points", "evidence")
    emit_table(shown, columns, as_json=as_json)
    others = [table for table in profile.tables if table.table not in {one.table for one in best}]
    note(
        f"{len(others)} tables with {sum(t.rows for t in others):,} rows are suggested for nothing: "
        f"{', '.join(t.table for t in others) or 'none'}"
    )
    if draft is not None:
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
        note(f"drafted {draft}; correct it, say why in each 'because', then approve it with --approve")
    else:
        note("the likeliest of each; --json has the next ones too, --draft FILE writes a mapping to correct")


def run(
    case: CasePath,
    until: Annotated[str | None, typer.Option("--until", help="Last stage to run.")] = None,
    workers: Workers = ALL_PROCESSORS,
    engine: Annotated[str, typer.Option("--engine", help="duckdb or spark.")] = "duckdb",
    operator: Operator = None,
    why: Why = "",
    passphrase_fd: Annotated[
        list[str] | None,
        typer.Option(
            "--passphrase-fd",
            help="EXHIBIT=FD: open file descriptor with the passphrase of an image or a view key; may be repeated.",
        ),
    ] = None,
    allow_unsealed: AllowUnsealed = False,
    as_json: AsJson = False,
) -> None:
    """Run the stages whose inputs changed, in order. Interrupted, it goes on where it was."""
    from headwater.errors import ConfigError
    from headwater.workflow import Case, StageResult, run_stages

    if engine not in {"duckdb", "spark"}:
        raise ConfigError(f"--engine '{engine}' is unknown; known are duckdb, spark")
    bars: dict[str, JobProgress] = {}

    def watch(stage: str) -> Progress:
        bars[stage] = JobProgress(stage)
        return bars[stage].__enter__()

    def finished(result: StageResult) -> None:
        bars.pop(result.stage).__exit__()
        rows = ", ".join(f"{name} {count:,}" for name, count in result.rows.items() if count)
        emit(
            {"stage": result.stage, "run_id": result.run_id, "changed": result.changed, "rows": dict(result.rows)},
            as_json=as_json,
            text=f"{result.stage}: {rows or 'no rows'}" if result.changed else f"{result.stage}: unchanged",
            to_the_end=True,
        )

    with Case(case) as opened:
        run_stages(
            opened,
            opened.actor(operator, why=why),
            until=until,
            workers=workers,
            engine=engine,
            allow_unsealed=allow_unsealed,
            secrets=secret_files(passphrase_fd or []),
            watch=watch if not as_json else (lambda _: silent),
            finished=finished if not as_json else _json_result,
            say=note,
        )
        for name in opened.unconfirmed_lists():
            note(
                f"hash list {name} was left out, and nothing was compared with it: its polarity is not confirmed; a "
                f"second operator does that with 'headwater reference confirm CASE {name} --polarity P --operator O'"
            )


def _json_result(result: object) -> None:
    from headwater.workflow import StageResult

    assert isinstance(result, StageResult)
    emit(
        {"stage": result.stage, "run_id": result.run_id, "changed": result.changed, "rows": dict(result.rows)},
        as_json=True,
        to_the_end=True,
    )


def verify(
    path: Annotated[Path, typer.Argument(help="A case, a package or a folder with a custody log.")],
    skip_evidence: Annotated[
        bool, typer.Option("--skip-evidence", help="Do not digest the exhibits again, which reads all of them.")
    ] = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Check everything that can be checked; exit 1 and name the first bad thing where a check fails."""
    from headwater.workflow import verify_path

    failed = 0
    for check in verify_path(path, with_evidence=not skip_evidence, operator=operator):
        failed += not check.ok
        emit(
            {"check": check.check, "ok": check.ok, "first_bad": check.first_bad},
            as_json=as_json,
            text=f"{'ok  ' if check.ok else 'FAIL'}  {check.check}"
            + (f": {printable(check.first_bad)}" if check.first_bad else ""),
            to_the_end=True,
        )
    if failed:
        note(f"{failed} check(s) failed")
        raise typer.Exit(1)


def doctor(as_json: AsJson = False) -> None:
    """Say what of the sandbox works on this machine, and which system programs are missing."""
    from headwater.evidence import doctor_report

    rows = doctor_report()
    failed = 0
    for row in rows:
        # Programs that only some tests need are told of, and are no finding.
        failed += not row.ok and "(optional)" not in row.detail
        emit(
            {"check": row.check, "ok": row.ok, "detail": row.detail},
            as_json=as_json,
            text=f"{'ok  ' if row.ok else 'FAIL'}  {row.check}: {row.detail}",
        )
    if failed:
        raise typer.Exit(1)
