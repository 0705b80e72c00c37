"""A database dump as mysqldump of MariaDB 10.11 writes it, from tables given row by row."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

__all__ = ["SERVER_VERSION", "DumpTable", "Value", "write_dump"]

SERVER_VERSION = "10.11.11-MariaDB"
_STATEMENT_BYTES = 65_536  # as with --net-buffer-length=65536; a row that would not fit begins the next statement

Value = int | str | bytes | Decimal | None

_SPECIAL = re.compile(rb"[\x00\n\r\\'\"\x1a]")  # what mysql_real_escape_string escapes; a tab stays as it is
_ESCAPES = {
    b"\x00": rb"\0",
    b"\n": rb"\n",
    b"\r": rb"\r",
    b"\\": rb"\\",
    b"'": rb"\'",
    b'"': rb"\"",
    b"\x1a": rb"\Z",
}

_HEAD = """\
/*M!999999\\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib {version}, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: {database}
-- ------------------------------------------------------
-- Server version\t{version}-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
"""  # noqa: W291 -- mysqldump ends its first line with a space

_BEFORE = """
--
-- Table structure for table `{name}`
--

DROP TABLE IF EXISTS `{name}`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `{name}` (
  {columns}
) ENGINE=InnoDB{next_key} DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci{comment};
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `{name}`
--

LOCK TABLES `{name}` WRITE;
/*!40000 ALTER TABLE `{name}` DISABLE KEYS */;
"""

_AFTER = """\
/*!40000 ALTER TABLE `{name}` ENABLE KEYS */;
UNLOCK TABLES;
"""

_FOOT = """\
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on {at:%Y-%m-%d} {at.hour:2d}:{at:%M:%S}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpTable:
    """One table of a dump.

    Attributes:
        name: As the application calls it.
        definitions: Columns and keys as SHOW CREATE TABLE prints them, in order.
        rows: In the order of the primary key, as the server reads them.
        next_key: What AUTO_INCREMENT stands at; None for a table without it.
        comment: Comment of the table, without quotes in it.
    """

    name: str
    definitions: Sequence[str]
    rows: Iterable[Sequence[Value]]
    next_key: int | None = None
    comment: str = ""


def _literal(value: Value) -> bytes:
    """A value as mysqldump writes it; bytes and text alike stand raw between quotes."""
    if value is None:
        return b"NULL"
    if isinstance(value, int | Decimal):
        return str(value).encode()
    raw = value if isinstance(value, bytes) else value.encode()
    if _SPECIAL.search(raw):
        raw = _SPECIAL.sub(lambda found: _ESCAPES[found.group()], raw)
    return b"'" + raw + b"'"


def _write_rows(file: BinaryIO, table: DumpTable) -> int:
    """Write the extended INSERT statements of a table; how many rows there were."""
    insert = f"INSERT INTO `{table.name}` VALUES\n".encode()
    length_bytes, count = 0, 0
    for row in table.rows:
        written = b"(" + b",".join([_literal(value) for value in row]) + b")"
        row_bytes = len(written) + 2  # mysqldump counts what may stand between two rows
        if count and length_bytes + row_bytes < _STATEMENT_BYTES:
            file.write(b",\n")
            length_bytes += row_bytes
        else:
            file.write(b";\n" + insert if count else insert)
            length_bytes = len(insert) + 4 + row_bytes
        file.write(written)
        count += 1
    if count:
        file.write(b";\n")
    return count


def write_dump(path: Path, database: str, tables: Sequence[DumpTable], *, at_s: int) -> dict[str, int]:
    """The number of rows of each table, after writing the dump.

    Args:
        path: The file; replaced if present.
        database: Name of the database.
        tables: In any order; a dump lists them by name.
        at_s: When the dump was completed, seconds since 1970 UTC.
    """
    counts = {}
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_HEAD.format(version=SERVER_VERSION, database=database).encode())
        for table in sorted(tables, key=lambda table: table.name):
            next_key = "" if table.next_key is None else f" AUTO_INCREMENT={table.next_key}"
            comment = f" COMMENT='{table.comment}'" if table.comment else ""
            columns = ",\n  ".join(table.definitions)
            names = {"name": table.name, "columns": columns, "next_key": next_key, "comment": comment}
            file.write(_BEFORE.format(**names).encode())
            counts[table.name] = _write_rows(file, table)
            file.write(_AFTER.format(name=table.name).encode())
        file.write(_FOOT.format(at=dt.datetime.fromtimestamp(at_s, tz=dt.UTC)).encode())
    return counts
