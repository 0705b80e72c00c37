"""Commands about the custody log itself: head, proofs, time stamps and receipts as witnesses, what is due, erase."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import AsJson, CasePath, Operator, Why
from headwater.cli.output import emit, emit_table, note, printable
from headwater.errors import ConfigError, InputError

if TYPE_CHECKING:
    from headwater.custody import Head
    from headwater.workflow import Actor, Case

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


@custody_app.command("due")
def due(
    case: CasePath,
    propose: Annotated[
        bool, typer.Option("--propose", help="Propose to erase the texts that are due; a second operator does it.")
    ] = False,
    operator: Operator = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """List what has been kept as long as the clocks of case.toml allow, and propose to erase it."""
    from headwater.workflow import Case, due_now, propose_erasure

    with Case(case) as opened:
        actor = opened.actor(operator, why=why)
        proposal, found = propose_erasure(opened, actor) if propose else ("", due_now(opened, actor))
    rows = [asdict(one) | ({"proposal": proposal} if propose else {}) for one in found]
    emit_table(rows, ("what", "entry", "event", "since_utc", "due_utc"), as_json=as_json)
    if propose:
        note(
            f"proposed as {proposal}; a second operator erases it with 'headwater custody erase --proposal {proposal}'"
        )
    elif not found:
        note("nothing is due; 'retention_days' and 'retention_texts_days' in case.toml are the clocks, 0 is none")


@custody_app.command("erase")
def erase(
    case: CasePath,
    receipt: Annotated[Path, typer.Option("--receipt", metavar="FILE", help="New file, outside the case.")],
    operator: Annotated[str, typer.Option("--operator", help="Who erases.")],
    why: _Reason,
    entries: Annotated[
        list[str] | None, typer.Option("--entry", metavar="SEQ", help="Entry whose texts go; repeatable.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject", metavar="ID", help="Account, customer, lead or record: what was written about it goes."
        ),
    ] = None,
    legal_basis: Annotated[
        str, typer.Option("--legal-basis", help="With --subject: what it rests on, for the receipt.")
    ] = "",
    proposal: Annotated[
        str | None, typer.Option("--proposal", metavar="ID", help="What another operator proposed as due.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Erase the justification and reason of entries, or all that was written about a subject; a receipt is written.

    The log still verifies. Of a subject, the keys are destroyed and its rows are withheld from whatever is read.
    """
    from headwater.workflow import Case, confirm_erasure, erase_texts

    with Case(case) as opened:
        if sum(given is not None for given in (entries or None, subject, proposal)) != 1:
            raise ConfigError("give one of --entry SEQ, --subject ID and --proposal ID")
        actor = opened.actor(operator, why=why)
        if subject is not None:
            _erase_subject(opened, actor, subject, receipt, legal_basis, as_json=as_json)
            return
        if proposal is not None:
            seq, numbers = confirm_erasure(opened, actor, proposal, receipt)
        else:
            numbers = sorted({_number(entry) for entry in entries or ()})
            seq = erase_texts(opened, actor, numbers, receipt)
    emit(
        {"entry": seq, "erased": numbers, "receipt": printable(receipt)},
        as_json=as_json,
        text=f"erased under entry {seq}; receipt written to {printable(receipt)}",
    )


def _erase_subject(case: Case, actor: Actor, subject: str, receipt: Path, legal_basis: str, *, as_json: bool) -> None:
    from headwater.workflow import erase_subject

    done = erase_subject(case, actor, subject, receipt, legal_basis=legal_basis)
    body, left = done.body, done.body["left"]
    head = "erased before" if done.again else "erased"
    texts = len(body["texts"]) + len(body["entries"])
    gone = f"texts of {texts} entries and {len(body['judgements'])} judgements gone"
    lines = [
        f"{head} under entry {done.entry}: {len(body['keys'])} keys destroyed, {gone}",
        f"withheld from now on: {', '.join(f'{n:,} {name}' for name, n in body['withheld'].items()) or 'no row'}",
        *(f"left, for you to decide: {name} {', '.join(map(str, which))}" for name, which in left.items() if which),
        f"receipt written to {printable(receipt)}; it names the subject as {done.commitment}",
        f"salt {done.salt}: with the subject's id it opens that; give it only to whoever may know",
    ]
    row = {
        "entry": done.entry,
        "again": done.again,
        "commitment": done.commitment,
        "salt": done.salt,
        "receipt": printable(receipt),
        **{name: value for name, value in body.items() if name != "subject"},
    }
    emit(row, as_json=as_json, text="\n".join(lines))
    note("copies, backups and packages that have left are not reached: see docs/explanation/custody.md")


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
