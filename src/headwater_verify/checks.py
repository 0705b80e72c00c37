"""One result for each promise, and the one spelling of JSON that signed documents have."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["BadInputError", "Check", "canonical", "is_digest", "key_from_pem", "parsed", "sha256_hex", "signed_by"]

_HEX = {count: re.compile(f"[0-9a-f]{{{count}}}", re.ASCII) for count in (64, 128)}


class BadInputError(Exception):
    """What was asked cannot be checked at all; the text is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether one promise holds.

    Attributes:
        check: Its name.
        first_bad: Where it first fails, and how; None if it holds.
    """

    check: str
    first_bad: str | None

    @property
    def ok(self) -> bool:
        """Whether it holds."""
        return self.first_bad is None


def canonical(value: object) -> bytes:
    """The value as JSON with sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parsed(content: bytes, what: str) -> dict[str, Any]:
    """The object that the content spells, if it spells it in the one way that is allowed.

    Raises:
        ValueError: It does not.
    """
    try:
        value = json.loads(content, parse_float=_no_float)
        same = isinstance(value, dict) and canonical(value) == content
    except (ValueError, RecursionError):
        same = False
    if not same:
        raise ValueError(f"{what} is not canonical JSON")
    return dict(value)


def is_digest(value: object, digits: int = 64) -> bool:
    """Whether the value is that many lower-case hexadecimal digits."""
    return isinstance(value, str) and _HEX[digits].fullmatch(value) is not None


def sha256_hex(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def signed_by(public_key: object, signature: object, message: bytes) -> bool:
    """Whether the Ed25519 signature, both in hex, is the key's over the message."""
    if not is_digest(public_key) or not is_digest(signature, 128):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(public_key)))
        key.verify(bytes.fromhex(str(signature)), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_from_pem(pem: bytes, where: str) -> str:
    """The 32 bytes of an Ed25519 public key, in hex.

    Raises:
        BadInputError: The file holds none, or spells it in an unusual way.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    encoding = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if not isinstance(key, Ed25519PublicKey) or key.public_bytes(*encoding) != pem:
        raise BadInputError(f"{where}: this is not an Ed25519 public key in PEM")
    return key.public_bytes_raw().hex()


def _no_float(text: str) -> object:
    raise ValueError(f"{text}: no signed document holds a fraction")
