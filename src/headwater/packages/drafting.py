"""A package for one country, written down and signed by its author; nothing leaves yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater import __version__
from headwater.custody import Clock, program_sha256, raw_public_key, utc_text
from headwater.engine import Session
from headwater.errors import InputError, RefusedError
from headwater.leads import concerned
from headwater.packages.columns import HASH_COLUMNS, LEAD_COLUMNS, REQUEST_COLUMNS
from headwater.packages.contents import RECALLED, Contents, contents_for
from headwater.packages.differences import CHANGES_NAME, SinceLast, since_last, standing_recalls
from headwater.packages.disclosure import ABOUT, CaseRecord, disclosed
from headwater.packages.documents import (
    DRAFT_FOLDER,
    FORMAT_VERSION,
    MANIFEST_NAME,
    RECORD_FOLDER,
    REPORT_NAME,
    SEALED_FOLDER,
    SIGNATURES_NAME,
    package_id_of,
    sha256_hex,
    signature_entry,
)
from headwater.packages.guards import check_no_media
from headwater.packages.interchange import about_file, interchange_files
from headwater.packages.lead_charts import lead_charts
from headwater.packages.methods import methods_text
from headwater.packages.money_pages import MoneyPages
from headwater.packages.naming import check_names
from headwater.packages.openpgp import addressed
from headwater.packages.placing import drafting_alone, write_folder
from headwater.packages.report import report_pdf
from headwater.packages.rows import json_lines, other_person, shared_with, spreadsheet
from headwater.packages.sent import next_place, sent_documents
from headwater.schema import canonical_json

__all__ = ["CaseInfo", "Draft", "draft", "signatures_bytes"]

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)

_ABOUT = {
    "leads.jsonl": "Every lead in full, one JSON object a line",
    "leads.csv": "The leads as a table; text that a spreadsheet would run has an apostrophe before it",
    "request_sheets.jsonl": "What to ask which service, one JSON object a line",
    "request_sheets.csv": "The same as a table",
    "money_by_month.csv": "Satoshis of the receipts concerned by service and month (UTC), as the report draws them",
    "hash_references.csv": "Digests and paths on the evidence of media the accounts uploaded; no media",
    CHANGES_NAME: "Leads new, changed, gone and recalled since the last package, one JSON object a line",
    "methods.txt": "How the findings were made, their limits, and what else could explain them",
    REPORT_NAME: "The leads for reading",
    **ABOUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInfo:
    """What the package says of the case and of the terms it is given on.

    Attributes:
        case_id: The case.
        authority_ref: Warrant or order it rests on.
        agency: Who sends.
        contact: Where the recipient asks.
        purpose: What the recipient may use it for.
        legal_basis: What the transfer rests on.
        handling_code: Shown on every page.
        onward_transfer: Whether and how the recipient may pass it on.
        answer_to: age public key that outcomes are encrypted to on their way back; empty for none.
    """

    case_id: str
    authority_ref: str
    agency: str = ""
    contact: str = ""
    purpose: str = "criminal investigation"
    legal_basis: str = ""
    handling_code: str = "RESTRICTED"
    onward_transfer: str = "not without the sender's written consent"
    answer_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A package that its author has signed and nobody has released.

    Attributes:
        package_id: Digest of its content.
        country: For whom.
        folder: CASE/packages/COUNTRY/PACKAGE_ID.
        lead_ids: The leads in it, by rank.
        manifest_sha256: Digest of the manifest.
        file_digests: Name to SHA-256 of each file that the manifest lists.
        recipient: Whose public key it is for.
        number: Its place among what this recipient was sent.
        since: What is different from the last package to the country.
    """

    package_id: str
    country: str
    folder: Path
    lead_ids: tuple[str, ...]
    manifest_sha256: str
    file_digests: Mapping[str, str]
    recipient: str
    number: int
    since: SinceLast


