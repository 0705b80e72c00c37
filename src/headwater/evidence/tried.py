"""A mapping that is not approved, tried on rows of the dumps: what it would bind, and what a wrong one would show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.gather import Gathered
from headwater.evidence.mapping import PlatformMapping
from headwater.evidence.platform import PlatformTables
from headwater.evidence.postconditions import mapping_checks
from headwater.evidence.row_source import RowSource
from headwater.schema import table_named

__all__ = ["RowSource", "TriedMapping", "tried_mapping"]

EntryParts = Callable[[Sequence[str] | None], Iterable[pa.Table]]
"""From names of columns to parts of the table `entries`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedMapping:
    """What a mapping did to the rows that were looked at.

    Attributes:
        checks: Rows of the table `mapping_checks`.
        tables: Rows of the table `dump_tables`.
        rows_read: Rows that were looked at.
        whole: Whether these were all.
    """

    checks: pa.Table
    tables: pa.Table
    rows_read: int
    whole: bool


class _Tried(Gathered):
    """Bound rows, beside the entries that an earlier run found."""

    def __init__(self, entries: EntryParts, *, scratch: Path | None) -> None:
        super().__init__(scratch=scratch)
        self._entries = entries

    def parts(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """As of `Gathered`."""
        yield from self._entries(columns) if name == "entries" else super().parts(name, columns)


def tried_mapping(
    mapping: PlatformMapping,
    sources: Iterable[tuple[RowSource, Iterable[pa.RecordBatch]]],
    entries: EntryParts,
    *,
    at_most_rows: int = 0,
    scratch: Path | None = None,
) -> TriedMapping:
    """What a mapping makes of the dumps; nothing is kept of it.

    Args:
        mapping: The mapping.
        sources: Each file with its records; of one exhibit, one after the other.
        entries: What the exhibits' directories name.
        at_most_rows: Of each file, look at so many rows and then stop; 0 for all. Rows whose account comes later in the
            file count as orphans then.
        scratch: Folder for rows that do not fit into memory.
    """
    gathered = _Tried(entries, scratch=scratch)
    rows_read, whole = 0, True
    platform: PlatformTables | None = None
    exhibit_id = ""
    for source, batches in sources:
        if platform is None or source.exhibit_id != exhibit_id:
            if platform is not None:
                gathered.add_all(platform.finished())
            exhibit_id = source.exhibit_id
            platform = PlatformTables(exhibit_id=exhibit_id, mapping=mapping)
        of_file = 0
        for batch in batches:
            of_file += platform.take(source, batch)
            if at_most_rows and of_file >= at_most_rows:
                whole = False
                break
        rows_read += of_file
    if platform is not None:
        gathered.add_all(platform.finished())
    tables = pa.concat_tables([table_named("dump_tables").empty(), *gathered.parts("dump_tables")])
    checks = mapping_checks(mapping, gathered)
    return TriedMapping(
        checks=checks, tables=tables.filter(pc.not_equal(tables["bound_to"], "")), rows_read=rows_read, whole=whole
    )
