"""What sources note of a person besides name and address: accounts of earlier cases, devices, bank accounts, keys."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from headwater.references.column_map import ColumnMap
from headwater.references.row_files import register_rows
from headwater.references.rows import BadRowError, Reading, required, text_or_none
from headwater.references.values import instant_of

__all__ = ["IDENTIFIER_KINDS", "iban_country", "read_customer_identifiers", "read_record_identifiers"]

IDENTIFIER_KINDS = (
    "email", "phone", "nickname", "network_address", "device", "pgp_fingerprint", "iban", "payment_card",
    "wallet_address", "national_id",
)  # fmt: skip
"""What a person may be told apart by."""

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_PGP = re.compile(r"[0-9A-F]{16}|[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64}", re.ASCII)  # key id, version 3, 4, 5 and 6


def read_record_identifiers(path: Path, columns: ColumnMap | None = None) -> Reading:
    """Identifiers of people on record; the register is named where its number alone does not tell the row."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        return {
            "register": text_or_none(cells.get("register")),
            "source_key": required(cells, "source_key"),
            **_identifier(cells),
        }

    return register_rows(path, "record-identifiers", read, columns)


def read_customer_identifiers(path: Path, columns: ColumnMap | None = None) -> Reading:
    """Identifiers of customers, as their service returned them."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        return {
            "actor": required(cells, "actor"),
            "customer_key": required(cells, "source_key"),
            **_identifier(cells),
        }

    return register_rows(path, "customer-identifiers", read, columns)


def _identifier(cells: dict[str, str]) -> dict[str, object]:
    kind = re.sub(r"[\s-]+", "_", required(cells, "identifier_kind").lower())
    if kind not in IDENTIFIER_KINDS:
        raise BadRowError(f"identifier_kind {kind[:20]!r} is none of {', '.join(IDENTIFIER_KINDS)}")
    value, at = required(cells, "value"), text_or_none(cells.get("at_utc"))
    return {
        "identifier_kind": kind,
        "value": _checked(kind, value),
        "at_utc": None if at is None else instant_of(at),
    }


def _checked(kind: str, value: str) -> str:
    """The value; what has a form of its own must have that form, so that a cell in the wrong column is noticed."""
    if kind == "network_address":
        try:
            return str(ipaddress.ip_address(value))
        except ValueError as error:
            raise BadRowError(f"{value[:45]!r} is not a network address") from error
    if kind == "iban":
        written = _iban(value)
        if written is None:
            raise BadRowError(f"{value[:34]!r} is not an IBAN, or a digit of it is wrong")
        return written
    if kind == "pgp_fingerprint":
        written = re.sub(r"\s", "", value).upper().removeprefix("0X")
        if not _PGP.fullmatch(written):
            raise BadRowError(f"{value[:64]!r} is no key id or fingerprint of OpenPGP")
        return written
    return value


def iban_country(value: str) -> str | None:
    """The country of the bank account, ISO 3166-1 alpha-2; None for what is no IBAN, or has a wrong digit.

    >>> iban_country("NL91 ABNA 0417 1643 00"), iban_country("NL92 ABNA 0417 1643 00")
    ('NL', None)
    """
    written = _iban(value)
    return None if written is None else written[:2]


def _iban(value: str) -> str | None:
    """The IBAN without spaces; None if it is none."""
    written = re.sub(r"\s", "", value).upper()
    return written if _IBAN.fullmatch(written) and _iban_remainder(written) == 1 else None


def _iban_remainder(iban: str) -> int:
    """What is left of it by 97; 1 if it is right.

    References:
        ISO 13616-1:2020, annex A: the check digits.
    """
    return int("".join(str(int(mark, 36)) for mark in iban[4:] + iban[:4])) % 97
