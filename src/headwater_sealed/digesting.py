"""A stream that is digested while it is read.

References:
    RFC 1321, FIPS 180-4: MD5, SHA-1 and SHA-256, which hash lists of the field are keyed by.
"""

from __future__ import annotations

import hashlib
from typing import Any

from headwater_sealed.packed import Reads
from headwater_sealed.sniff import sniffed

__all__ = ["SNIFFED_BYTES", "Digests"]

SNIFFED_BYTES = 64 * 1024
"""So much of a content is looked at to say what it is."""

_HEAD_BYTES = 64
_READ_BYTES = 1024 * 1024


class Digests:
    """A stream that digests whatever is read from it, in order.

    Args:
        source: Read forward.

    Attributes:
        read_bytes: How much has been read from the source.
    """

    def __init__(self, source: Reads) -> None:
        self._source = source
        self._digests = {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha1": hashlib.sha1(usedforsecurity=False),
            "sha256": hashlib.sha256(),
        }
        self._ahead = b""  # read from the source and not yet given
        self._head = b""
        self.read_bytes = 0

    def _next(self, size: int) -> bytes:
        part = self._source.read(size)
        if len(self._head) < SNIFFED_BYTES:
            self._head += part[: SNIFFED_BYTES - len(self._head)]
        self.read_bytes += len(part)
        for digest in self._digests.values():
            digest.update(part)
        return part

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        if self._ahead:
            end = len(self._ahead) if size < 0 else size
            part, self._ahead = self._ahead[:end], self._ahead[end:]
            return part
        return self._next(_READ_BYTES if size < 0 else size)

    def peek(self) -> bytes:
        """The first 64 KiB, or all if there is less; they are still given by `read`."""
        while len(self._ahead) < SNIFFED_BYTES and (part := self._next(SNIFFED_BYTES - len(self._ahead))):
            self._ahead += part
        return self._ahead

    def hold(self, limit_bytes: int) -> bytes | None:
        """All of it in memory; None if it is more than so much."""
        parts = [self._ahead]
        held_bytes = len(self._ahead)
        self._ahead = b""
        while part := self._next(_READ_BYTES):
            held_bytes += len(part)
            if held_bytes > limit_bytes:
                return None
            parts.append(part)
        return b"".join(parts)

    def drain(self) -> None:
        """Reads to the end."""
        self._ahead = b""
        while self._next(_READ_BYTES):
            pass

    def row(self, *, whole: bool) -> dict[str, Any]:
        """What is known of the content: digests only if it was read whole."""
        row: dict[str, Any] = {"read_bytes": self.read_bytes, "head": self._head[:_HEAD_BYTES]}
        if not whole:
            return row
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return row | {"content_format": sniffed(self._head, self.read_bytes)} | digests
