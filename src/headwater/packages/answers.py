"""What a recipient answers with: a signed receipt that countersigns the custody log's head, and signed outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater import __version__
from headwater.custody import new_file, raw_public_key, signed_document, signed_from
from headwater.errors import ConfigError, IntegrityError
from headwater.packages.archive import decrypted, encrypted
from headwater.packages.guards import check_no_media
from headwater.schema import canonical_json, content_id

__all__ = [
    "age_identity",
    "create_age_identity",
    "outcomes_file",
    "outcomes_from",
    "receipt_file",
    "receipt_from",
]

_RECEIPT, _OUTCOMES = "headwater-receipt", "headwater-outcomes"
_ROLES = ("operator", "receiver")
_IDENTITY_NAME: Final = "age-identity.txt"
_AGE_START = b"age-encryption.org/v1\n"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def create_age_identity(folder: Path) -> str:
    """The public key of a new age identity, whose secret lies in the `private` folder; of the one there, if any."""
    path = folder / "private" / _IDENTITY_NAME
    if path.is_file():
        return str(pyrage.x25519.Identity.from_str(age_identity(folder)).to_public())
    identity = pyrage.x25519.Identity.generate()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new_file(path, f"{identity}\n".encode("ascii"), 0o600)
    return str(identity.to_public())


def age_identity(folder: Path) -> str:
    """The secret key of the age identity in the folder's `private` folder; never to be printed.

    Raises:
        ConfigError: It is missing, damaged, or others may read it.
    """
    path = folder / "private" / _IDENTITY_NAME
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
        pyrage.x25519.Identity.from_str(text)
    except (OSError, UnicodeDecodeError, pyrage.IdentityError):
        raise ConfigError(f"{path}: there is no age identity here; restore it from a backup") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this key; set its mode to 0600 and find out who did")
    return text


def receipt_file(
    *,
    received: Mapping[str, Any],
    sender_key: str,
    custody_head: Mapping[str, Any] | None,
    missing: Sequence[int],
    agency: str,
    operator: str,
    received_at_utc: str,
    operator_key: Ed25519PrivateKey,
    receiver_key: Ed25519PrivateKey,
) -> bytes:
    """A receipt: what was received, and the state of the sender's custody log that its envelope named.

    Args:
        received: `kind` (package or recall), `id`, `sha256` (of the manifest or the notice), `envelope_sha256`,
            `number` (null for a package of version 1).
        sender_key: Public key of the sending case, hex.
        custody_head: `entries` and `root` as the envelope has them; signing the receipt countersigns them.
        missing: Numbers of what was sent before and never came.
        agency: Who received.
        operator: Who took it in.
        received_at_utc: When.
        operator_key: The operator's own key.
        receiver_key: The receiving installation's key.
    """
    body = {
        "format": _RECEIPT,
        "version": 1,
        "received": dict(received),
        "sender_key": sender_key,
        "custody_head": None if custody_head is None else dict(custody_head),
        "missing": list(missing),
        "receiver": {"agency": agency, "public_key": raw_public_key(receiver_key.public_key()).hex()},
        "received_by": {"operator": operator, "public_key": raw_public_key(operator_key.public_key()).hex()},
        "received_at_utc": received_at_utc,
        "tool": "headwater",
        "tool_version": __version__,
    }
    return _answer("rct", "receipt_id", body, operator_key, receiver_key)


def receipt_from(content: bytes) -> dict[str, Any]:
    """The receipt, if it is whole and both signatures hold.

    Raises:
        IntegrityError: It is not.
    """
    receipt = _answer_from(content, _RECEIPT, "rct", "receipt_id", by="received_by")
    received = receipt.get("received")
    fields = {"kind", "id", "sha256", "envelope_sha256", "number"}
    if not isinstance(received, dict) or set(received) != fields or received["kind"] not in {"package", "recall"}:
        raise IntegrityError("receipt: it does not say what was received; ask for another")
    return receipt


def outcomes_file(
    *,
    sender_key: str,
    outcomes: Sequence[Mapping[str, str]],
    agency: str,
    operator: str,
    reported_at_utc: str,
    operator_key: Ed25519PrivateKey,
    receiver_key: Ed25519PrivateKey,
    answer_to: str,
) -> bytes:
    """What became of leads, signed by who reports it, and encrypted where the sender gave a key to answer to.

    Args:
        sender_key: Public key of the case that sent the leads, hex.
        outcomes: Each `lead_id`, `package_id`, `outcome`, `reported_on` (YYYY-MM-DD) and `note`.
        agency: Who reports.
        operator: Who signs.
        reported_at_utc: When.
        operator_key: The operator's own key.
        receiver_key: The receiving installation's key.
        answer_to: age public key of the sender; empty for none.
    """
    body = {
        "format": _OUTCOMES,
        "version": 1,
        "sender_key": sender_key,
        "outcomes": [dict(outcome) for outcome in outcomes],
        "receiver": {"agency": agency, "public_key": raw_public_key(receiver_key.public_key()).hex()},
        "reported_by": {"operator": operator, "public_key": raw_public_key(operator_key.public_key()).hex()},
        "reported_at_utc": reported_at_utc,
        "tool": "headwater",
        "tool_version": __version__,
    }
    content = _answer("ocf", "outcomes_id", body, operator_key, receiver_key)
    check_no_media({"outcomes.json": content}, leaving="outcome file")
    return encrypted(content, answer_to) if answer_to else content


def outcomes_from(content: bytes, identity: str) -> dict[str, Any]:
    """The outcomes, if the file is for this identity, whole, and both signatures hold.

    Args:
        content: The file, encrypted or not.
        identity: The secret key that belongs to the manifest's `answer_to`.

    Raises:
        InputError: It is for another identity.
        IntegrityError: It was altered, or is no such file.
    """
    opened = decrypted(content, identity, name="outcomes.age") if content.startswith(_AGE_START) else content
    report = _answer_from(opened, _OUTCOMES, "ocf", "outcomes_id", by="reported_by")
    rows, fields = report.get("outcomes"), {"lead_id", "package_id", "outcome", "reported_on", "note"}
    for row in rows if isinstance(rows, list) and rows else [{}]:
        texts = isinstance(row, dict) and set(row) == fields and all(isinstance(text, str) for text in row.values())
        if not texts or not _DAY.fullmatch(row["reported_on"]):
            raise IntegrityError("outcomes: a row is not as headwater writes it; ask for another file")
    return report


def _answer(
    prefix: str,
    name: str,
    body: Mapping[str, Any],
    operator_key: Ed25519PrivateKey,
    receiver_key: Ed25519PrivateKey,
) -> bytes:
    named = {**body, name: content_id(prefix, canonical_json(body))}
    return signed_document(named, [("operator", operator_key), ("receiver", receiver_key)])


def _answer_from(content: bytes, document_format: str, prefix: str, name: str, *, by: str) -> dict[str, Any]:
    what = document_format.removeprefix("headwater-")
    try:
        document = signed_from(content, document_format, _ROLES)
        body = {key: value for key, value in document.items() if key not in {name, "signatures"}}
        named = content_id(prefix, canonical_json(body)) == document[name]
        signers = [document[by]["public_key"], document["receiver"]["public_key"]]
        whole = isinstance(document["receiver"]["agency"], str) and isinstance(document["sender_key"], str)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{what}: {error}; it was altered, or is no such file") from None
    if not named or not whole or signers != [entry["public_key"] for entry in document["signatures"]]:
        raise IntegrityError(f"{what}: its id or its signers are of other content; it was altered")
    return document
