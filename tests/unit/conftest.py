"""One very small seizure, and the case made of it by every stage: enough to see what depends on what."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LEAD, SECOND = "A. Examiner", "S. Second"

# What a person might put into a form to steer the terminal of whoever reads it: escape, backspace, right-to-left.
HOSTILE = "=SUM(1)\x1b[2J\b\u202ebirch"
HOSTILE_START = b"\x1b]0;not a title\x07text\n"

DUMP = f"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
CREATE TABLE `people` (
  `id` int NOT NULL,
  `name` varchar(40) DEFAULT NULL,
  `mail` varchar(40) DEFAULT NULL,
  `tel` varchar(20) DEFAULT NULL,
  `level` int NOT NULL,
  `since` bigint DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `people` VALUES (1,'alder','marta.quill@mail.test','+33612345678',9,1700000000),
(2,'{HOSTILE}','birch@mail.test',NULL,1,1700000001),(3,'cedar',NULL,NULL,1,1700000002),(4,'elm',NULL,NULL,1,'soon');
CREATE TABLE `visits` (`id` int NOT NULL, `who` int NOT NULL, `at` bigint NOT NULL, `ip` varchar(40) DEFAULT NULL);
INSERT INTO `visits` VALUES (1,1,1700000100,'192.0.2.7'),(2,2,1700000200,'198.51.100.9'),(3,2,1700000300,'203.0.113.5');
CREATE TABLE `files` (`id` int NOT NULL, `who` int NOT NULL, `at` bigint NOT NULL, `path` varchar(80) DEFAULT NULL);
INSERT INTO `files` VALUES (1,1,1700000400,'a.txt'),(2,2,1700000500,'b.txt');
CREATE TABLE `paid` (`id` int NOT NULL, `who` int NOT NULL, `at` bigint NOT NULL, `cents` int NOT NULL);
INSERT INTO `paid` VALUES (1,1,1700000600,500),(2,2,1700000700,900);
-- Dump completed on 2026-01-01  0:00:00
""".encode()
MAPPING = b"""version: 1
application: test
tables:
  - table: people
    binds: accounts
    key: id
    because: one row for each login
    columns:
      nickname: {column: name}
      email: {column: mail}
      phone: {column: tel}
      role: {column: level, values: {'9': administrator, '1': member}}
      registered_at_utc: {column: since, unit: epoch_s}
  - table: visits
    binds: logins
    key: id
    because: one row for each visit
    columns:
      account: {column: who, joins: people}
      at_utc: {column: at, unit: epoch_s}
      network_address: {column: ip, unit: text}
  - table: files
    binds: uploads
    key: id
    because: one row for each file
    columns:
      account: {column: who, joins: people}
      at_utc: {column: at, unit: epoch_s}
      media_path: {column: path}
  - table: paid
    binds: payments
    key: id
    because: one row for each payment
    columns:
      account: {column: who, joins: people}
      at_utc: {column: at, unit: epoch_s}
      amount_cents: {column: cents, unit: cents}
      currency: {literal: EUR}
"""
REFERENCES = {
    "hash-list": b"md5\n" + b"c" * 32 + b"\n",
    "records": b"source_key,full_name,convicted,email,phone,country,nickname\n"
    b"1,Marta Quill,no,marta.quill@mail.test,+33612345678,FR,alder\n2,Otto Reed,no,,,FR,\n",
    "networks": b"cidr,kind,country,holder\n192.0.2.0/24,access,FR,Net One\n198.51.100.0/24,vpn,,\n"
    b"203.0.113.0/24,access,F\x1b[2JR,Net\x1b[31m Two\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """The seizure and its case, in one folder.

    Attributes:
        folder: Holds `files`, `platform.sql`, `mapping.yaml`, a file for each reference, and `case`.
        case: The case, every stage done and nobody's judgement given.
    """

    folder: Path
    case: Path


def write_seizure(folder: Path) -> None:
    """The evidence and references of the small case."""
    (folder / "files").mkdir()
    (folder / "files" / "a.txt").write_bytes(HOSTILE_START)
    (folder / "files" / "b.txt").write_bytes(b"two, longer\n")
    (folder / "platform.sql").write_bytes(DUMP)
    (folder / "mapping.yaml").write_bytes(MAPPING)
    for kind, content in REFERENCES.items():
        (folder / kind).write_bytes(content)


def steps(folder: Path) -> Iterator[tuple[object, ...]]:
    """The commands that make the small case of it, to the end of the first run."""
    case = folder / "case"
    yield "case", "create", case, "--authority", "Order 1", "--operator", LEAD
    yield "evidence", "add", case, folder / "files", "--exhibit", "FILES", "--allow-unsealed"
    yield "evidence", "add", case, folder / "platform.sql", "--exhibit", "DUMP", "--allow-unsealed"
    for kind in REFERENCES:
        polarity = ("--polarity", "known-illegal") if kind == "hash-list" else ()
        yield "reference", "add", case, kind, folder / kind, "--name", kind, "--version", "1", *polarity
    yield (
        *("reference", "confirm", case, "hash-list@1", "--polarity", "known-illegal"),
        *("--operator", SECOND, "--why", "told by its author"),
    )
    yield "map", case, "--approve", folder / "mapping.yaml"
    yield "run", case, "--workers", 1, "--allow-unsealed"


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory, headwater: Callable[..., Any]) -> Small:
    """The case after every stage; nobody writes to it."""
    folder = tmp_path_factory.mktemp("small")
    write_seizure(folder)
    for step in steps(folder):
        done = headwater(*step)
        assert done.status == 0, done.err
    with contextlib.closing(sqlite3.connect(folder / "case" / "case.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Small(folder=folder, case=folder / "case")


@pytest.fixture
def small(small_template: Small, tmp_path: Path) -> Small:
    """A copy of the seizure and the case that a test may change; the case knows where its exhibits lie now."""
    folder = Path(shutil.copytree(small_template.folder, tmp_path / "small"))
    with contextlib.closing(sqlite3.connect(folder / "case" / "case.db")) as database:
        for exhibit, name in (("FILES", "files"), ("DUMP", "platform.sql")):
            path = os.fsencode(folder / name).hex()
            database.execute("UPDATE exhibit_places SET path = ? WHERE exhibit_id = ?", (path, exhibit))
        database.commit()
    return Small(folder=folder, case=folder / "case")


@pytest.fixture(scope="session")
def before_0004() -> tuple[str, ...]:
    """Statements that take from `case.db` what its fourth migration and later ones brought."""
    columns = ("headwater_version", "links_sha256", "bars_sha256", "score_hidden", "shown_as")
    return (
        "DROP TABLE remarks",
        "DROP TABLE read_again",
        "DROP TABLE mapping_drafts",
        "DROP TABLE shown_links",
        *(f"ALTER TABLE judgements DROP COLUMN {name}" for name in columns),
    )
