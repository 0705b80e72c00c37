"""A VICS-like JSON case, a medium a line. Built from observation of files in the wild; no certification is claimed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from headwater.judgements import Grade
from headwater.viewer.kept import Kept, merged, place_of
from headwater.viewer.media_out import Medium, MediumPlace
from headwater.viewer.names import ECHO
from headwater.viewer.stated import echo_of, mime_type, stated_of, transform_of, victim_text

__all__ = ["vics_end", "vics_medium", "vics_start"]

_CONTEXT = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Cases"


def vics_start(*, case_id: str, case_number: str, version: str) -> str:
    """What stands before the first medium."""
    head = {
        "CaseID": case_id,
        "CaseNumber": case_number,
        "SourceApplicationName": "headwater",
        "SourceApplicationVersion": version,
    }
    return f'{{"@odata.context":{_json(_CONTEXT)},"value":[{_json(head)[:-1]},"Media":['


def vics_end() -> str:
    """What stands after the last medium."""
    return "\n]}]}\n"


def vics_medium(medium: Medium, grades: Sequence[Grade], *, other_places: bool = True) -> str:
    """The object of one medium; fields that an import brought and that are not ours stand in it as they were written.

    Args:
        medium: The content.
        grades: Those that count on it, with their rows, in the order in which they were added.
        other_places: Whether places that a viewer named, and that are none of this case, go back too.
    """
    row, stated = medium.row, stated_of(medium, grades)
    kept = merged(grade.row_bytes.decode("utf-8") for grade in reversed(grades))
    said = stated.said
    category = said.category
    fields: dict[str, object] = {
        "MediaID": medium.media_id,
        "Category": 0 if category is None else int(category) if _is_number(category) else category,
        "CategoryScheme": stated.scheme or None,
        "Country": stated.country or None,
        "MD5": _upper(row["md5"]),
        "SHA1": _upper(row["sha1"]),
        "MediaSize": row["size_bytes"],
        "MimeType": mime_type(row),
        "MediaType": row["content_kind"],
        "Series": said.series,
        "VictimIdentified": victim_text(said.victim_identified),
        "Tags": stated.tags,
    }
    ours: dict[str, object] = {
        "HeadwaterGroup": row["verdict_group"],
        "HeadwaterVerdict": row["verdict"],
        "HeadwaterDistanceBits": row["distance_bits"],
        "HeadwaterTransform": transform_of(row),
        "HeadwaterReason": row["reason"],
        "HeadwaterClusterID": row["media_cluster_id"],
        "HeadwaterListed": _listed(row),
        "HeadwaterGrades": list(stated.grades) or None,
        ECHO: {name: value for name, value in echo_of(said).items() if value is not None},
    }
    parts = [
        *_members(fields),
        f'"AlternativeHashes":[{",".join(_digests(row, kept))}]',
        f'"MediaFiles":[{",".join(_places(medium.places, kept, other_places=other_places))}]',
        *_members(ours),
        *(text for place, texts in sorted(kept.items()) if len(place) == 1 for text in texts),
    ]
    return "{" + ",".join(parts) + "}"


def _is_number(category: str) -> bool:
    return category.isascii() and category.isdecimal() and str(int(category)) == category


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def _members(fields: Mapping[str, object]) -> list[str]:
    return [f"{_json(name)}:{_json(value)}" for name, value in fields.items() if value is not None]


def _upper(digest: str | None) -> str | None:
    return None if digest is None else digest.upper()


def _digests(row: Mapping[str, object], kept: Kept) -> list[str]:
    ours = {"SHA256": row["sha256"], "PDQ": row["pdq"]}
    listed = [_json({"HashName": name, "HashValue": value}) for name, value in ours.items() if value is not None]
    return listed + [text for place, texts in sorted(kept.items()) if place[0] == "AlternativeHashes" for text in texts]


def _places(places: Sequence[MediumPlace], kept: Kept, *, other_places: bool) -> list[str]:
    of_place: dict[str, list[str]] = {}
    whole: dict[str, list[str]] = {}
    for where, texts in sorted(kept.items()):
        if where[0] == "MediaFiles" and len(where) > 1:
            (whole if where[2] == "(whole)" else of_place).setdefault(where[1], []).extend(texts)
    listed = []
    for place in places:
        fields = {
            "FilePath": place.path,
            "FileName": place.path.rpartition("/")[2],
            "SourceID": place.exhibit_id,
            "Written": place.modified_at_utc,
            "HeadwaterVolume": place.volume_index,
            "HeadwaterItemID": place.item_id,
        }
        names = {place.item_id, place_of({"FilePath": fields["FilePath"], "FileName": fields["FileName"]})}
        more = [text for name in sorted(names) for text in of_place.get(name, ())]
        listed.append("{" + ",".join([*_members(fields), *more]) + "}")
        for name in names:
            whole.pop(name, None)
    if not other_places:
        return listed
    # A place that a viewer names and that is none of these goes back as it came, unless it is one of ours elsewhere.
    return listed + [text for name, texts in sorted(whole.items()) if not name.startswith("itm-") for text in texts]


def _listed(row: Mapping[str, object]) -> dict[str, object] | None:
    if row["match_id"] is None:
        return None
    listed = {
        "Name": row["reference_name"],
        "Version": row["reference_version"],
        "Polarity": row["polarity"],
        "CategoryScheme": row["scheme"],
        "Country": row["country"],
        "Category": row["category"],
        "Series": row["series"],
        "VictimIdentified": victim_text(str(row["victim_identified"])),
    }
    return {name: value for name, value in listed.items() if value is not None}
