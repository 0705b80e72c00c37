"""Small stills and videos that say who or what made them: invented cameras, programs, generators, by container.

The words that a generator was given are `PROMPT`, so that a test can look for them where they must never be.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence

from PIL import Image

from headwater_synth.media_store.scenes import drawn_scene
from headwater_synth.media_store.videos import encoded_video

__all__ = [
    "CAMERA",
    "CAPTURE",
    "GENERATED",
    "PROMPT",
    "box",
    "cbor",
    "claimed_media",
    "manifest_store",
    "parameters",
    "xmp",
]

CAMERA = ("Harbour Camera", "1.0")
PROMPT = "a lighthouse made of yellow paper at low tide"
_SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAPTURE, GENERATED = f"{_SCHEME}digitalCapture", f"{_SCHEME}trainedAlgorithmicMedia"

_TYPE_END = bytes.fromhex("00110010800000aa00389b71")
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_GUID = b"0123456789ABCDEF0123456789ABCDEF"


def parameters() -> str:
    """A generator's parameters, with the words it was given."""
    return f"{PROMPT}\nNegative prompt: fog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 4, Version: v1.9.3"


def cbor(value: object) -> bytes:
    """A value of text, numbers, lists and maps in CBOR."""
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, Mapping):
        return _head(5, len(value)) + b"".join(cbor(key) + cbor(one) for key, one in value.items())
    if isinstance(value, Sequence):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    assert isinstance(value, int)
    return _head(0, value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    width = next(width for width in range(4) if number < 1 << 8 * (1 << width))
    return bytes([major << 5 | 24 + width]) + number.to_bytes(1 << width, "big")


def box(kind: bytes, content: bytes) -> bytes:
    """A box: length, four letters, content."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def _superbox(kind: bytes, label: str, *content: bytes) -> bytes:
    described = kind + _TYPE_END + b"\3" + label.encode() + b"\0"
    return box(b"jumb", box(b"jumd", described) + b"".join(content))


def _manifest(label: str, source_type: str) -> bytes:
    claim = {
        "claim_generator_info": {"name": CAMERA[0], "version": CAMERA[1]},
        "instanceID": "xmp:iid:0001",
        "created_assertions": [{"url": "self#jumbf=c2pa.assertions/c2pa.actions.v2", "hash": bytes(32)}],
    }
    done = {"action": "c2pa.created", "digitalSourceType": source_type, "softwareAgent": {"name": "Pier Lens"}}
    actions = _superbox(b"cbor", "c2pa.actions.v2", box(b"cbor", cbor({"actions": [done]})))
    metadata = json.dumps({"Iptc4xmpExt:DigitalSourceType": source_type, "tiff:Make": CAMERA[0]}).encode()
    return _superbox(
        b"c2ma",
        label,
        _superbox(b"c2as", "c2pa.assertions", actions, _superbox(b"json", "stds.iptc", box(b"json", metadata))),
        _superbox(b"c2cl", "c2pa.claim.v2", box(b"cbor", cbor(claim))),
        _superbox(b"c2cs", "c2pa.signature", box(b"cbor", cbor(bytes(64)))),
    )


def manifest_store(*source_types: str) -> bytes:
    """A C2PA manifest store with a manifest for each source type; the last of them is the active one."""
    manifests = [_manifest(f"urn:c2pa:harbour:{number}", kind) for number, kind in enumerate(source_types)]
    return _superbox(b"c2pa", "c2pa", *manifests)


def xmp(properties: str) -> bytes:
    """An XMP packet around properties."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" '
        f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/">{properties}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def _packet() -> bytes:
    return xmp(
        "<xmp:CreatorTool>Pier Editor 2.1</xmp:CreatorTool>"
        f"<Iptc4xmpExt:DigitalSourceType>{CAPTURE}</Iptc4xmpExt:DigitalSourceType>"
        "<xmpMM:History><rdf:Seq><rdf:li stEvt:action='saved' stEvt:softwareAgent='Pier Editor 2.0'/></rdf:Seq>"
        "</xmpMM:History>"
    )


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Harbour", "Camera 1", "Pier Firmware 4"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + parameters().encode("utf-16-be")
    return exif


def _saved(form: str, **options: object) -> bytes:
    out = io.BytesIO()
    drawn_scene(7, form, width_px=64, height_px=48).frame().save(out, form, **options)
    return out.getvalue()


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg() -> bytes:
    plain = _saved("JPEG", exif=_exif())
    store = manifest_store(CAPTURE)
    half = len(store) // 2
    pieces = (store[8:half], store[half:])
    boxes = [b"JP" + struct.pack(">HI", 1, n) + store[:8] + piece for n, piece in enumerate(pieces, start=1)]
    extended = xmp("<Iptc4xmpExt:AISystemUsed>Tide Painter</Iptc4xmpExt:AISystemUsed>")
    named = f"<xmpNote:HasExtendedXMP>{_GUID.decode()}</xmpNote:HasExtendedXMP>"
    main = xmp(f"{named}<xmp:CreatorTool>Pier 3</xmp:CreatorTool>")
    iim = b"\x1c\2\x41\0\x0bPier Studio\x1c\2\x46\0\x03" + b"5.1"
    blocks = b"8BIM\4\4\0\0" + struct.pack(">I", len(iim)) + iim + b"\0" * (len(iim) & 1)
    head = struct.pack(">II", len(extended), 0)
    segments = [
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + main),
        _segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + _GUID + head + extended),
        *(_segment(0xEB, piece) for piece in boxes),
        _segment(0xED, b"Photoshop 3.0\0" + blocks),
        _segment(0xFE, b"CREATOR: pier-jpeg v1.0, quality = 90"),
    ]
    return plain[:2] + b"".join(segments) + plain[2:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png() -> bytes:
    plain = _saved("PNG", exif=_exif())
    graph = json.dumps({"3": {"class_type": "Painter", "inputs": {"text": PROMPT}}}).encode()
    chunks = [
        _chunk(b"tEXt", b"Software\0Pier Editor 2.1"),
        _chunk(b"zTXt", b"parameters\0\0" + zlib.compress(parameters().encode())),
        _chunk(b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(graph)),
        _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _packet()),
        _chunk(b"caBX", manifest_store(GENERATED)),
    ]
    return plain[:33] + b"".join(chunks) + plain[33:]


