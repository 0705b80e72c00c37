"""Texts of entries that may have to be erased: kept beside the log, which holds salted commitments (docs/adr/0039).

Those about a subject are sealed under that subject's key (docs/adr/0041).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from headwater.custody.disk import append_bytes, sync_directory
from headwater.custody.entry import Entry
from headwater.custody.subjects import SubjectKeys, sealed_fault
from headwater.schema import canonical_json

__all__ = [
    "PAYLOADS_NAME",
    "bad_disclosed",
    "bad_payload",
    "destroyed_keys",
    "disclosed",
    "erased_entries",
    "is_erasure_of",
    "opening_of",
    "payload_digest",
    "payload_line",
    "payloads_without",
    "replace_payloads",
    "sealed_line",
    "with_payload",
]

PAYLOADS_NAME = "custody.payloads"
_FORMAT = 2
_SEALED_FORMAT = 3
_CONTEXT = b"headwater custody payload %d\n"
_SALT_BYTES = 32  # as long as the digest, so that a short text cannot be guessed from its commitment
_ERASED_ID = re.compile(r"entry-(0|[1-9][0-9]*)", re.ASCII)
_DESTROYED_ID = re.compile(r"key-[0-9a-f]{32}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_OPENING = {"format", "seq", "salt", "justification", "reason"}
_SEALED = {"format", "seq", "keys", "salt", "sealed", "opening_sha256"}
_STONE = {"format", "seq", "erased_by"}


def payload_line(*, seq: int, justification: str, reason: str) -> bytes:
    """The opening of an entry's commitment, with a salt of its own, without its line feed."""
    return canonical_json(
        {
            "format": _FORMAT,
            "seq": seq,
            "salt": secrets.token_hex(_SALT_BYTES),
            "justification": justification,
            "reason": reason,
        }
    )


def sealed_line(opening: bytes, seq: int, subjects: Collection[str], keys: SubjectKeys) -> bytes:
    """The opening under the keys of the subjects that its texts are about, without its line feed."""
    sealed = keys.sealed(opening, subjects, _place(seq))
    commitment = {"opening_sha256": payload_digest(opening)}
    return canonical_json({"format": _SEALED_FORMAT, "seq": seq, **sealed, **commitment})


def payload_digest(line: bytes) -> str:
    """The commitment that an entry holds to the line."""
    number = _SEALED_FORMAT if "sealed" in json.loads(line) else _FORMAT
    return hashlib.sha256(_CONTEXT % number + line).hexdigest()


def opening_of(line: bytes, keys: SubjectKeys | None) -> bytes | None:
    """The opening that a line holds; None where it was erased, or a key to it is gone or not given.

    Raises:
        ValueError: It is not what was sealed there.
    """
    found = json.loads(line)
    if "sealed" in found:
        return None if keys is None else keys.opened(found, _place(found["seq"]))
    return line if "salt" in found else None


def disclosed(line: bytes, keys: SubjectKeys | None) -> dict[str, Any] | None:
    """What a proof shows of a line: its opening; if that is sealed, the line with its opening; None if it is gone."""
    opening = opening_of(line, keys)
    if opening is None:
        return None
    found: dict[str, Any] = json.loads(line)
    return {**found, "opening": json.loads(opening)} if "sealed" in found else found


def with_payload(entry: Entry, line: bytes, keys: SubjectKeys | None = None) -> Entry:
    """The entry with the texts that its opening holds; as it is, where they were erased."""
    content = opening_of(line, keys)
    if content is None:
        return entry
    opening = json.loads(content)
    outcome = entry.outcome if entry.outcome == "done" else f"{entry.outcome}: {opening['reason']}"
    return dataclasses.replace(entry, justification=opening["justification"], outcome=outcome)


def erased_entries(entries: Sequence[Entry]) -> dict[int, int]:
    """Number of each entry whose texts were ordered to be erased, and of the entry that ordered it first."""
    erased: dict[int, int] = {}
    for order in entries:
        if order.event == "erased" and order.outcome == "done":
            for name in order.object_ids:
                if found := _ERASED_ID.fullmatch(name):
                    erased.setdefault(int(found[1]), order.seq)
    return erased


def destroyed_keys(entries: Sequence[Entry]) -> dict[str, int]:
    """Id of each key that was ordered to be destroyed, and number of the entry that ordered it first."""
    destroyed: dict[str, int] = {}
    for order in entries:
        if order.event == "erased" and order.outcome == "done":
            for name in order.object_ids:
                if _DESTROYED_ID.fullmatch(name):
                    destroyed.setdefault(name, order.seq)
    return destroyed


def is_erasure_of(order: Mapping[str, Any], seq: int) -> bool:
    """Whether an entry, as an object, ordered the texts of another erased, or keys destroyed that may have been theirs.

    Which keys a text was sealed under, an entry does not say; the log's own check looks at that.
    """
    if (order["event"], order["outcome"]) != ("erased", "done"):
        return False
    return f"entry-{seq}" in order["object_ids"] or any(_DESTROYED_ID.fullmatch(name) for name in order["object_ids"])


