"""Matches of items with hash lists: by digest, through the engine; by perceptual hash, through exact Hamming search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.hamming import hashes_from_hex, pairs_within
from headwater.media.tiers import MAX_DISTANCE_BITS, MIN_QUALITY, TIERS, near_tier
from headwater.schema import content_id, table_named

__all__ = ["ComparableFrame", "comparable_frames", "media_matches"]

_LISTED = (
    "polarity",
    "reference_name",
    "reference_version",
    "scheme",
    "country",
    "category",
    "series",
    "victim_identified",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparableFrame:
    """A hash that distances may be taken from.

    Attributes:
        pdq: 64 hex digits.
        quality: 50 to 100.
        at_ms: Time in the video, if one.
        frame_index: Among the hashed frames.
    """

    pdq: str
    quality: int
    at_ms: int | None
    frame_index: int


def comparable_frames(context: StageContext) -> dict[str, tuple[ComparableFrame, ...]]:
    """For each item that has any, its comparable frames: quality of at least 50, wholly decoded.

    A still that was decoded in part is left out: the part that is missing is a flat field that makes unlike pictures
    alike. The frames that a damaged video did give are whole, and count.
    """
    files = {row["item_id"]: row for row in context.tables.arrow("media_files").to_pylist()}
    found: dict[str, list[ComparableFrame]] = defaultdict(list)
    for row in context.tables.arrow("media_hashes").to_pylist():
        file = files[row["item_id"]]
        if row["quality"] < MIN_QUALITY or (file["media_kind"] == "still" and file["status"] != "ok"):
            continue
        found[row["item_id"]].append(
            ComparableFrame(pdq=row["pdq"], quality=row["quality"], at_ms=row["at_ms"], frame_index=row["frame_index"])
        )
    return {item: tuple(frames) for item, frames in sorted(found.items())}


def media_matches(context: StageContext, frames: Mapping[str, tuple[ComparableFrame, ...]]) -> pa.Table:
    """The table `media_matches`: for each item and entry, the strongest way in which they match.

    Args:
        context: Has items and hash lists.
        frames: The comparable frames of each item.
    """
    entries = {row["entry_id"]: row for row in context.tables.arrow("hash_list_entries").to_pylist()}
    rows = []
    exact = set()
    for row in _by_digest(context).to_pylist():
        exact.add((row["item_id"], row["entry_id"]))
        rows.append(_row(row["item_id"], entries[row["entry_id"]], method=row["method"], tier="exact"))
    for item_id, entry_id, nearest in _by_distance(frames, entries):
        if (item_id, entry_id) not in exact:
            rows.append(_row(item_id, entries[entry_id], method="pdq", **nearest))
    return table_named("media_matches").rows(rows)


def _row(item_id: str, entry: Mapping[str, Any], *, method: str, **values: object) -> dict[str, Any]:
    return {
        "match_id": content_id("mch", item_id, entry["entry_id"], method),
        "item_id": item_id,
        "entry_id": entry["entry_id"],
        "method": method,
        **values,
        **{name: entry[name] for name in _LISTED},
    }


def _by_digest(context: StageContext) -> pa.Table:
    """item_id, entry_id and method of every pair with equal digests, whatever the item's content is.

    The strongest digest that both sides have decides: a pair with one MD5 and two SHA-256s is two files.
    """
    items = context.tables.table("items")
    items = items.filter(items.sha256.notnull()).select("item_id", "md5", "sha1", "sha256")
    entries = context.tables.table("hash_list_entries").select("entry_id", "md5", "sha1", "sha256")
    entries = entries.rename({f"listed_{name}": name for name in ("md5", "sha1", "sha256")})
    weaker = {
        "sha256": items.join(entries, items.sha256 == entries.listed_sha256),
        "sha1": items.join(entries, items.sha1 == entries.listed_sha1).filter(lambda t: t.listed_sha256.isnull()),
        "md5": items.join(entries, items.md5 == entries.listed_md5).filter(
            lambda t: t.listed_sha256.isnull() & t.listed_sha1.isnull()
        ),
    }
    found = ibis.union(
        *(pairs.select("item_id", "entry_id", method=ibis.literal(name)) for name, pairs in weaker.items())
    )
    return context.tables.result(found, order_by=("item_id", "entry_id"))


def _by_distance(
    frames: Mapping[str, tuple[ComparableFrame, ...]], entries: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Item, entry and how they are near, for each pair with a frame within the limit."""
    listed: dict[str, list[str]] = defaultdict(list)
    for entry_id, entry in sorted(entries.items()):
        if entry["pdq"] is not None:
            listed[entry["pdq"]].append(entry_id)
    targets = sorted(listed)
    queries = sorted({frame.pdq for of_item in frames.values() for frame in of_item})
    pairs = pairs_within(hashes_from_hex(queries), hashes_from_hex(targets), max_distance_bits=MAX_DISTANCE_BITS)
    near: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for query, target, distance_bits in pairs:
        near[queries[query]].append((targets[target], distance_bits))
    for item_id, of_item in sorted(frames.items()):
        by_entry: dict[str, list[tuple[ComparableFrame, int]]] = defaultdict(list)
        for frame in of_item:
            for target_hash, distance_bits in near.get(frame.pdq, ()):
                for entry_id in listed[target_hash]:
                    by_entry[entry_id].append((frame, distance_bits))
        for entry_id in sorted(by_entry):
            yield item_id, entry_id, _nearest(by_entry[entry_id], frames_compared=len(of_item))


def _nearest(found: list[tuple[ComparableFrame, int]], *, frames_compared: int) -> dict[str, Any]:
    """The frame that makes the strongest tier, and how many frames are within the limit."""

    def order(pair: tuple[ComparableFrame, int]) -> tuple[int, int, int, int]:
        frame, distance_bits = pair
        tier = near_tier(distance_bits, frame.quality)
        assert tier is not None
        return TIERS.index(tier), distance_bits, -frame.quality, frame.frame_index

    frame, distance_bits = min(found, key=order)
    return {
        "tier": near_tier(distance_bits, frame.quality),
        "distance_bits": distance_bits,
        "quality": frame.quality,
        "at_ms": frame.at_ms,
        "query_frames_percent": int(np.floor_divide(100 * len(found), frames_compared)),
    }
