"""Media of VICS 1.1 to 2.0, in hash sets and in cases; built from observation, no certification is claimed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from headwater.references.list_entries import Listed, ListItem, Source, entry_of, named_file
from headwater.references.rows import BadRowError

__all__ = ["is_media", "read_media"]

# Folded key of a medium to the column that holds it; "hashes" is a list of further hashes of the same file.
_COLUMNS = {
    "mediaid": "listed_file",
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "pdq": "pdq",
    "photodna": "photodna",
    "mediasize": "size_bytes",
    "category": "category",
    "categoryscheme": "scheme",
    "country": "country",
    "series": "series",
    "victimidentified": "victim_identified",
    "offenderidentified": "offender_identified",
    "isdistributed": "distributed",
    "mediatype": "media_kind",
    "mimetype": "media_kind",
    "alternativehashes": "hashes",
    "additionalhashes": "hashes",
}
_MANY = {"hashes", "media_kind"}
_NAMING = {"md5", "sha1", "sha256", "pdq", "photodna", "mediaid", "alternativehashes", "additionalhashes"}
_HASH_NAMES = {"pdq": "pdq", "photodna": "photodna", "md5": "md5", "sha1": "sha1", "sha256": "sha256"}
_folded: dict[str, str | None] = {}


def is_media(names: Collection[str]) -> bool:
    """Whether an object with these keys, in lower case, is a medium."""
    return not _NAMING.isdisjoint(names)


def read_media(source: Source, element: object, number: int, offset_bytes: int | None, group: str) -> list[ListItem]:
    """The rows of a medium: one, and one more for each further perceptual hash of it.

    Args:
        source: Where keys are counted that are not understood.
        element: The medium as decoded.
        number: Its number in the list.
        offset_bytes: Its place.
        group: What tells the media of its case from those of other cases; empty in a hash set.

    Raises:
        BadRowError: It cannot be used.
    """
    if not isinstance(element, Mapping):
        raise BadRowError("not an object")
    medium = _taken(source, element)
    raw, further, perceptual = medium.raw, medium.further, medium.perceptual
    shared: object = None
    more = max(1, *map(len, perceptual.values()))
    rows: list[dict[str, object]] = []
    for place in range(more):
        for name, values in perceptual.items():
            raw[name] = values[place] if place < len(values) else None
        row = entry_of(raw, further)
        if not rows:
            shared = row.get("listed_file") or named_file(row, number, part=more > 1)
            shared = f"{group}/{shared}" if group and shared is not None else shared
        row["listed_file"] = shared
        rows.append(row)
    # Only when all are good: a medium is imported whole or not at all.
    return [Listed(number, offset_bytes, row) for row in rows]


@dataclass(slots=True)
class _Medium:
    """A medium taken apart.

    Attributes:
        raw: By column, as the list has it.
        perceptual: Hashes of which a file may have several, by column.
        further: What no column holds.
    """

    raw: dict[str, object] = field(default_factory=dict)
    perceptual: dict[str, list[object]] = field(default_factory=lambda: {"pdq": [], "photodna": []})
    further: dict[str, object] = field(default_factory=dict)


def _taken(source: Source, element: Mapping[str, object]) -> _Medium:
    medium = _Medium()
    raw = medium.raw
    for key, value in element.items():
        column = _column(key)
        if column is None:
            medium.further[key] = value
            source.keys.count(key)
        elif column == "hashes":
            _take_hashes(source, key, value, medium)
        elif column in medium.perceptual:
            # The file's own value goes before those of the lists of further hashes; a list of values is as many values.
            values = value if isinstance(value, list) else [value]
            medium.perceptual[column][0:0] = [one for one in values if one is not None and one != ""]
        elif raw.get(column) is None:
            raw[column] = value
        elif column not in _MANY:
            raise BadRowError(f"key {key[:40]!r} is there twice, in two spellings")
        else:
            raw[column] = raw[column] or value
    return medium


def _column(key: str) -> str | None:
    try:
        return _folded[key]
    except KeyError:
        column = _COLUMNS.get(key.lower())
        if len(_folded) < 10_000:
            _folded[key] = column
        return column


def _take_hashes(source: Source, key: str, value: object, medium: _Medium) -> None:
    """Take what is known from a list of further hashes; the rest stays as it is under the list's key."""
    raw = medium.raw
    left = []
    for one in value if isinstance(value, list) else [value] if value is not None else []:
        parts = {k.lower(): v for k, v in one.items()} if isinstance(one, Mapping) else {}
        name = str(parts.get("hashname") or parts.get("name") or "").lower().replace("-", "")
        told = parts.get("hashvalue") or parts.get("value")
        column = _HASH_NAMES.get(name)
        if column is None or not told:
            left.append(one)
        elif column in medium.perceptual:
            medium.perceptual[column].append(told)
        elif raw.get(column) is None:
            raw[column] = told
        elif str(raw[column]).strip().lower() != str(told).strip().lower():
            raise BadRowError(f"two values of {column}")
    if left:
        medium.further[key] = left
        source.keys.count(key)
