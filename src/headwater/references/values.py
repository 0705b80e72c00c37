"""Flags, days and times in the cells of registers."""

from __future__ import annotations

import datetime as dt

from headwater.references.rows import BadRowError

__all__ = ["day_of", "flag_of", "instant_of"]


def flag_of(cell: str | None, name: str) -> bool:
    """Yes or no.

    Raises:
        BadRowError: It is neither.
    """
    text = (cell or "").strip().lower()
    if text in {"1", "true", "yes"}:
        return True
    if text in {"0", "false", "no"}:
        return False
    raise BadRowError(f"'{name}' is {text[:20]!r}, neither yes nor no")


def day_of(text: str) -> str:
    """An ISO 8601 date.

    Raises:
        BadRowError: It is none.
    """
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise BadRowError(f"{text[:30]!r} is not an ISO 8601 date") from error


def instant_of(text: str) -> dt.datetime:
    """A UTC instant from ISO 8601 that names its zone; a time without a zone is not guessed at.

    Raises:
        BadRowError: It is none, or names no zone.
    """
    try:
        instant = dt.datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise BadRowError(f"{text[:30]!r} names no time zone")
        return instant.astimezone(dt.UTC)
    except (OverflowError, ValueError) as error:
        if isinstance(error, BadRowError):
            raise
        raise BadRowError(f"{text[:30]!r} is not an ISO 8601 time") from error
