"""The jobs `parse_bson` and `parse_mongo_archive`: the documents of a dump that mongodump writes, frame by frame.

A document that cannot be read is a defect with its place; reading goes on behind it. Where even its length is wrong,
it goes on where a document that begins with `_id` is followed by another one or by the end.

References:
    MongoDB Database Tools, `mongodump` (--out, --archive); common/archive: the archive's magic number, prelude,
    namespace headers, terminators and CRC-64 (ECMA) of each namespace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from headwater_sealed.bson import MAX_DOCUMENT_BYTES, bson_document
from headwater_sealed.documents import Documents
from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.lookahead import Lookahead
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources

__all__ = ["MONGO_ARCHIVE_MAGIC", "parse_bson", "parse_mongo_archive"]

MONGO_ARCHIVE_MAGIC = b"\x6d\xe2\x99\x81"
_TERMINATOR = b"\xff\xff\xff\xff"
_LEAST_DOCUMENT_BYTES = 5
_ID_KEY = re.compile(rb"[\x01-\x13]_id\0")
_SEARCHED_BYTES = 4 * 1024 * 1024


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()
_ALL = (1 << 64) - 1


def _crc64(crc: int, content: bytes) -> int:
    crc ^= _ALL
    for byte in content:
        crc = _CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ _ALL


class _Frames:
    """Frames of BSON in a file, one behind another."""

    def __init__(self, file: BinaryIO, records: DumpRecords) -> None:
        self.text = Lookahead(file, limit_bytes=2 * MAX_DOCUMENT_BYTES)
        self.records = records

    def ended(self) -> bool:
        """Whether the file has no further byte."""
        self.text.fill(_LEAST_DOCUMENT_BYTES)
        return self.text.at == len(self.text.buffer)

    def take(self, kind: str, length_bytes: int) -> None:
        """Accounts for the next bytes and goes behind them."""
        self.records.range(kind, length_bytes)
        self.text.at += length_bytes

    def frame(self) -> bytes | None:
        """The bytes of the document at the place in hand; None if there is no sound frame."""
        text = self.text
        text.fill(_LEAST_DOCUMENT_BYTES)
        length = int.from_bytes(text.buffer[text.at : text.at + 4], "little")
        if not _LEAST_DOCUMENT_BYTES <= length <= MAX_DOCUMENT_BYTES:
            return None
        text.fill(length)
        frame = text.buffer[text.at : text.at + length]
        return frame if len(frame) == length and not frame[-1] else None

    def resynchronise(self, *, also: bytes | None = None) -> tuple[int, int]:
        """Gives up bytes up to where a document certainly begins, or the file ends; their offset and length."""
        start = self.text.offset_bytes
        self.take("unparsed", 1)
        text = self.text
        while True:
            text.fill(_SEARCHED_BYTES)
            found = _ID_KEY.search(text.buffer, text.at + 4)
            at = len(text.buffer) if found is None else found.start() - 4
            stop = text.buffer.find(also, text.at) if also is not None else -1
            if 0 <= stop < at:
                self.take("unparsed", stop - text.at)
                break
            if found is None:
                if text.ended:
                    self.take("unparsed", len(text.buffer) - text.at)
                    break
                self.take("unparsed", max(1, len(text.buffer) - text.at - 16))
                continue
            self.take("unparsed", at - text.at)
            if self._sound_here():
                break
            self.take("unparsed", 1)
        return start, text.offset_bytes - start

    def _sound_here(self) -> bool:
        """Whether a whole document stands here, and behind it another one, a terminator or the end."""
        frame = self.frame()
        if frame is None:
            return False
        text = self.text
        text.fill(len(frame) + 5)
        behind = text.buffer[text.at + len(frame) : text.at + len(frame) + 5]
        length = int.from_bytes(behind[:4], "little")
        return not behind or behind[:4] == _TERMINATOR or _LEAST_DOCUMENT_BYTES <= length <= MAX_DOCUMENT_BYTES


def _document(frames: _Frames, documents: Documents, name: str, frame: bytes) -> None:
    offset = frames.text.offset_bytes
    try:
        document, repeated = bson_document(frame)
    except UnreadableError as error:
        documents.defect(name, error.reason, offset, len(frame))
        frames.take("unparsed", len(frame))
        return
    documents.take(name, document, offset, len(frame), repeated=repeated)
    frames.take("rows", len(frame))


def parse_bson(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the documents of one collection, as `mongodump --out` writes them, and last the ranges.

    Args:
        files: The file; or, with `volume_index` and one of `entries`, the image that holds it.
        parameters: The job's; `table_name` is the collection's.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    records = DumpRecords(emit)
    frames = _Frames(Sources(files, parameters).open(entries[0]), records)
    documents = Documents(records)
    name = str(parameters.get("table_name", "documents"))
    documents.collection(name)
    while not frames.ended():
        frame = frames.frame()
        if frame is not None:
            _document(frames, documents, name, frame)
            continue
        offset, length = frames.resynchronise()
        documents.defect(name, "no document begins here, or it is cut short", offset, length)
    records.close()


def parse_mongo_archive(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the collections and documents of what `mongodump --archive` writes, and last the ranges.

    Args:
        files: The archive; or, with `volume_index` and one of `entries`, the image that holds it.
        parameters: The job's.
        emit: Takes each batch.

    Raises:
        UnreadableError: It is no such archive.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    records = DumpRecords(emit)
    frames = _Frames(Sources(files, parameters).open(entries[0]), records)
    _Archive(frames, Documents(records), records).read()
    records.close()


class _Archive:
    def __init__(self, frames: _Frames, documents: Documents, records: DumpRecords) -> None:
        self._frames = frames
        self._documents = documents
        self._records = records
        self._sums: dict[str, int] = {}
        self._damaged: set[str] = set()
        self._open: set[str] = set()

    def read(self) -> None:
        """Tells everything."""
        frames = self._frames
        frames.text.fill(4)
        if not frames.text.buffer.startswith(MONGO_ARCHIVE_MAGIC):
            raise UnreadableError("not an archive of mongodump")
        frames.take("skipped", 4)
        self._prelude()
        while not frames.ended():
            self._block()
        for name in sorted(self._open):
            reason = "its end is missing: the archive was cut short"
            self._records.defect("truncated", reason, frames.text.offset_bytes, 0, table=name)

    def _prelude(self) -> None:
        first = True
        while not self._frames.ended() and not self._terminated():
            header = self._header()
            if header is None:
                return
            name = _namespace(header)
            if name is not None and not first:
                self._documents.collection(name)
                self._open.add(name)
            first = False

    def _terminated(self) -> bool:
        text = self._frames.text
        text.fill(4)
        if text.buffer[text.at : text.at + 4] != _TERMINATOR:
            return False
        self._frames.take("skipped", 4)
        return True

    def _header(self) -> dict[str, Any] | None:
        """The document of the archive's own that stands here; None after a defect if there is none."""
        frames = self._frames
        # Without a sound frame there are no bytes to read, which says so itself.
        frame = frames.frame() or b""
        try:
            found, _ = bson_document(frame)
        except UnreadableError as error:
            offset, length = frames.resynchronise(also=_TERMINATOR)
            self._records.defect("unparsed", error.reason, offset, length)
            return None
        frames.take("schema", len(frame))
        return found

    def _block(self) -> None:
        if self._terminated():
            return
        header = self._header()
        if header is None:
            return
        name = _namespace(header)
        if name is None:
            self._records.defect("unparsed", "a header names no collection", self._frames.text.offset_bytes, 0)
            name = "unknown"
        self._documents.collection(name)
        if header.get("EOF"):
            self._end(name, header.get("CRC"))
        while not self._frames.ended() and not self._terminated():
            frame = self._frames.frame()
            if frame is None:
                offset, length = self._frames.resynchronise(also=_TERMINATOR)
                self._documents.defect(name, "no document begins here, or it is cut short", offset, length)
                self._damaged.add(name)
                continue
            self._sums[name] = _crc64(self._sums.get(name, 0), frame)
            _document(self._frames, self._documents, name, frame)

    def _end(self, name: str, stated: object) -> None:
        self._open.discard(name)
        known = self._sums.get(name, 0)
        if isinstance(stated, int) and stated & _ALL != known and name not in self._damaged:
            reason = f"the checksum of {name} is {known:016x}, not {stated & _ALL:016x} as the archive states"
            self._records.defect("checksum_wrong", reason, self._frames.text.offset_bytes, 0, table=name)


def _namespace(header: Mapping[str, Any]) -> str | None:
    database, collection = header.get("db"), header.get("collection")
    if not isinstance(collection, str) or not collection:
        return None
    return f"{database}.{collection}" if isinstance(database, str) and database else collection
