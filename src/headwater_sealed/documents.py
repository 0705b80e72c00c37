"""Documents of a document store as rows: their `_id` and their whole content as JSON, whichever way they were exported.

What BSON has types for and JSON has not becomes plain JSON that a mapping can bind: dates are texts like
`2024-05-01T10:00:00.000Z`, ids, digests and other binary values are hexadecimal, long numbers are numbers and decimal
ones texts. The extended JSON of exports is brought into the same form. Of keys that stand twice in one document both
are kept, the second as `key#2`.

References:
    MongoDB, "MongoDB Extended JSON (v2)"; the v1 forms that older exports have.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater_sealed.dump_records import DumpRecords

__all__ = ["Documents", "date_written", "plain", "uuid_written", "with_distinct_keys"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("_id", "document")
_TYPES = ("text", "json")


class Documents:
    """Tells documents of collections as rows.

    Args:
        records: Takes them.
    """

    def __init__(self, records: DumpRecords) -> None:
        self._records = records
        self._numbers: dict[str, int] = {}

    def collection(self, name: str) -> None:
        """Declares a collection, once."""
        if name not in self._numbers:
            self._numbers[name] = 0
            self._records.table(name, _COLUMNS, _TYPES, 0, 0)

    def take(self, name: str, document: Any, offset_bytes: int, length_bytes: int, *, repeated: bool) -> None:  # noqa: ANN401  # JSON
        """Tells one document.

        Args:
            name: Of the collection.
            document: In plain form.
            offset_bytes: Where it begins in the file.
            length_bytes: How long it is there.
            repeated: Whether a key stands in it twice.
        """
        self.collection(name)
        self._numbers[name] += 1
        number = self._numbers[name]
        key = document.get("_id") if isinstance(document, dict) else None
        row: list[tuple[bytes | None, bool]] = [
            (None if key is None else key.encode("utf-8", "replace") if isinstance(key, str) else _text(key), True),
            (_text(document), True),
        ]
        self._records.row(name, number, offset_bytes, length_bytes, row)
        if repeated:
            reason = "a key stands twice in this document; both values are kept, the second as 'key#2'"
            self._records.defect("key_repeated", reason, offset_bytes, length_bytes, table=name, number=number)

    def defect(self, name: str, reason: str, offset_bytes: int, length_bytes: int) -> None:
        """Tells a document that cannot be read."""
        self.collection(name)
        self._numbers[name] += 1
        number = self._numbers[name]
        self._records.defect("row_not_readable", reason, offset_bytes, length_bytes, table=name, number=number)


def _text(value: Any) -> bytes:  # noqa: ANN401  # JSON
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def with_distinct_keys(pairs: Sequence[tuple[str, Any]]) -> tuple[dict[str, Any], bool]:
    """The pairs as an object, and whether a key stood in them twice."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found, False
    found = {}
    for key, value in pairs:
        name, count = key, 1
        while name in found:
            count += 1
            name = f"{key}#{count}"
        found[name] = value
    return found, True


def date_written(milliseconds: int) -> str:
    """An instant since 1970 UTC as ISO 8601; one outside of the calendar as its number."""
    try:
        instant = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z".rjust(24, "0")


def uuid_written(raw: bytes) -> str:
    """16 bytes as a UUID is written."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def plain(value: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    """An object of extended JSON in plain form; any other object as it is."""
    if not 1 <= len(value) <= 2:
        return value
    key = next(iter(value))
    if not key.startswith("$"):
        return value
    inner = value[key]
    try:
        return _plain(key, inner, value)
    except (ValueError, TypeError, KeyError, binascii.Error):
        return value


def _plain(key: str, inner: Any, value: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    if key == "$binary":
        text, subtype = (inner["base64"], inner["subType"]) if isinstance(inner, dict) else (inner, value["$type"])
        raw = base64.b64decode(text, validate=True)
        return uuid_written(raw) if int(str(subtype), 16) == 4 and len(raw) == 16 else raw.hex()
    meant = _MEANT.get(key)
    return value if meant is None or len(value) > 1 else meant(inner)


def _double(inner: Any) -> Any:  # noqa: ANN401  # JSON
    return inner if inner in ("NaN", "Infinity", "-Infinity") else float(inner)


def _date(inner: Any) -> str:  # noqa: ANN401  # JSON
    if isinstance(inner, int):  # also where a $numberLong stood inside
        return date_written(inner)
    return date_written((datetime.fromisoformat(str(inner)) - _EPOCH) // timedelta(milliseconds=1))


def _nothing(_inner: Any) -> None:  # noqa: ANN401  # JSON
    return None


_MEANT: Mapping[str, Callable[[Any], Any]] = {
    "$oid": str,
    "$uuid": str,
    "$symbol": str,
    "$numberDecimal": str,
    "$numberLong": int,
    "$numberInt": int,
    "$numberDouble": _double,
    "$date": _date,
    "$undefined": _nothing,
}
