"""Small documents that stand alone: canonical JSON with the signatures of those who answer for it (docs/adr/0040)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater.custody.keys import raw_public_key
from headwater.schema import canonical_json

__all__ = ["signed_document", "signed_from", "spelled_document"]

_CONTEXT = b"headwater signed document 1\n"
_KEY_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE_HEX = re.compile(r"[0-9a-f]{128}", re.ASCII)


def signed_document(body: Mapping[str, Any], signers: Sequence[tuple[str, Ed25519PrivateKey]]) -> bytes:
    """The document with a signature by each signer, in this order.

    Args:
        body: `format`, `version` and the rest, without `signatures`.
        signers: Each with the role in which they sign.
    """
    signatures = []
    for role, key in signers:
        public_key = raw_public_key(key.public_key()).hex()
        signature = key.sign(_statement(body, role, public_key)).hex()
        signatures.append({"role": role, "public_key": public_key, "signature": signature})
    return canonical_json({**body, "signatures": signatures})


def spelled_document(content: bytes) -> dict[str, Any]:
    """The JSON object of which the content is the only spelling.

    Raises:
        ValueError: It is none.
    """
    try:
        document: Any = json.loads(content)
        spelled = canonical_json(document)
    except (ValueError, TypeError, RecursionError):
        document, spelled = None, None
    if not isinstance(document, dict) or spelled != content:
        raise ValueError("it is not canonical JSON")
    return document


def signed_from(content: bytes, document_format: str, roles: Sequence[str]) -> dict[str, Any]:
    """The document, if the content is its only spelling and the signature in each role holds, by keys that differ.

    Raises:
        ValueError: It is not; the text says why.
    """
    document = spelled_document(content)
    version = document.get("version")
    if document.get("format") != document_format or type(version) is not int or version != 1:
        raise ValueError(f"it is not a {document_format} of version 1")
    entries = document.get("signatures")
    if not isinstance(entries, list) or [e.get("role") for e in entries if isinstance(e, dict)] != list(roles):
        raise ValueError(f"it is not signed by {' and '.join(roles)}")
    if len(entries) != len(roles) or len({str(entry.get("public_key")) for entry in entries}) != len(entries):
        raise ValueError("two of its signatures are by one key")
    body = {name: value for name, value in document.items() if name != "signatures"}
    for entry in entries:
        if not _holds(body, entry):
            raise ValueError(f"the signature of the {entry['role']} does not hold")
    return document


def _holds(body: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    if set(entry) != {"role", "public_key", "signature"}:
        return False
    public_key, signature = entry["public_key"], entry["signature"]
    for pattern, text in ((_KEY_HEX, public_key), (_SIGNATURE_HEX, signature)):
        # One spelling only: upper-case digits would be the same bytes and an unnoticed change.
        if not isinstance(text, str) or pattern.fullmatch(text) is None:
            return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), _statement(body, entry["role"], public_key))
    except (InvalidSignature, ValueError):
        return False
    return True


def _statement(body: Mapping[str, Any], role: str, public_key: str) -> bytes:
    digest = hashlib.sha256(canonical_json(body)).hexdigest()
    return _CONTEXT + canonical_json({"role": role, "public_key": public_key, "document_sha256": digest})
