"""Signals of ThreatExchange and of Hasher-Matcher-Actioner (HMA), in their JSON and CSV exports."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from headwater.references.list_entries import Deletion, Listed, ListItem, Source, entry_of
from headwater.references.list_vpdq import frames_of
from headwater.references.rows import BadRowError

__all__ = ["csv_signal", "is_banked", "is_indicator", "read_banked", "read_indicator"]

# Type of a signal, folded: the column that holds it, and the kind of media that it is made of.
_SIGNALS: Mapping[str, tuple[str, str | None]] = {
    "hash_pdq": ("pdq", "still"),
    "pdq": ("pdq", "still"),
    "hash_md5": ("md5", None),
    "md5": ("md5", None),
    "photo_md5": ("md5", "still"),
    "hash_video_md5": ("md5", "video"),
    "video_md5": ("md5", "video"),
    "vmd5": ("md5", "video"),
    "hash_sha1": ("sha1", None),
    "sha1": ("sha1", None),
    "hash_sha256": ("sha256", None),
    "sha256": ("sha256", None),
    "hash_video_vpdq": ("vpdq", "video"),
    "vpdq": ("vpdq", "video"),
    "video_vpdq": ("vpdq", "video"),
    "hash_photodna": ("photodna", "still"),
    "photodna": ("photodna", "still"),
}
# Opinions that deny a polarity, by that polarity.
_DENIED_BY = {
    "known-illegal": {"non_malicious", "negative_class", "false_positive"},
    "known-benign": {"malicious", "positive_class", "true_positive"},
}
_INDICATOR_KEYS = {"id", "indicator", "type", "status", "should_delete", "last_updated"}
_BANKED_KEYS = {"id", "content_id", "signals"}
_SCHEME = "ThreatExchange"


def is_indicator(names: Collection[str]) -> bool:
    """Whether an object with these keys, in lower case, is an indicator of ThreatExchange."""
    return "indicator" in names and "type" in names


def is_banked(names: Collection[str]) -> bool:
    """Whether an object with these keys, in lower case, is content of an HMA bank."""
    return "signals" in names


def _signal_rows(kind: object, value: object, common: dict[str, object], number: int) -> list[dict[str, object]]:
    """The columns that a signal fills: one row, or one for each frame of a vPDQ signal.

    Args:
        kind: Its type, as the export names it.
        value: Its text.
        common: Columns that every row has.
        number: Number of the listed file.

    Raises:
        BadRowError: It is of a type that is not read, or not what its type says.
    """
    known = _SIGNALS.get(str(kind).strip().lower())
    if known is None:
        raise BadRowError(f"signal type {str(kind)[:30]!r} is not read")
    column, media_kind = known
    common = common | ({"media_kind": media_kind} if media_kind else {})
    if column != "vpdq":
        return [common | {column: value}]
    features = value
    if isinstance(value, str):
        try:
            features = json.loads(value, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise BadRowError("the vPDQ signal is not JSON") from error
    shared = common.get("listed_file") or f"row {number}"
    return [common | frame | {"listed_file": shared} for frame in frames_of(features)]


def _check_opinion(source: Source, opinion: object) -> None:
    if str(opinion).strip().lower() in _DENIED_BY.get(source.polarity or "", ()):
        raise BadRowError(f"its status {str(opinion)[:30]!r} denies the polarity {source.polarity}")


def read_indicator(
    source: Source, element: object, number: int, offset_bytes: int | None, group: str
) -> list[ListItem]:
    """The rows of an indicator, or its deletion.

    Raises:
        BadRowError: It cannot be used.
    """
    del group
    if not isinstance(element, Mapping):
        raise BadRowError("not an object")
    folded = {key.lower(): value for key, value in element.items()}
    further = {key: value for key, value in element.items() if key.lower() not in _INDICATOR_KEYS}
    for key in further:
        source.keys.count(key)
    own_id = folded.get("id")
    updated = folded.get("last_updated")
    at = float(updated) if isinstance(updated, int) and abs(updated) < 1 << 53 else None
    if str(folded.get("should_delete", "")).lower() in {"true", "1", "yes"}:
        if own_id is None:
            raise BadRowError("deleted, and no id says which")
        return [Deletion(number, str(own_id), None if updated is None else str(updated), at)]
    status = folded.get("status")
    _check_opinion(source, status)
    common: dict[str, object] = {"listed_file": None if own_id is None else str(own_id)}
    if status is not None:
        common |= {"category": status, "scheme": _SCHEME}
    rows = [entry_of(raw, further) for raw in _signal_rows(folded.get("type"), folded.get("indicator"), common, number)]
    return [Listed(number, offset_bytes, row, at) for row in rows]


def read_banked(source: Source, element: object, number: int, offset_bytes: int | None, group: str) -> list[ListItem]:
    """The rows of content in a bank: its digests in one, and one more for each frame of a vPDQ signal.

    Raises:
        BadRowError: It cannot be used.
    """
    del group
    if not isinstance(element, Mapping):
        raise BadRowError("not an object")
    folded = {key.lower(): value for key, value in element.items()}
    signals = folded.get("signals")
    if not isinstance(signals, Mapping) or not signals:
        raise BadRowError("no signals")
    further = {key: value for key, value in element.items() if key.lower() not in _BANKED_KEYS}
    for key in further:
        source.keys.count(key)
    own_id = folded.get("id", folded.get("content_id"))
    shared = f"row {number}" if own_id is None else str(own_id)
    together: dict[str, object] = {"listed_file": shared}
    frames: list[dict[str, object]] = []
    unread = {kind: value for kind, value in signals.items() if str(kind).strip().lower() not in _SIGNALS}
    for kind in unread:
        source.keys.count(f"signals {kind}")
    if unread:
        further["signals"] = unread
    for kind, value in signals.items():
        if kind in unread:
            continue
        found = _signal_rows(kind, value, {"listed_file": shared}, number)
        if "at_ms" in found[0]:
            frames += found
        else:
            together |= found[0]
    rows = [entry_of(raw, further) for raw in ([together] if len(together) > 1 or not frames else []) + frames]
    return [Listed(number, offset_bytes, row) for row in rows]


def csv_signal(
    source: Source, cells: Mapping[str, str], further: Mapping[str, object], number: int
) -> list[dict[str, object]]:
    """The values of each row that a line of an export fills: `signal_type` and `signal_str`, or `type` and `indicator`.

    Raises:
        BadRowError: It cannot be used.
    """
    opinion = cells.get("category") or cells.get("status") or ""
    _check_opinion(source, opinion)
    common: dict[str, object] = {"listed_file": cells.get("id") or None}
    if opinion.strip():
        common |= {"category": opinion, "scheme": _SCHEME}
    kind = cells.get("signaltype") or cells.get("type")
    value = cells.get("signalstr") or cells.get("indicator")
    return [entry_of(raw, further) for raw in _signal_rows(kind, value, common, number)]
