"""An expression over a few rows of some tables: compiled once, whatever the rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from headwater.schema import table_named

__all__ = ["Compiled", "FewRows", "NamesTables", "compiled"]


class NamesTables(Protocol):
    """What gives a table as an expression."""

    def table(self, name: str) -> ir.Table:
        """The table of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A query, and the tables that it reads.

    Attributes:
        sql: In DuckDB's dialect.
        tables: Their names.
    """

    sql: str
    tables: tuple[str, ...]


class _Unbound:
    """Tables by their schemas alone; remembers which were asked for."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def table(self, name: str) -> ir.Table:
        self.names[name] = None
        return ibis.table(ibis.Schema.from_pyarrow(table_named(name).arrow), name=f"hw_{name}")


def compiled(make: Callable[[NamesTables], ir.Table]) -> Compiled:
    """The query that `make` gives over tables of any rows."""
    tables = _Unbound()
    return Compiled(sql=str(ibis.to_sql(make(tables), dialect="duckdb")), tables=tuple(tables.names))


class FewRows:
    """Queries over a few rows of some tables.

    Args:
        cursor: Of an engine, as `Session.cursor` gives it, for these rows alone.
    """

    def __init__(self, cursor: Any) -> None:  # noqa: ANN401 - DuckDB's
        self._cursor = cursor
        self._shown: set[str] = set()

    def result(self, query: Compiled, rows: Mapping[str, pa.Table]) -> list[tuple[Any, ...]]:
        """The rows of a query's result, in no order.

        Args:
            query: The query.
            rows: For each table the rows that it sees; those of the first time are seen by later queries, too.
        """
        for name in query.tables:
            if name not in self._shown:
                # To show a table takes as long as to ask a short query of it (0.7 ms), so each is shown once.
                self._cursor.register(f"hw_{name}", rows[name])
                self._shown.add(name)
        found: list[tuple[Any, ...]] = self._cursor.execute(query.sql).fetchall()
        return found
