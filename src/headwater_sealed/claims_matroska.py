"""Claims in the elements of Matroska and WebM files.

References:
    RFC 8794, 4 and 5 (EBML: ids, sizes, unknown sizes). RFC 9559, 5.1.2 (Info: MuxingApp, WritingApp), 5.1.8 (Tags).
"""

from __future__ import annotations

from headwater_sealed.claims_found import MAX_PIECE_BYTES, Claims, Source, decoded, short_text
from headwater_sealed.claims_keys import take_key
from headwater_sealed.refusal import UnreadableError

__all__ = ["read_matroska"]

_MAX_ELEMENTS = 200_000
_SEGMENT, _ABOUT, _TAGS = 0x18538067, 0x1549A966, 0x1254C367
_MUXING, _WRITING = 0x4D80, 0x5741
_TAG, _SIMPLE, _NAME, _STRING = 0x7373, 0x67C8, 0x45A3, 0x4487


def read_matroska(source: Source, claims: Claims) -> None:
    """Takes the claims of a Matroska file."""
    with claims.reading("Matroska elements", 0):
        _Walk(source, claims).file()


class _Walk:
    """One walk over the elements of a file, with one limit on their number."""

    def __init__(self, source: Source, claims: Claims) -> None:
        self._source, self._claims = source, claims
        self._count = 0

    def file(self) -> None:
        """Takes what the segments say."""
        at, end, segments = 0, self._source.size_bytes, 0
        while at < end:
            name, begin, size = self._head(self._source, at, end)
            if name == _SEGMENT:
                segments += 1
                self._segment(begin, end if size is None else min(end, begin + size))
            if size is None:
                return
            at = begin + size
        if not segments:
            raise UnreadableError("no segment")
        if at > end:
            raise UnreadableError(f"ends at byte {end:,}, {at - end:,} bytes before its last element")

    def _segment(self, at: int, end: int) -> None:
        while at < end:
            name, begin, size = self._head(self._source, at, end)
            if size is None:
                raise UnreadableError(f"an element of unknown size at byte {at:,}: what follows it was not looked for")
            if name in {_ABOUT, _TAGS}:
                label = "Info" if name == _ABOUT else "Tags"
                with self._claims.reading(f"Matroska {label}", at):
                    if size > MAX_PIECE_BYTES:
                        raise UnreadableError(f"an element of {size:,} bytes")
                    content = Source.of(self._source.at(begin, size), self._claims)
                    if name == _ABOUT:
                        self._about(content, at)
                    else:
                        self._tags(content, at)
            at = begin + size

    def _about(self, content: Source, offset_bytes: int) -> None:
        for name, inner in self._elements(content):
            if name in {_MUXING, _WRITING}:
                place = f"Matroska {'MuxingApp' if name == _MUXING else 'WritingApp'}"
                self._claims.say("encoder", decoded(inner), place, offset_bytes)

    def _tags(self, content: Source, offset_bytes: int) -> None:
        for name, tag in self._elements(content):
            for inner_name, simple in self._elements(Source.of(tag, self._claims)) if name == _TAG else ():
                if inner_name == _SIMPLE:
                    said = dict(self._elements(Source.of(simple, self._claims)))
                    key, value = decoded(said.get(_NAME, b"")), decoded(said.get(_STRING, b""))
                    take_key(self._claims, key, value, f"Matroska tag {short_text(key)[:80]}", offset_bytes)

    def _elements(self, content: Source) -> list[tuple[int, bytes]]:
        found, at = [], 0
        while at < content.size_bytes:
            name, begin, size = self._head(content, at, content.size_bytes)
            if size is None:
                raise UnreadableError("an inner element of unknown size")
            found.append((name, content.at(begin, size)))
            at = begin + size
        return found

    def _head(self, source: Source, at: int, end: int) -> tuple[int, int, int | None]:
        """Id of an element, where its content begins, and its size; None where that is unknown."""
        self._count += 1
        if self._count > _MAX_ELEMENTS:
            raise UnreadableError(f"more than {_MAX_ELEMENTS:,} elements")
        raw = source.at(at, min(12, end - at))
        id_bytes = _width(raw, 0, 4)
        size_bytes = _width(raw, id_bytes, 8)
        size = int.from_bytes(raw[id_bytes : id_bytes + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
        unknown = size == (1 << 7 * size_bytes) - 1
        return int.from_bytes(raw[:id_bytes], "big"), at + id_bytes + size_bytes, None if unknown else size


def _width(raw: bytes, at: int, most: int) -> int:
    """How many bytes a number of variable width has, by its leading zeros."""
    first = raw[at] if at < len(raw) else 0
    width = 9 - first.bit_length()
    if width > most or at + width > len(raw):
        raise UnreadableError("no element where one should begin")
    return width
