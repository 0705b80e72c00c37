"""Passwords: argon2id, and what is asked of one."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from headwater.errors import InputError

__all__ = [
    "LEAST_CHARACTERS",
    "MOST_CHARACTERS",
    "WeakPasswordError",
    "checked_password",
    "is_password",
    "password_record",
]

LEAST_CHARACTERS: Final = 12
"""Source: NIST SP 800-63B-4, section 3.1.1.2: 15 alone, 8 with a second factor; one person alone may lack it."""
MOST_CHARACTERS: Final = 256
_LEAST_KINDS: Final = 5
# Source: RFC 9106, section 4, second recommended option: 64 MiB, 3 passes; 4 lanes.
_HASHER: Final = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)


class WeakPasswordError(InputError):
    """A password that others would guess."""


def checked_password(password: str, name: str) -> None:
    """Nothing, if the password can be taken.

    Raises:
        WeakPasswordError: It is too short or too long, is the name, or one character again and again.
    """
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise WeakPasswordError("password", f"must have {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters")
    if name.casefold() in {password.casefold(), password.casefold()[: len(name)]} or len(set(password)) < _LEAST_KINDS:
        raise WeakPasswordError("password", "must not be the name, nor a few characters again and again")


def password_record(password: str) -> str:
    """What is kept of a password: argon2id with its salt and parameters."""
    return _HASHER.hash(password)


def is_password(record: str, password: str) -> bool:
    """Whether it is the password of the record; an empty record takes as long and is nobody's."""
    try:
        _HASHER.verify(record or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(record)


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's password, verified so that a name that does not exist takes as long")
