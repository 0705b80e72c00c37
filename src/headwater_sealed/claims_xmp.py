"""Claims in XMP packets: a parser that knows no document type and no entity, over a bounded packet.

References:
    XMP part 1, 7 (serialisation as RDF/XML: properties as elements or as attributes); part 2 and IPTC Photo Metadata
    2025.1 for the properties; XMP part 3 for the packets of each format.
    Label of synthetic content in XMP: TC260-PG-20258A, namespace http://www.tc260.org.cn/ns/AIGC/1.0/.
"""

from __future__ import annotations

from xml.parsers import expat

from headwater_sealed.claims_found import Claim, Claims, short_text
from headwater_sealed.refusal import UnreadableError

__all__ = ["extended_guid", "read_xmp"]

MAX_PACKET_BYTES = 4 << 20
_MAX_DEPTH = 64
_MAX_ELEMENTS = 100_000
_MAX_PROPERTY_CHARACTERS = 1 << 18
_FREE_CHARACTERS = 24  # shorter texts hold no parameters of a generator

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_AIGC = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_NOTE = "http://ns.adobe.com/xmp/note/"

# namespace and name: kind of claim, the name as it is usually written
_SAID: dict[tuple[str, str], tuple[str, str]] = {
    ("http://ns.adobe.com/xap/1.0/", "CreatorTool"): ("creator-tool", "xmp:CreatorTool"),
    (_TIFF, "Make"): ("camera", "tiff:Make"),
    (_TIFF, "Model"): ("camera", "tiff:Model"),
    (_TIFF, "Software"): ("software", "tiff:Software"),
    ("http://cipa.jp/exif/1.0/", "LensMake"): ("camera", "exifEX:LensMake"),
    ("http://cipa.jp/exif/1.0/", "LensModel"): ("camera", "exifEX:LensModel"),
    ("http://ns.adobe.com/exif/1.0/aux/", "Lens"): ("camera", "aux:Lens"),
    ("http://ns.adobe.com/exif/1.0/aux/", "Firmware"): ("software", "aux:Firmware"),
    ("http://ns.adobe.com/xap/1.0/sType/ResourceEvent#", "softwareAgent"): ("software", "stEvt:softwareAgent"),
    ("http://ns.adobe.com/pdf/1.3/", "Producer"): ("software", "pdf:Producer"),
}
_SOURCE_TYPES = {(_IPTC, "DigitalSourceType"), (_IPTC, "DigitalSourcefileType")}
_SYSTEMS = {(_IPTC, "AISystemUsed"), (_IPTC, "AISystemVersionUsed")}
_PROMPT = (_IPTC, "AIPromptInformation")

_Name = tuple[str, str]


def extended_guid(packet: bytes) -> bytes | None:
    """The digest by which a JPEG's main packet names its extended one; None if it has none.

    Found by its letters: it is digits of a digest, and the packet itself is parsed by `read_xmp`.
    """
    _, found, rest = packet.partition(b"HasExtendedXMP")
    if not found:
        return None
    digits = rest[:64].lstrip(b"=\"'> \n\r\t")[:32]
    return digits if len(digits) == 32 and digits.isalnum() else None


def read_xmp(packet: bytes, claims: Claims, place: str, offset_bytes: int) -> None:
    """Takes the claims of one packet; what stands before a place of damage is kept."""
    with claims.reading(place, offset_bytes):
        if len(packet) > MAX_PACKET_BYTES:
            raise UnreadableError(f"a packet of {len(packet):,} bytes")
        claims.budget.spend(len(packet))
        properties = _Properties(claims, place, offset_bytes)
        parser = expat.ParserCreate(namespace_separator="\n")
        parser.buffer_text = True
        parser.StartElementHandler = properties.start
        parser.EndElementHandler = properties.end
        parser.CharacterDataHandler = properties.text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        try:
            parser.Parse(packet.strip(b"\0 \t\r\n"), True)  # noqa: FBT003 - expat's own signature
        except expat.ExpatError as error:
            raise UnreadableError(f"no well-formed packet: {error}") from None


def _refuse_doctype(*_declared: object) -> None:
    raise UnreadableError("declares a document type or an entity")


def _split(name: str) -> _Name:
    namespace, found, local = name.rpartition("\n")
    return (namespace, local) if found else ("", name)


class _Properties:
    """Follows the elements of a packet and takes each property once its value is whole."""

    def __init__(self, claims: Claims, place: str, offset_bytes: int) -> None:
        self._claims, self._place, self._offset_bytes = claims, place, offset_bytes
        self._open: list[_Name] = []
        self._elements = 0
        self._text: list[str] = []
        self._characters = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._claims.budget.spend()
        self._elements += 1
        if len(self._open) >= _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise UnreadableError(f"more than {_MAX_DEPTH} levels or {_MAX_ELEMENTS:,} elements")
        self._open.append(_split(name))
        self._text, self._characters = [], 0
        for attribute, value in attributes.items():
            named = _split(attribute)
            if named == (_RDF, "resource"):
                self._take(self._property(), value)
            elif named[0] not in {"", _RDF}:
                self._take(named, value)

    def text(self, text: str) -> None:
        self._characters += len(text)
        if self._characters <= _MAX_PROPERTY_CHARACTERS:
            self._text.append(text)

    def end(self, _name: str) -> None:
        value = "".join(self._text)
        self._text, self._characters = [], 0
        if value.strip():
            self._take(self._property(), value)
        self._open.pop()

    def _property(self) -> _Name:
        """The innermost element that is not RDF's own: lists and alternatives stand between property and value."""
        return next((name for name in reversed(self._open) if name[0] != _RDF), ("", ""))

    def _take(self, name: _Name, value: str) -> None:
        claims, offset_bytes = self._claims, self._offset_bytes
        if name in _SAID:
            kind, written = _SAID[name]
            claims.say(kind, value.strip(), f"{self._place} {written}", offset_bytes)
        elif name in _SOURCE_TYPES:
            claims.source_type(value, f"{self._place} Iptc4xmpExt:{name[1]}", offset_bytes)
        elif name in _SYSTEMS or name == _PROMPT:
            self._system(name[1], value)
        elif name == (_AIGC, "AIGC"):
            claims.generated(value, f"{self._place} TC260:AIGC", offset_bytes, keyword="aigc")
        elif len(value) > _FREE_CHARACTERS and name[0] != _NOTE:
            # Descriptions and comments are not kept, but some programs put their parameters there.
            claims.generated(value, f"{self._place} {short_text(name[1])[:40]}", offset_bytes)

    def _system(self, name: str, value: str) -> None:
        """A property that is there only for what a generator made; of a prompt, its length."""
        prompt = name == _PROMPT[1]
        self._claims.add(
            Claim(
                claim_kind="generator-chunk",
                claim="not named" if prompt else short_text(value) or None,
                claimed_by=f"{self._place} Iptc4xmpExt:{name}",
                offset_bytes=self._offset_bytes,
                claims_synthetic="yes",
                note=f"prompt; {len(value)} characters, not kept" if prompt else None,
            )
        )
