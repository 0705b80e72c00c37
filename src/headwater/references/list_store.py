"""A hash list written as Parquet while it is read: memory holds a batch, however long it is (docs/adr/0017)."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from headwater.engine import ParquetParts, Progress
from headwater.errors import InputError
from headwater.references.list_entries import Deletion, Listed, ListItem, Source
from headwater.references.list_sniff import ListFormat, format_of
from headwater.references.rows import BadRow, defect_of, no_row, refused_for
from headwater.schema import content_id, content_ids, table_named

__all__ = ["WrittenList", "write_list"]

BATCH_ROWS = 16_384
_ENTRIES = "hash_list_entries"
_EMPTY_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()
_CHUNK_BYTES = 1 << 22
_GIVEN = {"entry_id", "reference_name", "reference_version", "reference_row", "polarity"}
_COLUMNS = tuple(column.name for column in table_named(_ENTRIES).columns if column.name not in _GIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenList:
    """What was written.

    Attributes:
        format_name: As recognised.
        source_sha256: Digest of the list as it came.
        rows: Rows of `hash_list_entries`.
        defects: Rows of `defects`.
        deletions: Rows of `hash_list_deletions`.
        withdrawn: Rows left out because the list takes their file off itself.
        digests: SHA-256 of each Parquet file, by table.
    """

    format_name: str
    source_sha256: str
    rows: int
    defects: int
    deletions: int
    withdrawn: int
    digests: Mapping[str, str]


def write_list(
    folder: Path, source: Source, *, name: str, version: str, accept_defects: bool, progress: Progress
) -> WrittenList:
    """Read a list to its end and write its tables.

    Args:
        folder: Where the tables go.
        source: The list.
        name: Name given at import.
        version: Version given at import.
        accept_defects: Import the good rows although there are bad ones.
        progress: Told of bytes read, in all passes.

    Raises:
        InputError: It cannot be read, has a bad row, has none at all, or was changed while it was read.
    """
    before = _stamp(source.path)
    found = format_of(source)
    watch = _Watch(progress=progress, size_bytes=before[0], passes=3 if found.deletes else 2)
    source_sha256 = _digest(source.path, watch)
    with ExitStack() as stack:
        deleted = stack.enter_context(_deleted_files(folder, source, found, watch)) if found.deletes else None
        tables = stack.enter_context(
            _Tables(folder=folder, source=source, name=name, version=version, accept_defects=accept_defects)
        )
        watch.next_pass()
        for item in watch.over(source, found.read(source)):
            if isinstance(item, Listed):
                tables.add(item, deleted)
            elif isinstance(item, BadRow):
                tables.add_bad(item)
            else:
                tables.add_deletion(item)
        if tables.first_bad is not None and not accept_defects:
            raise refused_for(source.path, tables.first_bad, tables.defects)
        if not tables.any_row:
            raise no_row(source.path)
        digests = tables.finish()
    if _stamp(source.path) != before:
        raise InputError(source.path, "was changed while it was read", remedy="import it again")
    return WrittenList(
        format_name=found.name,
        source_sha256=source_sha256,
        rows=tables.rows,
        defects=tables.defects,
        deletions=tables.deletions,
        withdrawn=tables.withdrawn,
        digests=digests,
    )


def _stamp(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Progress in bytes over all passes."""

    progress: Progress
    size_bytes: int
    passes: int
    behind: int = 0

    def next_pass(self) -> None:
        self.behind += 1

    def at(self, done_bytes: int) -> None:
        self.progress("bytes", self.behind * self.size_bytes + done_bytes, self.passes * self.size_bytes)

    def over(self, source: Source, items: Iterator[ListItem]) -> Iterator[ListItem]:
        for number, item in enumerate(items):
            if not number % 8192:
                self.at(source.done_bytes)
            yield item
        self.at(self.size_bytes)


def _digest(path: Path, watch: _Watch) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        done = 0
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            watch.at(done)
    return digest.hexdigest()


@dataclass(slots=True, kw_only=True)
class _Deleted:
    """Files that the list takes off itself: on disk, because there may be millions."""

    database: sqlite3.Connection

    def covers(self, item: Listed) -> bool:
        """Whether the row is of a deleted file, and not newer than the deletion."""
        listed_file = item.values.get("listed_file")
        if listed_file is None:
            return False
        row = self.database.execute("SELECT at FROM deleted WHERE listed_file = ?", (listed_file,)).fetchone()
        return row is not None and (row[0] is None or item.at is None or item.at <= row[0])


