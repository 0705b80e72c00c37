"""A proof about a custody log, checked without the log (RFC 9162, sections 2.1.3.2 and 2.1.4.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from headwater_verify.checks import Check, canonical, is_digest, parsed, sha256_hex
from headwater_verify.entries import entry_fault, head_fault, shown_fault, signature_fault

__all__ = ["inclusion_fault", "proof_checks", "proof_or_erasure_checks"]

_RECEIPT = {"format", "version", "body", "proof"}
_BODY = {"subject", "legal_basis", "erased_by", "keys", "texts", "entries", "judgements", "left", "withheld"}

_SHARED = {"format", "version", "public_key", "head", "path"}
_NAMES = {
    "headwater-inclusion-proof": _SHARED | {"entry", "payload"},
    "headwater-consistency-proof": _SHARED | {"first"},
}


def proof_or_erasure_checks(content: bytes, public_key: str | None) -> list[Check]:
    """Each check of a proof, or of the receipt of an erasure; the arguments are those of `proof_checks`."""
    try:
        receipt = parsed(content.removesuffix(b"\n"), "the receipt")
    except ValueError:
        return proof_checks(content, public_key)
    if receipt.get("format") != "headwater-erasure-receipt":
        return proof_checks(content, public_key)
    body, proof = receipt.get("body"), receipt.get("proof")
    if not isinstance(body, dict) or not isinstance(proof, dict):
        return [Check(check="receipt.form", first_bad="it is no receipt of version 1")]
    if (
        set(receipt) != _RECEIPT
        or set(body) != _BODY
        or canonical(receipt["version"]) != b"1"
        or not content.endswith(b"\n")
    ):
        return [Check(check="receipt.form", first_bad="it is no receipt of version 1")]
    checks = proof_checks(canonical(proof) + b"\n", public_key)
    fault = _body_fault(body, proof) if all(check.ok for check in checks) else "its proof does not hold"
    form = Check(check="receipt.form", first_bad=None)
    return [form, *checks, Check(check="receipt.body", first_bad=fault)]


def _body_fault(body: dict[str, Any], proof: dict[str, Any]) -> str | None:
    entry = proof.get("entry")
    if entry is None or (entry["event"], entry["outcome"]) != ("erased", "done"):
        return "its entry erased nothing"
    if entry["output_digests"].get("receipt") != sha256_hex(canonical(body)):
        return "it is not what the entry recorded"
    ordered = {f"subject-{body['subject']}", *body["keys"], *(f"entry-{number}" for number in body["entries"])}
    return None if ordered == set(entry["object_ids"]) else "the entry ordered something else to be erased"


def proof_checks(content: bytes, public_key: str | None) -> list[Check]:
    """Each check of a proof, in a fixed order.

    Args:
        content: The document.
        public_key: The case's key in hex, had over another channel; None accepts the one that the document names.
    """
    try:
        proof = parsed(content.removesuffix(b"\n"), "the proof")
        fault = _form_fault(proof) if content.endswith(b"\n") else "it does not end with a line feed"
    except (ValueError, TypeError, AttributeError) as error:
        fault = str(error)
    if fault:
        return [Check(check="proof.form", first_bad=fault)]
    key = proof["public_key"]
    checks = [
        Check(check="proof.form", first_bad=None),
        Check(check="proof.key", first_bad=None if public_key in {None, key} else f"it is of the key {key}"),
        Check(check="proof.head", first_bad=signature_fault(b"headwater custody tree head %d\n", proof["head"], key)),
    ]
    if "entry" not in proof:
        return [*checks, Check(check="proof.path", first_bad=_bad_growth(proof))]
    entry, payload = proof["entry"], proof["payload"]
    bad_entry = signature_fault(b"headwater custody entry %d\n", entry, key)
    if bad_entry is None and payload is not None:
        bad_entry = shown_fault(payload, entry)
    return [
        *checks,
        Check(check="proof.path", first_bad=_bad_inclusion(proof)),
        Check(check="proof.entry", first_bad=bad_entry),
    ]


def _form_fault(proof: dict[str, Any]) -> str | None:
    if set(proof) != _NAMES.get(str(proof.get("format"))) or proof["version"] != 1 or proof["version"] is True:
        return "it is no proof of version 1"
    if not is_digest(proof["public_key"]) or not all(is_digest(digest) for digest in proof["path"]):
        return "the key or the path is not in hex"
    if not isinstance(proof["head"], dict) or head_fault(proof["head"]):
        return "its tree head is none"
    if "entry" in proof:
        entry, payload = proof["entry"], proof["payload"]
        if not isinstance(entry, dict) or entry_fault(entry):
            return "its entry is none"
        return "its payload is of an entry without one" if payload is not None and entry["format"] == 1 else None
    first = proof["first"]
    well_formed = isinstance(first, dict) and set(first) == {"entries", "root"} and is_digest(first["root"])
    well_formed = well_formed and isinstance(first["entries"], int) and not isinstance(first["entries"], bool)
    return None if well_formed else "its shorter log is none"


def _bad_inclusion(proof: dict[str, Any]) -> str | None:
    leaf = hashlib.sha256(b"\x00" + canonical(proof["entry"])).digest()
    return inclusion_fault(proof["entry"]["seq"], leaf, proof["path"], proof["head"])


def inclusion_fault(number: int, leaf: bytes, path: Sequence[str], head: Mapping[str, Any]) -> str | None:
    """Why the path does not lead from the leaf of an entry to the tree head; None if it does.

    Args:
        number: Of the entry, from 0.
        leaf: Its leaf digest.
        path: Digests in hex, from the leaf upwards.
        head: The tree head.
    """
    siblings = [bytes.fromhex(sibling) for sibling in path]
    found = _folded(number, head["entries"], leaf, leaf, siblings)[1] if number < head["entries"] else b""
    return None if found.hex() == head["root"] else "the entry is not in the log that the tree head covers"


def _bad_growth(proof: dict[str, Any]) -> str | None:
    first, size = proof["first"]["entries"], proof["head"]["entries"]
    path = [bytes.fromhex(sibling) for sibling in proof["path"]]
    roots = proof["first"]["root"], proof["head"]["root"]
    if first == size and first > 0:
        holds = not path and roots[0] == roots[1]
    elif not 0 < first < size or not path:
        holds = False
    else:
        if first & (first - 1) == 0:
            path.insert(0, bytes.fromhex(roots[0]))
        number, last = first - 1, size - 1
        while number & 1:
            number, last = number >> 1, last >> 1
        found = _folded(number, last + 1, path[0], path[0], path[1:])
        holds = (found[0].hex(), found[1].hex()) == roots
    return None if holds else "the shorter log is not the beginning of the longer one"


def _folded(number: int, size: int, smaller: bytes, larger: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots that the path leads to, of the smaller tree and of the larger; empty if it does not fit."""
    last = size - 1
    for sibling in path:
        if last == 0:
            return b"", b""
        if number & 1 or number == last:
            smaller = hashlib.sha256(b"\x01" + sibling + smaller).digest()
            larger = hashlib.sha256(b"\x01" + sibling + larger).digest()
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            larger = hashlib.sha256(b"\x01" + larger + sibling).digest()
        number, last = number >> 1, last >> 1
    return (smaller, larger) if last == 0 else (b"", b"")
