"""Commands about the custody log itself: head, proofs, time stamps and receipts as witnesses, erase."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, printable
from headwater.errors import InputError

if TYPE_CHECKING:
    from headwater.custody import Head

__all__ = ["register"]

custody_app = typer.Typer(help="Show, prove, witness and erase in the custody log.", no_args_is_help=True)
_Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="New file, outside the case.")]
_Reason = Annotated[str, typer.Option("--why", help="Reason, for the custody log.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(custody_app, name="custody")


@custody_app.command("head")
def head(case: CasePath, operator: Operator = None, why: Why = "", as_json: AsJson = False) -> None:
    """Print the newest tree head as ENTRIES:ROOT, to be kept elsewhere by somebody else."""
    from headwater.workflow import Case, witnessed_head

    with Case(case) as opened:
        found = witnessed_head(opened, opened.actor(operator, why=why))
    emit({"entries": found.entries, "root": found.root}, as_json=as_json, text=f"{found.entries}:{found.root}")


@custody_app.command("prove")
def prove(
    case: CasePath,
    entry: Annotated[str, typer.Argument(metavar="SEQ", help="Number of the entry, from 0.")],
    out: _Out,
    without_texts: Annotated[
        bool, typer.Option("--without-texts", help="Leave out the entry's justification and reason.")
    ] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Write a proof that one entry is in the log, which shows nothing else of it and verifies without it."""
    from headwater.workflow import Case, prove_entry

    with Case(case) as opened:
        found = prove_entry(opened, opened.actor(operator, why=why), _number(entry), out, with_texts=not without_texts)
    _emit_proof(out, found, as_json=as_json)


@custody_app.command("consistency")
def consistency(
    case: CasePath,
    out: _Out,
    kept: Annotated[str, typer.Option("--from", metavar="ENTRIES:ROOT", help="A tree head that somebody kept.")],
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Write a proof that the log begins with the entries of a head kept elsewhere, which verifies without the log."""
    from headwater.workflow import Case, prove_growth

    with Case(case) as opened:
        found = prove_growth(opened, opened.actor(operator, why=why), *_head(kept), out)
    _emit_proof(out, found, as_json=as_json)


@custody_app.command("timestamp-request")
def timestamp_request(
    case: CasePath, out: _Out, operator: Operator = None, why: Why = "", as_json: AsJson = False
) -> None:
    """Write a request (RFC 3161) for a time stamp on the newest tree head, to be carried to an authority."""
    from headwater.workflow import Case, request_timestamp

    with Case(case) as opened:
        entries = request_timestamp(opened, opened.actor(operator, why=why), out)
    emit(
        {"file": printable(out), "entries": entries},
        as_json=as_json,
        text=f"request for the head of {entries} entries written to {printable(out)}",
    )


@custody_app.command("timestamp-import")
def timestamp_import(
    case: CasePath,
    response: Annotated[Path, typer.Argument(metavar="FILE.tsr", help="The authority's reply.")],
    authority: Annotated[
        Path, typer.Option("--authority", metavar="CA.pem", help="Certificate that the authority's leads up to.")
    ],
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Check a time stamp on a tree head of this case and keep it beside the log, as a witness from outside."""
    from headwater.workflow import Case, import_timestamp

    with Case(case) as opened:
        entries = import_timestamp(opened, opened.actor(operator, why=why), response, authority)
    emit({"entries": entries}, as_json=as_json, text=f"time stamp on the head of {entries} entries kept")


@custody_app.command("receipt-import")
def receipt_import(
    case: CasePath,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT.json", help="From the recipient.")],
    key: Annotated[
        Path, typer.Option("--from", metavar="KEY.pem", help="The recipient's public key, had over another channel.")
    ],
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Check a recipient's receipt, which countersigns a tree head, and keep it as a witness from outside."""
    from headwater.workflow import Case, import_receipt

    with Case(case) as opened:
        row = import_receipt(opened, opened.actor(operator, why=why), receipt, key)
    missing = f"; they never had number {', '.join(map(str, row['missing']))}" if row["missing"] else ""
    text = f"receipt of {printable(row['agency'])} for {row['received']}: the head of {row['entries']} entries{missing}"
    emit(row, as_json=as_json, text=text)


@custody_app.command("erase")
def erase(
    case: CasePath,
    entries: Annotated[list[str], typer.Option("--entry", metavar="SEQ", help="Entry whose texts go; repeatable.")],
    receipt: Annotated[Path, typer.Option("--receipt", metavar="FILE", help="New file, outside the case.")],
    operator: Annotated[str, typer.Option("--operator", help="Who erases.")],
    why: _Reason,
    as_json: AsJson = False,
) -> None:
    """Erase the justification and reason of entries; the log still verifies, and a signed receipt is written."""
    from headwater.workflow import Case, erase_texts

    with Case(case) as opened:
        numbers = sorted({_number(entry) for entry in entries})
        seq = erase_texts(opened, opened.actor(operator, why=why), numbers, receipt)
    emit(
        {"entry": seq, "erased": numbers, "receipt": printable(receipt)},
        as_json=as_json,
        text=f"erased under entry {seq}; receipt written to {printable(receipt)}",
    )


def _emit_proof(out: Path, found: Head, *, as_json: bool) -> None:
    emit(
        {"file": printable(out), "entries": found.entries, "root": found.root},
        as_json=as_json,
        text=f"proof written to {printable(out)}; it leads to {found.entries}:{found.root}",
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise InputError(f"entry {text}", "is no number", remedy="number entries from 0, as the log does")
    return int(text)


def _head(text: str) -> tuple[int, str]:
    entries, _, root = text.partition(":")
    if not (entries.isascii() and entries.isdecimal()) or len(root) != 64 or set(root) - set("0123456789abcdef"):
        raise InputError(f"--from {text}", "is no tree head", remedy="write the number of entries, ':', the root")
    return int(entries), root
