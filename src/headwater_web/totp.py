"""Codes that change with time (RFC 6238, over RFC 4226), as the common programs for telephones show them."""

from __future__ import annotations

import base64
import hmac
import secrets
import struct
from typing import Final
from urllib.parse import quote, urlencode

__all__ = ["STEP_S", "code_of_step", "enrolment_uri", "fresh_secret", "secret_text", "step_of_code"]

STEP_S: Final = 30  # source: RFC 6238, section 4.1, default X
DIGITS: Final = 6
_SECRET_BYTES: Final = 20  # source: RFC 4226, section 4, R6: 160 bits
_STEPS_EITHER_WAY: Final = 1  # source: RFC 6238, section 5.2: at most one step for the delay


def fresh_secret() -> bytes:
    """A new shared secret of 160 bits."""
    return secrets.token_bytes(_SECRET_BYTES)


def code_of_step(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of one time step.

    References:
        RFC 4226, section 5.3 (dynamic truncation); RFC 6238, section 4.2.
    """
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0x0F
    number = struct.unpack_from(">I", digest, offset)[0] & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def step_of_code(secret: bytes, code: str, at_s: float) -> int | None:
    """The time step that a code is of, if it is of the present one or a neighbour."""
    typed = "".join(code.split())
    now = int(at_s // STEP_S)
    found = None
    for step in range(now - _STEPS_EITHER_WAY, now + _STEPS_EITHER_WAY + 1):
        if hmac.compare_digest(code_of_step(secret, step).encode(), typed.encode()):
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret as people type it into a program: base32 without padding."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def enrolment_uri(secret: bytes, name: str) -> str:
    """The address that a QR code carries to such a program."""
    told = urlencode({"secret": secret_text(secret), "issuer": "headwater", "digits": DIGITS, "period": STEP_S})
    return f"otpauth://totp/headwater:{quote(name)}?{told}"