def draft(
    tables: Session,
    *,
    country: str,
    recipient_key: str,
    author: str,
    why: str,
    case_info: CaseInfo,
    out_dir: Path,
    signing_key: Ed25519PrivateKey,
    clock: Clock,
    record: CaseRecord,
    announced: Callable[[Draft], None] = lambda _: None,
    money: Callable[[Contents], MoneyPages] | None = None,
    hash_lists: Callable[[Contents], Mapping[str, bytes]] | None = None,
    reissue: Collection[str] = (),
) -> Draft:
    """A package for one country, written under `out_dir` and signed by its author.

    The same tables, arguments and time give the same bytes.

    Args:
        tables: The tables of the case.
        country: ISO 3166-1 alpha-2, as jurisdictions and services name it.
        recipient_key: The recipient's age public key, or OpenPGP certificate; the manifest names it.
        author: The operator who drafts.
        why: The author's reason for proposing these leads.
        case_info: The case and the terms.
        out_dir: The case's folder of packages.
        signing_key: The author's own key.
        clock: Called once.
        announced: Told of the draft when it is whole and lies beside its place, in which it lies afterwards: a log has
            it before anybody reads it. `finish_drafts` puts it there where a crash came between.
        record: The custody log, from which the acts that concern the leads are taken, and the judgements.
        money: Pictures and table of money for what the package holds; None for none.
        hash_lists: Its hash references as the accredited viewer reads them, name to content; None for none.
        reissue: Leads that were recalled and are to be sent again.

    Raises:
        InputError: A term is not stated, the country or the key is malformed, or the case has nothing for that country.
        IntegrityError: The custody log is not whole.
        RefusedError: A name in it rests on fewer than two people's judgements, it would hold media or key material, or
            it is there already.
    """
    if not _COUNTRY.fullmatch(country):
        raise InputError("country", f"'{country}' is no ISO 3166-1 alpha-2 code", remedy="write two capital letters")
    terms = {name: getattr(case_info, name) for name in ("purpose", "legal_basis", "handling_code", "onward_transfer")}
    for name, text in {"author": author, "why": why, **terms}.items():
        if not text.strip():
            stated = "who drafted it and why, its purpose, its legal basis, and how it may be handled and passed on"
            raise InputError(name.replace("_", " "), "is empty", remedy=f"a package says {stated}")
    drafted_at = clock()
    recipient, certificate = addressed(recipient_key, drafted_at)
    sent = sent_documents(out_dir)
    recalled = standing_recalls(sent)
    never = sorted(set(reissue) - recalled)
    if never:
        raise InputError(never[0], "was not recalled", remedy="leave it out; a lead goes as long as it is not recalled")
    contents = contents_for(tables, country, leave_out=recalled - set(reissue))
    if not contents.leads and not contents.requests:
        reason = "no lead is proposed for this country and no request sheet is for it"
        if any(item.what == RECALLED for item in contents.withheld):
            reason = "every lead for this country was recalled (--reissue sends one again)"
        raise InputError(country, reason, remedy="run the stage 'leads', or choose another country")
    check_names(contents.leads, tables.arrow("judgements").to_pylist())
    pages = MoneyPages() if money is None else money(contents)
    since = since_last(sent, country, recipient, contents.leads)
    said = {
        **asdict(case_info),
        "country": country,
        "drafted_at_utc": utc_text(drafted_at),
        "tool_version": __version__,
    }
    told = disclosed(tables, contents, record, country=country, out_dir=out_dir, sent=sent)
    contents = told.contents
    files = _data_files(contents, pages) | interchange_files(contents, said) | {CHANGES_NAME: since.file()}
    files |= dict(told.files) | (dict(hash_lists(contents)) if hash_lists is not None else {})
    manifest: dict[str, Any] = {
        "format": "headwater-package",
        "version": FORMAT_VERSION,
        "case": {"case_id": case_info.case_id, "authority_ref": case_info.authority_ref, "agency": case_info.agency},
        "contact": case_info.contact,
        **terms,
        "country": country,
        "recipient": recipient,
        **({"certificate": certificate} if certificate else {}),
        "answer_to": case_info.answer_to,
        "sequence": next_place(sent, recipient),
        "changes": since.summary(),
        "author": {"operator": author, "public_key": raw_public_key(signing_key.public_key()).hex()},
        "drafted_at_utc": utc_text(drafted_at),
        "decisions": [{"role": "author", "operator": author, "at_utc": utc_text(drafted_at), "why": why}],
        "leads": [{name: lead[name] for name in ("lead_id", "rank", "risk_tier")} for lead in contents.leads],
        "withheld": [{"what": w.what, "count": w.count, "why": w.why} for w in contents.withheld],
        "files": _listing(files),
        "tool": "headwater",
        "tool_version": __version__,
        "tool_sha256": program_sha256(),
    }
    manifest["package_id"] = package_id_of(manifest)
    files[REPORT_NAME] = report_pdf(contents, pages, manifest, drafted_at, told.head, lead_charts(tables, contents))
    manifest["files"] = _listing(files)
    content = canonical_json(manifest)
    check_no_media({**files, MANIFEST_NAME: content})
    signature = signature_entry(
        signing_key,
        role="author",
        package_id=manifest["package_id"],
        manifest_sha256=sha256_hex(content),
        approval_sha256=None,
    )
    folder = out_dir / country / manifest["package_id"]
    if any((folder / name).exists() for name in (DRAFT_FOLDER, RECORD_FOLDER, SEALED_FOLDER)):
        raise RefusedError(f"{folder}: this package was drafted already; release it, or draft again after a change")
    signatures = signatures_bytes(manifest["package_id"], sha256_hex(content), None, [signature])
    drafted = Draft(
        package_id=manifest["package_id"],
        country=country,
        folder=folder,
        lead_ids=tuple(lead["lead_id"] for lead in contents.leads),
        manifest_sha256=sha256_hex(content),
        file_digests={file["name"]: file["sha256"] for file in manifest["files"]},
        recipient=recipient,
        number=manifest["sequence"]["number"],
        since=since,
    )
    with drafting_alone(out_dir):
        write_folder(
            folder / DRAFT_FOLDER,
            {**files, MANIFEST_NAME: content, SIGNATURES_NAME: signatures},
            ready=lambda: announced(drafted),
        )
    return drafted


