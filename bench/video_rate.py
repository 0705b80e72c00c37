"""Hashing videos on one core: both tiers beside the published program's one frame a second, and beside decoding alone.

    python bench/video_rate.py [--seconds 120] [--rounds 3]

Footage is made for it: a camera that pans over a landscape of noise, as web and phone videos are encoded (H.264, a
keyframe every ten seconds, every two, and every second), and the two published videos if they are at hand. All in
processor seconds of one process, the fewest of some rounds: what each needs of a core, whatever else the machine does.
Decoding alone is every frame, one thread, nothing done with it. How near the second tier comes to that is told by
turns of a second of the video each, all rounds together: on a busy machine whole runs differ by more than the two do.
`vpdq` may be missing; then there is no ratio with it.

Prints one JSON object a line.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core: must stand before numpy is loaded
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from headwater_sealed import media, videos

FOOTAGE = (
    ("720p, a keyframe in 10 s", 1280, 720, 250),
    ("720p, in 2 s", 1280, 720, 50),
    ("360p, in 1 s", 640, 360, 25),
)
FPS = 25


def footage(path: Path, width: int, height: int, keyframe_every: int, seconds: int) -> None:
    """A camera that pans over a landscape of noise of many scales, with a little grain."""
    draw = np.random.default_rng(keyframe_every)
    scene = np.zeros((2 * height, 2 * width, 3), np.float32)
    for cells in (4, 16, 64, 256):
        for channel in range(3):
            coarse = draw.normal(size=(cells, cells)).astype(np.float32) * 60 / cells**0.4
            scene[:, :, channel] += np.asarray(
                Image.fromarray(coarse).resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
            )
    scene = np.clip(scene + 128 + draw.normal(size=scene.shape) * 2, 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", keyframe_every
        stream.options = {"preset": "veryfast", "crf": "23"}
        for number in range(seconds * FPS):
            x, y = (int((np.sin(number / pace) + 1) / 2 * (side - 2)) for pace, side in ((170, width), (230, height)))
            picture = np.ascontiguousarray(scene[y : y + height, x : x + width])
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def hashed(path: Path, tier: str) -> int:
    with path.open("rb") as file:
        return len([frame.hashed() for frame in videos.read_video(file, videos.Video(), tier=tier)])


def decoded(path: Path) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type, stream.codec_context.thread_count = "NONE", 1
        return sum(1 for _ in container.decode(stream))


def published(path: Path) -> int:
    import vpdq

    return len(vpdq.computeHash(str(path), seconds_per_hash=1, thread_count=1))


def fewest_s(works: dict[str, Callable[[Path], int]], path: Path, rounds: int) -> dict[str, tuple[float, int]]:
    """For each work the processor seconds of the round that took fewest, and what it counted.

    The works take turns, so that what else the machine does meets all of them.
    """
    fewest = {name: (float("inf"), 0) for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            begun = time.process_time()
            count = work(path)
            fewest[name] = min(fewest[name], (time.process_time() - begun, count))
    return fewest


def frames_in_seconds(path: Path) -> Iterator[None]:
    """Decoding alone, with a pause after each second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type, stream.codec_context.thread_count = "NONE", 1
        for number, _ in enumerate(container.decode(stream)):
            if number % FPS == 0:
                yield


def hashes_in_seconds(path: Path) -> Iterator[None]:
    """The second tier, with a pause after each hash."""
    with path.open("rb") as file:
        for frame in videos.read_video(file, videos.Video(), tier="second"):
            frame.hashed()
            yield


def by_turns_s(path: Path, rounds: int) -> tuple[float, float]:
    """Processor seconds of decoding alone and of the second tier, a second of the video in turn."""
    taken = [0.0, 0.0]
    for first in range(rounds):
        works = {0: frames_in_seconds(path), 1: hashes_in_seconds(path)}
        turn = first
        while works:
            for number in sorted(works, reverse=turn % 2 == 1):
                begun = time.process_time()
                if next(works[number], works) is works:  # `None` is a pause, the default the end
                    del works[number]
                taken[number] += time.process_time() - begun
            turn += 1
    return taken[0], taken[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    try:
        import vpdq  # noqa: F401  # only whether it is there
    except ImportError:
        print("vpdq is not installed: no ratio with it", file=sys.stderr)
        has_published = False
    else:
        has_published = True
    media.prepare()
    print(
        json.dumps(
            {"machine": platform.processor() or platform.machine(), "libavcodec": av.library_versions["libavcodec"]}
        )
    )
    data = Path(os.environ.get("HEADWATER_REFERENCE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    sums: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        clips = []
        for name, width, height, keyframe_every in FOOTAGE:
            clips.append((name, Path(folder) / f"{keyframe_every}.mp4", True))
            footage(clips[-1][1], width, height, keyframe_every, given.seconds)
        clips += [(path.name, path, False) for path in sorted((data / "media" / "videos").glob("*.mp4"))]
        for name, path, is_footage in clips:
            works = {
                "keyframe": lambda p: hashed(p, "keyframe"),
                "second": lambda p: hashed(p, "second"),
                "decode": decoded,
            }
            if has_published:
                works["published"] = published
            fewest = fewest_s(works, path, given.rounds)
            taken, counts = ({work: each[part] for work, each in fewest.items()} for part in (0, 1))
            taken["decode_by_turns"], taken["second_by_turns"] = by_turns_s(path, given.rounds)
            print(json.dumps(figures(f"video.{name}", taken) | {"counts": counts}), flush=True)
            if is_footage:
                sums = {work: sums.get(work, 0.0) + seconds for work, seconds in taken.items()}
    print(json.dumps(figures("video.footage", sums)))
    return 0


def figures(measure: str, taken: dict[str, float]) -> dict[str, object]:
    told: dict[str, object] = {"measure": measure, **{f"{work}_cpu_s": round(s, 3) for work, s in taken.items()}}
    told["second_of_decode_limit"] = round(taken["decode_by_turns"] / taken["second_by_turns"], 3)
    if "published" in taken:
        told["keyframe_ratio"] = round(taken["published"] / taken["keyframe"], 1)
        told["second_ratio"] = round(taken["published"] / taken["second"], 2)
    return told


if __name__ == "__main__":
    sys.exit(main())
