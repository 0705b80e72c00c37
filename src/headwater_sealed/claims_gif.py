"""Claims in the blocks of a GIF file.

References:
    GIF89a, 15 to 27 (blocks, sub-blocks, comment and application extensions). XMP part 3, "GIF" (application `XMP
    DataXMP`, whose packet is no sub-blocks and ends in 258 bytes that lead out of it). C2PA specification, annex A
    (`C2PA_GIF`).
"""

from __future__ import annotations

from headwater_sealed.claims_c2pa import read_manifest_store
from headwater_sealed.claims_found import MAX_PIECE_BYTES, Claims, Source, decoded
from headwater_sealed.claims_generators import says_its_maker
from headwater_sealed.claims_xmp import read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["read_gif"]

_MAX_BLOCKS = 2_000_000
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF
_LEAD_OUT_BYTES = 258
_XMP, _C2PA = b"XMP DataXMP", b"C2PA_GIF"


def read_gif(source: Source, claims: Claims) -> None:
    """Takes the claims of a GIF file."""
    with claims.reading("GIF blocks", 0):
        _Walk(source, claims).blocks()


class _Walk:
    """One walk over the blocks of a file, with one limit on their number."""

    def __init__(self, source: Source, claims: Claims) -> None:
        self._source, self._claims = source, claims
        self._count = 0

    def blocks(self) -> None:
        """Takes every block up to the trailer."""
        at = 13 + _colours(self._source.at(10, 1)[0])
        while True:
            kind = self._source.at(at, 1)[0]
            if kind == _TRAILER:
                return
            if kind == _IMAGE:
                at = self._end(at + 11 + _colours(self._source.at(at + 9, 1)[0]))
            elif kind == _EXTENSION:
                at = self._extension(at)
            else:
                raise UnreadableError(f"no block at byte {at:,}")

    def _extension(self, at: int) -> int:
        label = self._source.at(at + 1, 1)[0]
        end = self._end(at + 2)
        with self._claims.reading("GIF extension", at):
            if end - at > MAX_PIECE_BYTES and label in {_COMMENT, _APPLICATION}:
                raise UnreadableError(f"an extension of {end - at:,} bytes")
            if label == _COMMENT:
                self._take_comment(decoded(self._joined(at + 2, end)), at)
            elif label == _APPLICATION:
                self._take_application(at, end)
        return end

    def _take_comment(self, text: str, at: int) -> None:
        if not self._claims.generated(text, "GIF comment", at) and says_its_maker(text):
            self._claims.say("comment", text, "GIF comment", at)

    def _take_application(self, at: int, end: int) -> None:
        name = self._source.at(at + 3, 11)
        if name == _XMP:
            packet = self._source.at(at + 14, max(0, end - at - 14 - _LEAD_OUT_BYTES))
            read_xmp(packet, self._claims, "GIF XMP", at)
        elif name.startswith(_C2PA):
            read_manifest_store(self._joined(at + 14, end), self._claims, "GIF application", at)

    def _end(self, at: int) -> int:
        """The place behind a run of sub-blocks."""
        while True:
            self._count += 1
            if self._count > _MAX_BLOCKS:
                raise UnreadableError(f"more than {_MAX_BLOCKS:,} blocks")
            size = self._source.at(at, 1)[0]
            at += 1 + size
            if size == 0:
                return at

    def _joined(self, at: int, end: int) -> bytes:
        """The content of a run of sub-blocks."""
        raw, parts, place = self._source.at(at, end - at), [], 0
        while place < len(raw) and raw[place]:
            parts.append(raw[place + 1 : place + 1 + raw[place]])
            place += 1 + raw[place]
        return b"".join(parts)


def _colours(packed: int) -> int:
    """Bytes of the table of colours that a descriptor announces."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0
