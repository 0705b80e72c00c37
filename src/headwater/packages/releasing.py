"""A second person lets a package go: sign, name the recipient, encrypt, and write what was decided."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import Clock, Head, raw_public_key, utc_text
from headwater.errors import InputError, IntegrityError, RefusedError
from headwater.packages.archive import archive_bytes
from headwater.packages.differences import recalled_leads
from headwater.packages.documents import (
    APPROVAL_NAME,
    DRAFT_FOLDER,
    ENVELOPE_NAME,
    FORMAT_VERSION,
    MANIFEST_NAME,
    RECORD_FOLDER,
    SEALED_FOLDER,
    SIGNATURES_NAME,
    document_from,
    envelope_bytes,
    package_id_of,
    sha256_hex,
    signature_entry,
    signature_holds,
)
from headwater.packages.drafting import signatures_bytes
from headwater.packages.guards import check_no_media
from headwater.packages.naming import check_names, package_leads
from headwater.packages.opened import check_contents, folder_files
from headwater.packages.openpgp import ciphertext_name, sealed_for
from headwater.packages.placing import write_folder
from headwater.packages.sent import next_place, sent_documents
from headwater.schema import canonical_json

__all__ = ["DraftCheck", "LeadDecision", "Release", "draft_checks", "draft_documents", "lead_decisions", "release"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A package that may be sent.

    Attributes:
        package_id: Digest of its content.
        country: For whom.
        recipient: Their age public key.
        sealed_folder: The folder to send.
        lead_ids: The leads in it.
        input_digests: Name to SHA-256 of what was released, for the custody log.
        output_digests: Name to SHA-256 of what is to be sent, for the custody log.
    """

    package_id: str
    country: str
    recipient: str
    sealed_folder: Path
    lead_ids: tuple[str, ...]
    input_digests: Mapping[str, str]
    output_digests: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadDecision:
    """One person's decision that a lead may leave.

    Attributes:
        package_id: In which package.
        lead_id: The lead.
        role: author or approver.
        operator: Who decided.
        at_utc: When, as the document writes it.
        why: The reason given.
        basis: drafted, shown, opened or sample.
    """

    package_id: str
    lead_id: str
    role: str
    operator: str
    at_utc: str
    why: str
    basis: str


def release(
    package_dir: Path,
    *,
    approver: str,
    why: str,
    approver_key: Ed25519PrivateKey,
    case_key: Ed25519PrivateKey,
    clock: Clock,
    leads_opened: Sequence[str] = (),
    leads_shown: Sequence[str] = (),
    sample: str = "",
    custody_head: Head | None = None,
) -> Release:
    """The package, signed by a second person and encrypted to its recipient.

    Args:
        package_dir: CASE/packages/COUNTRY/PACKAGE_ID, as `draft` made it.
        approver: The operator who releases; never the author.
        why: The approver's reason.
        approver_key: The approver's own key.
        case_key: The case's key, which vouches that the two keys are those of two operators.
        clock: Called once.
        leads_opened: Ids of the leads that the approver says they looked at in full.
        leads_shown: Ids of those that headwater showed to the approver, as the custody log says.
        sample: How the approver chose which to look at, where not all were.
        custody_head: The custody log's head; the envelope carries it, so the recipient is a witness to the log.

    Raises:
        RefusedError: The approver is the author, the approval does not cover every lead, it was released before, or
            something else was sent to the recipient since it was drafted.
        InputError: There is no draft, or an id is of no lead in it.
        IntegrityError: The draft was altered after its author signed it.
    """
    files, manifest, author_signature = _signed_draft(package_dir)
    lead_ids = [lead["lead_id"] for lead in manifest["leads"]]
    _check_place(package_dir, manifest)
    _check_approval(manifest, lead_ids, approver, why, approver_key, case_key, [*leads_opened, *leads_shown], sample)
    package_id, manifest_sha256 = manifest["package_id"], sha256_hex(files[MANIFEST_NAME])
    released_at_utc = utc_text(clock())
    bases = {**dict.fromkeys(leads_opened, "opened"), **dict.fromkeys(leads_shown, "shown")}
    approver_public_key = raw_public_key(approver_key.public_key()).hex()
    approval = canonical_json(
        {
            "format": "headwater-approval",
            "version": FORMAT_VERSION,
            "package_id": package_id,
            "manifest_sha256": manifest_sha256,
            "approver": {"operator": approver, "public_key": approver_public_key},
            "decisions": [{"role": "approver", "operator": approver, "at_utc": released_at_utc, "why": why}],
            "leads": [{"lead_id": lead, "basis": bases.get(lead, "sample")} for lead in lead_ids],
            "sample": sample,
        },
    )
    signed: dict[str, Any] = {
        "package_id": package_id,
        "manifest_sha256": manifest_sha256,
        "approval_sha256": sha256_hex(approval),
    }
    signatures = [
        author_signature,
        signature_entry(approver_key, role="approver", **signed),
        signature_entry(
            case_key, role="case", vouches_for=[author_signature["public_key"], approver_public_key], **signed
        ),
    ]
    signatures_content = signatures_bytes(package_id, manifest_sha256, sha256_hex(approval), signatures)
    record = {**files, APPROVAL_NAME: approval, SIGNATURES_NAME: signatures_content}
    check_no_media(record)
    for check in check_contents(record):
        if not check.ok:
            raise IntegrityError(f"{package_dir}: {check.check}: {check.first_bad}; draft it again")
    archive = archive_bytes(record)
    ciphertext = sealed_for(archive, manifest["recipient"], manifest.get("certificate", ""))
    sealed_name = ciphertext_name(manifest["recipient"])
    envelope = envelope_bytes(
        {
            "format": "headwater-envelope",
            "version": FORMAT_VERSION,
            **signed,
            **{name: manifest[name] for name in ("country", "recipient", "handling_code", "sequence")},
            "ciphertext": {
                "name": sealed_name,
                "size_bytes": len(ciphertext),
                "sha256": sha256_hex(ciphertext),
            },
            "released_at_utc": released_at_utc,
            "custody_head": {"entries": custody_head.entries, "root": custody_head.root} if custody_head else None,
            "signatures": signatures,
        },
        case_key,
    )
    # The record first: nothing is ever ready to be sent that the case could not show afterwards.
    write_folder(package_dir / RECORD_FOLDER, record)
    write_folder(package_dir / SEALED_FOLDER, {sealed_name: ciphertext, ENVELOPE_NAME: envelope})
    shutil.rmtree(package_dir / DRAFT_FOLDER)
    return Release(
        package_id=package_id,
        country=manifest["country"],
        recipient=manifest["recipient"],
        sealed_folder=package_dir / SEALED_FOLDER,
        lead_ids=tuple(lead_ids),
        input_digests={"manifest": manifest_sha256, "approval": sha256_hex(approval), "archive": sha256_hex(archive)},
        output_digests={"envelope": sha256_hex(envelope), "package": sha256_hex(ciphertext)},
    )


