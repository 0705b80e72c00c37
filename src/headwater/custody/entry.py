"""One entry of the custody log, one signed tree head, and their only spelling (docs/adr/0002)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater.schema import canonical_json

__all__ = [
    "EVENTS",
    "FIRST_PREV_HASH",
    "FORMAT",
    "Entry",
    "Head",
    "entry_from_line",
    "entry_signature_holds",
    "head_from_line",
    "head_signature_holds",
    "line_digest",
    "outcome_is_known",
    "signed_entry_line",
    "signed_head_line",
    "utc_text",
]

FORMAT = 1
EVENTS = (
    "created",
    "acquired",
    "verified",
    "opened",
    "parsed",
    "mapped",
    "matched",
    "combined",
    "consulted",
    "judged",
    "exported",
    "transferred",
    "received",
    "corrected",
    "recalled",
    "erased",
    "failed",
    "repaired",
)
"""The whole vocabulary; a log with any other event does not verify. `created` begins a log and occurs once."""

FIRST_PREV_HASH = "0" * 64
_ENTRY_CONTEXT = b"headwater custody entry 1\n"
_HEAD_CONTEXT = b"headwater custody tree head 1\n"
_AT_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_TEXT_FIELDS = ("actor", "role", "workstation", "authority_ref", "justification", "tool", "tool_version")
_ENTRY_FIELDS = frozenset(
    {
        "format",
        "seq",
        "prev_hash",
        "event",
        "at_utc",
        "object_ids",
        "params_sha256",
        "input_digests",
        "output_digests",
        "outcome",
        "signature",
        *_TEXT_FIELDS,
    },
)
_HEAD_FIELDS = frozenset({"format", "entries", "root", "at_utc", "signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An act on evidence, as it was recorded.

    Attributes:
        seq: From 0.
        prev_hash: SHA-256 of the line before, in hex; zeros for the first.
        event: One of `EVENTS`.
        at_utc: When, by the clock of the machine that recorded it.
        actor: Who did it.
        role: In which role.
        workstation: On which machine.
        authority_ref: Under which authority, such as the reference of a warrant.
        justification: Why.
        object_ids: On what: ids only.
        tool: With which program.
        tool_version: Its version.
        params_sha256: SHA-256 of the canonical JSON of the parameters.
        input_digests: Name to SHA-256 of what went in.
        output_digests: Name to SHA-256 of what came out.
        outcome: `done`, `refused: WHY` or `failed: WHY`.
        signature: Ed25519 by the case's key over all of the above, in hex.
    """

    seq: int
    prev_hash: str
    event: str
    at_utc: datetime
    actor: str
    role: str
    workstation: str
    authority_ref: str
    justification: str
    object_ids: tuple[str, ...]
    tool: str
    tool_version: str
    params_sha256: str
    input_digests: Mapping[str, str]
    output_digests: Mapping[str, str]
    outcome: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A signed statement that the log had these entries and no others.

    Attributes:
        entries: How many.
        root: RFC 9162 Merkle tree hash over their lines, in hex.
        at_utc: Time of the last of them.
        signature: Ed25519 by the case's key, in hex.
    """

    entries: int
    root: str
    at_utc: datetime
    signature: str


def utc_text(at_utc: datetime) -> str:
    """The time as the log writes it: UTC, microseconds, `Z`.

    Raises:
        ValueError: The time does not say its zone.
    """
    if at_utc.tzinfo is None:
        raise ValueError("the clock must say its zone")
    return at_utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def line_digest(line: bytes) -> str:
    """SHA-256 of a line without its line feed, in hex."""
    return hashlib.sha256(line).hexdigest()


def outcome_is_known(outcome: str) -> bool:
    """Whether the outcome is one of the three forms."""
    return outcome == "done" or bool(re.fullmatch(r"(refused|failed): .+", outcome, re.DOTALL))


def signed_entry_line(fields: Mapping[str, object], key: Ed25519PrivateKey) -> bytes:
    """The line of an entry, signed, without its line feed.

    Args:
        fields: Every field but `format` and `signature`, as plain values; times as `utc_text` writes them.
        key: The case's signing key.
    """
    body = {**fields, "format": FORMAT}
    signature = key.sign(_ENTRY_CONTEXT + _canonical(body))
    return _canonical({**body, "signature": signature.hex()})


def signed_head_line(*, entries: int, root: bytes, at_utc: datetime, key: Ed25519PrivateKey) -> bytes:
    """The line of a tree head, signed, without its line feed."""
    body = {"format": FORMAT, "entries": entries, "root": root.hex(), "at_utc": utc_text(at_utc)}
    signature = key.sign(_HEAD_CONTEXT + _canonical(body))
    return _canonical({**body, "signature": signature.hex()})


def entry_signature_holds(line: bytes, key: Ed25519PublicKey) -> bool:
    """Whether the entry on this line was signed by the key."""
    return _signature_holds(_ENTRY_CONTEXT, line, key)


def head_signature_holds(line: bytes, key: Ed25519PublicKey) -> bool:
    """Whether the tree head on this line was signed by the key."""
    return _signature_holds(_HEAD_CONTEXT, line, key)


def entry_from_line(line: bytes) -> Entry:
    """The entry on a line.

    Raises:
        ValueError: The line is not the only spelling of an entry; the text says why.
    """
    fields = _object(line, _ENTRY_FIELDS)
    for name in _TEXT_FIELDS:
        _require(isinstance(fields[name], str), f"{name} is not text")
    _require(_is_count(fields["seq"]), "seq is not a count")
    _require(fields["event"] in EVENTS, "the event is not in the vocabulary")
    _require(
        isinstance(fields["outcome"], str) and outcome_is_known(fields["outcome"]), "the outcome is of no known form"
    )
    for name in ("prev_hash", "params_sha256"):
        _require(_fits(_DIGEST, fields[name]), f"{name} is not a SHA-256 in hex")
    for name in ("input_digests", "output_digests"):
        digests = fields[name]
        _require(
            isinstance(digests, dict) and all(_fits(_DIGEST, d) for d in digests.values()),
            f"{name} holds what is no SHA-256 in hex",
        )
    ids = fields["object_ids"]
    _require(isinstance(ids, list) and all(isinstance(i, str) for i in ids), "object_ids is not a list of text")
    _require(_fits(_SIGNATURE, fields["signature"]), "the signature is not 64 bytes in hex")
    values = {name: value for name, value in fields.items() if name != "format"}
    return Entry(**{**values, "object_ids": tuple(ids), "at_utc": _time(fields["at_utc"])})


def head_from_line(line: bytes) -> Head:
    """The tree head on a line.

    Raises:
        ValueError: The line is not the only spelling of a tree head; the text says why.
    """
    fields = _object(line, _HEAD_FIELDS)
    _require(_is_count(fields["entries"]), "entries is not a count")
    _require(_fits(_DIGEST, fields["root"]), "root is not a SHA-256 in hex")
    _require(_fits(_SIGNATURE, fields["signature"]), "the signature is not 64 bytes in hex")
    return Head(
        entries=fields["entries"],
        root=fields["root"],
        at_utc=_time(fields["at_utc"]),
        signature=fields["signature"],
    )


def _canonical(value: Mapping[str, object]) -> bytes:
    return canonical_json(value)  # type: ignore[arg-type]  # the field types are checked by the readers above


def _object(line: bytes, names: frozenset[str]) -> dict[str, Any]:
    """The object on a line that is canonical and has exactly these names.

    Typed loosely on purpose: the callers check each field before they use it.
    """
    try:
        fields = json.loads(line)
        spelled = canonical_json(fields)
    except (ValueError, TypeError, RecursionError):
        spelled = None
        fields = None
    _require(isinstance(fields, dict) and spelled == line, "the line is not canonical JSON")
    _require(frozenset(fields) == names, "the line has other fields than it should")
    _require(fields["format"] == FORMAT and _is_count(fields["format"]), f"the format is not {FORMAT}")
    return dict(fields)


def _signature_holds(context: bytes, line: bytes, key: Ed25519PublicKey) -> bool:
    fields = json.loads(line)
    signature = bytes.fromhex(fields.pop("signature"))
    try:
        key.verify(signature, context + canonical_json(fields))
    except InvalidSignature:
        return False
    return True


def _require(holds: bool, reason: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise ValueError(reason)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _time(value: object) -> datetime:
    _require(_fits(_AT_UTC, value), "at_utc is not a UTC time in microseconds")
    return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
