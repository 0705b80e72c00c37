"""The media stage once everything is hashed: matches, verdicts, clusters, origins."""

from __future__ import annotations

import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.clusters import media_clusters
from headwater.media.frames import comparable_frames, transformed_frames
from headwater.media.hashing import Pool, hash_again
from headwater.media.listed import ListedEntries, listed_entries
from headwater.media.margins import near_the_limit
from headwater.media.matches import media_matches
from headwater.media.noted import noted_matches
from headwater.media.origins import media_origins
from headwater.media.transformed_matches import transformed_matches
from headwater.media.verdicts import media_verdicts
from headwater.schema import table_named

__all__ = ["match_media"]


def match_media(context: StageContext, *, pool: Pool | None = None) -> dict[str, pa.Table]:
    """The tables of the stage `media`: what the hashes match, and what belongs together.

    Args:
        context: Has `items`, `uploads`, `upload_items`, `media_references`, `hash_list_entries`, `media_files`,
            `media_hashes`, `media_transformed_hashes` and `hub_judgements`; and the exhibits, for videos that are near
            a limit.
        pool: Sealed workers that run already; without it, some are started where a video is hashed again.
    """
    for name in ("media_second_hashes", "media_second_transformed_hashes"):
        context.tables.put(name, table_named(name).empty())
    with listed_entries(context.tables, scratch=context.scratch) as listed:
        second = _second_look(context, listed, pool)
        for name, table in second.items():
            context.tables.put(name, table)
        frames = comparable_frames(context)
        derived = {
            **second,
            **media_matches(context, frames, listed, transformed_matches(context, listed)),
            "noted_matches": noted_matches(context, listed),
        }
    derived["media_verdicts"] = media_verdicts(context, derived["media_matches"], frames)
    derived["media_clusters"] = media_clusters(context, frames)
    for name, table in derived.items():
        context.tables.put(name, table)
    return {**derived, "media_origins": media_origins(context)}


def _second_look(context: StageContext, listed: ListedEntries, pool: Pool | None) -> dict[str, pa.Table]:
    """The tables of a second look at what lies near a limit.

    What a transform alone brings near a limit is asked for transforms alone: so the option adds matches, and changes
    none of those that are there without it, nor clusters, nor hubs.
    """
    frames = comparable_frames(context)
    again = near_the_limit(context, frames, listed)
    further: set[str] = set()
    if context.tables.arrow("media_transformed_hashes").num_rows:
        transformed = (each for _, each in transformed_frames(context))
        further = set(near_the_limit(context, frames, listed, transformed)) - set(again)
    return hash_again(context, again, transformed_only=further, pool=pool)
