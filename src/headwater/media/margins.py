"""Videos whose keyframes leave it open whether they match: the nearest listed hash lies close to the limit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.hamming import pairs_within
from headwater.media.matches import CodedHashes, coded_hashes, comparable_entries
from headwater.media.tiers import MAX_DISTANCE_BITS

__all__ = ["MARGIN_BITS", "near_the_limit"]

MARGIN_BITS = 5
"""How far on either side of the limit a distance leaves it open: another frame of a scene is often so far off."""


def near_the_limit(context: StageContext, *looks: pa.Table) -> list[str]:
    """The videos, hashed by keyframes, whose nearest listed hash is 27 to 36 bits away.

    Args:
        context: Has `media_files` and `hash_list_entries`.
        looks: The comparable frames; and each time again under a transform, where that is asked for.
    """
    files = context.tables.arrow("media_files")
    first = files.filter(pc.equal(files["hashing_tier"], "keyframe"))["item_id"]
    looks = tuple(frames.filter(pc.is_in(frames["item_id"], value_set=first)) for frames in looks)
    listed = comparable_entries(context.tables.arrow("hash_list_entries"))["pdq"]
    if not any(map(len, looks)) or not len(listed):
        return []
    targets = coded_hashes(listed)
    found = pa.concat_tables([_nearest_bits(frames, targets) for frames in looks if len(frames)])
    found = found.group_by("item_id").aggregate([("nearest", "min")])
    least, most = MAX_DISTANCE_BITS - MARGIN_BITS + 1, MAX_DISTANCE_BITS + MARGIN_BITS
    open_ones = pc.and_(pc.greater_equal(found["nearest_min"], least), pc.less_equal(found["nearest_min"], most))
    return sorted(found.filter(open_ones)["item_id"].to_pylist())


def _nearest_bits(frames: pa.Table, targets: CodedHashes) -> pa.Table:
    """For each item the distance of its frame that is nearest to a listed hash; 256 where none is within the margin."""
    queries = coded_hashes(frames["pdq"])
    pairs = pairs_within(queries.hashes, targets.hashes, max_distance_bits=MAX_DISTANCE_BITS + MARGIN_BITS)
    nearest = np.full(len(queries.hashes), 256)
    np.minimum.at(nearest, pairs.query, pairs.distance_bits)
    of_frame = np.empty(len(frames), np.int64)
    of_frame[queries.order] = np.repeat(nearest, np.diff(queries.starts))
    by_item = pa.table({"item_id": frames["item_id"], "nearest": of_frame}).group_by("item_id")
    return by_item.aggregate([("nearest", "min")]).rename_columns(["item_id", "nearest"])
