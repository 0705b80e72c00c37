"""Witnesses from outside to tree heads: time stamps (RFC 3161) and receipts, brought by a file, kept beside the log."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.base import HashAlgorithm

from headwater.custody.disk import append_bytes, content_of, lines_of, sync_directory
from headwater.custody.signed import signed_from
from headwater.custody.state import locked
from headwater.errors import InputError
from headwater.schema import canonical_json

__all__ = ["WITNESSES_NAME", "add_receipt", "add_timestamp", "bad_witness", "kept_receipts", "timestamp_request"]

WITNESSES_NAME = "custody.witnesses"
_FORMAT = 1
_FIELDS = {
    "rfc3161": {"format", "kind", "entries", "response", "authority"},
    "receipt": {"format", "kind", "entries", "receipt", "receiver_key"},
}
_RECEIPT, _RECEIPT_ROLES = "headwater-receipt", ("operator", "receiver")
_GRANTED = 0  # source: RFC 3161, section 2.4.2


def timestamp_request(case_dir: Path) -> tuple[int, bytes]:
    """How many entries the newest tree head covers, and a request (RFC 3161, DER) for a time stamp on its line."""
    heads = _heads(case_dir)
    builder = TimestampRequestBuilder().data(heads[-1]).hash_algorithm(HashAlgorithm.SHA256)
    return len(heads), bytes(builder.nonce(nonce=True).cert_request(cert_request=True).build().as_bytes())


def add_timestamp(case_dir: Path, response: bytes, authority_pem: bytes) -> int:
    """The number of entries that the stamped tree head covers, once the stamp is kept beside the log.

    Args:
        case_dir: The case.
        response: The authority's reply, DER.
        authority_pem: Certificate that the authority's own leads up to, had over another channel.

    Raises:
        InputError: It is no stamp on a tree head of this log by that authority; nothing was kept.
    """
    heads = _heads(case_dir)
    imprints = {hashlib.sha256(line).digest(): number for number, line in enumerate(heads, start=1)}
    try:
        found = decode_timestamp_response(response)
        entries = imprints.get(bytes(found.tst_info.message_imprint.message)) if found.status == _GRANTED else None
    except ValueError:
        entries = None
    if entries is None:
        reason = "is no time stamp on a tree head of this log"
        raise InputError("time stamp", reason, remedy="give the reply to a request that this case made")
    line = canonical_json(
        {
            "format": _FORMAT,
            "kind": "rfc3161",
            "entries": entries,
            "response": base64.b64encode(response).decode(),
            "authority": authority_pem.decode("utf-8", "replace"),
        }
    )
    bad = _line_fault(line, heads)
    if bad:
        raise InputError("time stamp", bad, remedy="ask who sent it, and compare the authority's certificate")
    _keep(case_dir, line)
    return entries


def add_receipt(case_dir: Path, receipt: bytes, receiver_key: bytes) -> int:
    """The number of entries of the tree head that a receipt countersigns, once the receipt is kept beside the log.

    Args:
        case_dir: The case.
        receipt: As the recipient sent it (docs/reference/package-format.md).
        receiver_key: The recipient's key as had over another channel, 32 bytes.

    Raises:
        InputError: It countersigns no tree head of this log, is not signed by that key, or is kept already.
    """
    remedy = "ask who sent it, and compare the recipient's key"
    try:
        document = signed_from(receipt, _RECEIPT, _RECEIPT_ROLES)
        entries = document["custody_head"]["entries"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("receipt", f"countersigns no tree head ({error})", remedy=remedy) from None
    witness = {"format": _FORMAT, "kind": "receipt", "entries": entries, "receiver_key": receiver_key.hex()}
    line = canonical_json({**witness, "receipt": document})
    if bad := _line_fault(line, _heads(case_dir)):
        raise InputError("receipt", bad, remedy=remedy)
    kept = case_dir / WITNESSES_NAME
    if kept.is_file() and line in lines_of(kept.read_bytes())[0]:
        raise InputError("receipt", "is kept already", remedy="nothing is to be done")
    _keep(case_dir, line)
    return int(entries)


def kept_receipts(case_dir: Path) -> list[dict[str, Any]]:
    """The receipts beside the log, in the order in which they came."""
    path = case_dir / WITNESSES_NAME
    lines = lines_of(path.read_bytes())[0] if path.is_file() else []
    return [witness["receipt"] for witness in map(json.loads, lines) if witness["kind"] == "receipt"]


def _keep(case_dir: Path, line: bytes) -> None:
    with locked(case_dir, exclusive=True):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(case_dir / WITNESSES_NAME, flags, 0o640)
        try:
            append_bytes(descriptor, line + b"\n")
        finally:
            os.close(descriptor)
        sync_directory(case_dir)


def bad_witness(content: bytes, head_lines: Sequence[bytes]) -> str | None:
    """Where a witness first saw another log, or is none, and why; None if all agree."""
    lines, rest = lines_of(content)
    for number, line in enumerate(lines):
        if fault := _line_fault(line, head_lines):
            return f"witness {number}: {fault}"
    return f"witness {len(lines)}: {len(rest)} bytes without a line end" if rest else None


def _line_fault(line: bytes, head_lines: Sequence[bytes]) -> str | None:
    try:
        witness: Any = json.loads(line)
        spelled = canonical_json(witness) == line
    except (ValueError, TypeError, RecursionError):
        witness, spelled = None, False
    if not spelled or not isinstance(witness, dict) or set(witness) not in _FIELDS.values():
        return "it is no witness, spelled canonically"
    entries, kind = witness["entries"], str(witness["kind"])
    known = witness["format"] == _FORMAT and set(witness) == _FIELDS.get(kind)
    if not known or type(entries) is not int or entries < 1:
        return "it is of no known kind"
    if entries > len(head_lines):
        return f"it saw {entries} entries and the log has {len(head_lines)}: its end was cut off"
    if kind == "receipt":
        return _receipt_fault(witness, head_lines[entries - 1])
    try:
        response = decode_timestamp_response(base64.b64decode(witness["response"], validate=True))
        roots = x509.load_pem_x509_certificates(str(witness["authority"]).encode())
        return _stamp_fault(response, roots, head_lines[entries - 1])
    except (ValueError, TypeError) as error:
        return f"the stamp or the certificate cannot be read: {error}"


def _receipt_fault(witness: dict[str, Any], head_line: bytes) -> str | None:
    try:
        receipt = signed_from(canonical_json(witness["receipt"]), _RECEIPT, _RECEIPT_ROLES)
        seen = receipt["custody_head"]
        same = seen == {"entries": witness["entries"], "root": json.loads(head_line)["root"]}
    except (ValueError, KeyError, TypeError) as error:
        return f"the receipt does not hold: {error}"
    if receipt["signatures"][-1]["public_key"] != witness["receiver_key"]:
        return "the receipt is signed by another key than the recipient's"
    return None if same else "the recipient saw another log"


def _stamp_fault(response: TimeStampResponse, roots: Sequence[x509.Certificate], head_line: bytes) -> str | None:
    if response.status != _GRANTED:
        return "the authority refused it"
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        holds = builder.build().verify(response, hashlib.sha256(head_line).digest())
    except (VerificationError, ValueError) as error:
        return f"the stamp does not hold: {error}"
    return None if holds else "the stamp does not hold"


def _heads(case_dir: Path) -> list[bytes]:
    with locked(case_dir, exclusive=False) as files:
        heads, _ = lines_of(content_of(files[1]))
    if not heads:
        raise InputError(case_dir, "has no tree head yet", remedy="run 'headwater verify' on it")
    return heads
