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
    "OPERATIONS",
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

_FORMAT = 2
"""What is written; entries of format 1 are read for good (docs/adr/0038)."""
_HEAD_FORMAT = 1
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

OPERATIONS: Mapping[str, str] = {
    "acquired": "collection",
    "received": "collection",
    "mapped": "alteration",
    "judged": "alteration",
    "corrected": "alteration",
    "recalled": "alteration",
    "opened": "consultation",
    "consulted": "consultation",
    "exported": "disclosure",
    "transferred": "disclosure",
    "matched": "combination",
    "combined": "combination",
    "erased": "erasure",
}
"""Which events are one of the six operations that Directive (EU) 2016/680, Article 25(1), wants logged.

Reading, checking and repairing are none. A `failed` entry has the operation that was attempted.
"""

FIRST_PREV_HASH = "0" * 64
_ENTRY_CONTEXTS = {1: b"headwater custody entry 1\n", 2: b"headwater custody entry 2\n"}
_HEAD_CONTEXT = b"headwater custody tree head 1\n"
_AT_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_TEXT_FIELDS = ("actor", "role", "workstation", "authority_ref", "tool", "tool_version")
_SHARED_FIELDS = frozenset(
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
_NEW_TEXT_FIELDS = ("clock_source", "operation", "recipient", "tool_sha256")
_ENTRY_FIELDS = {
    1: _SHARED_FIELDS | {"justification"},
    2: _SHARED_FIELDS | {"payload_sha256", *_NEW_TEXT_FIELDS},
}
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
        justification: Why; None if it was erased, or its opening was not read.
        object_ids: On what: ids only.
        tool: With which program.
        tool_version: Its version.
        params_sha256: SHA-256 of the canonical JSON of the parameters.
        input_digests: Name to SHA-256 of what went in.
        output_digests: Name to SHA-256 of what came out.
        outcome: `done`, `refused: WHY` or `failed: WHY`; without the reason where that was erased or not read.
        signature: Ed25519 by the case's key over all of the above, in hex.
        format: Of the line. Lines of format 1 have none of what follows.
        clock_source: Which clock `at_utc` is of, and whether the machine held it for synchronised.
        operation: What it is in the terms of `OPERATIONS`, or empty.
        recipient: To whom, where something was disclosed.
        tool_sha256: Digest of the program's files.
        payload_sha256: Commitment to the texts that may be erased: justification, and why it was refused or failed.
    """

    seq: int
    prev_hash: str
    event: str
    at_utc: datetime
    actor: str
    role: str
    workstation: str
    authority_ref: str
    justification: str | None
    object_ids: tuple[str, ...]
    tool: str
    tool_version: str
    params_sha256: str
    input_digests: Mapping[str, str]
    output_digests: Mapping[str, str]
    outcome: str
    signature: str
    format: int = 1
    clock_source: str = ""
    operation: str = ""
    recipient: str = ""
    tool_sha256: str = ""
    payload_sha256: str = ""


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
    body = {**fields, "format": _FORMAT}
    signature = key.sign(_ENTRY_CONTEXTS[_FORMAT] + _canonical(body))
    return _canonical({**body, "signature": signature.hex()})


def signed_head_line(*, entries: int, root: bytes, at_utc: datetime, key: Ed25519PrivateKey) -> bytes:
    """The line of a tree head, signed, without its line feed."""
    body = {"format": _HEAD_FORMAT, "entries": entries, "root": root.hex(), "at_utc": utc_text(at_utc)}
    signature = key.sign(_HEAD_CONTEXT + _canonical(body))
    return _canonical({**body, "signature": signature.hex()})


def entry_signature_holds(line: bytes, key: Ed25519PublicKey) -> bool:
    """Whether the entry on this line was signed by the key."""
    return _signature_holds(_ENTRY_CONTEXTS[json.loads(line)["format"]], line, key)


def head_signature_holds(line: bytes, key: Ed25519PublicKey) -> bool:
    """Whether the tree head on this line was signed by the key."""
    return _signature_holds(_HEAD_CONTEXT, line, key)


def entry_from_line(line: bytes) -> Entry:
    """The entry on a line; what it only commits to is not in it (see `with_payload`).

    Raises:
        ValueError: The line is not the only spelling of an entry; the text says why.
    """
    fields = _object(line, _ENTRY_FIELDS)
    texts = _TEXT_FIELDS + (("justification",) if fields["format"] == 1 else _NEW_TEXT_FIELDS)
    for name in texts:
        _require(isinstance(fields[name], str), f"{name} is not text")
    _require(_is_count(fields["seq"]), "seq is not a count")
    _require(fields["event"] in EVENTS, "the event is not in the vocabulary")
    _require_outcome(fields)
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
    return Entry(**{"justification": None, **fields, "object_ids": tuple(ids), "at_utc": _time(fields["at_utc"])})


def _require_outcome(fields: Mapping[str, Any]) -> None:
    """What formats 1 and 2 say otherwise: the outcome, and in 2 the operation, the recipient and two digests."""
    outcome = fields["outcome"]
    if fields["format"] == 1:
        _require(isinstance(outcome, str) and outcome_is_known(outcome), "the outcome is of no known form")
        return
    _require(outcome in {"done", "refused", "failed"}, "the outcome is of no known form")
    operation, event = fields["operation"], fields["event"]
    known = {"", *OPERATIONS.values()} if event == "failed" else {OPERATIONS.get(event, "")}
    _require(operation in known, "the operation is not that of the event")
    disclosed = operation == "disclosure" and outcome == "done"
    _require(bool(fields["recipient"].strip()) or not disclosed, "something was disclosed, and to whom is not said")
    _require(bool(fields["actor"].strip()) or not operation, "the operation says no person")
    _require(_fits(_DIGEST, fields["payload_sha256"]), "payload_sha256 is not a SHA-256 in hex")
    tool = fields["tool_sha256"]
    _require(tool == "" or _fits(_DIGEST, tool), "tool_sha256 is not a SHA-256 in hex, nor empty")


def head_from_line(line: bytes) -> Head:
    """The tree head on a line.

    Raises:
        ValueError: The line is not the only spelling of a tree head; the text says why.
    """
    fields = _object(line, {_HEAD_FORMAT: _HEAD_FIELDS})
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


def _object(line: bytes, names: Mapping[int, frozenset[str]]) -> dict[str, Any]:
    """The object on a line that is canonical and has exactly the names of its format.

    Typed loosely on purpose: the callers check each field before they use it.
    """
    try:
        fields = json.loads(line)
        spelled = canonical_json(fields)
    except (ValueError, TypeError, RecursionError):
        spelled = None
        fields = None
    _require(isinstance(fields, dict) and spelled == line, "the line is not canonical JSON")
    number = fields.get("format")
    known = " or ".join(str(one) for one in sorted(names))
    _require(_is_count(number) and number in names, f"the format is not {known}")
    _require(frozenset(fields) == names[number], "the line has other fields than it should")
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
