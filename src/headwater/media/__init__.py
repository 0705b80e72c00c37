"""Known, near or never seen: stills and videos against hash lists, their near-duplicate clusters and origins."""

from headwater.media.claims import claimed_origins
from headwater.media.hashing import hash_items
from headwater.media.paths import hash_paths
from headwater.media.sources import sources_of
from headwater.media.stage import match_media
from headwater.media.tiers import (
    MAX_DISTANCE_BITS,
    MIN_QUALITY,
    NEAR_TIERS,
    TIER_LIMITS_BITS,
    TIERS,
    VERDICT_GROUPS,
)

__all__ = [
    "MAX_DISTANCE_BITS",
    "MIN_QUALITY",
    "NEAR_TIERS",
    "TIERS",
    "TIER_LIMITS_BITS",
    "VERDICT_GROUPS",
    "claimed_origins",
    "hash_items",
    "hash_paths",
    "match_media",
    "sources_of",
]
