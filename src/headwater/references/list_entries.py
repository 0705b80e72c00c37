"""An entry of a hash list on its way in: what every format is brought to, and what none of our columns can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from headwater.references.rows import BadRow, BadRowError, checked_value, hex_digest, text_or_none, whole_number

__all__ = [
    "Deletion",
    "FurtherKeys",
    "ListItem",
    "Listed",
    "Source",
    "entry_of",
    "further_text",
    "milliseconds",
    "named_file",
]

MAX_KEYS = 1_000
_MAX_KEY_CHARACTERS = 200
_TRUE = {"true", "yes", "1", "y"}
_FALSE = {"false", "no", "0", "n"}
_ANSWERS = ("victim_identified", "distributed", "offender_identified")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_HALF_CHARACTERS = re.compile("[\ud800-\udfff]")


class Listed(NamedTuple):
    """A row for the table.

    Attributes:
        row: Number of the listed file in the list, from 0, bad ones counted.
        offset_bytes: First byte of it, if the format lets us know.
        values: By column; what is absent may be left out.
        at: When its author last changed it, in any unit that orders; None if the format does not say.
    """

    row: int
    offset_bytes: int | None
    values: dict[str, object]
    at: float | None = None


class Deletion(NamedTuple):
    """A file that the authority has taken off its list.

    Attributes:
        row: Number in the list, from 0.
        listed_file: The list's own id of it.
        deleted_at: When, as written.
        at: The same, in the unit of `Listed.at`.
    """

    row: int
    listed_file: str
    deleted_at: str | None
    at: float | None


ListItem = Listed | Deletion | BadRow


@dataclass(slots=True)
class FurtherKeys:
    """How many listed files have each key that was not understood."""

    rows: dict[str, int] = field(default_factory=dict)

    def count(self, key: str) -> None:
        """Count one more; beyond MAX_KEYS names, under an empty one, so that a hostile list cannot fill memory."""
        name = _HALF_CHARACTERS.sub("\ufffd", key[:_MAX_KEY_CHARACTERS]) or '""'
        if name not in self.rows and len(self.rows) >= MAX_KEYS:
            name = ""
        self.rows[name] = self.rows.get(name, 0) + 1


@dataclass(slots=True, kw_only=True)
class Source:
    """A list as it is read.

    Attributes:
        path: The file.
        polarity: known-illegal or known-benign, as the importer states it.
        plain: What a line of 64 hex digits is: sha256 or pdq; None where the operator has not said.
        done_bytes: How far the reader is.
        keys: Keys that were not understood.
        notes: What the operator should be told of the list as a whole.
    """

    path: Path
    polarity: str | None = None
    plain: str | None = None
    done_bytes: int = 0
    keys: FurtherKeys = field(default_factory=FurtherKeys)
    notes: list[str] = field(default_factory=list)


ListReader = Callable[[Source], Iterator[ListItem]]


def entry_of(raw: Mapping[str, object], further: Mapping[str, object]) -> dict[str, object]:
    """The values of a row, checked and brought to their types.

    Args:
        raw: By column of `hash_list_entries`, as the list has them.
        further: What no column holds, by the list's own keys.

    Raises:
        BadRowError: A value cannot be what it should be, or nothing in the row names a file.
    """
    row: dict[str, object] = {}
    for name, value in raw.items():
        if value is not None:
            row[name] = _READ[name](value, name)
    for name in _ANSWERS:
        row.setdefault(name, "unknown")
    row.setdefault("media_kind", "unknown")
    if further:
        row["further"] = checked_value("further", further_text(further))
    if not (row.get("md5") or row.get("sha1") or row.get("sha256") or row.get("pdq") or row.get("photodna")):
        raise BadRowError("no digest and no perceptual hash")
    return row


def named_file(row: Mapping[str, object], number: int, *, part: bool) -> str | None:
    """What the rows of one listed file share, where the list gives the file no id of its own.

    Args:
        row: The values of the first row of the file.
        number: The file's number in the list.
        part: Whether there may be more rows of the same file.
    """
    if not part:
        return None
    return str(row.get("sha256") or row.get("sha1") or row.get("md5") or f"row {number}")


def milliseconds(seconds: object) -> int:
    """The time of a frame.

    Raises:
        BadRowError: It is no number of seconds of 0 or more, or more than any video lasts.
    """
    number = _decimal(seconds)
    if number is None or not 0 <= number < 10**9:
        raise BadRowError(f"'timestamp' is {str(seconds)[:20]!r}, not a number of seconds")
    return int((number * 1000).to_integral_value())


def further_text(further: Mapping[str, object]) -> str:
    """Canonical JSON: sorted keys, no spaces. The scanner has left numbers with a fraction as their text."""
    return _ENCODER.encode(further)


def _digest(digits: int) -> Callable[[object, str], object]:
    whole = re.compile(f"[0-9a-fA-F]{{{digits}}}").fullmatch

    def read(value: object, name: str) -> object:
        # Nearly every value is just that; what is not is told apart, or told of, by the slower one.
        return value.lower() if isinstance(value, str) and whole(value) else hex_digest(value, digits, name)

    return read


def _text(value: object, name: str) -> object:
    if type(value) is int:
        return str(value)
    words = text_or_none(value if isinstance(value, str) else further_text({"": value})[4:-1])
    return checked_value(name, words)


def _whole(value: object, name: str) -> object:
    return checked_value(name, whole_number(value, "size" if name == "size_bytes" else name))


def _quality(value: object, name: str) -> object:
    number = _decimal(value)
    if number is None or number != number.to_integral_value() or not 0 <= number <= 100:
        raise BadRowError(f"'{name}' is {str(value)[:20]!r}, not a whole number of 0 to 100")
    return int(number)


def _media_kind(value: object, _name: str) -> object:
    """From the words of a list: a media type, or a MIME type."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word.startswith(("video", "movie")):
        return "video"
    return "still" if word.startswith(("image", "still", "photo", "picture")) else "unknown"


def _answer(value: object, _name: str) -> object:
    """yes, no or unknown: lists write booleans in many ways, and an absent one is not a no."""
    word = str(value).strip().lower()
    if word in _TRUE:
        return "yes"
    return "no" if word in _FALSE else "unknown"


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > 40:
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


_READ: Mapping[str, Callable[[object, str], object]] = {
    "md5": _digest(32),
    "sha1": _digest(40),
    "sha256": _digest(64),
    "pdq": _digest(64),
    "size_bytes": _whole,
    "at_ms": _whole,
    "submissions": _whole,
    "pdq_quality": _quality,
    "media_kind": _media_kind,
    **dict.fromkeys(("category", "series", "scheme", "country", "listed_file", "photodna"), _text),
    **dict.fromkeys(_ANSWERS, _answer),
}
