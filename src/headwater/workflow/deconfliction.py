"""Deconfliction without disclosure: the steps of a session, each agreed to by a second person and recorded."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from headwater.custody import load_case_key, utc_text
from headwater.deconfliction import (
    BOTH,
    DEFAULT_KINDS,
    ECDH,
    HMAC,
    Header,
    Held,
    Message,
    Sent,
    answered,
    destroy_kept,
    hidden,
    holders_of,
    keep_order,
    keep_scalar,
    kept_order,
    kept_scalar,
    key_check,
    keyed,
    marked,
    message_file,
    new_scalar,
    padded_count,
    read_message,
    shared_by_ecdh,
    shared_in,
    shared_key,
)
from headwater.engine import Progress, Session, silent
from headwater.errors import ConfigError, RefusedError
from headwater.workflow.case import Actor, Case
from headwater.workflow.deconfliction_sessions import (
    DeconflictSession,
    close_session,
    consent_recorded,
    named_session,
    peer_id,
    record_received,
    record_sent,
    record_shared,
    session_ids,
    sessions_of,
    shared_of,
    store_session,
)
from headwater.workflow.deconfliction_terms import (
    Stated,
    accept_offer,
    accept_reply,
    both_keys,
    check_place,
    check_proportion,
    checked_terms,
    identifiers_held,
    key_for,
)
from headwater.workflow.folders import require_reason
from headwater.workflow.intake import recorded

__all__ = [
    "StepDone",
    "answer_offer",
    "finish_session",
    "shared_rows",
    "start_session",
    "withdraw_session",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """What a step came to.

    Attributes:
        session: As it stands now.
        left_out: For each kind, distinct texts that have no form in which they could be compared.
        shared: How many both hold; None where this side does not know.
        sent: Whether a file was written for the peer.
    """

    session: DeconflictSession
    left_out: Mapping[str, int]
    shared: int | None
    sent: bool


def start_session(
    case: Case,
    actor: Actor,
    *,
    peer: Path,
    out: Path,
    stated: Stated,
    kinds: Sequence[str] = (),
    learns: str = BOTH,
    key_file: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> StepDone:
    """Begin a session: an offer of our identifiers, hidden, for one peer.

    Args:
        case: The case.
        actor: Who runs it, and why.
        peer: Public key of the peer's case, in PEM.
        out: The file to send; a new one, outside of the case.
        stated: What we state.
        kinds: Of identifiers; none for all but network addresses.
        learns: Who learns what both hold: both, or starter.
        key_file: File of a key that both sides hold, for the mode hmac-sha256; None for ecdh-edwards25519.
        workers: Threads.
        progress: Told of identifiers.

    Raises:
        ConfigError: An option is unknown, or something required is empty.
        InputError: The key is none, or the file cannot be written.
        RefusedError: Consent is missing, or a limit of the case is passed.
    """
    session_id = f"dcs-{secrets.token_hex(16)}"
    with recorded(case, "exported", actor, session=session_id):
        chosen = checked_terms(case, actor, out, stated, kinds or DEFAULT_KINDS, learns, key_file)
        ours, theirs = both_keys(case, peer)
        key = None if key_file is None else shared_key(key_file)
        held = identifiers_held(case, chosen, with_records=stated.with_records)
        consent_recorded(case, actor, stated.consent_by, actor.justification, session_id, theirs)
        now = case.clock()
        header = Header(
            message="offer",
            session_id=session_id,
            mode=ECDH if key is None else HMAC,
            kinds=chosen,
            learns=learns,
            sender=ours,
            recipient=theirs,
            purpose=stated.purpose,
            legal_basis=stated.legal_basis,
            sent_at_utc=utc_text(now),
            expires_at_utc=utc_text(now + dt.timedelta(days=case.settings.deconflict_session_days)),
            starter_values=padded_count(len(held.identifiers)),
            answerer_values=0,
            replies_to="",
            key_check="" if key is None else key_check(session_id, key),
        )
        scalar = new_scalar() if key is None else None
        sent = _hidden(held, header, scalar, key, workers, progress)
        with _undone_on_failure(case, session_id):
            if scalar is not None:
                keep_scalar(case.path, session_id, scalar)
            keep_order(case.path, session_id, sent.order)
            with message_file(out, header, sent.values, load_case_key(case.path)) as digest:
                session = _session(header, "starter", theirs, digest, held)
                store_session(case, session)
                record_sent(case, actor, header, digest, held)
    return StepDone(session=session, left_out=held.left_out, shared=None, sent=True)


def answer_offer(
    case: Case,
    actor: Actor,
    offer: Path,
    *,
    peer: Path,
    out: Path,
    stated: Stated,
    key_file: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> StepDone:
    """Answer an offer: its values and ours, hidden once more. Once only; the scalar is never on the medium.

    Args:
        case: The case.
        actor: Who runs it, and why.
        offer: The file that the peer sent.
        peer: Public key of the peer's case, in PEM.
        out: The file to send; a new one, outside of the case.
        stated: What we state.
        key_file: File of the key that both sides hold, where the offer is of the mode hmac-sha256.
        workers: Threads.
        progress: Told of identifiers.

    Raises:
        ConfigError: Something required is empty.
        InputError: The offer is none, was altered, is for or from somebody else, or is over.
        RefusedError: It was answered before, consent is missing, or a limit of the case is passed.
    """
    with recorded(case, "exported", actor, answers=offer.name):
        checked_terms(case, actor, out, stated, DEFAULT_KINDS, BOTH, key_file)
        ours, theirs = both_keys(case, peer)
        message = read_message(offer, lambda header: accept_offer(case, header, offer, ours, theirs))
        offered = message.header
        key = key_for(offered, key_file)
        held = identifiers_held(case, offered.kinds, with_records=stated.with_records)
        values = padded_count(len(held.identifiers))
        check_proportion(case, offered.session_id, theirs=offered.starter_values, ours=values)
        consent_recorded(case, actor, stated.consent_by, actor.justification, offered.session_id, theirs)
        header = replace(
            offered,
            message="answer",
            sender=ours,
            recipient=theirs,
            purpose=stated.purpose,
            legal_basis=stated.legal_basis,
            sent_at_utc=case.now(),
            answerer_values=values,
            replies_to=message.sha256,
        )
        # It is never on the medium: nothing that comes later in the session needs it.
        scalar = new_scalar() if key is None else None
        sent = _hidden(held, header, scalar, key, workers, progress)
        shared = None if key is None else shared_in(message.body, sent, source=offer)
        body = sent.values
        if scalar is not None:
            body = answered(message.body, scalar, sent, source=offer, workers=workers, progress=progress)
        with _undone_on_failure(case, header.session_id):
            waits = key is None and header.learns == BOTH
            if waits:
                keep_order(case.path, header.session_id, sent.order)
            with message_file(out, header, body, load_case_key(case.path)) as digest:
                session = _session(header, "answerer", theirs, digest, held, received=message.sha256)
                store_session(case, session)
                record_received(case, actor, message)
                record_sent(case, actor, header, digest, held)
        if shared is not None:
            record_shared(case, actor, session, shared)
    if not waits:
        close_session(case, session, "finished", shared=None if shared is None else len(shared))
    count = None if shared is None else len(shared)
    return StepDone(session=session, left_out=held.left_out, shared=count, sent=True)


def finish_session(
    case: Case,
    actor: Actor,
    received: Path,
    *,
    peer: Path,
    out: Path | None = None,
    key_file: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> StepDone:
    """Read what the peer sent last, and learn which of our identifiers both hold; what was kept is destroyed.

    Args:
        case: The case.
        actor: Who runs it, and why.
        received: An answer, or a result.
        peer: Public key of the peer's case, in PEM.
        out: The result to send, where the peer is due one; a new file, outside of the case.
        key_file: File of the key that both sides hold, in the mode hmac-sha256.
        workers: Threads.
        progress: Told of identifiers.

    Raises:
        ConfigError: `out` is missing where a result is due, or given where none is.
        InputError: The message is none, was altered, is for or from somebody else or another session, or is over.
        RefusedError: A limit of the case is passed.
    """
    with recorded(case, "received", actor, file=received.name):
        require_reason(actor)
        ours, theirs = both_keys(case, peer)
        message = read_message(received, lambda header: accept_reply(case, header, received, ours, theirs))
        session = named_session(case, message.header.session_id)
        if session.received_sha256 not in {"", message.sha256} and session.role == "starter":
            raise RefusedError(f"{received}: another answer to this session was read before; start a new one")
        due = session.role == "starter" and message.header.mode == ECDH and message.header.learns == BOTH
        if due == (out is None):
            raise ConfigError(f"--out: a result for the peer is {'due, so name its file' if due else 'not due'}")
        if out is not None:
            check_place(case, out)
        key = key_for(message.header, key_file)
        session = replace(session, received_sha256=message.sha256)
        # Before anything is computed with the scalar: there will be no second answer to it.
        store_session(case, session)
        shared, bits = _shared(case, session, message, received, key, workers, progress)
        record_received(case, actor, message)
        if out is not None:
            header = replace(
                message.header,
                message="result",
                sender=ours,
                recipient=theirs,
                purpose=session.sent["purpose"],
                legal_basis=session.sent["legal_basis"],
                sent_at_utc=case.now(),
                replies_to=message.sha256,
            )
            with message_file(out, header, bits, load_case_key(case.path)) as digest:
                record_shared(case, actor, session, shared)
                case.record(
                    "exported",
                    actor,
                    object_ids=session_ids(session),
                    params={"message": "result"},
                    outputs={out.name: digest},
                )
        else:
            record_shared(case, actor, session, shared)
    close_session(case, session, "finished", shared=len(shared))
    return StepDone(session=session, left_out={}, shared=len(shared), sent=out is not None)


def withdraw_session(case: Case, actor: Actor, session_id: str) -> DeconflictSession:
    """The session, ended without a result: what was kept for it is destroyed.

    Raises:
        InputError: The case has no such session.
        RefusedError: It has ended already.
    """
    with recorded(case, "recalled", actor, session=session_id):
        require_reason(actor)
        session = named_session(case, session_id)
        if session.state != "open":
            raise RefusedError(f"{session_id}: is {session.state}; only an open session can be withdrawn")
        case.record("recalled", actor, object_ids=session_ids(session))
    close_session(case, session, "withdrawn", shared=None)
    return replace(session, state="withdrawn")


def shared_rows(case: Case, tables: Session, session_id: str | None = None) -> Iterator[dict[str, Any]]:
    """Each row of ours that holds an identifier which both hold, with the session, the account and its lead.

    Raises:
        InputError: There is no such session.
    """
    chosen = [named_session(case, session_id)] if session_id is not None else sessions_of(case)
    leads = {row["account_id"]: row for row in tables.columns("leads", ("account_id", "lead_id", "rank")).to_pylist()}
    for session in chosen:
        for holder in holders_of(tables, set(shared_of(case, session.session_id))):
            lead = leads.get(holder.account_id, {})
            told = {"session_id": session.session_id, "peer": peer_id(session.peer), **asdict(holder)}
            yield {**told, "lead_id": lead.get("lead_id"), "lead_rank": lead.get("rank")}


def _hidden(
    held: Held, header: Header, scalar: bytes | None, key: bytes | None, workers: int, progress: Progress
) -> Sent:
    if key is not None:
        return keyed(held.identifiers, header.session_id, key)
    assert scalar is not None
    return hidden(held.identifiers, header.session_id, scalar, workers=workers, progress=progress)


def _shared(
    case: Case,
    session: DeconflictSession,
    message: Message,
    source: Path,
    key: bytes | None,
    workers: int,
    progress: Progress,
) -> tuple[list[str], bytes]:
    """Our identifiers that both hold, and the bits of the result, where one is due."""
    order = kept_order(case.path, session.session_id)
    if key is not None:
        own = keyed([name for name in order if name is not None], session.session_id, key)
        return shared_in(message.body, own, source=source), b""
    if session.role == "answerer":
        return marked(message.body, order, at_most=message.header.starter_values, source=source), b""
    scalar = kept_scalar(case.path, session.session_id)
    return shared_by_ecdh(message.body, order, scalar, source=source, workers=workers, progress=progress)


def _session(header: Header, role: str, peer: str, digest: str, held: Held, *, received: str = "") -> DeconflictSession:
    return DeconflictSession(
        session_id=header.session_id,
        role=role,
        state="open",
        peer=peer,
        sent={**asdict(header), "kinds": list(header.kinds)},
        sent_sha256=digest,
        received_sha256=received,
        identifiers=len(held.identifiers),
    )


@contextmanager
def _undone_on_failure(case: Case, session_id: str) -> Iterator[None]:
    """Whatever ends the block badly, an interruption too, leaves neither secrets nor a record of the session."""
    try:
        yield
    except BaseException:
        destroy_kept(case.path, session_id)
        shutil.rmtree(case.path / "deconfliction" / session_id, ignore_errors=True)
        raise
