"""Values in CBOR, as far as a C2PA claim and its assertions use them, with limits on depth, number and length.

References:
    RFC 8949, section 3 (major types, additional information, indefinite lengths) and 3.3 (simple values, floats).
"""

from __future__ import annotations

import struct
from typing import Any

from headwater_sealed.claims_found import Budget
from headwater_sealed.refusal import UnreadableError

__all__ = ["cbor_value"]

_MAX_DEPTH = 16
_MAX_VALUES = 20_000
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


def cbor_value(content: bytes, budget: Budget) -> Any:  # noqa: ANN401 - a value of any kind
    """The first value of the content: numbers, text, lists and maps; bytes as their number, tags left out.

    A map keeps the first value of a key that comes twice.

    Args:
        content: The bytes.
        budget: What all reading of the content shares.

    Raises:
        UnreadableError: It is damaged, or larger than any claim needs.
    """
    return _Reader(content, budget).value(0)


class _Reader:
    """Reads values one behind the other."""

    def __init__(self, content: bytes, budget: Budget) -> None:
        self._content = content
        self._budget = budget
        self._at = 0
        self._values = 0

    def _take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise UnreadableError(f"CBOR ends at byte {len(self._content):,}, within a value")
        self._at += count
        return taken

    def _head(self) -> tuple[int, int, int | None]:
        """Major type, additional information, and the number that goes with them; None for an indefinite length."""
        first = self._take(1)[0]
        major, more = first >> 5, first & 31
        if more < 24:
            return major, more, more
        if more < 28:
            return major, more, int.from_bytes(self._take(1 << (more - 24)), "big")
        if more == _INDEFINITE:
            return major, more, None
        raise UnreadableError(f"CBOR with additional information {more}")

    def _ended(self) -> bool:
        """Whether the next byte ends an indefinite length; it is taken then."""
        if self._content[self._at : self._at + 1] != bytes([_BREAK]):
            return False
        self._at += 1
        return True

    def value(self, depth: int) -> Any:  # noqa: ANN401 - as above
        """The next value."""
        self._budget.spend()
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise UnreadableError(f"CBOR of more than {_MAX_DEPTH} levels or {_MAX_VALUES:,} values")
        major, more, number = self._head()
        if major == 7 and more in _FLOATS:
            form, width = _FLOATS[more]
            return struct.unpack(form, (number or 0).to_bytes(width, "big"))[0]
        if major in {2, 3, 4, 5}:
            return self._composed(major, number, depth)
        if number is None:
            raise UnreadableError("CBOR with a break out of place")
        if major == 6:
            return self.value(depth + 1)
        return (number, -1 - number)[major] if major < 2 else _SIMPLE.get(number)

    def _composed(self, major: int, length: int | None, depth: int) -> Any:  # noqa: ANN401 - as above
        if major == 4:
            return self._list(length, depth)
        if major == 5:
            return self._map(length, depth)
        raw = self._string(major, length)
        return len(raw) if major == 2 else raw.decode("utf-8", "replace")

    def _string(self, major: int, length: int | None) -> bytes:
        if length is not None:
            return self._take(length)
        parts = []
        while not self._ended():
            self._budget.spend()
            part_major, _, part = self._head()
            if part_major != major or part is None:
                raise UnreadableError("CBOR text in parts of another kind")
            parts.append(self._take(part))
        return b"".join(parts)

    def _list(self, length: int | None, depth: int) -> list[Any]:
        found: list[Any] = []
        while len(found) != length:
            if length is None and self._ended():
                break
            found.append(self.value(depth + 1))
        return found

    def _map(self, length: int | None, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        count = 0
        while count != length:
            if length is None and self._ended():
                break
            key = self.value(depth + 1)
            value = self.value(depth + 1)
            found.setdefault(key if isinstance(key, str) else f"({type(key).__name__})", value)
            count += 1
        return found
