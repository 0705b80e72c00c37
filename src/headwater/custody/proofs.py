"""Proofs that verify without the log: that an entry is in it, and that a log is the beginning of a longer one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.custody.disk import content_of, lines_of
from headwater.custody.entry import (
    Head,
    entry_from_line,
    entry_signature_holds,
    head_from_line,
    head_signature_holds,
)
from headwater.custody.keys import load_case_public_key, raw_public_key
from headwater.custody.merkle import (
    consistency_path,
    inclusion_path,
    leaf_digest,
    root_by_inclusion,
    roots_by_consistency,
)
from headwater.custody.payloads import bad_disclosed, disclosed
from headwater.custody.state import locked
from headwater.custody.subjects import KEYS_FOLDER, SubjectKeys
from headwater.custody.verify import Check
from headwater.errors import InputError, IntegrityError
from headwater.schema import canonical_json

__all__ = ["consistency_proof", "head_of", "inclusion_proof", "verify_proof"]

_INCLUSION = "headwater-inclusion-proof"
_CONSISTENCY = "headwater-consistency-proof"
_VERSION = 1
_FIELDS = {
    _INCLUSION: {"format", "version", "public_key", "head", "path", "entry", "payload"},
    _CONSISTENCY: {"format", "version", "public_key", "head", "path", "first"},
}
_MALFORMED = (ValueError, KeyError, TypeError, IndexError, RecursionError)


def inclusion_proof(
    case_dir: Path, seq: int, *, with_texts: bool = True, subject_keys: SubjectKeys | None = None
) -> bytes:
    """A document that shows one entry to be in the log that the last tree head covers, and nothing else of the log.

    Args:
        case_dir: The case.
        seq: Number of the entry.
        with_texts: Also disclose what the entry commits to, where it was not erased.
        subject_keys: The keys of subjects; None for those in the case folder.

    Raises:
        InputError: There is no such entry.
        IntegrityError: The log has no tree head of all its entries.
    """
    lines, head, payloads = _content(case_dir)
    if not 0 <= seq < len(lines):
        raise InputError(f"entry {seq}", f"there is none; the log has {len(lines)}", remedy="number them from 0")
    committed = [number for number, line in enumerate(lines) if entry_from_line(line).payload_sha256]
    shown = None
    if with_texts and seq in committed:
        shown = disclosed(payloads[committed.index(seq)], subject_keys or SubjectKeys(case_dir / KEYS_FOLDER))
    return _document(
        case_dir,
        _INCLUSION,
        head,
        inclusion_path([leaf_digest(line) for line in lines], seq),
        entry=json.loads(lines[seq]),
        payload=shown,
    )


def consistency_proof(case_dir: Path, entries: int, root: str) -> bytes:
    """A document that shows the log with this root to be the beginning of the log that the last tree head covers.

    Args:
        case_dir: The case.
        entries: Entries of the shorter log, as its tree head says.
        root: Its root, in hex.

    Raises:
        InputError: The log has fewer entries.
        IntegrityError: It does not begin with that log, or has no tree head of all its entries.
    """
    lines, head, _ = _content(case_dir)
    if not 1 <= entries <= len(lines):
        reason = (
            f"it names {entries} entries and the log has {len(lines)}: its end was cut off, or it is of another log"
        )
        raise InputError(f"tree head {entries}:{root}", reason, remedy="compare with the head as it was kept")
    leaves = [leaf_digest(line) for line in lines]
    path = consistency_path(leaves, entries)
    proof = _document(case_dir, _CONSISTENCY, head, path, first={"entries": entries, "root": root})
    bad = next((check for check in verify_proof(proof) if not check.ok), None)
    if bad is not None:
        raise IntegrityError(
            f"{case_dir}: the log does not begin with the {entries} entries of that root; find out why"
        )
    return proof


def head_of(case_dir: Path, entries: int) -> Head:
    """The signed tree head of the first so many entries.

    Raises:
        InputError: The log is shorter.
    """
    with locked(case_dir, exclusive=False) as files:
        lines, _ = lines_of(content_of(files[1]))
    if not 1 <= entries <= len(lines):
        raise InputError(f"tree head {entries}", f"there is none; the log has {len(lines)}")
    return head_from_line(lines[entries - 1])


def verify_proof(content: bytes, public_key: Ed25519PublicKey | None = None) -> list[Check]:
    """Each check of a proof, in a fixed order.

    Args:
        content: The document.
        public_key: The case's key, had over another channel; without it, the one that the document names.
    """
    try:
        document = json.loads(content)
        form = isinstance(document, dict) and canonical_json(document) + b"\n" == content
        form = form and document["version"] == _VERSION and document["version"] is not True
        form = form and set(document) == _FIELDS[document["format"]]
        head_line = canonical_json(document["head"])
        head = head_from_line(head_line)
        key = Ed25519PublicKey.from_public_bytes(_digest(document["public_key"]))
        path = [_digest(text) for text in document["path"]]
        bad_path, bad_entry = _bad_path(document, head.entries, bytes.fromhex(head.root), path), None
        if form and document["format"] == _INCLUSION:
            bad_entry = _bad_entry(document, key)
    except _MALFORMED as error:
        return [Check(check="proof.form", ok=False, first_bad=f"it is no proof: {error}")]
    given = None if public_key is None else raw_public_key(public_key)
    results = [
        ("proof.form", None if form else "it is not spelled as headwater spells it"),
        ("proof.key", "it is of another key" if given not in {None, raw_public_key(key)} else None),
        ("proof.head", None if head_signature_holds(head_line, key) else "the tree head's signature does not hold"),
        ("proof.path", bad_path),
    ]
    if document["format"] == _INCLUSION:
        results.append(("proof.entry", bad_entry))
    return [Check(check=name, ok=bad is None, first_bad=bad) for name, bad in results]


def _content(case_dir: Path) -> tuple[list[bytes], bytes, list[bytes]]:
    """The entries, the head that covers all of them, and the payloads."""
    with locked(case_dir, exclusive=False) as files:
        contents = [lines_of(content_of(file))[0] for file in files]
    lines, heads, payloads = contents
    if not lines or len(lines) != len(heads):
        raise IntegrityError(f"{case_dir}: the log has no tree head of all its entries; run 'headwater verify' on it")
    return lines, heads[-1], payloads


def _document(case_dir: Path, form: str, head: bytes, path: Sequence[bytes], **others: object) -> bytes:
    document: dict[str, Any] = {
        "format": form,
        "version": _VERSION,
        "public_key": raw_public_key(load_case_public_key(case_dir)).hex(),
        "head": json.loads(head),
        "path": [digest.hex() for digest in path],
        **others,
    }
    return canonical_json(document) + b"\n"


def _bad_path(document: dict[str, Any], entries: int, root: bytes, path: Sequence[bytes]) -> str | None:
    if document["format"] == _INCLUSION:
        leaf = leaf_digest(canonical_json(document["entry"]))
        found = root_by_inclusion(leaf, document["entry"]["seq"], entries, path)
        return None if found == root else "the entry is not in the log that the tree head covers"
    first = document["first"]
    if set(first) != {"entries", "root"} or isinstance(first["entries"], bool):
        return "it names no shorter log"
    first_root = _digest(first["root"])
    found_roots = roots_by_consistency(first["entries"], entries, first_root, path)
    return None if found_roots == (first_root, root) else "the shorter log is not the beginning of the longer one"


def _bad_entry(document: dict[str, Any], key: Ed25519PublicKey) -> str | None:
    line = canonical_json(document["entry"])
    entry = entry_from_line(line)
    if not entry_signature_holds(line, key):
        return "the entry's signature does not hold"
    return None if document["payload"] is None else bad_disclosed(document["payload"], entry)


def _digest(text: object) -> bytes:
    if not isinstance(text, str) or len(text) != 64 or text != text.lower():
        raise ValueError("a digest is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)
