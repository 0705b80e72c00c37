"""Exact Hamming search at 31 bits: multi-index hashing beside the flat scan, in the same run, equal pair for pair.

    python bench/hamming_search.py [--queries 1000] [--targets 4096 16384 65536 262144]

Independent random hashes, with one target in ten planted within 31 bits of a query; exit code 1 if a pair differs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time

import numpy as np

from headwater.media.hamming import HashArray, Pairs, pairs_within

LIMIT_BITS = 31


def planted(queries: HashArray, count: int, draw: np.random.Generator) -> HashArray:
    targets = draw.integers(0, 256, (count, 32), dtype=np.uint8)
    for row in range(0, count, 10):
        bits = np.unpackbits(queries[int(draw.integers(len(queries)))])
        bits[draw.permutation(256)[: int(draw.integers(0, LIMIT_BITS + 3))]] ^= 1
        targets[row] = np.packbits(bits)
    return targets


def timed(queries: HashArray, targets: HashArray, method: str) -> tuple[float, Pairs]:
    begun = time.perf_counter()
    found = pairs_within(queries, targets, max_distance_bits=LIMIT_BITS, method=method)  # type: ignore[arg-type]  # one of its words
    return time.perf_counter() - begun, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--targets", type=int, nargs="+", default=[4096, 16384, 65536, 262144])
    options = parser.parse_args()
    draw = np.random.default_rng(31)
    queries = draw.integers(0, 256, (options.queries, 32), dtype=np.uint8)
    equal = True
    print(f"{'targets':>9} {'pairs':>8} {'flat s':>8} {'index s':>8} {'ratio':>7}")
    for count in options.targets:
        targets = planted(queries, count, draw)
        flat_s, flat = timed(queries, targets, "flat")
        index_s, index = timed(queries, targets, "multi-index")
        equal &= list(flat) == list(index)
        print(f"{count:9d} {len(flat):8d} {flat_s:8.3f} {index_s:8.3f} {flat_s / index_s:7.2f}")
    print("every pair equal" if equal else "THE METHODS DIFFER")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
