"""What a table is: named, typed, ordered columns, and rows that are checked on the way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from headwater.errors import HeadwaterError

__all__ = ["Column", "SchemaMismatchError", "Table"]


class SchemaMismatchError(HeadwaterError):
    """A stage produced rows that are not what the schema says; a defect of headwater, not of the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        name: Carries the unit where there is one (`amount_sat`, `at_utc`).
        type: The Arrow type.
        about: What the value is, for the reference pages.
        nullable: Whether the value may be absent.
        cites: `table.column` that this value names a row of, if it does.
    """

    name: str
    type: pa.DataType
    about: str
    nullable: bool = False
    cites: str | None = None


@dataclass(frozen=True, kw_only=True)  # without slots: the schema is kept, for a page asks for it hundreds of times
class Table:
    """One table.

    Attributes:
        name: As on disk and on the command line.
        version: Raised whenever a column changes meaning, type or name.
        stage: The stage that writes it.
        about: What a row is.
        columns: In order.
        key: The columns that tell any two rows apart; rows are sorted by `order_by`, then by these.
        order_by: Columns to sort by first, where readers want another order than the key's.
    """

    name: str
    version: int
    stage: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order_by: tuple[str, ...] = ()

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, with the table's name and version as metadata."""
        fields = [pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns]
        return pa.schema(fields, metadata={"headwater.table": self.name, "headwater.version": str(self.version)})

    def rows(self, rows: Iterable[Mapping[str, object]]) -> pa.Table:
        """The rows as an Arrow table in canonical order; a column that may be absent may be left out of a row."""
        names = {c.name for c in self.columns}
        listed = list(rows)
        for row in listed:
            if not row.keys() <= names:
                raise SchemaMismatchError(f"{self.name}: unknown columns {sorted(row.keys() - names)}")
        columns = {c.name: [row.get(c.name) for row in listed] for c in self.columns}
        return self.columnar(columns)

    def columnar(self, columns: Mapping[str, Sequence[object] | pa.Array | pa.ChunkedArray]) -> pa.Table:
        """The columns as an Arrow table in canonical order."""
        return self.checked(self._of_columns(columns))

    def part(self, columns: Mapping[str, Sequence[object] | pa.Array | pa.ChunkedArray]) -> pa.Table:
        """The columns as one part of a table too long for memory, in the order they come in (docs/adr/0017).

        Types and absent values are checked. Whoever writes the parts answers for their order, and that no key repeats.

        Raises:
            SchemaMismatchError: A type differs, or a required value is absent.
        """
        return self.typed(self._of_columns(columns)).replace_schema_metadata(self.arrow.metadata)

    def _of_columns(self, columns: Mapping[str, Sequence[object] | pa.Array | pa.ChunkedArray]) -> pa.Table:
        arrays = []
        for column in self.columns:
            values = columns.get(column.name)
            if values is None:
                if not column.nullable:
                    raise SchemaMismatchError(f"{self.name}.{column.name}: missing")
                length = len(next(iter(columns.values()))) if columns else 0
                values = pa.nulls(length, column.type)
            if isinstance(values, pa.Array | pa.ChunkedArray):
                arrays.append(values.cast(column.type))
            else:
                # Arrow would cut the fraction off without a word, and amounts are whole numbers here.
                if pa.types.is_integer(column.type) and any(issubclass(kind, float) for kind in set(map(type, values))):
                    raise SchemaMismatchError(f"{self.name}.{column.name}: a value with a fraction")
                arrays.append(pa.array(values, type=column.type))
        return pa.table(arrays, names=[c.name for c in self.columns])

    def typed(self, table: pa.Table) -> pa.Table:
        """The rows with this schema, in the order they come in.

        Raises:
            SchemaMismatchError: A column is another, or of another type, or a required value is absent.
        """
        if table.schema.names != [c.name for c in self.columns]:
            raise SchemaMismatchError(f"{self.name}: columns are {table.schema.names}")
        for column in self.columns:
            if not column.nullable and table[column.name].null_count:
                raise SchemaMismatchError(f"{self.name}.{column.name}: {table[column.name].null_count} values absent")
        return table.cast(self.arrow)

    def checked(self, table: pa.Table) -> pa.Table:
        """The table in canonical order and with this schema, after checking types, nulls and the key.

        Raises:
            SchemaMismatchError: A type differs, a required value is absent, or two rows have the same key.
        """
        table = self.typed(table)
        order = [*self.order_by, *(k for k in self.key if k not in self.order_by)]
        table = table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in order]))
        keys = table.select(list(self.key))
        if keys.num_rows != keys.group_by(list(self.key)).aggregate([]).num_rows:
            raise SchemaMismatchError(f"{self.name}: two rows have the same key {self.key}")
        return table.combine_chunks().replace_schema_metadata(self.arrow.metadata)

    def empty(self) -> pa.Table:
        """The table with no rows."""
        return self.arrow.empty_table()
