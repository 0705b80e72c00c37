"""A release as it lies in the case, for a log that a crash kept from having it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import IntegrityError
from headwater.packages.archive import archive_bytes
from headwater.packages.documents import (
    APPROVAL_NAME,
    DRAFT_FOLDER,
    ENVELOPE_NAME,
    MANIFEST_NAME,
    RECORD_FOLDER,
    SEALED_FOLDER,
    sha256_hex,
)
from headwater.packages.opened import folder_files, verify_package
from headwater.packages.openpgp import ciphertext_name
from headwater.packages.releasing import Release

__all__ = ["Released", "released_as_it_lies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release and the decision behind it.

    Attributes:
        release: What may be sent.
        approver: Who released it.
        leads_opened: The leads that they say they opened.
        leads_shown: Those that headwater showed to them.
        sample: How they chose, where not all were.
    """

    release: Release
    approver: str
    leads_opened: tuple[str, ...]
    leads_shown: tuple[str, ...]
    sample: str


def released_as_it_lies(package_dir: Path) -> Released:
    """A release that is whole; what is left of its draft goes.

    Args:
        package_dir: CASE/packages/COUNTRY/PACKAGE_ID, with its sealed folder.

    Raises:
        IntegrityError: It does not verify.
    """
    for check in verify_package(package_dir):
        if not check.ok:
            raise IntegrityError(f"{package_dir}: {check.check}: {check.first_bad}; find out who changed it")
    record, sealed = folder_files(package_dir / RECORD_FOLDER), folder_files(package_dir / SEALED_FOLDER)
    manifest, approval = json.loads(record[MANIFEST_NAME]), json.loads(record[APPROVAL_NAME])
    shutil.rmtree(package_dir / DRAFT_FOLDER, ignore_errors=True)
    released = Release(
        package_id=manifest["package_id"],
        country=manifest["country"],
        recipient=manifest["recipient"],
        sealed_folder=package_dir / SEALED_FOLDER,
        lead_ids=tuple(lead["lead_id"] for lead in manifest["leads"]),
        input_digests={
            "manifest": sha256_hex(record[MANIFEST_NAME]),
            "approval": sha256_hex(record[APPROVAL_NAME]),
            "archive": sha256_hex(archive_bytes(record)),
        },
        output_digests={
            "envelope": sha256_hex(sealed[ENVELOPE_NAME]),
            "package": sha256_hex(sealed[ciphertext_name(manifest["recipient"])]),
        },
    )
    return Released(
        release=released,
        approver=approval["approver"]["operator"],
        leads_opened=tuple(lead["lead_id"] for lead in approval["leads"] if lead["basis"] == "opened"),
        leads_shown=tuple(lead["lead_id"] for lead in approval["leads"] if lead["basis"] == "shown"),
        sample=approval["sample"],
    )
