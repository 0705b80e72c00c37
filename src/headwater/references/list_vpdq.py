"""Videos listed frame by frame with PDQ hashes, as the vPDQ tools write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from headwater.references.csv_text import decoded, records
from headwater.references.list_entries import Listed, ListItem, Source, entry_of, milliseconds
from headwater.references.rows import BadRow, BadRowError

__all__ = ["frames_of", "is_frame_line", "is_frame_text", "read_frame_lines", "read_frame_objects", "read_frame_texts"]

# What vpdq_util writes (HASH,QUALITY,SECONDS), and what the command-line hasher does (FRAME,QUALITY,HASH,SECONDS).
_TEXT = re.compile(r"[0-9a-fA-F]{64},[0-9]{1,3},[0-9.]{1,20}")
_LINE = re.compile(r"[0-9]{1,12},[0-9]{1,3},[0-9a-fA-F]{64},[0-9.]{1,20}")
_ONE_VIDEO = "the video"


def is_frame_text(text: str) -> bool:
    """Whether it is a frame as HASH,QUALITY,SECONDS."""
    return _TEXT.fullmatch(text) is not None


def is_frame_line(line: str) -> bool:
    """Whether it is a frame as FRAME,QUALITY,HASH,SECONDS."""
    return _LINE.fullmatch(line.strip()) is not None


def frames_of(features: object) -> list[dict[str, object]]:
    """The columns of each frame of a video.

    Args:
        features: Texts HASH,QUALITY,SECONDS; or objects with `hash`, `quality` and `timestamp`, by frame number.

    Raises:
        BadRowError: It is neither, or one of them is not a frame.
    """
    found = []
    if isinstance(features, Mapping):
        listed = list(features.values())
    elif isinstance(features, list):
        listed = features
    else:
        raise BadRowError("not a list of frames")
    for number, feature in enumerate(listed):
        if isinstance(feature, Mapping):
            parts = {key.lower(): value for key, value in feature.items()}
            pdq, quality, seconds = parts.get("hash"), parts.get("quality"), parts.get("timestamp")
        elif isinstance(feature, str) and feature.count(",") == 2:
            pdq, quality, seconds = feature.split(",")
        else:
            raise BadRowError(f"frame {number} is not HASH,QUALITY,SECONDS")
        if pdq is None or quality is None or seconds is None:
            raise BadRowError(f"frame {number} has no hash, quality or time")
        found.append({"pdq": pdq, "pdq_quality": quality, "at_ms": milliseconds(seconds), "media_kind": "video"})
    if not found:
        raise BadRowError("no frame")
    return found


def read_frame_texts(
    source: Source, element: object, number: int, offset_bytes: int | None, group: str
) -> list[ListItem]:
    """The rows of a document that is one video."""
    del source, number, group
    try:
        rows = [entry_of({**frame, "listed_file": _ONE_VIDEO}, {}) for frame in frames_of(element)]
    except BadRowError as error:
        return [BadRow(offset_bytes=offset_bytes, row=0, reason=str(error))]
    return [Listed(0, offset_bytes, row) for row in rows]


read_frame_objects = read_frame_texts


def read_frame_lines(source: Source) -> Iterator[ListItem]:
    """The rows of a text that is one video, a frame a line."""
    with source.path.open("rb") as file:
        for number, (offset, record) in enumerate(records(file, source.path)):
            source.done_bytes = offset
            line = decoded(record, source.path, offset).strip()
            try:
                if not is_frame_line(line):
                    raise BadRowError("not FRAME,QUALITY,HASH,SECONDS")  # noqa: TRY301 - one place makes bad rows
                _, quality, pdq, seconds = line.split(",")
                frame: dict[str, object] = {"pdq": pdq, "pdq_quality": quality, "at_ms": milliseconds(seconds)}
                yield Listed(number, offset, entry_of({**frame, "media_kind": "video", "listed_file": _ONE_VIDEO}, {}))
            except BadRowError as error:
                yield BadRow(offset_bytes=offset, row=number, reason=str(error))
