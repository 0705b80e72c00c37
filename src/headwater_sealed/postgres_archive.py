"""The job `parse_postgres_archive`: what pg_dump writes as an archive, of custom or of directory format.

The table of contents says which tables there are and how their rows are copied; the rows follow, one block for each
table, packed or not. A row is cited by the place of its block in the file: what is packed has no place of its own.

References:
    PostgreSQL source, src/bin/pg_dump: pg_backup_archiver.c (ReadHead, ReadToc), pg_backup_custom.c,
    pg_backup_directory.c; archive versions 1.12 to 1.16.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from headwater_sealed import postgres_syntax as syntax
from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.mysql_runs import RowRun
from headwater_sealed.packed import Budget, gzip_stream
from headwater_sealed.postgres_copy import copied_run, fitting_lines
from headwater_sealed.postgres_tables import DeclaredTables
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources

__all__ = ["ARCHIVE_MAGIC", "parse_postgres_archive"]

ARCHIVE_MAGIC = b"PGDMP"
_CUSTOM, _TAR, _DIRECTORY = 1, 3, 5
_ROWS, _LARGE_OBJECTS = 1, 3
_LEAST_VERSION, _LAST_VERSION = (1, 12), (1, 16)
_COMPRESSIONS = {0: "none", 1: "gzip", 2: "lz4", 3: "zstd"}
_MAX_TEXT_BYTES = 64 * 1024 * 1024
_MAX_ENTRIES = 10_000_000
_END_OF_ROWS = b"\n\\.\n"
_PIECE_BYTES = 4 * 1024 * 1024
_MAX_LINE_BYTES = 128 * 1024 * 1024
_MAX_UNPACKED_BYTES = 1 << 44


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A line of the table of contents: its number, what it is of, its statements, and the file of its rows."""

    number: int
    kind: str
    definition: bytes
    copy: bytes
    file_name: str


