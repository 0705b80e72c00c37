"""A package: its envelope, and its plaintext as a folder, an archive, or inside the age file."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater_verify.age import bech32_bytes, opened, well_formed
from headwater_verify.checks import Check, canonical, is_digest, parsed, sha256_hex, signed_by
from headwater_verify.extract import extract_checks

__all__ = [
    "archive_members",
    "ciphertext_fault",
    "contents_checks",
    "envelope_checks",
    "opened_checks",
    "place_fault",
    "recipient_fault",
]

_ROLES = ("author", "approver", "case")
_SIGNED = ("manifest.json", "approval.json", "signatures.json")
_OPENPGP = "openpgp:"
_FINGERPRINT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_TERMS = ("country", "recipient", "handling_code", "legal_basis", "onward_transfer", "purpose")
_VERSIONS = {1, 2, 3}
_WITHOUT_EXTRACT = {1, 2}
_EXTRACT = "disclosure_custody.json"
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def envelope_checks(envelope_bytes: bytes, ciphertext: bytes, public_key: str | None) -> list[Check]:
    """The checks of what anyone can see: the envelope, and that the age file is the one it names.

    Args:
        envelope_bytes: Content of `envelope.json`.
        ciphertext: Content of `package.age`.
        public_key: The case's key in hex, had over another channel; None accepts the one that the envelope names.
    """
    try:
        envelope = _document(envelope_bytes, "envelope.json", "headwater-envelope")
    except ValueError as error:
        return [Check(check="envelope.form", first_bad=str(error))]
    return [
        Check(check="envelope.form", first_bad=None),
        _check("envelope.signature", lambda: _bad_envelope_signature(envelope)),
        _check("envelope.key", lambda: _bad_key(envelope, public_key)),
        _check("envelope.ciphertext", lambda: _bad_ciphertext(envelope, ciphertext)),
        _check("envelope.recipient", lambda: recipient_fault(envelope)),
        _check("envelope.signers", lambda: _bad_signers(envelope)),
    ]


def opened_checks(envelope_bytes: bytes, ciphertext: bytes, identity: str, public_key: str | None) -> list[Check]:
    """The checks that need the recipient's key: that it opens, and everything inside."""
    try:
        files = archive_members(opened(ciphertext, identity))
    except ValueError as error:
        return [Check(check="package.opens", first_bad=f"package.age: {error}")]
    return [Check(check="package.opens", first_bad=None), *contents_checks(files, public_key, envelope_bytes)]


def contents_checks(
    files: Mapping[str, bytes], public_key: str | None, envelope_bytes: bytes | None = None
) -> list[Check]:
    """The checks of a package's plaintext.

    Args:
        files: Name to content.
        public_key: As for `envelope_checks`.
        envelope_bytes: The envelope it came in, where there is one.
    """
    try:
        manifest = _document(files.get("manifest.json", b""), "manifest.json", "headwater-package")
        approval = _document(files.get("approval.json", b""), "approval.json", "headwater-approval")
        signatures = _document(files.get("signatures.json", b""), "signatures.json", "headwater-signatures")
        envelope = _document(envelope_bytes, "envelope.json", "headwater-envelope") if envelope_bytes else None
    except ValueError as error:
        return [Check(check="package.form", first_bad=str(error))]
    versions = {document["version"] for document in (manifest, approval, signatures)}
    checks = [
        Check(check="package.form", first_bad=None if len(versions) == 1 else "the documents are of several versions"),
        _check("package.terms", lambda: _bad_terms(manifest)),
        _check("package.id", lambda: _bad_id(manifest, approval, signatures)),
        _check("package.files", lambda: _bad_file(manifest, files)),
        _check("package.digests", lambda: _bad_document(files, approval, signatures)),
        _check("package.signatures", lambda: _bad_signers(signatures)),
        _check("package.key", lambda: _bad_key(signatures, public_key)),
        _check("package.two_people", lambda: _bad_people(manifest, approval, signatures)),
        _check("package.leads", lambda: _bad_leads(manifest, approval, files)),
        _check("package.recipient", lambda: recipient_fault(manifest)),
    ]
    if envelope is not None:
        checks.append(_check("package.envelope", lambda: _bad_match(manifest, signatures, envelope)))
    if manifest["version"] in _WITHOUT_EXTRACT:
        return checks
    later_head = None if envelope is None else envelope.get("custody_head")
    return [*checks, *extract_checks(files.get(_EXTRACT), _case_key(signatures), later_head)]


def _case_key(signatures: Mapping[str, Any]) -> str:
    """The key that signed as the case; nobody's, where the signatures are malformed, which has a check of its own."""
    try:
        return str(signatures["signatures"][2]["public_key"])
    except _MALFORMED:
        return ""


