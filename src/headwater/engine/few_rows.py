"""An expression over a few rows of some tables: compiled once, whatever the rows are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from headwater.schema import table_named

__all__ = ["Compiled", "NamesTables", "compiled", "result_of_few"]


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


def result_of_few(cursor: Any, query: Compiled, rows: Mapping[str, pa.Table]) -> list[tuple[Any, ...]]:  # noqa: ANN401 - DuckDB's
    """The rows of the result, in no order.

    Args:
        cursor: Of an engine, as `Session.cursor` gives it.
        query: The query.
        rows: For each of its tables the rows that it sees.
    """
    for name in query.tables:
        cursor.register(f"hw_{name}", rows[name])
    found: list[tuple[Any, ...]] = cursor.execute(query.sql).fetchall()
    for name in query.tables:
        cursor.unregister(f"hw_{name}")
    return found
