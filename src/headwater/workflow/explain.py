"""A value's whole way back: from any id, through the rows it cites, to the exhibit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError
from headwater.money import proof_path, token_proof_path
from headwater.schema import TABLES, Table
from headwater.workflow.victims import OF_VICTIMS

__all__ = ["Step", "cited_in_list", "way_back"]


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
            steps.extend(
                Step(depth=1, cited_as="trace_id", table="trace_flows", row=hop)
                for hop in (() if depth else _hops(tables, table, row))
            )
            steps.extend(
                Step(depth=1, cited_as="trace_id", table="token_flows", row=hop)
                for hop in (() if depth else _token_hops(tables, table, row))
            )
            for name, key, cited_id, said_by in _cited(table, row):
                visit(_TABLE_OF[name], key, cited_id, said_by, depth + 1)

    for table in TABLES:
        for column in () if table.name in OF_VICTIMS else _id_columns(table):
            if _rows(tables, table, column, wanted):
                visit(table, column, wanted, "", 0)
    if not steps:
        raise InputError(wanted, "no table of this case has this id", remedy="copy the id from 'headwater show'")
    return steps


def _cited(table: Table, row: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Table, key column, id and citing column of every row that a row cites."""
    for column in table.columns:
        value = row[column.name]
        if column.cites is not None and value is not None:
            name, key = column.cites.split(".")
            yield name, key, str(value), column.name
        # A row may name the table too: `left_table` beside `left_id`, or a list whose parts name both.
        stated = row.get(f"{column.name.removesuffix('_id')}_table")
        if column.name.endswith("_id") and value is not None and stated in _TABLE_OF:
            yield str(stated), _TABLE_OF[str(stated)].key[0], str(value), column.name
        for part in value if isinstance(value, list) else ():
            for named, cited in cited_in_list(part) if isinstance(part, Mapping) else ():
                if part[named] in _TABLE_OF and part[cited]:
                    yield part[named], _TABLE_OF[part[named]].key[0], str(part[cited]), column.name


def cited_in_list(names: Iterable[str]) -> list[tuple[str, str]]:
    """The fields of a list's parts that cite rows: which one names the table, and which the row.

    They are called `x_table` and `x_id`, or `table` beside `example_id` or `row_id`.
    """
    there = list(names)
    pairs = [("table", cited) for cited in ("example_id", "row_id")]
    pairs += [(f"{cited.removesuffix('_id')}_table", cited) for cited in there if cited.endswith("_id")]
    return [(table, cited) for table, cited in pairs if table in there and cited in there]


def _hops(tables: Session, table: Table, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of satoshis that a row asked for stands for, in order: of an endpoint one way to it, of a trace all."""
    if table.name not in {"endpoints", "traces"}:
        return []
    flows = _rows(tables, _TABLE_OF["trace_flows"], "trace_id", row["trace_id"])
    if table.name == "endpoints":
        return proof_path(flows, row["txid"], row["output_index"])
    return sorted(flows, key=lambda flow: (flow["hop"], flow["from_txid"], flow["to_txid"], flow["to_output_index"]))


def _token_hops(tables: Session, table: Table, row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The steps of base units that a row asked for stands for: of an endpoint one way to it, of a trace all."""
    if table.name not in {"token_endpoints", "token_traces"}:
        return []
    flows = _rows(tables, _TABLE_OF["token_flows"], "trace_id", row["trace_id"])
    if table.name == "token_endpoints":
        return token_proof_path(flows, row["move_id"])
    return sorted(flows, key=lambda flow: (flow["hop"], flow["from_transfer_id"], flow["to_move_id"]))


_TABLE_OF = {table.name: table for table in TABLES}


def _id_columns(table: Table) -> tuple[str, ...]:
    """The columns that name a row of this very table."""
    own = {column.name for column in table.columns if column.cites is None}
    return tuple(k for k in table.key if k in own and (len(table.key) == 1 or k.endswith("_id")))


def _rows(tables: Session, table: Table, column: str, value: str) -> list[dict[str, Any]]:
    rows = tables.arrow(table.name)
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows[column], value)).to_pylist()
    return found
