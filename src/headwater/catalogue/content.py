"""What a file is, by its first bytes; its name is never believed."""

from __future__ import annotations

__all__ = ["HEAD_BYTES", "MEDIA_KINDS", "content_kind"]

HEAD_BYTES = 24
MEDIA_KINDS = ("still", "video")

# Signatures at offset 0. Sources: the formats' own specifications (PNG 5.2, JPEG T.81 B.1.1.3, GIF89a 17, RFC 9649 for
# WebP in RIFF, Matroska RFC 9559 8.1, SQLite file format 1.3, ZIP APPNOTE 4.3.7, gzip RFC 1952 2.3.1, xz 2.1.1.1).
_PREFIXES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\xd8\xff", "still", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "still", "png"),
    (b"GIF87a", "still", "gif"),
    (b"GIF89a", "still", "gif"),
    (b"BM", "still", "bmp"),
    (b"II*\x00", "still", "tiff"),
    (b"MM\x00*", "still", "tiff"),
    (b"\x1aE\xdf\xa3", "video", "matroska"),
    (b"FLV\x01", "video", "flv"),
    (b"\x00\x00\x01\xba", "video", "mpeg-ps"),
    (b"OggS", "video", "ogg"),
    (b"SQLite format 3\x00", "database", "sqlite"),
    (b"PK\x03\x04", "archive", "zip"),
    (b"PK\x05\x06", "archive", "zip"),
    (b"\x1f\x8b", "archive", "gzip"),
    (b"BZh", "archive", "bzip2"),
    (b"\xfd7zXZ\x00", "archive", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "archive", "7z"),
    (b"Rar!\x1a\x07", "archive", "rar"),
    (b"%PDF-", "document", "pdf"),
    (b"\x7fELF", "program", "elf"),
)

# ISO base media (ISO/IEC 14496-12 4.3): the brand after `ftyp` tells stills from video.
_STILL_BRANDS = {b"heic": "heic", b"heix": "heic", b"mif1": "heif", b"msf1": "heif", b"avif": "avif", b"avis": "avif"}

# RIFF (RFC 9649, and the AVI RIFF reference): the form type stands at byte 8.
_RIFF_FORMS = {b"WEBP": ("still", "webp"), b"AVI ": ("video", "avi"), b"WAVE": ("other", "wave")}

_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def content_kind(head: bytes | None) -> tuple[str, str]:  # noqa: PLR0911 - one return for each family of formats
    """The kind and format that a file's first bytes show, such as `("still", "jpeg")`.

    Args:
        head: The first bytes, at least 16 if the file has them; None if nothing could be read.
    """
    if head is None:
        return "other", "unknown"
    if not head:
        return "empty", "empty"
    if head[4:8] == b"ftyp":
        brand = _STILL_BRANDS.get(head[8:12])
        return ("still", brand) if brand else ("video", "mp4")
    if head[:4] == b"RIFF" and head[8:12] in _RIFF_FORMS:
        return _RIFF_FORMS[head[8:12]]
    for prefix, kind, name in _PREFIXES:
        if head.startswith(prefix):
            return kind, name
    if head[:1] == b"\x47" and len(head) > 4 and not _is_text(head):
        return "video", "mpeg-ts"
    if _is_text(head):
        return "text", "text"
    return "other", "unknown"


def _is_text(head: bytes) -> bool:
    """Whether every byte could stand in a text file; a character cut in two at the end is forgiven."""
    if any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head):
        return False
    for cut in range(4):
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False