@contextmanager
def _deleted_files(folder: Path, source: Source, found: ListFormat, watch: _Watch) -> Iterator[_Deleted | None]:
    """The deletions of the list, gathered in a pass of their own: they may come before or after what they delete."""
    path = folder / ".deleted"
    watch.next_pass()
    ahead = Source(path=source.path, polarity=source.polarity, plain=source.plain)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode=OFF")
            database.execute("CREATE TABLE deleted (listed_file TEXT PRIMARY KEY, at REAL) WITHOUT ROWID")
            database.execute("BEGIN")
            any_deleted = False
            for item in watch.over(ahead, found.read(ahead)):
                if isinstance(item, Deletion):
                    any_deleted = True
                    # The newest counts; one without a time counts for good.
                    database.execute(
                        "INSERT INTO deleted VALUES (?, ?) ON CONFLICT (listed_file) DO UPDATE SET at = "
                        "CASE WHEN at IS NULL OR excluded.at IS NULL THEN NULL ELSE max(at, excluded.at) END",
                        (item.listed_file, item.at),
                    )
            yield _Deleted(database=database) if any_deleted else None
    finally:
        path.unlink(missing_ok=True)


@dataclass(slots=True, kw_only=True)
class _Tables:
    """The tables of a list while they are written."""

    folder: Path
    source: Source
    name: str
    version: str
    accept_defects: bool
    rows: int = 0
    defects: int = 0
    deletions: int = 0
    withdrawn: int = 0
    first_bad: BadRow | None = None
    _empty_told: bool = False
    _parts: dict[str, ParquetParts] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _waiting: list[Listed] = field(default_factory=list)
    _other_waiting: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def any_row(self) -> bool:
        """Whether the list holds anything that was understood."""
        return bool(self.rows or self._waiting or self.deletions)

    def add(self, item: Listed, deleted: _Deleted | None) -> None:
        """A row of `hash_list_entries`, unless the list takes its file off itself."""
        if self.first_bad is not None and not self.accept_defects:
            return  # the list will be refused: from here on, its bad rows are only counted
        if deleted is not None and deleted.covers(item):
            self.withdrawn += 1
            return
        self._waiting.append(item)
        if len(self._waiting) == BATCH_ROWS:
            self._write_entries()

    def add_bad(self, bad: BadRow) -> None:
        """A row of `defects`, if these are accepted."""
        self.defects += 1
        if self.first_bad is None:
            self.first_bad = bad
        if self.accept_defects:
            self._add_other("defects", defect_of(bad, self.name, self.version, self.source.path, _ENTRIES))

    def add_deletion(self, deletion: Deletion) -> None:
        """A row of `hash_list_deletions`."""
        row = {
            "deletion_id": content_id("hld", self.name, self.version, self.deletions),
            "reference_name": self.name,
            "reference_version": self.version,
            "reference_row": deletion.row,
            "listed_file": deletion.listed_file,
            "deleted_at": deletion.deleted_at,
        }
        self.deletions += 1
        self._add_other("hash_list_deletions", row)

    def finish(self) -> dict[str, str]:
        """Digest of each file, by table, when all are on the medium."""
        if self._waiting or not self.rows:
            self._write_entries()
        for table in list(self._other_waiting):
            self._write_other(table)
        if self.source.keys.rows:
            rows = [
                {"reference_name": self.name, "reference_version": self.version, "key_name": key, "rows": count}
                for key, count in self.source.keys.rows.items()
            ]
            self._file("reference_keys").write(table_named("reference_keys").rows(rows))
        return {table: part.finish() for table, part in sorted(self._parts.items())}

    def _file(self, table: str) -> ParquetParts:
        if table not in self._parts:
            path = self.folder / f"{table}.parquet"
            self._parts[table] = self._stack.enter_context(ParquetParts(path, table_named(table).arrow))
        return self._parts[table]

    def _write_entries(self) -> None:
        waiting, self._waiting = self._waiting, []
        count = len(waiting)
        values = [item.values for item in waiting]
        columns: dict[str, list[object]] = {column: [row.get(column) for row in values] for column in _COLUMNS}
        columns["entry_id"] = list(content_ids("hle", (self.name, self.version), range(self.rows, self.rows + count)))
        columns["reference_name"] = [self.name] * count
        columns["reference_version"] = [self.version] * count
        columns["reference_row"] = [item.row for item in waiting]
        columns["polarity"] = [self.source.polarity] * count
        if not self._empty_told and _EMPTY_MD5 in columns["md5"]:
            self._empty_told = True
            row = waiting[columns["md5"].index(_EMPTY_MD5)].row
            self.source.notes.append(f"row {row} lists the digest of no content: every empty file will match it")
        self._file(_ENTRIES).write(table_named(_ENTRIES).part(columns))
        self.rows += count

    def _add_other(self, table: str, row: dict[str, object]) -> None:
        waiting = self._other_waiting.setdefault(table, [])
        waiting.append(row)
        if len(waiting) == BATCH_ROWS:
            self._write_other(table)

    def _write_other(self, table: str) -> None:
        rows, self._other_waiting[table] = self._other_waiting[table], []
        names = [column.name for column in table_named(table).columns]
        if rows:
            self._file(table).write(table_named(table).part({n: [row.get(n) for row in rows] for n in names}))
