"""Hash lists as an authority sends them: VICS-2.0-like JSON and CSV.

The JSON follows the shape that Project VIC's hash sets are seen to have in public readers of them; it claims no
certification. The CSV has one row whose digests are damaged, because lists in the wild have such rows.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from headwater_synth.media_store.model import ListedFile, ListedFrame, MediaResult
from headwater_synth.seeds import stream

__all__ = ["CSV_COLUMNS", "listed_rows", "write_hash_lists"]

CSV_COLUMNS = ("md5", "sha1", "sha256", "pdq", "category", "series", "victim_identified", "media_kind")
_CONTEXT = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"
_UPDATED = "2025-03-03T09:00:00Z"
_VICS_IDENTIFIED = {"yes": "true", "no": "false"}
_MIME_TYPES = {"still": "image/jpeg", "video": "video/mp4"}

ListedRow = tuple[ListedFile, ListedFrame] | None
"""A row of a list: a file and one of its hashes; None is the damaged row."""


def listed_rows(result: MediaResult, list_name: str) -> tuple[ListedRow, ...]:
    """The rows of one list, in their order.

    Args:
        result: The store that the lists speak of.
        list_name: vics or csv.
    """
    rows: list[ListedRow] = [
        (file, frame) for file in result.listed if file.list_name == list_name for frame in file.frames
    ]
    if list_name == "csv":
        rows.insert(stream(result.seed, "listing", "damaged-row").randrange(len(rows) + 1), None)
    return tuple(rows)


def write_hash_lists(result: MediaResult, directory: Path) -> None:
    """Write `hashlist.vics.json` and `hashlist.csv` into a folder.

    Args:
        result: The store that the lists speak of.
        directory: The folder; it is made if it does not exist.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rows = listed_rows(result, "vics")
    # The frames of a video are media of one id, which is how a reader knows that they are of one file.
    numbers = {md5: number for number, md5 in enumerate(dict.fromkeys(row[0].md5 for row in rows if row), start=1)}
    vics = {"@odata.context": _CONTEXT, "value": [_vics_media(numbers[row[0].md5], row) for row in rows if row]}
    text = json.dumps(vics, indent=1, ensure_ascii=False) + "\n"
    (directory / "hashlist.vics.json").write_text(text, encoding="utf-8", newline="\n")
    with (directory / "hashlist.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        writer.writerows(_csv_cells(row) for row in listed_rows(result, "csv"))


def _vics_media(number: int, row: ListedRow) -> dict[str, object]:
    assert row is not None, "the damaged row is in the CSV"
    file, frame = row
    media: dict[str, object] = {
        "MediaID": number,
        "Category": int(file.category),
        "MD5": file.md5.upper(),
        "SHA1": file.sha1.upper(),
        "MediaSize": file.size_bytes,
        "DateUpdated": _UPDATED,
        "IsPrecategorized": "true",
        "MimeType": _MIME_TYPES[file.media_kind],
    }
    if file.victim_identified in _VICS_IDENTIFIED:  # an unknown answer is left out, as lists do
        media["VictimIdentified"] = _VICS_IDENTIFIED[file.victim_identified]
    if file.series is not None:
        media["Series"] = file.series
    media["MediaFiles"] = []
    media["AlternativeHashes"] = [{"HashName": "PDQ", "HashValue": frame.pdq}]
    return media


def _csv_cells(row: ListedRow) -> tuple[str, ...]:
    if row is None:
        return ("not-a-digest", "0123", "", "zz" * 31, "1", "", "unknown", "still")
    file, frame = row
    return (
        file.md5,
        file.sha1,
        file.sha256,
        frame.pdq,
        file.category,
        file.series or "",
        file.victim_identified,
        file.media_kind,
    )
