"""Packages: one operator drafts, another releases; the custody log knows both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headwater import packages
from headwater.custody import load_case_key, load_operator_key
from headwater.errors import InputError, RefusedError
from headwater.judgements import snapshot
from headwater.money_view import money_pages
from headwater.packages import CaseInfo, Release
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded
from headwater.workflow.unlogged import interrupted_release

__all__ = ["draft_package", "release_package"]


def draft_package(
    case: Case,
    actor: Actor,
    *,
    country: str,
    recipient: str,
    handling_code: str,
    legal_basis: str,
    onward_transfer: str,
) -> dict[str, object]:
    """A drafted package: its id, country, leads, files and folder.

    Args:
        case: The case.
        actor: Who drafts.
        country: ISO 3166-1 alpha-2.
        recipient: The country's age public key, or a file that holds it.
        handling_code: Shown on every page.
        legal_basis: What the transfer rests on.
        onward_transfer: Whether and how it may be passed on.

    Raises:
        InputError: The key or country is malformed, or there is nothing for that country.
        RefusedError: A name in it rests on one person's judgement.
    """
    case.register(actor)
    with recorded(case, "exported", actor, country=country), case.tables() as tables:
        drafted = packages.draft(
            tables,
            country=country,
            recipient_key=_recipient_key(recipient),
            author=actor.name,
            why=actor.justification,
            case_info=CaseInfo(
                case_id=case.case_id,
                authority_ref=case.settings.authority_ref,
                purpose=case.settings.purpose,
                legal_basis=legal_basis,
                handling_code=handling_code,
                onward_transfer=onward_transfer,
            ),
            out_dir=case.path / "packages",
            signing_key=load_operator_key(case.path, actor.name),
            clock=case.clock,
            money=lambda contents: money_pages(tables, country, contents),
            custody_head=case.custody.head(),
        )
    case.record(
        "exported",
        actor,
        object_ids=(drafted.package_id, *drafted.lead_ids),
        params={"country": country, "recipient": _recipient_key(recipient)},
        recipient=f"nobody yet: a draft for {country}",
        outputs={"manifest.json": drafted.manifest_sha256, **drafted.file_digests},
    )
    return {
        "package_id": drafted.package_id,
        "country": country,
        "leads": len(drafted.lead_ids),
        "files": len(drafted.file_digests),
        "folder": str(drafted.folder),
    }


def release_package(
    case: Case, actor: Actor, package_id: str, *, why: str, leads_opened: Sequence[str], all_opened: bool, sample: str
) -> dict[str, object]:
    """A released package: its id, country and the folder to send.

    Args:
        case: The case.
        actor: Who releases; never who drafted.
        package_id: From `draft_package`.
        why: The approver's reason.
        leads_opened: Leads that the approver looked at in full.
        all_opened: The approver looked at every lead of it.
        sample: How the approver chose, where not all were looked at.

    Raises:
        RefusedError: The approver is the author, or looked at nothing, or a name in it no longer rests on two people's
            judgements.
        InputError: There is no such package.
    """
    case.register(actor)
    with recorded(case, "transferred", actor, package=package_id):
        folder = _folder_of(case, package_id)
        interrupted = interrupted_release(case, actor, folder)
    if interrupted is not None:
        return _recorded_release(case, actor, interrupted.release, interrupted.leads_opened, interrupted.sample)
    with recorded(case, "transferred", actor, package=package_id):
        # Again, because a judgement may have been taken back since it was drafted.
        packages.check_names(packages.package_leads(folder), snapshot(case.judgements()).to_pylist())
        if all_opened:
            leads_opened = _leads_in(case, package_id)
        # Before anything is sealed, so that a crash afterwards leaves no sealed package that the log does not know.
        case.record(
            "opened",
            actor,
            object_ids=(package_id, *leads_opened),
            params={"purpose": "release", "sample": sample},
            inputs={"custody_root": case.custody.head().root},
        )
        released = packages.release(
            folder,
            approver=actor.name,
            why=why,
            approver_key=load_operator_key(case.path, actor.name),
            case_key=load_case_key(case.path),
            clock=case.clock,
            leads_opened=tuple(leads_opened),
            sample=sample,
            custody_head=case.custody.head(),
        )
    return _recorded_release(case, actor, released, leads_opened, sample)


def _recorded_release(
    case: Case, actor: Actor, released: Release, leads_opened: Sequence[str], sample: str
) -> dict[str, object]:
    case.record(
        "transferred",
        actor,
        object_ids=(released.package_id, *released.lead_ids),
        params={"country": released.country, "leads_opened": list(leads_opened), "sample": sample},
        recipient=f"{released.country}, {released.recipient}",
        inputs=released.input_digests,
        outputs=released.output_digests,
    )
    return {
        "package_id": released.package_id,
        "country": released.country,
        "leads": len(released.lead_ids),
        "folder": str(released.sealed_folder),
    }


def _recipient_key(text: str) -> str:
    """The key itself, or the first line of the file that the text names which is no comment."""
    if text.startswith("age1"):
        return text
    path = Path(text)
    if not path.is_file():
        raise InputError(text, "neither an age public key nor a file with one", remedy="ask the country for its key")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")


def _folder_of(case: Case, package_id: str) -> Path:
    found = [path for path in sorted((case.path / "packages").glob("*/*")) if path.name == package_id]
    if not found:
        raise InputError(package_id, "no such package in this case", remedy="draft it with 'headwater package'")
    return found[0]


def _leads_in(case: Case, package_id: str) -> list[str]:
    """The leads that the custody log says were drafted into the package."""
    for entry in case.custody.entries():
        if entry.event == "exported" and entry.outcome == "done" and package_id in entry.object_ids:
            return [name for name in entry.object_ids if name.startswith("led-")]
    raise RefusedError(f"{package_id}: the custody log does not know this draft; draft it again")