def signatures_bytes(
    package_id: str, manifest_sha256: str, approval_sha256: str | None, signatures: list[dict[str, str]]
) -> bytes:
    """The content of `signatures.json`."""
    return canonical_json(
        {
            "format": "headwater-signatures",
            "version": FORMAT_VERSION,
            "package_id": package_id,
            "manifest_sha256": manifest_sha256,
            "approval_sha256": approval_sha256,
            "signatures": signatures,
        },
    )


def _listing(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "size_bytes": len(files[name]),
            "sha256": sha256_hex(files[name]),
            "about": _ABOUT.get(name) or about_file(name),
        }
        for name in sorted(files)
    ]


def _data_files(contents: Contents, pages: MoneyPages) -> dict[str, bytes]:
    return {
        "leads.jsonl": json_lines(contents.leads),
        "leads.csv": spreadsheet(LEAD_COLUMNS, [_lead_row(lead) for lead in contents.leads]),
        "request_sheets.jsonl": json_lines(contents.requests),
        "request_sheets.csv": spreadsheet(REQUEST_COLUMNS, contents.requests),
        "money_by_month.csv": spreadsheet(pages.month_columns, pages.months),
        "hash_references.csv": spreadsheet(HASH_COLUMNS, contents.hash_references),
        "methods.txt": methods_text(contents, tool_version=__version__),
    }


def _lead_row(lead: Mapping[str, Any]) -> dict[str, object]:
    fields = {state: [f["field"] for f in lead["completeness"] if f["state"] == state] for state in _STATES}
    media = {f"media_{group}": lead["media"].get(group, 0) for group in ("known", "near", "none", "not_comparable")}
    account = {name: lead["account"].get(name) for name in ("platform_key", "nickname", "email", "phone")}
    return {
        **lead,
        **account,
        **fields,
        **media,
        "countries": concerned(lead),
        "because": [rule["because"] for rule in lead["rules_fired"]],
        "contrary": list(dict.fromkeys(fact["statement"] for fact in lead["contrary"])),
        "beside_the_payer": sorted({f"{other_person(rival)} shares {shared_with(rival)}" for rival in lead["rivals"]}),
        "named_record_name": (lead["named_record"] or {}).get("full_name"),
        "next_lawful_steps": [f"{s['step']} ({s['holder']}, {s['country']})" for s in lead["next_lawful_steps"]],
        "acts": len(lead["acts"]),
    }


_STATES = ("present", "absent", "not_collected")
