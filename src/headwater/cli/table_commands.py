"""Commands that read a case: ledger, show, explain, digests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from headwater.cli.merge_text import cut_text, merge_text
from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, emit_table, note, printable

__all__ = ["check_line", "register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("ledger")(ledger)
    app.command("show")(show)
    app.command("explain")(explain)
    app.command("digests")(digests)


_SUMS = (
    "entries",
    "catalogued",
    "refused",
    "deferred",
    "entry_bytes",
    "catalogued_bytes",
    "refused_bytes",
    "deferred_bytes",
    "unaccounted_bytes",
)


def ledger(
    case: CasePath,
    by_directory: Annotated[bool, typer.Option("--by-directory", help="One line for each directory.")] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Show that every entry and every byte went somewhere: enumerated = catalogued + refused + deferred."""
    from headwater.workflow import Case, consult, ledger_report

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "ledger") as tables:
        report = ledger_report(tables, by_directory=by_directory)
    first = ("exhibit_id", "volume_index", "directory") if by_directory else ("source",)
    emit_table(report.sums, (*first, *_SUMS), as_json=as_json)
    if as_json:
        emit(
            {
                "defects": dict(report.defects),
                "coin_files": report.coin_files,
                "medium_sums": report.medium_sums,
                "media_sums": report.media_sums,
                "dump_tables": report.dump_tables,
                "mapping_checks": report.mapping_checks,
            },
            as_json=True,
        )
        return
    for code, count in report.defects.items():
        emit({}, as_json=False, text=f"defects: {count:,} {code}")
    for row in sorted(report.coin_files, key=lambda row: (row["exhibit_id"], row["path"], row["source_item_id"])):
        place = f"{row['exhibit_id']} {row['path']}".strip()
        emit({}, as_json=False, text=f"{row['coin']} {place}: {row['coin_file_kind']}; {row['next_step']}")
    for line in report.medium_sums:
        emit(line, as_json=False, text=_medium_line(line))
    for text in _media_lines(report.media_sums):
        emit({}, as_json=False, text=text)
    for line in report.dump_tables:
        emit(line, as_json=False, text=_dump_line(line))
    for line in report.mapping_checks:
        # How many cells are filled is in the table; here stands what a wrong mapping would show.
        if line["check_name"] == "filled" or (line["check_name"], line["binds"]) == ("no_orphan", "accounts"):
            continue
        emit(line, as_json=False, text=check_line(line))


def _medium_line(line: dict[str, Any]) -> str:
    parts = " + ".join(f"{count:,} {kind}" for kind, count in line["bytes_by_kind"].items())
    return f"medium {line['exhibit_id']}: {line['medium_bytes']:,} bytes = {parts}"


def _media_lines(sums: list[dict[str, Any]]) -> Iterator[str]:
    """What the lists say of stills and videos, and the share that no person need look at."""
    whole: Counter[str] = Counter()
    for line in sums:
        whole.update({name: count for name, count in line.items() if name != "verdict_group"})
        yield (
            f"media {line['verdict_group']}: {line['files']:,} files, {line['bytes']:,} bytes, "
            f"{line['playing_ms'] / 3_600_000:.2f} h; {line['files'] - line['spared_files']:,} to look at"
        )
    if sums:
        shares = (f"{_share(whole, name)} of {told}" for name, told in _LOOKED_AT.items())
        yield f"media: no person need look at {', '.join(shares)}"


_LOOKED_AT = {"files": "files", "bytes": "bytes", "playing_ms": "playing time"}


def _share(whole: Mapping[str, int], name: str) -> str:
    return f"{100 * whole[f'spared_{name}'] / whole[name]:.1f} %" if whole[name] else "none"


def _dump_line(line: dict[str, Any]) -> str:
    bound = f"{line['rows_mapped']:,} bound" if line["rows_mapped"] else "nothing bound"
    return (
        f"dump {line['exhibit_id']}: {line['tables']} tables, {line['rows_read']:,} rows: {bound}, "
        f"{line['rows_rejected']:,} rejected, {line['rows_ignored']:,} ignored "
        f"(in {line['tables_ignored']} tables that nothing is bound to)"
        + (f"; {besides:,} more from rows that are bound besides" if (besides := line["rows_bound_besides"]) else "")
    )


