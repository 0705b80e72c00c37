"""Checks over the derived tables: sums that add up, ranges that meet, and ids that name rows that are there.

Each reads its tables part by part, so that a case may hold more rows than memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.schema import TABLES, Column, Table, table_named
from headwater.workflow.explain import cited_in_list
from headwater.workflow.stages import STAGES

__all__ = [
    "citations_hold",
    "dump_bytes_add_up",
    "dump_rows_add_up",
    "ledger_counts_all",
    "members_are_entries",
    "ranges_meet",
    "traces_conserve",
    "transactions_conserve",
]

Finding = str | None
"""The first thing that is wrong, in words; None where nothing is."""

_STAGE_NAMES = {stage.name for stage in STAGES}
_WHERE = ("exhibit_id", "volume_index", "directory")


def ledger_counts_all(tables: Session, ran: Collection[str]) -> Finding:
    """The ledger has every entry and every item, once: it was summed from them, and is counted against them here."""
    if "catalogue" not in ran:
        return None
    rows = {name: _row_count(tables, name) for name in ("entries", "items")}
    if rows["entries"] != rows["items"]:
        return f"{rows['entries']} entries and {rows['items']} items"
    counted: dict[tuple[object, ...], Counter[str]] = {}
    for name, words, size in (("entries", ("entries",), "size_bytes"), ("items", _DISPOSITIONS, "read_bytes")):
        for rows_of, word in product(tables.parts(name, [*_WHERE, *_COUNTED]), words):
            part = rows_of if name == "entries" else rows_of.filter(pc.equal(rows_of["disposition"], word))
            measured = size if word in {"entries", "catalogued"} else "size_bytes"
            files = pc.if_else(pc.equal(part["entry_type"], "file"), part[measured], 0)
            sums = part.select(_WHERE).append_column("bytes", files).group_by(_WHERE)
            for row in sums.aggregate([("bytes", "count"), ("bytes", "sum")]).to_pylist():
                line = counted.setdefault(tuple(row[name] for name in _WHERE), Counter())
                line[word] += row["bytes_count"]
                line["entry_bytes" if word == "entries" else f"{word}_bytes"] += row["bytes_sum"]
    for row in (row for part in tables.parts("ledger") for row in part.to_pylist()):
        line = counted.pop(tuple(row[name] for name in _WHERE), Counter())
        off = [name for name, value in row.items() if name not in _WHERE and line[name] != value]
        if off:
            where = f"{row['exhibit_id']} volume {row['volume_index']} {row['directory'] or '/'}"
            return f"{where}: {off[0]} is {row[off[0]]} in the ledger and {line[off[0]]} when counted"
    lost = next(iter(sorted(counted, key=str)), None)
    return None if lost is None else f"{lost[0]} volume {lost[1]} {lost[2] or '/'}: no line in the ledger"


_DISPOSITIONS = ("catalogued", "refused", "deferred")
_COUNTED = ("entry_type", "disposition", "size_bytes", "read_bytes")


def _row_count(tables: Session, name: str) -> int:
    return sum(part.num_rows for part in tables.parts(name, table_named(name).key[:1]))


def ranges_meet(tables: Session, ran: Collection[str]) -> Finding:
    """The ranges of every medium lie side by side and add up to its size; what was catalogued lies in its content."""
    if STAGES[0].name not in ran:
        return None
    for exhibit in tables.arrow("exhibits").to_pylist():
        if exhibit["exhibit_kind"] != "disk-image":
            continue
        name = exhibit["exhibit_id"]
        starts, sizes, content = _ranges_of(tables, name)
        bounds = np.append(starts, exhibit["medium_bytes"])
        apart = np.flatnonzero(bounds[:-1] + sizes != bounds[1:])
        if not len(starts) or starts[0] or len(apart):
            at = 0 if not len(starts) or starts[0] else int(bounds[apart[0]] + sizes[apart[0]])
            return f"exhibit {name}: the ranges of the medium do not meet at byte {at} of {exhibit['medium_bytes']}"
        for entries in tables.parts("entries", ["exhibit_id", "path", "disposition", "offset_bytes"]):
            here = pc.and_(pc.equal(entries["exhibit_id"], name), pc.equal(entries["disposition"], "catalogued"))
            placed = entries.filter(pc.and_(here, pc.is_valid(entries["offset_bytes"])))
            offsets = placed["offset_bytes"].to_numpy()
            outside = np.flatnonzero(~content[np.searchsorted(starts, offsets, "right") - 1])
            if len(outside):
                path, at = placed["path"][int(outside[0])].as_py(), offsets[outside[0]]
                return f"exhibit {name}: {path} was read at byte {at}, which holds {_kind_at(tables, name, at)}"
    return None


def _ranges_of(tables: Session, exhibit_id: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First byte and length of each range of a medium, by its start, and whether it is content of an entry."""
    columns: tuple[list[np.ndarray], ...] = [], [], []
    for part in tables.parts("medium_ranges", ["exhibit_id", "start_bytes", "range_bytes", "range_kind"]):
        of_it = part.filter(pc.equal(part["exhibit_id"], exhibit_id))
        columns[0].append(of_it["start_bytes"].to_numpy())
        columns[1].append(of_it["range_bytes"].to_numpy())
        columns[2].append(pc.equal(of_it["range_kind"], "content").to_numpy())
    kinds = (np.int64, np.int64, bool)
    starts, sizes, content = (np.concatenate([*c, np.empty(0, k)]) for c, k in zip(columns, kinds, strict=True))
    order = np.argsort(starts, kind="stable")
    return starts[order], sizes[order], content[order]


