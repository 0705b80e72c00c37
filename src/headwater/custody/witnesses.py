"""Time stamps of others on tree heads (RFC 3161): asked for by a file, brought back by a file, kept beside the log."""

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
from headwater.custody.state import locked
from headwater.errors import InputError
from headwater.schema import canonical_json

__all__ = ["WITNESSES_NAME", "add_timestamp", "bad_witness", "timestamp_request"]

WITNESSES_NAME = "custody.witnesses"
_FORMAT = 1
_FIELDS = {"format", "kind", "entries", "response", "authority"}
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
    with locked(case_dir, exclusive=True):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(case_dir / WITNESSES_NAME, flags, 0o640)
        try:
            append_bytes(descriptor, line + b"\n")
        finally:
            os.close(descriptor)
        sync_directory(case_dir)
    return entries


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
    if not spelled or not isinstance(witness, dict) or set(witness) != _FIELDS:
        return "it is no witness, spelled canonically"
    entries = witness["entries"]
    if witness["format"] != _FORMAT or witness["kind"] != "rfc3161" or type(entries) is not int or entries < 1:
        return "it is of no known kind"
    if entries > len(head_lines):
        return f"it saw {entries} entries and the log has {len(head_lines)}: its end was cut off"
    try:
        response = decode_timestamp_response(base64.b64decode(witness["response"], validate=True))
        roots = x509.load_pem_x509_certificates(str(witness["authority"]).encode())
        return _stamp_fault(response, roots, head_lines[entries - 1])
    except (ValueError, TypeError) as error:
        return f"the stamp or the certificate cannot be read: {error}"


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
