"""Tables of media: what was hashed, what it matched, what belongs together."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.columns import AT_UTC, BOOLEAN, DIGEST, ID, INT, TEXT
from headwater.schema.table import Column, Table

__all__ = [
    "HUB_JUDGEMENTS",
    "MEDIA_CLAIMS",
    "MEDIA_CLUSTERS",
    "MEDIA_FILES",
    "MEDIA_HASHES",
    "MEDIA_HUBS",
    "MEDIA_MATCHES",
    "MEDIA_ORIGINS",
    "MEDIA_SECOND_HASHES",
    "MEDIA_SECOND_TRANSFORMED_HASHES",
    "MEDIA_TABLES",
    "MEDIA_TRANSFORMED_HASHES",
    "MEDIA_TRANSFORMS",
    "MEDIA_VERDICTS",
    "NOTED_MATCHES",
    "VIDEO_MATCHES",
]

_ITEM = Column(name="item_id", type=ID, about="The item", cites="items.item_id")

_STRETCH = pa.struct(
    [pa.field(name, INT, nullable=False) for name in ("from_ms", "to_ms", "listed_from_ms", "listed_to_ms", "frames")]
)

_HASHED_FRAME = (
    _ITEM,
    Column(name="frame_index", type=INT, about="Among the hashed frames, from 0; 0 for a still that is not animated"),
    Column(name="at_ms", type=INT, about="Time of the frame", nullable=True),
    Column(name="pdq", type=DIGEST, about="PDQ, 64 hex digits"),
    Column(name="quality", type=INT, about="PDQ quality, 0 to 100"),
)

_TRANSFORMED = (
    ("rotate_90", "turned a quarter against the clock"),
    ("rotate_180", "turned by half"),
    ("rotate_270", "turned a quarter with the clock"),
    ("flip_x", "with its top at the bottom"),
    ("flip_y", "with its left at the right, as in a mirror"),
    ("flip_plus_1", "with rows and columns exchanged"),
    ("flip_minus_1", "with rows and columns exchanged, then turned by half"),
)

MEDIA_TRANSFORMS = tuple(name for name, _ in _TRANSFORMED)
"""The transforms of a picture, named and ordered as the reference of PDQ does; `headwater_sealed` makes them so too."""

_TRANSFORMED_FRAME = (
    *(column for column in _HASHED_FRAME if column.name != "pdq"),
    *(
        Column(name=f"pdq_{name}", type=DIGEST, about=f"PDQ of the picture {words}, 64 hex digits")
        for name, words in _TRANSFORMED
    ),
)

MEDIA_FILES = Table(
    name="media_files",
    version=1,
    stage="hashing",
    about="A still or video, and how far it could be hashed.",
    key=("item_id",),
    columns=(
        _ITEM,
        Column(name="media_kind", type=TEXT, about="still or video"),
        Column(name="status", type=TEXT, about="ok, partial or refused"),
        Column(name="reason", type=TEXT, about="Why not ok", nullable=True),
        Column(name="hashing_tier", type=TEXT, about="still, keyframe or second"),
        Column(name="width_px", type=INT, about="Width", nullable=True),
        Column(name="height_px", type=INT, about="Height", nullable=True),
        Column(name="duration_ms", type=INT, about="Duration of a video", nullable=True),
        Column(name="frames_hashed", type=INT, about="Frames with a perceptual hash"),
        Column(name="best_quality", type=INT, about="Highest PDQ quality of any frame, 0 to 100", nullable=True),
        Column(
            name="note", type=TEXT, about="What was done on the way to luma: turned, over white, ...", nullable=True
        ),
    ),
)

MEDIA_HASHES = Table(
    name="media_hashes",
    version=1,
    stage="hashing",
    about="The perceptual hash of a still or of one frame.",
    key=("item_id", "frame_index"),
    columns=_HASHED_FRAME,
)

MEDIA_SECOND_HASHES = Table(
    name="media_second_hashes",
    version=1,
    stage="media",
    about="The same of a video that was hashed again, one frame a second, because a match was near a limit.",
    key=("item_id", "frame_index"),
    columns=_HASHED_FRAME,
)

MEDIA_TRANSFORMED_HASHES = Table(
    name="media_transformed_hashes",
    version=1,
    stage="hashing",
    about="The perceptual hashes of a still or frame under each transform; empty unless `hash_transforms` asks for it.",
    key=("item_id", "frame_index"),
    columns=_TRANSFORMED_FRAME,
)

MEDIA_SECOND_TRANSFORMED_HASHES = Table(
    name="media_second_transformed_hashes",
    version=1,
    stage="media",
    about="The same of a video that was hashed again, because a match of it, or of a transform, was near a limit.",
    key=("item_id", "frame_index"),
    columns=_TRANSFORMED_FRAME,
)

HUB_JUDGEMENTS = Table(
    name="hub_judgements",
    version=1,
    stage="judgements",
    about="What people said of a hub; a snapshot of the append-only record in `case.db`, without times.",
    key=("pdq",),
    columns=(
        Column(name="pdq", type=DIGEST, about="The listed hash"),
        Column(name="standing", type=TEXT, about="listed or template"),
        Column(name="operator", type=TEXT, about="Whose judgement stands"),
    ),
)

MEDIA_HUBS = Table(
    name="media_hubs",
    version=1,
    stage="media",
    about="A listed hash that is near many unlike items: set aside until a person says what it stands for.",
    key=("media_hub_id",),
    columns=(
        Column(name="media_hub_id", type=ID, about="Digest of the hash"),
        Column(name="pdq", type=DIGEST, about="The listed hash"),
        Column(name="entries", type=INT, about="Entries of lists that have it"),
        Column(name="entry_id", type=ID, about="The first of them by id", cites="hash_list_entries.entry_id"),
        Column(name="items", type=INT, about="Items with a frame near it"),
        Column(name="distant_items", type=INT, about="Of these, so many at least are far from each other"),
        Column(
            name="standing",
            type=TEXT,
            about="undecided, template (its matches count for nothing) or listed (they count)",
        ),
    ),
)

MEDIA_CLAIMS = Table(
    name="media_claims",
    version=1,
    stage="hashing",
    about="What a still or video says of who or what made it: claims, forgeable, of which none proves anything.",
    key=("claim_id",),
    order_by=("item_id", "claim_kind", "claimed_by"),
    columns=(
        Column(name="claim_id", type=ID, about="Digest of item, kind, field, claim and reason"),
        _ITEM,
        Column(
            name="claim_kind",
            type=TEXT,
            about="summary (one for each item), c2pa-manifest, digital-source-type, creator-tool, software, camera, "
            "generator-chunk, encoder, handler, brand, comment; unreadable for a field that could not be read",
        ),
        Column(
            name="claim",
            type=TEXT,
            about="What the file claims to be made by, or with; at most 256 characters, never a generator's prompt",
            nullable=True,
        ),
        Column(name="claimed_by", type=TEXT, about="The field of the file that says so", nullable=True),
        Column(
            name="offset_bytes",
            type=INT,
            about="Where the segment, chunk or box of that field begins in the file",
            nullable=True,
        ),
        Column(
            name="claims_synthetic",
            type=TEXT,
            about="Whether this claims that a generator made or edited the file: yes, no or unknown; of a summary, "
            "yes if any claim does, else no if any does. Without a claim it is unknown",
        ),
        Column(
            name="signature_checked",
            type=TEXT,
            about="no, for what a C2PA manifest says: headwater checks no signature; absent elsewhere",
            nullable=True,
        ),
        Column(name="status", type=TEXT, about="ok, partial or refused: whether the field, or the file, could be read"),
        Column(name="reason", type=TEXT, about="Why not ok", nullable=True),
        Column(name="note", type=TEXT, about="How many claims, what was left out, which manifest", nullable=True),
    ),
)

MEDIA_MATCHES = Table(
    name="media_matches",
    version=3,
    stage="media",
    about="An item equals, or is near, an entry of a hash list.",
    key=("match_id",),
    columns=(
        Column(name="match_id", type=ID, about="Digest of item, entry and method"),
        _ITEM,
        Column(name="entry_id", type=ID, about="The entry", cites="hash_list_entries.entry_id"),
        Column(name="method", type=TEXT, about="sha256, sha1, md5 or pdq"),
        Column(name="tier", type=TEXT, about="exact, strong, probable or possible"),
        Column(
            name="transform",
            type=TEXT,
            about="none where the hash itself is near or a digest is equal; else the transform of the item's picture "
            "that is near, such as flip_y",
        ),
        Column(name="distance_bits", type=INT, about="PDQ distance of the frame that decides the tier", nullable=True),
        Column(name="quality", type=INT, about="PDQ quality of that frame; the list states none", nullable=True),
        Column(name="at_ms", type=INT, about="Time of that frame", nullable=True),
        Column(name="query_frames_percent", type=INT, about="Of this item's comparable frames", nullable=True),
        Column(
            name="quarantined", type=BOOLEAN, about="The listed hash is a hub that is set aside: counts for nothing"
        ),
        Column(name="polarity", type=TEXT, about="known-illegal or known-benign"),
        Column(name="reference_name", type=TEXT, about="The list"),
        Column(name="reference_version", type=TEXT, about="Its version"),
        Column(name="scheme", type=TEXT, about="Whose categories", nullable=True),
        Column(name="country", type=TEXT, about="Whose law", nullable=True),
        Column(name="category", type=TEXT, about="As listed", nullable=True),
        Column(name="series", type=TEXT, about="As listed", nullable=True),
        Column(name="victim_identified", type=TEXT, about="yes, no or unknown"),
    ),
)

VIDEO_MATCHES = Table(
    name="video_matches",
    version=1,
    stage="media",
    about="A video beside a listed one of which the list has frames: how much of either is in the other, and where.",
    key=("video_match_id",),
    columns=(
        Column(name="video_match_id", type=ID, about="Digest of item, list and listed file"),
        _ITEM,
        Column(name="reference_name", type=TEXT, about="The list"),
        Column(name="reference_version", type=TEXT, about="Its version"),
        Column(name="listed_file", type=TEXT, about="The list's own id of the video"),
        Column(name="polarity", type=TEXT, about="known-illegal or known-benign"),
        Column(name="query_frames", type=INT, about="Comparable frames of this video"),
        Column(name="listed_frames", type=INT, about="Listed frames of the other"),
        Column(name="query_frames_percent", type=INT, about="Of this video's frames, those near one of the listed"),
        Column(name="listed_frames_percent", type=INT, about="Of the listed frames, those near one of this video"),
        Column(name="least_distance_bits", type=INT, about="Between the two frames that are nearest"),
        Column(
            name="stretches",
            type=pa.list_(_STRETCH),
            about="What both show: from and to in this video, from and to in the listed one, and the frames near",
        ),
    ),
)

MEDIA_VERDICTS = Table(
    name="media_verdicts",
    version=3,
    stage="media",
    about="What the lists of this run say of a still or video, or of another item with a listed digest.",
    key=("item_id",),
    columns=(
        _ITEM,
        Column(name="verdict", type=TEXT, about="exact, strong, probable, possible, none or not_comparable"),
        Column(name="verdict_group", type=TEXT, about="known, near, none, not_comparable or benign"),
        Column(name="hashing_tier", type=TEXT, about="still, keyframe or second: what it rests on", nullable=True),
        Column(
            name="reason", type=TEXT, about="Why not comparable, or not wholly; or what was set aside", nullable=True
        ),
        Column(name="match_id", type=ID, about="The best match", nullable=True, cites="media_matches.match_id"),
        Column(name="transform", type=TEXT, about="Its transform, or none", nullable=True),
        Column(name="distance_bits", type=INT, about="Its distance", nullable=True),
        Column(name="series", type=TEXT, about="Its series", nullable=True),
        Column(name="victim_identified", type=TEXT, about="yes, no, unknown; absent without a match", nullable=True),
    ),
)

MEDIA_CLUSTERS = Table(
    name="media_clusters",
    version=1,
    stage="media",
    about="Items joined, directly or through others, by distance within the limit.",
    key=("media_cluster_id", "item_id"),
    columns=(
        Column(name="media_cluster_id", type=ID, about="Digest of its items"),
        _ITEM,
        Column(
            name="joined_to_item_id", type=ID, about="Neighbour that holds it", nullable=True, cites="items.item_id"
        ),
        Column(name="distance_bits", type=INT, about="Distance to that neighbour; 0 for copies", nullable=True),
    ),
)

MEDIA_ORIGINS = Table(
    name="media_origins",
    version=1,
    stage="media",
    about="A media cluster, what the lists say of it, and its earliest known upload.",
    key=("media_cluster_id",),
    columns=(
        Column(name="media_cluster_id", type=ID, about="The cluster", cites="media_clusters.media_cluster_id"),
        Column(name="items", type=INT, about="Items in it"),
        Column(name="verdict_group", type=TEXT, about="known if any item is, then near, none, not_comparable, benign"),
        Column(name="victim_identified", type=TEXT, about="Of its best match", nullable=True),
        Column(name="series", type=TEXT, about="Of its best match", nullable=True),
        Column(name="upload_id", type=ID, about="Earliest upload", nullable=True, cites="uploads.upload_id"),
        Column(name="account_id", type=ID, about="Who made it", nullable=True, cites="accounts.account_id"),
        Column(name="at_utc", type=AT_UTC, about="When", nullable=True),
        Column(name="uploads", type=INT, about="Uploads of any of its items"),
    ),
)

NOTED_MATCHES = Table(
    name="noted_matches",
    version=1,
    stage="media",
    about="A digest that the platform noted equals one of a hash list, whether the file is still there or not.",
    key=("noted_match_id",),
    columns=(
        Column(name="noted_match_id", type=ID, about="Digest of the row and the entry"),
        Column(name="upload_id", type=ID, about="The upload", nullable=True, cites="uploads.upload_id"),
        Column(
            name="media_reference_id",
            type=ID,
            about="The reference",
            nullable=True,
            cites="media_references.media_reference_id",
        ),
        Column(name="account_id", type=ID, about="Whose it is", nullable=True, cites="accounts.account_id"),
        Column(name="entry_id", type=ID, about="The entry", cites="hash_list_entries.entry_id"),
        Column(name="method", type=TEXT, about="sha256, sha1 or md5"),
        Column(name="file_is_gone", type=BOOLEAN, about="No item of the case is that file"),
        Column(name="polarity", type=TEXT, about="known-illegal or known-benign"),
        Column(name="series", type=TEXT, about="As listed", nullable=True),
        Column(name="victim_identified", type=TEXT, about="yes, no or unknown"),
    ),
)

MEDIA_TABLES = (
    MEDIA_FILES,
    MEDIA_HASHES,
    MEDIA_SECOND_HASHES,
    MEDIA_TRANSFORMED_HASHES,
    MEDIA_SECOND_TRANSFORMED_HASHES,
    HUB_JUDGEMENTS,
    MEDIA_HUBS,
    MEDIA_CLAIMS,
    MEDIA_MATCHES,
    VIDEO_MATCHES,
    MEDIA_VERDICTS,
    MEDIA_CLUSTERS,
    MEDIA_ORIGINS,
    NOTED_MATCHES,
)
