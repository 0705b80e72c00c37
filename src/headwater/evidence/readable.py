"""Files of an exhibit that a sealed job can be asked to read, and how it reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.evidence.folders import shown
from headwater.schema import item_id

__all__ = ["ARCHIVE_FORMATS", "ROW_FORMATS", "FileSet", "Readable", "holds_more"]

ARCHIVE_FORMATS = frozenset({"gzip", "bzip2", "xz", "zip", "7z", "tar"})
"""What a sealed worker takes apart into members."""

ROW_FORMATS = frozenset({"mysql-dump", "postgres-dump", "access-log"})
"""What a sealed worker reads rows or lines from."""

_LOG_NAME = b"access.log"


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


def holds_more(content_format: str | None, path: bytes) -> bool:
    """Whether a file is an archive, or holds rows or lines."""
    return content_format in ARCHIVE_FORMATS or content_format in ROW_FORMATS or _LOG_NAME in path