_CHECKS = {
    "used": "rows bound",
    "no_orphan": "rows whose account is there",
    "filled": "filled",
    "valid_address": "with a right checksum",
    "inside_window": "between 2005 and 2035",
    "one_instant": "at one instant, not in an hour that clocks showed twice",
    "path_found": "found on the exhibits by path",
    "digest_found": "found on the exhibits by digest",
}


def check_line(line: dict[str, Any]) -> str:
    """What a check of a mapping counted, as a line."""
    share = 100 * line["rows_met"] // line["rows"] if line["rows"] else 100
    column = f".{line['column_name']}" if line["column_name"] else ""
    part = f" ({line['bound_part']})" if line["bound_part"] else ""
    return (
        f"mapping {line['exhibit_id']}: {line['source_table']} as {line['binds']}{column}{part}: "
        f"{line['rows_met']:,} of {line['rows']:,} {_CHECKS[line['check_name']]} ({share} %)"
    )


def show(
    case: CasePath,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Any table; 'headwater show CASE tables' lists them.")],
    where: Annotated[list[str] | None, typer.Option("--where", help="COLUMN=VALUE; may be repeated.")] = None,
    columns: Annotated[str, typer.Option("--columns", help="Columns, separated by commas; default: all.")] = "",
    as_of_height: Annotated[
        int | None,
        typer.Option("--as-of-height", help="Address clusters and merges as of this block.", metavar="BLOCK"),
    ] = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Print any table, every row of it."""
    from headwater.workflow import Case, consult, table_list, table_rows

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), f"show {table}") as tables:
        if table == "tables":
            emit_table(table_list(tables), ("table", "stage", "rows", "about"), as_json=as_json)
            return
        wanted = [name.strip() for name in columns.split(",") if name.strip()]
        rows = table_rows(tables, table, where=where or [], columns=wanted, height=as_of_height)
    emit_table(rows.to_pylist(), rows.column_names, as_json=as_json)
    if not rows.num_rows:
        note(f"{table}: no row")


def explain(
    case: CasePath,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="Any id: of an item, account, payment, link, lead, ...")],
    other: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="With an address as ID: another, to see what joins them.")
    ] = None,
    cut: Annotated[
        bool, typer.Option("--cut", help="With a transaction as ID: what falls apart if it joins nothing.")
    ] = False,
    as_of_height: Annotated[
        int | None, typer.Option("--as-of-height", help="With two addresses: as of this block.", metavar="BLOCK")
    ] = None,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Print the whole way from a value back to the evidence, what joins two addresses, or what a cut would do."""
    from headwater.workflow import Case, consult, cut_preview, joining_path, way_back

    if other is not None or cut:
        ids = (wanted,) if other is None else (wanted, other)
        with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "explain", ids) as tables:
            rows = [cut_preview(tables, wanted)] if other is None else joining_path(tables, wanted, other, as_of_height)
        for number, row in enumerate(rows, start=1):
            emit(row, as_json=as_json, text=cut_text(row) if other is None else merge_text(row, number))
        return
    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "explain", (wanted,)) as tables:
        steps = way_back(tables, wanted)
    for step in steps:
        row = {"depth": step.depth, "cited_as": step.cited_as, "table": step.table, "row": dict(step.row)}
        cells = "  ".join(f"{name}={_short(value)}" for name, value in step.row.items() if value is not None)
        lead = f"{'  ' * step.depth}{step.cited_as + ' -> ' if step.cited_as else ''}{step.table}"
        emit(row, as_json=as_json, text=f"{lead}: {cells}")


def _short(value: object) -> str:
    text = json.dumps(value, default=str) if isinstance(value, list | dict) else printable(value)
    return text if len(text) <= 400 else f"{text[:397]}..."


def digests(case: CasePath, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """Print the SHA-256 of every derived table: the same evidence and version give the same lines anywhere."""
    from headwater.workflow import Case, consult

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "digests"):
        rows = [
            {"sha256": digest, "stage": stage, "table": table, "rows": count}
            for stage, table, digest, count in opened.digests()
        ]
    for row in rows:
        emit(row, as_json=as_json, text=f"{row['sha256']}  {row['stage']}.{row['table']}")