def _kind_at(tables: Session, exhibit_id: str, at: int) -> str:
    """What the range that holds a byte of a medium is."""
    found = ""
    for part in tables.parts("medium_ranges", ["exhibit_id", "start_bytes", "range_kind"]):
        before = part.filter(pc.and_(pc.equal(part["exhibit_id"], exhibit_id), pc.less_equal(part["start_bytes"], at)))
        if before.num_rows:
            found = before.sort_by("start_bytes")["range_kind"][-1].as_py()
    return found


def members_are_entries(tables: Session, ran: Collection[str]) -> Finding:
    """Every member that a worker found in an archive is an entry of that archive, and no other is."""
    if STAGES[0].name not in ran:
        return None
    counts: Counter[str] = Counter()
    for part in tables.parts("entries", ["container_id"]):
        counts.update(part["container_id"].drop_null().to_pylist())
    stated = {row["archive_item_id"]: row for row in tables.arrow("archives").to_pylist()}
    for archive, row in stated.items():
        if counts[archive] != row["members"]:
            return f"{row['exhibit_id']} {row['path']}: {row['members']} members and {counts[archive]} entries"
    stray = sorted(counts.keys() - stated.keys())
    return f"{stray[0]}: {counts[stray[0]]} entries of an archive that was not gone into" if stray else None


def dump_bytes_add_up(tables: Session, ran: Collection[str]) -> Finding:
    """The ranges of every dump and row file add up to its size."""
    if STAGES[0].name not in ran:
        return None
    sums: Counter[str] = Counter()
    by_exhibit: Counter[str] = Counter()
    for row in tables.arrow("dump_ranges").to_pylist():
        sums[row["source_item_id"]] += row["range_bytes"]
        by_exhibit[row["exhibit_id"]] += row["range_bytes"]
    for exhibit in tables.arrow("exhibits").to_pylist():
        total = by_exhibit.get(exhibit["exhibit_id"], 0)
        if exhibit["exhibit_kind"] == "dump" and total != exhibit["size_bytes"]:
            return f"exhibit {exhibit['exhibit_id']}: ranges add up to {total} bytes of {exhibit['size_bytes']}"
    if "catalogue" not in ran:
        return None
    wanted = pa.array(sorted(sums), pa.string())
    for items in tables.parts("items", ["item_id", "size_bytes"]):
        read = items.filter(pc.is_in(items["item_id"], value_set=wanted))
        for item, size in zip(read["item_id"].to_pylist(), read["size_bytes"].to_pylist(), strict=True):
            if sums[item] != size:
                return f"{item}: ranges add up to {sums[item]} bytes of {size}"
    return None


def dump_rows_add_up(tables: Session) -> Finding:
    """Of every table of the platform, rows read = mapped + rejected + ignored."""
    for row in tables.arrow("dump_tables").to_pylist():
        if row["rows_read"] != row["rows_mapped"] + row["rows_rejected"] + row["rows_ignored"]:
            return f"exhibit {row['exhibit_id']}, table {row['source_table']}: rows do not add up"
    return None


