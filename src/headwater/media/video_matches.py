"""Videos beside listed videos: how much of either is in the other, and which stretches they share.

A list that has the frames of a video says more than that one picture is near: a copy, a part, a compilation, or one
title card. Both shares are told, of this video and of the listed one, and the stretches in the time of each.

The frames of a video are taken in the order of time, those of one moment at once, and of each listed video only what
the next moment needs is kept: how many pairs of frames are near has no bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.media.hamming import PAIRS_AT_ONCE, Targets
from headwater.media.listed import CodedHashes, ListedEntries, expanded, packed_hashes
from headwater.media.tiers import MAX_DISTANCE_BITS
from headwater.schema import content_id, table_named

__all__ = ["FRAME_OF", "ListedFrames", "NearFrames", "listed_frames", "shared_stretches", "video_matches"]

FRAME_OF = ("listed_file", "at_ms")
"""Columns of an entry that say of which video it is a frame, and when."""

_DRIFT_MS = 3_000
"""How far two frames may be from where the one before says: sampled frames are seldom of the same moment."""
_SLOWEST, _FASTEST = 0.5, 2.0
"""Speeds at which a video is still a copy of another."""
_LONGEST_GAP_MS = 12_000  # a keyframe every ten seconds, and what encoders are off by

_LISTED = ("reference_name", "reference_version", "listed_file")
_Numbers = npt.NDArray[np.int64]


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


@dataclass(slots=True)
class _Path:
    """What is known of a video beside a listed one, up to some moment.

    Attributes:
        stretches: Those that ended.
        going: First and last frames of the one that goes on, and how many it has.
        frames: Frames of the video that are near.
        least_distance_bits: Of any pair.
    """

    stretches: list[dict[str, int]] = field(default_factory=list)
    going: tuple[NearFrames, NearFrames, int] | None = None
    frames: int = 0
    least_distance_bits: int = 256

    def add(self, at_ms: int, listed_at_ms: _Numbers, distance_bits: _Numbers) -> None:
        """Go on with the frames that are near those of one moment, the nearest and earliest first."""
        place = 0
        if self.going is not None and (following := _go_on(self.going[1], at_ms, listed_at_ms)).any():
            place = int(np.argmax(following))
        chosen = NearFrames(at_ms, int(listed_at_ms[place]), int(distance_bits[place]))
        self.least_distance_bits = min(self.least_distance_bits, int(distance_bits[0]))
        if self.going is not None and _go_on(self.going[1], at_ms, listed_at_ms)[place]:
            self.going = self.going[0], chosen, self.going[2] + 1
        else:
            self.end()
            self.going = chosen, chosen, 1

    def end(self) -> None:
        """End the stretch that goes on."""
        if self.going is None:
            return
        first, last, frames = self.going
        self.going = None
        self.stretches.append(
            {
                "from_ms": first.at_ms,
                "to_ms": last.at_ms,
                "listed_from_ms": first.listed_at_ms,
                "listed_to_ms": last.listed_at_ms,
                "frames": frames,
            }
        )


def _go_on(last: NearFrames, at_ms: int, listed_at_ms: _Numbers) -> npt.NDArray[np.bool_]:
    passed_ms, listed_ms = at_ms - last.at_ms, listed_at_ms - last.listed_at_ms
    fits = (_SLOWEST * passed_ms - _DRIFT_MS <= listed_ms) & (listed_ms <= _FASTEST * passed_ms + _DRIFT_MS)
    return fits & (listed_ms >= 0) & (passed_ms <= _LONGEST_GAP_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFrames:
    """Frames of listed videos, by the number of their hash.

    Attributes:
        coded: The hashes, with the entries of each.
        files: Each listed video: list, version, the list's id of it.
        polarities: Of each.
        totals: Frames of each that are listed and comparable.
        file: Of each entry, the number of its video.
        at_ms: Of each entry.
    """

    coded: CodedHashes
    files: tuple[tuple[str, ...], ...]
    polarities: tuple[str, ...]
    totals: tuple[int, ...]
    file: _Numbers
    at_ms: _Numbers


def video_matches(frames: pa.Table, near: pa.Array, others: ListedFrames | None) -> pa.Table:
    """The table `video_matches`.

    Args:
        frames: The comparable frames.
        near: The items with a frame near a listed hash that counts.
        others: The frames of listed videos that have such a hash, if there are any.
    """
    of_item = frames.filter(pc.is_in(frames["item_id"], value_set=near))
    moving = of_item.filter(pc.is_valid(of_item["at_ms"]))
    if others is None or not len(moving):
        return table_named("video_matches").empty()
    totals = {row["values"]: row["counts"] for row in of_item["item_id"].value_counts().to_pylist()}
    moving = moving.sort_by([("item_id", "ascending"), ("at_ms", "ascending"), ("frame_index", "ascending")])
    found: list[dict[str, Any]] = []
    for item_id, paths, near_entries in _paths(moving, others):
        for number, path in sorted(paths.items()):
            path.end()
            key = (item_id, *others.files[number])
            query_frames, listed_frames = totals[item_id], others.totals[number]
            found.append(
                {
                    "video_match_id": content_id("vmt", *key),
                    **dict(zip(("item_id", *_LISTED), key, strict=True)),
                    "polarity": others.polarities[number],
                    "query_frames": query_frames,
                    "listed_frames": listed_frames,
                    "query_frames_percent": 100 * path.frames // query_frames,
                    "listed_frames_percent": 100 * near_entries[number] // listed_frames,
                    "least_distance_bits": path.least_distance_bits,
                    "stretches": path.stretches,
                }
            )
    return table_named("video_matches").rows(found)


def listed_frames(listed: ListedEntries, hashes: _Numbers, entries: pa.Table) -> ListedFrames | None:
    """The entries that are frames of a listed video; None if none is.

    Args:
        listed: The entries of hash lists.
        hashes: For each entry, the number of its hash.
        entries: With list, polarity, `listed_file` and `at_ms`.
    """
    timed = pc.and_(pc.is_valid(entries["listed_file"]), pc.is_valid(entries["at_ms"]))
    entries, hashes = entries.filter(timed), hashes[timed.to_numpy()]
    if not len(entries):
        return None
    numbers: dict[tuple[str, ...], int] = {}
    polarities: list[str] = []
    file = np.empty(len(entries), np.int64)
    for place, row in enumerate(zip(*(entries[name].to_pylist() for name in (*_LISTED, "polarity")), strict=True)):
        file[place] = numbers.setdefault(row[:-1], len(numbers))
        polarities += [row[-1]] * (len(numbers) - len(polarities))
    totals = _totals(listed, entries["listed_file"])
    codes, of_code = np.unique(hashes, return_inverse=True)
    return ListedFrames(
        coded=CodedHashes(
            hashes=listed.coded.hashes[codes],
            order=np.argsort(of_code, kind="stable"),
            starts=np.append(0, np.cumsum(np.bincount(of_code))),
        ),
        files=tuple(numbers),
        polarities=tuple(polarities),
        totals=tuple(totals[key] for key in numbers),
        file=file,
        at_ms=entries["at_ms"].to_numpy(),
    )


def _totals(listed: ListedEntries, files: pa.ChunkedArray) -> Mapping[tuple[str, ...], int]:
    """How many frames of these listed videos distances may be taken from, by list and video."""
    totals: dict[tuple[str, ...], int] = {}
    for batch in listed.comparable((*_LISTED, "at_ms")):
        wanted = pc.and_(pc.is_in(batch["listed_file"], value_set=pc.unique(files)), pc.is_valid(batch["at_ms"]))
        counted = batch.filter(wanted).group_by(list(_LISTED)).aggregate([([], "count_all")]).to_pydict()
        for key, count in zip(
            zip(*(counted[name] for name in _LISTED), strict=True), counted["count_all"], strict=True
        ):
            totals[key] = totals.get(key, 0) + count
    return totals


def _paths(moving: pa.Table, others: ListedFrames) -> Iterator[tuple[str, Mapping[int, _Path], Sequence[int]]]:
    """For each video that is near listed ones, its path beside each, and how many frames of each are near it."""
    seen = np.zeros(len(others.file), bool)
    for item_id, moments in groupby(_moments(moving, others), key=lambda moment: moment[0]):
        paths: dict[int, _Path] = {}
        for _, at_ms, frame, entry, distance_bits in moments:
            seen[entry] = True
            file, listed_at_ms = others.file[entry], others.at_ms[entry]
            order = np.lexsort((listed_at_ms, distance_bits, file))
            cuts = np.flatnonzero(np.diff(file[order])) + 1
            for of in np.split(order, cuts):
                path = paths.setdefault(int(file[of[0]]), _Path())
                path.add(at_ms, listed_at_ms[of], distance_bits[of])
                path.frames += len(np.unique(frame[of]))
        yield item_id, paths, np.bincount(others.file[seen], minlength=len(others.files)).tolist()
        seen[:] = False


def _moments(moving: pa.Table, others: ListedFrames) -> Iterator[tuple[str, int, _Numbers, _Numbers, _Numbers]]:
    """What is near the frames of one moment: video and time; of each pair the frame, the entry and the distance."""
    items, at_ms = moving["item_id"].combine_chunks().dictionary_encode(), moving["at_ms"].to_numpy()
    codes = items.indices.to_numpy()
    moment = np.append(0, np.cumsum((codes[1:] != codes[:-1]) | (at_ms[1:] != at_ms[:-1])))
    targets = Targets(others.coded.hashes, max_distance_bits=MAX_DISTANCE_BITS)
    queries = packed_hashes(moving["pdq"].combine_chunks())
    waiting = np.empty((0, 3), np.int64)

    def told(pairs: _Numbers) -> Iterator[tuple[str, int, _Numbers, _Numbers, _Numbers]]:
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        cuts = np.flatnonzero(np.diff(moment[pairs[:, 0]])) + 1
        for of in np.split(pairs, cuts):
            frame = int(of[0, 0])
            which, entry = expanded(others.coded, of[:, 1])
            yield items.dictionary[codes[frame]].as_py(), int(at_ms[frame]), of[which, 0], entry, of[which, 2]

    for piece in targets.pieces(queries, max_distance_bits=MAX_DISTANCE_BITS, most_pairs=PAIRS_AT_ONCE):
        pairs = np.concatenate([waiting, piece.astype(np.int64)])
        if not len(pairs):
            continue
        # The frames of the last moment may go on in the next piece.
        whole = moment[pairs[:, 0]] < moment[pairs[:, 0].max()]
        waiting = pairs[~whole]
        if whole.any():
            yield from told(pairs[whole])
    if len(waiting):
        yield from told(waiting)


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
    path = _Path()
    for at_ms, moment in groupby(near, key=lambda one: one.at_ms):
        of = sorted((one.distance_bits, one.listed_at_ms) for one in moment)
        distance_bits, listed_at_ms = np.array(of, np.int64).T
        path.add(at_ms, listed_at_ms, distance_bits)
    path.end()
    yield from path.stretches
