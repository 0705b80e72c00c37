"""Claims in the metadata items of HEIF and AVIF: EXIF and XMP, found by the tables of a meta box.

References:
    ISO/IEC 14496-12, 8.11.3 (`iloc`), 8.11.6 (`iinf`, `infe`), 8.11.11 (`idat`). ISO/IEC 23008-12, annex A (items
    `Exif`, and `mime` of type application/rdf+xml).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater_sealed.claims_exif import read_directories
from headwater_sealed.claims_found import MAX_PIECE_BYTES, Claims, Source
from headwater_sealed.claims_xmp import read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["read_items"]

_MAX_ITEMS = 10_000
_MAX_EXTENTS = 1024
_MAX_TABLE_BYTES = 4 << 20
_MAX_WANTED = 16


def read_items(source: Source, claims: Claims, tables: Mapping[bytes, tuple[int, int]], offset_bytes: int) -> None:
    """Takes the claims of the items.

    Args:
        source: The file.
        claims: Where they go.
        tables: Beginning and end of the content of each box of the meta box.
        offset_bytes: Where the meta box begins.
    """
    with claims.reading("meta items", offset_bytes):
        wanted = _wanted(_table(source, tables[b"iinf"]))
        if not wanted:
            return
        if b"iloc" not in tables:
            raise UnreadableError("items without a table of their places")
        places = _Places(_table(source, tables[b"iloc"])).read()
        for number, kind in sorted(wanted.items())[:_MAX_WANTED]:
            extents = places.get(number)
            place = f"item {kind}"
            at = extents[0][1] if extents and not extents[0][0] else offset_bytes
            with claims.reading(place, at):
                if not extents:
                    raise UnreadableError(f"item {number} has no place")
                content = _content(source, extents, tables.get(b"idat"))
                if kind == "XMP":
                    read_xmp(content, claims, place, at)
                else:
                    skipped = 4 + int.from_bytes(content[:4], "big")
                    read_directories(Source.of(content[skipped:], claims), claims, place, at)
        if len(wanted) > _MAX_WANTED:
            raise UnreadableError(f"{len(wanted)} items of metadata, of which {_MAX_WANTED} were read")


def _table(source: Source, place: tuple[int, int]) -> bytes:
    if place[1] - place[0] > _MAX_TABLE_BYTES:
        raise UnreadableError(f"a table of {place[1] - place[0]:,} bytes")
    return source.at(place[0], place[1] - place[0])


def _wanted(table: bytes) -> dict[int, str]:
    """Items that hold metadata, by number."""
    found: dict[int, str] = {}
    at = 6 if table[:1] == b"\0" else 8
    for _ in range(_MAX_ITEMS):
        size = int.from_bytes(table[at : at + 4], "big")
        if at + 8 > len(table):
            return found
        if size < 8 or at + size > len(table):
            raise UnreadableError(f"an item entry of {size:,} bytes")
        entry = table[at + 8 : at + size]
        wide = entry[:1] == b"\3"
        number = int.from_bytes(entry[4 : 8 if wide else 6], "big")
        rest = entry[10 if wide else 8 :]
        if table[at + 4 : at + 8] == b"infe" and entry[:1] in {b"\2", b"\3"}:
            if rest[:4] == b"Exif":
                found[number] = "Exif"
            elif rest[:4] == b"mime" and rest[4:].split(b"\0", 2)[1:2] == [b"application/rdf+xml"]:
                found[number] = "XMP"
        at += size
    raise UnreadableError(f"more than {_MAX_ITEMS:,} items")


class _Places:
    """Reads the table of places: numbers whose widths it states itself."""

    def __init__(self, table: bytes) -> None:
        self._table = table
        self._at = 0

    def _number(self, width: int) -> int:
        raw = self._table[self._at : self._at + width]
        if len(raw) != width:
            raise UnreadableError("a table of places that ends too early")
        self._at += width
        return int.from_bytes(raw, "big")

    def read(self) -> dict[int, list[tuple[int, int, int]]]:
        """For each item its extents: how they are built, offset, length."""
        version = self._number(4) >> 24
        widths = self._number(2)
        offset, length, base, index = (widths >> shift & 15 for shift in (12, 8, 4, 0))
        count = self._number(2 if version < 2 else 4)
        if version > 2 or count > _MAX_ITEMS:
            raise UnreadableError(f"a table of places of version {version} with {count:,} items")
        found: dict[int, list[tuple[int, int, int]]] = {}
        total = 0
        for _ in range(count):
            number = self._number(2 if version < 2 else 4)
            built = self._number(2) & 15 if version else 0
            self._number(2)  # in which file; another file is never opened
            start = self._number(base)
            extents = self._number(2)
            total += extents
            if total > _MAX_EXTENTS * 16:
                raise UnreadableError("too many extents")
            for _ in range(extents):
                if version:
                    self._number(index)
                found.setdefault(number, []).append((built, start + self._number(offset), self._number(length)))
        return found


def _content(source: Source, extents: list[tuple[int, int, int]], idat: tuple[int, int] | None) -> bytes:
    parts: list[Any] = []
    if len(extents) > _MAX_EXTENTS or sum(length for _, _, length in extents) > MAX_PIECE_BYTES:
        raise UnreadableError(f"an item of {len(extents):,} extents or more than {MAX_PIECE_BYTES >> 20} MiB")
    for built, start, length in extents:
        if built == 0:
            parts.append(source.at(start, length))
        elif built == 1 and idat is not None:
            if idat[0] + start + length > idat[1]:
                raise UnreadableError("an item that lies outside of its box")
            parts.append(source.at(idat[0] + start, length))
        else:
            raise UnreadableError(f"an item built in the way {built}")
    return b"".join(parts)
