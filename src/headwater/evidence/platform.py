"""The application's rows, bound through the mapping to accounts, logins, uploads, invoices and payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from headwater.evidence.mapping import TARGETS, Binding, PlatformMapping
from headwater.evidence.values import ValueNotReadableError, bound_value
from headwater.schema import content_id, table_named

__all__ = ["DumpRow", "PlatformTables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpRow:
    """One row of a dump, as bytes.

    Attributes:
        table: As the dump names it.
        number: Row within the table, from 0.
        offset_bytes: First byte in the dump.
        length_bytes: Its length there.
        values: Cells; None for NULL.
    """

    table: str
    number: int
    offset_bytes: int
    length_bytes: int
    values: Sequence[bytes | None]


@dataclass(slots=True, kw_only=True)
class _TableCount:
    columns: tuple[str, ...]
    bound_to: str = ""
    read: int = 0
    mapped: int = 0
    rejected: int = 0
    ignored: int = 0


@dataclass(slots=True, kw_only=True)
class PlatformTables:
    """Collects what a dump's rows become.

    Attributes:
        exhibit_id: The dump.
        mapping: The approved mapping; None binds nothing, and every row counts as ignored.
    """

    exhibit_id: str
    mapping: PlatformMapping | None
    _rows: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {name: [] for name in TARGETS})
    _counts: dict[str, _TableCount] = field(default_factory=dict)
    _defects: list[dict[str, object]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def begin(self, table: str, columns: tuple[str, ...]) -> None:
        """A table of the dump begins; bind it if the mapping names it.

        A bound column that the table does not have is a defect of the whole table, not of each row.
        """
        count = self._counts.setdefault(table, _TableCount(columns=columns))
        count.columns = columns
        binding = self._binding(table)
        if binding is None:
            return
        wanted = [b.column for b in binding.columns if b.column is not None]
        wanted += [binding.key] if binding.key else []
        wanted += [binding.where[0]] if binding.where else []
        absent = sorted({name for name in wanted if name not in columns})
        if absent:
            self.defect(
                code="mapping_column_absent",
                reason=f"the mapping names column {', '.join(absent)}, which this table does not have",
                table=table,
            )
            return
        count.bound_to = binding.binds

    def row(self, row: DumpRow) -> None:
        """Bind one row, or count why not."""
        count = self._counts[row.table]
        count.read += 1
        binding = self._binding(row.table)
        if binding is None or not count.bound_to:
            count.ignored += 1
            return
        if len(row.values) != len(count.columns):
            self._reject(row, f"{len(row.values)} values where the table has {len(count.columns)} columns")
            return
        cells = dict(zip(count.columns, row.values, strict=True))
        if binding.where is not None and not _wanted(binding.where, cells):
            count.ignored += 1
            return
        try:
            bound = self._bound(binding, row, cells)
        except ValueNotReadableError as error:
            self._reject(row, str(error))
            return
        self._rows[binding.binds].append(bound)

    def defect(
        self, *, code: str, reason: str, table: str | None = None, offset: int | None = None, length: int | None = None
    ) -> None:
        """Note what could not be read."""
        self._defects.append(
            {
                "defect_id": content_id(
                    "dfc", self.exhibit_id, table or "", -1 if offset is None else offset, code, reason
                ),
                "exhibit_id": self.exhibit_id,
                "path": "",
                "source_table": table,
                "offset_bytes": offset,
                "length_bytes": length,
                "code": code,
                "reason": reason,
            },
        )

    def finished(self) -> dict[str, pa.Table]:
        """The bound tables, with `dump_tables` and `defects`, once every row has been seen."""
        self._reject_orphans("account_id", "accounts", ("logins", "uploads", "invoices", "payments"))
        self._reject_orphans("invoice_id", "invoices", ("payments",))
        for rows in self._rows.values():
            for row in rows:
                self._counts[str(row["source_table"])].mapped += 1
        tables = {name: table_named(name).rows(rows) for name, rows in self._rows.items()}
        tables["dump_tables"] = table_named("dump_tables").rows(
            {
                "exhibit_id": self.exhibit_id,
                "source_table": name,
                "columns": ",".join(count.columns),
                "bound_to": count.bound_to,
                "rows_read": count.read,
                "rows_mapped": count.mapped,
                "rows_rejected": count.rejected,
                "rows_ignored": count.ignored,
            }
            for name, count in self._counts.items()
        )
        unique = {row["defect_id"]: row for row in self._defects}
        tables["defects"] = table_named("defects").rows(unique.values())
        for name, count in self._counts.items():
            assert count.read == count.mapped + count.rejected + count.ignored, f"rows of {name} do not add up (I4)"
        return tables

    def _binding(self, table: str) -> Binding | None:
        if self.mapping is None:
            return None
        return next((b for b in self.mapping.bindings if b.table == table), None)

    def _bound(self, binding: Binding, row: DumpRow, cells: Mapping[str, bytes | None]) -> dict[str, object]:
        assert self.mapping is not None
        target = TARGETS[binding.binds]
        bound: dict[str, object] = {
            "exhibit_id": self.exhibit_id,
            "source_table": row.table,
            "source_row": row.number,
            "source_offset_bytes": row.offset_bytes,
            "source_length_bytes": row.length_bytes,
            "mapping_id": self.mapping.mapping_id,
        }
        if target.keyed:
            raw = cells[str(binding.key)]
            if not raw:
                raise ValueNotReadableError(f"{binding.key}: the key is empty")
            key = raw.decode("utf-8", "backslashreplace")
            bound["platform_key"] = key
            bound[target.id_column] = row_id = content_id(target.id_prefix, self.exhibit_id, key)
            if row_id in self._seen:
                raise ValueNotReadableError(f"{binding.key}: an earlier row has the same key")
        else:
            bound[target.id_column] = content_id(target.id_prefix, self.exhibit_id, row.table, row.number)
        for column in binding.columns:
            value = bound_value(column, cells[column.column] if column.column is not None else None)
            if value is None and column.target in target.required:
                raise ValueNotReadableError(f"{column.column}: empty, and {binding.binds} need it")
            if column.kind in {"account", "invoice"}:
                prefix = TARGETS[f"{column.kind}s"].id_prefix
                linked = None if value is None else content_id(prefix, self.exhibit_id, str(value))
                bound[f"{column.kind}_id"] = linked
            else:
                bound[column.target] = value
        if target.keyed:
            self._seen.add(str(bound[target.id_column]))
        return bound

    def _reject(self, row: DumpRow, reason: str) -> None:
        self._counts[row.table].rejected += 1
        self.defect(
            code="row_not_readable",
            reason=reason,
            table=row.table,
            offset=row.offset_bytes,
            length=row.length_bytes,
        )

    def _reject_orphans(self, id_column: str, parent: str, children: tuple[str, ...]) -> None:
        """Rows that name a parent which the dump does not have become defects: no row of ours cites nothing."""
        known = {row[id_column] for row in self._rows[parent]}
        for child in children:
            kept = []
            for row in self._rows[child]:
                named = row.get(id_column)
                if named is None or named in known:
                    kept.append(row)
                    continue
                self._counts[str(row["source_table"])].rejected += 1
                self.defect(
                    code="orphan_row",
                    reason=f"names a row of {parent} that the dump does not hold",
                    table=str(row["source_table"]),
                    offset=int(str(row["source_offset_bytes"])),
                    length=int(str(row["source_length_bytes"])),
                )
            self._rows[child] = kept


def _wanted(where: tuple[str, str, bool], cells: Mapping[str, bytes | None]) -> bool:
    name, value, equal = where
    raw = cells[name]
    text = "NULL" if raw is None else raw.decode("utf-8", "backslashreplace")
    return (text == value) == equal
