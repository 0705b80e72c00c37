"""The truth about the media store, written apart from the evidence."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from headwater_synth.media_store.hash_lists import listed_rows
from headwater_synth.media_store.model import MediaResult

__all__ = ["HASH_LIST_COLUMNS", "MEDIA_COLUMNS", "STORE_PATH", "write_media_truth"]

STORE_PATH = "/srv/media"
"""Where the image has the store."""
MEDIA_COLUMNS = (
    "path",
    "scene_key",
    "edit",
    "listed",
    "comparable",
    "uploader_account_key",
    "uploaded_at_s",
    "scene_is_listed",
)
HASH_LIST_COLUMNS = ("list", "row", "scene_key", "media_kind", "at_ms", "in_seizure")


def write_media_truth(result: MediaResult, uploads: Mapping[str, tuple[int | str, int]], truth_directory: Path) -> None:
    """Write `media.csv` and `hashlist.csv` into the folder of the truth.

    Args:
        result: The store.
        uploads: Relative path of a file -> key of the account that uploaded it first, and when (Unix seconds).
        truth_directory: The folder; it is made if it does not exist.
    """
    truth_directory.mkdir(parents=True, exist_ok=True)
    with (truth_directory / "media.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MEDIA_COLUMNS)
        for media in result.files:
            account_key, at_s = uploads.get(media.relative_path, ("", ""))
            writer.writerow(
                (
                    f"{STORE_PATH}/{media.relative_path}",
                    media.scene_key,
                    media.edit,
                    media.listed,
                    int(media.comparable),
                    account_key,
                    at_s,
                    int(media.scene_is_listed),
                )
            )
    with (truth_directory / "hashlist.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HASH_LIST_COLUMNS)
        for list_name in ("vics", "csv"):
            for number, row in enumerate(listed_rows(result, list_name)):
                if row is None:
                    writer.writerow((list_name, number, "", "damaged", "", 0))
                    continue
                listed, frame = row
                at_ms = "" if frame.at_ms is None else frame.at_ms
                held = int(listed.scene_key is not None)
                writer.writerow((list_name, number, listed.scene_key or "", listed.media_kind, at_ms, held))
