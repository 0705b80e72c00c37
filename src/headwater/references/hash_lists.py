"""Hash lists: VICS-like JSON and CSV. Built from observation of the published shape; no certification is claimed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from headwater.errors import UnreadableInputError
from headwater.references.rows import BadRow, BadRowError, Reading, csv_rows, hex_digest, text_or_none, whole_number

__all__ = ["read_hash_list"]

TABLE = "hash_list_entries"
_HEAD_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TRUE = {"true", "yes", "1", "y"}
_FALSE = {"false", "no", "0", "n"}


def read_hash_list(path: Path) -> Reading:
    """The entries of a hash list, as VICS-like JSON or CSV by its first byte."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(_BYTE_ORDER_MARK).lstrip()
    return _read_vics(path) if head[:1] in {b"{", b"["} else _read_csv(path)


def _read_csv(path: Path) -> Reading:
    def read(cells: dict[str, str], _number: int) -> tuple[str, dict[str, object]]:
        return TABLE, _entry(
            md5=cells.get("md5"),
            sha1=cells.get("sha1"),
            sha256=cells.get("sha256"),
            pdq=cells.get("pdq"),
            size=cells.get("size_bytes"),
            category=cells.get("category"),
            series=cells.get("series"),
            victim_identified=cells.get("victim_identified"),
            media_kind=cells.get("media_kind"),
            scheme=cells.get("scheme"),
            country=cells.get("country"),
        )

    return csv_rows(path, ("md5",), read)


def _read_vics(path: Path) -> Reading:
    text = path.read_bytes()
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableInputError(path, "not UTF-8 text", offset_bytes=error.start, remedy="convert it") from error
    except json.JSONDecodeError as error:
        mark = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
        offset = mark + len(error.doc[: error.pos].encode("utf-8"))
        raise UnreadableInputError(
            path, f"not valid JSON ({error.msg})", offset_bytes=offset, remedy="ask the list's author for it again"
        ) from error
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number in it is too long"
        raise UnreadableInputError(
            path, f"JSON that is not read: {reason}", remedy="ask the list's author for it again"
        ) from error
    values = document.get("value") if isinstance(document, Mapping) else document
    if not isinstance(values, list):
        raise UnreadableInputError(
            path, "no list 'value' of media", offset_bytes=0, remedy="check that this is a VICS JSON hash list"
        )
    reading = Reading()
    position = 0
    for number, media in enumerate(values):
        # The decoder gives no positions: the row is found again by its own digest, which is unique enough to point at.
        digest = media.get("MD5") if isinstance(media, Mapping) else None
        found = text.find(digest.encode("utf-8"), position) if isinstance(digest, str) and digest else -1
        position = found if found >= 0 else position
        where = found if found >= 0 else None
        try:
            if not isinstance(media, Mapping):
                raise BadRowError("not an object")  # noqa: TRY301 - one place makes bad rows
            for row in _vics_entries(media):
                reading.add(TABLE, row, row=number, offset_bytes=where)
        except BadRowError as error:
            reading.bad_rows.append(BadRow(offset_bytes=where, row=number, reason=str(error)))
    return reading


def _vics_entries(media: Mapping[str, object]) -> list[dict[str, object]]:
    """One entry for the file and one for each further perceptual hash of it."""
    perceptual: list[object] = []
    listed = _objects(media.get("AlternativeHashes")) + _objects(media.get("AdditionalHashes"))
    perceptual += [
        hashed.get("HashValue") or hashed.get("Value")
        for hashed in listed
        if str(hashed.get("HashName") or hashed.get("Name") or "").upper() == "PDQ"
    ]
    if media.get("PDQ"):
        perceptual.insert(0, media["PDQ"])
    kind = str(media.get("MediaType") or media.get("MimeType") or "").lower()
    common = {
        "size": media.get("MediaSize"),
        "category": media.get("Category"),
        "series": media.get("Series"),
        "victim_identified": media.get("VictimIdentified"),
        "media_kind": "video"
        if kind.startswith("video")
        else "still"
        if kind.startswith(("image", "still"))
        else "unknown",
        "scheme": media.get("CategoryScheme"),
        "country": media.get("Country"),
    }
    first = perceptual[0] if perceptual else None
    rows = [_entry(md5=media.get("MD5"), sha1=media.get("SHA1"), sha256=media.get("SHA256"), pdq=first, **common)]
    rows += [
        _entry(md5=media.get("MD5"), sha1=media.get("SHA1"), sha256=media.get("SHA256"), pdq=value, **common)
        for value in perceptual[1:]
    ]
    return rows


def _objects(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _entry(
    *,
    md5: object,
    sha1: object,
    sha256: object,
    pdq: object,
    size: object,
    category: object,
    series: object,
    victim_identified: object,
    media_kind: object,
    scheme: object,
    country: object,
) -> dict[str, object]:
    row: dict[str, object] = {
        "md5": hex_digest(md5, 32, "md5"),
        "sha1": hex_digest(sha1, 40, "sha1"),
        "sha256": hex_digest(sha256, 64, "sha256"),
        "pdq": hex_digest(pdq, 64, "pdq"),
        "size_bytes": whole_number(size, "size"),
        "category": _text(category),
        "series": _text(series),
        "victim_identified": _three_valued(victim_identified),
        "media_kind": _text(media_kind) if _text(media_kind) in {"still", "video"} else "unknown",
        "scheme": _text(scheme),
        "country": _text(country),
    }
    if not any(row[name] for name in ("md5", "sha1", "sha256", "pdq")):
        raise BadRowError("no digest and no perceptual hash")
    return row


def _text(value: object) -> str | None:
    return None if value is None else text_or_none(str(value))


def _three_valued(value: object) -> str:
    """yes, no or unknown: lists write booleans in many ways, and an absent one is not a no."""
    word = str(value).strip().lower() if value is not None else ""
    if word in _TRUE:
        return "yes"
    return "no" if word in _FALSE else "unknown"
