"""One entry of a custody log, one tree head, one payload: of which form each is, and what it is signed with."""

from __future__ import annotations

import re
from typing import Any

from headwater_verify.checks import canonical, is_digest, parsed, sha256_hex, signed_by

__all__ = ["entry_fault", "head_fault", "payload_fault", "shown_fault", "signature_fault"]

_EVENTS = (
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
_OPERATIONS = {
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
_SHARED_TEXTS = ("actor", "role", "workstation", "authority_ref", "tool", "tool_version", "outcome")
_TEXTS = {
    1: (*_SHARED_TEXTS, "justification"),
    2: (*_SHARED_TEXTS, "clock_source", "operation", "recipient", "tool_sha256", "payload_sha256"),
}
_SHARED_NAMES = {
    "format",
    "seq",
    "prev_hash",
    "event",
    "at_utc",
    "object_ids",
    "params_sha256",
    "input_digests",
    "output_digests",
    "signature",
}
_ENTRY_NAMES = {number: _SHARED_NAMES | {*texts} for number, texts in _TEXTS.items()}
_HEAD_NAMES = {"format", "entries", "root", "at_utc", "signature"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_OUTCOME = {1: re.compile(r"done|(refused|failed): .+", re.DOTALL), 2: re.compile(r"done|refused|failed")}
_KEY_ID = re.compile(r"key-[0-9a-f]{32}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)
_OPENING = {"format", "seq", "salt", "justification", "reason"}
_SEALED = {"format", "seq", "keys", "salt", "sealed", "opening_sha256"}


def entry_fault(entry: dict[str, Any]) -> str | None:
    """Why the object is no entry; None if it is one."""
    number = _number(entry.get("format"))
    if number not in _ENTRY_NAMES or set(entry) != _ENTRY_NAMES[number] or _number(entry["seq"]) is None:
        return "it is no entry of format 1 or 2"
    texts, ids = [entry[name] for name in _TEXTS[number]], entry["object_ids"]
    maps = [entry["input_digests"], entry["output_digests"]]
    if not all(isinstance(text, str) for text in texts) or not _OUTCOME[number].fullmatch(entry["outcome"]):
        return "a text or the outcome is of no known form"
    if entry["event"] not in _EVENTS:
        return "the event is not in the vocabulary"
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        return "object_ids is no list of text"
    digests = [
        entry["prev_hash"],
        entry["params_sha256"],
        *(d for m in maps if isinstance(m, dict) for d in m.values()),
    ]
    if number == 2:
        digests += [entry["payload_sha256"], *([entry["tool_sha256"]] if entry["tool_sha256"] else [])]
    well_formed = all(isinstance(m, dict) for m in maps) and all(is_digest(digest) for digest in digests)
    if not well_formed or not is_digest(entry["signature"], 128):
        return "a digest or the signature is of no known form"
    return _time_fault(entry) or (_operation_fault(entry) if number == 2 else None)


def _operation_fault(entry: dict[str, Any]) -> str | None:
    event, operation = entry["event"], entry["operation"]
    allowed = {"", *_OPERATIONS.values()} if event == "failed" else {_OPERATIONS.get(event, "")}
    if operation not in allowed:
        return "the operation is not that of the event"
    if operation and not entry["actor"].strip():
        return "an operation by nobody"
    if (operation, entry["outcome"]) == ("disclosure", "done") and not entry["recipient"].strip():
        return "a disclosure to nobody"
    return None


def head_fault(head: dict[str, Any]) -> str | None:
    """Why the object is no tree head; None if it is one."""
    if set(head) != _HEAD_NAMES or _number(head["format"]) != 1 or _number(head["entries"]) is None:
        return "it is no tree head of format 1"
    if not is_digest(head["root"]) or not is_digest(head["signature"], 128):
        return "the root or the signature is of no known form"
    return _time_fault(head)


def _time_fault(value: dict[str, Any]) -> str | None:
    at_utc = value["at_utc"]
    return None if isinstance(at_utc, str) and _TIME.fullmatch(at_utc) else "at_utc is no UTC time in microseconds"


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def signature_fault(context: bytes, value: dict[str, Any], public_key: str) -> str | None:
    """Why the object is not signed by the key; None if it is. The context has a place for the format's number."""
    body = {name: item for name, item in value.items() if name != "signature"}
    holds = signed_by(public_key, value["signature"], context % value["format"] + canonical(body))
    return None if holds else "the signature does not hold"


def payload_fault(line: bytes, entry: dict[str, Any], erased_by: int | None) -> str | None:
    """Why the line is not what the entry commits to, or rightly in its place; None if it is.

    Args:
        line: A line of `custody.payloads`.
        entry: The entry, of format 2.
        erased_by: Number of the entry that ordered this one to be erased, if one did.
    """
    try:
        found = parsed(line, "the line")
    except ValueError as error:
        return str(error)
    if erased_by is not None:
        stone = {"format": 2, "seq": entry["seq"], "erased_by": erased_by}
        return None if line == canonical(stone) else f"entry {erased_by} says that it was erased, and it is there"
    if set(found) == _SEALED:
        return _sealed_fault(line, found, entry)
    return _opening_fault(line, found, entry, entry["payload_sha256"])


def shown_fault(shown: dict[str, Any], entry: dict[str, Any]) -> str | None:
    """Why what a proof shows of a line of `custody.payloads` is not what the entry commits to; None if it is."""
    found = {name: value for name, value in shown.items() if name != "opening"}
    fault = payload_fault(canonical(found), entry, None)
    if fault or (set(found) == _SEALED) is not ("opening" in shown):
        return fault or "it shows a sealed line without its opening, or an opening of none"
    if "opening" not in shown:
        return None
    opening = shown["opening"]
    if not isinstance(opening, dict):
        return "its opening is none"
    return _opening_fault(canonical(opening), opening, entry, found["opening_sha256"])


def _sealed_fault(line: bytes, found: dict[str, Any], entry: dict[str, Any]) -> str | None:
    digest = sha256_hex(b"headwater custody payload 3\n" + line)
    if digest != entry["payload_sha256"] or (found["format"], found["seq"]) != (3, entry["seq"]):
        return "it is not the one that the entry commits to"
    keys = found["keys"]
    named = isinstance(keys, list) and all(isinstance(key, str) and _KEY_ID.fullmatch(key) for key in keys)
    if not named or not keys or keys != sorted(set(keys)) or not is_digest(found["salt"]):
        return "its keys or its salt are of no known form"
    sealed = isinstance(found["sealed"], str) and _HEX.fullmatch(found["sealed"])
    return None if sealed and is_digest(found["opening_sha256"]) else "its sealed text is of no known form"


def _opening_fault(line: bytes, found: dict[str, Any], entry: dict[str, Any], commitment: str) -> str | None:
    if set(found) != _OPENING:
        return "it is no opening, and no entry says that it was erased"
    digest = sha256_hex(b"headwater custody payload 2\n" + line)
    if digest != commitment or (found["format"], found["seq"]) != (2, entry["seq"]):
        return "it is not the one that the entry commits to"
    justification, reason = found["justification"], found["reason"]
    if not isinstance(justification, str) or not isinstance(reason, str):
        return "a text is none"
    if (entry["outcome"] == "done") is bool(reason) or (entry["operation"] and not justification.strip()):
        return "a reason or a justification is missing, or one too many"
    return None
