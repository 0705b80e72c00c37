"""What looking pictures up turned and mirrored finds of re-uploads that are, what it costs, and what it finds wrongly.

    python bench/dihedral_recall.py [--rounds 5]

Each still of the reference data is listed as it is. Its seven copies, turned and mirrored pixel for pixel and saved
again as JPEG, are hashed as a sealed worker does it, and looked up within 31 bits, without the option and with it.
The stills are edits of one photograph. False counts pairs of a copy and a published hash of other real media, which
the data have a hundred of.

Cost is the processor time from luma to the hashes with the option over that without; and the same from the bytes of
the file.
Prints one JSON object for each transform, then one for all, then one for the cost.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core: must stand before numpy is loaded

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headwater.media import MAX_DISTANCE_BITS, MIN_QUALITY
from headwater_sealed import stills
from headwater_sealed.pdq_transforms import DihedralPdq

COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rotate_90": np.rot90,
    "rotate_180": lambda pixels: pixels[::-1, ::-1],
    "rotate_270": lambda pixels: np.rot90(pixels, 3),
    "flip_x": lambda pixels: pixels[::-1],
    "flip_y": lambda pixels: pixels[:, ::-1],
    "flip_plus_1": lambda pixels: pixels.transpose(1, 0, 2),
    "flip_minus_1": lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
}


def saved(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG", quality=85)
    return out.getvalue()


def pictures(content: bytes) -> list[stills.Picture]:
    return list(stills.read_still(io.BytesIO(content), stills.Still()))


def words(hashed: DihedralPdq) -> np.ndarray:
    return np.frombuffer(hashed.original.bits + hashed.transformed, np.uint64).reshape(8, 4)


def distances_bits(hashes: np.ndarray, listed: np.ndarray) -> np.ndarray:
    return np.bitwise_count(hashes[:, None] ^ listed[None]).sum(axis=2, dtype=np.int64)


def fastest_s(works: Sequence[Callable[[Any], object]], given: Sequence[Any], rounds: int) -> list[float]:
    """Seconds of processor time of each kind of work in its fastest round, the kinds taking turns.

    Processor time, because a machine that is shared makes the clock on the wall say more of others than of this.
    """
    fastest = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            begun = time.process_time()
            for each in given:
                work(each)
            fastest[number] = min(fastest[number], time.process_time() - begun)
    return fastest


def published(path: Path) -> np.ndarray:
    """The hashes of a file that has one at the start of each line, in hex."""
    lines = path.read_text(encoding="ascii").splitlines()
    found = [
        bytes.fromhex(line[:64]) for line in lines if len(line) >= 64 and set(line[:64]) <= set("0123456789abcdef")
    ]
    return np.frombuffer(b"".join(found), np.uint64).reshape(-1, 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    data = Path(os.environ.get("HEADWATER_REFERENCE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    files = sorted((data / "media" / "stills").glob("*.jpg"))
    if not files:
        print("no stills: the reference data are not at hand", file=sys.stderr)
        return 2
    stills.prepare()
    contents = [file.read_bytes() for file in files]
    listed = np.stack([words(pictures(content)[0].hashed_in_all_positions())[0] for content in contents])
    others = published(data / "media" / "expected" / "haystack.txt")
    others = others[(distances_bits(others, listed) > MAX_DISTANCE_BITS).all(axis=1)]
    whole = dict.fromkeys(("copies", "without", "with", "false_without", "false_with"), 0)
    for name, turned in COPIES.items():
        count = dict.fromkeys(whole, 0)
        nearest = []
        for number, content in enumerate(contents):
            rgb = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
            hashed = pictures(saved(turned(rgb)))[0].hashed_in_all_positions()
            comparable = hashed.original.quality >= MIN_QUALITY
            near = (distances_bits(words(hashed), listed) <= MAX_DISTANCE_BITS) & comparable
            near_others = (distances_bits(words(hashed), others) <= MAX_DISTANCE_BITS) & comparable
            count["copies"] += 1
            count["without"] += int(near[0, number])
            count["with"] += int(near[:, number].any())
            count["false_without"] += int(near_others[0].sum())
            count["false_with"] += int(near_others.any(axis=0).sum())
            nearest.append(int(distances_bits(words(hashed), listed)[:, number].min()))
        whole = {key: whole[key] + value for key, value in count.items()}
        print(json.dumps({"measure": f"dihedral_recall.{name}", **count, "nearest_bits": nearest}), flush=True)
    print(json.dumps({"measure": "dihedral_recall.all", **whole, "others": len(others)}))
    decoded = [picture for content in contents for picture in pictures(content)]
    by_recurrence = sum(picture.hashed().by_recurrence for picture in decoded)
    from_luma = (lambda picture: picture.hashed(), lambda picture: picture.hashed_in_all_positions())
    from_bytes = (
        lambda content: [picture.hashed() for picture in pictures(content)],
        lambda content: [picture.hashed_in_all_positions() for picture in pictures(content)],
    )
    cost = {
        "from_luma": fastest_s(from_luma, decoded, options.rounds),
        "from_bytes": fastest_s(from_bytes, contents, options.rounds),
    }
    for name, (without_s, with_s) in cost.items():
        told = {"without_ms": round(1000 * without_s, 1), "with_ms": round(1000 * with_s, 1)}
        ratio = round(with_s / without_s, 2)
        of = {"stills": len(files), "by_recurrence": by_recurrence}
        print(json.dumps({"measure": f"dihedral_cost.{name}", **told, "ratio": ratio, **of}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
