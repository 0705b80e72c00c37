"""Sessions of deconfliction as the case knows them: their records, and what the custody log says of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from headwater.custody import Entry
from headwater.deconfliction import Header, Held, Message, destroy_kept
from headwater.engine import sync_folder
from headwater.errors import ConfigError, InputError, IntegrityError, RefusedError
from headwater.schema import canonical_json
from headwater.workflow.case import Actor, Case
from headwater.workflow.confirm import same_operator

__all__ = [
    "DeconflictSession",
    "close_session",
    "consent_recorded",
    "consents_missing",
    "deconflict_sessions",
    "known_to_log",
    "named_session",
    "peer_id",
    "record_received",
    "record_sent",
    "record_shared",
    "results_altered",
    "session_ids",
    "sessions_of",
    "shared_of",
    "store_session",
    "store_shared",
]

_FOLDER, _RECORD_NAME, _SHARED_NAME = "deconfliction", "session.json", "shared.jsonl"
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeconflictSession:
    """A session, as one side keeps it; no identifier is in it.

    Attributes:
        session_id: Of the session, the same on both sides.
        role: starter or answerer.
        state: open, finished or withdrawn.
        peer: Public key of the other side's case, in hex.
        sent: The header of the message that we sent last but for a result.
        sent_sha256: Of that file.
        received_sha256: Of the message that we received last; empty where none was.
        identifiers: How many we put in.
        shared: How many both hold; None where that is not known, or not for us to know.
    """

    session_id: str
    role: str
    state: str
    peer: str
    sent: dict[str, Any]
    sent_sha256: str
    received_sha256: str
    identifiers: int
    shared: int | None = None


def peer_id(public_key_hex: str) -> str:
    """How the custody log names a peer: the fingerprint of the key of its case."""
    return f"peer-{hashlib.sha256(bytes.fromhex(public_key_hex)).hexdigest()}"


def sessions_of(case: Case) -> list[DeconflictSession]:
    """The sessions of the case, by their id."""
    found = []
    for path in sorted((case.path / _FOLDER).glob(f"*/{_RECORD_NAME}")):
        try:
            found.append(DeconflictSession(**json.loads(path.read_bytes())))
        except (ValueError, TypeError) as error:
            raise IntegrityError(f"{path}: the record of a session cannot be read: {error}") from None
    return found


def deconflict_sessions(case: Case) -> list[dict[str, Any]]:
    """The sessions of the case for whoever looks: no key, no identifier; an open one past its end is `expired`."""
    return [
        {
            "session_id": one.session_id,
            "role": one.role,
            "state": "expired" if one.state == "open" and one.sent["expires_at_utc"] <= case.now() else one.state,
            "mode": one.sent["mode"],
            "kinds": one.sent["kinds"],
            "learns": one.sent["learns"],
            "identifiers": one.identifiers,
            "shared": one.shared,
            "expires_at_utc": one.sent["expires_at_utc"],
            "peer": peer_id(one.peer),
        }
        for one in sessions_of(case)
    ]


def named_session(case: Case, session_id: str) -> DeconflictSession:
    """The session of that id.

    Raises:
        InputError: The case has none.
    """
    for session in sessions_of(case):
        if session.session_id == session_id:
            return session
    raise InputError(session_id, "no such session in this case", remedy="see 'headwater deconflict show CASE'")


def store_session(case: Case, session: DeconflictSession) -> None:
    """Write the record of a session, in place of an earlier one."""
    folder = case.path / _FOLDER / session.session_id
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / _RECORD_NAME, canonical_json(asdict(session)))


def store_shared(case: Case, session_id: str, shared: Sequence[str]) -> str:
    """SHA-256 of the file written: one of our identifiers a line, of those that both hold."""
    content = b"".join(canonical_json({"identifier": identifier}) + b"\n" for identifier in shared)
    _write(case.path / _FOLDER / session_id / _SHARED_NAME, content)
    return hashlib.sha256(content).hexdigest()


def shared_of(case: Case, session_id: str) -> list[str]:
    """Our identifiers that both hold, as a finished session left them."""
    path = case.path / _FOLDER / session_id / _SHARED_NAME
    return [json.loads(line)["identifier"] for line in path.read_bytes().splitlines()] if path.is_file() else []


def close_session(case: Case, session: DeconflictSession, state: str, *, shared: int | None) -> None:
    """End a session: what was kept for it is destroyed, then the record says so."""
    destroy_kept(case.path, session.session_id)
    store_session(case, replace(session, state=state, shared=shared))


def known_to_log(case: Case, session_id: str) -> bool:
    """Whether anything of that session ever left the case; a step that was interrupted before may be repeated."""
    return any(session_id in entry.object_ids and entry.event == "exported" for entry in case.custody.entries())


def consent_recorded(case: Case, actor: Actor, consent_by: str, why: str, session_id: str, peer: str) -> None:
    """Record that a second operator agrees, if they may and the peer has not been asked too often today.

    Raises:
        ConfigError: A name or the reason is empty.
        RefusedError: Consent is by whoever runs it, or there were as many sessions with this peer as are allowed.
    """
    if not consent_by.strip() or not why.strip():
        raise ConfigError("--consent-by and --why must not be empty; it is recorded who agreed, and why")
    if same_operator(consent_by, actor.name):
        raise RefusedError(f"{session_id}: {actor.name} runs it and may not consent to it; a second operator must")
    since, limit = case.clock() - _A_DAY, case.settings.deconflict_sessions_per_day
    recent = {
        entry.object_ids[0]
        for entry in _consents(case)
        if peer_id(peer) in entry.object_ids and entry.at_utc > since and entry.object_ids[0] != session_id
    }
    if len(recent) >= limit:
        raise RefusedError(
            f"{session_id}: {len(recent)} other sessions with this peer in 24 hours, and the case allows {limit}; "
            "wait, or have deconflict_sessions_per_day in case.toml raised by who answers for it"
        )
    approver = Actor(name=consent_by, role="approver", justification=why)
    case.register(approver)
    case.record("judged", approver, object_ids=(session_id, peer_id(peer)), params={"consents_to": "deconfliction"})


def consents_missing(case: Case) -> str | None:
    """The first session for which something left without the consent of a second operator, in words."""
    consented: dict[str, set[str]] = {}
    for entry in case.custody.entries():
        if entry.outcome != "done" or not entry.object_ids or not entry.object_ids[0].startswith("dcs-"):
            continue
        people = consented.setdefault(entry.object_ids[0], set())
        if entry.event == "judged":
            people.add(entry.actor)
        elif entry.event == "exported" and all(same_operator(person, entry.actor) for person in people):
            return f"session {entry.object_ids[0]}: sent by {entry.actor} without the consent of a second operator"
    return None


def results_altered(case: Case) -> str | None:
    """The first result of a session that is not as the custody log recorded it, in words."""
    stated = {
        entry.object_ids[0]: entry.output_digests["shared"]
        for entry in case.custody.entries()
        if entry.outcome == "done" and "shared" in entry.output_digests
    }
    there = {path.parent.name: path for path in (case.path / _FOLDER).glob(f"*/{_SHARED_NAME}")}
    for session_id in sorted(stated.keys() | there.keys()):
        name = f"{_FOLDER}/{session_id}/{_SHARED_NAME}"
        if session_id not in there:
            return f"{name}: gone"
        if hashlib.sha256(there[session_id].read_bytes()).hexdigest() != stated.get(session_id):
            return f"{name}: altered since the custody log recorded it, or in no entry of it"
    return None


def session_ids(session: DeconflictSession) -> tuple[str, str]:
    """How the custody log names a session: by its id and its peer."""
    return session.session_id, peer_id(session.peer)


def record_sent(case: Case, actor: Actor, header: Header, digest: str, held: Held) -> None:
    """Record that a message leaves; how many identifiers, and none of them."""
    case.record(
        "exported",
        actor,
        object_ids=(header.session_id, peer_id(header.recipient)),
        params={
            "message": header.message,
            "mode": header.mode,
            "kinds": list(header.kinds),
            "learns": header.learns,
            "identifiers": len(held.identifiers),
            "left_out": dict(held.left_out),
        },
        outputs={header.message: digest},
    )


def record_received(case: Case, actor: Actor, message: Message) -> None:
    """Record the peer's signed message, which is its consent, with its purpose and legal basis."""
    header = message.header
    case.record(
        "received",
        actor,
        object_ids=(header.session_id, peer_id(header.sender)),
        params={"message": header.message, "purpose": header.purpose, "legal_basis": header.legal_basis},
        inputs={header.message: message.sha256},
    )


def record_shared(case: Case, actor: Actor, session: DeconflictSession, shared: Sequence[str]) -> None:
    """Store which of our identifiers both hold, and record how many."""
    digest = store_shared(case, session.session_id, shared)
    case.record(
        "combined", actor, object_ids=session_ids(session), params={"shared": len(shared)}, outputs={"shared": digest}
    )


def _consents(case: Case) -> Iterator[Entry]:
    for entry in case.custody.entries():
        done = entry.event == "judged" and entry.outcome == "done"
        if done and entry.object_ids and entry.object_ids[0].startswith("dcs-"):
            yield entry


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(path.parent)
