"""The invariants of docs/reference/invariants.md, each as one check that says what is wrong first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.catalogue import unaccounted
from headwater.custody import Check, verify_log
from headwater.engine import Session, file_sha256
from headwater.errors import HeadwaterError
from headwater.judgements import graded_files, grades_digest, grades_of_file
from headwater.packages import lead_decisions, verify_package
from headwater.schema import TABLES, Column, table_named
from headwater.workflow.case import Case
from headwater.workflow.confirm import unlogged_confirmation
from headwater.workflow.intake import digest_again
from headwater.workflow.seals import check_references
from headwater.workflow.stages import STAGES

__all__ = ["verify_case"]

Finding = str | None


def verify_case(case: Case, *, with_evidence: bool = True) -> Iterator[Check]:
    """Every check of the case, in a fixed order; custody first, because the others lean on it.

    Args:
        case: The case.
        with_evidence: Digest the exhibits again, which reads all of them.
    """
    yield from verify_log(case.path)
    yield _check("I7.tables_in_custody", lambda: _tables_in_custody(case))
    yield _check("I7.notes_in_custody", lambda: _notes_in_custody(case))
    yield _check("I7.references_in_custody", lambda: _references_in_custody(case))
    yield _check("I7.grades_in_custody", lambda: _grades_in_custody(case))
    if with_evidence:
        yield _check("evidence.unchanged", lambda: _evidence_unchanged(case))
    stale = _stale_stages(case)
    ran = {str(output["stage"]) for output in case.current_outputs()} - stale.keys()
    # A note and no failure: nothing is wrong with a case whose run was interrupted, or that got another exhibit.
    yield Check(check="stages.current", ok=True, first_bad=next(iter(stale.values()), None))
    # Entries of unconfirmed lists, too: a run of before lists had to be confirmed may cite them.
    with case.tables(leave_out=stale.keys(), with_unconfirmed=True) as tables:
        yield _check("I1.ledger_adds_up", lambda: unaccounted(tables) or _ledger_of_all(tables, ran))
        yield _check("I2.medium_ranges", lambda: _medium_ranges(tables, ran))
        yield _check("I3.archive_members", lambda: _archive_members(tables, ran))
        yield _check("I4.dump_bytes", lambda: _dump_bytes(tables, ran))
        yield _check("I4.dump_rows", lambda: _dump_rows(tables))
        yield _check("I5.every_row_cites", lambda: _citations(tables, ran))
        yield _check("I6.two_people", lambda: _released_by_two(case))
        yield _check("I6.polarity_by_two", lambda: unlogged_confirmation(case))
        yield _check("I9.transactions_conserve", lambda: _transactions_conserve(tables))
        yield _check("I9.traces_conserve", lambda: _traces_conserve(tables))
    for package in sorted((case.path / "packages").glob("*/*")):
        # A draft has not left and carries one signature; its digests are in the custody log.
        if (package / "sealed").is_dir():
            yield from _package_checks(package)


def _check(name: str, find: Callable[[], Finding]) -> Check:
    try:
        bad = find()
    except (HeadwaterError, OSError) as error:
        # Finding this out is what verification is for: what cannot be read is a check that fails, with its reason.
        bad = str(error)
    return Check(check=name, ok=bad is None, first_bad=bad)


def _package_checks(package: Path) -> list[Check]:
    return [
        Check(check=f"{package.parent.name}/{package.name}: {check.check}", ok=check.ok, first_bad=check.first_bad)
        for check in verify_package(package)
    ]


def _custody_outputs(case: Case) -> set[str]:
    return {digest for entry in case.custody.entries() for digest in entry.output_digests.values()}


def _tables_in_custody(case: Case) -> Finding:
    recorded = _custody_outputs(case)
    for output in case.current_outputs():
        path = case.table_file(str(output["table_name"]), str(output["run_id"]))
        if not path.is_file():
            return f"{path.relative_to(case.path)}: gone"
        found = file_sha256(path)
        if found != output["sha256"]:
            return f"{path.relative_to(case.path)}: SHA-256 is {found}, on record is {output['sha256']}"
        if found not in recorded:
            return f"{path.relative_to(case.path)}: its digest is in no custody entry"
    return None


def _notes_in_custody(case: Case) -> Finding:
    """Every note that a run left is as it left it, and there is no other."""
    stated = {
        case.path / "notes" / entry.object_ids[0] / name.removeprefix("notes/"): digest
        for entry in case.custody.entries()
        for name, digest in entry.output_digests.items()
        if name.startswith("notes/") and entry.object_ids
    }
    for path, digest in sorted(stated.items()):
        if not path.is_file():
            return f"{path.relative_to(case.path)}: gone"
        if file_sha256(path) != digest:
            return f"{path.relative_to(case.path)}: altered since the custody log recorded it"
    there = {path for path in (case.path / "notes").rglob("*") if path.is_file()}
    stray = min(there - stated.keys(), default=None)
    return None if stray is None else f"{stray.relative_to(case.path)}: in no custody entry"


def _references_in_custody(case: Case) -> Finding:
    recorded = _custody_outputs(case)
    for path in sorted((case.path / "references").glob("*/*")):
        if file_sha256(path) not in recorded:
            return f"{path.relative_to(case.path)}: altered, or its digest is in no custody entry"
    for imported in case.imports():
        folder = case.path / "references" / f"{imported['reference_name']}@{imported['reference_version']}"
        if not (folder / "seal.json").is_file():
            return f"{folder.relative_to(case.path)}: gone"
    check_references(case)
    return None


def _grades_in_custody(case: Case) -> Finding:
    """Every grade is as it was when the custody log recorded its file, and so is the row that it was read from."""
    recorded = {e.output_digests["grades"] for e in case.custody.entries() if "grades" in e.output_digests}
    with case.database.connect() as connection:
        lost = recorded - {act.grades_sha256 for _, act in graded_files(connection)}
        if lost:
            return f"grades of digest {min(lost)}: in the custody log and gone from the case's database"
        for seq, act in graded_files(connection):
            grades = grades_of_file(connection, seq)
            name = f"graded file {act.source_sha256}"
            if act.act == "applied" and (
                act.grades_sha256 not in recorded or grades_digest(grades) != act.grades_sha256
            ):
                return f"{name}: its grades were altered, or their digest is in no custody entry"
            for grade in grades:
                if hashlib.sha256(grade.row_bytes).hexdigest() != grade.row_sha256:
                    return f"{name}: row {grade.source_row} was altered since it was applied"
    return None


def _evidence_unchanged(case: Case) -> Finding:
    for exhibit in case.exhibits():
        if not exhibit.path.exists():
            return f"exhibit {exhibit.exhibit_id}: gone from where it lay"
        found = digest_again(exhibit)
        if found != exhibit.row["sha256"]:
            return f"exhibit {exhibit.exhibit_id}: SHA-256 is {found}, on record is {exhibit.row['sha256']}"
    return None


def _stale_stages(case: Case) -> dict[str, str]:
    """The stages whose tables were made of other tables than are there now, in words; the next run makes them anew.

    What such a stage cites may be gone, rightly, so its tables are left out of what is compared.
    """
    made_of: dict[str, Mapping[str, str]] = {}
    current: dict[str, str] = {}
    runs = {str(output["run_id"]): str(output["stage"]) for output in case.current_outputs()}
    for entry in case.custody.entries():
        if entry.outcome == "done" and entry.input_digests and entry.object_ids and entry.object_ids[0] in runs:
            made_of[runs[entry.object_ids[0]]] = entry.input_digests
    for output in case.current_outputs():
        current[f"{output['stage']}.{output['table_name']}"] = str(output["sha256"])
    stale: dict[str, str] = {}
    for stage in STAGES:
        inputs = made_of.get(stage.name, {})
        for name in sorted(current.keys() & inputs.keys()):
            if current[name] != inputs[name] or name.split(".")[0] in stale:
                stale[stage.name] = f"{stage.name}: not checked, because {name} has changed since; run it again"
                break
    return stale


_STAGE_NAMES = {stage.name for stage in STAGES}
_WHERE = ("exhibit_id", "volume_index", "directory")


def _ledger_of_all(tables: Session, ran: Collection[str]) -> Finding:
    """The ledger has every entry and every item, once: it was summed from them, and is counted against them here."""
    if "catalogue" not in ran:
        return None
    entries, items, ledger = (tables.arrow(name) for name in ("entries", "items", "ledger"))
    if entries.num_rows != items.num_rows:
        return f"{entries.num_rows} entries and {items.num_rows} items"
    counted: dict[tuple[object, ...], Counter[str]] = {}
    for rows, words, size in ((entries, ("entries",), "size_bytes"), (items, _DISPOSITIONS, "read_bytes")):
        for word in words:
            part = rows if rows is entries else rows.filter(pc.equal(rows["disposition"], word))
            measured = size if word in {"entries", "catalogued"} else "size_bytes"
            files = pc.if_else(pc.equal(part["entry_type"], "file"), part[measured], 0)
            sums = part.select(_WHERE).append_column("bytes", files).group_by(_WHERE)
            for row in sums.aggregate([("bytes", "count"), ("bytes", "sum")]).to_pylist():
                line = counted.setdefault(tuple(row[name] for name in _WHERE), Counter())
                line[word] += row["bytes_count"]
                line["entry_bytes" if word == "entries" else f"{word}_bytes"] += row["bytes_sum"]
    for row in ledger.to_pylist():
        line = counted.pop(tuple(row[name] for name in _WHERE), Counter())
        off = [name for name, value in row.items() if name not in _WHERE and line[name] != value]
        if off:
            where = f"{row['exhibit_id']} volume {row['volume_index']} {row['directory'] or '/'}"
            return f"{where}: {off[0]} is {row[off[0]]} in the ledger and {line[off[0]]} when counted"
    lost = next(iter(sorted(counted, key=str)), None)
    return None if lost is None else f"{lost[0]} volume {lost[1]} {lost[2] or '/'}: no line in the ledger"


_DISPOSITIONS = ("catalogued", "refused", "deferred")


def _medium_ranges(tables: Session, ran: Collection[str]) -> Finding:
    """The ranges of every medium lie side by side and add up to its size; what was catalogued lies in its content."""
    if STAGES[0].name not in ran:
        return None
    ranges, entries = tables.arrow("medium_ranges"), tables.arrow("entries")
    for exhibit in tables.arrow("exhibits").to_pylist():
        if exhibit["exhibit_kind"] != "disk-image":
            continue
        name = exhibit["exhibit_id"]
        of_it = ranges.filter(pc.equal(ranges["exhibit_id"], name)).sort_by("start_bytes")
        starts, sizes = (of_it[column].to_numpy() for column in ("start_bytes", "range_bytes"))
        bounds = np.append(starts, exhibit["medium_bytes"])
        apart = np.flatnonzero(bounds[:-1] + sizes != bounds[1:])
        if not len(starts) or starts[0] or len(apart):
            at = 0 if not len(starts) or starts[0] else int(bounds[apart[0]] + sizes[apart[0]])
            return f"exhibit {name}: the ranges of the medium do not meet at byte {at} of {exhibit['medium_bytes']}"
        here = pc.and_(pc.equal(entries["exhibit_id"], name), pc.equal(entries["disposition"], "catalogued"))
        placed = entries.filter(pc.and_(here, pc.is_valid(entries["offset_bytes"])))
        offsets = placed["offset_bytes"].to_numpy()
        kinds = of_it["range_kind"].to_pylist()
        for number, at in enumerate((np.searchsorted(starts, offsets, "right") - 1).tolist()):
            if kinds[at] != "content":
                path = placed["path"][number].as_py()
                return f"exhibit {name}: {path} was read at byte {offsets[number]}, which holds {kinds[at]}"
    return None


def _archive_members(tables: Session, ran: Collection[str]) -> Finding:
    """Every member that a worker found in an archive is an entry of that archive, and no other is."""
    if STAGES[0].name not in ran:
        return None
    counts = Counter(tables.arrow("entries")["container_id"].drop_null().to_pylist())
    stated = {row["archive_item_id"]: row for row in tables.arrow("archives").to_pylist()}
    for archive, row in stated.items():
        if counts[archive] != row["members"]:
            return f"{row['exhibit_id']} {row['path']}: {row['members']} members and {counts[archive]} entries"
    stray = sorted(counts.keys() - stated.keys())
    return f"{stray[0]}: {counts[stray[0]]} entries of an archive that was not gone into" if stray else None


def _dump_bytes(tables: Session, ran: Collection[str]) -> Finding:
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
    items = tables.arrow("items")
    if "catalogue" not in ran:
        return None
    read = items.filter(pc.is_in(items["item_id"], value_set=pa.array(sorted(sums), pa.string())))
    for item, size in zip(read["item_id"].to_pylist(), read["size_bytes"].to_pylist(), strict=True):
        if sums[item] != size:
            return f"{item}: ranges add up to {sums[item]} bytes of {size}"
    return None


def _dump_rows(tables: Session) -> Finding:
    for row in tables.arrow("dump_tables").to_pylist():
        if row["rows_read"] != row["rows_mapped"] + row["rows_rejected"] + row["rows_ignored"]:
            return f"exhibit {row['exhibit_id']}, table {row['source_table']}: rows do not add up"
    return None


def _citations(tables: Session, ran: Collection[str]) -> Finding:
    """Every id that a row cites names a row that is there; rows of a stage that is still to run cannot be."""
    there: dict[tuple[str, str], pa.Array] = {}
    for table in TABLES:
        rows = tables.arrow(table.name)
        for column in table.columns if rows.num_rows else ():
            for cited, values in _cited_in(column, rows):
                if cited is None:
                    return f"{table.name}.{column.name}: {values[0].as_py()} is in no table that there is"
                name, key = cited
                if table_named(name).stage in _STAGE_NAMES - set(ran):
                    continue
                if cited not in there:
                    there[cited] = tables.arrow(name)[key].combine_chunks()
                missing = values.filter(pc.invert(pc.is_in(values, value_set=there[cited])))
                if len(missing):
                    return f"{table.name}.{column.name}: {missing[0].as_py()} is no row of {name}"
    return None


def _cited_in(column: Column, rows: pa.Table) -> Iterator[tuple[tuple[str, str] | None, pa.ChunkedArray]]:
    """Each (table, key) that a column cites, with the ids; None where a row names a table that does not exist.

    A column says what it cites; or a row does, in a column beside it or in a list of examples.
    """
    values = rows[column.name]
    beside = f"{column.name.removesuffix('_id')}_table"
    if column.cites is not None:
        name, key = column.cites.split(".")
        yield (name, key), values.drop_null()
        return
    if column.name.endswith("_id") and beside in rows.column_names:
        named = rows[beside]
    elif pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        values = pc.list_flatten(values)
        if not {"table", "example_id"} <= {field.name for field in column.type.value_type}:
            return
        named, values = pc.struct_field(values, "table"), pc.struct_field(values, "example_id")
    else:
        return
    for name in sorted(pc.unique(named.drop_null()).to_pylist()):
        chosen = values.filter(pc.equal(named, name)).drop_null()
        keys = [table.key[0] for table in TABLES if table.name == name]
        yield (name, keys[0]) if keys else None, chosen


def _released_by_two(case: Case) -> Finding:
    """Every released lead carries the signed decisions of two people, and the log knows who drafted and released."""
    people: dict[tuple[str, str], set[str]] = {}
    for decision in lead_decisions(case.path / "packages"):
        people.setdefault((decision.package_id, decision.lead_id), set()).add(decision.operator.strip().casefold())
    for (package, lead), operators in sorted(people.items()):
        if len(operators) < len(("author", "approver")):
            return f"lead {lead} in package {package}: decided by {', '.join(sorted(operators))} alone"
    drafted: dict[str, str] = {}
    for entry in case.custody.entries():
        if entry.outcome != "done":
            continue
        for name in entry.object_ids:
            if not name.startswith("pkg-"):
                continue
            if entry.event == "exported":
                drafted[name] = entry.actor
            # Neither a capital nor a space makes another person.
            author, approver = drafted.get(name, ""), entry.actor.strip().casefold()
            if entry.event == "transferred" and author.strip().casefold() in {"", approver}:
                return f"package {name}: released by {entry.actor}, drafted by {drafted.get(name, 'nobody')}"
    return None


def _transactions_conserve(tables: Session) -> Finding:
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


def _traces_conserve(tables: Session) -> Finding:
    ended: dict[str, int] = {}
    for row in tables.arrow("endpoints").to_pylist():
        ended[row["trace_id"]] = ended.get(row["trace_id"], 0) + row["amount_sat"]
    for trace in tables.arrow("traces").to_pylist():
        found = ended.get(trace["trace_id"], 0) + trace["fee_sat"]
        if found != trace["origin_sat"]:
            return f"trace {trace['trace_id']}: {trace['origin_sat']} satoshis in, {found} out"
    return None
