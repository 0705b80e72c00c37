"""What the export says of one content: the verdict of the lists, and the grades that stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.judgements import Grade, current_grades, victims_of
from headwater.schema import MEDIA_TRANSFORMS
from headwater.viewer.graded_rows import NOTHING_SAID, Said
from headwater.viewer.media_out import Medium
from headwater.viewer.names import OUR_TAG

__all__ = ["Stated", "echo_of", "mime_type", "stated_of", "transform_of", "victim_text"]

_MIME_TYPES = {
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "matroska": "video/x-matroska",
    "mpeg-ps": "video/mpeg",
    "mpeg-ts": "video/mp2t",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The grade as one row can state it.

    Attributes:
        said: Category, series and victim; no category where graders differ, or grade under several schemes.
        scheme: Whose categories; empty where that is open.
        country: Whose law; empty where that is open.
        tags: Ours, then those of the graders.
        grades: Each grade that stands.
    """

    said: Said
    scheme: str
    country: str
    tags: str
    grades: tuple[Mapping[str, object], ...]


def stated_of(medium: Medium, grades: Sequence[Grade]) -> Stated:
    """What the export says of a content.

    Args:
        medium: The content.
        grades: Those that count on it, in the order in which they were added.
    """
    standing = [grade for _, grade in sorted(current_grades(grades).items()) if grade.says_something or grade.tags]
    under = {(grade.scheme, grade.country, grade.category) for grade in standing if grade.category}
    scheme, country, category = next(iter(under)) if len(under) == 1 else ("", "", None)
    series = {grade.series for grade in standing if grade.series}
    tags = sorted({grade.tags for grade in standing if grade.tags})
    said = listed_of(medium) if not any(grade.says_something for grade in standing) else NOTHING_SAID
    if said is NOTHING_SAID:
        said = Said(category, next(iter(series)) if len(series) == 1 else None, victims_of(standing), None)
    return Stated(
        said=said._replace(tags=", ".join(tags) or None),
        scheme=scheme,
        country=country,
        tags=", ".join([*_our_tags(medium.row), *tags]),
        grades=tuple(
            {
                "Category": grade.category,
                "CategoryScheme": grade.scheme,
                "Country": grade.country,
                "Series": grade.series,
                "VictimIdentified": victim_text(grade.victim_identified),
                "GradedBy": grade.graded_by,
                "SourceSHA256": grade.source_sha256,
            }
            for grade in standing
        ),
    )


def listed_of(medium: Medium) -> Said:
    """What a list says of the very same bytes; of a near one it is said apart, because it speaks of another file."""
    row = medium.row
    if row["verdict_group"] != "known":
        return NOTHING_SAID
    return Said(None, row["series"], row["victim_identified"] or "unknown", None)


def echo_of(said: Said) -> dict[str, object]:
    """What the export says, for the import to see what a specialist changed."""
    return {
        "Category": said.category,
        "Series": said.series,
        "VictimIdentified": victim_text(said.victim_identified),
        "Tags": said.tags,
    }


def victim_text(victim_identified: str) -> str | None:
    """As VICS files write it: a boolean as text, and nothing for unknown."""
    return {"yes": "true", "no": "false"}.get(victim_identified)


def mime_type(row: Mapping[str, Any]) -> str:
    """The media type of a content, by its first bytes and never by its name."""
    kind, name = row["content_kind"], row["content_format"]
    if name in _MIME_TYPES:
        return _MIME_TYPES[name]
    return (
        f"{'image' if kind == 'still' else kind}/{name}" if kind in {"still", "video"} else "application/octet-stream"
    )


def transform_of(row: Mapping[str, Any]) -> str | None:
    """The transform under which a content is near a listed one; None where it is near as it is, or not at all."""
    return row["transform"] if row["transform"] in MEDIA_TRANSFORMS else None


def _our_tags(row: Mapping[str, Any]) -> list[str]:
    tags = [f"{OUR_TAG}group:{row['verdict_group']}", f"{OUR_TAG}verdict:{row['verdict']}"]
    if row["distance_bits"] is not None:
        tags.append(f"{OUR_TAG}distance-bits:{row['distance_bits']}")
    if (transform := transform_of(row)) is not None:
        tags.append(f"{OUR_TAG}transform:{transform}")
    if row["media_cluster_id"] is not None:
        tags.append(f"{OUR_TAG}media-cluster:{row['media_cluster_id']}")
    return [*tags, f"{OUR_TAG}item:{row['item_id']}"]
