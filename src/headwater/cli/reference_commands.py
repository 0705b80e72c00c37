"""Commands about outside knowledge: import it, list what is there, confirm the polarity of a hash list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import JobProgress, emit, emit_table, note

__all__ = ["register"]

reference_app = typer.Typer(help="Import outside knowledge.", no_args_is_help=True)
_KEYS_SHOWN = 8


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(reference_app, name="reference")


@reference_app.command("add")
def add_reference_command(
    case: CasePath,
    kind: Annotated[str, typer.Argument(help="hash-list, tag-pack, services, records, customers, ...")],
    path: Annotated[Path, typer.Argument(help="The file as its author gave it.")],
    name: Annotated[str, typer.Option("--name", help="Name to keep it under.")],
    version: Annotated[str, typer.Option("--version", help="Version to keep it under.")],
    polarity: Annotated[
        str | None, typer.Option("--polarity", help="known-illegal or known-benign; a hash list must say.")
    ] = None,
    plain: Annotated[
        str | None,
        typer.Option("--plain", help="sha256 or pdq: what lines of 64 digits are, in a plain list of digests."),
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(
            "--columns", metavar="MAP.yaml", help="How the columns of somebody else's CSV or XLSX become ours."
        ),
    ] = None,
    operator: Operator = None,
    why: Why = "",
    accept_defects: Annotated[
        bool, typer.Option("--accept-defects", help="Import the good rows; bad ones become defects.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a reference once, sealed. A bad row refuses the whole file unless --accept-defects says otherwise.

    A hash list counts for nothing until a second operator confirms its polarity with `reference confirm`.
    """
    from headwater.workflow import Case, add_reference

    with Case(case) as opened, JobProgress(f"importing {name}@{version}") as progress:
        imported = add_reference(
            opened,
            opened.actor(operator, why=why),
            kind,
            path,
            name=name,
            version=version,
            polarity=polarity,
            accept_defects=accept_defects,
            plain=plain,
            columns=columns,
            progress=progress,
        )
    keys = dict(sorted(imported.further_keys.items()))
    found = "" if imported.format_name is None else f" ({imported.format_name})"
    emit(
        {
            "reference": f"{name}@{version}",
            "kind": kind,
            "format": imported.format_name,
            "rows": imported.rows,
            "defects": imported.defects,
            "deletions": imported.deletions,
            "withdrawn": imported.withdrawn,
            "further_keys": keys,
            "notes": list(imported.notes),
            "source_sha256": imported.source_sha256,
        },
        as_json=as_json,
        text=f"{name}@{version}: {kind}{found}, {imported.rows:,} rows, {imported.defects:,} defects",
    )
    for text in imported.notes:
        note(f"{name}@{version}: {text}")
    if imported.deletions:
        note(
            f"{name}@{version}: its author took {imported.deletions:,} files off the list; {imported.withdrawn:,} rows "
            "of these were left out here, and earlier imports still hold theirs (table hash_list_deletions)"
        )
    if keys:
        most = sorted(keys.items(), key=lambda pair: (-pair[1], pair[0]))
        shown = ", ".join(f"{key or 'others'} ({count:,})" for key, count in most[:_KEYS_SHOWN])
        more = f" and {len(most) - _KEYS_SHOWN:,} more" if len(most) > _KEYS_SHOWN else ""
        note(f"{name}@{version}: kept as they are, and not understood: {shown}{more} (table reference_keys)")
    if imported.format_name is not None:
        note(f"{name}@{version}: counts for nothing until a second operator confirms that it is {polarity}")


@reference_app.command("template")
def template(
    kind: Annotated[
        str, typer.Argument(help="services, records, customers, customer-transactions, token-transfers, ...")
    ],
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            metavar="NAME",
            help="Print the column map for this export instead: etherscan-erc20, etherscan-ether, tronscan-trc20.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the header of an empty register, to be filled in; what each column holds goes to stderr."""
    from headwater.errors import ConfigError
    from headwater.references import REGISTER_COLUMNS, column_words, map_text, template_text

    if export is not None:
        text = map_text(kind, export)
        emit({"kind": kind, "export": export, "map": text}, as_json=as_json, text=text.rstrip())
        return

    if kind not in REGISTER_COLUMNS:
        raise ConfigError(f"there is no template of '{kind}'; there are of {', '.join(REGISTER_COLUMNS)}")
    register_columns = REGISTER_COLUMNS[kind]
    if as_json:
        for name in register_columns.known:
            required = name in register_columns.required
            emit({"column": name, "required": required, "about": column_words(kind, name)}, as_json=True)
        return
    emit({}, as_json=False, text=template_text(kind).rstrip())
    for name in register_columns.known:
        must = "required" if name in register_columns.required else "optional"
        note(f"{name} ({must}): {column_words(kind, name)}")


@reference_app.command("confirm")
def confirm(
    case: CasePath,
    reference: Annotated[str, typer.Argument(help="NAME@VERSION of a hash list.")],
    polarity: Annotated[
        str, typer.Option("--polarity", help="known-illegal or known-benign: what the list lists, as you know it.")
    ],
    operator: Annotated[str, typer.Option("--operator", help="Who confirms; never who imported it.")],
    why: Annotated[str, typer.Option("--why", help="How you know; it stands in the record.")],
    as_json: AsJson = False,
) -> None:
    """Confirm the polarity of a hash list, as a second operator; only then does the list count."""
    from headwater.workflow import Case, confirm_polarity

    with Case(case) as opened:
        row = confirm_polarity(opened, opened.actor(operator, why=why), reference, polarity, why=why)
    emit(
        {"reference": reference, "polarity": polarity, "confirmed_by": row["confirmed_by"]},
        as_json=as_json,
        text=f"{reference}: {polarity}, confirmed by {operator}; run the media stage to use it",
    )


@reference_app.command("list")
def list_references(
    case: CasePath,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """List the references: kind, rows, polarity, who imported and who confirmed them, and whether they count."""
    from headwater.workflow import Case, consult, reference_list

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "references"):
        rows = list(reference_list(opened))
    columns = ("reference", "kind", "rows", "polarity", "imported_by", "confirmed_by", "counts")
    emit_table(rows, columns, as_json=as_json)
