"""Matches of pictures turned and mirrored: a listed picture uploaded again the other way round is near none of its own.

Only the side of the case is transformed. Laying both sides on each other in every way would find the same pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.frames import transformed_frames
from headwater.media.listed import ListedEntries
from headwater.media.matches import best_frames
from headwater.media.tiers import TIERS
from headwater.schema import MEDIA_TRANSFORMS

__all__ = ["transformed_matches"]

_PAIR = ("item_id", "target")
_STRENGTH = ("tier_place", "distance_bits", "poorness", "transform_place")


def transformed_matches(context: StageContext, listed: ListedEntries) -> pa.Table | None:
    """Each item and listed hash that are near under a transform, by the strongest; None where none is asked for.

    Of two transforms that are equally strong, the first in their order speaks. The tiers are those of a match of the
    hash itself. The columns are those of `media_matches` that a distance decides, and `target`, the listed hash.

    Args:
        context: Has `media_files` and both tables of transformed hashes.
        listed: The entries of hash lists.
    """
    # A transform at a time: all together would take seven times the memory.
    parts = [_strongest(frames, listed, transform) for transform, frames in transformed_frames(context)]
    if not parts:
        return None
    ordered = pa.concat_tables(parts).sort_by([(name, "ascending") for name in (*_PAIR, *_STRENGTH)])
    best = ordered.take(pa.array(_first_of_each(ordered)))
    return pa.table(
        {
            "item_id": best["item_id"],
            "target": best["target"],
            "method": pa.repeat("pdq", len(best)),
            "tier": pa.array(TIERS, pa.string()).take(best["tier_place"]),
            "transform": pa.array(MEDIA_TRANSFORMS, pa.string()).take(best["transform_place"]),
            **{name: best[name] for name in ("distance_bits", "quality", "at_ms", "query_frames_percent")},
        }
    )


def _strongest(frames: pa.Table, listed: ListedEntries, transform: str) -> pa.Table:
    """Each item and listed hash that are near under that transform, by the frame that speaks for them."""
    items = frames["item_id"].combine_chunks().dictionary_encode()
    best = best_frames(frames, items, listed)
    of_item = np.bincount(items.indices.to_numpy(), minlength=len(items.dictionary))
    return pa.table(
        {
            "item_id": items.dictionary.take(pa.array(best["item"])),
            "target": best["target"],
            "tier_place": best["tier"],
            "distance_bits": best["distance_bits"],
            "quality": best["quality"],
            "poorness": -best["quality"],
            "transform_place": np.full(len(best), MEDIA_TRANSFORMS.index(transform)),
            "at_ms": frames["at_ms"].take(pa.array(best["frame"])),
            "query_frames_percent": 100 * best["many"] // of_item[best["item"]],
        }
    )


def _first_of_each(ordered: pa.Table) -> npt.NDArray[np.int64]:
    """The first row of each pair of item and listed hash, in a table that is ordered by them."""
    if not len(ordered):
        return np.empty(0, np.int64)
    items = ordered["item_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    targets = ordered["target"].to_numpy()
    changed = (items[1:] != items[:-1]) | (targets[1:] != targets[:-1])
    return np.concatenate([[0], np.flatnonzero(changed) + 1])
