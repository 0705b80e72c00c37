"""The media stage once everything is hashed: matches, verdicts, clusters, origins."""

from __future__ import annotations

import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.clusters import media_clusters
from headwater.media.matches import comparable_frames, media_matches
from headwater.media.noted import noted_matches
from headwater.media.origins import media_origins
from headwater.media.verdicts import media_verdicts

__all__ = ["match_media"]


def match_media(context: StageContext) -> dict[str, pa.Table]:
    """The tables `media_matches`, `media_verdicts`, `media_clusters`, `media_origins` and `noted_matches`.

    Args:
        context: Has `items`, `uploads`, `upload_items`, `media_references`, `hash_list_entries`, `media_files` and
            `media_hashes`.
    """
    frames = comparable_frames(context)
    matches = media_matches(context, frames)
    derived = {
        "media_matches": matches,
        "media_verdicts": media_verdicts(context, matches, frames),
        "media_clusters": media_clusters(context, frames),
    }
    for name, table in derived.items():
        context.tables.put(name, table)
    return {**derived, "media_origins": media_origins(context), "noted_matches": noted_matches(context)}
