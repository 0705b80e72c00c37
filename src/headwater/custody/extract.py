"""Chosen entries of a log, each with its proof against one tree head: checked by anybody without the log."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.custody.disk import content_of, lines_of
from headwater.custody.entry import (
    Entry,
    Head,
    entry_from_line,
    entry_signature_holds,
    head_from_line,
    head_signature_holds,
)
from headwater.custody.keys import load_case_public_key, raw_public_key
from headwater.custody.merkle import inclusion_paths, leaf_digest, root_by_inclusion
from headwater.custody.payloads import (
    bad_disclosed,
    destroyed_keys,
    disclosed,
    erased_entries,
    is_erasure_of,
    with_payload,
)
from headwater.custody.state import locked
from headwater.custody.subjects import KEYS_FOLDER, SubjectKeys
from headwater.custody.verify import Check
from headwater.errors import IntegrityError
from headwater.schema import canonical_json

__all__ = ["EXTRACT_CHECKS", "Chosen", "Extract", "RecordedAct", "custody_extract", "extract_checks"]

EXTRACT_CHECKS: Final = (
    "extract.form",
    "extract.key",
    "extract.head",
    "extract.paths",
    "extract.entries",
    "extract.texts",
)
"""What is checked of an extract, in this order."""

_FORMAT: Final = "headwater-custody-extract"
_VERSION: Final = 1
_NAMES: Final = {"format", "version", "public_key", "head", "entries"}
_ROW_NAMES: Final = {"seq", "path", "leaf", "entry", "payload", "erased_by", "withheld"}
_PIECE_DIGITS: Final = 256  # the guard of a package takes a longer run, beyond twice this, for an embedded file
_MALFORMED = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAct:
    """An entry as whoever chooses sees it.

    Attributes:
        entry: With its texts, where they can be read.
        sealed_under: Ids of the keys that its texts are sealed under; empty if they are not sealed.
        erased_by: Number of the entry that ordered its texts erased, or a key to them destroyed; None if none did.
    """

    entry: Entry
    sealed_under: tuple[str, ...]
    erased_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What of an entry is given; the proof that it is in the log always is.

    Attributes:
        entry_withheld: Why the entry itself is not given but only its leaf; empty: it is given.
        texts_withheld: Why its texts are not given but only their commitment; empty: they are, unless erased.
    """

    entry_withheld: str = ""
    texts_withheld: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """An extract, ready to be given.

    Attributes:
        content: The document, canonical JSON.
        head: The tree head that every proof in it leads to.
        entries: How many entries it shows or proves.
        withheld_entries: How many of them only as a leaf.
        withheld_texts: Of how many shown ones the texts are withheld.
    """

    content: bytes
    head: Head
    entries: int
    withheld_entries: int
    withheld_texts: int


def custody_extract(
    case_dir: Path,
    choose: Callable[[Sequence[RecordedAct]], Mapping[int, Chosen]],
    *,
    subject_keys: SubjectKeys | None = None,
) -> Extract:
    """The entries that `choose` names, with proofs against the last tree head.

    Args:
        case_dir: The case.
        choose: From all entries in order, the number of each that is in the extract, and what of it is given.
        subject_keys: The keys of subjects; None for those in the case folder.

    Raises:
        IntegrityError: The log has no tree head of all its entries, or a sealed text is not what was sealed.
    """
    with locked(case_dir, exclusive=False) as files:
        lines, heads, payload_lines = (lines_of(content_of(file))[0] for file in files)
    keys = (subject_keys or SubjectKeys(case_dir / KEYS_FOLDER)).as_now()
    if not lines or len(lines) != len(heads):
        raise IntegrityError(f"{case_dir}: the log has no tree head of all its entries; run 'headwater verify' on it")
    entries = [entry_from_line(line) for line in lines]
    following = iter(payload_lines)
    payloads = {entry.seq: next(following) for entry in entries if entry.payload_sha256}
    acts = _acts(entries, payloads, keys)
    chosen = _with_orders({seq: _whole(acts[seq], choice) for seq, choice in choose(acts).items()}, acts)
    paths = inclusion_paths([leaf_digest(line) for line in lines], sorted(chosen))
    rows = []
    for seq in sorted(chosen):
        row = _row(acts[seq], chosen[seq], lines[seq], payloads.get(seq), keys)
        rows.append({"seq": seq, "path": [digest.hex() for digest in paths[seq]], **row})
    document: dict[str, Any] = {
        "format": _FORMAT,
        "version": _VERSION,
        "public_key": raw_public_key(load_case_public_key(case_dir)).hex(),
        "head": json.loads(heads[-1]),
        "entries": rows,
    }
    return Extract(
        content=canonical_json(document),
        head=head_from_line(heads[-1]),
        entries=len(rows),
        withheld_entries=sum(row["entry"] is None for row in rows),
        withheld_texts=sum(row["entry"] is not None and row["withheld"] != "" for row in rows),
    )


