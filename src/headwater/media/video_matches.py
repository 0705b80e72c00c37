"""Videos beside listed videos: how much of either is in the other, and which stretches they share.

A list that has the frames of a video says more than that one picture is near: a copy, a part, a compilation, or one
title card. Both shares are told, of this video and of the listed one, and the stretches in the time of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.schema import content_id, table_named

__all__ = ["NearFrames", "shared_stretches", "video_matches"]

_DRIFT_MS = 3_000
"""How far two frames may be from where the one before says: sampled frames are seldom of the same moment."""
_SLOWEST, _FASTEST = 0.5, 2.0
"""Speeds at which a video is still a copy of another."""
_LONGEST_GAP_MS = 12_000  # a keyframe every ten seconds, and what encoders are off by

_LISTED = ("reference_name", "reference_version", "listed_file")


class NearFrames(NamedTuple):
    """Frames of a video that are near frames of a listed one.

    Attributes:
        at_ms: Time in this video.
        listed_at_ms: Time in the listed one.
        distance_bits: Between them.
    """

    at_ms: int
    listed_at_ms: int
    distance_bits: int


def video_matches(
    frames: pa.Table,
    entries: pa.Table,
    frame: npt.NDArray[np.int64],
    entry: npt.NDArray[np.int64],
    distance_bits: npt.NDArray[np.int64],
) -> pa.Table:
    """The table `video_matches`, from the pairs of frames that are near.

    Args:
        frames: The comparable frames.
        entries: Listed hashes with the list, `listed_file` and `at_ms`.
        frame: Of each pair, the row in `frames`.
        entry: Of each pair, the row in `entries`.
        distance_bits: Of each pair.
    """
    timed = pc.and_(pc.is_valid(entries["listed_file"]), pc.is_valid(entries["at_ms"])).to_numpy()
    moving = pc.is_valid(frames["at_ms"]).to_numpy()
    kept = timed[entry] & moving[frame] if len(entry) else np.empty(0, bool)
    rows = pa.table(
        {
            "item_id": frames["item_id"].take(pa.array(frame[kept])),
            "frame": frame[kept],
            "at_ms": frames["at_ms"].take(pa.array(frame[kept])),
            **{name: entries[name].take(pa.array(entry[kept])) for name in (*_LISTED, "polarity")},
            "entry": entry[kept],
            "listed_at_ms": entries["at_ms"].take(pa.array(entry[kept])),
            "distance_bits": distance_bits[kept],
        }
    )
    if not rows.num_rows:
        return table_named("video_matches").empty()
    of_item = _counts(frames, ("item_id",))
    wanted = pc.is_in(entries["listed_file"], value_set=pc.unique(rows["listed_file"]))
    of_listed = _counts(entries.filter(pc.and_(wanted, pa.array(timed))), _LISTED)
    keys = ("item_id", *_LISTED)
    ordered = rows.sort_by([(name, "ascending") for name in (*keys, "at_ms", "distance_bits", "listed_at_ms")])
    found = []
    for key, group in _groups(ordered.to_pylist(), keys):
        near = [NearFrames(row["at_ms"], row["listed_at_ms"], row["distance_bits"]) for row in group]
        query_frames, listed_frames = of_item[key[:1]], of_listed[key[1:]]
        near_frames, near_entries = (len({row[name] for row in group}) for name in ("frame", "entry"))
        found.append(
            {
                "video_match_id": content_id("vmt", *key),
                **dict(zip(keys, key, strict=True)),
                "polarity": group[0]["polarity"],
                "query_frames": query_frames,
                "listed_frames": listed_frames,
                "query_frames_percent": 100 * near_frames // query_frames,
                "listed_frames_percent": 100 * near_entries // listed_frames,
                "least_distance_bits": min(row["distance_bits"] for row in group),
                "stretches": list(shared_stretches(near)),
            }
        )
    return table_named("video_matches").rows(found)


def _counts(rows: pa.Table, keys: Sequence[str]) -> Mapping[tuple[str, ...], int]:
    counted = rows.group_by(list(keys)).aggregate([([], "count_all")]).to_pydict()
    return dict(zip(zip(*(counted[name] for name in keys), strict=True), counted["count_all"], strict=True))


def _groups(
    rows: Iterable[Mapping[str, Any]], keys: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], list[Mapping[str, Any]]]]:
    """Rows that follow each other and have the same key."""
    group: list[Mapping[str, Any]] = []
    for row in rows:
        if group and any(row[name] != group[0][name] for name in keys):
            yield tuple(str(group[0][name]) for name in keys), group
            group = []
        group.append(row)
    if group:
        yield tuple(str(group[0][name]) for name in keys), group


def shared_stretches(near: Iterable[NearFrames]) -> Iterator[dict[str, int]]:
    """The stretches that two videos share, each with its times in both and how many frames show it.

    Of each frame the listed one that goes on from where the frame before was, else the nearest. A stretch goes on as
    long as both run the same way, the listed one at half to twice the speed.

    Args:
        near: Ordered by time, and by distance within it.

    Example:
        >>> list(shared_stretches([NearFrames(0, 5000, 2), NearFrames(1000, 6000, 3), NearFrames(9000, 90000, 1)]))
        [{'from_ms': 0, 'to_ms': 1000, 'listed_from_ms': 5000, 'listed_to_ms': 6000, 'frames': 2}, \
{'from_ms': 9000, 'to_ms': 9000, 'listed_from_ms': 90000, 'listed_to_ms': 90000, 'frames': 1}]
    """
    by_time: dict[int, list[NearFrames]] = {}
    for one in near:
        by_time.setdefault(one.at_ms, []).append(one)
    path: list[NearFrames] = []
    for at_ms in sorted(by_time):
        going_on = [one for one in by_time[at_ms] if path and _goes_on(path[-1], one)]
        path.append(min(going_on or by_time[at_ms], key=lambda one: (one.distance_bits, one.listed_at_ms)))
    starts = [
        0,
        *(n for n, (one, next_one) in enumerate(pairwise(path), start=1) if not _goes_on(one, next_one)),
        len(path),
    ]
    for start, end in pairwise(starts):
        if start == end:
            continue
        first, last = path[start], path[end - 1]
        yield {
            "from_ms": first.at_ms,
            "to_ms": last.at_ms,
            "listed_from_ms": first.listed_at_ms,
            "listed_to_ms": last.listed_at_ms,
            "frames": end - start,
        }


def _goes_on(one: NearFrames, next_one: NearFrames) -> bool:
    passed_ms, listed_ms = next_one.at_ms - one.at_ms, next_one.listed_at_ms - one.listed_at_ms
    fits = _SLOWEST * passed_ms - _DRIFT_MS <= listed_ms <= _FASTEST * passed_ms + _DRIFT_MS
    return passed_ms <= _LONGEST_GAP_MS and listed_ms >= 0 and fits
