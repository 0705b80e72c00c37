"""Identifiers in the one form in which two holders of the same write them: typed, and normalised."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from headwater.identities.normal import email_key, nickname_key, phone_key

__all__ = ["IDENTIFIER_FORMS", "typed_identifier"]

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PGP = re.compile(r"[0-9A-F]{16}|[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
# Written in either case: hexadecimal, and bech32 (BIP 173), whose human-readable part ends with the last 1.
_EITHER_CASE = re.compile(r"0x[0-9a-f]{40}|[a-z]{2,10}1[02-9ac-hj-np-z]{11,}", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Za-z]{20,120}", re.ASCII)


def _without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


def _pgp_key(text: str, _country: str | None) -> str | None:
    written = _without_space(text).upper().removeprefix("0X")
    return written if _PGP.fullmatch(written) else None


def _wallet_key(text: str, _country: str | None) -> str | None:
    written = text.strip()
    if _EITHER_CASE.fullmatch(written.lower()):
        return written.lower()
    return written if _ADDRESS.fullmatch(written) else None


def _digest_key(text: str, _country: str | None) -> str | None:
    written = text.strip().lower()
    return written if _DIGEST.fullmatch(written) else None


def _iban_key(text: str, _country: str | None) -> str | None:
    written = _without_space(text).upper()
    return written if _IBAN.fullmatch(written) else None


def _network_address_key(text: str, _country: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


IDENTIFIER_FORMS: Mapping[str, Callable[[str, str | None], str | None]] = MappingProxyType(
    {
        "email": lambda text, _country: email_key(text),
        "phone": phone_key,
        "nickname": lambda text, _country: nickname_key(text),
        "pgp": _pgp_key,
        "wallet": _wallet_key,
        "txid": _digest_key,
        "media-sha256": _digest_key,
        "iban": _iban_key,
        "network-address": _network_address_key,
    }
)
"""For each kind of identifier, from a text and the country of its row to the form compared; None where it has none."""


def typed_identifier(kind: str, text: str | None, country: str | None = None) -> str | None:
    """The identifier with its kind before it; None where the text has no such form.

    Args:
        kind: One of `IDENTIFIER_FORMS`.
        text: As a source writes it.
        country: ISO 3166-1 alpha-2 of the row, by which a telephone number without a prefix is read.

    Example:
        >>> typed_identifier("email", "Marta.Quill+x@gmail.com"), typed_identifier("phone", "unknown")
        ('email:martaquill@gmail.com', None)
    """
    form = IDENTIFIER_FORMS[kind](text, country) if text else None
    return None if form is None else f"{kind}:{form}"
