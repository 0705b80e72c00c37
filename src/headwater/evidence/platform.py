"""The application's rows, bound through the mapping to our tables, column by column.

Rows come as the sealed readers emit them, in batches of bytes. What the mapping binds is read by whole columns; each
row that cannot be read becomes a defect with its place, and read = mapped + rejected + ignored for every table (I4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import without_keys
from headwater.evidence.cells import TableCells, all_cells, bare_column
from headwater.evidence.columnar import counted, ids_of, note, rows_where, runs
from headwater.evidence.lookups import Lookups
from headwater.evidence.mapping import Binding, PlatformMapping
from headwater.evidence.row_source import RowSource
from headwater.evidence.source_tables import BINDING, Fate, SourceTable, table_counts
from headwater.evidence.targets import TARGETS
from headwater.evidence.values import bound_column
from headwater.schema import content_id, content_ids, table_named

__all__ = ["PlatformTables"]

_PLACE = ("number", "offset_bytes", "length_bytes", "values")


class PlatformTables:
    """Collects what the rows of an exhibit's dumps become.

    Args:
        exhibit_id: The exhibit.
        mapping: The approved mapping; None binds nothing, and every row counts as ignored.
    """

    def __init__(self, *, exhibit_id: str, mapping: PlatformMapping | None) -> None:
        self._exhibit_id = exhibit_id
        self._mapping = mapping
        self._bindings: Sequence[Binding] = () if mapping is None else mapping.bindings
        self._bound: dict[str, list[pa.Table]] = {name: [] for name in TARGETS}
        self._tables: dict[tuple[str, str], SourceTable] = {}
        self._defects: dict[str, dict[str, object]] = {}
        self._lookups = Lookups(mapping)
        # Rows that wait for rows of other tables, which may come later.
        self._waiting: list[tuple[SourceTable, pa.RecordBatch]] = []

    def take(self, source: RowSource, batch: pa.RecordBatch) -> int:
        """Takes records of a source in the order in which its reader emits them; ranges are not looked at.

        Returns:
            How many of them were rows.
        """
        rows = 0
        for kind, part in runs(batch, "record_kind"):
            if kind == "row":
                rows += part.num_rows
                for name, of_table in runs(part, "table_name"):
                    self._rows(source, name, of_table)
            elif kind == "table":
                for record in part.to_pylist():
                    self._declare(source, record["table_name"], tuple(record["names"] or ()))
            elif kind == "defect":
                for record in part.to_pylist():
                    if record["code"] == "no_schema" and self._table(source, record["table_name"]).columns:
                        continue  # another file declares it
                    self.defect(
                        source,
                        code=record["code"],
                        reason=record["reason"],
                        table=record["table_name"],
                        offset=record["offset_bytes"],
                        length=record["length_bytes"],
                    )
        return rows

    def log_format(self, path: str) -> str | None:
        """The format that the mapping gives the log of that path."""
        return None if self._mapping is None else self._mapping.log_format(path)

    def defect(
        self,
        source: RowSource,
        *,
        code: str,
        reason: str,
        table: str | None = None,
        offset: int | None = None,
        length: int | None = None,
    ) -> None:
        """Note what could not be read."""
        place = (table or "", -1 if offset is None else offset, code, reason)
        defect_id = content_id("dfc", self._exhibit_id, *place, *source.fields)
        self._defects[defect_id] = {
            "defect_id": defect_id,
            "exhibit_id": self._exhibit_id,
            "path": source.path,
            "source_table": table,
            "offset_bytes": offset,
            "length_bytes": length,
            "code": code,
            "reason": reason,
        }

    # Tables

    def _declare(self, source: RowSource, name: str, columns: tuple[str, ...]) -> None:
        """A table begins; bind it if the mapping names it.

        A bound column that the table does not have is a defect of the whole table, not of each row.
        """
        table = self._tables.setdefault((source.item_id, name), SourceTable(source=source, name=name, columns=columns))
        table.columns = columns
        self._bind(table)

    def _bind(self, table: SourceTable) -> None:
        bound: dict[int, Fate] = {}
        for place, binding in self._bindings_of(table):
            absent = sorted({name for name in binding.columns_read if bare_column(name) not in table.columns})
            if absent:
                reason = f"the mapping names column {', '.join(absent)}, which this table does not have"
                self.defect(table.source, code="mapping_column_absent", reason=reason, table=table.name)
                continue
            bound[place] = table.bound.get(place, Fate(ignored=table.read))
        table.bound = bound

    def _bindings_of(self, table: SourceTable) -> Iterator[tuple[int, Binding]]:
        """The bindings that mean a table, with their places; of those to the same part of ours the first."""
        seen: set[tuple[str, str]] = set()
        path = (table.source.declared_by or table.source).path
        for place, binding in enumerate(self._bindings):
            if not binding.binds_table(table.name) or (binding.binds, binding.part) in seen:
                continue
            if binding.source is None or fnmatchcase(path, binding.source):
                seen.add((binding.binds, binding.part))
                yield place, binding

    def _table(self, source: RowSource, name: str) -> SourceTable:
        """The table of that source; one that another file of the exhibit declares has the columns declared there."""
        found = self._tables.get((source.item_id, name))
        if found is not None:
            return found
        if source.declared_by is not None:
            elsewhere = self._tables.get((source.declared_by.item_id, name))
        else:
            elsewhere = next((table for table in self._tables.values() if table.name == name and table.declared), None)
        columns = elsewhere.columns if elsewhere is not None else ()
        found = self._tables[source.item_id, name] = SourceTable(
            source=source, name=name, columns=columns, declared=elsewhere is None
        )
        if elsewhere is not None:
            self._bind(found)
        elif any(self._bindings_of(found)):
            self.defect(source, code="table_not_declared", reason="its columns are declared nowhere", table=name)
        return found

    # Rows

    def _rows(self, source: RowSource, name: str, rows: pa.RecordBatch) -> None:
        table = self._table(source, name)
        table.read += rows.num_rows
        wanted = self._lookups.wants(name)
        if not table.bound and not wanted:
            return
        lengths = pc.list_value_length(rows["values"])
        fits = pc.equal(lengths, len(table.columns))
        fitting = rows.filter(fits)
        if wanted:
            self._lookups.take(name, TableCells(table.columns, fitting["values"]))
        for place in np.flatnonzero(~fits.to_numpy(zero_copy_only=False)).tolist() if table.bound else ():
            count = lengths[place].as_py()
            reason = f"{count} values where the table has {len(table.columns)} columns"
            for fate in table.bound.values():
                self._reject(table, fate, rows, place, reason)
        if any(self._bindings[place].waits for place in table.bound):
            self._waiting.append((table, fitting))
        for place in table.bound:
            if not self._bindings[place].waits:
                self._take_in(table, place, fitting)

    def _take_in(self, table: SourceTable, place: int, rows: pa.RecordBatch) -> None:
        """Rows of the right width, bound by the binding at that place."""
        binding, fate = self._bindings[place], table.bound[place]
        cells = TableCells(table.columns, rows["values"])
        if binding.where is not None:
            kept = rows_where(binding.where, cells)
            fate.ignored += rows.num_rows - int(pc.sum(kept).as_py() or 0)
            rows = rows.filter(kept)
            cells = TableCells(table.columns, rows["values"])
        if not rows.num_rows:
            return
        columns, reasons, silent = self._columns(table, binding, rows, cells)
        fate.ignored += len(silent)
        for at, reason in sorted(reasons.items()):
            self._reject(table, fate, rows, at, reason)
        bound = pa.table(columns).append_column(BINDING, pa.repeat(pa.scalar(place, pa.int32()), rows.num_rows))
        if reasons or silent:
            keep = np.ones(rows.num_rows, bool)
            keep[[*reasons, *silent]] = False
            bound = bound.filter(pa.array(keep))
        self._bound[binding.binds].append(bound)

    def _columns(
        self, table: SourceTable, binding: Binding, rows: pa.RecordBatch, cells: TableCells
    ) -> tuple[dict[str, pa.Array], dict[int, str], set[int]]:
        """The columns of our table; places and first reasons of rows not read; places of rows that say nothing."""
        assert self._mapping is not None
        target = TARGETS[binding.binds]
        schema = target.schema
        count, source = rows.num_rows, table.source
        stated = {
            "exhibit_id": self._exhibit_id,
            "source_item_id": source.item_id,
            "source_table": table.name,
            "mapping_id": self._mapping.mapping_id,
        }
        columns: dict[str, pa.Array] = {
            name: pa.repeat(pa.scalar(text, pa.string()), count) for name, text in stated.items()
        }
        columns |= {"source_row": rows["number"], "source_offset_bytes": rows["offset_bytes"]}
        columns["source_length_bytes"] = rows["length_bytes"]
        reasons: dict[int, str] = {}
        if target.keyed:
            keys = self._without_keys(table, rows, str(binding.key), cells.texts(str(binding.key)))
            note(reasons, pc.equal(pc.fill_null(keys, ""), ""), f"{binding.key}: the key is empty or withheld")
            columns["platform_key"] = keys
            ids = content_ids(target.id_prefix, (self._exhibit_id,), pc.fill_null(keys, "").to_pylist())
        else:
            part = (binding.part,) if binding.part else ()
            fixed: tuple[bytes | str, ...] = (self._exhibit_id, *source.fields, table.name, *part)
            ids = content_ids(target.id_prefix, fixed, rows["number"].to_pylist())
        columns[target.id_column] = pa.array(ids, pa.string())
        says_nothing = np.full(count, any(column.target in target.told_by for column in binding.columns))
        for column in binding.columns:
            given = all_cells(count) if column.column is None else cells[column.column]
            for via in column.via:
                given = self._lookups.found(via, given)
            values, unread = bound_column(column, given)
            for place, reason in unread.items():
                reasons.setdefault(place, reason)
            if column.target in target.told_by:
                says_nothing &= pc.is_null(values).to_numpy(zero_copy_only=False)
                says_nothing[list(unread)] = False
            values = self._without_keys(table, rows, str(column.column), values)
            if column.target in target.required:
                told = f"{column.column}: empty, and {binding.binds} need it"
                note(reasons, pc.is_null(values), told)
            if column.kind in {"account", "invoice"}:
                prefix = TARGETS[f"{column.kind}s"].id_prefix
                columns[f"{column.kind}_id"] = ids_of(prefix, self._exhibit_id, values)
            else:
                columns[column.target] = values
        silent = set(np.flatnonzero(says_nothing).tolist())
        whole = {
            field.name: columns[field.name] if field.name in columns else pa.nulls(count, field.type)
            for field in schema
        }
        return whole, {place: reason for place, reason in reasons.items() if place not in silent}, silent

    def _without_keys(self, table: SourceTable, rows: pa.RecordBatch, column: str, values: pa.Array) -> pa.Array:
        """The values without those that hold key material; for each a defect says where it stands."""
        if not pa.types.is_string(values.type):
            return values
        kept, held = without_keys(values)
        for place, kind in sorted(held.items()):
            self.defect(
                table.source,
                code="key_material_withheld",
                reason=f"{column}: holds {kind}, which is withheld",
                table=table.name,
                offset=rows["offset_bytes"][place].as_py(),
                length=rows["length_bytes"][place].as_py(),
            )
        return kept

    def _reject(self, table: SourceTable, fate: Fate, rows: pa.RecordBatch, place: int, reason: str) -> None:
        fate.rejected += 1
        self.defect(
            table.source,
            code="row_not_readable",
            reason=reason,
            table=table.name,
            offset=rows["offset_bytes"][place].as_py(),
            length=rows["length_bytes"][place].as_py(),
        )

    # The end

    def finished(self) -> dict[str, pa.Table]:
        """The bound tables, with `dump_tables` and `defects`, once every row has been seen."""
        self._take_in_waiting()
        bound = {
            name: pa.concat_tables(self._bound[name], promote_options="none") if self._bound[name] else None
            for name in TARGETS
        }
        present = {name: rows for name, rows in bound.items() if rows is not None}
        self._leave_ambiguous(present)
        for name, target in TARGETS.items():
            if target.keyed and name in present:
                present[name] = self._without_repeated(present[name], name)
        for parent in ("accounts", "invoices"):
            for child in TARGETS:
                if child != parent and child in present and TARGETS[parent].id_column in present[child].column_names:
                    present[child] = self._without_orphans(present[child], present.get(parent), parent)
        for rows in present.values():
            for (item, table_name, place), count in counted(rows, BINDING):
                self._tables[item, table_name].bound[place].mapped += count
        finished = {
            target.table: target.finished(present[name].drop_columns(BINDING))
            if name in present
            else table_named(target.table).empty()
            for name, target in TARGETS.items()
        }
        finished["dump_tables"] = table_named("dump_tables").rows(
            table_counts(self._tables.values(), self._bindings, self._exhibit_id)
        )
        finished["defects"] = table_named("defects").rows(self._defects.values())
        return finished

    def _take_in_waiting(self) -> None:
        for table, rows in self._waiting:
            for place in table.bound:
                if self._bindings[place].waits:
                    self._take_in(table, place, rows)
        self._waiting.clear()

    def _leave_ambiguous(self, bound: dict[str, pa.Table]) -> None:
        """Binds nothing of a table that several files of the exhibit declare: a person says which is meant."""
        declared: dict[str, list[SourceTable]] = {}
        for table in self._tables.values():
            if table.bound and table.declared:
                declared.setdefault(table.name, []).append(table)
        for name, tables in sorted(declared.items()):
            if len(tables) < 2:
                continue
            paths = ", ".join(sorted(table.source.path or "the exhibit itself" for table in tables))
            reason = f"{len(tables)} files declare this table ({paths}); say in the mapping which one with 'source'"
            for table in (one for one in self._tables.values() if one.name == name and one.bound):
                for binds in {self._bindings[place].binds for place in table.bound} & bound.keys():
                    mine = pc.and_(
                        pc.equal(bound[binds]["source_item_id"], table.source.item_id),
                        pc.equal(bound[binds]["source_table"], name),
                    )
                    bound[binds] = bound[binds].filter(pc.invert(mine))
                self.defect(table.source, code="mapping_source_ambiguous", reason=reason, table=name)
                table.bound = {}

    def _without_repeated(self, rows: pa.Table, name: str) -> pa.Table:
        """The first row of each key; the others become defects."""
        target = TARGETS[name]
        numbered = rows.select([target.id_column]).append_column("place", pa.array(np.arange(rows.num_rows)))
        first = numbered.group_by(target.id_column).aggregate([("place", "min")])["place_min"].to_numpy()
        if len(first) == rows.num_rows:
            return rows
        again = np.ones(rows.num_rows, bool)
        again[first] = False
        self._give_up(rows.filter(pa.array(again)), "row_not_readable", f"{name}: an earlier row has the same key")
        return rows.filter(pa.array(~again))

    def _without_orphans(self, rows: pa.Table, parents: pa.Table | None, parent: str) -> pa.Table:
        """Rows that name a parent which the dump does not have become defects: no row of ours cites nothing."""
        id_column = TARGETS[parent].id_column
        known = pa.chunked_array([pa.array([], pa.string())]) if parents is None else parents[id_column]
        orphans = pc.and_(pc.is_valid(rows[id_column]), pc.invert(pc.is_in(rows[id_column], value_set=known)))
        lost = rows.filter(orphans)
        if lost.num_rows:
            self._give_up(lost, "orphan_row", f"names a row of {parent} that the dump does not hold")
        return rows.filter(pc.invert(orphans))

    def _give_up(self, rows: pa.Table, code: str, reason: str) -> None:
        places = ["source_item_id", "source_table", BINDING, "source_offset_bytes", "source_length_bytes"]
        for item, name, place, offset, length in zip(*(rows[place].to_pylist() for place in places), strict=True):
            table = self._tables[item, name]
            table.bound[place].rejected += 1
            self.defect(table.source, code=code, reason=reason, table=name, offset=offset, length=length)
