"""Files of an exhibit that a sealed job can be asked to read, and how it reaches them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.evidence.folders import shown
from headwater.schema import item_id

__all__ = ["ARCHIVE_FORMATS", "ROW_FORMATS", "FileSet", "Readable", "database_marked", "holds_more", "is_table_of_text"]

ARCHIVE_FORMATS = frozenset({"gzip", "bzip2", "xz", "zip", "7z", "tar"})
"""What a sealed worker takes apart into members."""

ROW_FORMATS = frozenset(
    {
        "access-log",
        "bbolt",
        "berkeley-db",
        "bson",
        "core-wallet",
        "electrum-wallet",
        "json-rows",
        "lmdb",
        "monero-answers",
        "monero-wallet",
        "mongo-archive",
        "mydumper-metadata",
        "mydumper-metadata-unfinished",
        "sqlite",
        "sqlite-journal",
        "sqlite-wal",
        "mysql-dump",
        "public-keys",
        "postgres-dump",
        "postgres-custom-dump",
        "postgres-directory-dump",
        "zcash-answers",
    }
)
"""What a sealed worker reads rows or lines from."""

_LOG_NAME = b"access.log"
# A text with as many commas in each line is often no table; these names say that it is meant as one.
_DATABASE_MARKS: Mapping[bytes, str] = {b"ibdata1": "InnoDB", b"global/pg_control": "PostgreSQL"}
_ROWS_OF_DIRECTORY = re.compile(rb"(?:\A|[/\0])\d+\.dat(?:\.gz\0\d+\0[^\0]*)?\Z")
_NAMED_TABLES: Mapping[str, tuple[bytes, ...]] = {
    "csv": (b".csv", b".tsv", b".txt"),
    "other": (b".txt",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """What a sealed job is handed to reach files: received files, and the volume of the image that they are.

    Attributes:
        files: As the job receives them.
        volume_index: Volume of the image; None where the files are no image.
        told: What a job over the image is told beside.
    """

    files: Sequence[Path]
    volume_index: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The parameters of a job over those entries."""
        named: dict[str, Any] = {"entries": list(entries)}
        return named if self.volume_index is None else {**self.volume, **named}

    @property
    def volume(self) -> dict[str, Any]:
        """The parameters of a job over the whole volume."""
        return {**self.told, "volume_index": self.volume_index or 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A file whose content may be more than bytes: rows, lines or an archive.

    Attributes:
        exhibit_id: The exhibit.
        volume_index: Volume within the image.
        path_bytes: Its path.
        sha256: Digest of its content.
        size_bytes: Length of its content.
        content_format: What the sealed worker took it for.
        reached: How a job reaches it.
        entry: Its entry in a job's parameters.
        whole: Whether it is the exhibit itself.
    """

    exhibit_id: str
    volume_index: int
    path_bytes: bytes
    sha256: str
    size_bytes: int
    content_format: str
    reached: FileSet
    entry: Mapping[str, Any]
    whole: bool = False

    @property
    def path(self) -> str:
        """Its path, shown."""
        return shown(self.path_bytes)

    @property
    def item_id(self) -> str:
        """Its item."""
        return item_id(self.exhibit_id, self.volume_index, self.path_bytes)

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of a job that reads it alone."""
        return self.reached.parameters([self.entry])


def database_marked(path: bytes) -> str | None:
    """The kind of database whose data directory a file of that name is a part of; None if it tells of none."""
    for name, kind in _DATABASE_MARKS.items():
        if path == name or path.endswith(b"/" + name):
            return kind
    return None


def holds_more(content_format: str | None, path: bytes) -> bool:
    """Whether a file is an archive, or holds rows or lines, or may by its name."""
    if content_format in ARCHIVE_FORMATS or content_format in ROW_FORMATS or _LOG_NAME in path:
        return True
    if _ROWS_OF_DIRECTORY.search(path):
        return True
    return path.lower().endswith(_NAMED_TABLES.get(content_format or "", ()))


def is_table_of_text(path: bytes) -> bool:
    """Whether a text whose lines have columns is taken for a table; plain text is one only beside its declaration."""
    return not path.lower().endswith(b".txt")
