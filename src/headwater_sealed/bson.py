"""One document of BSON in plain form.

References:
    bsonspec.org, version 1.1. IEEE 754-2008, binary integer decimal (decimal128), as the BSON specification of
    Decimal128 has it.
"""

from __future__ import annotations

import struct
from typing import Any

from headwater_sealed.documents import date_written, uuid_written, with_distinct_keys
from headwater_sealed.refusal import UnreadableError

__all__ = ["MAX_DOCUMENT_BYTES", "bson_document"]

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 + 16 * 1024
"""A longer document is none.

References:
    MongoDB, "MongoDB Limits and Thresholds": 16 MiB, and room for what the server adds to its own.
"""

_MAX_DEPTH = 120
_INT32, _INT64, _UINT64, _DOUBLE = (struct.Struct(code) for code in ("<i", "<q", "<Q", "<d"))
_UUID = 4
_OLD_BINARY = 2


def bson_document(raw: bytes) -> tuple[dict[str, Any], bool]:
    """The document in plain form, and whether a key stands in it twice.

    Args:
        raw: All of its bytes, its own length among them.

    Raises:
        UnreadableError: It is damaged; the reason says where in it.
    """
    reader = _Reader(raw)
    try:
        found, end = reader.document(0, 0)
    except (struct.error, IndexError) as error:
        raise UnreadableError(f"a document is cut short at byte {reader.at}") from error
    if end != len(raw):
        raise UnreadableError(f"a document of {len(raw)} bytes ends after {end}")
    assert isinstance(found, dict)
    return found, reader.repeated


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.repeated = False
        self.at = 0

    def document(self, at: int, depth: int, *, array: bool = False) -> tuple[dict[str, Any] | list[Any], int]:
        """The document or array that begins at a place, and the place behind it."""
        if depth > _MAX_DEPTH:
            raise UnreadableError(f"documents lie more than {_MAX_DEPTH} deep in each other")
        raw = self._raw
        [length] = _INT32.unpack_from(raw, at)
        end = at + length
        if length < 5 or end > len(raw) or raw[end - 1]:
            raise UnreadableError(f"a document at byte {at} states a length of {length} bytes, which is wrong")
        at += 4
        pairs: list[tuple[str, Any]] = []
        while at < end - 1:
            self.at = at
            kind = raw[at]
            zero = raw.find(b"\0", at + 1, end)
            if zero < 0:
                raise UnreadableError(f"a key at byte {at} has no end")
            key = raw[at + 1 : zero].decode("utf-8", "replace")
            value, at = self._value(kind, zero + 1, depth)
            if at > end - 1:
                raise UnreadableError(f"the value at byte {zero + 1} reaches beyond its document")
            pairs.append((key, value))
        if array:
            return [value for _, value in pairs], end
        found, repeated = with_distinct_keys(pairs)
        self.repeated |= repeated
        return found, end

    def _value(self, kind: int, at: int, depth: int) -> tuple[Any, int]:  # noqa: C901, PLR0911, PLR0912  # one branch for each type of the specification
        raw = self._raw
        if kind == 0x02 or kind in (0x0D, 0x0E):  # text, code, symbol
            return self._text(at)
        if kind == 0x10:
            return _INT32.unpack_from(raw, at)[0], at + 4
        if kind == 0x12:
            return _INT64.unpack_from(raw, at)[0], at + 8
        if kind == 0x09:
            return date_written(_INT64.unpack_from(raw, at)[0]), at + 8
        if kind == 0x07:
            return self._bytes(at, 12).hex(), at + 12
        if kind == 0x01:
            number = _DOUBLE.unpack_from(raw, at)[0]
            finite = number - number == 0
            return number if finite else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(number), "NaN"), at + 8
        if kind in (0x03, 0x04):
            return self.document(at, depth + 1, array=kind == 0x04)
        if kind == 0x08:
            return self._bytes(at, 1) != b"\0", at + 1
        if kind in (0x0A, 0x06):  # null, undefined
            return None, at
        if kind == 0x05:
            return self._binary(at)
        if kind == 0x11:
            stamp = _UINT64.unpack_from(raw, at)[0]
            return {"t": stamp >> 32, "i": stamp & 0xFFFFFFFF}, at + 8
        if kind == 0x13:
            return _decimal(self._bytes(at, 16)), at + 16
        if kind == 0x0B:
            pattern, at = self._key(at)
            options, at = self._key(at)
            return {"pattern": pattern, "options": options}, at
        if kind == 0x0C:  # a reference of an old kind: collection and id
            text, at = self._text(at)
            return {"$ref": text, "$id": self._bytes(at, 12).hex()}, at + 12
        if kind == 0x0F:  # code with a scope: its length, text and document
            text, at = self._text(at + 4)
            return text, self.document(at, depth + 1)[1]
        if kind in (0xFF, 0x7F):
            return {"$minKey" if kind == 0xFF else "$maxKey": 1}, at
        raise UnreadableError(f"a value at byte {at} is of type {kind:#04x}, which there is not")

    def _bytes(self, at: int, length: int) -> bytes:
        if length < 0 or at + length > len(self._raw):
            raise UnreadableError(f"a value at byte {at} reaches beyond the document")
        return self._raw[at : at + length]

    def _key(self, at: int) -> tuple[str, int]:
        zero = self._raw.find(b"\0", at)
        if zero < 0:
            raise UnreadableError(f"a text at byte {at} has no end")
        return self._raw[at:zero].decode("utf-8", "replace"), zero + 1

    def _text(self, at: int) -> tuple[str, int]:
        [length] = _INT32.unpack_from(self._raw, at)
        text = self._bytes(at + 4, length)
        if not text or text[-1]:
            raise UnreadableError(f"a text at byte {at} has no end")
        return text[:-1].decode("utf-8", "replace"), at + 4 + length

    def _binary(self, at: int) -> tuple[str, int]:
        [length] = _INT32.unpack_from(self._raw, at)
        subtype = self._raw[at + 4]
        content = self._bytes(at + 5, length)
        if subtype == _OLD_BINARY and len(content) >= 4:
            content = content[4:]  # which states its length once more
        written = uuid_written(content) if subtype == _UUID and len(content) == 16 else content.hex()
        return written, at + 5 + length


def _decimal(raw: bytes) -> str:
    """A decimal128 as its text."""
    low, high = _UINT64.unpack_from(raw, 0)[0], _UINT64.unpack_from(raw, 8)[0]
    sign = "-" if high >> 63 else ""
    combination = high >> 58 & 31
    if combination == 31:
        return "NaN"
    if combination == 30:
        return f"{sign}Infinity"
    if combination >> 3 == 3:  # a coefficient beyond 34 digits, which stands for 0
        exponent, coefficient = high >> 47 & 0x3FFF, 0
    else:
        exponent, coefficient = high >> 49 & 0x3FFF, (high & (1 << 49) - 1) << 64 | low
    exponent -= 6176
    digits = str(coefficient)
    if len(digits) > 34:
        digits = "0"
    adjusted = exponent + len(digits) - 1
    if exponent > 0 or adjusted < -6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}E{adjusted:+d}"
    if not exponent:
        return sign + digits
    digits = digits.rjust(1 - exponent, "0")
    return f"{sign}{digits[:exponent]}.{digits[exponent:]}"
