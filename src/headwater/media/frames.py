"""The frames that distances may be taken from, as columns: there may be millions of them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.tiers import MIN_QUALITY
from headwater.schema import MEDIA_TRANSFORMS

__all__ = ["COMPARABLE", "comparable_frames", "transformed_frames"]

_BEHIND_ALL = 1 << 32  # frames of a second look stand behind the keyframes, which are fewer than this
COMPARABLE = ("item_id", "frame_index", "at_ms", "pdq", "quality")
"""Columns of comparable frames, ordered by item and frame."""


def comparable_frames(context: StageContext) -> pa.Table:
    """The comparable frames of every item: quality of at least 50, wholly decoded.

    A still that was decoded in part is left out: the part that is missing is a flat field that makes unlike pictures
    alike. The frames that a damaged video did give are whole, and count. Where a video was hashed again, a frame a
    second, these frames count beside its keyframes: a second look takes no match away.

    Args:
        context: Has `media_files`, `media_hashes` and `media_second_hashes`.
    """
    return _comparable(context, "media_hashes", "media_second_hashes", COMPARABLE)


def transformed_frames(context: StageContext) -> Iterator[tuple[str, pa.Table]]:
    """Each transform with the comparable frames under it, in the same columns; nothing where none are asked for.

    Args:
        context: Has `media_files`, `media_transformed_hashes` and `media_second_transformed_hashes`.
    """
    for transform in MEDIA_TRANSFORMS:
        wanted = tuple(f"pdq_{transform}" if name == "pdq" else name for name in COMPARABLE)
        frames = _comparable(context, "media_transformed_hashes", "media_second_transformed_hashes", wanted)
        if len(frames):
            yield transform, frames.rename_columns(list(COMPARABLE))


def _comparable(context: StageContext, first_look: str, second_look: str, columns: tuple[str, ...]) -> pa.Table:
    files = context.tables.arrow("media_files")
    partial = files.filter(pc.and_(pc.equal(files["media_kind"], "still"), pc.not_equal(files["status"], "ok")))
    first = context.tables.arrow(first_look).select(list(columns))
    again = context.tables.arrow(second_look).select(list(columns))
    behind = pc.add(again["frame_index"], _BEHIND_ALL)
    frames = pa.concat_tables([first, again.set_column(1, again.schema.field("frame_index"), behind)])
    of_part = pc.is_in(frames["item_id"], value_set=partial["item_id"])
    kept = frames.filter(pc.and_(pc.greater_equal(frames["quality"], MIN_QUALITY), pc.invert(of_part)))
    return kept.sort_by([("item_id", "ascending"), ("frame_index", "ascending")]).combine_chunks()
