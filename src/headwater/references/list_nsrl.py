"""The NSRL's reference data set, version 3: an SQLite file of up to hundreds of gigabytes, read row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from headwater.errors import UnreadableInputError, UnsupportedFormatError
from headwater.references.list_entries import Listed, ListItem, Source, entry_of
from headwater.references.rows import BadRow, BadRowError

__all__ = ["KNOWN_DATABASES", "SQLITE_MAGIC", "check_tables", "read_nsrl"]

SQLITE_MAGIC = b"SQLite format 3\x00"
KNOWN_DATABASES = ("NSRL RDS 3 (a table METADATA or FILE with sha256, sha1 and md5)",)
_TABLES = ("METADATA", "FILE")  # full sets keep the files in the first, minimal ones in the second
_DIGESTS = ("sha256", "sha1", "md5")
_SIZES = ("file_size", "bytes", "size")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA}


def check_tables(path: Path) -> None:
    """Nothing, if the database is one that is read here.

    Raises:
        UnsupportedFormatError: It holds something else.
        UnreadableInputError: It is damaged, or was not closed.
    """
    with _opened(path) as database:
        _query(path, database)


def _opened(path: Path) -> closing[sqlite3.Connection]:
    """The database, with nothing allowed but to select: a view or a trigger in it may hold any statement at all."""
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size:
        raise UnreadableInputError(path, "was not closed (there is a -wal file)", remedy="ask for a closed copy")
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        for statement in ("PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON", "PRAGMA mmap_size=0"):
            database.execute(statement)
    except sqlite3.Error as error:
        raise _damaged(path, error) from error
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    return closing(database)


def _damaged(path: Path, error: sqlite3.Error) -> UnreadableInputError:
    return UnreadableInputError(path, f"the database cannot be read ({error})", remedy="ask for it again")


def _query(path: Path, database: sqlite3.Connection) -> tuple[str, str | None]:
    """The statement that gives the digests and size of each row, and the one that gives the last row's number."""
    try:
        found = database.execute("SELECT name, type, sql FROM sqlite_schema").fetchall()
        kinds: Mapping[str, tuple[str, str]] = {
            str(name).upper(): (str(name), str(kind)) for name, kind, _ in found if kind in {"table", "view"}
        }
        for wanted in _TABLES:
            name, kind = kinds.get(wanted, ("", ""))
            sql = next((str(text) for other, _, text in found if other == name), "")
            if kind != "table" or "VIRTUAL" in sql[:30].upper():
                continue
            columns = {str(row[1]).lower(): str(row[1]) for row in database.execute(f'PRAGMA table_info("{name}")')}
            if not {"sha1", "md5"} <= columns.keys():
                continue
            size = next((columns[size] for size in _SIZES if size in columns), None)
            chosen = [f'"{columns[n]}"' if n in columns else "NULL" for n in _DIGESTS]
            chosen.append("NULL" if size is None else f'"{size}"')
            select = f'SELECT {", ".join(chosen)} FROM "{name}" NOT INDEXED'  # noqa: S608 - names from the schema, quoted
            if "WITHOUT ROWID" in sql.upper():
                return select, None
            return f"{select} ORDER BY rowid", f'SELECT rowid FROM "{name}" ORDER BY rowid DESC LIMIT 1'  # noqa: S608 - as above
    except sqlite3.Error as error:
        raise _damaged(path, error) from error
    names = ", ".join(repr(name[:30]) for name in sorted(kinds)[:8])
    raise UnsupportedFormatError(
        path, found=f"a database without files of the NSRL (tables {names or 'none'})", known=KNOWN_DATABASES
    )


def read_nsrl(source: Source) -> Iterator[ListItem]:
    """The rows of the set; a row equal to the one before it, which is the same file in another product, is left out.

    Raises:
        UnreadableInputError: The database is damaged.
    """
    size_bytes = source.path.stat().st_size
    with _opened(source.path) as database:
        statement, counting = _query(source.path, database)
        try:
            last = None if counting is None else database.execute(counting).fetchone()
            rows = None if last is None else max(1, int(last[0]))
            before: tuple[object, ...] | None = None
            for number, row in enumerate(database.execute(statement)):
                if rows is not None and not number % 4096:
                    source.done_bytes = min(size_bytes, size_bytes * number // rows)
                if row == before:
                    continue
                before = row
                sha256, sha1, md5, size = row
                try:
                    yield Listed(
                        number, None, entry_of({"sha256": sha256, "sha1": sha1, "md5": md5, "size_bytes": size}, {})
                    )
                except BadRowError as error:
                    yield BadRow(offset_bytes=None, row=number, reason=str(error))
        except sqlite3.Error as error:
            raise _damaged(source.path, error) from error
