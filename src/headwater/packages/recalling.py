"""A sent lead or package taken back: a signed, sealed notice for every recipient who was sent it (docs/adr/0040)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater import __version__
from headwater.custody import Check, Clock, Head, program_sha256, raw_public_key, signed_document, signed_from, utc_text
from headwater.errors import InputError, IntegrityError, RefusedError
from headwater.packages.archive import decrypted
from headwater.packages.documents import (
    ENVELOPE_NAME,
    MANIFEST_NAME,
    RECORD_FOLDER,
    SEALED_FOLDER,
    place_is_known,
    sha256_hex,
)
from headwater.packages.guards import check_no_media
from headwater.packages.opened import folder_files
from headwater.packages.openpgp import ciphertext_name, sealed_for
from headwater.packages.placing import write_folder
from headwater.packages.sent import RECALL_NAME, RECALLS_FOLDER, Sent, next_place, sent_documents
from headwater.schema import canonical_json, content_id

__all__ = [
    "RECALL_CIPHERTEXT",
    "OpenedRecall",
    "Recall",
    "open_recall",
    "recall_checks",
    "recall_notices",
    "verify_recall",
    "write_recall",
]

RECALL_CIPHERTEXT: Final = "recall.age"
_FORMAT, _ENVELOPE = "headwater-recall", "headwater-recall-envelope"
_ROLES, _ENVELOPE_ROLES = ("operator", "case"), ("case",)
_WHAT_TO_DO: Final = (
    "Stop acting on what is recalled, mark it in every copy and system that holds it, tell everybody to whom it was "
    "passed on, and answer with a receipt."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """A notice for one recipient, signed and not yet written.

    Attributes:
        recall_id: Digest of its content.
        country: For whom.
        recipient: Their age public key.
        scope: lead, where the lead is wrong wherever it was sent; package, where this package is.
        lead_ids: The leads that are recalled.
        package_ids: The packages in which they were sent.
        content: The notice.
        folder: Where it will lie.
    """

    recall_id: str
    country: str
    recipient: str
    scope: str
    lead_ids: tuple[str, ...]
    package_ids: tuple[str, ...]
    content: bytes
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecall:
    """A notice whose every check held.

    Attributes:
        notice: What is recalled, and why.
        envelope: What was written on the outside.
        content: The notice as it was signed.
    """

    notice: Mapping[str, Any]
    envelope: Mapping[str, Any]
    content: bytes


def recall_notices(
    packages_dir: Path,
    ids: Sequence[str],
    *,
    operator: str,
    why: str,
    operator_key: Ed25519PrivateKey,
    case_key: Ed25519PrivateKey,
    clock: Clock,
) -> list[Recall]:
    """The notices that taking these leads or packages back needs, one for each recipient and kind.

    Args:
        packages_dir: The case's folder of packages.
        ids: Ids of leads, or of packages.
        operator: Who recalls.
        why: The reason, as the recipients read it.
        operator_key: The operator's own key.
        case_key: The case's key.
        clock: Called once.

    Raises:
        InputError: One was never sent, or nothing is named.
        RefusedError: One was recalled from everybody already.
    """
    if not ids or not operator.strip() or not why.strip():
        raise InputError("recall", "what, who or why is empty", remedy="name leads or packages, and say why")
    sent = sent_documents(packages_dir)
    wanted: dict[tuple[str, str, str], list[Sent]] = {}
    for one in sorted(set(ids)):
        holding = [s for s in sent if s.kind == "package" and one in {s.sent_id, *s.lead_ids}]
        if not holding:
            raise InputError(one, "was not sent to anybody", remedy="name a lead or a package that was released")
        standing = [package for package in holding if not _taken_back(sent, package, one)]
        if not standing:
            raise RefusedError(f"{one}: it was recalled already from everybody who was sent it")
        for package in standing:
            scope = "package" if one == package.sent_id else "lead"
            wanted.setdefault((package.country, package.recipient, scope), []).append(package)
    at_utc = utc_text(clock())
    notices: list[Recall] = []
    for (country, recipient, scope), packages in sorted(wanted.items()):
        held = {lead for package in packages for lead in package.lead_ids}
        named = set(ids)
        place = next_place([*sent, *(_as_sent(notice) for notice in notices)], recipient)
        # One reason and the ids are all that leaves; who is sent it holds the rest.
        body = {
            "format": _FORMAT,
            "version": 1,
            **{name: _last_manifest(packages)[name] for name in ("case", "handling_code")},
            "country": country,
            "recipient": recipient,
            **_certificate(_last_manifest(packages)),
            "sequence": place,
            "scope": scope,
            "packages": sorted({package.sent_id for package in packages}),
            "leads": sorted(held if scope == "package" else held & named),
            "why": why,
            "what_to_do": _WHAT_TO_DO,
            "recalled_by": {"operator": operator, "public_key": raw_public_key(operator_key.public_key()).hex()},
            "recalled_at_utc": at_utc,
            "tool": "headwater",
            "tool_version": __version__,
            "tool_sha256": program_sha256(),
        }
        recall_id = content_id("rcl", canonical_json(body))
        content = signed_document({**body, "recall_id": recall_id}, [("operator", operator_key), ("case", case_key)])
        check_no_media({RECALL_NAME: content}, leaving="recall notice")
        notices.append(
            Recall(
                recall_id=recall_id,
                country=country,
                recipient=recipient,
                scope=scope,
                lead_ids=tuple(body["leads"]),
                package_ids=tuple(body["packages"]),
                content=content,
                folder=packages_dir / country / RECALLS_FOLDER / recall_id,
            )
        )
    return notices


def write_recall(
    notice: Recall, *, case_key: Ed25519PrivateKey, clock: Clock, custody_head: Head | None
) -> dict[str, str]:
    """Name to SHA-256 of what is to be sent, once the notice lies in the case, its sealed form beside its record.

    Args:
        notice: From `recall_notices`.
        case_key: The case's key.
        clock: Called once.
        custody_head: The custody log's head; the envelope carries it.
    """
    document = json.loads(notice.content)
    ciphertext = sealed_for(notice.content, notice.recipient, document.get("certificate", ""))
    sealed_name = ciphertext_name(notice.recipient, "recall")
    envelope = signed_document(
        {
            "format": _ENVELOPE,
            "version": 1,
            **{name: document[name] for name in ("recall_id", "country", "recipient", "handling_code", "sequence")},
            "recall_sha256": sha256_hex(notice.content),
            "ciphertext": {
                "name": sealed_name,
                "size_bytes": len(ciphertext),
                "sha256": sha256_hex(ciphertext),
            },
            "released_at_utc": utc_text(clock()),
            "custody_head": {"entries": custody_head.entries, "root": custody_head.root} if custody_head else None,
        },
        [("case", case_key)],
    )
    write_folder(notice.folder / RECORD_FOLDER, {RECALL_NAME: notice.content})
    write_folder(notice.folder / SEALED_FOLDER, {sealed_name: ciphertext, ENVELOPE_NAME: envelope})
    return {"notice": sha256_hex(notice.content), "envelope": sha256_hex(envelope), "sealed": sha256_hex(ciphertext)}


def open_recall(path: Path, identity: str, *, case_public_key: bytes | None = None) -> OpenedRecall:
    """The notice in a sealed folder, decrypted and checked.

    Args:
        path: The folder with `recall.age` and `envelope.json`.
        identity: The recipient's age secret key.
        case_public_key: The sender's key as had over another channel, 32 bytes.

    Raises:
        InputError: A file is missing, or it is not for this identity.
        IntegrityError: A check failed; nothing of the content is returned.
    """
    sealed = folder_files(path)
    content: bytes | None = None
    if RECALL_CIPHERTEXT in sealed:
        content = decrypted(sealed[RECALL_CIPHERTEXT], identity, name=RECALL_CIPHERTEXT)
    for check in recall_checks(sealed, content, case_public_key=case_public_key):
        if not check.ok:
            raise IntegrityError(f"{path}: {check.check}: {check.first_bad}; do not use it, and ask the sender")
    assert content is not None
    return OpenedRecall(notice=json.loads(content), envelope=json.loads(sealed[ENVELOPE_NAME]), content=content)


def verify_recall(folder: Path, *, case_public_key: bytes | None = None) -> list[Check]:
    """Each check of a notice in the case: its sealed form, its record, and that they agree."""
    record = folder / RECORD_FOLDER / RECALL_NAME
    content = record.read_bytes() if record.is_file() else None
    sealed = folder_files(folder / SEALED_FOLDER)
    return recall_checks(sealed, content, case_public_key=case_public_key, need_content=True)


def recall_checks(
    sealed: Mapping[str, bytes],
    content: bytes | None,
    *,
    case_public_key: bytes | None = None,
    need_content: bool = True,
) -> list[Check]:
    """The checks of a recall notice, in a fixed order.

    Args:
        sealed: Name to content of what was sent.
        content: The notice; None if it was not opened.
        case_public_key: The sender's key, 32 bytes.
        need_content: Whether a notice that is missing is a fault.
    """

    def found(name: str, look: Callable[[], str | None]) -> Check:
        try:
            bad = look()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            bad = str(error) if isinstance(error, ValueError) else f"a field is missing ({error})"
        return Check(check=name, ok=bad is None, first_bad=bad)

    checks = [found("recall.envelope", lambda: _bad_envelope(sealed, case_public_key))]
    if content is not None:
        checks.append(found("recall.notice", lambda: _bad_notice(content, sealed)))
    elif need_content:
        checks.append(Check(check="recall.notice", ok=False, first_bad=f"{RECALL_NAME} is missing"))
    return checks


def _bad_envelope(sealed: Mapping[str, bytes], case_public_key: bytes | None) -> str | None:
    envelope = signed_from(sealed.get(ENVELOPE_NAME, b""), _ENVELOPE, _ENVELOPE_ROLES)
    name = ciphertext_name(envelope["recipient"], "recall")
    if set(sealed) != {ENVELOPE_NAME, name}:
        return "there are other files than the two"
    ciphertext = sealed[name]
    key = envelope["signatures"][0]["public_key"]
    if case_public_key is not None and key != case_public_key.hex():
        return f"it was signed by the key {key}, and the case's is another"
    stated = {"name": name, "size_bytes": len(ciphertext), "sha256": sha256_hex(ciphertext)}
    if envelope["ciphertext"] != stated:
        return f"{name} is not the file that was sealed"
    return None if place_is_known(envelope["sequence"]) else "its place is not stated"


def _bad_notice(content: bytes, sealed: Mapping[str, bytes]) -> str | None:
    notice = signed_from(content, _FORMAT, _ROLES)
    envelope = json.loads(sealed[ENVELOPE_NAME])
    body = {name: value for name, value in notice.items() if name not in {"recall_id", "signatures"}}
    if notice["recall_id"] != content_id("rcl", canonical_json(body)):
        return "the id is of other content"
    if notice["recalled_by"]["public_key"] != notice["signatures"][0]["public_key"]:
        return "the operator's signature is not by the operator's key"
    if notice["signatures"][1]["public_key"] != envelope["signatures"][0]["public_key"]:
        return "the notice and its envelope are by different cases"
    if envelope["recall_sha256"] != sha256_hex(content):
        return "the envelope is of another notice"
    for name in ("recall_id", "country", "recipient", "handling_code", "sequence"):
        if notice[name] != envelope[name]:
            return f"the envelope states another {name}"
    ids = [*notice["leads"], *notice["packages"]]
    known = notice["scope"] in {"lead", "package"} and ids and all(isinstance(one, str) for one in ids)
    return None if known else "it does not say what is recalled"


def _taken_back(sent: Sequence[Sent], package: Sent, one: str) -> bool:
    """Whether a notice after this package told its recipient that the package, or this lead of it, is recalled."""
    return any(_covers(notice, package, one) for notice in _notices_after(sent, package))


def _covers(notice: Sent, package: Sent, one: str) -> bool:
    whole = notice.scope == "package" and package.sent_id in notice.package_ids
    return whole or (notice.scope == "lead" and one in notice.lead_ids)


def _notices_after(sent: Sequence[Sent], package: Sent) -> Iterator[Sent]:
    for notice in sent:
        later = notice.recipient == package.recipient and notice.number > package.number
        if notice.kind == "recall" and later:
            yield notice


def _as_sent(notice: Recall) -> Sent:
    document = json.loads(notice.content)
    return Sent(
        kind="recall",
        sent_id=notice.recall_id,
        country=notice.country,
        recipient=notice.recipient,
        number=document["sequence"]["number"],
        sha256=sha256_hex(notice.content),
        sent_at_utc=document["recalled_at_utc"],
        lead_ids=notice.lead_ids,
        folder=notice.folder,
        scope=notice.scope,
        package_ids=notice.package_ids,
    )


def _certificate(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {"certificate": manifest["certificate"]} if "certificate" in manifest else {}


def _last_manifest(packages: Sequence[Sent]) -> dict[str, Any]:
    last = max(packages, key=lambda package: package.number)
    return dict(json.loads((last.folder / RECORD_FOLDER / MANIFEST_NAME).read_bytes()))
