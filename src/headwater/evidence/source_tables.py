"""The application's tables as they come from each source, and what becomes of their rows through each binding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from headwater.evidence.mapping import Binding
from headwater.evidence.row_source import RowSource

__all__ = ["BINDING", "Fate", "SourceTable", "table_counts"]

BINDING = "binding"
"""A column of bound rows until they are finished: the place of the binding in the mapping."""


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of the rows of a table through one binding."""

    mapped: int = 0
    rejected: int = 0
    ignored: int = 0


@dataclass(slots=True, kw_only=True)
class SourceTable:
    """A table of one source: what is known of it, and what became of its rows, for each binding by its place."""

    source: RowSource
    name: str
    columns: tuple[str, ...]
    bound: dict[int, Fate] = field(default_factory=dict)
    declared: bool = True
    read: int = 0


def table_counts(
    tables: Iterable[SourceTable], bindings: Sequence[Binding], exhibit_id: str
) -> Iterator[dict[str, object]]:
    """Rows of the table `dump_tables`; through each binding, the rows read are those bound, rejected and ignored (I4).

    Args:
        tables: Of one exhibit.
        bindings: Of the mapping.
        exhibit_id: The exhibit.
    """
    for table in tables:
        of_table = {
            "exhibit_id": exhibit_id,
            "source_item_id": table.source.item_id,
            "source_format": table.source.source_format,
            "source_table": table.name,
            "columns": ",".join(table.columns),
            "rows_read": table.read,
        }
        nothing = {-1: Fate(ignored=table.read)}
        for place, fate in (table.bound or nothing).items():
            went = fate.mapped + fate.rejected + fate.ignored
            assert table.read == went, f"rows of {table.name} do not add up"
            yield of_table | {
                "bound_to": bindings[place].binds if place >= 0 else "",
                "bound_part": bindings[place].part if place >= 0 else "",
                "rows_mapped": fate.mapped,
                "rows_rejected": fate.rejected,
                "rows_ignored": fate.ignored,
            }
