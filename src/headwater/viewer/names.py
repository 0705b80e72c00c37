"""The names of fields, as VICS files in the wild write them and as our own CSV does. Built from observation."""

from __future__ import annotations

__all__ = [
    "COLUMNS",
    "CSV_KEYS",
    "CSV_MARK",
    "ECHO",
    "FORMULA_STARTS",
    "HASHES_KEY",
    "OUR_HASHES",
    "OUR_TAG",
    "PLACES_KEY",
    "PLACE_KEYS",
    "WRITTEN_KEYS",
]

ECHO = "HeadwaterExported"
"""What the export said of category, series, victim and tags: a row that still says so was not graded in between."""

OUR_TAG = "headwater-"
"""How each of the tags that headwater writes begins."""

HASHES_KEY, PLACES_KEY = "alternativehashes", "mediafiles"
OUR_HASHES = frozenset({"sha256", "pdq"})

WRITTEN_KEYS = frozenset(
    {
        "mediaid",
        "category",
        "categoryscheme",
        "country",
        "md5",
        "sha1",
        "mediasize",
        "mimetype",
        "mediatype",
        "series",
        "victimidentified",
        "tags",
        HASHES_KEY,
        PLACES_KEY,
        "headwatergroup",
        "headwaterverdict",
        "headwaterdistancebits",
        "headwatertransform",
        "headwaterreason",
        "headwaterclusterid",
        "headwaterlisted",
        "headwatergrades",
        # Read, and said in HeadwaterGrades: given back beside the category, it would put a later grader's grade under
        # an earlier one's name.
        "gradedby",
        "categorizedby",
        ECHO.casefold(),
    }
)
"""Keys of a media object that the export writes itself, in lower case; every other returns as it came."""

PLACE_KEYS = frozenset({"filepath", "filename", "sourceid", "written", "headwatervolume", "headwateritemid"})
"""The same for the objects in `MediaFiles`."""

# Column of the CSV, the key of a media object that says the same, and what it is for the reference page.
_COLUMNS = (
    ("media_id", "MediaID"),
    ("category", "Category"),
    ("category_scheme", "CategoryScheme"),
    ("country", "Country"),
    ("series", "Series"),
    ("victim_identified", "VictimIdentified"),
    ("tags", "Tags"),
    ("graded_by", "GradedBy"),
    ("md5", "MD5"),
    ("sha1", "SHA1"),
    ("sha256", "SHA256"),
    ("pdq", "PDQ"),
    ("size_bytes", "MediaSize"),
    ("mime_type", "MimeType"),
    ("media_kind", "MediaType"),
    ("verdict_group", "HeadwaterGroup"),
    ("verdict", "HeadwaterVerdict"),
    ("distance_bits", "HeadwaterDistanceBits"),
    ("transform", "HeadwaterTransform"),
    ("reason", "HeadwaterReason"),
    ("media_cluster_id", "HeadwaterClusterID"),
    ("exhibit_id", "SourceID"),
    ("volume_index", "HeadwaterVolume"),
    ("path", "FilePath"),
    ("modified_at_utc", "Written"),
    ("item_id", "HeadwaterItemID"),
    ("exported", ECHO),
)
COLUMNS = tuple(column for column, _ in _COLUMNS)
CSV_KEYS = dict(_COLUMNS)

CSV_MARK = "HeadwaterColumns"
"""Marks a row that was made of a line of CSV, where every column of ours has a key of ours."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheet programs take for the start of a formula."""
