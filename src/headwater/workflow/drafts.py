"""Drafts as whoever releases them reads them: for whom, what is in them, what was withheld, what a release checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headwater.errors import InputError, IntegrityError, RefusedError
from headwater.judgements import snapshot
from headwater.packages import DraftCheck, draft_checks, draft_documents, leads_of_record
from headwater.workflow.case import Case
from headwater.workflow.review import leads_shown, package_folder, require_unaltered, sample_words

__all__ = ["checked_draft", "draft_list", "draft_told", "key_groups", "sealed_file"]

_DRAFT = "draft"
_SEALED = "sealed"
_TERMS = ("purpose", "legal_basis", "handling_code", "onward_transfer")


def draft_list(case: Case) -> list[dict[str, Any]]:
    """One row for each draft that nobody has released, by country and number.

    Raises:
        IntegrityError: A draft is not what its author signed.
    """
    folders = sorted((case.path / "packages").glob(f"*/*/{_DRAFT}"))
    # A crash during a release may leave the draft beside what was sealed.
    waiting = [folder.parent for folder in folders if not (folder.parent / _SEALED).is_dir()]
    rows = [_row(draft_documents(folder)[1]) for folder in waiting]
    return sorted(rows, key=lambda row: (row["country"], row["number"], row["package_id"]))


def draft_told(case: Case, package_id: str) -> dict[str, Any]:
    """A draft as text: recipient, terms, files, leads in short, what is withheld, and what changed since the last one.

    Raises:
        InputError: There is no such draft.
        IntegrityError: It is not what its author signed.
    """
    folder = _draft_folder(case, package_id)
    files, manifest = draft_documents(folder)
    return {
        **_row(manifest),
        "terms": {name: manifest[name] for name in _TERMS},
        "files": [
            {**{name: file[name] for name in ("name", "about", "sha256")}, "size_bytes": len(files[file["name"]])}
            for file in manifest["files"]
        ],
        "leads": [_lead(lead) for lead in leads_of_record(folder / _DRAFT)],
        "withheld": manifest["withheld"],
        "changes": manifest["changes"],
        "changed": [json.loads(line) for line in files["changes.jsonl"].splitlines()],
    }


def checked_draft(case: Case, package_id: str, operator: str) -> dict[str, Any]:
    """What a release by this person would check now, and which leads they opened.

    Raises:
        InputError: There is no such draft.
    """
    folder = _draft_folder(case, package_id)
    lead_ids = [str(lead["lead_id"]) for lead in leads_of_record(folder / _DRAFT)]
    shown = [lead for lead in leads_shown(case, package_id, operator) if lead in lead_ids]
    sample = sample_words(package_id, lead_ids, shown)
    judgements = snapshot(case.judgements()).to_pylist()
    checks = draft_checks(folder, judgements, approver=operator, leads_opened=shown, sample=sample)
    try:
        require_unaltered(case, package_id, folder / _DRAFT)
        logged = DraftCheck(check="logged")
    except (IntegrityError, RefusedError) as error:
        logged = DraftCheck(check="logged", fault=str(error))
    return {
        "checks": [{"check": check.check, "fault": check.fault} for check in (logged, *checks)],
        "shown": shown,
        "sample": sample,
        "leads": lead_ids,
    }


def key_groups(key: str) -> str:
    """A key in groups of four, as two people read it to each other.

    >>> key_groups("age1qxyz")
    'age1 qxyz'
    """
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def sealed_file(case: Case, package_id: str, name: str) -> tuple[str, bytes]:
    """Name and content of a file to send: the envelope, or the sealed package beside it.

    Args:
        case: The case.
        package_id: A released package, or a recall notice.
        name: envelope or sealed.

    Raises:
        InputError: There is none such.
    """
    folders = sorted((case.path / "packages").glob(f"*/{package_id}/{_SEALED}"))
    folders += sorted((case.path / "packages").glob(f"*/recalls/{package_id}/{_SEALED}"))
    for folder in folders if package_id.isascii() and package_id.replace("-", "").isalnum() else ():
        for path in sorted(folder.iterdir()):
            if (path.suffix == ".json") == (name == "envelope"):
                return path.name, path.read_bytes()
    raise InputError(package_id, "was not released", remedy="see 'headwater sent CASE'")


def _draft_folder(case: Case, package_id: str) -> Path:
    folder = package_folder(case, package_id)
    if not (folder / _DRAFT).is_dir():
        raise InputError(package_id, "is no draft any more", remedy="draft a new one with 'headwater package'")
    return folder


def _row(manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        "package_id": manifest["package_id"],
        "country": manifest["country"],
        "recipient": manifest["recipient"],
        "key": key_groups(manifest["recipient"]),
        "number": manifest["sequence"]["number"],
        "author": manifest["author"]["operator"],
        "drafted_at_utc": manifest["drafted_at_utc"],
        "why": manifest["decisions"][0]["why"],
        "lead_count": len(manifest["leads"]),
    }


def _lead(lead: dict[str, Any]) -> dict[str, Any]:
    return {
        "lead_id": lead["lead_id"],
        "rank": lead["rank"],
        "risk_tier": lead["risk_tier"],
        "because": [rule["because"] for rule in lead["rules_fired"]],
        "against": len(lead["contrary"]),
        "named": lead["named_record_id"],
    }