def extract_checks(
    content: bytes | None, *, case_public_key: str | None = None, later_head: Mapping[str, Any] | None = None
) -> list[Check]:
    """Each check of an extract, in the order of `EXTRACT_CHECKS`; the first alone, if the document is none.

    Args:
        content: The document; None if it is missing.
        case_public_key: The key that the log must be of, in hex; None accepts the one that the document names.
        later_head: `entries` and `root` of a head of the same log, of later or at the same time; None for none.
    """
    if content is None:
        return [_check("extract.form", "it is missing")]
    try:
        document = json.loads(content)
        key, head_line, rows = _read(document, content)
        head = head_from_line(head_line)
        results = (
            None,
            None if case_public_key in {None, document["public_key"]} else f"it is of the key {document['public_key']}",
            _bad_head(head_line, head, key, later_head),
            _first(rows, lambda row: _bad_path(row, head)),
            _first(rows, lambda row: _bad_entry(row, key)),
            _first(rows, lambda row: _bad_texts(row, rows)),
        )
    except _MALFORMED as error:
        return [_check("extract.form", f"it is no extract of version 1 ({error})")]
    return [_check(name, bad) for name, bad in zip(EXTRACT_CHECKS, results, strict=True)]


def _check(name: str, bad: str | None) -> Check:
    return Check(check=name, ok=bad is None, first_bad=bad)


def _acts(entries: Sequence[Entry], payloads: Mapping[int, bytes], keys: SubjectKeys) -> list[RecordedAct]:
    erased, destroyed = erased_entries(entries), destroyed_keys(entries)
    acts = []
    for entry in entries:
        line = payloads.get(entry.seq)
        under = tuple(json.loads(line).get("keys", ())) if line is not None else ()
        orders = [destroyed[key] for key in under if key in destroyed]
        orders += [erased[entry.seq]] if entry.seq in erased else []
        readable = line is not None and not orders
        acts.append(
            RecordedAct(
                entry=with_payload(entry, line, keys) if line is not None and readable else entry,
                sealed_under=under,
                erased_by=min(orders, default=None),
            )
        )
    return acts


def _whole(act: RecordedAct, choice: Chosen) -> Chosen:
    """The choice; an entry of format 1 holds its texts itself, so it is given with them or not at all."""
    if act.entry.format == 1 and choice.texts_withheld and not choice.entry_withheld:
        return Chosen(entry_withheld=choice.texts_withheld)
    return choice


def _with_orders(chosen: Mapping[int, Chosen], acts: Sequence[RecordedAct]) -> dict[int, Chosen]:
    """The choice, and each entry that erased texts of it: without the order, a text that is gone would be a gap."""
    whole, waiting = dict(chosen), sorted(chosen)
    while waiting:
        seq = waiting.pop()
        order = acts[seq].erased_by
        if order is None or whole[seq].entry_withheld:
            continue
        if order not in whole or whole[order].entry_withheld:
            whole[order] = Chosen(texts_withheld="why something was erased may name whom it was about")
            waiting.append(order)
    return whole


def _row(act: RecordedAct, choice: Chosen, line: bytes, payload: bytes | None, keys: SubjectKeys) -> dict[str, Any]:
    row: dict[str, Any] = {"leaf": None, "entry": None, "payload": None, "erased_by": None, "withheld": ""}
    if choice.entry_withheld:
        return row | {"leaf": leaf_digest(line).hex(), "withheld": choice.entry_withheld}
    row["entry"] = json.loads(line)
    if payload is None:
        return row
    if act.erased_by is not None:
        return row | {"erased_by": act.erased_by}
    if choice.texts_withheld:
        return row | {"withheld": choice.texts_withheld}
    try:
        shown = disclosed(payload, keys)
    except ValueError as error:
        raise IntegrityError(f"entry {act.entry.seq}: {error}; run 'headwater verify'") from None
    if shown is None:
        return row | {"withheld": "the key to it is not at hand"}
    if "sealed" in shown:
        shown["sealed"] = _pieces(shown["sealed"])
    return row | {"payload": shown}


