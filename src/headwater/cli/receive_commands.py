"""Commands of the receiving side: receive init, trust, revoke, add, list, show, outcome."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import AsJson
from headwater.cli.output import emit, note, printable
from headwater.cli.package_text import package_lead_text, received_text

if TYPE_CHECKING:
    from headwater.receiving import ReceivingStore

__all__ = ["register"]

receive_app = typer.Typer(
    help="The other side of a package: take it in, read it, and answer with a receipt and with outcomes.",
    no_args_is_help=True,
)
_Store = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of what was received.")]
_Who = Annotated[str, typer.Option("--operator", help="Who acts.")]
_Why = Annotated[str, typer.Option("--why", help="Reason, for the store's custody log.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(receive_app, name="receive")


@receive_app.command("init")
def init(
    store: _Store,
    agency: Annotated[str, typer.Option("--agency", help="Who receives, as answers name it.")],
    country: Annotated[str, typer.Option("--country", help="ISO 3166-1 alpha-2.")],
    operator: _Who,
    as_json: AsJson = False,
) -> None:
    """Make a new store with keys of its own; its public keys are for the senders."""
    from headwater.receiving import ReceivingStore
    from headwater.workflow import system_clock

    made = ReceivingStore.create(store, agency=agency, country=country, operator=operator, clock=system_clock)
    keys = {"recipient": made.recipient(), "answers_key": str(store / "public" / "case-signing.pem")}
    text = f"send to {keys['recipient']}\nanswers are signed by the key in {printable(keys['answers_key'])}"
    emit({"store": str(store), **keys}, as_json=as_json, text=text)


@receive_app.command("trust")
def trust(
    store: _Store,
    key: Annotated[Path, typer.Argument(metavar="CASE.pem", help="The sender's public key, had over another channel.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is.")],
    operator: _Who,
    why: _Why,
    oldest_format: Annotated[
        int, typer.Option("--oldest-format", min=1, max=3, help="Oldest version of the format to take from it.")
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """Take packages from one more sender."""
    from headwater.custody import load_public_key, raw_public_key
    from headwater.receiving import TrustedSender

    opened = _opened(store)
    sender = TrustedSender(name=name, key=raw_public_key(load_public_key(key)).hex(), oldest_format=oldest_format)
    opened.trust_sender(sender, operator=operator, why=why)
    emit({"name": name, "key": sender.key}, as_json=as_json, text=f"{printable(name)} is trusted: {sender.key}")


@receive_app.command("revoke")
def revoke(
    store: _Store,
    key: Annotated[str, typer.Argument(metavar="KEY", help="CASE.pem, its 64 hexadecimal digits, or age1...")],
    operator: _Who,
    why: _Why,
    as_json: AsJson = False,
) -> None:
    """Refuse from now on whatever this key signed, or was encrypted to it."""
    from headwater.custody import load_public_key, raw_public_key

    opened = _opened(store)
    public = raw_public_key(load_public_key(Path(key))).hex() if Path(key).is_file() else key
    opened.revoke(public, operator=operator, why=why)
    emit({"key": public}, as_json=as_json, text=f"revoked: {printable(public)}")


@receive_app.command("add")
def add(
    store: _Store,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A package or a recall notice, as it was sent.")],
    operator: _Who,
    why: _Why,
    as_json: AsJson = False,
) -> None:
    """Verify a package or a recall notice, take it in, and write the receipt to carry back; or refuse it, with why."""
    from headwater.receiving import accept, held_package

    opened = _opened(store)
    accepted = accept(opened, folder, operator=operator, why=why)
    shown = held_package(opened, accepted.held.held_id)
    row = {
        "kind": accepted.held.kind,
        "id": accepted.held.held_id,
        "sender": accepted.sender.name,
        "number": accepted.held.number or None,
        "missing": list(accepted.missing),
        "late": accepted.late,
        "receipt": str(accepted.receipt),
    }
    emit(row, as_json=as_json, text=f"{received_text(shown)}\nreceipt: {printable(accepted.receipt)}", to_the_end=True)
    if accepted.missing:
        note(f"number {', '.join(map(str, accepted.missing))} of this sender never came here; ask for it")


@receive_app.command("list")
def list_held(store: _Store, operator: _Who, why: _Why, as_json: AsJson = False) -> None:
    """List what was received, in the order in which it came."""
    from headwater.receiving import held_documents

    opened = _opened(store)
    rows = held_documents(opened)
    opened.record("consulted", operator=operator, why=why, params={"read": "list"})
    for row in rows:
        recalled = f"; {row['recalled_leads']} of its leads recalled" if row["recalled_leads"] else ""
        text = (
            f"{row['number'] or '-':>4}  {row['kind']:<7}  {row['id']}  {row['leads']} leads  {row['sender']}{recalled}"
        )
        emit(row, as_json=as_json, text=text)
    if not rows:
        note("nothing was received")


@receive_app.command("show")
def show(
    store: _Store,
    what: Annotated[str, typer.Argument(metavar="ID", help="A package, a recall notice, or a lead.")],
    operator: _Who,
    why: _Why,
    as_json: AsJson = False,
) -> None:
    """Show a package, a notice, or one lead in full, as text; a recalled lead says so first."""
    from headwater.receiving import held_lead, held_package

    opened = _opened(store)
    if what.startswith("led-"):
        _, row = held_lead(opened, what)
        text = package_lead_text(row)
    else:
        row = held_package(opened, what)
        text = received_text(row)
    opened.record("consulted", operator=operator, why=why, object_ids=[what])
    emit(row, as_json=as_json, text=text)


@receive_app.command("outcome")
def outcome(
    store: _Store,
    lead: Annotated[str, typer.Argument(metavar="LEAD_ID", help="The lead.")],
    became: Annotated[
        str,
        typer.Argument(metavar="OUTCOME", help="child_safeguarded, payer_identified, no_action or wrong_person."),
    ],
    reported_on: Annotated[str, typer.Option("--reported-on", help="The day, YYYY-MM-DD.")],
    operator: _Who,
    why: _Why,
    remark: Annotated[str, typer.Option("--note", help="A remark for the sender.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write a signed file that tells the sender what became of a lead, encrypted to the sender's case."""
    from headwater.receiving import write_outcomes

    opened = _opened(store)
    path = write_outcomes(opened, lead, became, reported_on=reported_on, note=remark, operator=operator, why=why)
    emit({"file": str(path)}, as_json=as_json, text=f"carry to the sender: {printable(path)}")


def _opened(store: Path) -> ReceivingStore:
    from headwater.receiving import ReceivingStore
    from headwater.workflow import system_clock

    return ReceivingStore(store, clock=system_clock)
