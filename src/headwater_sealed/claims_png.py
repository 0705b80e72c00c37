"""Claims in the chunks of a PNG file.

References:
    PNG (W3C, third edition), 5 (chunks), 11.3.3 (tEXt, zTXt, iTXt and their keywords) and its chunk eXIf.
    XMP part 3, "PNG" (iTXt XML:com.adobe.xmp). C2PA specification, annex A (caBX).
"""

from __future__ import annotations

import zlib

from headwater_sealed.claims_c2pa import read_manifest_store
from headwater_sealed.claims_exif import read_directories
from headwater_sealed.claims_found import MAX_PIECE_BYTES, Claims, Source, decoded, short_text
from headwater_sealed.claims_generators import says_its_maker
from headwater_sealed.claims_iim import read_iim, read_photoshop_blocks
from headwater_sealed.claims_xmp import read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["SIGNATURE", "read_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 100_000
_MAX_TEXT_BYTES = 4 << 20
_MAX_INFLATED_BYTES = 16 << 20  # of all texts together
_MAX_KEYWORD_BYTES = 79  # PNG, 11.3.3.2
_WANTED = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX"}
_SAID = {"software": "software", "source": "camera", "creatortool": "creator-tool", "encoder": "encoder"}
_XMP = "xml:com.adobe.xmp"
_RAW_PROFILE = "raw profile type "


def read_png(source: Source, claims: Claims) -> None:
    """Takes the claims of a PNG file."""
    with claims.reading("PNG chunks", 0):
        chunks = _Chunks(claims)
        at = len(SIGNATURE)
        for _ in range(_MAX_CHUNKS):
            head = source.at(at, 8)
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if not kind.isalpha():
                raise UnreadableError(f"no chunk at byte {at:,}")
            if kind in _WANTED:
                place = f"PNG {kind.decode('ascii')}"
                with claims.reading(place, at):
                    if length > MAX_PIECE_BYTES:
                        raise UnreadableError(f"a chunk of {length:,} bytes")
                    content = source.at(at + 8, length)
                    chunks.take(kind, content, place, at)
                    if zlib.crc32(head[4:] + content) != int.from_bytes(source.at(at + 8 + length, 4), "big"):
                        claims.unreadable(place, at, "its checksum differs: what it says may be damaged")
            at += 12 + length
            if kind == b"IEND":
                break
        else:
            raise UnreadableError(f"more than {_MAX_CHUNKS:,} chunks")


class _Chunks:
    """Takes chunks, with one limit on all that is inflated."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._left_bytes = _MAX_INFLATED_BYTES

    def take(self, kind: bytes, content: bytes, place: str, at: int) -> None:
        """Takes the claims of one chunk."""
        if kind == b"eXIf":
            read_directories(Source.of(content.removeprefix(b"Exif\0\0"), self._claims), self._claims, place, at)
        elif kind == b"caBX":
            read_manifest_store(content, self._claims, place, at)
        else:
            keyword, text = self._text(kind, content)
            self._take_text(keyword, text, f"{place} {short_text(keyword)}", at)

    def _text(self, kind: bytes, content: bytes) -> tuple[str, bytes]:
        """Keyword and text of a chunk, inflated."""
        name, found, rest = content.partition(b"\0")
        if not found or not 0 < len(name) <= _MAX_KEYWORD_BYTES:
            raise UnreadableError("a text without a keyword")
        keyword = name.decode("latin-1")
        if kind == b"tEXt":
            return keyword, rest
        if kind == b"zTXt":
            return keyword, self._inflated(rest[1:], rest[:1])
        packed, method = rest[:1], rest[1:2]
        parts = rest[2:].split(b"\0", 2)
        if len(parts) != 3:
            raise UnreadableError("an international text without its parts")
        return keyword, self._inflated(parts[2], method) if packed == b"\1" else parts[2]

    def _inflated(self, packed: bytes, method: bytes) -> bytes:
        if method != b"\0":
            raise UnreadableError("a text packed by a method that PNG does not have")
        most = min(_MAX_TEXT_BYTES, self._left_bytes)
        inflater = zlib.decompressobj()
        text = inflater.decompress(packed, most + 1)
        self._left_bytes -= min(len(text), most)
        if len(text) > most:
            raise UnreadableError(f"a text of more than {most:,} bytes")
        if not inflater.eof:
            raise UnreadableError("a packed text that ends too early")
        return text

    def _take_text(self, keyword: str, raw: bytes, place: str, at: int) -> None:
        claims, name = self._claims, keyword.lower()
        if name == _XMP:
            read_xmp(raw, claims, place, at)
            return
        if name.startswith(_RAW_PROFILE):
            self._take_profile(name.removeprefix(_RAW_PROFILE), raw, place, at)
            return
        text = decoded(raw)
        if claims.generated(text, place, at, keyword=name):
            return
        if name in _SAID:
            claims.say(_SAID[name], text, place, at)
        elif name == "comment" and says_its_maker(text):
            claims.say("comment", text, place, at)

    def _take_profile(self, name: str, raw: bytes, place: str, at: int) -> None:
        """A profile of another format as hexadecimal digits, behind its name and its length: ImageMagick's way."""
        if name not in {"exif", "app1", "xmp", "iptc", "8bim"}:
            return
        parts = raw.split(None, 2)
        if len(parts) != 3:
            raise UnreadableError("a raw profile without its parts")
        profile = bytes.fromhex(b"".join(parts[2].split()).decode("ascii"))
        if profile.startswith(b"Exif\0\0"):
            read_directories(Source.of(profile[6:], self._claims), self._claims, place, at)
        elif profile.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            read_xmp(profile.partition(b"\0")[2], self._claims, place, at)
        elif name == "xmp":
            read_xmp(profile, self._claims, place, at)
        elif profile.startswith(b"8BIM"):
            read_photoshop_blocks(profile, self._claims, place, at)
        elif name == "iptc":
            read_iim(profile, self._claims, place, at)
        else:
            raise UnreadableError("a raw profile of no known form")
