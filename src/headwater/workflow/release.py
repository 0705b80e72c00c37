"""Packages: one operator drafts, another releases; the custody log knows both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headwater import __version__, packages
from headwater.custody import load_case_key, load_operator_key
from headwater.errors import InputError, RefusedError
from headwater.judgements import snapshot
from headwater.money_view import money_pages
from headwater.packages import CaseInfo, CaseRecord
from headwater.viewer import packaged_lists
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded
from headwater.workflow.review import leads_shown, package_folder, sample_words
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
    reissue: Sequence[str] = (),
) -> dict[str, object]:
    """A drafted package: its id, country, leads, files, folder, and what is different from the last one.

    Args:
        case: The case.
        actor: Who drafts.
        country: ISO 3166-1 alpha-2.
        recipient: The country's age public key, or a file that holds it or an OpenPGP certificate.
        handling_code: Shown on every page.
        legal_basis: What the transfer rests on.
        onward_transfer: Whether and how it may be passed on.
        reissue: Leads that were recalled and are to be sent again.

    Raises:
        InputError: The key or country is malformed, or there is nothing for that country.
        RefusedError: A name in it rests on one person's judgement.
    """
    case.register(actor)

    def in_the_log(drafted: packages.Draft) -> None:
        case.record(
            "exported",
            actor,
            object_ids=(drafted.package_id, *drafted.lead_ids),
            params={"country": country, "recipient": drafted.recipient, "reissue": sorted(reissue)},
            recipient=f"nobody yet: a draft for {country}",
            outputs={"manifest.json": drafted.manifest_sha256, **drafted.file_digests},
        )

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
                answer_to=packages.create_age_identity(case.path),
            ),
            out_dir=case.path / "packages",
            signing_key=load_operator_key(case.path, actor.name),
            clock=case.clock,
            money=lambda contents: money_pages(tables, country, contents),
            hash_lists=lambda contents: packaged_lists(
                tables,
                contents,
                case_id=case.case_id,
                case_number=case.settings.authority_ref,
                version=__version__,
            ),
            announced=in_the_log,
            record=CaseRecord(case_dir=case.path, subject_keys=case.custody.subject_keys, judgements=case.judgements()),
            reissue=tuple(reissue),
        )
    return {
        "package_id": drafted.package_id,
        "country": country,
        "leads": len(drafted.lead_ids),
        "files": len(drafted.file_digests),
        "folder": str(drafted.folder),
        "number": drafted.number,
        **drafted.since.summary(),
        "changed_leads": [_change_row(change) for change in drafted.since.changes],
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
        folder = package_folder(case, package_id)
        interrupted = interrupted_release(case, actor, folder)
    if interrupted is not None:
        return _recorded_release(case, actor, interrupted)
    with recorded(case, "transferred", actor, package=package_id):
        # Again, because a judgement may have been taken back since it was drafted.
        packages.check_names(packages.package_leads(folder), snapshot(case.judgements()).to_pylist())
        in_draft = _leads_in(case, package_id)
        if all_opened:
            leads_opened = in_draft
        shown = leads_shown(case, package_id, actor.name)
        sample = sample.strip() or sample_words(package_id, in_draft, [*leads_opened, *shown])
        # Before anything is sealed, so that a crash afterwards leaves no sealed package that the log does not know.
        case.record(
            "opened",
            actor,
            object_ids=(package_id, *dict.fromkeys([*leads_opened, *shown])),
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
            leads_shown=tuple(shown),
            sample=sample,
            custody_head=case.custody.head(),
        )
    return _recorded_release(
        case,
        actor,
        packages.Released(
            release=released,
            approver=actor.name,
            leads_opened=tuple(leads_opened),
            leads_shown=tuple(shown),
            sample=sample,
        ),
    )


def _recorded_release(case: Case, actor: Actor, decided: packages.Released) -> dict[str, object]:
    released = decided.release
    case.record(
        "transferred",
        actor,
        object_ids=(released.package_id, *released.lead_ids),
        params={
            "country": released.country,
            "leads_opened": list(decided.leads_opened),
            "shown": list(decided.leads_shown),
            "sample": decided.sample,
        },
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


def _change_row(change: packages.LeadChange) -> dict[str, Any]:
    """One lead that is not as it was, for whoever drafts."""
    fields = [
        {"field": one.field, "added": len(one.added), "removed": len(one.removed)}
        if one.added or one.removed
        else {"field": one.field, "before": one.before, "after": one.after}
        for one in change.fields
    ]
    return {"lead_id": change.lead_id, "state": change.state, "fields": fields}


def _recipient_key(text: str) -> str:
    """The key itself; or what the named file holds: an OpenPGP certificate, or the first line that is no comment."""
    if text.startswith("age1"):
        return text
    path = Path(text)
    if not path.is_file():
        raise InputError(text, "neither an age public key nor a file with one", remedy="ask the country for its key")
    content = path.read_text(encoding="utf-8", errors="replace")
    if content.lstrip().startswith("-----BEGIN PGP"):
        return content
    lines = content.splitlines()
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")


def _leads_in(case: Case, package_id: str) -> list[str]:
    """The leads that the custody log says were drafted into the package."""
    for entry in case.custody.entries():
        if entry.event == "exported" and entry.outcome == "done" and package_id in entry.object_ids:
            return [name for name in entry.object_ids if name.startswith("led-")]
    raise RefusedError(f"{package_id}: the custody log does not know this draft; draft it again")