def bad_payload(lines: Sequence[bytes], entries: Sequence[Entry], *, unfinished: bool = False) -> str | None:
    """Where the openings first do not belong to the entries, and why.

    Args:
        lines: Of the file, without line feeds.
        entries: Of the log.
        unfinished: Accept what an erasure that was interrupted leaves: texts that were ordered to be erased.
    """
    committed = [entry for entry in entries if entry.format >= _FORMAT]
    erased = erased_entries(entries)
    for number, (line, entry) in enumerate(zip(lines, committed, strict=False)):
        fault = _fault(line, entry, erased.get(entry.seq), unfinished=unfinished)
        if fault:
            return f"payload {number} (entry {entry.seq}): {fault}"
    if len(lines) < len(committed):
        return f"entry {committed[len(lines)].seq}: its payload is missing, and no entry says that it was erased"
    if len(lines) > len(committed):
        return f"payload {len(committed)}: it is of no entry, as a crash leaves it; the next append removes it"
    return None


def bad_disclosed(found: Mapping[str, Any], entry: Entry) -> str | None:
    """Why what a proof shows does not open the entry's commitment; None if it does."""
    line = canonical_json({name: value for name, value in found.items() if name != "opening"})
    fault = _fault(line, entry, None, unfinished=False)
    if fault or ("sealed" in found) is not ("opening" in found):
        return fault or "it is no payload that a proof shows"
    if "opening" not in found:
        return None
    opening = found["opening"]
    if not isinstance(opening, dict) or set(opening) != _OPENING:
        return "its opening is none"
    content = canonical_json(opening)
    if payload_digest(content) != found["opening_sha256"]:
        return "its opening is not the one that was sealed"
    return _texts_fault(opening, entry)


def payloads_without(lines: Sequence[bytes], erased: Mapping[int, int]) -> list[bytes]:
    """The lines, with a tombstone for each that was erased."""
    kept = []
    for line in lines:
        seq = json.loads(line)["seq"]
        stone = {"format": _FORMAT, "seq": seq, "erased_by": erased.get(seq)}
        kept.append(canonical_json(stone) if seq in erased else line)
    return kept


def replace_payloads(case_dir: Path, lines: Collection[bytes], opened: int) -> None:
    """Write the file anew, overwrite the bytes of the one that it replaces, and let `opened` be of the new one."""
    path, new = case_dir / PAYLOADS_NAME, case_dir / (PAYLOADS_NAME + ".new")
    # Opened before it loses its name; a crash after that leaves its bytes to the file system.
    old = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            append_bytes(descriptor, b"".join(line + b"\n" for line in lines))
        finally:
            os.close(descriptor)
        new.rename(path)
        sync_directory(case_dir)
        size_bytes = os.fstat(old).st_size
        os.lseek(old, 0, os.SEEK_SET)
        append_bytes(old, bytes(size_bytes))  # what a medium keeps of its own accord, this cannot reach
    finally:
        os.close(old)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    os.dup2(descriptor, opened, inheritable=False)
    os.close(descriptor)


def _fault(line: bytes, entry: Entry, erased_by: int | None, *, unfinished: bool) -> str | None:
    try:
        found: Any = json.loads(line)
        spelled = isinstance(found, dict) and canonical_json(found) == line
    except (ValueError, TypeError, RecursionError):
        spelled = False
    if not spelled or set(found) not in (_OPENING, _SEALED, _STONE):
        return "it is no payload, spelled canonically"
    if set(found) == _STONE:
        stone = {"format": _FORMAT, "seq": entry.seq, "erased_by": erased_by}
        return None if erased_by is not None and canonical_json(stone) == line else "no entry says that it was erased"
    if erased_by is not None and not unfinished:
        return f"entry {erased_by} says that it was erased, and it is there; the next append erases it"
    number = _SEALED_FORMAT if set(found) == _SEALED else _FORMAT
    if payload_digest(line) != entry.payload_sha256 or found["seq"] != entry.seq or found["format"] != number:
        return "it is not the one that the entry commits to"
    return _texts_fault(found, entry) if number == _FORMAT else _sealed_fault(found)


def _texts_fault(opening: Mapping[str, Any], entry: Entry) -> str | None:
    texts = [opening["justification"], opening["reason"]]
    if not all(isinstance(text, str) for text in texts) or bool(texts[1]) is (entry.outcome == "done"):
        return "its texts do not belong to the entry's outcome"
    if entry.operation and not texts[0].strip():
        return "an operation without a justification"
    return None if (opening["format"], opening["seq"]) == (_FORMAT, entry.seq) else "it is of another entry"


def _sealed_fault(found: Mapping[str, Any]) -> str | None:
    """What can be said without the keys; with them, `bad_seals` says the rest."""
    commitment = found["opening_sha256"]
    if not isinstance(commitment, str) or not _DIGEST.fullmatch(commitment):
        return "its commitment is no SHA-256 in hex"
    return sealed_fault(found)


def _place(seq: int) -> bytes:
    return b"custody payload %d\n" % seq
