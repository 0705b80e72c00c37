"""The media stage once everything is hashed: matches, verdicts, clusters, origins."""

from __future__ import annotations

import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.clusters import media_clusters
from headwater.media.frames import comparable_frames
from headwater.media.hashing import Pool, hash_again
from headwater.media.listed import listed_entries
from headwater.media.margins import near_the_limit
from headwater.media.matches import media_matches
from headwater.media.noted import noted_matches
from headwater.media.origins import media_origins
from headwater.media.verdicts import media_verdicts
from headwater.schema import table_named

__all__ = ["match_media"]


def match_media(context: StageContext, *, pool: Pool | None = None) -> dict[str, pa.Table]:
    """The tables of the stage `media`: what the hashes match, and what belongs together.

    Args:
        context: Has `items`, `uploads`, `upload_items`, `media_references`, `hash_list_entries`, `media_files`,
            `media_hashes` and `hub_judgements`; and the exhibits, for videos that are near a limit.
        pool: Sealed workers that run already; without it, some are started where a video is hashed again.
    """
    context.tables.put("media_second_hashes", table_named("media_second_hashes").empty())
    with listed_entries(context.tables, scratch=context.scratch) as listed:
        second = hash_again(context, near_the_limit(context, comparable_frames(context), listed), pool=pool)
        context.tables.put("media_second_hashes", second)
        frames = comparable_frames(context)
        derived = {
            "media_second_hashes": second,
            **media_matches(context, frames, listed),
            "noted_matches": noted_matches(context, listed),
        }
    derived["media_verdicts"] = media_verdicts(context, derived["media_matches"], frames)
    derived["media_clusters"] = media_clusters(context, frames)
    for name, table in derived.items():
        context.tables.put(name, table)
    return {**derived, "media_origins": media_origins(context)}
