"""The job `parse_sqlite`: the tables and rows of an SQLite database, with its write-ahead log and without.

Pages are read as they lie in the files, and nothing of the database is executed. Each row is told with the place of its
cell in the file that holds it: most lie in the database, those of pages written since in the log. What the log has
replaced is a table of its own, named with `@without_wal` behind, so that both states of the database can be seen.

References:
    SQLite documentation, "Database File Format": 2.6 (the schema table), 4 (write-ahead log).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources
from headwater_sealed.sqlite_log import WriteAheadLog
from headwater_sealed.sqlite_pages import Pages
from headwater_sealed.sqlite_schema import declared_table
from headwater_sealed.sqlite_tree import Cell, Tree, Value, record_values, row_values

__all__ = ["WITHOUT_LOG", "parse_sqlite"]

WITHOUT_LOG = "@without_wal"
"""Stands behind the name of a table as the database file has it, where a write-ahead log has changed it since."""

_MAX_DEFECT_RANGES = 100


class _Database:
    """One reading of a database.

    Args:
        pages: Its pages.
        records: Takes what is found.
        of_log: Whether the rows that stand in the log are told, and not those that stand in the database file.
        suffix: Stands behind the names of tables.
    """

    def __init__(self, pages: Pages, records: DumpRecords, *, of_log: bool, suffix: str = "") -> None:
        self._pages = pages
        self._records = records
        self._of_log = of_log
        self._suffix = suffix
        self._table: str | None = None

    def _told(self, page: int) -> bool:
        return self._pages.in_log(page) == self._of_log

    def _bad(self, reason: str, page: int, at: int) -> None:
        """A defect, told in the reading that tells the page."""
        if self._told(page):
            offset = self._pages.offset_of(page) + at
            length = self._pages.page_bytes - at
            self._records.defect("page_not_readable", reason, offset, length, table=self._table)

    def read(self) -> None:
        """Tells tables, rows and defects."""
        schema = []
        for cell in Tree(self._pages, "schema", self._bad).cells(1):
            values = self._read(cell)
            if values is not None and len(values) >= 5:
                schema.append((cell, [value for value, _, _ in values]))
        # What is damaged may lead to pages of others: tables come first, then what is no more than a way to them.
        for wanted in (b"table", b"index"):
            for cell, (kind, name, _, root, statement) in ((cell, values[:5]) for cell, values in schema):
                number = int(root) if root is not None and root.isdigit() else 0
                if kind != wanted or not number:
                    continue
                if kind == b"table":
                    self._rows(cell, (name or b"").decode("utf-8", "replace"), number, statement or b"")
                    continue
                self._table = None
                for _ in Tree(self._pages, "skipped", self._bad).cells(number):
                    pass  # what an index holds stands in its table too
        for reason in self._pages.claim_unused():
            self._bad(reason, 1, 32)

    def _read(self, cell: Cell) -> list[Value] | None:
        try:
            return record_values(cell.payload, self._pages.encoding)
        except (UnreadableError, IndexError) as error:
            reason = error.reason if isinstance(error, UnreadableError) else "a record is cut short"
            self._bad(reason, cell.page, cell.at)
            return None

    def _rows(self, declaration: Cell, name: str, root: int, statement: bytes) -> None:
        self._table = name + self._suffix
        table = declared_table(statement.decode("utf-8", "replace"))
        if table is None:
            self._bad(f"the declaration of {name} is not understood", declaration.page, declaration.at)
            return
        if not self._of_log:
            # Only one of the readings declares; what stands in the log has no place in the database file.
            offset, length = self._pages.offset_of(declaration.page) + declaration.at, declaration.length_bytes
            if not self._told(declaration.page):
                offset, length = 0, 0
            columns = table.columns
            names, types = [column.name for column in columns], [column.declared_type for column in columns]
            self._records.table(self._table, names, types, offset, length)
        number = 0
        for cell in Tree(self._pages, "rows", self._bad).cells(root):
            number += 1
            if not self._told(cell.page):
                continue
            offset = self._pages.offset_of(cell.page) + cell.at
            try:
                row = row_values(table, cell, self._pages.encoding)
            except (UnreadableError, IndexError) as error:
                reason = error.reason if isinstance(error, UnreadableError) else "a record is cut short"
                where: dict[str, Any] = {"table": self._table, "number": number}
                self._records.defect("row_not_readable", reason, offset, cell.length_bytes, **where)
                continue
            self._records.row(self._table, number, offset, cell.length_bytes, row)

    def account(self) -> None:
        """Accounts for every byte of the file that is told of."""
        if self._of_log:
            self._account_log()
            return
        pages, size = self._pages, self._pages.page_bytes
        lost: list[list[int]] = []
        for number in range(1, pages.file_pages + 1):
            # What the log has replaced or cut off is no part of the database any more.
            kind = "skipped" if pages.in_log(number) or number > pages.count else pages.kind(number)
            self._records.range(kind, size)
            if kind == "unparsed":
                if lost and lost[-1][1] == number:
                    lost[-1][1] += 1
                else:
                    lost.append([number, number + 1])
        for first, end in lost[:_MAX_DEFECT_RANGES]:
            reason = f"pages {first} to {end - 1} belong to no table, index or list of free pages that can be read"
            self._records.defect("page_not_reached", reason, (first - 1) * size, (end - first) * size)
        rest = pages.file_bytes - pages.file_pages * size
        if rest:
            self._records.range("unparsed", rest)
            self._records.defect("truncated", "the last page is cut short", pages.file_bytes - rest, rest)
        missing = [n for n in range(pages.file_pages + 1, pages.count + 1) if not pages.in_log(n)]
        if missing:
            reason = f"the database has {pages.count} pages, but {len(missing)} of them are missing at the end"
            self._records.defect("truncated", reason, pages.file_bytes, 0)

    def _account_log(self) -> None:
        log = self._pages.log
        assert log is not None
        at = 0
        for number, offset in sorted(log.pages.items(), key=lambda pair: pair[1]):
            self._records.range("skipped", offset - at)  # headers of frames, and pages that later frames replace
            kind = self._pages.kind(number) if number <= self._pages.count else "skipped"
            self._records.range(kind, log.page_bytes)
            at = offset + log.page_bytes
        self._records.range("skipped", log.size_bytes - at)
        if log.left_over_bytes:
            reason = "frames that no commit covers, or left from before the last checkpoint, are not read"
            self._records.defect("wal_frames_left_over", reason, log.committed_bytes, log.left_over_bytes)


def parse_sqlite(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the database's tables, rows and defects, and last the ranges, which sum to the file that is told of.

    Args:
        files: Database and write-ahead log; or, with `volume_index`, the image that holds them.
        parameters: The job's. `entries`: the database, and its write-ahead log if there is one. `part`: `database`
            (unless told otherwise) or `log`, the rows of the database as it stands with its log that lie in the one
            or the other; or `without_log`, its rows as they stand in the database file alone.
        emit: Takes each batch.

    Raises:
        UnreadableError: It is no SQLite file.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    part = str(parameters.get("part", "database"))
    records = DumpRecords(emit)
    # Each through a request of its own: members of one archive are given one at a time.
    database = Sources(files, parameters).open(entries[0])
    log = None
    if len(entries) > 1 and part != "without_log":
        try:
            log = _log_of(Sources(files, parameters).open(entries[1]), database)
        except UnreadableError as error:
            if part == "log":
                raise
            records.defect("wal_not_readable", error.reason, 0, 0)
    reading = _Database(
        Pages(database, log), records, of_log=part == "log", suffix=WITHOUT_LOG if part == "without_log" else ""
    )
    reading.read()
    if part != "without_log":
        reading.account()
        records.close()
    else:
        records.flush()


def _log_of(file: BinaryIO, database: BinaryIO) -> WriteAheadLog:
    log = WriteAheadLog(file)
    database.seek(16)
    stated = int.from_bytes(database.read(2), "big")
    database.seek(0)
    page_bytes = 65536 if stated == 1 else stated
    if stated and page_bytes != log.page_bytes:
        raise UnreadableError(f"its pages are of {log.page_bytes} bytes, those of the database of {page_bytes}")
    return log
