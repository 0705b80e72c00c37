"""The hash references of a package for the recipient's accredited viewer: the same media, and nobody's grades."""

from __future__ import annotations

from headwater.engine import Session
from headwater.media import VERDICT_GROUPS
from headwater.packages import Contents
from headwater.viewer.csv_out import line_of
from headwater.viewer.media_out import Medium, media_in_order
from headwater.viewer.vics_out import vics_end, vics_medium, vics_start

__all__ = ["packaged_lists"]

_ICSE_COLUMNS = (
    *("MD5", "SHA1", "PhotoDNA", "Image ID", "Is distributed", "Victim identified", "Offender identified"),
    *("Series name", "Number of submissions", "Media type", "Baseline"),
)
_ANSWERS = {"yes": "True", "no": "False"}
_MEDIA_TYPES = {"still": "Image", "video": "Video"}


def packaged_lists(
    tables: Session, contents: Contents, *, case_id: str, case_number: str, version: str
) -> dict[str, bytes]:
    """Name to content: `hash_references_vics.json` and `hash_references_icse.csv`, one entry for each distinct content.

    They hold the items of `hash_references.csv` that have a digest, and no other place of the same content. `Category`
    is 0 and `Baseline` is empty: what the sender's specialists graded is not sent.

    Args:
        tables: The case's tables.
        contents: What the package holds.
        case_id: The case.
        case_number: The authority under which the case was opened.
        version: Of headwater.
    """
    item_ids = {row["item_id"] for row in contents.hash_references}
    media = list(media_in_order(tables, groups=VERDICT_GROUPS, exhibit_id=None, item_ids=item_ids)) if item_ids else []
    written = ",".join("\n" + vics_medium(medium, (), other_places=False) for medium in media)
    vics = vics_start(case_id=case_id, case_number=case_number, version=version) + written + vics_end()
    icse = "".join([line_of(_ICSE_COLUMNS), *(line_of(_icse_cells(medium)) for medium in media)])
    return {"hash_references_vics.json": vics.encode("utf-8"), "hash_references_icse.csv": icse.encode("utf-8")}


def _icse_cells(medium: Medium) -> list[object]:
    """What the lists of this case say of the very same bytes, and nothing where they say nothing."""
    row = medium.row
    listed = row["verdict_group"] == "known"
    cells = {
        "MD5": row["md5"],
        "SHA1": row["sha1"],
        "Image ID": medium.media_id,
        "Victim identified": _ANSWERS.get(row["victim_identified"]) if listed else None,
        "Series name": row["series"] if listed else None,
        "Media type": _MEDIA_TYPES.get(row["content_kind"]),
    }
    return [cells.get(column) for column in _ICSE_COLUMNS]
