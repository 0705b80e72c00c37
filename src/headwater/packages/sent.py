"""What was sent to whom: every document in its place, so that a recipient sees what is missing, old or there twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headwater.errors import IntegrityError
from headwater.packages.documents import APPROVAL_NAME, MANIFEST_NAME, RECORD_FOLDER, SEALED_FOLDER, sha256_hex

__all__ = ["RECALLS_FOLDER", "RECALL_NAME", "Sent", "last_package", "next_place", "sent_documents"]

RECALLS_FOLDER = "recalls"
RECALL_NAME = "recall.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A package or a recall notice that may have been sent.

    Attributes:
        kind: package or recall.
        sent_id: Its id.
        country: For whom.
        recipient: Their public key.
        number: Its place among what this recipient was sent, from 1.
        sha256: Digest of its manifest, or of the notice.
        sent_at_utc: When it was released.
        lead_ids: The leads in it, or those that it recalls.
        folder: Where it lies.
        scope: Of a recall: lead, or package; empty for a package.
        package_ids: Of a recall: the packages that it is about.
    """

    kind: str
    sent_id: str
    country: str
    recipient: str
    number: int
    sha256: str
    sent_at_utc: str
    lead_ids: tuple[str, ...]
    folder: Path
    scope: str = ""
    package_ids: tuple[str, ...] = ()


def sent_documents(packages_dir: Path) -> list[Sent]:
    """Every released package and recall notice, by recipient and number.

    Packages of version 1 carry no number; they count from 1 in the order of their release.

    Raises:
        IntegrityError: A record cannot be read.
    """
    found = [_package(folder) for folder in _released(packages_dir.glob(f"*/*/{RECORD_FOLDER}"))]
    found += [_recall(folder) for folder in _released(packages_dir.glob(f"*/{RECALLS_FOLDER}/*/{RECORD_FOLDER}"))]
    by_recipient: dict[str, list[Sent]] = defaultdict(list)
    for sent in found:
        by_recipient[sent.recipient].append(sent)
    ordered: list[Sent] = []
    for recipient in sorted(by_recipient):
        # Unnumbered ones are all older: nothing of version 1 is made any more.
        rows = sorted(by_recipient[recipient], key=lambda sent: (sent.number, sent.sent_at_utc, sent.sent_id))
        ordered += [sent if sent.number else replace(sent, number=place) for place, sent in enumerate(rows, start=1)]
    return ordered


def next_place(sent: Iterable[Sent], recipient: str) -> dict[str, Any]:
    """The place of the next document for a recipient: its number, and the digest of the one before."""
    last = max((one for one in sent if one.recipient == recipient), key=lambda one: one.number, default=None)
    if last is None:
        return {"number": 1, "previous_sha256": None}
    return {"number": last.number + 1, "previous_sha256": last.sha256}


def last_package(sent: Iterable[Sent], country: str, recipient: str) -> Sent | None:
    """The last package for this country that stands: to this recipient, else, after a change of keys, to any."""
    listed = list(sent)
    taken_back = {name for one in listed if one.scope == "package" for name in one.package_ids}
    packages = [one for one in listed if one.kind == "package" and one.country == country]
    packages = [one for one in packages if one.sent_id not in taken_back]
    own = [one for one in packages if one.recipient == recipient]
    return max(own or packages, key=lambda one: (one.sent_at_utc, one.number), default=None)


def _released(records: Iterable[Path]) -> list[Path]:
    # Without a sealed form, a crash came before the release was done, and nothing left.
    return sorted(record.parent for record in records if (record.parent / SEALED_FOLDER).is_dir())


def _package(folder: Path) -> Sent:
    content, manifest = _read(folder, MANIFEST_NAME)
    _, approval = _read(folder, APPROVAL_NAME)
    try:
        return Sent(
            kind="package",
            sent_id=manifest["package_id"],
            country=manifest["country"],
            recipient=manifest["recipient"],
            number=manifest["sequence"]["number"] if manifest["version"] > 1 else 0,
            sha256=sha256_hex(content),
            sent_at_utc=approval["decisions"][0]["at_utc"],
            lead_ids=tuple(lead["lead_id"] for lead in manifest["leads"]),
            folder=folder,
        )
    except (KeyError, TypeError, IndexError) as error:
        raise IntegrityError(f"{folder}: the record of a release is not whole ({error}); restore it") from None


def _recall(folder: Path) -> Sent:
    content, notice = _read(folder, RECALL_NAME)
    try:
        return Sent(
            kind="recall",
            sent_id=notice["recall_id"],
            country=notice["country"],
            recipient=notice["recipient"],
            number=notice["sequence"]["number"],
            sha256=sha256_hex(content),
            sent_at_utc=notice["recalled_at_utc"],
            lead_ids=tuple(notice["leads"]),
            folder=folder,
            scope=notice["scope"],
            package_ids=tuple(notice["packages"]),
        )
    except (KeyError, TypeError) as error:
        raise IntegrityError(f"{folder}: the record of a recall is not whole ({error}); restore it") from None


def _read(folder: Path, name: str) -> tuple[bytes, dict[str, Any]]:
    path = folder / RECORD_FOLDER / name
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path}: cannot be read: {error}; restore it from a backup") from None
    if not isinstance(document, dict):
        raise IntegrityError(f"{path}: it is no document; restore it from a backup")
    return content, document
