"""What may never be in a package: media, archives, and key material."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from headwater.engine import key_material
from headwater.errors import RefusedError
from headwater.packages.documents import REPORT_NAME

__all__ = ["REDACTED", "REDACTED_BYTES", "check_no_media", "redacted"]

REDACTED = "[key material withheld]"
REDACTED_BYTES = "[encoded bytes withheld]"

_MEDIA_STARTS: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "a JPEG still"),
    (b"\x89PNG", 0, "a PNG still"),
    (b"GIF8", 0, "a GIF still"),
    (b"BM", 0, "a BMP still"),
    (b"II*\x00", 0, "a TIFF still"),
    (b"MM\x00*", 0, "a TIFF still"),
    (b"RIFF", 0, "a RIFF file (WebP, WAV, AVI)"),
    (b"8BPS", 0, "a PSD still"),
    (b"\x00\x00\x01\x00", 0, "an icon"),
    (b"\x00\x00\x00\x0cjP", 0, "a JPEG 2000 still"),
    (b"\xff\x0a", 0, "a JPEG XL still"),
    (b"ftyp", 4, "an MP4, MOV, HEIF or AVIF file"),
    (b"moov", 4, "a QuickTime file"),
    (b"\x1aE\xdf\xa3", 0, "a Matroska or WebM file"),
    (b"FLV\x01", 0, "an FLV file"),
    (b"0&\xb2u\x8ef\xcf\x11", 0, "an ASF or WMV file"),
    (b"\x00\x00\x01\xba", 0, "an MPEG file"),
    (b"\x00\x00\x01\xb3", 0, "an MPEG file"),
    (b"OggS", 0, "an Ogg file"),
    (b"fLaC", 0, "a FLAC file"),
    (b"ID3", 0, "an MP3 file"),
    (b"FORM", 0, "an AIFF file"),
    (b"PK\x03\x04", 0, "a ZIP archive"),
    (b"PK\x05\x06", 0, "a ZIP archive"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"BZh", 0, "a bzip2 archive"),
    (b"\xfd7zXZ\x00", 0, "an xz archive"),
    (b"(\xb5/\xfd", 0, "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive"),
    (b"Rar!", 0, "a RAR archive"),
    (b"ustar", 257, "a tar archive"),
    (b"SQLite format 3\x00", 0, "a database"),
    (b"%PDF", 0, "a PDF"),
)
_TEXT_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ENCODED_RUN = re.compile(r"[A-Za-z0-9+/_-]{600,}={0,2}")  # the longest honest run is a digest or an address
_EMBEDDED = re.compile(r"data:(image|video|audio|application)/[^\s\"']*", re.IGNORECASE)
_PDF_OBJECTS = re.compile(
    rb"/Subtype\s*/(Image|RichMedia|Movie|Sound|Screen|3D)\b|/EmbeddedFiles?\b|/JavaScript\b|/Launch\b"
)


def check_no_media(
    files: Mapping[str, bytes], *, leaving: str = "package", reports: Collection[str] = (REPORT_NAME,)
) -> None:
    """Nothing, if every file of a package is text, or a report, and none holds media or key material.

    Args:
        files: Name to content, as it would leave.
        leaving: What they are part of, for the message.
        reports: Names of those that are PDFs which headwater has set.

    Raises:
        RefusedError: One is or holds what may not leave; what was found is named and never repeated.
    """
    for name in sorted(files):
        content = files[name]
        if name in reports:
            _check_report(name, content, leaving)
            continue
        for start, offset_bytes, kind in _MEDIA_STARTS:
            if content[offset_bytes : offset_bytes + len(start)] == start and not _is_prose(start, content):
                raise _refusal(name, f"it begins as {kind}", leaving)
        _check_text(name, content, leaving)


def redacted(value: object) -> tuple[object, int]:
    """The value without key material and encoded bytes, each replaced by a fixed phrase, and how often that was needed.

    Evidence may hold either in any text, and one such text must not keep a package from leaving.
    """
    return _redacted(value, {})


def _redacted(value: object, seen: dict[str, tuple[str, int]]) -> tuple[object, int]:
    """As `redacted`; `seen` has the texts that were looked at, of which a document repeats most."""
    if isinstance(value, str):
        if value not in seen:
            seen[value] = _redacted_text(value)
        return seen[value]
    if isinstance(value, Mapping):
        pairs = {name: _redacted(item, seen) for name, item in value.items()}
        return {name: item for name, (item, _) in pairs.items()}, sum(count for _, count in pairs.values())
    if isinstance(value, list | tuple):
        items = [_redacted(item, seen) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    return value, 0


def _redacted_text(text: str) -> tuple[str, int]:
    runs = 0
    for pattern in (_EMBEDDED, _ENCODED_RUN):
        text, count = pattern.subn(REDACTED_BYTES, text)
        runs += count
    found = key_material(text)
    for start, end, _ in reversed(found):
        text = text[:start] + REDACTED + text[end:]
    return text, runs + len(found)


def _refusal(name: str, reason: str, leaving: str = "package") -> RefusedError:
    return RefusedError(f"{name}: {reason}; no {leaving} holds media or key material: find out how it came here")


def _is_prose(start: bytes, content: bytes) -> bool:
    """Whether a short start is that of ordinary text: `BM...` in a CSV heading, say."""
    return start.isalnum() and len(start) <= 5 and _TEXT_CONTROLS.search(content) is None


def _check_text(name: str, content: bytes, leaving: str) -> None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(name, f"byte {error.start} is not text", leaving) from None
    control = _TEXT_CONTROLS.search(content)
    if control:
        raise _refusal(name, f"byte {control.start()} is not text", leaving)
    for pattern, kind in ((_EMBEDDED, "an embedded file"), (_ENCODED_RUN, "a long run of encoded bytes")):
        place = pattern.search(text)
        if place:
            raise _refusal(name, f"character {place.start()} begins {kind}", leaving)
    found = key_material(text)
    if found:
        raise _refusal(name, f"character {found[0][0]} begins {found[0][2]}", leaving)


def _check_report(name: str, content: bytes, leaving: str) -> None:
    if not content.startswith(b"%PDF-"):
        raise _refusal(name, "it is not a PDF", leaving)
    # A stream's dictionary is never inside a compressed object (ISO 32000-1, 7.5.7), so an image cannot hide there.
    place = _PDF_OBJECTS.search(content)
    if place:
        raise _refusal(name, f"byte {place.start()} begins an embedded image, file or program", leaving)
