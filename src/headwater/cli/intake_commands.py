"""Commands that look at what was taken in: tree, refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import AllowUnsealed, AsJson, CasePath, Operator, Why
from headwater.cli.output import JobProgress, emit, emit_table, note, printable
from headwater.cli.secrets import secret_files

if TYPE_CHECKING:
    from headwater.workflow import FolderLine

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("tree")(tree)
    app.command("refused")(refused)


def tree(
    case: CasePath,
    exhibit: Annotated[str | None, typer.Option("--exhibit", help="Open this exhibit; default: list all.")] = None,
    volume: Annotated[int, typer.Option("--volume", help="Volume of an image.", min=0)] = 0,
    folder: Annotated[str, typer.Option("--folder", help="Open this folder; default: the exhibit itself.")] = "",
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show the folders of the exhibits, a level at a time: of each, where all that is below it went."""
    from headwater.workflow import Case, consult, folder_sums

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "tree") as tables:
        sums = folder_sums(tables)
        lines = sums.exhibits() if exhibit is None else sums.level(exhibit, volume, folder.strip("/")).parts
    rows = [_tree_row(line) for line in lines]
    shown = rows if as_json else [{**row, "folder": printable(row["folder"])} for row in rows]
    emit_table(shown, tuple(rows[0]) if rows else ("exhibit_id",), as_json=as_json)
    for line in lines:
        if line.unaccounted_entries or line.unaccounted_bytes:
            note(
                f"{line.exhibit_id} {printable(line.folder)}: {line.unaccounted_entries} entries and "
                f"{line.unaccounted_bytes} bytes unaccounted for"
            )


def _tree_row(line: FolderLine) -> dict[str, Any]:
    return {
        "exhibit_id": line.exhibit_id,
        "volume_index": line.volume_index,
        "folder": line.folder,
        "is_here": line.is_here,
        "entries": line.entries,
        "size_bytes": line.size_bytes,
        **{one.account: one.entries for one in line.lines},
        **{f"{one.account}_bytes": one.size_bytes for one in line.lines},
        "unaccounted_entries": line.unaccounted_entries,
        "unaccounted_bytes": line.unaccounted_bytes,
    }


def refused(
    case: CasePath,
    retry: Annotated[
        str | None, typer.Option("--retry", metavar="REFUSAL_ID", help="Try to read these files once more.")
    ] = None,
    operator: Operator = None,
    why: Why = "",
    passphrase_fd: Annotated[
        list[str] | None,
        typer.Option("--passphrase-fd", help="EXHIBIT=FD: open file descriptor with the passphrase of an image."),
    ] = None,
    allow_unsealed: AllowUnsealed = False,
    as_json: AsJson = False,
) -> None:
    """Show what was refused, by why. --retry tries again; where that reads a file, the next run reads all anew."""
    from headwater.workflow import Case, consult, read_again, refusals

    with Case(case) as opened:
        actor = opened.actor(operator, why=why)
        if retry is None:
            with consult(opened, actor, "refused entries") as tables:
                rows = [{**asdict(one), "examples": list(one.examples)} for one in refusals(tables)]
            columns = ("refusal_id", "exhibit_id", "disposition", "entries", "size_bytes", "reason")
            emit_table(rows, columns, as_json=as_json)
            if not as_json:
                note("--retry REFUSAL_ID tries to read those files once more" if rows else "nothing was refused")
            return
        with JobProgress("reading again") as progress:
            told = read_again(
                opened, actor, retry, allow_unsealed=allow_unsealed, secrets=secret_files(passphrase_fd or []),
                progress=progress,
            )  # fmt: skip
    row = {"refusal_id": retry, "tried": told.tried, "read_now": told.read_now, "still": dict(told.still)}
    emit(row, as_json=as_json, text=f"{told.tried:,} files tried again, {told.read_now:,} read to their end")
    for reason, count in told.still.items():
        note(f"{count:,} still refused: {printable(reason)}")
    if told.read_now:
        note("the next 'headwater run' reads the evidence anew and takes them in")
