"""Claims in TIFF directories: EXIF of any still, and TIFF files themselves.

References:
    TIFF 6.0, section 2 (header, directories, types); BigTIFF as libtiff documents it (magic 43, numbers of 8 bytes).
    EXIF 3.0 (CIPA DC-008), attribute tables: Make, Model, Software, UserComment, the lens and the software tags.
    XMP part 3, "TIFF" (tag 700); C2PA specification, annex A, "TIFF" (tag 52545).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headwater_sealed.claims_c2pa import read_manifest_store
from headwater_sealed.claims_found import Claims, Source, decoded
from headwater_sealed.claims_iim import read_iim, read_photoshop_blocks
from headwater_sealed.claims_xmp import read_xmp
from headwater_sealed.refusal import UnreadableError

__all__ = ["exif_text", "read_directories"]

_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 2048
_TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
    129: 1,
}

# tag: kind of claim, name. Names of persons, serial numbers and places are left alone.
_SAID: dict[int, tuple[str, str]] = {
    0x000B: ("software", "ProcessingSoftware"),
    0x010F: ("camera", "Make"),
    0x0110: ("camera", "Model"),
    0x0131: ("software", "Software"),
    0x013C: ("software", "HostComputer"),
    0xA433: ("camera", "LensMake"),
    0xA434: ("camera", "LensModel"),
    0xA439: ("software", "CameraFirmware"),
    0xA43A: ("software", "RAWDevelopingSoftware"),
    0xA43B: ("software", "ImageEditingSoftware"),
    0xA43C: ("software", "MetadataEditingSoftware"),
    0xC614: ("camera", "UniqueCameraModel"),
}
_FREE = {0x010E: "ImageDescription", 0x9286: "UserComment", 0x9C9C: "XPComment"}
_XMP, _IIM, _PHOTOSHOP, _EXIF, _C2PA = 0x02BC, 0x83BB, 0x8649, 0x8769, 0xCD41
_SUB_IFDS = 0x014A


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How numbers are written.

    Attributes:
        order: Of bytes.
        big: Whether it is BigTIFF.
    """

    order: Literal["little", "big"]
    big: bool

    @property
    def word(self) -> int:
        return 8 if self.big else 4

    def number(self, raw: bytes) -> int:
        return int.from_bytes(raw, self.order)


def exif_text(raw: bytes, order: Literal["little", "big"]) -> str:
    """The text of a UserComment, whose first eight bytes name its code."""
    code, text = raw[:8], raw[8:]
    if code.rstrip(b"\0 ") != b"UNICODE":
        return decoded(text if code.rstrip(b"\0 ") in {b"ASCII", b"JIS", b""} else raw)
    # Some writers take the file's order of bytes and some always the big one; in Latin text the zeros tell.
    even, odd = text[0:512:2].count(0), text[1:512:2].count(0)
    if even != odd:
        order = "big" if even > odd else "little"
    return text[: len(text) & ~1].decode(f"utf-16-{order[0]}e", "replace").split("\0", 1)[0]


def read_directories(source: Source, claims: Claims, place: str, offset_bytes: int | None = None) -> None:
    """Takes the claims of a TIFF structure.

    Args:
        source: The structure, from its header on.
        claims: Where they go.
        place: What holds the structure, such as `JPEG APP1 EXIF`.
        offset_bytes: Where the structure's holder begins in the file; None if the structure is the file.
    """
    with claims.reading(place, offset_bytes or 0):
        head = source.at(0, 8)
        orders: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}
        if head[:2] not in orders:
            raise UnreadableError("no TIFF header")
        form = _Form(order=orders[head[:2]], big=int.from_bytes(head[2:4], orders[head[:2]]) == 43)
        first = form.number(source.at(8, 8)) if form.big else form.number(head[4:8])
        _Walk(source, claims, place, offset_bytes, form).directories(first)


