"""What a side states, and what it checks, before anything of a session of deconfliction is computed or written."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.custody import load_case_key, load_public_key, raw_public_key, utc_text
from headwater.deconfliction import (
    ECDH,
    KINDS,
    LEARNS,
    STARTER,
    Header,
    Held,
    check_new_file,
    held_identifiers,
    key_check,
    padded_count,
    shared_key,
)
from headwater.errors import ConfigError, InputError, RefusedError
from headwater.workflow.case import Actor, Case
from headwater.workflow.deconfliction_sessions import known_to_log, named_session
from headwater.workflow.folders import require_apart, require_reason

__all__ = [
    "Stated",
    "accept_offer",
    "accept_reply",
    "both_keys",
    "check_place",
    "check_proportion",
    "checked_terms",
    "identifiers_held",
    "key_for",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a side states when it takes part.

    Attributes:
        consent_by: The second operator, who agrees.
        purpose: What it compares for; the peer reads it.
        legal_basis: What it rests it on; the peer reads it.
        with_records: Whether identifiers of people on record are among what it compares.
    """

    consent_by: str
    purpose: str
    legal_basis: str
    with_records: bool = False


def checked_terms(
    case: Case,
    actor: Actor,
    out: Path,
    stated: Stated,
    kinds: Sequence[str],
    learns: str,
    key_file: Path | None,
) -> tuple[str, ...]:
    """The kinds, sorted, if everything that is stated is there and known."""
    require_reason(actor)
    for option, text in (("--purpose", stated.purpose), ("--legal-basis", stated.legal_basis)):
        if not text.strip() or len(text) > 1_000:
            raise ConfigError(f"{option} must not be empty, nor longer than 1,000 characters; the peer reads it")
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"--kind '{kind}' is unknown; known are {', '.join(KINDS)}")
    if learns not in LEARNS:
        raise ConfigError(f"--learns '{learns}' is unknown; known are {', '.join(LEARNS)}")
    if key_file is not None and learns == STARTER:
        raise ConfigError("--learns starter: with a key that both hold, both learn; leave out --key")
    check_place(case, out)
    return tuple(sorted(set(kinds)))


def check_place(case: Case, out: Path) -> None:
    """Nothing, if a message can be written there: a new file, neither in the case nor in the evidence.

    Raises:
        InputError: It cannot.
    """
    require_apart(case, out)
    check_new_file(out)


def both_keys(case: Case, peer: Path) -> tuple[str, str]:
    """Public keys of our case and of the peer's, in hex."""
    ours = raw_public_key(load_case_key(case.path).public_key()).hex()
    theirs = raw_public_key(load_public_key(peer)).hex()
    if ours == theirs:
        raise InputError(peer, "is this case's own key", remedy="name the public key of the peer's case")
    return ours, theirs


def key_for(header: Header, key_file: Path | None) -> bytes | None:
    """The shared key, if the session is of that mode; the right one."""
    if header.mode == ECDH:
        if key_file is not None:
            raise ConfigError("--key: this session is of the mode ecdh-edwards25519 and takes no key; leave it out")
        return None
    if key_file is None:
        raise ConfigError(
            "--key: this session is of the mode hmac-sha256; name the file of the key that both sides hold"
        )
    key = shared_key(key_file)
    if not secrets.compare_digest(key_check(header.session_id, key), header.key_check):
        raise InputError(key_file, "is not the key that the peer used", remedy="compare it with the peer, in person")
    return key


def identifiers_held(case: Case, kinds: Sequence[str], *, with_records: bool) -> Held:
    """What the case holds of these kinds, if it is neither too little nor too much."""
    with case.tables() as tables:
        held = held_identifiers(tables, kinds, with_records=with_records)
    count, settings = len(held.identifiers), case.settings
    if count < settings.deconflict_least_identifiers:
        raise RefusedError(
            f"{case.path}: the case holds {count:,} identifiers of these kinds; a session compares at least "
            f"{settings.deconflict_least_identifiers:,} (deconflict_least_identifiers)"
        )
    if count > settings.deconflict_most_identifiers:
        raise RefusedError(
            f"{case.path}: the case holds {count:,} identifiers of these kinds; a session compares at most "
            f"{settings.deconflict_most_identifiers:,} (deconflict_most_identifiers); choose fewer with --kind"
        )
    return held


