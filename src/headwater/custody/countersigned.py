"""Documents of others that carry a tree head of this log and a signature over it, such as a recipient's receipt."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.schema import canonical_json

__all__ = ["countersigned_head"]

_CONTEXT = b"headwater signed document 1\n"
_HEX = {digits: re.compile(f"[0-9a-f]{{{digits}}}", re.ASCII) for digits in (64, 128)}


def countersigned_head(content: bytes) -> tuple[int, str]:
    """Entries and root of the tree head that a signed document names, after every signature on it was checked.

    Raises:
        ValueError: It is no such document, or a signature does not hold.
    """
    document: Any = json.loads(content)
    if not isinstance(document, dict) or canonical_json(document) != content:
        raise ValueError("it is not canonical JSON")
    signatures, head = document.get("signatures"), document.get("custody_head")
    if not isinstance(head, dict) or set(head) != {"entries", "root"} or type(head["entries"]) is not int:
        raise ValueError("it names no tree head")
    if not isinstance(signatures, list) or not signatures:
        raise ValueError("nobody signed it")
    body = {name: value for name, value in document.items() if name != "signatures"}
    digest = hashlib.sha256(canonical_json(body)).hexdigest()
    for signature in signatures:
        if not _holds(signature, digest):
            raise ValueError("a signature on it does not hold")
    return head["entries"], str(head["root"])


def _holds(signed: Any, document_sha256: str) -> bool:  # noqa: ANN401 - what a stranger's document holds
    if not isinstance(signed, dict) or set(signed) != {"role", "public_key", "signature"}:
        return False
    for digits, name in ((64, "public_key"), (128, "signature")):
        if not isinstance(signed[name], str) or not _HEX[digits].fullmatch(signed[name]):
            return False
    said = {"role": signed["role"], "public_key": signed["public_key"], "document_sha256": document_sha256}
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed["public_key"]))
        key.verify(bytes.fromhex(signed["signature"]), _CONTEXT + canonical_json(said))
    except (InvalidSignature, ValueError):
        return False
    return True
