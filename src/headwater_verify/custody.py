"""A custody log, checked from its files alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from headwater_verify.checks import Check, canonical, is_digest, parsed, sha256_hex, signed_by
from headwater_verify.timestamps import bad_witness

__all__ = ["Witness", "custody_checks", "entry_fault", "head_fault", "payload_fault", "shown_fault", "signature_fault"]

Witness = tuple[int, str]
"""Entries and root of a tree head that somebody else kept."""

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
_ERASED_ID = re.compile(r"entry-(0|[1-9][0-9]*)", re.ASCII)


def custody_checks(
    log: bytes,
    heads: bytes,
    payloads: bytes,
    public_key: str,
    witnesses: Sequence[Witness] = (),
    stamps: bytes = b"",
) -> list[Check]:
    """Each check of the log, in a fixed order.

    Args:
        log: Content of `custody.log`.
        heads: Content of `custody.heads`.
        payloads: Content of `custody.payloads`; empty for a log of format 1, which has none.
        public_key: The case's key, 32 bytes in hex.
        witnesses: Tree heads kept elsewhere; the log must begin with just those entries.
        stamps: Content of `custody.witnesses`; empty if no authority was asked.
    """
    lines, entries, bad_line = _objects(log, "entry", entry_fault)
    head_lines, stated, bad_head = _objects(heads, "tree head", head_fault)
    if not lines and bad_line is None:
        bad_line = "the log holds no entry"
    roots = list(_roots(lines))
    return [
        Check(check="custody.log.lines", first_bad=bad_line),
        Check(check="custody.log.chain", first_bad=_bad_chain(lines, entries)),
        Check(check="custody.log.first", first_bad=_bad_first(entries, public_key)),
        Check(
            check="custody.log.signatures",
            first_bad=_bad_signature(b"headwater custody entry %d\n", entries, public_key, "entry"),
        ),
        Check(check="custody.heads.lines", first_bad=bad_head),
        Check(check="custody.heads.tree", first_bad=_bad_root(stated, roots)),
        Check(
            check="custody.heads.signatures",
            first_bad=_bad_signature(b"headwater custody tree head %d\n", stated, public_key, "tree head"),
        ),
        Check(check="custody.heads.complete", first_bad=_bad_count(len(lines), len(head_lines))),
        Check(check="custody.payloads", first_bad=_bad_payload(payloads, entries)),
        Check(check="custody.witnesses", first_bad=bad_witness(stamps, head_lines)),
        *(Check(check="custody.witness", first_bad=_bad_witness(witness, roots)) for witness in sorted(set(witnesses))),
    ]


def _objects(content: bytes, what: str, fault: Any) -> tuple[list[bytes], list[dict[str, Any]], str | None]:  # noqa: ANN401 - a function of this module
    """The whole lines, their objects up to the first bad one, and where and why that is bad."""
    *lines, rest = content.split(b"\n")
    objects: list[dict[str, Any]] = []
    offset_bytes = 0
    for number, line in enumerate(lines):
        place = f"{what} {number} (byte {offset_bytes})"
        try:
            value = parsed(line, "the line")
            reason = fault(value)
        except ValueError as error:
            reason = str(error)
        if reason:
            return lines, objects, f"{place}: {reason}"
        objects.append(value)
        offset_bytes += len(line) + 1
    if rest:
        return (
            lines,
            objects,
            f"after {what} {len(lines) - 1} (byte {offset_bytes}): {len(rest)} bytes without a line end",
        )
    return lines, objects, None


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


def _bad_chain(lines: Sequence[bytes], entries: Sequence[dict[str, Any]]) -> str | None:
    newest = 0
    for number, entry in enumerate(entries):
        if entry["format"] < newest:
            return f"entry {number}: it is of an older format than the one before it"
        newest = entry["format"]
        before = sha256_hex(lines[number - 1]) if number else "0" * 64
        if (entry["seq"], entry["prev_hash"]) != (number, before):
            return f"entry {number}: it does not follow the line before it"
    return None


def _bad_first(entries: Sequence[dict[str, Any]], public_key: str) -> str | None:
    for number, entry in enumerate(entries):
        if (entry["event"] == "created") is not (number == 0):
            return f"entry {number}: a log begins with 'created', once"
    if entries and entries[0]["input_digests"].get("signing_key") != sha256_hex(bytes.fromhex(public_key)):
        return "entry 0: the log was begun with another signing key"
    return None


def _bad_signature(context: bytes, objects: Sequence[dict[str, Any]], public_key: str, what: str) -> str | None:
    for number, value in enumerate(objects):
        if fault := signature_fault(context, value, public_key):
            return f"{what} {number}: {fault}"
    return None


def signature_fault(context: bytes, value: dict[str, Any], public_key: str) -> str | None:
    """Why the object is not signed by the key; None if it is. The context has a place for the format's number."""
    body = {name: item for name, item in value.items() if name != "signature"}
    holds = signed_by(public_key, value["signature"], context % value["format"] + canonical(body))
    return None if holds else "the signature does not hold"


