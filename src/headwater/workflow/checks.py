"""The invariants of docs/reference/invariants.md, each as one check that says what is wrong first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.catalogue import unaccounted
from headwater.custody import Check, bad_erasures, bad_seals, load_case_public_key, raw_public_key, verify_log
from headwater.engine import file_sha256
from headwater.errors import HeadwaterError
from headwater.judgements import graded_files, grades_digest, grades_of_file, snapshot
from headwater.packages import (
    NAMED_BY,
    RECALLS_FOLDER,
    lead_decisions,
    package_leads,
    unsupported_names,
    verify_package,
    verify_recall,
)
from headwater.workflow.access import access_faults
from headwater.workflow.case import Case
from headwater.workflow.confirm import unlogged_confirmation
from headwater.workflow.deconfliction_sessions import consents_missing, results_altered
from headwater.workflow.intake import digest_again
from headwater.workflow.retention import erasures_by_one
from headwater.workflow.seals import check_references
from headwater.workflow.sending import recalls_missing
from headwater.workflow.stages import STAGES
from headwater.workflow.table_checks import (
    Finding,
    citations_hold,
    dump_bytes_add_up,
    dump_rows_add_up,
    ledger_counts_all,
    members_are_entries,
    ranges_meet,
    traces_conserve,
    transactions_conserve,
)
from headwater.workflow.token_checks import token_balances_conserve, token_traces_conserve
from headwater.workflow.unlogged import left_behind, unlogged_release

__all__ = ["CASE_CHECKS", "stale_stages", "verify_case"]


def verify_case(case: Case, *, with_evidence: bool = True) -> Iterator[Check]:
    """Every check of the case, in a fixed order; custody first, because the others lean on it.

    Args:
        case: The case.
        with_evidence: Digest the exhibits again, which reads all of them.
    """
    yield from verify_log(case.path)
    for promise in (*_OF_CASE, *((_OF_EVIDENCE,) if with_evidence else ())):
        yield _check(promise, case)
    stale = stale_stages(case)
    ran = {str(output["stage"]) for output in case.current_outputs()} - stale.keys()
    # A note and no failure: nothing is wrong with a case whose run was interrupted, or that got another exhibit.
    yield Check(check="stages.current", ok=True, first_bad=next(iter(stale.values()), None))
    yield Check(check="case.left_behind", ok=True, first_bad=left_behind(case))
    # Entries of unconfirmed lists, too: a run of before lists had to be confirmed may cite them.
    with case.tables(leave_out=stale.keys(), with_unconfirmed=True, with_withheld=True) as tables:
        for promise in _OF_TABLES:
            yield _check(promise, tables, ran)
        for promise in _OF_PEOPLE:
            yield _check(promise, case)
        for promise in _OF_AMOUNTS:
            yield _check(promise, tables, ran)
    for package in sorted((case.path / "packages").glob("*/*")):
        # A draft has not left and carries one signature; its digests are in the custody log.
        if (package / "sealed").is_dir():
            yield from _package_checks(package)
    for recall in sorted((case.path / "packages").glob(f"*/{RECALLS_FOLDER}/*")):
        if (recall / "sealed").is_dir():
            name = recall.relative_to(case.path / "packages").as_posix()
            for check in verify_recall(recall, case_public_key=raw_public_key(load_case_public_key(case.path))):
                yield Check(check=f"{name}: {check.check}", ok=check.ok, first_bad=check.first_bad)


def _check(promise: _Promise, *about: object) -> Check:
    try:
        bad = promise.find(*about)
    except (HeadwaterError, OSError) as error:
        # Finding this out is what verification is for: what cannot be read is a check that fails, with its reason.
        bad = str(error)
    return Check(check=promise.name, ok=bad is None, first_bad=bad)


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
    for imported in case.imports():
        folder = case.path / "references" / f"{imported['reference_name']}@{imported['reference_version']}"
        for path in sorted(folder.glob("*")):
            if file_sha256(path) not in recorded:
                return f"{path.relative_to(case.path)}: altered, or its digest is in no custody entry"
        if not (folder / "seal.json").is_file():
            return f"{folder.relative_to(case.path)}: gone"
    check_references(case)
    return None


def _grades_in_custody(case: Case) -> Finding:
    """Every grade is as it was when the custody log recorded its file, and so is the row that it was read from."""
    acts_recorded, recorded, nameless = set[str](), set[str](), set[str]()
    for entry in case.custody.entries():
        named = {name for name in entry.object_ids if name.startswith("gra-")} if entry.outcome == "done" else set()
        acts_recorded |= named
        brought = {digests["grades"] for digests in (entry.output_digests, entry.input_digests) if "grades" in digests}
        recorded |= brought
        # Logs of before name no act: of these, the digest of its grades has to do.
        nameless |= set() if named else brought
    with case.database.connect() as connection:
        acts = graded_files(connection)
        lost = acts_recorded - {act.act_id for _, act in acts} or recorded - {act.grades_sha256 for _, act in acts}
        if lost:
            return f"grades {min(lost)}: in the custody log and gone from the case's database"
        for seq, act in acts:
            grades = grades_of_file(connection, seq)
            name = f"graded file {act.source_sha256}"
            if act.act_id not in acts_recorded and act.grades_sha256 not in nameless:
                return f"{name}: it was not {act.act} so, or in no custody entry"
            if grades_digest(grades) != (act.grades_sha256 if act.act == "applied" else grades_digest([])):
                return f"{name}: its grades were altered"
            for grade in grades:
                if hashlib.sha256(grade.row_bytes).hexdigest() != grade.row_sha256:
                    return f"{name}: row {grade.source_row} was altered since it was applied"
    return None


def _judgements_in_custody(case: Case) -> Finding:
    """Every judgement is as it was when the custody log recorded it, and none of those that it recorded is gone."""
    recorded = {
        name
        for entry in case.custody.entries()
        if entry.event == "judged" and entry.outcome == "done"
        for name in entry.object_ids
        if name.startswith("jdg-")
    }
    held = {judgement.judgement_id: judgement for judgement in case.judgements()}
    for judgement_id, judgement in held.items():
        if judgement_id not in recorded:
            return f"judgement of {judgement.operator} on {judgement.link_id}: altered, or in no custody entry"
    lost = recorded - held.keys()
    return f"judgement {min(lost)}: in the custody log and gone from the case's database" if lost else None


def _remarks_in_custody(case: Case) -> Finding:
    """Every remark is as it was when the custody log recorded it, and none of those that it recorded is gone."""
    recorded = {
        entry.object_ids[1]
        for entry in case.custody.entries()
        if entry.event == "judged" and entry.outcome == "done"
        and len(entry.object_ids) > 1 and entry.object_ids[1].startswith("rmk-")
    }  # fmt: skip
    held = {remark.remark_id: remark for remark in case.remarks()}
    for remark_id, remark in held.items():
        if remark_id not in recorded:
            return f"remark of {remark.operator} on {remark.object_id}: altered, or in no custody entry"
    lost = recorded - held.keys()
    return f"remark {min(lost)}: in the custody log and gone from the case's database" if lost else None


def _runs_repeat(case: Case) -> Finding:
    """A run is named by stage, version and digests of what it read: whenever it was made again, it gave the same."""
    given: dict[str, Mapping[str, str]] = {}
    for entry in case.custody.entries():
        tables = {name: digest for name, digest in entry.output_digests.items() if name.endswith(".parquet")}
        if entry.outcome != "done" or not tables or not entry.object_ids[0].startswith("run-"):
            continue
        first = given.setdefault(entry.object_ids[0], tables)
        for name in sorted(first.keys() | tables.keys()):
            if first.get(name) != tables.get(name):
                return f"entry {entry.seq}: {entry.object_ids[0]} gave another {name} than before, of the same input"
    return None


def _evidence_unchanged(case: Case) -> Finding:
    for exhibit in case.exhibits():
        if not exhibit.path.exists():
            return f"exhibit {exhibit.exhibit_id}: gone from where it lay"
        found = digest_again(exhibit)
        if found != exhibit.row["sha256"]:
            return f"exhibit {exhibit.exhibit_id}: SHA-256 is {found}, on record is {exhibit.row['sha256']}"
    return None


def stale_stages(case: Case) -> dict[str, str]:
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


def _named_by_two(case: Case) -> Finding:
    """Every name that left rested on two people's positive judgements when it was released."""
    history = case.judgements()
    released = {d.package_id: d.at_utc for d in lead_decisions(case.path / "packages") if d.role == "approver"}
    for folder in sorted((case.path / "packages").glob("*/*")):
        if folder.name not in released:
            continue
        stood = snapshot(j for j in history if j.at_utc <= released[folder.name]).to_pylist()
        for name in unsupported_names(package_leads(folder), stood):
            told = f"lead {name.lead_id} in package {folder.name} names record {name.record_id}"
            return f"{told} on the positive judgement of {name.people} of {NAMED_BY} people"
    return None