def archive_members(content: bytes) -> dict[str, bytes]:
    """Name to content of an archive that holds files only and is spelled in the one way that is allowed.

    Raises:
        ValueError: It is not.
    """
    members: dict[str, bytes] = {}
    again = io.BytesIO()
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive.getmembers():
                file = archive.extractfile(member) if member.isreg() else None
                if file is None or member.name in members:
                    raise ValueError("the archive holds what is no file, or a name twice")
                members[member.name] = file.read()
        with tarfile.open(fileobj=again, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(members):
                plain = tarfile.TarInfo(name)
                plain.size = len(members[name])
                archive.addfile(plain, io.BytesIO(members[name]))
    except (tarfile.TarError, OSError) as error:
        raise ValueError(f"the archive cannot be read: {error}") from None
    if again.getvalue() != content:
        raise ValueError("the archive was altered: it is not spelled as headwater spells it")
    return members


def _check(name: str, find: Callable[[], str | None]) -> Check:
    try:
        return Check(check=name, first_bad=find())
    except _MALFORMED as error:
        return Check(check=name, first_bad=f"a field is missing or malformed ({type(error).__name__}: {error})")


def _document(content: bytes, name: str, document_format: str) -> dict[str, Any]:
    if not content:
        raise ValueError(f"{name} is missing")
    document = parsed(content, name)
    version = document.get("version")
    if document.get("format") != document_format or version not in _VERSIONS or isinstance(version, bool):
        raise ValueError(f"{name} is no {document_format} of version 1, 2 or 3")
    return document


def _bad_envelope_signature(envelope: Mapping[str, Any]) -> str | None:
    body = {name: value for name, value in envelope.items() if name != "signature"}
    message = b"headwater package envelope %d\n" % envelope["version"] + canonical(body)
    if signed_by(envelope["signatures"][2]["public_key"], envelope["signature"], message):
        return None
    return "envelope.json: the signature does not hold"


def _bad_key(signed: Mapping[str, Any], public_key: str | None) -> str | None:
    found = signed["signatures"][2]["public_key"]
    return None if public_key in {None, found} else f"it was signed by the key {found}, not by the key that was given"


def _bad_ciphertext(envelope: Mapping[str, Any], ciphertext: bytes) -> str | None:
    return ciphertext_fault(envelope, ciphertext, "package")


def ciphertext_fault(envelope: Mapping[str, Any], ciphertext: bytes, what: str) -> str | None:
    """Why the encrypted file is not the one that the envelope names; None if it is."""
    with_age = not envelope["recipient"].startswith(_OPENPGP)
    name = f"{what}.{'age' if with_age else 'pgp'}"
    if envelope["ciphertext"] != {"name": name, "size_bytes": len(ciphertext), "sha256": sha256_hex(ciphertext)}:
        return f"{name}: it is not the file that the envelope names"
    return None if not with_age or well_formed(ciphertext) else f"{name}: it is no age file for an X25519 recipient"


def recipient_fault(signed: Mapping[str, Any]) -> str | None:
    """Why the recipient is no key of a known kind; None if it is one."""
    recipient = signed["recipient"]
    if recipient.startswith(_OPENPGP):
        known = _FINGERPRINT.fullmatch(recipient.removeprefix(_OPENPGP)) is not None
        return None if known else "the recipient is no OpenPGP fingerprint"
    try:
        bech32_bytes(recipient, "age")
    except ValueError as error:
        return f"the recipient is no age public key: {error}"
    return None


def _bad_signers(signed: Mapping[str, Any]) -> str | None:
    entries: Sequence[Mapping[str, Any]] = signed["signatures"]
    if [entry["role"] for entry in entries] != list(_ROLES) or any(len(entry) != 3 for entry in entries):
        return "there are other signatures than one each by author, approver and case"
    keys = [entry["public_key"] for entry in entries]
    if len(set(keys)) != len(keys):
        return "two of the three signatures are by one key"
    for role, entry in zip(_ROLES, entries, strict=True):
        statement = {
            "role": role,
            "public_key": entry["public_key"],
            "package_id": signed["package_id"],
            "manifest_sha256": signed["manifest_sha256"],
            "approval_sha256": None if role == "author" else signed["approval_sha256"],
            "vouches_for": keys[:2] if role == "case" else [],
        }
        message = b"headwater package signature %d\n" % signed["version"] + canonical(statement)
        if not signed_by(entry["public_key"], entry["signature"], message):
            return f"the signature of the {role} does not hold"
    return None


def _bad_terms(manifest: Mapping[str, Any]) -> str | None:
    if manifest["version"] == 1:
        return None
    for name in _TERMS:
        if not isinstance(manifest[name], str) or not manifest[name].strip():
            return f"manifest.json: {name} is not stated"
    if not is_digest(manifest["tool_sha256"]):
        return "manifest.json: the digest of the program is not stated"
    return place_fault(manifest["sequence"])


def place_fault(place: Mapping[str, Any]) -> str | None:
    """Why this does not say which of the documents for one recipient it is, and which was before; None if it does."""
    number, previous = place["number"], place["previous_sha256"]
    known = set(place) == {"number", "previous_sha256"} and type(number) is int and number >= 1
    if not known or (previous is not None if number == 1 else not is_digest(previous)):
        return "its place among what this recipient was sent is not stated"
    return None


def _bad_id(*documents: Mapping[str, Any]) -> str | None:
    manifest = documents[0]
    named = {name: value for name, value in manifest.items() if name != "package_id"}
    named["files"] = [file for file in manifest["files"] if file["name"] != "report.pdf"]
    if manifest["version"] == 1:
        named = {name: named[name] for name in ("case", "country", "recipient", "author", "drafted_at_utc", "leads")}
        named["files"] = [[f["name"], f["sha256"]] for f in manifest["files"] if f["name"] != "report.pdf"]
    framed = b"".join(
        kind + len(content).to_bytes(8, "big") + content
        for kind, content in ((b"s", b"headwater"), (b"s", b"pkg"), (b"b", canonical(named)))
    )
    package_id = "pkg-" + hashlib.sha256(framed).hexdigest()[:32]
    found = [document["package_id"] for document in documents]
    return None if found == [package_id] * len(found) else f"the id is {found[0]}, and the content gives {package_id}"


def _bad_file(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> str | None:
    listed = {file["name"]: (file["size_bytes"], file["sha256"]) for file in manifest["files"]}
    if len(listed) != len(manifest["files"]):
        return "manifest.json: it names a file twice"
    found = {name: (len(content), sha256_hex(content)) for name, content in files.items() if name not in _SIGNED}
    for name in sorted(listed | found):
        if name not in found:
            return f"{name}: it is missing"
        if name not in listed:
            return f"{name}: the manifest does not name it"
        if found[name] != listed[name]:
            return f"{name}: it is not the file that was signed"
    return None


def _bad_document(files: Mapping[str, bytes], approval: Mapping[str, Any], signatures: Mapping[str, Any]) -> str | None:
    for name in ("manifest", "approval"):
        if signatures[f"{name}_sha256"] != sha256_hex(files[f"{name}.json"]):
            return f"{name}.json: it is not the one that was signed"
    if approval["manifest_sha256"] != signatures["manifest_sha256"]:
        return "approval.json: it approves another manifest"
    return None


def _bad_people(manifest: Mapping[str, Any], approval: Mapping[str, Any], signatures: Mapping[str, Any]) -> str | None:
    author, approver = manifest["author"], approval["approver"]
    if author["operator"].strip().casefold() == approver["operator"].strip().casefold():
        return "the author and the approver are one person"
    for number, (person, document) in enumerate(((author, manifest), (approver, approval))):
        if person["public_key"] != signatures["signatures"][number]["public_key"]:
            return f"the {_ROLES[number]} is named with another key than signed"
        decisions = [(decision["role"], decision["operator"]) for decision in document["decisions"]]
        if decisions != [(_ROLES[number], person["operator"])]:
            return f"the decision of the {_ROLES[number]} is missing"
    return None


def _bad_leads(manifest: Mapping[str, Any], approval: Mapping[str, Any], files: Mapping[str, bytes]) -> str | None:
    named = [lead["lead_id"] for lead in manifest["leads"]]
    if [json.loads(line)["lead_id"] for line in files["leads.jsonl"].splitlines()] != named:
        return "leads.jsonl: it holds other leads than the manifest names"
    bases = {"opened", "sample"} if manifest["version"] == 1 else {"shown", "opened", "sample"}
    if [lead["lead_id"] for lead in approval["leads"] if lead["basis"] in bases] != named:
        return "approval.json: it does not cover each lead"
    return None


def _bad_match(manifest: Mapping[str, Any], signatures: Mapping[str, Any], envelope: Mapping[str, Any]) -> str | None:
    place = () if manifest["version"] == 1 else ("sequence",)
    for source, names in (
        (manifest, ("version", "package_id", "country", "recipient", "handling_code", *place)),
        (signatures, ("manifest_sha256", "approval_sha256", "signatures")),
    ):
        for name in names:
            if source[name] != envelope[name]:
                return f"the envelope states another {name}"
    return None
