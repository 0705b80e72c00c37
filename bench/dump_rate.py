"""MB/s of the dump reader on a generated dump, beside MariaDB restoring the same dump in the same run.

Two plain passes over the same bytes say how fast this machine is just now. Without a MariaDB, a line says so.

python bench/dump_rate.py [MEGABYTES]
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time

from headwater_sealed.mysql_dump import parse_mysql_dump
from headwater_synth.mariadb_server import MariadbMissingError, RunningMariadb, running_mariadb

_HEAD = b"""-- MySQL dump 10.13
CREATE TABLE `posts` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `account` int(11) NOT NULL,
  `created` int(11) DEFAULT NULL,
  `price` decimal(8,2) DEFAULT NULL,
  `title` varchar(255) DEFAULT NULL,
  `body` text,
  `token` binary(16) DEFAULT NULL,
  `state` enum('new','seen') DEFAULT 'new',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;
LOCK TABLES `posts` WRITE;
"""
_WORDS = (
    b"river",
    b"meadow",
    b"it\\'s",
    b"stone",
    b"line\\nbreak",
    b"cloud",
    b"lantern",
    b"path",
    b"quiet",
    b"(north)",
)


def generated(megabytes: int, seed: int = 7) -> bytes:
    """A dump of about that size: extended inserts of about a megabyte, as mysqldump writes them."""
    random_source = random.Random(seed)
    parts = [_HEAD]
    size, number = 0, 0
    while size < megabytes * 1_000_000:
        rows = []
        length = 0
        while length < 1_000_000:
            number += 1
            title = b" ".join(random_source.choices(_WORDS, k=4))
            body = b" ".join(random_source.choices(_WORDS, k=random_source.randrange(2, 40)))
            token = random_source.randbytes(16).translate(None, b"\0\n\r\x1a\\'\"")
            row = b"(%d,%d,%d,%d.%02d,'%s','%s',_binary '%s',%s)" % (
                number, number % 977, 1_600_000_000 + number, number % 50, number % 100, title, body, token,
                b"NULL" if number % 3 else b"'seen'",
            )  # fmt: skip
            rows.append(row)
            length += len(row) + 1
        statement = b"INSERT INTO `posts` VALUES " + b",".join(rows) + b";\n"
        parts.append(statement)
        size += len(statement)
    parts.append(b"UNLOCK TABLES;\n-- Dump completed on 2026-01-01\n")
    return b"".join(parts)


def _seconds(work: object) -> float:
    assert callable(work)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _restoring(dump: bytes, running: RunningMariadb) -> float:
    """Seconds that the client takes to restore the dump into a new database, one core for each of client and server."""
    again = b"DROP DATABASE IF EXISTS bench; CREATE DATABASE bench; USE bench;\n"
    return _seconds(lambda: subprocess.run(running.client, input=again + dump, check=True, capture_output=True))


def main() -> None:
    """Prints one line a pass."""
    dump = generated(int(sys.argv[1]) if len(sys.argv) > 1 else 64)
    rows = 0

    def read() -> None:
        nonlocal rows
        rows = 0

        def emit(batch: object) -> None:
            nonlocal rows
            rows += len(batch)  # type: ignore[arg-type]  # a record batch, which publishes no types

        parse_mysql_dump([io.BytesIO(dump)], {}, emit)

    megabytes = len(dump) / 1e6
    restored_s = None
    try:
        with running_mariadb() as running:
            restored_s = min(_restoring(dump, running) for _ in range(2))
    except MariadbMissingError as missing:
        print(f"anchor: mariadb          not measured: {missing}")
    for name, work in (
        ("anchor: bytes.count", lambda: dump.count(b"),(")),
        ("anchor: lines", lambda: sum(1 for _ in io.BytesIO(dump))),
        ("parse_mysql_dump", read),
    ):
        best_s = min(_seconds(work) for _ in range(3))
        print(f"{name:24} {megabytes / best_s:10.1f} MB/s   {megabytes:.0f} MB in {best_s:.2f} s")
        if name == "parse_mysql_dump" and restored_s is not None:
            rate = megabytes / restored_s
            print(f"anchor: mariadb restore  {rate:10.1f} MB/s   {megabytes:.0f} MB in {restored_s:.2f} s")
            print(f"ratio to the restore     {restored_s / best_s:10.1f}")
    print(f"rows and other records   {rows:10}")


if __name__ == "__main__":
    main()