def lead_decisions(packages_dir: Path) -> Iterator[LeadDecision]:
    """Both decisions on each lead of each released package, ordered by country, package, role and lead.

    Raises:
        IntegrityError: A document of a record is not as headwater writes it.
    """
    for record in sorted(packages_dir.glob(f"*/*/{RECORD_FOLDER}")):
        if not (record.parent / SEALED_FOLDER).is_dir():
            continue  # a crash came before the release was done; nothing left
        try:
            manifest = document_from((record / MANIFEST_NAME).read_bytes(), "headwater-package")
            approval = document_from((record / APPROVAL_NAME).read_bytes(), "headwater-approval")
        except (OSError, ValueError) as error:
            raise IntegrityError(f"{record}: the record of a release cannot be read: {error}") from None
        drafted = [(lead["lead_id"], "drafted") for lead in manifest["leads"]]
        approved = [(lead["lead_id"], lead["basis"]) for lead in approval["leads"]]
        for document, leads in ((manifest, drafted), (approval, approved)):
            decision = document["decisions"][0]
            for lead_id, basis in leads:
                yield LeadDecision(package_id=manifest["package_id"], lead_id=lead_id, basis=basis, **decision)


def _signed_draft(package_dir: Path) -> tuple[dict[str, bytes], dict[str, Any], dict[str, str]]:
    """The draft's files, its manifest and its author's signature, after checking that they belong together."""
    if (package_dir / SEALED_FOLDER).exists():
        raise RefusedError(f"{package_dir}: this package was released before; draft a new one")
    shutil.rmtree(package_dir / RECORD_FOLDER, ignore_errors=True)  # of a release that a crash cut short
    if not (package_dir / DRAFT_FOLDER / MANIFEST_NAME).is_file():
        raise InputError(package_dir, "there is no draft here", remedy="name CASE/packages/COUNTRY/PACKAGE_ID")
    files = folder_files(package_dir / DRAFT_FOLDER)
    try:
        manifest = document_from(files[MANIFEST_NAME], "headwater-package")
        signatures = document_from(files.pop(SIGNATURES_NAME), "headwater-signatures")
        entry = signatures["signatures"][0]
        holds = signature_holds(
            entry,
            role="author",
            package_id=manifest["package_id"],
            manifest_sha256=sha256_hex(files[MANIFEST_NAME]),
            approval_sha256=None,
        )
        same = holds and entry["public_key"] == manifest["author"]["public_key"]
        same = same and package_id_of(manifest) == manifest["package_id"] == package_dir.name
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise IntegrityError(f"{package_dir}: the draft cannot be read: {error}; draft it again") from None
    if not same:
        raise IntegrityError(f"{package_dir}: the draft is not what its author signed; find out who changed it")
    return files, manifest, entry


