"""The signed documents of a package, and the only spelling each of them has (docs/adr/0004, docs/adr/0040)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater.custody import raw_public_key, spelled_document
from headwater.schema import canonical_json, content_id

__all__ = [
    "APPROVAL_NAME",
    "CIPHERTEXT_NAME",
    "DRAFT_FOLDER",
    "ENVELOPE_NAME",
    "EXTRACT_NAME",
    "FORMAT_VERSION",
    "MANIFEST_NAME",
    "RECORD_FOLDER",
    "REPORT_NAME",
    "SEALED_FOLDER",
    "SIGNATURES_NAME",
    "document_from",
    "envelope_bytes",
    "envelope_signature_holds",
    "package_id_of",
    "place_is_known",
    "sha256_hex",
    "signature_entry",
    "signature_holds",
    "terms_fault",
]

FORMAT_VERSION = 3
"""What is written; packages of versions 1 and 2 are read for good (docs/adr/0040, docs/adr/0047)."""
EXTRACT_NAME = "disclosure_custody.json"
MANIFEST_NAME = "manifest.json"
APPROVAL_NAME = "approval.json"
SIGNATURES_NAME = "signatures.json"
REPORT_NAME = "report.pdf"
CIPHERTEXT_NAME = "package.age"
ENVELOPE_NAME = "envelope.json"
DRAFT_FOLDER = "draft"
SEALED_FOLDER = "sealed"
"""What is sent: `package.age` and `envelope.json`."""
RECORD_FOLDER = "record"
"""The plaintext as it was released, which stays in the case."""

_VERSIONS = (1, 2, 3)
_SIGNATURE_CONTEXT = b"headwater package signature %d\n"
_ENVELOPE_CONTEXT = b"headwater package envelope %d\n"
_KEY_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE_HEX = re.compile(r"[0-9a-f]{128}", re.ASCII)
_TERMS = ("country", "recipient", "handling_code", "legal_basis", "onward_transfer", "purpose")


def sha256_hex(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def package_id_of(manifest: Mapping[str, Any]) -> str:
    """The id that a manifest's content gives the package.

    The report prints the id, so its own digest cannot be part of it.
    """
    files = [file for file in manifest["files"] if file["name"] != REPORT_NAME]
    if manifest["version"] == 1:
        names = ("case", "country", "recipient", "author", "drafted_at_utc", "leads")
        listed = [[file["name"], file["sha256"]] for file in files]
        return content_id("pkg", canonical_json({**{name: manifest[name] for name in names}, "files": listed}))
    named = {name: value for name, value in manifest.items() if name != "package_id"}
    return content_id("pkg", canonical_json({**named, "files": files}))


def terms_fault(manifest: Mapping[str, Any]) -> str | None:
    """What a manifest does not state that one of its version states; None if nothing is missing."""
    if manifest["version"] == 1:
        return None
    blank = [name for name in _TERMS if not isinstance(manifest[name], str) or not manifest[name].strip()]
    if blank:
        return f"{blank[0]} is not stated"
    place, program = manifest["sequence"], manifest["tool_sha256"]
    if not place_is_known(place):
        return "its place among what this recipient was sent is not stated"
    return None if _fits(_KEY_HEX, program) else "the digest of the program is not stated"


def place_is_known(place: object) -> bool:
    """Whether it says which of the documents for one recipient this is, and which was the one before."""
    if not isinstance(place, Mapping) or set(place) != {"number", "previous_sha256"}:
        return False
    number, previous = place["number"], place["previous_sha256"]
    if type(number) is not int or number < 1:
        return False
    return previous is None if number == 1 else _fits(_KEY_HEX, previous)


def document_from(content: bytes, document_format: str) -> dict[str, Any]:
    """The document, if the content is its only spelling.

    Raises:
        ValueError: It is not canonical JSON, or of another format or version; the text says which.
    """
    document = spelled_document(content)
    version = document.get("version")
    if document.get("format") != document_format or version not in _VERSIONS or isinstance(version, bool):
        raise ValueError(f"it is not a {document_format} of version 1, 2 or 3")
    return document


def signature_entry(
    key: Ed25519PrivateKey,
    *,
    role: str,
    package_id: str,
    manifest_sha256: str,
    approval_sha256: str | None,
    vouches_for: Sequence[str] = (),
    version: int = FORMAT_VERSION,
) -> dict[str, str]:
    """A signature as `signatures.json` lists it.

    Args:
        key: Whose.
        role: author, approver or case.
        package_id: Of the package.
        manifest_sha256: Of the manifest.
        approval_sha256: Of the approval; the author signs before there is one.
        vouches_for: Public keys of the operators, where the case's key says that they are theirs.
        version: Of the package.
    """
    public_key = raw_public_key(key.public_key()).hex()
    signed = (role, public_key, package_id, manifest_sha256, approval_sha256, vouches_for)
    statement = _statement(version, *signed)
    return {"role": role, "public_key": public_key, "signature": key.sign(statement).hex()}


def signature_holds(
    entry: Mapping[str, Any],
    *,
    role: str,
    package_id: str,
    manifest_sha256: str,
    approval_sha256: str | None,
    vouches_for: Sequence[str] = (),
    version: int = FORMAT_VERSION,
) -> bool:
    """Whether an entry of `signatures.json` signs just this, in this role."""
    if set(entry) != {"role", "public_key", "signature"} or entry["role"] != role:
        return False
    public_key, signature = entry["public_key"], entry["signature"]
    if not (_fits(_KEY_HEX, public_key) and _fits(_SIGNATURE_HEX, signature)):
        return False
    signed = (role, public_key, package_id, manifest_sha256, approval_sha256, vouches_for)
    statement = _statement(version, *signed)
    return _verifies(public_key, signature, statement)


def envelope_bytes(body: Mapping[str, Any], case_key: Ed25519PrivateKey) -> bytes:
    """The envelope, signed by the case's key."""
    signature = case_key.sign(_ENVELOPE_CONTEXT % body["version"] + canonical_json(body))
    return canonical_json({**body, "signature": signature.hex()})


def envelope_signature_holds(envelope: Mapping[str, Any]) -> bool:
    """Whether the key that signed as the case also signed the envelope around that."""
    body = {name: value for name, value in envelope.items() if name != "signature"}
    public_key = envelope["signatures"][-1]["public_key"]
    if not (_fits(_KEY_HEX, public_key) and _fits(_SIGNATURE_HEX, envelope.get("signature"))):
        return False
    return _verifies(public_key, envelope["signature"], _ENVELOPE_CONTEXT % body["version"] + canonical_json(body))


def _statement(
    version: int,
    role: str,
    public_key: str,
    package_id: str,
    manifest_sha256: str,
    approval_sha256: str | None,
    vouches_for: Sequence[str],
) -> bytes:
    return _SIGNATURE_CONTEXT % version + canonical_json(
        {
            "role": role,
            "public_key": public_key,
            "package_id": package_id,
            "manifest_sha256": manifest_sha256,
            "approval_sha256": approval_sha256,
            "vouches_for": list(vouches_for),
        },
    )


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    # One spelling only: upper-case digits would be the same bytes and an unnoticed change.
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _verifies(public_key: str, signature: str, statement: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), statement)
    except (InvalidSignature, ValueError):
        return False
    return True
