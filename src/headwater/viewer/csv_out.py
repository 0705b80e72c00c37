"""The same as CSV, a line for each place of a medium; no cell of it can run in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from headwater.judgements import Grade
from headwater.packages import formula_safe
from headwater.viewer.media_out import Medium
from headwater.viewer.names import COLUMNS
from headwater.viewer.stated import echo_of, mime_type, stated_of, transform_of

__all__ = ["csv_lines", "csv_start", "line_of"]


def csv_start() -> str:
    """The first line: the columns."""
    return line_of(COLUMNS)


def csv_lines(medium: Medium, grades: Sequence[Grade]) -> str:
    """The lines of one medium. Fields of a viewer that headwater does not know have no column: VICS carries them.

    Args:
        medium: The content.
        grades: Those that count on it, in the order in which they were added.
    """
    row, stated = medium.row, stated_of(medium, grades)
    said = stated.said
    echo = {name: value for name, value in echo_of(said).items() if value is not None}
    cells = {
        "media_id": medium.media_id,
        "category": said.category or "0",
        "category_scheme": stated.scheme,
        "country": stated.country,
        "series": said.series,
        "victim_identified": said.victim_identified,
        "tags": stated.tags,
        "md5": row["md5"],
        "sha1": row["sha1"],
        "sha256": row["sha256"],
        "pdq": row["pdq"],
        "size_bytes": row["size_bytes"],
        "mime_type": mime_type(row),
        "media_kind": row["content_kind"],
        "verdict_group": row["verdict_group"],
        "verdict": row["verdict"],
        "distance_bits": row["distance_bits"],
        "transform": transform_of(row),
        "reason": row["reason"],
        "media_cluster_id": row["media_cluster_id"],
        "exported": json.dumps(echo, sort_keys=True),
    }
    lines = []
    for place in medium.places:
        where = {
            "exhibit_id": place.exhibit_id,
            "volume_index": place.volume_index,
            "path": place.path,
            "modified_at_utc": place.modified_at_utc,
            "item_id": place.item_id,
        }
        lines.append(line_of([(cells | where).get(column) for column in COLUMNS]))
    return "".join(lines)


def line_of(cells: Sequence[object]) -> str:
    """One line of CSV; no cell of it can run in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ["" if cell is None else str(cell) if isinstance(cell, int) else formula_safe(str(cell)) for cell in cells]
    )
    return text.getvalue()