@dataclass(frozen=True, slots=True)
class _Promise:
    """A check by its name, and what finds where it first fails; it is given what it is about."""

    name: str
    find: Callable[..., Finding]


_OF_CASE: Final = (
    _Promise("custody.subject_keys", lambda case: bad_seals(case.path, case.custody.subject_keys)),
    _Promise("custody.erasures", lambda case: bad_erasures(case.path, list(case.custody.entries()))),
    _Promise("I7.tables_in_custody", _tables_in_custody),
    _Promise("I7.notes_in_custody", _notes_in_custody),
    _Promise("I7.references_in_custody", _references_in_custody),
    _Promise("I7.grades_in_custody", _grades_in_custody),
    _Promise("I7.deconfliction_in_custody", results_altered),
    _Promise("I7.recalls_in_custody", recalls_missing),
    _Promise("I7.judgements_in_custody", _judgements_in_custody),
    _Promise("I7.remarks_in_custody", _remarks_in_custody),
    _Promise("I7.access_log", access_faults),
)
_OF_EVIDENCE: Final = _Promise("evidence.unchanged", _evidence_unchanged)
_OF_TABLES: Final = (
    _Promise("I1.ledger_adds_up", lambda tables, ran: unaccounted(tables) or ledger_counts_all(tables, ran)),
    _Promise("I2.medium_ranges", ranges_meet),
    _Promise("I3.archive_members", members_are_entries),
    _Promise("I4.dump_bytes", dump_bytes_add_up),
    _Promise("I4.dump_rows", lambda tables, _: dump_rows_add_up(tables)),
    _Promise("I5.every_row_cites", citations_hold),
)
_OF_PEOPLE: Final = (
    _Promise("I6.two_people", _released_by_two),
    _Promise("I6.releases_in_custody", unlogged_release),
    _Promise("I6.names_by_two", _named_by_two),
    _Promise("I6.polarity_by_two", unlogged_confirmation),
    _Promise("I6.consent_by_two", consents_missing),
    _Promise("I6.erasure_by_two", erasures_by_one),
    _Promise("I8.same_input_same_bytes", _runs_repeat),
)
_OF_AMOUNTS: Final = (
    _Promise("I9.transactions_conserve", lambda tables, _: transactions_conserve(tables)),
    _Promise("I9.traces_conserve", lambda tables, _: traces_conserve(tables)),
    _Promise("I9.token_traces_conserve", lambda tables, _: token_traces_conserve(tables)),
    _Promise("I9.token_balances_conserve", lambda tables, _: token_balances_conserve(tables)),
)
CASE_CHECKS: Final = tuple(
    promise.name for promise in (*_OF_CASE, _OF_EVIDENCE, *_OF_TABLES, *_OF_PEOPLE, *_OF_AMOUNTS)
)
"""Every check of a case, besides those of its custody log, by name and in order; a test breaks each."""
