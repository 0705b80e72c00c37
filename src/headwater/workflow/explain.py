"""A value's whole way back: from any id, through the rows it cites, to the exhibit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError
from headwater.schema import TABLES, Table

__all__ = ["Step", "way_back"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row on the way back.

    Attributes:
        depth: Citations from the id asked for.
        cited_as: Column that led here; empty for the first.
        table: Table of the row.
        row: The row.
    """

    depth: int
    cited_as: str
    table: str
    row: Mapping[str, Any]


def way_back(tables: Session, wanted: str) -> list[Step]:
    """The row with that id and every row it cites, depth first; each row once.

    Raises:
        InputError: No table of the case has that id.
    """
    steps: list[Step] = []
    seen: set[tuple[str, str]] = set()

    def visit(table: Table, column: str, value: str, cited_as: str, depth: int) -> None:
        if (table.name, value) in seen:
            return
        seen.add((table.name, value))
        for row in _rows(tables, table, column, value):
            steps.append(Step(depth=depth, cited_as=cited_as, table=table.name, row=row))
            for cited in table.columns:
                if cited.cites is not None and row[cited.name] is not None:
                    name, key = cited.cites.split(".")
                    visit(_TABLE_OF[name], key, str(row[cited.name]), cited.name, depth + 1)

    for table in TABLES:
        for column in _id_columns(table):
            if _rows(tables, table, column, wanted):
                visit(table, column, wanted, "", 0)
    if not steps:
        raise InputError(wanted, "no table of this case has this id", remedy="copy the id from 'headwater show'")
    return steps


_TABLE_OF = {table.name: table for table in TABLES}


def _id_columns(table: Table) -> tuple[str, ...]:
    """The columns that name a row of this very table."""
    own = {column.name for column in table.columns if column.cites is None}
    return tuple(k for k in table.key if k in own and (len(table.key) == 1 or k.endswith("_id")))


def _rows(tables: Session, table: Table, column: str, value: str) -> list[dict[str, Any]]:
    rows = tables.arrow(table.name)
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows[column], value)).to_pylist()
    return found
