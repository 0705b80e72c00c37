"""Documents that stand alone with their signatures: recall notices, receipts, outcomes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from headwater_verify.age import opened
from headwater_verify.checks import Check, canonical, parsed, sha256_hex, signed_by
from headwater_verify.package import ciphertext_fault, place_fault, recipient_fault

__all__ = ["document_checks", "recall_checks", "receipt_fault"]

_ROLES = {
    "headwater-recall": ("operator", "case"),
    "headwater-recall-envelope": ("case",),
    "headwater-receipt": ("operator", "receiver"),
    "headwater-outcomes": ("operator", "receiver"),
}
_IDS = {
    "headwater-recall": ("rcl", "recall_id", "recalled_by"),
    "headwater-receipt": ("rct", "receipt_id", "received_by"),
    "headwater-outcomes": ("ocf", "outcomes_id", "reported_by"),
}
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def document_checks(content: bytes, public_key: str | None) -> list[Check]:
    """The checks of a notice, receipt or outcome file that lies open.

    Args:
        content: Of the file.
        public_key: Key of who answers for it, in hex: of a notice the case's, else the receiving installation's.
    """
    return [_check("document.signed", lambda: _document_fault(content, tuple(_IDS), public_key))]


def recall_checks(
    envelope_bytes: bytes,
    ciphertext: bytes,
    public_key: str | None,
    *,
    notice: bytes | None = None,
    identity: str | None = None,
) -> list[Check]:
    """The checks of a recall notice as it was sent.

    Args:
        envelope_bytes: Content of `envelope.json`.
        ciphertext: Content of `recall.age`.
        public_key: The case's key in hex; None accepts the one that it names.
        notice: Content of `recall.json`, where it is at hand.
        identity: The recipient's age secret key, to open it; None where it is not at hand.
    """
    checks = [_check("recall.envelope", lambda: _envelope_fault(envelope_bytes, ciphertext, public_key))]
    if identity is not None:
        try:
            notice = opened(ciphertext, identity)
        except ValueError as error:
            return [*checks, Check(check="recall.opens", first_bad=f"recall.age: {error}")]
        checks.append(Check(check="recall.opens", first_bad=None))
    if notice is not None:
        checks.append(_check("recall.notice", lambda: _notice_fault(envelope_bytes, notice, public_key)))
    return checks


def receipt_fault(witness: Mapping[str, Any], head: Mapping[str, Any]) -> str | None:
    """Why a receipt among the witnesses countersigns another log; None if it is this one.

    Args:
        witness: The line of `custody.witnesses`.
        head: The tree head that covers so many entries.
    """
    fault = _document_fault(canonical(witness["receipt"]), ("headwater-receipt",), witness["receiver_key"])
    if fault:
        return fault
    seen = {"entries": witness["entries"], "root": head["root"]}
    return None if witness["receipt"]["custody_head"] == seen else "the recipient saw another log"


def _check(name: str, find: Callable[[], str | None]) -> Check:
    try:
        return Check(check=name, first_bad=find())
    except _MALFORMED as error:
        return Check(check=name, first_bad=f"it is malformed ({type(error).__name__}: {error})")


def _document_fault(content: bytes, formats: tuple[str, ...], public_key: str | None) -> str | None:
    document = parsed(content, "the document")
    if document["format"] not in formats:
        return "it is of no known format"
    if fault := _signature_fault(document, public_key):
        return fault
    prefix, name, by = _IDS[document["format"]]
    body = {key: value for key, value in document.items() if key not in {name, "signatures"}}
    parts = ((b"s", b"headwater"), (b"s", prefix.encode()), (b"b", canonical(body)))
    framed = b"".join(kind + len(part).to_bytes(8, "big") + part for kind, part in parts)
    if document[name] != f"{prefix}-{hashlib.sha256(framed).hexdigest()[:32]}":
        return "the id is of other content"
    keys = [entry["public_key"] for entry in document["signatures"]]
    if document[by]["public_key"] != keys[0]:
        return "the operator's signature is not by the operator's key"
    if document["format"] != "headwater-recall" and document["receiver"]["public_key"] != keys[1]:
        return "the receiver's signature is not by the receiver's key"
    return None


def _signature_fault(document: Mapping[str, Any], public_key: str | None) -> str | None:
    version, entries = document["version"], document["signatures"]
    roles = _ROLES[document["format"]]
    if type(version) is not int or version != 1 or [entry["role"] for entry in entries] != list(roles):
        return "it is of another version, or signed by others than it should be"
    keys = [entry["public_key"] for entry in entries]
    if len(set(keys)) != len(keys) or any(len(entry) != 3 for entry in entries):
        return "two signatures are by one key"
    body = {name: value for name, value in document.items() if name != "signatures"}
    for entry in entries:
        statement = {"role": entry["role"], "public_key": entry["public_key"]}
        message = canonical({**statement, "document_sha256": sha256_hex(canonical(body))})
        if not signed_by(entry["public_key"], entry["signature"], b"headwater signed document 1\n" + message):
            return f"the signature of the {entry['role']} does not hold"
    return None if public_key in {None, keys[-1]} else f"it was signed by the key {keys[-1]}, not by the one given"


def _envelope_fault(envelope_bytes: bytes, ciphertext: bytes, public_key: str | None) -> str | None:
    envelope = parsed(envelope_bytes, "envelope.json")
    if envelope["format"] != "headwater-recall-envelope":
        return "envelope.json: it is of another format"
    if fault := _signature_fault(envelope, public_key):
        return f"envelope.json: {fault}"
    fault = ciphertext_fault(envelope, ciphertext, "recall") or recipient_fault(envelope)
    return fault or place_fault(envelope["sequence"])


def _notice_fault(envelope_bytes: bytes, notice_bytes: bytes, public_key: str | None) -> str | None:
    if fault := _document_fault(notice_bytes, ("headwater-recall",), public_key):
        return fault
    envelope, notice = parsed(envelope_bytes, "envelope.json"), parsed(notice_bytes, "recall.json")
    if envelope["recall_sha256"] != sha256_hex(notice_bytes):
        return "the envelope is of another notice"
    if envelope["signatures"][0]["public_key"] != notice["signatures"][1]["public_key"]:
        return "the notice and its envelope are by different cases"
    for name in ("recall_id", "country", "recipient", "handling_code", "sequence"):
        if notice[name] != envelope[name]:
            return f"the envelope states another {name}"
    ids = [*notice["leads"], *notice["packages"]]
    known = notice["scope"] in {"lead", "package"} and ids and all(isinstance(one, str) for one in ids)
    return None if known else "it does not say what is recalled"
