"""The recipient's side: a package opened, and every promise of it checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.custody import Check, extract_checks
from headwater.errors import InputError, IntegrityError
from headwater.packages.archive import archive_files, decrypted
from headwater.packages.documents import (
    APPROVAL_NAME,
    CIPHERTEXT_NAME,
    ENVELOPE_NAME,
    EXTRACT_NAME,
    MANIFEST_NAME,
    RECORD_FOLDER,
    SEALED_FOLDER,
    SIGNATURES_NAME,
    document_from,
    envelope_signature_holds,
    package_id_of,
    sha256_hex,
    signature_holds,
    terms_fault,
)
from headwater.packages.openpgp import ciphertext_name

__all__ = ["OpenedPackage", "check_contents", "check_envelope", "folder_files", "open_package", "verify_package"]

_WITHOUT_EXTRACT = (1, 2)
_ROLES = ("author", "approver", "case")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPackage:
    """A package whose every check held.

    Attributes:
        manifest: What it is, for whom, from whom.
        approval: The second decision.
        envelope: What was written on the outside.
        files: Name to content, the signed documents among them.
    """

    manifest: Mapping[str, Any]
    approval: Mapping[str, Any]
    envelope: Mapping[str, Any]
    files: Mapping[str, bytes]


def open_package(path: Path, identity: str, *, case_public_key: bytes | None = None) -> OpenedPackage:
    """The package in a sealed folder, decrypted and checked.

    Args:
        path: The folder with `package.age` and `envelope.json`.
        identity: The recipient's age secret key.
        case_public_key: The sender's key as had over another channel, 32 bytes; without it, the signatures only show
            that the package is whole, not who made it.

    Raises:
        InputError: A file is missing, or the package is not for this identity.
        IntegrityError: A check failed; nothing of the content is returned.
    """
    sealed = folder_files(path)
    for name in (CIPHERTEXT_NAME, ENVELOPE_NAME):
        if name not in sealed:
            raise InputError(path / name, "is missing", remedy="name the folder that holds both files of the package")
    _raise_first(path, check_envelope(sealed, case_public_key=case_public_key))
    envelope = json.loads(sealed[ENVELOPE_NAME])
    files = archive_files(decrypted(sealed[CIPHERTEXT_NAME], identity))
    _raise_first(path, check_contents(files, envelope=envelope, case_public_key=case_public_key))
    return OpenedPackage(
        manifest=json.loads(files[MANIFEST_NAME]),
        approval=json.loads(files[APPROVAL_NAME]),
        envelope=envelope,
        files=files,
    )


def verify_package(path: Path, *, case_public_key: bytes | None = None) -> list[Check]:
    """Each check of a released package in the case, in a fixed order: its sealed form, its record, and that they agree.

    Args:
        path: CASE/packages/COUNTRY/PACKAGE_ID.
        case_public_key: The case's key, 32 bytes.
    """
    if not (path / SEALED_FOLDER).is_dir() or not (path / RECORD_FOLDER).is_dir():
        raise InputError(
            path, "is no released package", remedy="name CASE/packages/COUNTRY/PACKAGE_ID after its release"
        )
    sealed, record = folder_files(path / SEALED_FOLDER), folder_files(path / RECORD_FOLDER)
    checks = check_envelope(sealed, case_public_key=case_public_key)
    envelope = json.loads(sealed[ENVELOPE_NAME]) if checks[0].ok else {}
    return [*checks, *check_contents(record, envelope=envelope, case_public_key=case_public_key)]


def folder_files(path: Path) -> dict[str, bytes]:
    """Name to content of the files in a folder.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return {file.name: file.read_bytes() for file in sorted(path.iterdir())}
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}", remedy="name the folder of a package") from None


