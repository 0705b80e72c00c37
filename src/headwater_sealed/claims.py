"""The job `read_claims`: what each file says of who or what made it, as rows; claims and nothing else.

They are forgeable, and their absence proves nothing: most platforms take them away. So nothing here is a verdict, no
picture is decoded, and no text that somebody gave a generator is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.basic import Emit
from headwater_sealed.claims_boxes import read_boxes
from headwater_sealed.claims_exif import read_directories
from headwater_sealed.claims_found import UNREADABLE, Claim, Claims, Source, short_text
from headwater_sealed.claims_gif import read_gif
from headwater_sealed.claims_jpeg import read_jpeg
from headwater_sealed.claims_matroska import read_matroska
from headwater_sealed.claims_png import SIGNATURE, read_png
from headwater_sealed.claims_riff import read_riff
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.rows import Rows, field
from headwater_sealed.sources import Sources

__all__ = ["READ_CLAIMS_SCHEMA", "claims_of", "read_claims"]

READ_CLAIMS_SCHEMA = pa.schema(
    [
        field("entry_index", pa.int64()),
        field("claim_kind", pa.string()),
        field("claim", pa.string(), nullable=True),
        field("claimed_by", pa.string(), nullable=True),
        field("offset_bytes", pa.int64(), nullable=True),
        field("claims_synthetic", pa.string()),
        field("signature_checked", pa.string(), nullable=True),
        field("status", pa.string()),
        field("reason", pa.string(), nullable=True),
        field("note", pa.string(), nullable=True),
    ]
)
"""The claims of each entry, then one row of kind `summary`: what they come to, and how far the file could be read."""


def _read_tiff(source: Source, claims: Claims) -> None:
    read_directories(source, claims, "TIFF")


_READERS: tuple[tuple[bytes, int, str, Callable[[Source, Claims], None]], ...] = (
    (b"\xff\xd8\xff", 0, "jpeg", read_jpeg),
    (SIGNATURE, 0, "png", read_png),
    (b"GIF87a", 0, "gif", read_gif),
    (b"GIF89a", 0, "gif", read_gif),
    (b"WEBP", 8, "webp", read_riff),
    (b"AVI ", 8, "avi", read_riff),
    (b"II*\x00", 0, "tiff", _read_tiff),
    (b"MM\x00*", 0, "tiff", _read_tiff),
    (b"II+\x00", 0, "tiff", _read_tiff),
    (b"MM\x00+", 0, "tiff", _read_tiff),
    (b"\x1aE\xdf\xa3", 0, "matroska", read_matroska),
    (b"ftyp", 4, "boxes", read_boxes),
    (b"moov", 4, "boxes", read_boxes),
    (b"wide", 4, "boxes", read_boxes),
    (b"mdat", 4, "boxes", read_boxes),
    (b"jP  ", 4, "boxes", read_boxes),
    (b"JXL ", 4, "boxes", read_boxes),
)
"""Which bytes, where, show which container; in this order."""


def claims_of(file: BinaryIO) -> tuple[Claim, ...]:
    """The claims of one content, the summary last; never raises for what the content holds."""
    claims = Claims()
    with claims.reading("head", 0):
        source = Source(file, claims.budget)
        head = source.at(0, min(16, source.size_bytes))
        for signature, at, container, read in _READERS:
            if head.startswith(signature, at):
                read(source, claims)
                return *claims.found, claims.summary(container)
    # What could not even be begun must not look like a file without claims.
    reason = next((one.reason for one in claims.found if one.reason), "its metadata is of a form that is not read here")
    return (_refused(reason),)


def _refused(reason: str) -> Claim:
    return Claim(claim_kind="summary", claim=None, claimed_by="", offset_bytes=0, reason=reason, note=_NOT_READ)


_NOT_READ = "not read"


def read_claims(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Rows of the claims of each entry, entry by entry, each followed by the row of the file.

    Args:
        files: The evidence: plain files, or the segments of one image.
        parameters: `entries`, each with `file_index`, or `path_hex` within `volume_index`.
        emit: Takes each batch.
    """
    sources = Sources(files, parameters)
    rows = Rows(READ_CLAIMS_SCHEMA, emit)
    for index, entry in enumerate(parameters["entries"]):
        try:
            with refusing("cannot be opened"):
                found = claims_of(sources.open(entry))
        except UnreadableError as error:
            found = (_refused(short_text(error.reason)),)
        for one in found:
            rows.add(entry_index=index, **_row(one))
    rows.close()


def _row(one: Claim) -> dict[str, Any]:
    not_read = one.note == _NOT_READ
    failed = one.claim_kind == UNREADABLE or not_read
    return {
        "claim_kind": one.claim_kind,
        "claim": one.claim,
        "claimed_by": one.claimed_by or None,
        "offset_bytes": None if not_read else one.offset_bytes,
        "claims_synthetic": one.claims_synthetic,
        "signature_checked": one.signature_checked,
        "status": "refused" if failed else "partial" if one.reason else "ok",
        "reason": one.reason,
        "note": None if not_read else one.note,
    }
