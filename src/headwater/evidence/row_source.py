"""A file as a source of rows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RowSource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """A file whose rows are read.

    Attributes:
        exhibit_id: The exhibit it is of or in.
        item_id: Its item.
        path: Its path, shown; empty where it is the exhibit itself.
        path_bytes: Its path; empty where it is the exhibit itself.
        source_format: What it is read as.
        declared_by: The file that declares its tables, where it is another one.
    """

    exhibit_id: str
    item_id: str
    path: str = ""
    path_bytes: bytes = b""
    source_format: str = ""
    declared_by: RowSource | None = None

    @property
    def fields(self) -> tuple[bytes, ...]:
        """What tells its rows from those of the exhibit's other files, in an id."""
        return (self.path_bytes,) if self.path_bytes else ()
