"""Erasures of subjects: the list of who is withheld, kept beside the log, and the receipt (docs/adr/0041)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headwater.custody.disk import append_bytes, lines_of, sync_directory
from headwater.custody.entry import Entry, entry_from_line
from headwater.custody.proofs import verify_proof
from headwater.custody.verify import Check
from headwater.errors import IntegrityError
from headwater.schema import canonical_json

__all__ = [
    "ERASURES_NAME",
    "ErasedSubject",
    "add_erased",
    "bad_erasures",
    "body_digest",
    "erased_subjects",
    "erasure_receipt",
    "new_salt",
    "subject_commitment",
    "verify_document",
]

ERASURES_NAME = "custody.erasures"
_FORMAT = 1
_RECEIPT = "headwater-erasure-receipt"
_VERSION = 1
_CONTEXT = b"headwater custody subject 1\n"
_BODY = {"subject", "legal_basis", "erased_by", "keys", "texts", "entries", "judgements", "left", "withheld"}
_SUBJECT_ID = re.compile(r"subject-([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedSubject:
    """Whom an erasure was about, which the log and the receipt only commit to.

    Attributes:
        subject_id: The id of a row, as of an account or a record.
        salt: 32 random bytes in hex.
        ids: Ids of all the rows that are about the subject; they are withheld.
        body: What the receipt says.
    """

    subject_id: str
    salt: str
    ids: tuple[str, ...]
    body: Mapping[str, Any]

    @property
    def commitment(self) -> str:
        """What log and receipt name the subject by."""
        return subject_commitment(self.subject_id, self.salt)


def new_salt() -> str:
    """32 random bytes in hex."""
    return secrets.token_hex(32)


def subject_commitment(subject_id: str, salt: str) -> str:
    """SHA-256 over salt and id, in hex: without the salt, nobody can try ids against it."""
    return hashlib.sha256(_CONTEXT + f"{salt}\n{subject_id}".encode()).hexdigest()


def add_erased(case_dir: Path, subject: ErasedSubject) -> None:
    """Put the subject on the list; from then on its rows are withheld."""
    fields: dict[str, Any] = {"format": _FORMAT, **asdict(subject), "ids": list(subject.ids)}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    path = case_dir / ERASURES_NAME
    descriptor = os.open(path, flags, 0o600)
    try:
        end = path.read_bytes()[-1:]
        # A line that a crash cut short says nothing that was acknowledged, and gets an end of its own.
        append_bytes(descriptor, (b"" if end in {b"", b"\n"} else b"\n") + canonical_json(fields) + b"\n")
    finally:
        os.close(descriptor)
    sync_directory(case_dir)


def erased_subjects(case_dir: Path) -> list[ErasedSubject]:
    """The subjects that are withheld, in order; of one that was erased twice, both lines.

    Raises:
        IntegrityError: The list was altered.
    """
    path = case_dir / ERASURES_NAME
    if not path.is_file():
        return []
    lines, _ = lines_of(path.read_bytes())
    subjects = []
    for number, line in enumerate(lines):
        try:
            found: Any = json.loads(line)
            spelled = canonical_json(found) == line and found.pop("format") == _FORMAT
            subject = ErasedSubject(**{**found, "ids": tuple(found["ids"])})
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if number < len(lines) - 1 and not line.endswith(b"}"):
                continue  # cut short by a crash, and ended by the next
            spelled, subject = False, None
        if not spelled or subject is None:
            raise IntegrityError(f"{path}: line {number} is no erased subject; find out who changed it")
        subjects.append(subject)
    return subjects


def bad_erasures(case_dir: Path, entries: Sequence[Entry]) -> str | None:
    """Where an erasure in the log has lost its subject, so that nothing of it is withheld; None if none has."""
    listed = {(subject.commitment, body_digest(subject.body)) for subject in erased_subjects(case_dir)}
    for entry in entries:
        if entry.event == "erased" and entry.outcome == "done":
            for name in entry.object_ids:
                found = _SUBJECT_ID.fullmatch(name)
                if found and (found[1], entry.output_digests.get("receipt")) not in listed:
                    return f"entry {entry.seq}: {ERASURES_NAME} does not say whom it erased, or was altered"
    return None


def body_digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of what a receipt says; the entry holds it."""
    return hashlib.sha256(canonical_json(dict(body))).hexdigest()


def erasure_receipt(body: Mapping[str, Any], proof: bytes) -> bytes:
    """The receipt: what was erased, and the proof of the entry whose signature covers it."""
    document = {"format": _RECEIPT, "version": _VERSION, "body": dict(body), "proof": json.loads(proof)}
    return canonical_json(document) + b"\n"


def verify_document(content: bytes) -> list[Check]:
    """Each check of a proof, or of a receipt, in a fixed order; of a receipt, those of its proof come first."""
    try:
        document = json.loads(content)
        is_receipt = document["format"] == _RECEIPT
    except (ValueError, KeyError, TypeError, RecursionError):
        is_receipt = False
    if not is_receipt:
        return verify_proof(content)
    try:
        spelled = canonical_json(document) + b"\n" == content and document["version"] == _VERSION
        whole = spelled and set(document) == {"format", "version", "body", "proof"}
        proof = canonical_json(document["proof"]) + b"\n"
        bad = _bad_body(document["body"], entry_from_line(canonical_json(document["proof"]["entry"])))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return [Check(check="receipt.form", ok=False, first_bad=f"it is no receipt: {error}")]
    return [
        Check(check="receipt.form", ok=whole, first_bad=None if whole else "it is not spelled as headwater spells it"),
        *verify_proof(proof),
        Check(check="receipt.body", ok=bad is None, first_bad=bad),
    ]


def _bad_body(body: Mapping[str, Any], entry: Entry) -> str | None:
    if set(body) != _BODY or (entry.event, entry.outcome) != ("erased", "done"):
        return "it says other things than a receipt, or its entry erased nothing"
    if entry.output_digests.get("receipt") != body_digest(body):
        return "it is not what the entry recorded"
    ordered = {f"subject-{body['subject']}", *body["keys"], *(f"entry-{number}" for number in body["entries"])}
    return None if ordered == set(entry.object_ids) else "the entry ordered something else to be erased"