def _pieces(digits: str) -> list[str]:
    """The digits in pieces of one length; what is left at the end is part of the last one."""
    whole = max(len(digits) // _PIECE_DIGITS, 1)
    starts = [number * _PIECE_DIGITS for number in range(whole)]
    return [digits[start:end] for start, end in zip(starts, [*starts[1:], len(digits)], strict=True)]


def _read(document: Any, content: bytes) -> tuple[Ed25519PublicKey, bytes, list[dict[str, Any]]]:  # noqa: ANN401 - JSON
    if not isinstance(document, dict) or canonical_json(document) != content or set(document) != _NAMES:
        raise ValueError("it is not spelled as headwater spells it")
    if document["format"] != _FORMAT or document["version"] != _VERSION or document["version"] is True:
        raise ValueError("it is of another format")
    rows = document["entries"]
    for row in rows:
        if set(row) != _ROW_NAMES or not isinstance(row["withheld"], str):
            raise ValueError("an entry of it has other fields")
        if type(row["seq"]) is not int or not _fits(row):
            raise ValueError(f"entry {row['seq']}: what is given and what is withheld do not fit")
        for digest in row["path"]:
            _digest(digest)
    numbers = [row["seq"] for row in rows]
    if numbers != sorted(set(numbers)) or not numbers or numbers[0] < 0:
        raise ValueError("its entries are not in order, or there is none")
    key = Ed25519PublicKey.from_public_bytes(_digest(document["public_key"]))
    return key, canonical_json(document["head"]), rows


def _fits(row: Mapping[str, Any]) -> bool:
    if row["entry"] is None:
        _digest(row["leaf"])
        return row["payload"] is None and row["erased_by"] is None and bool(row["withheld"].strip())
    entry = entry_from_line(canonical_json(row["entry"]))
    given = [row["payload"] is not None, row["erased_by"] is not None, row["withheld"] != ""]
    return entry.seq == row["seq"] and row["leaf"] is None and sum(given) == (0 if entry.format == 1 else 1)


def _bad_head(head_line: bytes, head: Head, key: Ed25519PublicKey, later_head: Mapping[str, Any] | None) -> str | None:
    if not head_signature_holds(head_line, key):
        return "the tree head's signature does not hold"
    if later_head is None:
        return None
    if later_head["entries"] < head.entries or (
        later_head["entries"] == head.entries and later_head["root"] != head.root
    ):
        return "the envelope's tree head is of a log that does not begin with this one"
    return None


def _first(rows: Collection[Mapping[str, Any]], fault: Callable[[Mapping[str, Any]], str | None]) -> str | None:
    return next((f"entry {row['seq']}: {found}" for row in rows if (found := fault(row))), None)


def _bad_path(row: Mapping[str, Any], head: Head) -> str | None:
    leaf = _digest(row["leaf"]) if row["entry"] is None else leaf_digest(canonical_json(row["entry"]))
    found = root_by_inclusion(leaf, row["seq"], head.entries, [_digest(digest) for digest in row["path"]])
    return None if found == bytes.fromhex(head.root) else "it is not in the log that the tree head covers"


def _bad_entry(row: Mapping[str, Any], key: Ed25519PublicKey) -> str | None:
    if row["entry"] is None or entry_signature_holds(canonical_json(row["entry"]), key):
        return None
    return "its signature does not hold"


def _bad_texts(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str | None:
    if row["erased_by"] is not None:
        orders = (other["entry"] for other in rows if other["seq"] == row["erased_by"])
        found = next((order for order in orders if order is not None), None)
        return None if found and is_erasure_of(found, row["seq"]) else "the entry that erased its texts is not here"
    shown = row["payload"]
    if shown is None:
        return None
    if "sealed" in shown:
        pieces = shown["sealed"]
        if not isinstance(pieces, list) or pieces != _pieces("".join(pieces)):
            return "its sealed text is not in pieces"
        shown = {**shown, "sealed": "".join(pieces)}
    return bad_disclosed(shown, entry_from_line(canonical_json(row["entry"])))


def _digest(text: object) -> bytes:
    if not isinstance(text, str) or len(text) != 64 or text != text.lower():
        raise ValueError("a digest is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)
