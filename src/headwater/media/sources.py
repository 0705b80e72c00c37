"""Where the bytes of items lie: which files a sealed worker is to open, and how it finds each item in them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.engine import Exhibit, StageContext
from headwater.evidence import entry_of, file_and_members, image_parameters, image_sources

__all__ = ["Item", "Sources", "place_of", "sources_of"]

_IMAGE_KIND, _FOLDER_KIND = "disk-image", "directory"

Item = Mapping[str, Any]
"""A row of the table `items`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a job needs to reach items of one volume of an exhibit.

    Attributes:
        files: To open.
        entries: For each item, how it is found in them.
        parameters: What all of them share, such as the volume.
    """

    files: list[Path]
    entries: list[dict[str, Any]]
    parameters: dict[str, Any]


def place_of(item: Item) -> tuple[str, int, bytes]:
    """Where an item lies; of several copies, the first by this is the one that is read."""
    return item["exhibit_id"], item["volume_index"], item["path_bytes"]


def sources_of(context: StageContext, items: Sequence[Item]) -> Iterator[tuple[list[Item], Sources | None]]:
    """The items, those of one volume together, with how they are reached; None where their exhibit is not at hand.

    Args:
        context: Has the exhibits.
        items: Rows of the table `items`.
    """
    exhibits = {exhibit.exhibit_id: exhibit for exhibit in context.exhibits}
    by_volume: dict[tuple[str, int], list[Item]] = defaultdict(list)
    for item in items:
        by_volume[item["exhibit_id"], item["volume_index"]].append(item)
    for (exhibit_id, volume_index), here in sorted(by_volume.items()):
        exhibit = exhibits.get(exhibit_id)
        yield here, None if exhibit is None else _reached(exhibit, volume_index, here)


def _reached(exhibit: Exhibit, volume_index: int, here: Sequence[Item]) -> Sources:
    if exhibit.exhibit_kind == _IMAGE_KIND:
        return Sources(
            files=image_sources(exhibit.path, exhibit.secret),
            entries=[entry_of(item["path_bytes"], inode=item["inode"]) for item in here],
            parameters={**image_parameters(exhibit.path, exhibit.secret), "volume_index": volume_index},
        )
    files, entries = [], []
    for index, item in enumerate(here):
        path, members = file_and_members(item["path_bytes"])
        files.append(exhibit.path / os.fsdecode(path) if exhibit.exhibit_kind == _FOLDER_KIND else exhibit.path)
        entries.append({"file_index": index} | ({"members": members} if members else {}))
    return Sources(files=files, entries=entries, parameters={})
