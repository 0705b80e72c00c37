"""The job `digest_entries`: content read once, digested, and taken for what its beginning says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.digesting import SNIFFED_BYTES, Digests
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.sniff import sniffed
from headwater_sealed.sources import Sources

__all__ = ["DIGEST_ENTRIES_SCHEMA", "SNIFF_FILES_SCHEMA", "digest_entries", "sniff_files"]

DIGEST_ENTRIES_SCHEMA = pa.schema(
    [
        field("entry_index", pa.int64()),
        field("read_bytes", pa.int64()),
        field("md5", pa.string(), nullable=True),
        field("sha1", pa.string(), nullable=True),
        field("sha256", pa.string(), nullable=True),
        field("head", pa.binary(), nullable=True),
        field("content_format", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

SNIFF_FILES_SCHEMA = pa.schema([field("file_index", pa.int64()), field("content_format", pa.string())])


def sniff_files(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row a file: what its beginning says it is."""
    del parameters
    rows = Rows(SNIFF_FILES_SCHEMA, emit)
    for index, file in enumerate(files):
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        rows.add(file_index=index, content_format=sniffed(file.read(SNIFFED_BYTES), size_bytes))
    rows.close()


def _digested(content: BinaryIO, expected_bytes: int | None) -> dict[str, Any]:
    digests = Digests(content)
    try:
        with refusing("reading failed"):
            digests.drain()
    except UnreadableError as error:
        return {**digests.row(whole=False), "reason": f"{error.reason}, behind byte {digests.read_bytes}"}
    if expected_bytes is not None and digests.read_bytes != expected_bytes:
        reason = f"{digests.read_bytes} of {expected_bytes} bytes could be read"
        return {**digests.row(whole=False), "content_format": None, "reason": reason}
    return digests.row(whole=True)


def digest_entries(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row an entry: the digests of its whole content, read once; without digests where it cannot be read whole."""
    sources = Sources(files, parameters)
    rows = Rows(DIGEST_ENTRIES_SCHEMA, emit)
    for index, entry in enumerate(parameters["entries"]):
        try:
            with refusing("the entry cannot be opened"):
                content, size_bytes = sources.open_sized(entry)
        except UnreadableError as error:
            rows.add(entry_index=index, read_bytes=0, reason=error.reason)
            continue
        rows.add(entry_index=index, **_digested(content, size_bytes))
    rows.close()