def check_envelope(sealed: Mapping[str, bytes], *, case_public_key: bytes | None = None) -> list[Check]:
    """The checks that need no key: the envelope, its signatures, and the digest of what is encrypted."""
    try:
        envelope = document_from(sealed[ENVELOPE_NAME], "headwater-envelope")
        name = ciphertext_name(str(envelope["recipient"]))
        bad_form = None if set(sealed) == {ENVELOPE_NAME, name} else "there are other files than the two"
    except (ValueError, KeyError) as error:
        return [Check(check="envelope.form", ok=False, first_bad=f"{ENVELOPE_NAME}: {error}")]
    try:
        results = (
            ("envelope.form", bad_form),
            (
                "envelope.signature",
                None if envelope_signature_holds(envelope) else "the case's signature does not hold",
            ),
            ("envelope.key", _bad_key(envelope, case_public_key)),
            ("envelope.ciphertext", _bad_ciphertext(envelope["ciphertext"], sealed, name)),
            ("envelope.signers", _bad_signatures(envelope)),
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        return [Check(check="envelope.form", ok=False, first_bad=f"{ENVELOPE_NAME}: a field is missing ({error})")]
    return [Check(check=name, ok=bad is None, first_bad=bad) for name, bad in results]


def check_contents(
    files: Mapping[str, bytes], *, envelope: Mapping[str, Any] | None = None, case_public_key: bytes | None = None
) -> list[Check]:
    """The checks of the plaintext, and that it is what the envelope names."""
    try:
        manifest = document_from(files[MANIFEST_NAME], "headwater-package")
        approval = document_from(files[APPROVAL_NAME], "headwater-approval")
        signatures = document_from(files[SIGNATURES_NAME], "headwater-signatures")
    except (ValueError, KeyError) as error:
        return [Check(check="package.form", ok=False, first_bad=f"a signed document cannot be read: {error}")]
    try:
        results = (
            ("package.form", _bad_versions(manifest, approval, signatures)),
            ("package.terms", terms_fault(manifest)),
            ("package.id", None if package_id_of(manifest) == manifest["package_id"] else "the id is of other content"),
            ("package.files", _bad_file(manifest, files)),
            ("package.digests", _bad_documents(files, manifest, approval, signatures)),
            ("package.signatures", _bad_signatures(signatures)),
            ("package.key", _bad_key(signatures, case_public_key)),
            ("package.two_people", _bad_people(manifest, approval, signatures)),
            ("package.leads", _bad_leads(manifest, approval, files)),
            ("package.envelope", _bad_envelope(manifest, signatures, envelope)),
        )
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        return [Check(check="package.form", ok=False, first_bad=f"a field is missing ({error})")]
    checks = [Check(check=name, ok=bad is None, first_bad=bad) for name, bad in results]
    if manifest["version"] in _WITHOUT_EXTRACT:
        return checks
    later = None if envelope is None else envelope.get("custody_head")
    case_key = signatures["signatures"][-1]["public_key"] if signatures["signatures"] else ""
    return [*checks, *extract_checks(files.get(EXTRACT_NAME), case_public_key=case_key, later_head=later)]


def _raise_first(path: Path, checks: list[Check]) -> None:
    for check in checks:
        if not check.ok:
            raise IntegrityError(f"{path}: {check.check}: {check.first_bad}; do not use it, and ask the sender")


def _bad_key(signed: Mapping[str, Any], case_public_key: bytes | None) -> str | None:
    found = signed["signatures"][-1]["public_key"]
    if case_public_key is not None and found != case_public_key.hex():
        return f"it was signed by the key {found}, and the case's is another"
    return None


def _bad_ciphertext(stated: Mapping[str, Any], sealed: Mapping[str, bytes], name: str) -> str | None:
    content = sealed.get(name)
    if content is None:
        return f"{name} is missing"
    expected = {"name": name, "size_bytes": len(content), "sha256": sha256_hex(content)}
    return None if stated == expected else f"{name} is not the file that was sealed"


def _bad_signatures(signed: Mapping[str, Any]) -> str | None:
    """The same three signatures stand in `signatures.json` and on the envelope."""
    entries = signed["signatures"]
    if len(entries) != len(_ROLES):
        return f"there are {len(entries)} signatures and not {len(_ROLES)}"
    people = [entries[0]["public_key"], entries[1]["public_key"]]
    if len({entry["public_key"] for entry in entries}) != len(_ROLES):
        return "two of the three signatures are by one key"
    for role, entry in zip(_ROLES, entries, strict=True):
        holds = signature_holds(
            entry,
            role=role,
            package_id=signed["package_id"],
            manifest_sha256=signed["manifest_sha256"],
            approval_sha256=None if role == "author" else signed["approval_sha256"],
            vouches_for=people if role == "case" else (),
            version=signed["version"],
        )
        if not holds:
            return f"the signature of the {role} does not hold"
    return None


def _bad_file(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> str | None:
    listed = {file["name"]: file for file in manifest["files"]}
    documents = {MANIFEST_NAME, APPROVAL_NAME, SIGNATURES_NAME}
    for name in sorted(listed.keys() | (files.keys() - documents)):
        if name not in listed:
            return f"{name}: the manifest does not name it"
        if name not in files:
            return f"{name}: it is missing"
        if sha256_hex(files[name]) != listed[name]["sha256"] or len(files[name]) != listed[name]["size_bytes"]:
            return f"{name}: it is not the file that was signed"
    return None


def _bad_documents(
    files: Mapping[str, bytes], manifest: Mapping[str, Any], approval: Mapping[str, Any], signatures: Mapping[str, Any]
) -> str | None:
    manifest_sha256, approval_sha256 = sha256_hex(files[MANIFEST_NAME]), sha256_hex(files[APPROVAL_NAME])
    if signatures["manifest_sha256"] != manifest_sha256:
        return f"{MANIFEST_NAME}: it is not the one that was signed"
    if signatures["approval_sha256"] != approval_sha256:
        return f"{APPROVAL_NAME}: it is not the one that was signed"
    if approval["manifest_sha256"] != manifest_sha256:
        return f"{APPROVAL_NAME}: it approves another manifest"
    if not manifest["package_id"] == approval["package_id"] == signatures["package_id"]:
        return "the documents are of different packages"
    return None


def _bad_people(manifest: Mapping[str, Any], approval: Mapping[str, Any], signatures: Mapping[str, Any]) -> str | None:
    author, approver = manifest["author"], approval["approver"]
    if author["public_key"] != signatures["signatures"][0]["public_key"]:
        return "the author's signature is not by the author's key"
    if approver["public_key"] != signatures["signatures"][1]["public_key"]:
        return "the approver's signature is not by the approver's key"
    if author["operator"].strip().casefold() == approver["operator"].strip().casefold():
        return "the author and the approver are one person"
    return None


def _bad_leads(manifest: Mapping[str, Any], approval: Mapping[str, Any], files: Mapping[str, bytes]) -> str | None:
    lead_ids = [lead["lead_id"] for lead in manifest["leads"]]
    written = [json.loads(line)["lead_id"] for line in files.get("leads.jsonl", b"").splitlines()]
    if written != lead_ids:
        return "leads.jsonl holds other leads than the manifest names"
    bases = {"opened", "sample"} if manifest["version"] == 1 else {"shown", "opened", "sample"}
    approved = [lead["lead_id"] for lead in approval["leads"] if lead["basis"] in bases]
    if approved != lead_ids:
        return "the approval does not cover each lead"
    return None


def _bad_versions(*documents: Mapping[str, Any]) -> str | None:
    versions = {document["version"] for document in documents}
    return None if len(versions) == 1 else "the documents are of different versions"


def _bad_envelope(
    manifest: Mapping[str, Any], signatures: Mapping[str, Any], envelope: Mapping[str, Any] | None
) -> str | None:
    if envelope is None:
        return None
    place = () if manifest["version"] == 1 else ("sequence",)
    outside = ("version", "package_id", "country", "recipient", "handling_code", *place)
    pairs = [(name, manifest[name]) for name in outside]
    pairs += [(name, signatures[name]) for name in ("manifest_sha256", "approval_sha256", "signatures")]
    for name, value in pairs:
        if envelope.get(name) != value:
            return f"the envelope states another {name}"
    return None
