"""The job `hash_media`: perceptual hashes of stills and video frames, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed import pdq, stills, videos
from headwater_sealed.pdq_transforms import HASH_TRANSFORMS, TRANSFORMS
from headwater_sealed.sources import Sources
from headwater_sealed.stills import Picture, Still, read_still
from headwater_sealed.videos import Frame, Video, read_video

__all__ = ["HASH_MEDIA_SCHEMA", "MEDIA_KINDS", "hash_media", "prepare"]

MEDIA_KINDS = ("still", "video")
_SUMMARY = -1
_BATCH_ROWS = 4096

HASH_MEDIA_SCHEMA = pa.schema(
    [
        pa.field("entry_index", pa.int64(), nullable=False),
        pa.field("frame_index", pa.int64(), nullable=False),
        pa.field("at_ms", pa.int64()),
        pa.field("pdq", pa.binary(32)),
        pa.field("quality", pa.int64()),
        pa.field("pdq_transforms", pa.binary(32 * len(TRANSFORMS))),
        pa.field("status", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("note", pa.string()),
        pa.field("media_kind", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("width_px", pa.int64()),
        pa.field("height_px", pa.int64()),
        pa.field("duration_ms", pa.int64()),
    ]
)
"""One row for each hash (frame_index from 0), then one for the file (frame_index -1) with its status.

`pdq_transforms` is absent unless it is asked for: the hashes under each of `TRANSFORMS`, one behind the other.
"""


def prepare() -> None:
    """Loads what the decoders would load on first use, and compiles what hashes."""
    pdq.prepare()
    stills.prepare()
    videos.prepare()


def hash_media(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Any) -> None:  # noqa: ANN401 - see jobs.Emit, which imports this
    """Rows of the hashes of each entry, entry by entry, each followed by the row of the file.

    Args:
        files: The evidence: plain files, or the segments of one image.
        parameters: `entries`, each with `media_kind`, `tier` and `file_index`, or `path_hex` within `volume_index`;
            and `hash_transforms`, which is none unless it says dihedral.
        emit: Takes each batch.

    Raises:
        ValueError: A parameter is none of those known.
    """
    wanted = parameters.get("hash_transforms", HASH_TRANSFORMS[0])
    if wanted not in HASH_TRANSFORMS:
        raise ValueError(f"hash_transforms {wanted!r} is none of {HASH_TRANSFORMS}")
    hashed_of = _hashed_in_all_positions if wanted == "dihedral" else _hashed
    sources = Sources(files, parameters)
    for index, entry in enumerate(parameters["entries"]):
        rows: list[dict[str, Any]] = []
        for row in _rows(sources, entry, hashed_of):
            rows.append({"entry_index": index, **row})
            if len(rows) == _BATCH_ROWS:
                emit(pa.RecordBatch.from_pylist(rows, schema=HASH_MEDIA_SCHEMA))
                rows = []
        emit(pa.RecordBatch.from_pylist(rows, schema=HASH_MEDIA_SCHEMA))


def _hashed(picture: Picture | Frame) -> dict[str, Any]:
    hashed = picture.hashed()
    return {"pdq": hashed.bits, "quality": hashed.quality}


def _hashed_in_all_positions(picture: Picture | Frame) -> dict[str, Any]:
    hashed = picture.hashed_in_all_positions()
    original = hashed.original
    return {"pdq": original.bits, "quality": original.quality, "pdq_transforms": hashed.transformed}


def _rows(
    sources: Sources, entry: Mapping[str, Any], hashed_of: Callable[[Picture | Frame], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The rows of one entry, the file's own last."""
    media_kind, tier = entry["media_kind"], entry["tier"]
    if media_kind not in MEDIA_KINDS:
        raise ValueError(f"media_kind {media_kind!r} is none of {MEDIA_KINDS}")
    summary: Still | Video = Still() if media_kind == "still" else Video()
    for frame_index, picture in enumerate(_pictures(sources, entry, summary)):
        yield {"frame_index": frame_index, "at_ms": picture.at_ms, **hashed_of(picture)}
    yield {
        "frame_index": _SUMMARY,
        "status": summary.status,
        "reason": summary.reason,
        "note": summary.note,
        "media_kind": media_kind,
        "tier": tier,
        "width_px": summary.width_px,
        "height_px": summary.height_px,
        "duration_ms": summary.duration_ms if isinstance(summary, Video) else None,
    }


def _pictures(sources: Sources, entry: Mapping[str, Any], summary: Still | Video) -> Iterator[Picture | Frame]:
    try:
        file = sources.open(entry)
    except Exception as error:  # noqa: BLE001 - one entry that cannot be opened must not cost the others of its group
        summary.refuse(f"cannot be opened: {' '.join(str(error).split())[:200]}")
        return iter(())
    if isinstance(summary, Still):
        return read_still(file, summary)
    return read_video(file, summary, tier=entry["tier"])
