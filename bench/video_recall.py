"""What each tier of video hashing still finds after an edit, on real clips; what it misses is said by name.

    python bench/video_recall.py [--details]

The clips are the two published videos of the reference data and pieces of them. Of each clip a list has one frame a
second, as lists are made. Each is edited in several ways, encoded again with the encoder's own choice of keyframes (ten
seconds apart at most), and hashed by keyframes alone, by a frame a second alone, and as a case does it: by keyframes,
and a frame a second where these are sparse or the nearest listed hash is close to the limit; and so under every
transform as well (`dihedral`). Found means that a comparable frame is within 31 bits of a listed one of its clip. False
means that one is near a listed frame of another scene, transformed or not: pieces of one video are one scene.

Prints one JSON object for each edit, then one for all.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from headwater.media import MAX_DISTANCE_BITS, MIN_QUALITY
from headwater.media.hashing import HashedFile, is_sparse
from headwater.media.margins import MARGIN_BITS
from headwater_sealed import videos

Frames = list[np.ndarray]
FPS = 24


def decoded(path: Path) -> Frames:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(container.streams.video[0])]


def encoded(frames: Frames, path: Path, *, fps: float = FPS, crf: int = 23) -> None:
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": str(crf)}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def resized(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))


def cropped(share: float) -> Callable[[Frames], Frames]:
    def edit(frames: Frames) -> Frames:
        height, width = frames[0].shape[:2]
        rows, columns = int(height * share / 2), int(width * share / 2)
        return [frame[rows : height - rows, columns : width - columns] for frame in frames]

    return edit


def captioned(frames: Frames) -> Frames:
    """A bar with stripes along the bottom tenth."""
    found = []
    for frame in frames:
        edited = frame.copy()
        rows = frame.shape[0] // 10
        edited[-rows:] = 16
        edited[-rows // 2 :, ::12] = 220
        found.append(edited)
    return found


def framed(frames: Frames) -> Frames:
    """Black bars above and below, an eighth each."""
    bar = np.zeros((frames[0].shape[0] // 8, *frames[0].shape[1:]), np.uint8)
    return [np.concatenate([bar, frame, bar]) for frame in frames]


def logo(frames: Frames) -> Frames:
    found = []
    for frame in frames:
        edited = frame.copy()
        side = min(frame.shape[:2]) // 6
        edited[8 : 8 + side, 8 : 8 + side] = (240, 60, 60)
        found.append(edited)
    return found


def within(frames: Frames) -> Frames:
    """The clip in the middle of three times as much of something else."""
    draw = np.random.default_rng(4)
    height, width = frames[0].shape[:2]
    grounds = [resized(draw.integers(0, 256, (9, 12, 3), dtype=np.uint8), width, height) for _ in range(6)]
    other = [grounds[number // FPS % len(grounds)] for number in range(len(frames) * 3 // 2)]
    return [*other, *frames, *other]


EDITS: dict[str, tuple[Callable[[Frames], Frames], float, int]] = {
    "encoded again": (lambda frames: frames, 1.0, 23),
    "encoded badly": (lambda frames: frames, 1.0, 40),
    "half the size": (lambda frames: [resized(f, f.shape[1] // 2, f.shape[0] // 2) for f in frames], 1.0, 26),
    "first third": (lambda frames: frames[: len(frames) // 3], 1.0, 23),
    "last third": (lambda frames: frames[-len(frames) // 3 :], 1.0, 23),
    "a quarter faster": (lambda frames: frames, 1.25, 23),
    "a quarter slower": (lambda frames: frames, 0.75, 23),
    "caption bar": (captioned, 1.0, 23),
    "logo": (logo, 1.0, 23),
    "cropped by 5 %": (cropped(0.05), 1.0, 23),
    "cropped by 20 %": (cropped(0.2), 1.0, 23),
    "black bars": (framed, 1.0, 23),
    "mirrored": (lambda frames: [frame[:, ::-1] for frame in frames], 1.0, 23),
    "turned by a quarter": (lambda frames: [np.rot90(frame) for frame in frames], 1.0, 23),
    "turned by half": (lambda frames: [frame[::-1, ::-1] for frame in frames], 1.0, 23),
    "in a compilation": (within, 1.0, 23),
}


def hashes(path: Path, tier: str) -> tuple[np.ndarray, HashedFile]:
    """Comparable hashes as rows of eight positions of words, and what a case would be told."""
    video = videos.Video()
    with path.open("rb") as file:
        read = videos.read_video(file, video, tier=tier)
        frames = [(frame.at_ms, frame.hashed_in_all_positions()) for frame in read]
    told = HashedFile(
        summary={"media_kind": "video", "tier": tier, "duration_ms": video.duration_ms},
        frames=tuple({"at_ms": at_ms} for at_ms, _ in frames),
    )
    kept = [each.original.bits + each.transformed for _, each in frames if each.original.quality >= MIN_QUALITY]
    return np.frombuffer(b"".join(kept), np.uint64).reshape(-1, 8, 4), told


def nearest_bits(left: np.ndarray, right: np.ndarray) -> int:
    if not len(left) or not len(right):
        return 256
    return int(np.bitwise_count(left[:, None] ^ right[None]).sum(axis=2, dtype=np.int64).min())


def as_a_case(by_keyframes: np.ndarray, both: np.ndarray, listed: np.ndarray, told: HashedFile) -> np.ndarray:
    """The hashes that a case looks up: of a frame a second too where keyframes are sparse or near the limit."""
    near_limit = abs(nearest_bits(by_keyframes, listed) - MAX_DISTANCE_BITS) <= MARGIN_BITS
    return both if near_limit or is_sparse(told) else by_keyframes


def clips(folder: Path) -> Iterator[tuple[str, str, Frames]]:
    """Each clip with its name and its scene."""
    for path in sorted(folder.glob("*.mp4")):
        frames = decoded(path)
        yield path.stem, path.stem, frames
        piece = 6 * FPS
        for start in range(0, len(frames) - piece, piece):
            yield f"{path.stem} from {start // FPS} s", path.stem, frames[start : start + piece]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--details", action="store_true", help="name what each tier misses")
    given = parser.parse_args()
    data = Path(os.environ.get("HEADWATER_REFERENCE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    folder = data / "media" / "videos"
    if not any(folder.glob("*.mp4")):
        print(f"no clips: {folder} is not at hand", file=sys.stderr)
        return 2
    videos.prepare()
    counts: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as scratch:
        made, listed = Path(scratch) / "made.mp4", {}
        known = list(clips(folder))
        for name, _, frames in known:
            encoded(frames, made, crf=18)
            listed[name] = hashes(made, "second")[0][:, 0]
        for edit, (change, speed, crf) in EDITS.items():
            count = counts[edit] = dict.fromkeys(("clips", "keyframe", "second", "case", "dihedral", "false"), 0)
            missed: dict[str, list[str]] = {"keyframe": [], "second": [], "case": [], "dihedral": []}
            for name, scene, frames in known:
                encoded(change(frames), made, fps=FPS * speed, crf=crf)
                by_keyframes, told = hashes(made, "keyframe")
                by_seconds, _ = hashes(made, "second")
                everything = np.concatenate(list(listed.values()))
                both = np.concatenate([by_keyframes, by_seconds])
                found = {
                    "keyframe": by_keyframes[:, 0],
                    "second": by_seconds[:, 0],
                    "case": as_a_case(by_keyframes[:, 0], both[:, 0], everything, told),
                    "dihedral": as_a_case(by_keyframes.reshape(-1, 4), both.reshape(-1, 4), everything, told),
                }
                count["clips"] += 1
                for tier, of_tier in found.items():
                    is_found = nearest_bits(of_tier, listed[name]) <= MAX_DISTANCE_BITS
                    count[tier] += is_found
                    missed[tier] += [] if is_found else [name]
                others = np.concatenate([listed[n] for n, s, _ in known if s != scene])
                count["false"] += nearest_bits(both.reshape(-1, 4), others) <= MAX_DISTANCE_BITS
            told_of = {"missed": missed} if given.details else {}
            print(json.dumps({"measure": f"video_recall.{edit}", **count, **told_of}), flush=True)
    whole = {name: sum(count[name] for count in counts.values()) for name in next(iter(counts.values()))}
    print(json.dumps({"measure": "video_recall.all", **whole}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
