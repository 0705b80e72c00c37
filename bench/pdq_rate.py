"""PDQ with its quality, pictures of 512 x 512 px on one core: ours beside the reference's own code, in the same run.

    python bench/pdq_rate.py [--pictures 40] [--rounds 5]

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
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from headwater_sealed import pdq

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


def best_rate(work: Callable[[np.ndarray], object], pictures: Sequence[np.ndarray], rounds: int) -> float:
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
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
