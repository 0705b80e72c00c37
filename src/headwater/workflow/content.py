"""One content: every place it lies in, its hashes, and why it is known, near, or neither."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from headwater.engine import Session
from headwater.errors import InputError
from headwater.media import MAX_DISTANCE_BITS, MIN_QUALITY, TIER_LIMITS_BITS

__all__ = ["SCALE_BITS", "chance_log10", "content_explained"]

SCALE_BITS: Final = 64
"""What a distance bar spans; unrelated pictures lie about 128 of 256 bits apart, far to its right."""
_HASH_BITS: Final = 256
_MOST_FRAMES: Final = 20


def chance_log10(distance_bits: int) -> float:
    """Ten to this power is how often two hashes of independent bits lie so near, or nearer.

    The bits of real pictures are not independent, so that it is a bound for orientation and no probability of error.

    Example:
        >>> round(chance_log10(31)), round(chance_log10(0))
        (-37, -77)
    """
    ways = sum(math.comb(_HASH_BITS, bits) for bits in range(distance_bits + 1))
    return math.log10(ways) - _HASH_BITS * math.log10(2)


def content_explained(tables: Session, content: str) -> dict[str, Any]:
    """What is known of one content.

    Args:
        tables: Of the case.
        content: Its SHA-256, or the id of an item.

    Raises:
        InputError: No still or video of the case is that.
    """
    places = tables.keyed("items", "sha256", [content]).to_pylist()
    places = places or tables.keyed("items", "item_id", [content]).to_pylist()
    places.sort(key=lambda place: (place["exhibit_id"], place["volume_index"], place["path_bytes"]))
    if len(places) == 1 and places[0]["sha256"] and places[0]["sha256"] != content:
        # An id of one of several copies is a name for all of them.
        return content_explained(tables, places[0]["sha256"])
    ids = sorted(place["item_id"] for place in places)
    verdicts = _of(tables, "media_verdicts", ids)
    if not verdicts:
        raise InputError(content, "no content with a verdict has that SHA-256", remedy="see 'headwater contents CASE'")
    first = verdicts[0]
    matches = [_with_limits(row) for row in _of(tables, "media_matches", ids)]
    entries = tables.keyed("hash_list_entries", "entry_id", {row["entry_id"] for row in matches})
    listed = {row["entry_id"]: row for row in entries.to_pylist()}
    for found in matches:
        found["listed"] = listed.get(found["entry_id"])
    matches.sort(key=lambda row: (row["quarantined"], row["item_id"] != first["item_id"], row["distance_bits"] or 0))
    frames = _of(tables, "media_second_hashes", ids) or _of(tables, "media_hashes", ids)
    of_first = [row for row in frames if row["item_id"] == frames[0]["item_id"]] if frames else []
    return {
        "content": places[0]["sha256"] or places[0]["item_id"],
        "digests": {name: places[0][name] for name in ("sha256", "sha1", "md5")},
        "places": [
            {
                name: place[name]
                for name in ("item_id", "exhibit_id", "volume_index", "path", "size_bytes", "modified_at_utc")
            }
            for place in places
        ],
        "content_kind": places[0]["content_kind"],
        "content_format": places[0]["content_format"],
        "verdict": first,
        "file": next(iter(_of(tables, "media_files", ids)), None),
        "matches": matches,
        "video_matches": _of(tables, "video_matches", ids),
        "frames": [{name: row[name] for name in ("at_ms", "pdq", "quality")} for row in of_first[:_MOST_FRAMES]],
        "frames_in_all": len(of_first),
        "cluster": _media_cluster(tables, first["item_id"]),
        "grades": _of(tables, "media_grades", ids),
        "uploads": _of(tables, "upload_items", ids),
    }


def _of(tables: Session, name: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables.keyed(name, "item_id", ids).to_pylist()
    return found


def _with_limits(row: dict[str, Any]) -> dict[str, Any]:
    """A match with how far it is from the limits of its tier."""
    bits = row["distance_bits"]
    if bits is None:
        return {**row, "limit_bits": None, "margin_bits": None, "quality_margin": None, "chance_log10": None}
    return {
        **row,
        "limit_bits": dict(TIER_LIMITS_BITS).get(row["tier"], MAX_DISTANCE_BITS),
        "margin_bits": MAX_DISTANCE_BITS - bits,
        "quality_margin": None if row["quality"] is None else row["quality"] - MIN_QUALITY,
        "chance_log10": chance_log10(bits),
    }


def _media_cluster(tables: Session, item_id: str) -> dict[str, Any] | None:
    """The near-duplicate cluster of an item, with the other contents in it."""
    own = _of(tables, "media_clusters", [item_id])
    if not own:
        return None
    media_cluster_id = own[0]["media_cluster_id"]
    members = tables.keyed("media_clusters", "media_cluster_id", [media_cluster_id]).to_pylist()
    ids = sorted(row["item_id"] for row in members)
    verdicts = {row["item_id"]: row for row in _of(tables, "media_verdicts", ids)}
    digests = {row["item_id"]: row["sha256"] or row["item_id"] for row in _of(tables, "items", ids)}
    contents: dict[str, dict[str, Any]] = {}
    for row in members:
        content = digests.get(row["item_id"], row["item_id"])
        told = contents.setdefault(
            content, {"content": content, "places": 0, "item_id": row["item_id"], "distance_bits": row["distance_bits"]}
        )
        told["places"] += 1
        told["verdict_group"] = (verdicts.get(row["item_id"]) or {}).get("verdict_group")
    return {"media_cluster_id": media_cluster_id, "items": len(members), "contents": _ordered(contents.values())}


def _ordered(contents: Any) -> Sequence[dict[str, Any]]:  # noqa: ANN401 - values of a mapping
    return sorted(contents, key=lambda row: (-row["places"], row["content"]))
