"""Time and memory of near-duplicate clusters where videos are all near each other, beside joining every pair.

Each video has some frames, each frame some bits from that of one common video, so that every two are joined. The anchor
is the former way of headwater: all pairs of near hashes at once, a join for each two videos, a tree over all joins; it
is left out beyond `--anchored` videos. Each runs in a process of its own. Both must give the same tree. One JSON object
a line; exit code 1 if the trees differ.

python bench/cluster_rate.py [VIDEOS ...] [--frames N] [--equal] [--anchored N]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from headwater.media.clusters import least_joins
from headwater.media.hamming import pairs_within
from headwater.media.hamming_index import HashArray
from headwater.media.joins import JOIN, spanning_joins
from headwater.media.tiers import MAX_DISTANCE_BITS

_MOST_BITS = 9


def drawn(videos: int, frames: int, *, equal: bool) -> HashArray:
    """Frames of videos, one video behind the other."""
    draw = np.random.default_rng(5)
    rows = np.tile(draw.integers(0, 256, (frames, 32), dtype=np.uint8), (videos, 1))
    many = draw.integers(0, _MOST_BITS + 1, len(rows)) * (not equal)
    for count in range(_MOST_BITS):
        place = draw.integers(0, 256, len(rows))
        rows[np.arange(len(rows)), place >> 3] ^= ((1 << (place & 7)) * (many > count)).astype(np.uint8)
    return rows


def spanning(hashes: HashArray, videos: int, frames: int) -> np.ndarray:
    return spanning_joins(hashes, np.repeat(np.arange(videos), frames), np.ones(videos, bool))


def by_every_pair(hashes: HashArray, videos: int, frames: int) -> np.ndarray:
    """The anchor."""
    holders: dict[bytes, list[int]] = defaultdict(list)
    of = [[hashes[video * frames + frame].tobytes() for frame in range(frames)] for video in range(videos)]
    for video, of_video in enumerate(of):
        for pdq in sorted(set(of_video)):
            holders[pdq].append(video)
    distinct = sorted(holders)
    array = np.frombuffer(b"".join(distinct), np.uint8).reshape(-1, 32)
    nearest: dict[tuple[int, int], int] = {}
    covered: dict[tuple[int, int], set[bytes]] = defaultdict(set)
    for query, target, distance_bits in pairs_within(array, array, max_distance_bits=MAX_DISTANCE_BITS):
        for item in holders[distinct[query]]:
            for other in holders[distinct[target]]:
                if item != other:
                    covered[item, other].add(distinct[query])
                    pair = (item, other) if item < other else (other, item)
                    nearest[pair] = min(distance_bits, nearest.get(pair, distance_bits))
    joins = [
        (distance_bits, first, second)
        for (first, second), distance_bits in nearest.items()
        if 2 * sum(pdq in covered[first, second] for pdq in of[first]) >= frames
    ]
    return np.array(joins, JOIN)


Work = Callable[[HashArray, int, int], np.ndarray]


def measured(work: Work, videos: int, frames: int, *, equal: bool) -> dict[str, object]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, videos, frames, equal))


def _measured(work: Work, videos: int, frames: int, equal: bool) -> dict[str, object]:  # noqa: FBT001  # `apply` has no keywords for it
    hashes = drawn(videos, frames, equal=equal)
    work(hashes[: 2 * frames], 2, frames)  # what is loaded and compiled is not counted
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    begun, begun_cpu = time.perf_counter(), time.process_time()
    joins = work(hashes, videos, frames)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    tree = sorted(
        (distance_bits, first, second)
        for first, of in least_joins(videos, joins).items()
        for distance_bits, second in of
        if first < second
    )
    return {
        "joins": len(joins),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "peak_rss_mib": peak_mib,
        "rss_before_mib": before_mib,
        "tree": tree,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=int, default=[500, 2_000])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--equal", action="store_true", help="the videos have the very same frames")
    parser.add_argument("--anchored", type=int, default=1_000, help="most videos for which every pair is joined")
    options = parser.parse_args()
    same = True
    for videos in options.videos:
        trees = []
        for what, work in (("anchor", by_every_pair), ("clusters", spanning)):
            if what == "anchor" and videos > options.anchored:
                continue
            told = measured(work, videos, options.frames, equal=options.equal)
            trees.append(told.pop("tree"))
            print(
                json.dumps({"what": what, "videos": videos, "frames": options.frames, "equal": options.equal} | told),
                flush=True,
            )
        same &= trees[0] == trees[-1]
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
