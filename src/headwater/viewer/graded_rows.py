"""What a row of a graded file says: on which content, and which grade."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from headwater.packages import check_no_media
from headwater.viewer.kept import Place, counted, kept_digests, kept_fields
from headwater.viewer.names import ECHO, HASHES_KEY, OUR_TAG, PLACES_KEY
from headwater.viewer.rows_in import GradedSource, RawRow

__all__ = ["NOTHING_SAID", "Defaults", "GradedRow", "Said", "grader_of", "stated_rows", "victim_word"]

_DIGESTS = (("sha256", 64), ("sha1", 40), ("md5", 32))
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})
_UNGRADED = re.compile(r"0*(\.0*)?")
_WITH_FRACTION = re.compile(r"^([0-9]+)\.0+$", re.ASCII)
_GRADERS = ("gradedby", "categorizedby")
_CONTACT = "contactname"  # of a case


class Said(NamedTuple):
    """A grade as a row states it.

    Attributes:
        category: As text; None for none and for 0, which is *not yet graded*.
        series: As stated.
        victim_identified: yes, no or unknown.
        tags: Without those that headwater wrote.
    """

    category: str | None
    series: str | None
    victim_identified: str
    tags: str | None


NOTHING_SAID = Said(None, None, "unknown", None)


class Defaults(NamedTuple):
    """What holds where the file itself does not say.

    Attributes:
        scheme: Whose categories.
        country: Whose law.
        graded_by: Who graded.
    """

    scheme: str = ""
    country: str = ""
    graded_by: str = ""


class GradedRow(NamedTuple):
    """A row, as little of it as comparing needs: a file may hold millions.

    Attributes:
        number: Its place in the file.
        digests: sha256, sha1 and md5 that it states, each lower case or None.
        bad_digest: A digest that is none.
        item_ids: Our own ids that it names.
        said: What it says.
        exported: What the export had said in it; None where the viewer dropped that.
        scheme: Whose categories.
        country: Whose law.
        graded_by: Who graded.
        fields: Unknown fields, each with a short digest.
        row_sha256: Of the row's text.
    """

    number: int
    digests: tuple[str | None, str | None, str | None]
    bad_digest: bool
    item_ids: tuple[str, ...]
    said: Said
    exported: Said | None
    scheme: str | None
    country: str | None
    graded_by: str | None
    fields: Mapping[Place, bytes]
    row_sha256: str


def stated_rows(source: GradedSource, unknown: Counter[str]) -> Iterator[GradedRow]:
    """The rows of a graded file; how often unknown fields occur is added to the counter.

    Raises:
        UnreadableInputError: The file is none, is cut short, or is damaged.
        RefusedError: A row holds media or key material.
    """
    for raw in source.rows():
        _refuse_media(f"{source.path.name}, row {raw.number + 1}", raw)
        kept = kept_fields(raw.text)
        unknown.update(counted(kept))
        yield _row(raw, kept_digests(kept))


_BREAKS = re.compile(r"\\[rnt]")


def _refuse_media(name: str, raw: RawRow) -> None:
    """Nothing, if neither the row nor what its escapes stand for holds media or key material."""
    files = {name: raw.text.encode("utf-8")}
    if "\\" in raw.text:
        # An encoded picture may be broken into lines, or have each of its slashes escaped.
        plain = json.dumps(raw.fields, ensure_ascii=False)
        files[f"{name}, unescaped"] = _BREAKS.sub("", plain).encode("utf-8", "backslashreplace")
    check_no_media(files, leaving="row of a graded file, which brings grades and never pictures,")


def grader_of(envelope: Mapping[str, Any]) -> str:
    """Who graded, as the file states for all of its rows."""
    return next((text for key in (*_GRADERS, _CONTACT) if (text := _text(envelope.get(key)))), "")


def _row(raw: RawRow, fields: Mapping[Place, bytes]) -> GradedRow:
    named = raw.fields
    stated: dict[str, object] = {name: named.get(name) for name, _ in _DIGESTS}
    for entry in _objects(named.get(HASHES_KEY)):
        name = str(entry.get("HashName") or entry.get("Name") or "").casefold().replace("-", "")
        if name in stated and not stated[name]:
            stated[name] = entry.get("HashValue") or entry.get("Value")
    digests = tuple(_digest(stated[name], length) for name, length in _DIGESTS)
    bad = any(_text(stated[name]) and found is None for (name, _), found in zip(_DIGESTS, digests, strict=True))
    echo = named.get(ECHO.casefold())
    if isinstance(echo, str):
        try:
            echo = json.loads(echo)
        except ValueError:
            echo = None
    return GradedRow(
        number=raw.number,
        digests=(digests[0], digests[1], digests[2]),
        bad_digest=bad,
        item_ids=tuple(_item_ids(named)),
        said=_said(named),
        exported=_said({k.casefold(): v for k, v in echo.items()}) if isinstance(echo, Mapping) else None,
        scheme=_text(named.get("categoryscheme")),
        country=_text(named.get("country")),
        graded_by=next((text for key in _GRADERS if (text := _text(named.get(key)))), None),
        fields=fields,
        row_sha256=hashlib.sha256(raw.text.encode("utf-8")).hexdigest(),
    )


def _said(named: Mapping[str, Any]) -> Said:
    category = _text(named.get("category"))
    return _the_said(
        None if category is None or _UNGRADED.fullmatch(category) else _WITH_FRACTION.sub(r"\1", category),
        _text(named.get("series")),
        victim_word(named.get("victimidentified")),
        _tags(named.get("tags")),
    )


@lru_cache(maxsize=4_096)
def _the_said(category: str | None, series: str | None, victim_identified: str, tags: str | None) -> Said:
    """One object for all rows that say the same, because a file may hold millions that do."""
    return Said(category, series, victim_identified, tags)


def victim_word(value: object) -> str:
    """yes, no or unknown: viewers write booleans in many ways, and an absent one is not a no."""
    word = str(value).strip().lower() if value is not None else ""
    return "yes" if word in _TRUE else "no" if word in _FALSE else "unknown"


def _digest(value: object, length: int) -> str | None:
    text = str(value or "").strip().lower()
    return text if len(text) == length and _HEX.fullmatch(text) else None


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = value.get("Name") or json.dumps(value, sort_keys=True)
    # An escape may stand for half a character, which no database holds.
    return str(value).strip().encode("utf-8", "backslashreplace").decode("utf-8") or None


def _tags(value: object) -> str | None:
    listed = value if isinstance(value, list) else re.split(r"[,;]", value) if isinstance(value, str) else [value]
    named = [text for one in listed if (text := _text(one)) and not text.startswith(OUR_TAG)]
    return ", ".join(named) or None


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _item_ids(named: Mapping[str, Any]) -> Iterator[str]:
    for fields in (named, *({k.casefold(): v for k, v in one.items()} for one in _objects(named.get(PLACES_KEY)))):
        if isinstance(item := fields.get("headwateritemid"), str) and item.isascii() and item:
            yield item
