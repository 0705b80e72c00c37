"""Fields of a media object that are not ours: found in the row as it came, and given back as they were written."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.viewer.json_text import elements_of, members_of
from headwater.viewer.names import CSV_KEYS, CSV_MARK, HASHES_KEY, OUR_HASHES, PLACE_KEYS, PLACES_KEY, WRITTEN_KEYS

__all__ = ["Kept", "Place", "counted", "kept_digests", "kept_fields", "merged", "place_of"]

Place = tuple[str, ...]
"""Where a field stands: (key,), ("AlternativeHashes", name) or ("MediaFiles", place, key)."""

Kept = dict[Place, list[str]]
"""Where, and the text of each member or element there; more than one where a key stands twice."""

_FROM_CSV = frozenset(key.casefold() for key in CSV_KEYS.values()) | {CSV_MARK.casefold()}
_WHOLE = "(whole)"


def place_of(fields: Mapping[str, Any]) -> str:
    """What tells one of the objects in `MediaFiles` from the others: our item id, else its path and name."""
    named = {key.casefold(): value for key, value in fields.items()}
    item = named.get("headwateritemid")
    return str(item) if item else f"{named.get('filepath') or ''}\0{named.get('filename') or ''}"


def kept_fields(text: str) -> Kept:
    """The fields of a row that the export does not write itself."""
    if not text.startswith("{"):
        return {}
    kept: Kept = {}
    members = members_of(text)
    ours = WRITTEN_KEYS | _FROM_CSV if any(member.key == CSV_MARK for member in members) else WRITTEN_KEYS
    for member in members:
        folded = member.key.casefold()
        if folded not in ours:
            kept.setdefault((member.key,), []).append(member.text)
        elif folded == HASHES_KEY and isinstance(member.value, list):
            _keep_hashes(kept, member.value_text)
        elif folded == PLACES_KEY and isinstance(member.value, list):
            _keep_places(kept, member.value_text)
    return kept


def _keep_hashes(kept: Kept, text: str) -> None:
    for value, element in elements_of(text):
        name = str(value.get("HashName") or value.get("Name") or "") if isinstance(value, dict) else ""
        if name.casefold().replace("-", "") not in OUR_HASHES:
            kept.setdefault(("AlternativeHashes", name), []).append(element)


def _keep_places(kept: Kept, text: str) -> None:
    for value, element in elements_of(text):
        if not isinstance(value, dict):
            kept.setdefault(("MediaFiles", element, _WHOLE), []).append(element)
            continue
        place = place_of(value)
        # The whole element too: where the place is none of this case, the export gives it back as it came.
        kept.setdefault(("MediaFiles", place, _WHOLE), []).append(element)
        for member in members_of(element):
            if member.key.casefold() not in PLACE_KEYS:
                kept.setdefault(("MediaFiles", place, member.key), []).append(member.text)


def kept_digests(kept: Kept) -> dict[Place, bytes]:
    """Eight bytes for each field, enough to see whether it changed."""
    return {
        place: hashlib.blake2b("\0".join(texts).encode("utf-8"), digest_size=8).digest()
        for place, texts in kept.items()
        if place[-1] != _WHOLE
    }


def counted(kept: Kept) -> Counter[str]:
    """How often each unknown field occurs, by a name for people."""
    names = (f"{p[0]}.{p[-1]}" if len(p) > 1 else p[0] for p in kept if p[-1] != _WHOLE)
    return Counter(names)


def merged(rows: Iterable[str]) -> Kept:
    """The fields of several rows on one content; of those in the same place, the ones of the row that comes first."""
    found: Kept = {}
    for text in rows:
        for place, texts in kept_fields(text).items():
            found.setdefault(place, texts)
    return found
