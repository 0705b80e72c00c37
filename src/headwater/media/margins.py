"""Videos whose keyframes leave it open whether they match: the nearest listed hash lies close to the limit."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.listed import ListedEntries, coded_hashes, packed_hashes
from headwater.media.tiers import MAX_DISTANCE_BITS

__all__ = ["MARGIN_BITS", "near_the_limit"]

MARGIN_BITS = 5
"""How far on either side of the limit a distance leaves it open: another frame of a scene is often so far off."""


def near_the_limit(
    context: StageContext, frames: pa.Table, listed: ListedEntries, transformed: Iterable[pa.Table] = ()
) -> list[str]:
    """The videos, hashed by keyframes, whose nearest listed hash is 27 to 36 bits away.

    Args:
        context: Has `media_files`.
        frames: The comparable frames.
        listed: The entries of hash lists.
        transformed: The same under each transform, where these count as well.
    """
    files = context.tables.arrow("media_files")
    first = files.filter(pc.equal(files["hashing_tier"], "keyframe"))["item_id"]
    parts = []
    for look in (frames, *transformed):
        asked = look.filter(pc.is_in(look["item_id"], value_set=first))
        if len(asked):
            parts.append(_nearest_bits(asked, listed, expected=len(look)))
    if not parts:
        return []
    found = pa.concat_tables(parts).group_by("item_id").aggregate([("nearest", "min")])
    least, most = MAX_DISTANCE_BITS - MARGIN_BITS + 1, MAX_DISTANCE_BITS + MARGIN_BITS
    open_ones = pc.and_(pc.greater_equal(found["nearest_min"], least), pc.less_equal(found["nearest_min"], most))
    return sorted(found.filter(open_ones)["item_id"].to_pylist())


def _nearest_bits(frames: pa.Table, listed: ListedEntries, *, expected: int) -> pa.Table:
    """For each item the distance of its frame that is nearest to a listed hash; 256 where none is within the margin."""
    queries = coded_hashes(packed_hashes(frames["pdq"].combine_chunks()))
    nearest = np.full(len(queries.hashes), 256)
    limit = MAX_DISTANCE_BITS + MARGIN_BITS
    for pairs in listed.targets.pieces(queries.hashes, max_distance_bits=limit, expected=expected):
        np.minimum.at(nearest, pairs[:, 0], pairs[:, 2])
    of_frame = np.empty(len(frames), np.int64)
    of_frame[queries.order] = np.repeat(nearest, np.diff(queries.starts))
    by_item = pa.table({"item_id": frames["item_id"], "nearest": of_frame}).group_by("item_id")
    return by_item.aggregate([("nearest", "min")]).rename_columns(["item_id", "nearest"])
