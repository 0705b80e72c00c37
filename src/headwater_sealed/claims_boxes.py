"""Claims in the boxes of MP4, QuickTime, HEIF and AVIF files, and of others that are built of such boxes.

References:
    ISO/IEC 14496-12, 4.2 (boxes), 4.3 (brands), 8.4.3 (handlers), 8.5.2 and 12.1.3 (sample entries, compressor name),
    8.10.1 (user data), 8.11 (meta, items). QuickTime file format, "User data atoms" and "Metadata". XMP part 3,
    "MOV" and "MPEG-4" (atom `XMP_`, box `uuid`). C2PA specification, annex A (box `uuid` with a purpose). ISO/IEC
    18181-2 (`jumb`, `Exif`, `xml `).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headwater_sealed.claims_c2pa import is_manifest_store, read_manifest_store
from headwater_sealed.claims_exif import read_directories
from headwater_sealed.claims_found import Claims, Source, decoded, short_text
from headwater_sealed.claims_generators import says_its_maker
from headwater_sealed.claims_items import read_items
from headwater_sealed.claims_keys import take_key
from headwater_sealed.claims_xmp import read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["Box", "boxes_between", "read_boxes"]

_MAX_BOXES = 100_000
_MAX_DEPTH = 10
_MAX_SMALL_BYTES = 1 << 20
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"jp2h"}
_INDICES = {b"moov", b"moof", b"meta", b"jp2h", b"jxlc", b"jxlp"}
_XMP_TYPE = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_TYPE = b"JpgTiffExif->JP2"
_C2PA_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_COPYRIGHT = 0xA9

# User data and item lists, by the four letters; those that begin with the copyright sign are written with (c) here.
_LISTED = {
    b"\xa9too": "encoder",
    b"\xa9enc": "encoder",
    b"\xa9swr": "software",
    b"\xa9mak": "camera",
    b"\xa9mod": "camera",
    b"FIRM": "software",
    b"LENS": "camera",
}
_FREE = {b"\xa9cmt", b"\xa9des", b"\xa9inf", b"desc", b"ldes"}
_FREEFORM_TOOLS = {"tool", "encoder", "itunencodingtool", "software"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box.

    Attributes:
        kind: Its four letters.
        at: Where it begins in the file.
        begin: Where its content begins.
        end: Where it ends.
    """

    kind: bytes
    at: int
    begin: int
    end: int


def boxes_between(source: Source, begin: int, end: int) -> Iterator[Box]:
    """The boxes between two places.

    Raises:
        UnreadableError: One is smaller than its head, or ends behind the second place; that one is given first, cut.
    """
    at = begin
    while at + 8 <= end:
        head = source.at(at, 8)
        size, kind, head_bytes = int.from_bytes(head[:4], "big"), head[4:], 8
        if size == 1:
            size, head_bytes = int.from_bytes(source.at(at + 8, 8), "big"), 16
        elif size == 0:
            size = end - at
        if size < head_bytes:
            if not head.strip(b"\0"):
                return  # QuickTime ends some lists with a zero
            raise UnreadableError(f"a box of {size} bytes at byte {at:,}")
        yield Box(kind=kind, at=at, begin=at + head_bytes, end=min(end, at + size))
        if at + size > end:
            raise UnreadableError(f"a box of {size:,} bytes at byte {at:,}, where {end - at:,} are left")
        at += size
    if at < end and source.at(at, end - at).strip(b"\0"):
        raise UnreadableError(f"no box in the last {end - at} bytes before byte {end:,}")


def read_boxes(source: Source, claims: Claims) -> None:
    """Takes the claims of a file that is built of boxes."""
    walk = _Walk(source, claims)
    with claims.reading("boxes", 0):
        walk.boxes(0, source.size_bytes, 0)
    if not walk.outermost & _INDICES:
        claims.unreadable("boxes", 0, "no box that describes the rest of the file")


