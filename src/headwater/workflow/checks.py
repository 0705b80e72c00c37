"""The invariants of docs/reference/invariants.md, each as one check that says what is wrong first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.compute as pc

from headwater.catalogue import unaccounted
from headwater.custody import Check, verify_log
from headwater.engine import Session, file_sha256
from headwater.errors import HeadwaterError
from headwater.packages import lead_decisions, verify_package
from headwater.schema import TABLES
from headwater.workflow.case import Case
from headwater.workflow.intake import digest_again

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
    yield _check("I7.references_in_custody", lambda: _references_in_custody(case))
    if with_evidence:
        yield _check("evidence.unchanged", lambda: _evidence_unchanged(case))
    with case.tables() as tables:
        yield _check("I1.ledger_adds_up", lambda: unaccounted(tables) or _items_for_entries(tables))
        yield _check("I4.dump_bytes", lambda: _dump_bytes(tables))
        yield _check("I4.dump_rows", lambda: _dump_rows(tables))
        yield _check("I5.every_row_cites", lambda: _citations(tables))
        yield _check("I6.two_people", lambda: _released_by_two(case))
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


def _references_in_custody(case: Case) -> Finding:
    recorded = _custody_outputs(case)
    for path in sorted((case.path / "references").glob("*/*")):
        if file_sha256(path) not in recorded:
            return f"{path.relative_to(case.path)}: altered, or its digest is in no custody entry"
    for imported in case.imports():
        folder = case.path / "references" / f"{imported['reference_name']}@{imported['reference_version']}"
        if not (folder / "seal.json").is_file():
            return f"{folder.relative_to(case.path)}: gone"
    return None


def _evidence_unchanged(case: Case) -> Finding:
    for exhibit in case.exhibits():
        if not exhibit.path.exists():
            return f"exhibit {exhibit.exhibit_id}: gone from where it lay"
        found = digest_again(exhibit)
        if found != exhibit.row["sha256"]:
            return f"exhibit {exhibit.exhibit_id}: SHA-256 is {found}, on record is {exhibit.row['sha256']}"
    return None


def _items_for_entries(tables: Session) -> Finding:
    entries, items = tables.arrow("entries").num_rows, tables.arrow("items").num_rows
    ran = tables.arrow("ledger").num_rows > 0
    return f"{entries} entries and {items} items" if ran and entries != items else None


def _dump_bytes(tables: Session) -> Finding:
    sizes = {
        e["exhibit_id"]: e["size_bytes"] for e in tables.arrow("exhibits").to_pylist() if e["exhibit_kind"] == "dump"
    }
    sums: dict[str, int] = {}
    for row in tables.arrow("dump_ranges").to_pylist():
        sums[row["exhibit_id"]] = sums.get(row["exhibit_id"], 0) + row["range_bytes"]
    for exhibit, total in sorted(sums.items()):
        if sizes.get(exhibit) != total:
            return f"exhibit {exhibit}: ranges add up to {total} bytes of {sizes.get(exhibit)}"
    return None


def _dump_rows(tables: Session) -> Finding:
    for row in tables.arrow("dump_tables").to_pylist():
        if row["rows_read"] != row["rows_mapped"] + row["rows_rejected"] + row["rows_ignored"]:
            return f"exhibit {row['exhibit_id']}, table {row['source_table']}: rows do not add up"
    return None


def _citations(tables: Session) -> Finding:
    """Every id that a row cites names a row that is there."""
    for table in TABLES:
        rows = tables.arrow(table.name)
        for column in table.columns:
            if column.cites is None or rows.num_rows == 0:
                continue
            name, key = column.cites.split(".")
            cited = tables.arrow(name)[key]
            values = rows[column.name].drop_null()
            known = pc.is_in(values, value_set=cited.combine_chunks() if cited.num_chunks != 1 else cited.chunk(0))
            missing = values.filter(pc.invert(known))
            if len(missing):
                return f"{table.name}.{column.name}: {missing[0].as_py()} is no row of {name}"
    return None


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
            if entry.event == "transferred" and drafted.get(name) in {None, entry.actor}:
                return f"package {name}: released by {entry.actor}, drafted by {drafted.get(name)}"
    return None


def _transactions_conserve(tables: Session) -> Finding:
    for row in tables.arrow("transactions").to_pylist():
        if row["input_sat"] != row["output_sat"] + row["fee_sat"]:
            return f"transaction {row['txid']}: {row['input_sat']} in, {row['output_sat']} out, {row['fee_sat']} fee"
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
