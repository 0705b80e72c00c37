"""Every check that a custody log must pass, each as one result."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.custody.disk import content_of, lines_of
from headwater.custody.entry import (
    FIRST_PREV_HASH,
    Entry,
    Head,
    entry_from_line,
    entry_signature_holds,
    head_from_line,
    head_signature_holds,
    line_digest,
)
from headwater.custody.keys import fingerprint, load_case_public_key
from headwater.custody.merkle import Frontier, leaf_digest
from headwater.custody.payloads import bad_disclosed, bad_payload, destroyed_keys, disclosed, erased_entries
from headwater.custody.state import locked
from headwater.custody.subjects import SubjectKeys
from headwater.custody.witnesses import WITNESSES_NAME, bad_witness

__all__ = ["LOG_CHECKS", "Check", "bad_seals", "verify_log"]

LOG_CHECKS = (
    "custody.log.lines",
    "custody.log.chain",
    "custody.log.first",
    "custody.log.signatures",
    "custody.heads.lines",
    "custody.heads.tree",
    "custody.heads.signatures",
    "custody.heads.complete",
    "custody.payloads",
    "custody.witnesses",
)
"""Every check of a log by name, in order; a test breaks each."""

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether one promise holds.

    Attributes:
        check: Its name.
        ok: Whether it holds.
        first_bad: Where it first fails, and how.
    """

    check: str
    ok: bool
    first_bad: str | None = None


def verify_log(case_dir: Path, public_key: Ed25519PublicKey | None = None) -> list[Check]:
    """Each check of the log in a folder, in a fixed order.

    Args:
        case_dir: The folder with the two files.
        public_key: The case's key, had over another channel; without it, the one in the folder, which whoever can
            replace the log can replace too.

    Raises:
        InputError: The files or the key are not there.
    """
    key = public_key or load_case_public_key(case_dir)
    with locked(case_dir, exclusive=False) as files:
        log_content, heads_content, payloads_content = (content_of(file) for file in files)
        stamps = (case_dir / WITNESSES_NAME).read_bytes() if (case_dir / WITNESSES_NAME).is_file() else b""
    lines, torn = lines_of(log_content)
    head_lines, torn_head = lines_of(heads_content)
    entries, bad_entry = _read(lines, torn, entry_from_line, "entry")
    heads, bad_head = _read(head_lines, torn_head, head_from_line, "tree head")
    if not lines and bad_entry is None:
        bad_entry = "the log holds no entry"
    # What follows the first line that cannot be read says nothing, so the later checks look at the lines before it.
    found = (
        bad_entry,
        _bad_chain(lines, entries),
        _bad_first(entries, key),
        _bad_signature(lines[: len(entries)], key, entry_signature_holds, "entry"),
        bad_head,
        _bad_tree(lines, heads),
        _bad_signature(head_lines[: len(heads)], key, head_signature_holds, "tree head"),
        _bad_count(len(lines), len(head_lines)),
        _bad_payloads(payloads_content, entries),
        bad_witness(stamps, head_lines),
    )
    results = zip(LOG_CHECKS, found, strict=True)
    return [Check(check=name, ok=bad is None, first_bad=bad) for name, bad in results]


def bad_seals(case_dir: Path, keys: SubjectKeys) -> str | None:
    """Where a text about a subject is not as it should be, given the keys; None if all are.

    A key is gone if an entry ordered it, and only then; with it, the text opens and is what the entry commits to.
    """
    with locked(case_dir, exclusive=False) as files:
        lines, payloads = lines_of(content_of(files[0]))[0], lines_of(content_of(files[2]))[0]
    entries, keys = [entry_from_line(line) for line in lines], keys.as_now()
    destroyed, erased, present = destroyed_keys(entries), erased_entries(entries), keys.present()
    for key in sorted(present & destroyed.keys()):
        return f"{key}: entry {destroyed[key]} ordered it to be destroyed, and it is there; the next act destroys it"
    committed = (entry for entry in entries if entry.payload_sha256)
    for line, entry in zip(payloads, committed, strict=False):
        found = json.loads(line)
        if "sealed" not in found or entry.seq in erased or destroyed.keys() & set(found["keys"]):
            continue
        for key in found["keys"]:
            if key not in present:
                return f"entry {entry.seq}: {key} is gone, and no entry ordered it to be destroyed"
        try:
            shown = disclosed(line, keys)
        except ValueError as error:
            return f"entry {entry.seq}: {error}"
        fault = None if shown is None else bad_disclosed(shown, entry)
        if fault:
            return f"entry {entry.seq}: {fault}"
    return None


def _read(
    lines: Sequence[bytes], torn: bytes, reader: Callable[[bytes], _Read], what: str
) -> tuple[list[_Read], str | None]:
    """What the lines hold up to the first that cannot be read, and where and why that is."""
    read: list[_Read] = []
    offset_bytes = 0
    for index, line in enumerate(lines):
        try:
            read.append(reader(line))
        except ValueError as error:
            return read, f"{what} {index} (byte {offset_bytes}): {error}"
        offset_bytes += len(line) + 1
    if torn:
        words = f"{len(torn)} bytes without a line end, as a crash leaves them; the next append sets them apart"
        return read, f"after {what} {len(lines) - 1} (byte {offset_bytes}): {words}"
    return read, None


def _bad_chain(lines: Sequence[bytes], entries: Sequence[Entry]) -> str | None:
    expected = FIRST_PREV_HASH
    newest = 0
    for index, entry in enumerate(entries):
        if entry.seq != index:
            return f"entry {index}: it says it is entry {entry.seq}"
        if entry.prev_hash != expected:
            return f"entry {index}: it does not name the line before it"
        if entry.format < newest:
            return f"entry {index}: it is of format {entry.format}, after one of format {newest}"
        expected, newest = line_digest(lines[index]), entry.format
    return None


def _bad_first(entries: Sequence[Entry], key: Ed25519PublicKey) -> str | None:
    for index, entry in enumerate(entries):
        if (entry.event == "created") != (index == 0):
            return f"entry {index}: a log begins with 'created', once"
    if entries and entries[0].input_digests.get("signing_key") != fingerprint(key):
        return "entry 0: the log was begun with another signing key"
    return None


def _bad_signature(
    lines: Sequence[bytes], key: Ed25519PublicKey, holds: Callable[[bytes, Ed25519PublicKey], bool], what: str
) -> str | None:
    return next(
        (f"{what} {n}: the signature does not hold" for n, line in enumerate(lines) if not holds(line, key)), None
    )


def _bad_tree(lines: Sequence[bytes], heads: Sequence[Head]) -> str | None:
    tree = Frontier()
    for index, (line, head) in enumerate(zip(lines, heads, strict=False)):
        tree.add(leaf_digest(line))
        if head.entries != index + 1:
            return f"tree head {index}: it is of {head.entries} entries"
        if head.root != tree.root().hex():
            return f"tree head {index}: its root is not that of the entries up to {index}"
    return None


def _bad_count(entries: int, heads: int) -> str | None:
    if heads > entries:
        return f"entry {entries}: the heads name {heads} entries and the log has {entries}: its end was cut off"
    if heads < entries:
        return f"tree head {heads}: the log has {entries} entries and {heads} heads: a crash, or their end was cut off"
    return None


def _bad_payloads(content: bytes, entries: Sequence[Entry]) -> str | None:
    lines, torn = lines_of(content)
    if torn:
        return f"payload {len(lines)}: {len(torn)} bytes without a line end; the next append removes them"
    return bad_payload(lines, entries)