class _Walk:
    """One walk over the boxes of a file, with one limit on their number.

    Attributes:
        outermost: Kinds of the boxes that are in no other.
    """

    def __init__(self, source: Source, claims: Claims) -> None:
        self._source, self._claims = source, claims
        self._count = 0
        self.outermost: set[bytes] = set()
        self._handler = b""

    def boxes(self, begin: int, end: int, depth: int, inside: bytes = b"") -> None:
        """Takes the boxes between two places, which are inside of a box of that kind."""
        for box in boxes_between(self._source, begin, end):
            self._count += 1
            if self._count > _MAX_BOXES or depth > _MAX_DEPTH:
                raise UnreadableError(f"more than {_MAX_BOXES:,} boxes or {_MAX_DEPTH} levels")
            if depth == 0:
                self.outermost.add(box.kind)
            name = _written(box.kind)
            if box.kind in _CONTAINERS:
                with self._claims.reading(f"box {name}", box.at):
                    self.boxes(box.begin, box.end, depth + 1, box.kind)
                continue
            with self._claims.reading(f"box {name}", box.at):
                self._take(box, depth, inside)

    def _take(self, box: Box, depth: int, inside: bytes) -> None:
        kind = box.kind
        if kind == b"meta":
            self._meta(box, depth)
        elif kind == b"uuid":
            self._uuid(box)
        elif kind in {b"XMP_", b"xml "}:
            read_xmp(self._piece(box), self._claims, f"box {_written(kind)}", box.at)
        elif depth == 0:
            self._take_outermost(box)
        elif kind == b"hdlr" and inside == b"mdia":
            self._handler_name(box)
        elif kind == b"stsd" and self._handler == b"vide":
            self._compressor(box)
        elif inside == b"udta" and (kind in _LISTED or kind in _FREE):
            self._user_text(box)

    def _take_outermost(self, box: Box) -> None:
        claims = self._claims
        if box.kind == b"ftyp":
            claims.say("brand", self._content(box)[:4].decode("latin-1"), "ftyp", box.at)
        elif box.kind == b"Exif":
            read_directories(Source.of(self._piece(box)[4:], claims), claims, "box Exif", box.at)
        elif box.kind == b"jumb":
            content = self._source.at(box.at, box.end - box.at)
            if is_manifest_store(content):
                read_manifest_store(content, claims, "box jumb", box.at)

    def _content(self, box: Box) -> bytes:
        """The content of a box that holds a short text or a table."""
        if box.end - box.begin > _MAX_SMALL_BYTES:
            raise UnreadableError(f"a box of {box.end - box.begin:,} bytes")
        return self._source.at(box.begin, box.end - box.begin)

    def _piece(self, box: Box) -> bytes:
        """The content of a box that holds metadata of another form."""
        return self._source.at(box.begin, box.end - box.begin)

    def _uuid(self, box: Box) -> None:
        name = self._source.at(box.begin, 16)
        if name == _XMP_TYPE:
            read_xmp(self._piece(box)[16:], self._claims, "box uuid XMP", box.at)
        elif name == _EXIF_TYPE:
            read_directories(Source.of(self._piece(box)[16:], self._claims), self._claims, "box uuid EXIF", box.at)
        elif name == _C2PA_TYPE:
            content = self._piece(box)[20:]
            purpose, _, store = content.partition(b"\0")
            if purpose == b"merkle":
                return  # digests of parts; it says nothing of a maker
            # Eight bytes of an offset stand before the store, for most purposes.
            start = next((at for at in (8, 0) if is_manifest_store(store[at : at + 32])), None)
            if start is None:
                raise UnreadableError(f"no C2PA manifest store for the purpose {short_text(decoded(purpose))[:20]}")
            read_manifest_store(store[start:], self._claims, "box uuid", box.at)

    def _handler_name(self, box: Box) -> None:
        content = self._content(box)
        if len(content) < 24:
            raise UnreadableError("a handler without its head")
        self._handler = content[8:12]
        name = content[24:].split(b"\0", 1)[0]
        # QuickTime counts the letters in front, where ISO ends them with a zero.
        if name and name[0] < 0x20 and name[0] <= len(content) - 25:
            name = content[25 : 25 + name[0]]
        self._claims.say("handler", decoded(name), f"hdlr {decoded(self._handler)}", box.at)

    def _compressor(self, box: Box) -> None:
        """The program that a track's sample entries name, in a counted text of 32 bytes."""
        for entry in boxes_between(self._source, box.begin + 8, box.end):
            if entry.end - entry.at < 82:
                continue
            field = self._source.at(entry.at + 50, 32)
            self._claims.say("encoder", decoded(field[1 : 1 + min(field[0], 31)]), "stsd compressor name", box.at)

    def _user_text(self, box: Box) -> None:
        """The text of user data: QuickTime's, counted and with a language, or plain."""
        content = self._content(box)
        if content[4:8] == b"data":
            content = content[16:]
        elif box.kind[0] == _COPYRIGHT and 4 <= int.from_bytes(content[:2], "big") + 4 <= len(content):
            content = content[4 : 4 + int.from_bytes(content[:2], "big")]
        self._listed(box.kind, decoded(content), f"udta {_written(box.kind)}", box.at)

    def _listed(self, kind: bytes, text: str, place: str, at: int) -> None:
        if kind in _LISTED:
            self._claims.say(_LISTED[kind], text, place, at)
        elif kind in _FREE and not self._claims.generated(text, place, at) and says_its_maker(text):
            self._claims.say("comment", text, place, at)

    def _meta(self, box: Box, depth: int) -> None:
        """A meta box, which has a version in ISO's form and none in QuickTime's."""
        head = self._source.at(box.begin, min(8, box.end - box.begin))
        begin = box.begin if head[4:8] == b"hdlr" else box.begin + 4
        inner = list(boxes_between(self._source, begin, box.end))
        keys: list[str] = []
        for one in inner:
            with self._claims.reading(f"meta {_written(one.kind)}", one.at):
                if one.kind == b"keys":
                    keys = self._keys(one)
                elif one.kind == b"ilst":
                    self._item_list(one, keys)
                elif one.kind in {b"xml ", b"uuid"}:
                    self._take(one, depth + 1, b"meta")
        if any(one.kind == b"iinf" for one in inner):
            read_items(self._source, self._claims, {one.kind: (one.begin, one.end) for one in reversed(inner)}, box.at)

    def _keys(self, box: Box) -> list[str]:
        content, at, found = self._content(box), 8, []
        for _ in range(min(int.from_bytes(content[4:8], "big"), 4096)):
            size = int.from_bytes(content[at : at + 4], "big")
            if size < 8 or at + size > len(content):
                raise UnreadableError(f"a key of {size:,} bytes")
            found.append(decoded(content[at + 8 : at + size]))
            at += size
        return found

    def _item_list(self, box: Box, keys: list[str]) -> None:
        for item in boxes_between(self._source, box.begin, box.end):
            self._count += 1
            if self._count > _MAX_BOXES:
                raise UnreadableError(f"more than {_MAX_BOXES:,} boxes")
            with self._claims.reading("meta ilst", item.at):
                number = int.from_bytes(item.kind, "big")
                if keys and 0 < number <= len(keys):
                    key = keys[number - 1]
                    for text in self._values(item):
                        take_key(self._claims, key, text, f"meta {short_text(key)[:80]}", item.at)
                elif item.kind == b"----":
                    self._freeform(item)
                elif item.kind in _LISTED or item.kind in _FREE:
                    for text in self._values(item):
                        self._listed(item.kind, text, f"ilst {_written(item.kind)}", item.at)

    def _values(self, item: Box) -> Iterator[str]:
        """The texts of an item; pictures and numbers are left out by their type."""
        for box in boxes_between(self._source, item.begin, item.end):
            if box.kind == b"data" and box.end - box.begin >= 8:
                content = self._content(box)
                if int.from_bytes(content[:4], "big") in {0, 1}:
                    yield decoded(content[8:])

    def _freeform(self, item: Box) -> None:
        names = [self._content(b)[4:] for b in boxes_between(self._source, item.begin, item.end) if b.kind == b"name"]
        name = decoded(names[0]) if names else ""
        for text in self._values(item):
            place = f"ilst ---- {short_text(name)[:40]}"
            if name.lower() in _FREEFORM_TOOLS:
                self._claims.say("encoder", text, place, item.at)
            else:
                self._claims.generated(text, place, item.at, keyword=name.lower())


def _written(kind: bytes) -> str:
    """The four letters as text; the copyright sign as it is."""
    return short_text(kind.decode("latin-1")) or kind.hex()
