"""A custody log, checked from its files alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from headwater_verify.checks import Check, parsed, sha256_hex
from headwater_verify.entries import entry_fault, head_fault, payload_fault, signature_fault
from headwater_verify.timestamps import bad_witness

__all__ = ["Witness", "custody_checks"]

Witness = tuple[int, str]
"""Entries and root of a tree head that somebody else kept."""

_ERASED_ID = re.compile(r"entry-(0|[1-9][0-9]*)", re.ASCII)


def custody_checks(
    log: bytes,
    heads: bytes,
    payloads: bytes,
    public_key: str,
    witnesses: Sequence[Witness] = (),
    stamps: bytes = b"",
) -> list[Check]:
    """Each check of the log, in a fixed order.

    Args:
        log: Content of `custody.log`.
        heads: Content of `custody.heads`.
        payloads: Content of `custody.payloads`; empty for a log of format 1, which has none.
        public_key: The case's key, 32 bytes in hex.
        witnesses: Tree heads kept elsewhere; the log must begin with just those entries.
        stamps: Content of `custody.witnesses`; empty if no authority was asked.
    """
    lines, entries, bad_line = _objects(log, "entry", entry_fault)
    head_lines, stated, bad_head = _objects(heads, "tree head", head_fault)
    if not lines and bad_line is None:
        bad_line = "the log holds no entry"
    roots = list(_roots(lines))
    return [
        Check(check="custody.log.lines", first_bad=bad_line),
        Check(check="custody.log.chain", first_bad=_bad_chain(lines, entries)),
        Check(check="custody.log.first", first_bad=_bad_first(entries, public_key)),
        Check(
            check="custody.log.signatures",
            first_bad=_bad_signature(b"headwater custody entry %d\n", entries, public_key, "entry"),
        ),
        Check(check="custody.heads.lines", first_bad=bad_head),
        Check(check="custody.heads.tree", first_bad=_bad_root(stated, roots)),
        Check(
            check="custody.heads.signatures",
            first_bad=_bad_signature(b"headwater custody tree head %d\n", stated, public_key, "tree head"),
        ),
        Check(check="custody.heads.complete", first_bad=_bad_count(len(lines), len(head_lines))),
        Check(check="custody.payloads", first_bad=_bad_payload(payloads, entries)),
        Check(check="custody.witnesses", first_bad=bad_witness(stamps, head_lines)),
        *(Check(check="custody.witness", first_bad=_bad_witness(witness, roots)) for witness in sorted(set(witnesses))),
    ]


def _objects(content: bytes, what: str, fault: Any) -> tuple[list[bytes], list[dict[str, Any]], str | None]:  # noqa: ANN401 - a function of this module
    """The whole lines, their objects up to the first bad one, and where and why that is bad."""
    *lines, rest = content.split(b"\n")
    objects: list[dict[str, Any]] = []
    offset_bytes = 0
    for number, line in enumerate(lines):
        place = f"{what} {number} (byte {offset_bytes})"
        try:
            value = parsed(line, "the line")
            reason = fault(value)
        except ValueError as error:
            reason = str(error)
        if reason:
            return lines, objects, f"{place}: {reason}"
        objects.append(value)
        offset_bytes += len(line) + 1
    if rest:
        return (
            lines,
            objects,
            f"after {what} {len(lines) - 1} (byte {offset_bytes}): {len(rest)} bytes without a line end",
        )
    return lines, objects, None


def _bad_chain(lines: Sequence[bytes], entries: Sequence[dict[str, Any]]) -> str | None:
    newest = 0
    for number, entry in enumerate(entries):
        if entry["format"] < newest:
            return f"entry {number}: it is of an older format than the one before it"
        newest = entry["format"]
        before = sha256_hex(lines[number - 1]) if number else "0" * 64
        if (entry["seq"], entry["prev_hash"]) != (number, before):
            return f"entry {number}: it does not follow the line before it"
    return None


def _bad_first(entries: Sequence[dict[str, Any]], public_key: str) -> str | None:
    for number, entry in enumerate(entries):
        if (entry["event"] == "created") is not (number == 0):
            return f"entry {number}: a log begins with 'created', once"
    if entries and entries[0]["input_digests"].get("signing_key") != sha256_hex(bytes.fromhex(public_key)):
        return "entry 0: the log was begun with another signing key"
    return None


def _bad_signature(context: bytes, objects: Sequence[dict[str, Any]], public_key: str, what: str) -> str | None:
    for number, value in enumerate(objects):
        if fault := signature_fault(context, value, public_key):
            return f"{what} {number}: {fault}"
    return None


def _roots(lines: Sequence[bytes]) -> Iterator[str]:
    """The RFC 9162 root after each line.

    After n leaves the complete subtrees are those of the bits set in n, so adding leaf n joins as many of them as n has
    ones at its end.
    """
    whole: list[bytes] = []
    for number, line in enumerate(lines):
        digest = hashlib.sha256(b"\x00" + line).digest()
        joined = number
        while joined & 1:
            digest = hashlib.sha256(b"\x01" + whole.pop() + digest).digest()
            joined >>= 1
        whole.append(digest)
        root = whole[-1]
        for left in whole[-2::-1]:
            root = hashlib.sha256(b"\x01" + left + root).digest()
        yield root.hex()


def _bad_root(heads: Sequence[dict[str, Any]], roots: Sequence[str]) -> str | None:
    for number, (head, root) in enumerate(zip(heads, roots, strict=False)):
        if (head["entries"], head["root"]) != (number + 1, root):
            return f"tree head {number}: it is not that of the entries up to {number}"
    return None


def _bad_count(entries: int, heads: int) -> str | None:
    if entries == heads:
        return None
    counts = f"{entries} entries and {heads} tree heads"
    return f"entry {min(entries, heads)}: there are {counts}: a crash, or an end was cut off"


def _bad_witness(witness: Witness, roots: Sequence[str]) -> str | None:
    entries, root = witness
    if entries < 1 or entries > len(roots):
        return (
            f"entry {len(roots)}: the witness saw {entries} entries and the log has {len(roots)}: its end was cut off"
        )
    if roots[entries - 1] != root:
        return f"entry {entries - 1} or one before it: it is not the log that the witness saw"
    return None


def _bad_payload(content: bytes, entries: Sequence[dict[str, Any]]) -> str | None:
    *lines, rest = content.split(b"\n")
    if rest:
        return f"payload {len(lines)}: {len(rest)} bytes without a line end"
    committed = [entry for entry in entries if entry["format"] == 2]
    erased = _erased(entries)
    for number, (line, entry) in enumerate(zip(lines, committed, strict=False)):
        if fault := payload_fault(line, entry, erased.get(entry["seq"])):
            return f"payload {number} (entry {entry['seq']}): {fault}"
    if len(lines) != len(committed):
        counts = f"{len(lines)} payloads for {len(committed)} entries of format 2"
        return f"payload {min(len(lines), len(committed))}: there are {counts}"
    return None


def _erased(entries: Sequence[dict[str, Any]]) -> dict[int, int]:
    erased: dict[int, int] = {}
    for entry in entries:
        if (entry["event"], entry["outcome"]) == ("erased", "done"):
            for name in entry["object_ids"]:
                if found := _ERASED_ID.fullmatch(name):
                    erased.setdefault(int(found[1]), entry["seq"])
    return erased
