"""What is disclosed beside the leads: error rates, alternatives, what was rejected, and the custody log's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from headwater.custody import KEYS_FOLDER, Head, SubjectKeys, custody_extract
from headwater.engine import Session
from headwater.judgements import Judgement
from headwater.packages.alternatives import beside
from headwater.packages.contents import Contents, Withheld
from headwater.packages.custody_choice import CustodyChoice
from headwater.packages.disclosed_remarks import disclosed_remarks
from headwater.packages.documents import EXTRACT_NAME
from headwater.packages.error_rates import error_rates
from headwater.packages.guards import redacted
from headwater.packages.own import own_ids
from headwater.packages.rows import json_lines, plain
from headwater.packages.sent import Sent

__all__ = ["ABOUT", "CaseRecord", "Disclosed", "disclosed"]

_RATES: Final = "disclosure_error_rates.jsonl"
_ALTERNATIVES: Final = "disclosure_alternatives.jsonl"
_REJECTED: Final = "disclosure_rejected.jsonl"
_REMARKS: Final = "disclosure_remarks.jsonl"
ABOUT: Final[Mapping[str, str]] = {
    EXTRACT_NAME: "Acts of the custody log that concern these leads, each proved to be in it; checked without the log",
    _RATES: "What each step gets wrong, as measured and on what, or that it was not measured; one JSON object a line",
    _ALTERNATIVES: "Every other candidate, with weights and what speaks against each, one JSON object a line",
    _REJECTED: "Candidates and merges that were rejected, doubted or decided otherwise, one JSON object a line",
    _REMARKS: "What people noted beside these rows, also what was withdrawn, one JSON object a line",
}
"""Name of each file to what the manifest says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """What of a case is no table: its custody log, and who decided what.

    Attributes:
        case_dir: Where the log lies.
        subject_keys: The keys of its subjects; None for those in the case folder.
        judgements: Every judgement, in the order they were given.
    """

    case_dir: Path
    subject_keys: SubjectKeys | None = None
    judgements: Sequence[Judgement] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """The files, and what is different from before.

    Attributes:
        files: Name to content.
        contents: The contents, with what these files withhold.
        head: The custody log's head that the extract leads to.
    """

    files: Mapping[str, bytes]
    contents: Contents
    head: Head


def disclosed(
    tables: Session, contents: Contents, record: CaseRecord, *, country: str, out_dir: Path, sent: Sequence[Sent]
) -> Disclosed:
    """The disclosure of a package.

    Args:
        tables: The tables of the case.
        contents: What the package holds.
        record: The log and the judgements.
        country: For whom.
        out_dir: The case's folder of packages.
        sent: What was sent before.

    Raises:
        IntegrityError: The log is not whole.
    """
    own = own_ids(tables, contents, country, out_dir, sent)
    choice = CustodyChoice(tables, own, record.subject_keys or SubjectKeys(record.case_dir / KEYS_FOLDER))
    extract = custody_extract(record.case_dir, choice, subject_keys=record.subject_keys)
    found = beside(tables, own, record.judgements, choice.judged)
    remarks, unread = disclosed_remarks(tables, own, choice, choice.judged)
    rates = error_rates()
    rows, keys = redacted([plain(found.alternatives), plain(found.rejected), plain(remarks)])
    assert isinstance(rows, list)
    counted = (
        (
            "ids of people beside these leads who belong to other leads",
            found.withheld_ids,
            "Need to know: that they were candidates here is told, and not who they are.",
        ),
        (
            "transactions that people cut and through which no money of these leads goes",
            own.other_cuts,
            "Need to know: they concern other leads.",
        ),
        (
            "entries of the custody log that concern these leads and also others",
            extract.withheld_entries,
            "Need to know; each is proved to be in the log by its leaf, and can be shown to a court.",
        ),
        (
            "texts of entries of the custody log",
            extract.withheld_texts,
            "They are about others too, or nobody can tell; the entry commits to each, and a court can have it.",
        ),
        (
            "texts of notes, labels and assignments",
            unread,
            "They name, or may name, others; that each was given is told, and a court can have it.",
        ),
        ("texts of the disclosure that held key material or encoded bytes", keys, "None ever leaves."),
    )
    withheld = (Withheld(what=what, count=count, why=why) for what, count, why in counted if count)
    return Disclosed(
        files={
            EXTRACT_NAME: extract.content,
            _RATES: json_lines(rates),
            _ALTERNATIVES: json_lines(rows[0]),
            _REJECTED: json_lines(rows[1]),
            _REMARKS: json_lines(rows[2]),
        },
        contents=replace(
            contents,
            withheld=(*contents.withheld, *withheld),
            disclosed=(
                ("other candidates, and people beside a payer", len(found.alternatives), _ALTERNATIVES),
                (
                    "candidates and merges that were rejected, doubted or decided otherwise",
                    len(found.rejected),
                    _REJECTED,
                ),
                ("notes, labels and assignments beside these rows", len(remarks), _REMARKS),
                ("acts of the custody log, each with a proof that it is in the log", extract.entries, EXTRACT_NAME),
                ("steps of the method, with what is known of their errors", len(rates), _RATES),
            ),
        ),
        head=extract.head,
    )
