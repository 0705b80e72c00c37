"""Commands that compare with another agency without showing: deconflict start, answer, finish, read, show, withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import ALL_PROCESSORS, AsJson, CasePath, Workers
from headwater.cli.output import JobProgress, emit, emit_table, note

if TYPE_CHECKING:
    from headwater.workflow import StepDone

__all__ = ["register"]

deconflict_app = typer.Typer(
    help="Learn with another agency which identifiers both hold, and nothing else, by files.", no_args_is_help=True
)

_Operator = Annotated[str, typer.Option("--operator", help="Who runs it.")]
_Why = Annotated[str, typer.Option("--why", help="Reason, for the custody log.")]
_With = Annotated[Path, typer.Option("--with", metavar="PEER.pem", help="Public key of the peer's case.")]
_ConsentBy = Annotated[str, typer.Option("--consent-by", help="A second operator, who agrees; never who runs it.")]
_Purpose = Annotated[str, typer.Option("--purpose", help="What you compare for; the peer reads it.")]
_LegalBasis = Annotated[str, typer.Option("--legal-basis", help="What you rest it on; the peer reads it.")]
_WithRecords = Annotated[
    bool, typer.Option("--with-records", help="Also identifiers of people on record, from imported registers.")
]
_Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Simple mode: a key that both sides hold, 64 hexadecimal digits."),
]
_Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="New file, to send to the peer.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(deconflict_app, name="deconflict")


@deconflict_app.command("start")
def start(
    case: CasePath,
    peer: _With,
    out: _Out,
    operator: _Operator,
    consent_by: _ConsentBy,
    why: _Why,
    purpose: _Purpose,
    legal_basis: _LegalBasis,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="email, phone, nickname, pgp, wallet, txid, media-sha256, iban or network-address; may be repeated. "
            "Default: all but network-address.",
        ),
    ] = None,
    with_records: _WithRecords = False,
    learns: Annotated[str, typer.Option("--learns", help="Who learns what both hold: both or starter.")] = "both",
    key: _Key = None,
    workers: Workers = ALL_PROCESSORS,
    as_json: AsJson = False,
) -> None:
    """Offer a comparison to one peer: your identifiers, hidden, in a file to send."""
    from headwater.workflow import Case, Stated, start_session

    with Case(case) as opened, JobProgress("hiding") as progress:
        done = start_session(
            opened,
            opened.actor(operator, why=why),
            peer=peer,
            out=out,
            stated=Stated(consent_by=consent_by, purpose=purpose, legal_basis=legal_basis, with_records=with_records),
            kinds=kind or (),
            learns=learns,
            key_file=key,
            workers=workers,
            progress=progress,
        )
    _tell(done, as_json=as_json, text=f"send {out} to the peer, and wait for the answer")


@deconflict_app.command("answer")
def answer(
    case: CasePath,
    offer: Annotated[Path, typer.Argument(metavar="OFFER", help="The file that the peer sent.")],
    peer: _With,
    out: _Out,
    operator: _Operator,
    consent_by: _ConsentBy,
    why: _Why,
    purpose: _Purpose,
    legal_basis: _LegalBasis,
    with_records: _WithRecords = False,
    key: _Key = None,
    workers: Workers = ALL_PROCESSORS,
    as_json: AsJson = False,
) -> None:
    """Answer an offer, once. What it asks for is told by 'headwater deconflict read OFFER'."""
    from headwater.workflow import Case, Stated, answer_offer

    with Case(case) as opened, JobProgress("hiding") as progress:
        done = answer_offer(
            opened,
            opened.actor(operator, why=why),
            offer,
            peer=peer,
            out=out,
            stated=Stated(consent_by=consent_by, purpose=purpose, legal_basis=legal_basis, with_records=with_records),
            key_file=key,
            workers=workers,
            progress=progress,
        )
    _tell(done, as_json=as_json, text=f"send {out} to the peer")


@deconflict_app.command("finish")
def finish(
    case: CasePath,
    received: Annotated[Path, typer.Argument(metavar="FILE", help="The answer, or the result, that the peer sent.")],
    peer: _With,
    operator: _Operator,
    why: _Why,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="New file: the result, where the peer is due one.")
    ] = None,
    key: _Key = None,
    workers: Workers = ALL_PROCESSORS,
    as_json: AsJson = False,
) -> None:
    """Learn from the peer's answer or result which of your identifiers both hold; the session's secret is destroyed."""
    from headwater.workflow import Case, finish_session

    with Case(case) as opened, JobProgress("comparing") as progress:
        done = finish_session(
            opened,
            opened.actor(operator, why=why),
            received,
            peer=peer,
            out=out,
            key_file=key,
            workers=workers,
            progress=progress,
        )
    _tell(done, as_json=as_json, text=f"send {out} to the peer, who is due it" if out else "the session is over")


@deconflict_app.command("read")
def read(
    message: Annotated[Path, typer.Argument(metavar="FILE", help="An offer, an answer or a result.")],
    as_json: AsJson = False,
) -> None:
    """Say what a message is: who sent it to whom, for what, on which terms, and how large it is."""
    from dataclasses import asdict

    from headwater.deconfliction import read_header

    header = asdict(read_header(message))
    emit(header, as_json=as_json, text="\n".join(f"{name}: {_shown(value)}" for name, value in header.items()))


@deconflict_app.command("show")
def show(
    case: CasePath,
    session: Annotated[str | None, typer.Argument(metavar="SESSION", help="One session; default: all.")] = None,
    operator: Annotated[str | None, typer.Option("--operator", help="Who acts; default: who opened the case.")] = None,
    why: Annotated[str, typer.Option("--why", help="Reason; default: the purpose of the case.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the sessions, and which of your rows, accounts and leads hold what both hold."""
    from headwater.workflow import Case, consult, deconflict_sessions, shared_rows

    with Case(case) as opened, consult(opened, opened.actor(operator, why=why), "deconflict show") as tables:
        sessions = [one for one in deconflict_sessions(opened) if session in {None, one["session_id"]}]
        rows = list(shared_rows(opened, tables, session))
    if as_json:
        for one in sessions:
            emit({"row": "session", **one}, as_json=True)
        for row in rows:
            emit({"row": "shared", **row}, as_json=True)
        return
    emit_table(sessions, ("session_id", "role", "state", "mode", "identifiers", "shared", "peer"), as_json=False)
    emit_table(rows, ("identifier", "table", "row_id", "account_id", "lead_rank", "lead_id"), as_json=False)
    for one in sessions:
        if one["state"] == "expired":
            note(f"{one['session_id']} is past its end; 'headwater deconflict withdraw' destroys what is kept for it")
    if not sessions:
        note("no session; begin one with 'headwater deconflict start'")
    elif not rows:
        known = [one for one in sessions if one["shared"] is not None]
        note("nothing is shared" if known else "no session has told this side what is shared")


@deconflict_app.command("withdraw")
def withdraw(
    case: CasePath,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="From 'headwater deconflict show'.")],
    operator: _Operator,
    why: _Why,
    as_json: AsJson = False,
) -> None:
    """End an open session without a result, and destroy its secret."""
    from headwater.workflow import Case, withdraw_session

    with Case(case) as opened:
        ended = withdraw_session(opened, opened.actor(operator, why=why), session)
    row = {"session_id": ended.session_id, "state": ended.state}
    emit(row, as_json=as_json, text=f"{ended.session_id}: withdrawn; its secret is destroyed")


def _tell(done: StepDone, *, as_json: bool, text: str) -> None:
    session = done.session
    row = {
        "session_id": session.session_id,
        "role": session.role,
        "identifiers": session.identifiers,
        "left_out": dict(done.left_out),
        "shared": done.shared,
    }
    known = "" if done.shared is None else f"; both hold {done.shared:,} of them"
    emit(row, as_json=as_json, text=f"{session.session_id}: {session.identifiers:,} identifiers{known}")
    for kind, count in done.left_out.items():
        note(f"{count:,} texts of the kind {kind} have no form in which they could be compared, and were left out")
    if not as_json:
        note(text)


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