class _Walk:
    """One walk over the directories of a structure, each once."""

    def __init__(self, source: Source, claims: Claims, place: str, offset_bytes: int | None, form: _Form) -> None:
        self._source, self._claims, self._place, self._form = source, claims, place, form
        self._holder_bytes = offset_bytes
        self._seen: set[int] = set()

    def directories(self, first: int) -> None:
        """The chain of directories and what they point to."""
        waiting = [first]
        while waiting:
            at = waiting.pop(0)
            if at == 0 or at in self._seen:
                continue
            if len(self._seen) >= _MAX_DIRECTORIES:
                raise UnreadableError(f"more than {_MAX_DIRECTORIES} directories")
            self._seen.add(at)
            waiting += self._directory(at)

    def _directory(self, at: int) -> list[int]:
        """Takes one directory; the offsets of the further ones that it names."""
        form, source = self._form, self._source
        count_bytes, entry_bytes = (8, 20) if form.big else (2, 12)
        count = form.number(source.at(at, count_bytes))
        if count > _MAX_ENTRIES:
            raise UnreadableError(f"a directory of {count:,} entries")
        begin = at + count_bytes
        further: list[int] = []
        for index in range(count):
            entry_at = begin + index * entry_bytes
            entry = source.at(entry_at, entry_bytes)
            tag = form.number(entry[:2])
            if tag not in _WANTED:
                continue
            place = f"{self._place} {_name(tag)}"
            holder = entry_at if self._holder_bytes is None else self._holder_bytes
            with self._claims.reading(place, holder):
                value = self._value(entry)
                if tag in {_EXIF, _SUB_IFDS}:
                    word = 8 if len(value) % 8 == 0 and form.big else 4
                    further += [form.number(value[i : i + word]) for i in range(0, min(len(value), 16 * word), word)]
                else:
                    self._take(tag, value, place, holder)
        with self._claims.reading(
            f"{self._place} next directory", at if self._holder_bytes is None else self._holder_bytes
        ):
            end = begin + count * entry_bytes
            if end < source.size_bytes:  # some writers leave the last pointer out at the very end
                further.append(form.number(source.at(end, form.word)))
        return further

    def _value(self, entry: bytes) -> bytes:
        form = self._form
        kind = form.number(entry[2:4])
        if kind not in _TYPE_BYTES:
            raise UnreadableError(f"a value of type {kind}")
        size = form.number(entry[4 : 4 + form.word]) * _TYPE_BYTES[kind]
        field = entry[4 + form.word :]
        return field[:size] if size <= len(field) else self._source.at(form.number(field), size)

    def _take(self, tag: int, value: bytes, place: str, holder: int) -> None:
        claims = self._claims
        if tag in _SAID:
            claims.say(_SAID[tag][0], decoded(value), place, holder)
        elif tag == _XMP:
            read_xmp(value, claims, place, holder)
        elif tag == _IIM:
            read_iim(value, claims, place, holder)
        elif tag == _PHOTOSHOP:
            read_photoshop_blocks(value, claims, place, holder)
        elif tag == _C2PA:
            read_manifest_store(value, claims, place, holder)
        elif tag == 0x9C9C:
            claims.generated(value[: len(value) & ~1].decode("utf-16-le", "replace"), place, holder)
        else:
            claims.generated(exif_text(value, self._form.order) if tag == 0x9286 else decoded(value), place, holder)


_STRUCTURES = {
    _XMP: "XMP",
    _IIM: "IPTC-IIM",
    _PHOTOSHOP: "Photoshop",
    _EXIF: "ExifIFD",
    _C2PA: "C2PA",
    _SUB_IFDS: "SubIFDs",
}
_WANTED = frozenset({*_SAID, *_FREE, _XMP, _IIM, _PHOTOSHOP, _EXIF, _C2PA, _SUB_IFDS})


def _name(tag: int) -> str:
    if tag in _SAID:
        return _SAID[tag][1]
    structures = {
        _XMP: "XMP",
        _IIM: "IPTC-IIM",
        _PHOTOSHOP: "Photoshop",
        _EXIF: "ExifIFD",
        _C2PA: "C2PA",
        _SUB_IFDS: "SubIFDs",
    }
    return _FREE.get(tag) or structures[tag]
