"""The tables that a dump of PostgreSQL declares: columns, inherited ones, and those that rows list for themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headwater_sealed import postgres_syntax as syntax
from headwater_sealed.dump_records import DumpRecords

__all__ = ["DeclaredTables"]


class DeclaredTables:
    """Columns with their types, by table, each told to the records when it is declared or changes.

    Args:
        records: Takes the declarations.
        named: The name of a table as it is written.
    """

    def __init__(self, records: DumpRecords, named: Callable[[bytes], str] = syntax.name) -> None:
        self._records = records
        self._named = named
        self._columns: dict[str, dict[str, str]] = {}

    def tell_to(self, records: DumpRecords) -> None:
        """Tells what follows to other records."""
        self._records = records

    def declare(self, head: re.Match[bytes] | None, *, offset_bytes: int = 0, length_bytes: int = 0) -> None:
        """Takes a declaration, if the statement is one.

        Args:
            head: Its head, matched in the statement.
            offset_bytes: Where it begins in the file.
            length_bytes: How long it is there.
        """
        if head is None:
            return
        statement = head.string
        names, types = syntax.columns(statement[head.end() :]) if head[2] else ([], [])
        own = dict(zip(names, types, strict=True))
        parent = syntax.PARENT.search(statement, head.end())
        # What is inherited stands before what is its own; a part of a table has nothing of its own.
        above = self._columns.get(self._named(parent[1]), {}) if parent is not None else {}
        self._tell(self._named(head[1]), {**above, **own}, offset_bytes, length_bytes)

    def listed(self, table: str, names: Sequence[str] | None, *, offset_bytes: int = 0) -> list[str]:
        """The columns that rows have; where they list others than the table's, generated ones are left out."""
        known = self._columns.get(table, {})
        if names is not None and list(names) != list(known):
            self._tell(table, {name: known.get(name, "") for name in names}, offset_bytes, 0)
        return list(self._columns.get(table, {}))

    def _tell(self, table: str, columns: dict[str, str], offset_bytes: int, length_bytes: int) -> None:
        self._columns[table] = columns
        self._records.table(table, list(columns), list(columns.values()), offset_bytes, length_bytes)
