"""Matches of pictures turned and mirrored: a listed picture uploaded again the other way round is near none of its own.

Only the side of the case is transformed. Laying both sides on each other in every way would find the same pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.frames import transformed_frames
from headwater.media.hamming import pairs_within
from headwater.media.matches import CodedHashes, coded_hashes, comparable_entries
from headwater.media.tiers import MAX_DISTANCE_BITS, TIERS, tier_places
from headwater.schema import MEDIA_TRANSFORMS

__all__ = ["transformed_matches"]

_PAIR = (("item_id", "ascending"), ("target", "ascending"))
_STRENGTH = ("tier_place", "distance_bits", "poorness", "transform_place", "frame_index")


def transformed_matches(context: StageContext) -> pa.Table | None:
    """Each item and entry that are near under a transform, by the strongest; None where no transform is asked for.

    Of two transforms that are equally strong, the first in their order speaks. The tiers are those of a match of the
    hash itself. The columns are those of `media_matches` that a distance decides, and `listed_pdq`.

    Args:
        context: Has `media_files`, both tables of transformed hashes and `hash_list_entries`.
    """
    looked_up = list(transformed_frames(context))
    if not looked_up:
        return None
    listed = comparable_entries(context.tables.arrow("hash_list_entries").select(["entry_id", "pdq", "pdq_quality"]))
    listed = listed.combine_chunks()
    targets = coded_hashes(listed["pdq"])
    # A transform at a time: all together would take seven times the memory.
    parts = pa.concat_tables([_strongest(frames, targets, transform) for transform, frames in looked_up])
    ordered = parts.sort_by([*_PAIR, *((name, "ascending") for name in _STRENGTH)])
    best = ordered.take(pa.array(_first_of_each(ordered)))
    each, entry = targets.rows_of(best["target"].to_numpy())
    rows = best.take(pa.array(each))
    return pa.table(
        {
            "item_id": rows["item_id"],
            "entry_id": listed["entry_id"].take(pa.array(entry)),
            "method": pa.repeat("pdq", len(rows)),
            "tier": pa.array(TIERS, pa.string()).take(rows["tier_place"]),
            "transform": pa.array(MEDIA_TRANSFORMS, pa.string()).take(rows["transform_place"]),
            **{name: rows[name] for name in ("distance_bits", "quality", "at_ms", "query_frames_percent")},
            "listed_pdq": listed["pdq"].take(pa.array(entry)),
        }
    )


def _strongest(frames: pa.Table, targets: CodedHashes, transform: str) -> pa.Table:
    """Each item and listed hash that are near under that transform, by the frame that speaks for them."""
    queries = coded_hashes(frames["pdq"])
    pairs = pairs_within(queries.hashes, targets.hashes, max_distance_bits=MAX_DISTANCE_BITS)
    which, frame = queries.rows_of(pairs.query)
    distance_bits = pairs.distance_bits[which]
    quality = frames["quality"].to_numpy()[frame]
    near = frames.select(["item_id", "frame_index", "at_ms", "quality"]).take(pa.array(frame))
    columns = {
        "target": pairs.target[which],
        "tier_place": tier_places(distance_bits, quality),
        "distance_bits": distance_bits,
        "poorness": -quality,
        "transform_place": np.full(len(which), MEDIA_TRANSFORMS.index(transform)),
    }
    for name, values in columns.items():
        near = near.append_column(name, pa.array(values, pa.int64()))
    ordered = near.sort_by([*_PAIR, *((name, "ascending") for name in _STRENGTH)])
    first = _first_of_each(ordered)
    best = ordered.take(pa.array(first))
    many = np.diff(np.append(first, len(ordered)))
    counted = frames.group_by("item_id").aggregate([([], "count_all")])
    of_item = counted["count_all"].take(pc.index_in(best["item_id"], value_set=counted["item_id"])).to_numpy()
    return best.append_column("query_frames_percent", pa.array(100 * many // of_item, pa.int64()))


def _first_of_each(ordered: pa.Table) -> npt.NDArray[np.int64]:
    """The first row of each pair of item and listed hash, in a table that is ordered by them."""
    if not len(ordered):
        return np.empty(0, np.int64)
    items = ordered["item_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    targets = ordered["target"].to_numpy()
    changed = (items[1:] != items[:-1]) | (targets[1:] != targets[:-1])
    return np.concatenate([[0], np.flatnonzero(changed) + 1])