def _roots(lines: Sequence[bytes]) -> Iterator[str]:
    """The RFC 9162 root after each line.

    After n leaves the complete subtrees are those of the bits set in n, so adding leaf n joins as many of them as n has
    ones at its end.
    """
    whole: list[bytes] = []
    for number, line in enumerate(lines):
        digest = hashlib.sha256(b"\x00" + line).digest()
        joined = number
        while joined & 1:
            digest = hashlib.sha256(b"\x01" + whole.pop() + digest).digest()
            joined >>= 1
        whole.append(digest)
        root = whole[-1]
        for left in whole[-2::-1]:
            root = hashlib.sha256(b"\x01" + left + root).digest()
        yield root.hex()


def _bad_root(heads: Sequence[dict[str, Any]], roots: Sequence[str]) -> str | None:
    for number, (head, root) in enumerate(zip(heads, roots, strict=False)):
        if (head["entries"], head["root"]) != (number + 1, root):
            return f"tree head {number}: it is not that of the entries up to {number}"
    return None


def _bad_count(entries: int, heads: int) -> str | None:
    if entries == heads:
        return None
    counts = f"{entries} entries and {heads} tree heads"
    return f"entry {min(entries, heads)}: there are {counts}: a crash, or an end was cut off"


def _bad_witness(witness: Witness, roots: Sequence[str]) -> str | None:
    entries, root = witness
    if entries < 1 or entries > len(roots):
        return (
            f"entry {len(roots)}: the witness saw {entries} entries and the log has {len(roots)}: its end was cut off"
        )
    if roots[entries - 1] != root:
        return f"entry {entries - 1} or one before it: it is not the log that the witness saw"
    return None


def _bad_payload(content: bytes, entries: Sequence[dict[str, Any]]) -> str | None:
    *lines, rest = content.split(b"\n")
    if rest:
        return f"payload {len(lines)}: {len(rest)} bytes without a line end"
    committed = [entry for entry in entries if entry["format"] == 2]
    erased = _erased(entries)
    for number, (line, entry) in enumerate(zip(lines, committed, strict=False)):
        if fault := payload_fault(line, entry, erased.get(entry["seq"])):
            return f"payload {number} (entry {entry['seq']}): {fault}"
    if len(lines) != len(committed):
        counts = f"{len(lines)} payloads for {len(committed)} entries of format 2"
        return f"payload {min(len(lines), len(committed))}: there are {counts}"
    return None


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


def _erased(entries: Sequence[dict[str, Any]]) -> dict[int, int]:
    erased: dict[int, int] = {}
    for entry in entries:
        if (entry["event"], entry["outcome"]) == ("erased", "done"):
            for name in entry["object_ids"]:
                if found := _ERASED_ID.fullmatch(name):
                    erased.setdefault(int(found[1]), entry["seq"])
    return erased
