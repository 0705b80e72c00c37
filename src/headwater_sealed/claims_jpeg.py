"""Claims in the segments of a JPEG file, up to its first scan.

References:
    ITU-T T.81, B.1.1 (markers, segments). EXIF 3.0, "APP1". XMP part 3, "JPEG" (APP1, and packets that go on in
    further segments). ISO/IEC 19566-5, D.2 and C2PA specification, annex A (boxes cut into APP11 segments). Adobe
    Photoshop file formats, "Image Resource Blocks" (APP13).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headwater_sealed.claims_c2pa import is_manifest_store, read_manifest_store
from headwater_sealed.claims_exif import read_directories
from headwater_sealed.claims_found import MAX_PIECE_BYTES, Claims, Source, decoded
from headwater_sealed.claims_generators import says_its_maker
from headwater_sealed.claims_iim import read_photoshop_blocks
from headwater_sealed.claims_xmp import MAX_PACKET_BYTES, extended_guid, read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["read_jpeg"]

_MAX_SEGMENTS = 8192
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP1, _APP11, _APP13 = 0xE1, 0xEB, 0xED
_ALONE = {0x01, *range(0xD0, 0xD8)}
_EXIF, _XMP = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"


@dataclass(slots=True)
class _Parts:
    """Segments that belong together.

    Attributes:
        offset_bytes: Where the first of them begins.
        pieces: Place among them and content.
    """

    offset_bytes: int
    pieces: dict[int, bytes] = field(default_factory=dict)


class _Collected:
    """What is put together once every segment was seen."""

    def __init__(self) -> None:
        self.boxes: dict[int, _Parts] = {}
        self.box_heads: dict[int, bytes] = {}
        self.extended: dict[tuple[bytes, int], _Parts] = {}
        self.photoshop: _Parts | None = None
        self.guids: set[bytes] = set()


def read_jpeg(source: Source, claims: Claims) -> None:
    """Takes the claims of a JPEG file."""
    collected = _Collected()
    with claims.reading("JPEG segments", 0):
        at = 2
        for _ in range(_MAX_SEGMENTS):
            marker_at, marker = _marker(source, at)
            if marker in {_SOS, _EOI}:
                break
            if marker in _ALONE:
                at = marker_at + 2
                continue
            length = int.from_bytes(source.at(marker_at + 2, 2), "big")
            if length < 2:
                raise UnreadableError(f"a segment of length {length} at byte {marker_at:,}")
            if marker in {_APP1, _APP11, _APP13, _COM}:
                _take(marker, source.at(marker_at + 4, length - 2), marker_at, claims, collected)
            at = marker_at + 2 + length
        else:
            raise UnreadableError(f"more than {_MAX_SEGMENTS:,} segments")
    _put_together(claims, collected)


def _marker(source: Source, at: int) -> tuple[int, int]:
    """Where the next marker stands, and its code; bytes of 0xFF may fill before it."""
    for _ in range(4096):
        pair = source.at(at, 2)
        if pair[0] != 0xFF:
            raise UnreadableError(f"no marker at byte {at:,}")
        if pair[1] != 0xFF:
            return at, pair[1]
        at += 1
    raise UnreadableError(f"nothing but filling before byte {at:,}")


def _take(marker: int, content: bytes, at: int, claims: Claims, collected: _Collected) -> None:
    if marker == _COM:
        text = decoded(content)
        if not claims.generated(text, "JPEG COM", at) and says_its_maker(text):
            claims.say("comment", text, "JPEG COM", at)
    elif marker == _APP1 and content.startswith(_EXIF):
        read_directories(Source.of(content[6:], claims), claims, "JPEG APP1 EXIF", at)
    elif marker == _APP1 and content.startswith(_XMP):
        packet = content[len(_XMP) :]
        guid = extended_guid(packet)
        if guid is not None:
            collected.guids.add(guid)
        read_xmp(packet, claims, "JPEG APP1 XMP", at)
    elif marker == _APP1 and content.startswith(_EXTENSION):
        with claims.reading("JPEG APP1 extended XMP", at):
            _take_extension(content[len(_EXTENSION) :], at, collected)
    elif marker == _APP11 and content.startswith(b"JP"):
        with claims.reading("JPEG APP11", at):
            _take_box(content, at, collected)
    elif marker == _APP13 and content.startswith(_PHOTOSHOP):
        blocks = collected.photoshop = collected.photoshop or _Parts(at)
        blocks.pieces[len(blocks.pieces)] = content[len(_PHOTOSHOP) :]


def _take_extension(content: bytes, at: int, collected: _Collected) -> None:
    """A piece of an extended packet: digest, whole length, its own place, text."""
    if len(content) < 40:
        raise UnreadableError("a piece of an extended packet without its head")
    whole, place = int.from_bytes(content[32:36], "big"), int.from_bytes(content[36:40], "big")
    if whole > MAX_PACKET_BYTES:
        raise UnreadableError(f"an extended packet of {whole:,} bytes")
    parts = collected.extended.setdefault((content[:32], whole), _Parts(at))
    parts.pieces.setdefault(place, content[40:])


def _take_box(content: bytes, at: int, collected: _Collected) -> None:
    """A piece of a box: number of the box, number of the piece, then the head of the box again, then its bytes."""
    if len(content) < 16:
        raise UnreadableError("a piece of a box without its head")
    number, piece = int.from_bytes(content[2:4], "big"), int.from_bytes(content[4:8], "big")
    head = 16 if content[8:12] == b"\0\0\0\1" else 8
    collected.box_heads.setdefault(number, content[8 : 8 + head])
    collected.boxes.setdefault(number, _Parts(at)).pieces.setdefault(piece, content[8 + head :])


def _put_together(claims: Claims, collected: _Collected) -> None:
    for (guid, whole), parts in sorted(collected.extended.items()):
        place = "JPEG APP1 extended XMP"
        with claims.reading(place, parts.offset_bytes):
            if guid not in collected.guids:
                raise UnreadableError("belongs to no packet of this file")
            pieces = [parts.pieces[start] for start in sorted(parts.pieces)]
            ends = [start + len(piece) for start, piece in sorted(parts.pieces.items())]
            if sorted(parts.pieces) != [0, *ends[:-1]] or ends[-1:] != [whole]:
                raise UnreadableError(f"{sum(map(len, pieces)):,} of {whole:,} bytes are there")
            read_xmp(b"".join(pieces), claims, place, parts.offset_bytes)
    for number, parts in sorted(collected.boxes.items()):
        with claims.reading("JPEG APP11", parts.offset_bytes):
            content = collected.box_heads[number] + b"".join(parts.pieces[piece] for piece in sorted(parts.pieces))
            if len(content) > MAX_PIECE_BYTES:
                raise UnreadableError(f"a box of {len(content):,} bytes")
            if is_manifest_store(content):  # other boxes, such as depth maps, say nothing of a maker
                read_manifest_store(content, claims, "JPEG APP11", parts.offset_bytes)
    if collected.photoshop is not None:
        parts = collected.photoshop
        blocks = b"".join(parts.pieces[index] for index in sorted(parts.pieces))
        read_photoshop_blocks(blocks, claims, "JPEG APP13", parts.offset_bytes)
