"""The second person reads a draft: each lead, or a sample that is drawn and not chosen; the log knows which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from headwater.errors import InputError, IntegrityError
from headwater.packages import leads_of_record
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded

__all__ = [
    "REVIEWER_ROLE",
    "drawn_sample",
    "leads_shown",
    "package_folder",
    "require_unaltered",
    "review_draft",
    "sample_words",
]

REVIEWER_ROLE: Final = "reviewer"


def review_draft(
    case: Case, actor: Actor, package_id: str, *, lead_ids: Sequence[str] = (), sample: int | None = None
) -> list[dict[str, Any]]:
    """Leads of a draft in full, after it was recorded that this person opened them.

    Args:
        case: The case.
        actor: Who reads, in the role of a reviewer.
        package_id: From `draft_package`.
        lead_ids: These leads; with neither these nor a sample, all.
        sample: So many leads, drawn by the digests of package and lead, so that nobody chooses.

    Raises:
        InputError: There is no such draft or lead.
        IntegrityError: The draft is not what the custody log says was drafted.
    """
    case.register(actor)
    with recorded(case, "opened", actor, package=package_id):
        folder = package_folder(case, package_id) / "draft"
        if not folder.is_dir():
            raise InputError(package_id, "is no draft any more", remedy="draft a new one with 'headwater package'")
        require_unaltered(case, package_id, folder)
        leads = {str(lead["lead_id"]): lead for lead in leads_of_record(folder)}
        chosen = list(lead_ids) or (list(leads) if sample is None else drawn_sample(package_id, list(leads), sample))
        for lead_id in chosen:
            if lead_id not in leads:
                raise InputError(lead_id, "is no lead of this package", remedy="name the leads that the draft holds")
    case.record("opened", actor, object_ids=(package_id, *chosen), params={"purpose": "review", "sample": sample})
    return [leads[lead_id] for lead_id in chosen]


def drawn_sample(package_id: str, lead_ids: Sequence[str], count: int) -> list[str]:
    """So many of the leads, in their order, drawn by SHA-256 over the ids of package and lead: nobody chooses.

    >>> drawn_sample("pkg-1", ["led-1", "led-2", "led-3"], 1)
    ['led-2']
    """

    def draw(lead_id: str) -> bytes:
        return hashlib.sha256(f"{package_id} {lead_id}".encode()).digest()

    drawn = set(sorted(lead_ids, key=draw)[:count])
    return [lead_id for lead_id in lead_ids if lead_id in drawn]


def sample_words(package_id: str, lead_ids: Sequence[str], read: Sequence[str]) -> str:
    """How the leads that were read were drawn, if they were; empty if somebody chose them, or all were read."""
    count = len(set(read))
    if count in {0, len(lead_ids)} or set(drawn_sample(package_id, lead_ids, count)) != set(read):
        return ""
    return f"{count} of {len(lead_ids)} leads, those first by SHA-256 over the ids of package and lead"


def leads_shown(case: Case, package_id: str, operator: str) -> list[str]:
    """The leads of a draft that headwater showed to this person, as the custody log says."""
    shown: dict[str, None] = {}
    for entry in case.custody.entries():
        by = entry.event == "opened" and entry.role == REVIEWER_ROLE and entry.actor == operator
        if by and entry.outcome == "done" and entry.object_ids[:1] == (package_id,):
            shown |= dict.fromkeys(entry.object_ids[1:])
    return list(shown)


def package_folder(case: Case, package_id: str) -> Path:
    """Where a package lies in the case.

    Raises:
        InputError: There is none of that id.
    """
    found = [path for path in sorted((case.path / "packages").glob("*/*")) if path.name == package_id]
    if not found:
        raise InputError(package_id, "no such package in this case", remedy="draft it with 'headwater package'")
    return found[0]


def require_unaltered(case: Case, package_id: str, folder: Path) -> None:
    """Nothing, if the leads of a draft are those that the custody log says were drafted.

    Raises:
        IntegrityError: They are others.
    """
    for entry in case.custody.entries():
        if entry.event == "exported" and entry.outcome == "done" and package_id in entry.object_ids:
            found = hashlib.sha256((folder / "leads.jsonl").read_bytes()).hexdigest()
            if entry.output_digests.get("leads.jsonl") == found:
                return
    raise IntegrityError(f"{package_id}: the draft is not what was recorded; find out who changed it, and draft again")