def _check_place(package_dir: Path, manifest: Mapping[str, Any]) -> None:
    """The draft is still the next thing that its recipient gets, and none of its leads was recalled since."""
    sent = sent_documents(package_dir.parent.parent)
    if manifest["version"] != FORMAT_VERSION or manifest["sequence"] != next_place(sent, manifest["recipient"]):
        reason = "something was released to this recipient since it was drafted"
        raise RefusedError(f"{manifest['package_id']}: {reason}; draft it again")
    recalled = recalled_leads(sent, after_utc=manifest["drafted_at_utc"])
    for lead in manifest["leads"]:
        if lead["lead_id"] in recalled:
            raise RefusedError(f"{manifest['package_id']}: {lead['lead_id']} was recalled since; draft it again")


def _check_approval(
    manifest: Mapping[str, Any],
    lead_ids: Sequence[str],
    approver: str,
    why: str,
    approver_key: Ed25519PrivateKey,
    case_key: Ed25519PrivateKey,
    leads_opened: Sequence[str],
    sample: str,
) -> None:
    author = manifest["author"]
    public_key = raw_public_key(approver_key.public_key()).hex()
    if not approver.strip() or not why.strip():
        raise InputError("release", "the approver or the reason is empty", remedy="say who releases it, and why")
    if public_key == author["public_key"]:
        approver = author["operator"]
    require_second(manifest, approver)
    if raw_public_key(case_key.public_key()).hex() in {public_key, author["public_key"]}:
        raise RefusedError(f"{manifest['package_id']}: an operator signs with a key of their own, not with the case's")
    unknown = sorted(set(leads_opened) - set(lead_ids))
    if unknown:
        raise InputError(unknown[0], "is no lead of this package", remedy="name the leads that you opened")
    require_opened(manifest, lead_ids, leads_opened, sample)


def require_second(manifest: Mapping[str, Any], approver: str) -> None:
    """Nothing, if somebody else than the author approves.

    Raises:
        RefusedError: It is the author, however the name was typed.
    """
    if approver.strip().casefold() == manifest["author"]["operator"].strip().casefold():
        raise RefusedError(f"{manifest['package_id']}: its author may not release it; a second operator must")


def require_opened(
    manifest: Mapping[str, Any], lead_ids: Sequence[str], leads_opened: Sequence[str], sample: str
) -> None:
    """Nothing, if every lead was opened, or some were and it is said how they were chosen.

    Raises:
        RefusedError: Some were not, and no sample is stated; or none was.
    """
    missing = [lead for lead in lead_ids if lead not in set(leads_opened)]
    if missing and not sample.strip():
        unopened = f"{len(missing)} of {len(lead_ids)} leads were not opened"
        raise RefusedError(f"{manifest['package_id']}: {unopened}; open them, or state the sample")
    if lead_ids and not leads_opened:
        raise RefusedError(f"{manifest['package_id']}: no lead was opened; open at least those of your sample")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCheck:
    """One of the checks that a release makes, made before it.

    Attributes:
        check: signed, place, names, media, second_person or opened.
        fault: What is wrong and what to do; empty if nothing.
    """

    check: str
    fault: str = ""


def draft_documents(package_dir: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a draft and its manifest, as its author signed them.

    Raises:
        InputError: There is no draft.
        IntegrityError: It is not what its author signed.
    """
    files, manifest, _ = _signed_draft(package_dir)
    return files, manifest


def draft_checks(
    package_dir: Path,
    judgements: Sequence[Mapping[str, Any]],
    *,
    approver: str,
    leads_opened: Sequence[str],
    sample: str,
) -> list[DraftCheck]:
    """The checks that a release by this person would make now, each with what is wrong.

    Args:
        package_dir: CASE/packages/COUNTRY/PACKAGE_ID.
        judgements: Rows of the table `judgements`.
        approver: Who would release it.
        leads_opened: The leads that this person opened.
        sample: How they were chosen, where not all were.
    """
    try:
        files, manifest = draft_documents(package_dir)
    except IntegrityError as error:
        return [DraftCheck(check="signed", fault=str(error))]
    lead_ids = [lead["lead_id"] for lead in manifest["leads"]]
    acts: tuple[tuple[str, Callable[[], None]], ...] = (
        ("place", lambda: _check_place(package_dir, manifest)),
        ("names", lambda: check_names(package_leads(package_dir), judgements)),
        ("media", lambda: check_no_media(files)),
        ("second_person", lambda: require_second(manifest, approver)),
        ("opened", lambda: require_opened(manifest, lead_ids, leads_opened, sample)),
    )
    found = [DraftCheck(check="signed")]
    for name, act in acts:
        try:
            act()
        except (RefusedError, IntegrityError) as error:
            found.append(DraftCheck(check=name, fault=str(error)))
        else:
            found.append(DraftCheck(check=name))
    return found
