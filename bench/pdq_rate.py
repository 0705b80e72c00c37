"""PDQ with its quality on one core: ours beside the reference's own code, in the same run.

    python bench/pdq_rate.py [--pictures 40] [--rounds 5]

Two measures: pictures of 512 x 512 px that are decoded already, and photographs of 12 megapixels from the bytes of
their JPEG, ours as a sealed worker reads them, the reference's by Pillow to RGB.

Prints the rate of both and their ratio, over all pictures and over those that the linear form settles alone, and how
many needed the float32 recurrence. Every hash is compared: a differing bit ends the program with exit code 1.

The pictures are made so that few reach the highest quality: a quality under 100 may lie on a step of its sum and then
needs the recurrence, while most photographs are at 100 and do not.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core: must stand before numpy is loaded
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import io
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headwater_sealed import pdq, stills

SIDE_PX = 512


def picture(seed: int) -> np.ndarray:
    """A landscape of sorts: noise of many scales, the coarse ones strongest, as photographs have it."""
    draw = np.random.default_rng(seed)
    levels = np.zeros((SIDE_PX, SIDE_PX, 3))
    for cells in (2, 4, 8, 16, 32, 64, 128):
        coarse = draw.normal(size=(cells, cells, 3)) * (256 / cells) ** 0.9
        levels += np.kron(coarse, np.ones((SIDE_PX // cells, SIDE_PX // cells, 1)))
    levels -= levels.min()
    return (levels * (255 / levels.max())).astype(np.uint8)


def best_rate(work: Callable[[Any], object], pictures: Sequence[Any], rounds: int) -> float:
    """Pictures a second in the fastest round: what the machine can do when nothing else disturbs it."""
    fastest = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        for each in pictures:
            work(each)
        fastest = min(fastest, time.perf_counter() - begun)
    return len(pictures) / fastest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rgbs = [picture(seed) for seed in range(options.pictures)]
    lumas = [pdq.luma_from_rgb(rgb) for rgb in rgbs]
    hashed = [pdq.pdq_from_luma(luma) for luma in lumas]

    from_luma = best_rate(pdq.pdq_from_luma, lumas, options.rounds)
    linear = [luma for luma, one in zip(lumas, hashed, strict=True) if not one.by_recurrence]
    linear_alone = best_rate(pdq.pdq_from_luma, linear, options.rounds)
    by_recurrence = best_rate(pdq.pdq_by_recurrence, lumas[:8], options.rounds)
    from_rgb = best_rate(lambda rgb: pdq.pdq_from_luma(pdq.luma_from_rgb(rgb)), rgbs, options.rounds)
    print(f"ours, from luma        {from_luma:9.0f} pictures/s")
    print(f"ours, from RGB         {from_rgb:9.0f} pictures/s")
    print(f"linear form alone      {linear_alone:9.0f} pictures/s")
    print(f"recurrence alone       {by_recurrence:9.0f} pictures/s")
    print(f"settled by recurrence  {sum(one.by_recurrence for one in hashed):9d} of {len(hashed)}")
    try:
        import pdqhash
    except ImportError:
        print("the reference          not installed: no ratio")
        return 0
    reference = best_rate(pdqhash.compute, rgbs, options.rounds)
    print(f"reference, from RGB    {reference:9.0f} pictures/s")
    print(f"ratio, both from RGB   {from_rgb / reference:9.2f}")
    print(f"ratio, ours from luma  {from_luma / reference:9.2f}")
    print(f"ratio, linear alone    {linear_alone / reference:9.2f}")
    differing = 0
    for rgb, one in zip(rgbs, hashed, strict=True):
        bits, quality = pdqhash.compute(rgb)
        same = np.packbits(bits.astype(np.uint8)).tobytes() == one.bits and quality == one.quality
        differing += not same
    print(f"differing hashes       {differing:9d} of {len(rgbs)}")
    of_photographs(options.rounds)
    from_jpeg(options.rounds)
    return 1 if differing else 0


def of_photographs(rounds: int) -> None:
    """Photographs, brought to 512 x 512 px; most reach the highest quality, which needs no recurrence."""
    import pdqhash

    folder = Path(os.environ.get("HEADWATER_REFERENCE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    files = sorted((folder / "media" / "stills").glob("*.jpg"))
    if not files:
        print("photographs            not at hand: no ratio")
        return
    rgbs = [np.asarray(Image.open(file).convert("RGB").resize((SIDE_PX, SIDE_PX))) for file in files] * 4
    lumas = [pdq.luma_from_rgb(rgb).astype(np.uint8) for rgb in rgbs]
    here, there = best_rate(pdq.pdq_from_luma, lumas, rounds), best_rate(pdqhash.compute, rgbs, rounds)
    again = sum(pdq.pdq_from_luma(luma).by_recurrence for luma in lumas)
    print(f"photographs, ours      {here:9.0f} pictures/s, {again} of {len(lumas)} by recurrence")
    print(f"photographs, reference {there:9.0f} pictures/s")
    print(f"ratio, photographs     {here / there:9.2f}")


def from_jpeg(rounds: int) -> None:
    """Photographs of 12 megapixels, from their bytes to the hash."""
    import pdqhash

    files = []
    for seed in range(3):
        grown = Image.fromarray(picture(seed)).resize((4000, 3000), Image.Resampling.BICUBIC)
        out = io.BytesIO()
        grown.save(out, "JPEG", quality=90)
        files.append(out.getvalue())
    stills.prepare()

    def ours(content: bytes) -> object:
        return [each.hashed() for each in stills.read_still(io.BytesIO(content), stills.Still())]

    def reference(content: bytes) -> object:
        return pdqhash.compute(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))

    here, there = best_rate(ours, files, rounds), best_rate(reference, files, rounds)
    decoded = best_rate(lambda content: Image.open(io.BytesIO(content)).load(), files, rounds)
    print(f"12 MP JPEG, ours       {here:9.1f} pictures/s, {len(files[0]):,} bytes each")
    print(f"12 MP JPEG, decoded    {decoded:9.1f} pictures/s, to RGB by Pillow and no more")
    print(f"12 MP JPEG, reference  {there:9.1f} pictures/s")
    print(f"ratio, 12 MP           {here / there:9.2f}")


if __name__ == "__main__":
    sys.exit(main())
