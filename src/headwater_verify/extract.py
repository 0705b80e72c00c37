"""An extract of a custody log: chosen entries, each proved to be in the log that one tree head covers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from headwater_verify.checks import Check, canonical, is_digest, parsed, sha256_hex
from headwater_verify.entries import entry_fault, head_fault, shown_fault, signature_fault
from headwater_verify.proofs import inclusion_fault

__all__ = ["EXTRACT_CHECKS", "extract_checks"]

EXTRACT_CHECKS = (
    "extract.form",
    "extract.key",
    "extract.head",
    "extract.paths",
    "extract.entries",
    "extract.texts",
)
_NAMES = {"format", "version", "public_key", "head", "entries"}
_ROW = {"seq", "path", "leaf", "entry", "payload", "erased_by", "withheld"}
_PIECE_DIGITS = 256
_DESTROYED = re.compile(r"key-[0-9a-f]{32}", re.ASCII)
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def extract_checks(
    content: bytes | None, public_key: str | None, later_head: Mapping[str, Any] | None = None
) -> list[Check]:
    """Each check, in a fixed order; the first alone, if the document is none.

    Args:
        content: The document; None if it is missing.
        public_key: The key that the log must be of, in hex; None accepts the one that the document names.
        later_head: `entries` and `root` of a tree head of the same log, not older than the extract's; None for none.
    """
    try:
        if content is None:
            raise ValueError("it is missing")
        extract = parsed(content, "the extract")
        if fault := _form_fault(extract):
            raise ValueError(fault)
    except _MALFORMED as error:
        return [Check(check="extract.form", first_bad=f"it is no extract of version 1: {error}")]
    key, head, rows = extract["public_key"], extract["head"], extract["entries"]
    return [
        Check(check="extract.form", first_bad=None),
        Check(check="extract.key", first_bad=None if public_key in {None, key} else f"it is of the key {key}"),
        _check("extract.head", lambda: _head_fault(head, key, later_head)),
        _check("extract.paths", lambda: _first(rows, lambda row: _path_fault(row, head))),
        _check("extract.entries", lambda: _first(rows, lambda row: _entry_fault(row, key))),
        _check("extract.texts", lambda: _first(rows, lambda row: _texts_fault(row, rows))),
    ]


def _check(name: str, find: Callable[[], str | None]) -> Check:
    try:
        return Check(check=name, first_bad=find())
    except _MALFORMED as error:
        return Check(check=name, first_bad=f"it is malformed ({type(error).__name__}: {error})")


def _form_fault(extract: Mapping[str, Any]) -> str | None:
    known = (extract.get("format"), canonical(extract.get("version"))) == ("headwater-custody-extract", b"1")
    if not known or set(extract) != _NAMES or not is_digest(extract["public_key"]):
        return "its fields are others"
    if not isinstance(extract["head"], dict) or head_fault(extract["head"]):
        return "its tree head is none"
    rows = extract["entries"]
    if not isinstance(rows, list) or not rows:
        return "it shows nothing"
    last = -1
    for row in rows:
        if not isinstance(row, dict) or set(row) != _ROW or type(row["seq"]) is not int or row["seq"] <= last:
            return f"after entry {last}: what follows is no entry of an extract, or not in order"
        last = row["seq"]
        if not _fits(row):
            return f"entry {last}: what is given and what is withheld do not fit"
    return None


def _fits(row: Mapping[str, Any]) -> bool:
    entry, withheld = row["entry"], row["withheld"]
    if not isinstance(withheld, str) or not isinstance(row["path"], list) or not all(map(is_digest, row["path"])):
        return False
    if entry is None:
        nothing = row["payload"] is None and row["erased_by"] is None
        return nothing and is_digest(row["leaf"]) and withheld.strip() != ""
    if not isinstance(entry, dict) or entry_fault(entry) or entry["seq"] != row["seq"] or row["leaf"] is not None:
        return False
    said = sum((row["payload"] is not None, row["erased_by"] is not None, withheld != ""))
    return said == (1 if entry["format"] == 2 else 0)


def _head_fault(head: dict[str, Any], key: str, later: Mapping[str, Any] | None) -> str | None:
    if signature_fault(b"headwater custody tree head %d\n", head, key):
        return "the signature of the tree head does not hold"
    if later is None or later["entries"] > head["entries"]:
        return None
    same = later["entries"] == head["entries"] and later["root"] == head["root"]
    return None if same else "the envelope's tree head is of a log that does not begin with this one"


def _first(rows: Sequence[dict[str, Any]], fault: Callable[[dict[str, Any]], str | None]) -> str | None:
    return next((f"entry {row['seq']}: {found}" for row in rows if (found := fault(row))), None)


def _path_fault(row: Mapping[str, Any], head: Mapping[str, Any]) -> str | None:
    leaf = row["leaf"] if row["entry"] is None else sha256_hex(b"\x00" + canonical(row["entry"]))
    return inclusion_fault(row["seq"], bytes.fromhex(leaf), row["path"], head)


def _entry_fault(row: Mapping[str, Any], key: str) -> str | None:
    return None if row["entry"] is None else signature_fault(b"headwater custody entry %d\n", row["entry"], key)


def _texts_fault(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str | None:
    if row["erased_by"] is not None:
        orders = [other["entry"] for other in rows if other["seq"] == row["erased_by"] and other["entry"] is not None]
        if not orders or (orders[0]["event"], orders[0]["outcome"]) != ("erased", "done"):
            return "the entry that erased its texts is not here"
        named = orders[0]["object_ids"]
        ordered = f"entry-{row['seq']}" in named or any(_DESTROYED.fullmatch(name) for name in named)
        return None if ordered else "the entry that is said to have erased its texts did not"
    if row["payload"] is None:
        return None
    shown = dict(row["payload"])
    if "sealed" in shown:
        pieces = shown["sealed"]
        joined = "".join(pieces) if isinstance(pieces, list) else ""
        whole = max(len(joined) // _PIECE_DIGITS, 1)
        cuts = [*(number * _PIECE_DIGITS for number in range(whole)), len(joined)]
        if pieces != [joined[start:end] for start, end in pairwise(cuts)]:
            return "its sealed text is not in pieces"
        shown["sealed"] = joined
    return shown_fault(shown, row["entry"])