def accept_offer(case: Case, header: Header, path: Path, ours: str, theirs: str) -> None:
    """Nothing, if the offer is for us, from the peer, new, and within the limits.

    Raises:
        InputError: It is not.
        RefusedError: A limit of the case is passed, or it was answered before.
    """
    _accept(case, header, path, ours, theirs, ("offer",))
    if known_to_log(case, header.session_id):
        raise RefusedError(
            f"{path}: this offer was answered, or made, here before; ask the peer to start a new session"
        )
    allowed = utc_text(case.clock() + dt.timedelta(days=case.settings.deconflict_session_days))
    if header.expires_at_utc > allowed:
        raise RefusedError(
            f"{path}: the offer lasts until {header.expires_at_utc}, longer than deconflict_session_days"
        )


def accept_reply(case: Case, header: Header, path: Path, ours: str, theirs: str) -> None:
    """Nothing, if the message is what is due in an open session: for us, from the peer, on the same terms.

    Raises:
        InputError: It is not.
        RefusedError: A limit of the case is passed, or it was answered before.
    """
    _accept(case, header, path, ours, theirs, ("answer", "result"))
    session = named_session(case, header.session_id)
    if session.state != "open":
        raise RefusedError(
            f"{path}: its session {session.session_id} is {session.state}; there is nothing more to read"
        )
    due = "answer" if session.role == "starter" else "result"
    if header.message != due or header.replies_to != session.sent_sha256 or theirs != session.peer:
        raise InputError(path, f"is not the {due} to what we sent", remedy="ask the peer which message they meant")
    fixed = ["mode", "learns", "starter_values", "expires_at_utc", "key_check"]
    fixed += ["answerer_values"] if due == "result" else []
    changed = [name for name in fixed if getattr(header, name) != session.sent[name]]
    changed += [] if list(header.kinds) == list(session.sent["kinds"]) else ["kinds"]
    if changed:
        raise InputError(path, f"changes '{changed[0]}' of the session", remedy="start a new one with the peer")
    if due == "answer":
        check_proportion(case, session.session_id, theirs=header.answerer_values, ours=header.starter_values)


def _accept(case: Case, header: Header, path: Path, ours: str, theirs: str, messages: Sequence[str]) -> None:
    if header.message not in messages:
        raise InputError(
            path,
            f"is an {header.message}" if header.message != "result" else "is a result",
            remedy=f"name the file of the {' or '.join(messages)}",
        )
    if header.recipient != ours:
        raise InputError(path, "is for another case than this one", remedy="give it to whom it is for")
    if header.sender != theirs:
        raise InputError(path, "comes from another case than the key given with --with", remedy="find out who sent it")
    if header.expires_at_utc <= case.now():
        raise InputError(path, f"its session ended on {header.expires_at_utc}", remedy="start a new one with the peer")
    counts = (header.starter_values, *([] if header.message == "offer" else [header.answerer_values]))
    if any(padded_count(count) != count for count in counts):
        reason = "states a number of values that no set is padded to"
        raise InputError(path, reason, remedy="ask the peer what made the message")
    most = padded_count(case.settings.deconflict_most_identifiers)
    if max(counts) > most:
        raise RefusedError(f"{path}: it holds more values than a session may ({most:,}); deconflict_most_identifiers")


def check_proportion(case: Case, session_id: str, *, theirs: int, ours: int) -> None:
    """Nothing, if the peer does not send many times the values that we send.

    Raises:
        RefusedError: It does.
    """
    times = case.settings.deconflict_most_times_ours
    if theirs > times * ours:
        raise RefusedError(
            f"{session_id}: the peer sends {theirs:,} values and we {ours:,}: more than {times} times as many "
            "(deconflict_most_times_ours), as if they were guesses; ask the peer why"
        )
