"""Claims in the chunks of a RIFF file: WebP stills and AVI videos.

References:
    RFC 9649, 2.3 to 2.7 (RIFF, `EXIF`, `XMP `). C2PA specification, annex A (`C2PA`).
    XMP part 3, "AVI" (`_PMX` in AVI).
    Microsoft RIFF multimedia data standards update 3.0, list INFO: ISFT.
"""

from __future__ import annotations

from headwater_sealed.claims_c2pa import read_manifest_store
from headwater_sealed.claims_exif import read_directories
from headwater_sealed.claims_found import Claims, Source, decoded
from headwater_sealed.claims_generators import says_its_maker
from headwater_sealed.claims_xmp import read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["read_riff"]

_MAX_CHUNKS = 50_000
_MAX_DEPTH = 3
_LISTS = {b"INFO", b"hdrl"}
_LISTED = {b"ISFT": "software", b"ISRC": "camera"}


def read_riff(source: Source, claims: Claims) -> None:
    """Takes the claims of a RIFF file, and of the further parts that a long AVI has behind the first."""
    form = {b"WEBP": "WebP", b"AVI ": "AVI"}.get(source.at(8, 4), "RIFF")
    with claims.reading(f"{form} chunks", 0):
        _Walk(source, claims, form).chunks(0, source.size_bytes, 0)


class _Walk:
    """One walk over the chunks of a file, with one limit on their number."""

    def __init__(self, source: Source, claims: Claims, form: str) -> None:
        self._source, self._claims, self._form = source, claims, form
        self._count = 0

    def chunks(self, at: int, end: int, depth: int) -> None:
        """Takes the chunks between two places."""
        while at + 8 <= end:
            self._count += 1
            if self._count > _MAX_CHUNKS:
                raise UnreadableError(f"more than {_MAX_CHUNKS:,} chunks")
            head = self._source.at(at, 8)
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            if at + 8 + size > end:
                self._claims.unreadable(
                    f"{self._form} chunks", at, f"a chunk of {size:,} bytes where {end - at - 8:,} are left"
                )
                size = end - at - 8
            if kind in {b"RIFF", b"LIST"} and size >= 4:
                listed = self._source.at(at + 8, 4)
                if depth < _MAX_DEPTH and (kind == b"RIFF" or listed in _LISTS):
                    self.chunks(at + 12, at + 8 + size, depth + 1)
            else:
                self._take(kind, at, size)
            at += 8 + size + (size & 1)
        if at < end and self._source.at(at, end - at).strip(b"\0"):
            raise UnreadableError(f"no chunk in the last {end - at} bytes before byte {end:,}")

    def _take(self, kind: bytes, at: int, size: int) -> None:
        claims, source = self._claims, self._source
        place = f"{self._form} {kind.decode('latin-1').strip()}"
        if kind not in {b"EXIF", b"XMP ", b"_PMX", b"C2PA", b"ICMT", *_LISTED}:
            return
        with claims.reading(place, at):
            content = source.at(at + 8, size)
            if kind == b"EXIF":
                read_directories(Source.of(content.removeprefix(b"Exif\0\0"), claims), claims, place, at)
            elif kind in {b"XMP ", b"_PMX"}:
                read_xmp(content, claims, place, at)
            elif kind == b"C2PA":
                read_manifest_store(content, claims, place, at)
            elif kind in _LISTED:
                claims.say(_LISTED[kind], decoded(content), place, at)
            else:
                text = decoded(content)
                if not claims.generated(text, place, at) and says_its_maker(text):
                    claims.say("comment", text, place, at)