def citations_hold(tables: Session, ran: Collection[str]) -> Finding:
    """Every id that a row cites names a row that is there; rows of a stage that is still to run cannot be."""
    there: dict[tuple[str, str], pa.ChunkedArray] = {}
    for table in TABLES:
        for column in table.columns:
            beside = _beside(column, table)
            for rows in tables.parts(table.name, [column.name, *beside]) if beside or _cites(column) else ():
                for cited, values in _cited_in(column, rows):
                    if cited is None:
                        return f"{table.name}.{column.name}: {values[0].as_py()} is in no table that there is"
                    name, key = cited
                    if table_named(name).stage in _STAGE_NAMES - set(ran):
                        continue
                    if cited not in there:
                        ids = [chunk for part in tables.parts(name, [key]) for chunk in part[key].chunks]
                        there[cited] = pa.chunked_array(ids, pa.string())
                    missing = values.filter(pc.invert(pc.is_in(values, value_set=there[cited])))
                    if len(missing):
                        return f"{table.name}.{column.name}: {missing[0].as_py()} is no row of {name}"
    return None


def _beside(column: Column, table: Table) -> list[str]:
    """The column that says which table an id of this one is of, where there is one."""
    name = f"{column.name.removesuffix('_id')}_table"
    named = column.cites is None and column.name.endswith("_id") and any(c.name == name for c in table.columns)
    return [name] if named else []


def _cites(column: Column) -> bool:
    """Whether a column cites rows by what it is, or by a list of examples."""
    return column.cites is not None or (pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type))


def _cited_in(column: Column, rows: pa.Table) -> Iterator[tuple[tuple[str, str] | None, pa.ChunkedArray]]:
    """Each (table, key) that a column cites, with the ids; None where a row names a table that does not exist.

    A column says what it cites; or a row does, in a column beside it or in a list of structures.
    """
    values = rows[column.name]
    beside = f"{column.name.removesuffix('_id')}_table"
    pairs: list[tuple[pa.ChunkedArray, pa.ChunkedArray]] = []
    if column.cites is not None:
        name, key = column.cites.split(".")
        yield (name, key), values.drop_null()
    elif column.name.endswith("_id") and beside in rows.column_names:
        pairs = [(rows[beside], values)]
    elif pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        listed = pc.list_flatten(values)
        pairs = [
            (pc.struct_field(listed, table), pc.struct_field(listed, cited))
            for table, cited in cited_in_list(field.name for field in column.type.value_type)
        ]
    for named, ids in pairs:
        for name in sorted(pc.unique(named.drop_null()).to_pylist()):
            keys = [table.key[0] for table in TABLES if table.name == name]
            yield (name, keys[0]) if keys else None, ids.filter(pc.equal(named, name)).drop_null()


def transactions_conserve(tables: Session) -> Finding:
    """What goes into a transaction comes out of it or is its fee, in satoshis; where nobody knows, a defect says so."""
    unresolved = 0
    for row in tables.arrow("transactions").to_pylist():
        # Without the undo data nobody knows what went in: then both are absent, and a defect says so.
        if row["input_sat"] is None and row["fee_sat"] is None:
            unresolved += 1
        elif None in {row["input_sat"], row["fee_sat"]} or row["input_sat"] != row["output_sat"] + row["fee_sat"]:
            return f"transaction {row['txid']}: {row['input_sat']} in, {row['output_sat']} out, {row['fee_sat']} fee"
    if unresolved and not tables.arrow("defects").num_rows:
        return f"{unresolved} transactions have no known inputs, and no defect says why"
    return None


def traces_conserve(tables: Session) -> Finding:
    """What a trace began with is at its endpoints or went into fees, in satoshis."""
    ended: dict[str, int] = {}
    for row in tables.arrow("endpoints").to_pylist():
        ended[row["trace_id"]] = ended.get(row["trace_id"], 0) + row["amount_sat"]
    for trace in tables.arrow("traces").to_pylist():
        found = ended.get(trace["trace_id"], 0) + trace["fee_sat"]
        if found != trace["origin_sat"]:
            return f"trace {trace['trace_id']}: {trace['origin_sat']} satoshis in, {found} out"
    return None
