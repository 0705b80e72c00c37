"""Texts of entries that may have to be erased: kept beside the log, which holds salted commitments (docs/adr/0039)."""

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
from headwater.schema import canonical_json

__all__ = [
    "PAYLOADS_NAME",
    "bad_opening",
    "bad_payload",
    "erased_entries",
    "payload_digest",
    "payload_line",
    "payloads_without",
    "replace_payloads",
    "with_payload",
]

PAYLOADS_NAME = "custody.payloads"
_FORMAT = 2
_CONTEXT = b"headwater custody payload 2\n"
_SALT_BYTES = 32  # as long as the digest, so that a short text cannot be guessed from its commitment
_ERASED_ID = re.compile(r"entry-(0|[1-9][0-9]*)", re.ASCII)
_OPENING = {"format", "seq", "salt", "justification", "reason"}
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


def payload_digest(line: bytes) -> str:
    """The commitment that an entry holds to the line."""
    return hashlib.sha256(_CONTEXT + line).hexdigest()


def with_payload(entry: Entry, line: bytes) -> Entry:
    """The entry with the texts that its opening holds; as it is, where they were erased."""
    opening = json.loads(line)
    if "salt" not in opening:
        return entry
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


def bad_opening(line: bytes, entry: Entry) -> str | None:
    """Why the line does not open the entry's commitment; None if it does."""
    return _fault(line, entry, None, unfinished=False)


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
    if not spelled or set(found) not in (_OPENING, _STONE):
        return "it is no payload, spelled canonically"
    if set(found) == _STONE:
        stone = {"format": _FORMAT, "seq": entry.seq, "erased_by": erased_by}
        return None if erased_by is not None and canonical_json(stone) == line else "no entry says that it was erased"
    if erased_by is not None and not unfinished:
        return f"entry {erased_by} says that it was erased, and it is there; the next append erases it"
    return _opening_fault(found, line, entry)


def _opening_fault(opening: Mapping[str, Any], line: bytes, entry: Entry) -> str | None:
    texts = [opening["justification"], opening["reason"]]
    if payload_digest(line) != entry.payload_sha256 or opening["seq"] != entry.seq or opening["format"] != _FORMAT:
        return "it is not the one that the entry commits to"
    if not all(isinstance(text, str) for text in texts) or bool(texts[1]) is (entry.outcome == "done"):
        return "its texts do not belong to the entry's outcome"
    if entry.operation and not texts[0].strip():
        return "an operation without a justification"
    return None
