"""Erasing what the case holds of its own about a subject: keys destroyed, rows withheld, a receipt (docs/adr/0041)."""

from __future__ import annotations

import functools
import json
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.custody import (
    PAYLOADS_NAME,
    Entry,
    ErasedSubject,
    add_erased,
    body_digest,
    clock_source,
    erased_subjects,
    erasure_receipt,
    inclusion_proof,
    new_salt,
    subject_commitment,
    subjects_among,
)
from headwater.engine import Session, can_name_subjects, without_subjects
from headwater.errors import ConfigError, InputError
from headwater.judgements import Judgement
from headwater.packages import package_leads
from headwater.schema import TABLES
from headwater.search import forget_index
from headwater.workflow.case import Actor, Case, recordable
from headwater.workflow.folders import require_new_file, require_reason, write_new_file
from headwater.workflow.intake import recorded
from headwater.workflow.subject_texts import is_sealed

__all__ = ["SubjectErased", "erase_subject"]

_HELD_BY: Final = {
    "leads": ("account_id", "lead_id"),
    "victim_leads": ("account_id", "lead_id"),
    "payments": ("account_id", "payment_id"),
    "links": ("left_id", "link_id"),
    "known_links": ("left_id", "link_id"),
    "contrary_facts": ("account_id", "fact_id"),
    "rival_hypotheses": ("account_id", "rival_id"),
}
"""Of tables about a subject: the column that names it, and the one that the row is known by; in order of reading."""
_ALSO_BY: Final = {
    "links": ("right_id",),
    "known_links": ("right_id",),
    "contrary_facts": ("link_id", "source_id"),
    "rival_hypotheses": ("link_id", "payer_id", "other_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectErased:
    """What an erasure did.

    Attributes:
        entry: Number of the entry that ordered it.
        commitment: What log and receipt name the subject by.
        salt: Opens the commitment, for whoever has a right to check it.
        body: What the receipt says.
        again: Nothing was left to erase; the receipt is of the erasure before.
    """

    entry: int
    commitment: str
    salt: str
    body: Mapping[str, Any]
    again: bool


def erase_subject(case: Case, actor: Actor, subject_id: str, receipt: Path, *, legal_basis: str) -> SubjectErased:
    """Destroy the keys to all that was written about a subject, withhold its rows, and write a receipt to a new file.

    Args:
        case: The case.
        actor: Who erases, and why.
        subject_id: An account, customer, lead, payment or record.
        receipt: The file.
        legal_basis: What the erasure rests on; it goes into the receipt.

    Raises:
        ConfigError: Reason or legal basis are missing, or name the subject.
        InputError: There is no such subject, or the file cannot be made.
    """
    with recorded(case, "erased", actor, what="subject"):
        require_reason(actor)
        if not legal_basis.strip():
            raise ConfigError("--legal-basis must not be empty; the receipt says what an erasure rests on")
        if any(subject_id in text for text in (actor.justification, legal_basis)):
            raise ConfigError("--why and --legal-basis stay on record; leave the subject's id out of them")
        require_new_file(case, receipt)
        with case.tables(with_withheld=True) as tables:
            subject_id = _root(tables, subject_id)
            ids = _rows_about(tables, subject_id)
            if not (ids - {subject_id}) and not _is_row(tables, subject_id):
                raise InputError(subject_id, "no such subject", remedy="name an account, customer, lead or record")
            withheld = _withheld(tables, ids)
    before = [erased for erased in erased_subjects(case.path) if erased.subject_id == subject_id]
    ordered = _ordered(case, before)
    work = _Work.of(case, ids)
    if ordered is not None and work.is_done and set(ids) <= set(before[-1].ids):
        # Nothing of the case is left under a key of this subject: the receipt is that of before.
        case.record("consulted", actor, object_ids=(f"subject-{before[-1].commitment}",), params={"read": "erasure"})
        return _finished(case, _as_ordered(before, ordered), ordered, receipt, again=True)
    salt = before[-1].salt if before else new_salt()
    commitment = subject_commitment(subject_id, salt)
    body = {
        "subject": commitment,
        "legal_basis": recordable(legal_basis),
        "erased_by": recordable(actor.name),
        "keys": work.keys,
        "texts": work.texts,
        "entries": work.entries,
        "judgements": work.judgements,
        "left": work.left | {"packages": _packages(case, ids)},
        "withheld": withheld,
    }
    subject = ErasedSubject(subject_id=subject_id, salt=salt, ids=tuple(sorted(ids)), body=body)
    # First, so that what a crash leaves withholds more than was ordered, and never less.
    add_erased(case.path, subject)
    forget_index(case.path)
    entry = case.custody.erase(
        work.entries,
        actor=recordable(actor.name),
        role=actor.role,
        justification=recordable(actor.justification),
        clock=case.clock,
        object_ids=(f"subject-{commitment}",),
        keys=work.keys,
        output_digests={"receipt": body_digest(body)},
        workstation=platform.node(),
        authority_ref=case.settings.authority_ref,
        clock_source=clock_source(case.settings.clock_note),
    )
    return _finished(case, subject, entry, receipt, again=False)


def _finished(case: Case, subject: ErasedSubject, entry: Entry, receipt: Path, *, again: bool) -> SubjectErased:
    # The reason may name somebody, and the receipt goes to others: what it proves is the entry, without its texts.
    proof = inclusion_proof(case.path, entry.seq, with_texts=False)
    write_new_file(receipt, erasure_receipt(subject.body, proof))
    return SubjectErased(
        entry=entry.seq, commitment=subject.commitment, salt=subject.salt, body=subject.body, again=again
    )


def _ordered(case: Case, before: Sequence[ErasedSubject]) -> Entry | None:
    """The newest entry that ordered an erasure of this subject; None where a crash came before it."""
    names = {f"subject-{erased.commitment}" for erased in before}
    done = [e for e in case.custody.entries() if e.event == "erased" and e.outcome == "done"]
    return next((entry for entry in reversed(done) if names & set(entry.object_ids)), None)


def _as_ordered(before: Sequence[ErasedSubject], entry: Entry) -> ErasedSubject:
    """The line of the list that the entry ordered; a crash may have left one more after it."""
    return next(e for e in before if body_digest(e.body) == entry.output_digests["receipt"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is to be done, and what has to be left, by name.

    Attributes:
        keys: Keys of the subject that are there.
        texts: Entries whose texts are sealed under one of them.
        entries: Entries about this subject alone whose texts are not sealed, from before there were keys.
        judgements: Judgements and remarks whose text is sealed under one of them.
        left: Entries about others as well, and judgements of before, whose texts stay: a person decides.
    """

    keys: list[str]
    texts: list[int]
    entries: list[int]
    judgements: list[str]
    left: dict[str, Any]

    @property
    def is_done(self) -> bool:
        return not self.keys and not self.entries

    @classmethod
    def of(cls, case: Case, ids: frozenset[str]) -> _Work:
        keys = sorted(key for name in ids for key in case.custody.subject_keys.ids_of(name))
        texts: list[int] = []
        plain: list[int] = []
        for line in (case.path / PAYLOADS_NAME).read_bytes().splitlines():
            payload = json.loads(line)
            if set(keys) & set(payload.get("keys", ())):
                texts.append(payload["seq"])
            elif "justification" in payload:
                plain.append(payload["seq"])
        named = {e.seq: set(subjects_among(e.object_ids)) for e in case.custody.entries()}
        entries = [seq for seq in plain if named[seq] and named[seq] <= ids]
        judged = [judgement for judgement in case.judgements() if _is_about(judgement, ids)]
        return cls(
            keys=keys,
            texts=texts,
            entries=entries,
            judgements=sorted(
                [
                    *(j.judgement_id for j in judged if _sealed_under(j.why, keys)),
                    *(r.remark_id for r in case.remarks() if _sealed_under(r.text, keys)),
                ]
            ),
            left={
                "entries": [seq for seq in plain if named[seq] & ids and seq not in entries],
                "judgements": sorted(j.judgement_id for j in judged if not is_sealed(j.why)),
            },
        )


def _is_about(judgement: Judgement, ids: frozenset[str]) -> bool:
    return bool(ids & {judgement.link_id, judgement.left_id, judgement.right_id})


def _sealed_under(text: str, keys: Iterable[str]) -> bool:
    return is_sealed(text) and any(key in text for key in keys)


def _root(tables: Session, subject_id: str) -> str:
    """The account of a lead; any other id as it is."""
    for name in ("leads", "victim_leads"):
        for lead in _rows(tables, name, ("lead_id",), (subject_id,)):
            return str(lead["account_id"])
    return subject_id


def _is_row(tables: Session, subject_id: str) -> bool:
    columns = {"accounts": "account_id", "records": "record_id", "customers": "customer_id", "payments": "payment_id"}
    return any(_rows(tables, name, (column,), (subject_id,)) for name, column in columns.items())


def _rows_about(tables: Session, subject_id: str) -> frozenset[str]:
    """Ids of the rows about a subject: its lead, payments and links, and what is said for and against these."""
    ids = {subject_id}
    for name, (named_by, known_by) in _HELD_BY.items():
        columns, wanted = (named_by, *_ALSO_BY.get(name, ())), frozenset(ids)
        ids |= {row[known_by] for row in _rows(tables, name, columns, wanted)}
    return frozenset(ids)


def _rows(tables: Session, name: str, columns: Sequence[str], ids: Collection[str]) -> list[dict[str, Any]]:
    """The rows in which one of the columns names one of the ids."""
    wanted = pa.array(sorted(ids), pa.string())

    def keep(part: pa.Table) -> pa.Array:
        masks = (pc.fill_null(pc.is_in(part[column], value_set=wanted), False) for column in columns)  # noqa: FBT003 - Arrow's own signature
        return functools.reduce(pc.or_, masks)

    rows: list[dict[str, Any]] = tables.chosen(name, keep).to_pylist()
    return rows


def _withheld(tables: Session, ids: frozenset[str]) -> dict[str, int]:
    """Rows of each table that are left out of whatever is read from now on."""
    counts = {}
    for table in TABLES:
        if can_name_subjects(table.name):
            gone = sum(len(part) - len(without_subjects(table.name, part, ids)) for part in tables.parts(table.name))
            if gone:
                counts[table.name] = gone
    return dict(sorted(counts.items()))


def _packages(case: Case, ids: frozenset[str]) -> list[str]:
    """Packages, drafted or sent, that hold a lead of the subject: what has left is not reached by any key."""
    return sorted(
        folder.name
        for folder in (case.path / "packages").glob("*/*")
        if any(lead["lead_id"] in ids for lead in package_leads(folder))
    )
