"""Packages for agencies that have OpenPGP and not age: an extra, through Sequoia (docs/adr/0043)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from headwater.errors import ConfigError, InputError
from headwater.packages.archive import checked_recipient, encrypted

__all__ = ["OPENPGP_PREFIX", "addressed", "ciphertext_name", "sealed_for"]

OPENPGP_PREFIX: Final = "openpgp:"
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_FINGERPRINT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)  # source: RFC 9580, section 5.5.4


def ciphertext_name(recipient: str, what: str = "package") -> str:
    """Name of the encrypted file for such a recipient: `package.age` or `package.pgp`."""
    return f"{what}.{'pgp' if recipient.startswith(OPENPGP_PREFIX) else 'age'}"


def addressed(recipient_key: str, at_utc: dt.datetime) -> tuple[str, str]:
    """The recipient as documents name it, and the certificate to encrypt to; empty for an age key.

    Args:
        recipient_key: An age public key, or an OpenPGP certificate in armor.
        at_utc: When it has to be good.

    Raises:
        InputError: It is neither, is revoked, or is not good any more.
        ConfigError: The extra is not installed.
    """
    if not recipient_key.lstrip().startswith(_ARMOR):
        return checked_recipient(recipient_key), ""
    fingerprint, certificate = _checked(recipient_key.strip() + "\n", at_utc)
    return f"{OPENPGP_PREFIX}{fingerprint}", certificate


def sealed_for(content: bytes, recipient: str, certificate: str = "") -> bytes:
    """The content encrypted to the recipient of a signed document.

    Args:
        content: What is encrypted.
        recipient: As the document names it.
        certificate: As the document carries it, where the recipient has OpenPGP.

    Raises:
        InputError: The certificate is another than the one that is named.
        ConfigError: The extra is not installed.
    """
    if not recipient.startswith(OPENPGP_PREFIX):
        return encrypted(content, checked_recipient(recipient))
    sequoia = _sequoia()
    try:
        cert = sequoia.Cert.from_bytes(certificate.encode())
        if f"{OPENPGP_PREFIX}{cert.fingerprint}" != recipient:
            raise InputError("recipient", "has another certificate than is named", remedy="draft it again")
        # Unsigned on purpose: who sent it, and for whom, is signed inside and on the envelope.
        ciphertext: bytes = sequoia.encrypt(content, [cert], armor=False)
    except RuntimeError as error:
        raise InputError("recipient", f"cannot be encrypted to: {_said(error)}", remedy="ask for another key") from None
    return ciphertext


def _checked(armored: str, at_utc: dt.datetime) -> tuple[str, str]:
    sequoia = _sequoia()
    reason = None
    try:
        cert = sequoia.Cert.from_bytes(armored.encode())
        sequoia.encrypt(b"", [cert], armor=False)  # whether it has a key to encrypt to
    except RuntimeError as error:
        raise InputError(
            "recipient", f"is no OpenPGP certificate to encrypt to: {_said(error)}", remedy="ask for one"
        ) from None
    if cert.is_revoked:
        reason = "is revoked"
    elif cert.expiration is not None and cert.expiration <= at_utc:
        reason = f"was good until {cert.expiration:%Y-%m-%d}"
    elif not _FINGERPRINT.fullmatch(str(cert.fingerprint)):
        reason = "has a fingerprint of no known form"
    if reason:
        raise InputError("recipient", reason, remedy="ask the recipient for another certificate")
    # What is printed again is the public part alone, whatever was given.
    return str(cert.fingerprint), str(cert)


def _said(error: RuntimeError) -> str:
    # Sequoia puts a trace of its own functions after the first line.
    return str(error).partition("\n")[0]


def _sequoia() -> Any:  # noqa: ANN401 - an extra, whose types are not there without it
    try:
        import pysequoia
    except ImportError:
        raise ConfigError("OpenPGP is an extra; install it with: pip install 'headwater[openpgp]'") from None
    return pysequoia