class _Reader:
    """Numbers and texts as an archive has them."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._int_bytes = 4
        self._offset_bytes = 8
        self.at = 0

    def take(self, count: int) -> bytes:
        """So many bytes.

        Raises:
            UnreadableError: The file ends before.
        """
        if not 0 <= count <= _MAX_TEXT_BYTES:
            raise UnreadableError(f"the archive states a length of {count} bytes at byte {self.at}")
        content = self.file.read(count)
        self.at += len(content)
        if len(content) < count:
            raise UnreadableError(f"the archive is cut short at byte {self.at}")
        return content

    def number(self) -> int:
        """A number with its sign."""
        raw = self.take(1 + self._int_bytes)
        number = int.from_bytes(raw[1:], "little")
        return -number if raw[0] else number

    def text(self) -> bytes | None:
        """A text, or that there is none."""
        length = self.number()
        return None if length < 0 else self.take(length)

    def sizes(self, int_bytes: int, offset_bytes: int) -> None:
        """Takes how long numbers and offsets are.

        Raises:
            UnreadableError: No program writes such.
        """
        if int_bytes not in (4, 8) or offset_bytes not in (4, 8):
            raise UnreadableError(f"the archive states numbers of {int_bytes} bytes")
        self._int_bytes, self._offset_bytes = int_bytes, offset_bytes

    def skip_offset(self) -> None:
        """Goes over an offset; blocks are read in the order in which they stand."""
        self.take(1 + self._offset_bytes)


class _Archive:
    def __init__(self, reader: _Reader, records: DumpRecords) -> None:
        self._reader = reader
        self._records = records
        self._numbers: dict[str, int] = {}
        self.entries: dict[int, _Entry] = {}
        self._tables = DeclaredTables(records)
        self.format = 0
        self.compression = "none"
        self.accounted = 0

    def tell_to(self, records: DumpRecords) -> None:
        """Tells what follows to other records."""
        self._records = records
        self._tables.tell_to(records)

    def contents(self) -> None:
        """Reads head and table of contents, and declares the tables.

        Raises:
            UnreadableError: It is no archive that is read.
        """
        reader = self._reader
        if reader.take(5) != ARCHIVE_MAGIC:
            raise UnreadableError("not an archive of pg_dump")
        major, minor, _ = reader.take(3)
        version = (major, minor)
        if not _LEAST_VERSION <= version <= _LAST_VERSION:
            raise UnreadableError(f"an archive of pg_dump of version {major}.{minor} is not read")
        int_bytes, offset_bytes, self.format = reader.take(3)
        reader.sizes(int_bytes, offset_bytes)
        if version >= (1, 15):
            [code] = reader.take(1)
            self.compression = _COMPRESSIONS.get(code, f"number {code}")
        else:
            self.compression = "gzip" if reader.number() else "none"
        for _ in range(7):
            reader.number()  # when it was made
        for _ in range(3):
            reader.text()  # name of the database, versions of server and program
        count = reader.number()
        if not 0 <= count <= _MAX_ENTRIES:
            raise UnreadableError(f"the archive states {count} entries")
        for _ in range(count):
            entry = self._entry(version)
            self.entries[entry.number] = entry
            if entry.kind == "TABLE":
                self._tables.declare(syntax.CREATE_TABLE.search(entry.definition))

    def _entry(self, version: tuple[int, int]) -> _Entry:
        reader = self._reader
        number = reader.number()
        reader.number()
        for _ in range(3):
            reader.text()  # where in the catalogue, and its name
        kind = reader.text() or b""
        reader.number()  # section
        definition = reader.text() or b""
        reader.text()
        copy = reader.text() or b""
        reader.text()  # schema
        reader.text()  # tablespace
        if version >= (1, 14):
            reader.text()
        if version >= (1, 16):
            reader.number()
        reader.text()  # owner
        reader.text()  # with oids
        while reader.text() is not None:
            pass  # what it depends on
        name = b""
        if self.format == _CUSTOM:
            reader.skip_offset()
        else:
            name = reader.text() or b""
        return _Entry(
            number=number,
            kind=kind.decode("utf-8", "replace"),
            definition=definition,
            copy=copy,
            file_name=name.decode("utf-8", "replace"),
        )

    def rows(self, entry: _Entry, pieces: Iterator[bytes], offset_bytes: int) -> int:
        """Tells the rows of a table from the pieces of their text; how many bytes of that text there were.

        Args:
            entry: Says how they were copied.
            pieces: The text.
            offset_bytes: Where its block begins in the file.
        """
        head = syntax.COPY.match(entry.copy.rstrip() + b"\n")
        if head is None:
            reason = "rows of an archive that are no COPY are not read; restore it elsewhere to a plain dump"
            self._records.defect("statement_not_read", reason, offset_bytes, 0)
            return sum(len(piece) for piece in pieces)
        table = syntax.name(head[1])
        names = self._tables.listed(table, syntax.names(head[2]) if head[2] else None)
        rest, done, ended = b"\n", 0, False
        for piece in _joined(pieces):
            done += len(piece)
            if ended:
                continue  # line breaks behind the mark of the end
            rest += piece
            mark = rest.find(_END_OF_ROWS)
            ended = mark >= 0
            end = mark + 1 if ended else rest.rfind(b"\n") + 1
            self._lines(table, len(names), rest[1:end], offset_bytes)
            # The break before what is left stays, so that the mark is found at the beginning of a line only.
            rest = rest[end - 1 :]
            if len(rest) > _MAX_LINE_BYTES:
                raise UnreadableError(f"a row of {table} is longer than {_MAX_LINE_BYTES} bytes")
        if not ended and rest.strip(b"\r\n") not in (b"", b"\\."):
            self._records.defect("truncated", "the rows end within one", offset_bytes, 0, table=table)
        return done

    def _lines(self, table: str, width: int, content: bytes, offset_bytes: int) -> None:
        while content:
            good, end = fitting_lines(content, width)
            if good:
                found = copied_run(content[:end], 0, width)
                starts = np.full(good, offset_bytes, found.starts.dtype)
                run = RowRun(starts=starts, lengths_bytes=found.lengths_bytes, values=found.values, quoted=found.quoted)
                self._records.run(table, self._number(table, good), 0, run, width)
            content = content[end:]
            if not content:
                return
            line, _, content = content.partition(b"\n")
            if line.rstrip(b"\r") not in (b"\\.", b""):
                number = self._number(table, 1)
                reason = "a row has another number of values"
                self._records.defect("row_not_readable", reason, offset_bytes, 0, table=table, number=number)

    def _number(self, table: str, count: int) -> int:
        first = self._numbers.get(table, 0)
        self._numbers[table] = first + count
        return first

    def blocks(self) -> None:
        """Tells the blocks of an archive of custom format, one after another to the end of the file."""
        reader = self._reader
        while True:
            begin = reader.at
            kind = reader.file.read(1)
            reader.at += len(kind)
            self.accounted = begin
            if not kind:
                return
            number = reader.number()
            entry = self.entries.get(number)
            if kind[0] == _LARGE_OBJECTS:
                while reader.number():
                    for _ in self._chunks():
                        pass
                self._records.range("skipped", reader.at - begin)
                continue
            if kind[0] != _ROWS or entry is None:
                raise UnreadableError(f"no block begins at byte {begin}")
            self.rows(entry, self._unpacked(self._chunks()), begin)
            self._records.range("rows", reader.at - begin)

    def _chunks(self) -> Iterator[bytes]:
        while length := self._reader.number():
            yield self._reader.take(length)

    def _unpacked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        if self.compression == "none":
            yield from chunks
            return
        if self.compression != "gzip":
            raise UnreadableError(f"rows packed with {self.compression} are not read; restore it to a plain dump")
        unpacker = zlib.decompressobj()
        for chunk in chunks:
            try:
                yield unpacker.decompress(chunk, _PIECE_BYTES)
                while unpacker.unconsumed_tail:
                    yield unpacker.decompress(unpacker.unconsumed_tail, _PIECE_BYTES)
            except zlib.error as error:
                raise UnreadableError(f"rows are packed wrongly: {error}") from None
        yield unpacker.flush()


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces in larger ones: what is not packed comes row by row."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    yield b"".join(gathered)


def parse_postgres_archive(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the archive's tables, rows and defects, and last the ranges, which sum to the file that is told of.

    Args:
        files: The archive; of a directory, `toc.dat`, and behind it a file of rows.
        parameters: The job's. `entries`: the archive, and the file of rows if one is told of, whose name is
            `rows_of`. Without that name, the archive itself is told of.
        emit: Takes each batch.

    Raises:
        UnreadableError: It is no archive of pg_dump, or of a version that is not read.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    name = parameters.get("rows_of")
    file = Sources(files, parameters).open(entries[0])
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if name is not None:
        quiet = _Archive(_Reader(file), DumpRecords(lambda _batch: None))
        quiet.contents()
        records = DumpRecords(emit)
        _file_of_rows(quiet, records, str(name).removesuffix(".gz"), Sources(files, parameters).open(entries[1]))
        records.close()
        return
    records = DumpRecords(emit)
    reader = _Reader(file)
    archive = _Archive(reader, records)
    archive.contents()
    records.range("schema", reader.at)
    accounted = reader.at
    if archive.format == _CUSTOM:
        try:
            archive.blocks()
        except UnreadableError as error:
            records.defect("truncated", error.reason, archive.accounted, size_bytes - archive.accounted)
        accounted = archive.accounted
    records.range("unparsed", size_bytes - accounted)
    records.close()


def _file_of_rows(archive: _Archive, records: DumpRecords, name: str, file: BinaryIO) -> None:
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    entry = next((one for one in archive.entries.values() if one.file_name == name), None)
    if entry is None or entry.kind != "TABLE DATA":
        records.range("skipped", size_bytes)  # large objects, or what the archive does not know
        return
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    whole = Budget(source_bytes=size_bytes, max_bytes=_MAX_UNPACKED_BYTES, max_ratio=1 << 40)
    stream = gzip_stream(file, whole) if packed else file
    archive.tell_to(records)
    try:
        archive.rows(entry, iter(lambda: stream.read(_PIECE_BYTES), b""), 0)
        records.range("rows", size_bytes)
    except UnreadableError as error:
        records.defect("truncated", f"{name}: {error.reason}", 0, size_bytes)
        records.range("unparsed", size_bytes)