def _riff(form: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    sized = ((kind + struct.pack("<I", len(content)) + content, len(content)) for kind, content in chunks)
    body = b"".join(chunk + b"\0" * (size & 1) for chunk, size in sized)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + form + body


def _webp() -> bytes:
    body = _saved("WEBP", exif=_exif(), xmp=_packet())[12:]
    store = manifest_store(CAPTURE)
    body += b"C2PA" + struct.pack("<I", len(store)) + store + b"\0" * (len(store) & 1)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _gif() -> bytes:
    plain = _saved("GIF")
    store = manifest_store(CAPTURE, GENERATED)
    cut = b"".join(bytes([len(piece)]) + piece for piece in (store[n : n + 255] for n in range(0, len(store), 255)))
    lead_out = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    blocks = b"!\xfe\x17Made with Pier Gif 1.0.\0" + b"!\xff\x0bC2PA_GIF\1\0\0" + cut + b"\0"
    blocks += b"!\xff\x0bXMP DataXMP" + _packet() + lead_out
    colours = 13 + (3 << (plain[10] & 7) + 1 if plain[10] & 0x80 else 0)
    return b"GIF89a" + plain[6:colours] + blocks + plain[colours:]


def _uuid_boxes(source_type: str) -> bytes:
    return box(b"uuid", _XMP_BOX + _packet()) + box(
        b"uuid", _C2PA_BOX + bytes(4) + b"manifest\0" + bytes(8) + manifest_store(source_type)
    )


def _user_data() -> bytes:
    keys = ("com.apple.quicktime.make", "com.apple.quicktime.software", "comment")
    values = (CAMERA[0], "Pier Film 7.2", parameters())
    named = b"".join(box(b"mdta", key.encode()) for key in keys)
    listed = b"".join(
        box(struct.pack(">I", number), box(b"data", struct.pack(">II", 1, 0) + value.encode()))
        for number, value in enumerate(values, start=1)
    )
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    tool = box(b"\xa9too", box(b"data", struct.pack(">II", 1, 0) + b"Pier Muxer 9"))
    other = box(b"hdlr", bytes(8) + b"mdir" + bytes(13))
    return box(
        b"udta",
        box(b"meta", bytes(4) + other + box(b"ilst", tool))
        + box(b"meta", handler + box(b"keys", struct.pack(">II", 0, len(keys)) + named) + box(b"ilst", listed))
        + box(b"\xa9swr", struct.pack(">HH", 11, 0x55C4) + b"Pier Swr 12"),
    )


def _mp4() -> bytes:
    scene = drawn_scene(7, "video", width_px=64, height_px=48)
    plain = encoded_video((scene.frame(number / 10) for number in range(4)), rate_factor=34, index_first=False)
    at = plain.rindex(b"moov") - 4
    added = _user_data()
    assert struct.unpack_from(">I", plain, at)[0] == len(plain) - at, "the index is the last box"
    return (
        plain[:at] + struct.pack(">I", len(plain) - at + len(added)) + plain[at + 4 :] + added + _uuid_boxes(GENERATED)
    )


def _mov() -> bytes:
    name = b"Pier Media Handler"
    handler = box(b"hdlr", bytes(4) + b"mhlrvide" + bytes(12) + bytes([len(name)]) + name)
    encoder = b"Pier Codec 3"
    entry = box(b"avc1", bytes(42) + bytes([len(encoder)]) + encoder.ljust(31, b"\0") + bytes(4))
    table = box(b"stsd", struct.pack(">II", 0, 1) + entry)
    track = box(b"trak", box(b"mdia", handler + box(b"minf", box(b"stbl", table))))
    return box(b"ftyp", b"qt  " + bytes(4)) + box(b"mdat", bytes(32)) + box(b"moov", track + _user_data())


def _element(name: str, content: bytes) -> bytes:
    size = (0x1000_0000 | len(content)).to_bytes(4, "big")
    return bytes.fromhex(name) + size + content


def _matroska() -> bytes:
    head = _element("1a45dfa3", _element("4282", b"matroska"))
    made = _element("1549a966", _element("4d80", b"libpier 1.4") + _element("5741", b"Pier Studio 5"))
    said = (("ENCODER", "Pier x26 4"), ("COM.HARBOUR.MAKE", CAMERA[0]), ("PROMPT", parameters()))
    tags = b"".join(_element("67c8", _element("45a3", k.encode()) + _element("4487", v.encode())) for k, v in said)
    return head + _element("18538067", made + _element("1254c367", _element("7373", tags)))


def _avi() -> bytes:
    said = b"INFO" + b"ISFT" + struct.pack("<I", 10) + b"Pier Avi 1"
    return _riff(b"AVI ", (b"LIST", said), (b"_PMX", _packet()))


def claimed_media() -> Mapping[str, bytes]:
    """For each container a file with claims in every field of it that is read; only some of them hold a picture."""
    return {
        "jpeg": _jpeg(),
        "png": _png(),
        "webp": _webp(),
        "gif": _gif(),
        "tiff": _saved("TIFF", exif=_exif()),
        "avif": _saved("AVIF", exif=_exif(), xmp=_packet()) + _uuid_boxes(CAPTURE),
        "mp4": _mp4(),
        "mov": _mov(),
        "mkv": _matroska(),
        "avi": _avi(),
    }
