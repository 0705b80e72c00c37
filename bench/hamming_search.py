"""Exact Hamming search at 31 bits, one core: our index beside FAISS's flat scan in the same run, equal pair for pair.

    python bench/hamming_search.py                         one and ten million hashes, uniform and clustered
    python bench/hamming_search.py --targets 100000000 --kinds uniform --queries 16384

Clustered hashes are made as real lists are: neighbourhoods of about fifty within some tens of bits, around hashes that
are in turn some tens of bits from published ones (the reference data's haystack; without it from drawn ones). Queries
are listed hashes with up to 40 bits flipped. Ours are searched in one batch; FAISS scans for a few of them, and exactly
these must give the same pairs. The index is built into files and mapped; memory is the peak of the process that
searches, the mapped files included, and FAISS is started only afterwards.

Prints one JSON object a line; exit code 1 if a pair differs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core: must stand before numpy is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from headwater.media.hamming_index import HashArray, build_index, open_index

LIMIT_BITS = 31
CHUNK = 1 << 20
A_NEIGHBOURHOOD = 50
ROUNDS = 3  # of each, the fastest counts: what the machine can do when nothing else disturbs it


def centres(draw: np.random.Generator) -> HashArray:
    """Published hashes if they are at hand, else as many drawn ones."""
    folder = Path(os.environ.get("HEADWATER_REFERENCE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / "media" / "expected" / "haystack.txt"
    if not path.is_file():
        return draw.integers(0, 256, (1350, 32), dtype=np.uint8)
    return np.frombuffer(bytes.fromhex("".join(path.read_text("ascii").split())), np.uint8).reshape(-1, 32)


def flipped(rows: HashArray, least: int, most: int, draw: np.random.Generator) -> HashArray:
    """The rows with so many bits flipped in each."""
    rows = rows.copy()
    many = draw.integers(least, most + 1, len(rows))
    for count in range(most):
        place = draw.integers(0, 256, len(rows))
        rows[np.arange(len(rows)), place >> 3] ^= ((1 << (place & 7)) * (many > count)).astype(np.uint8)
    return rows


def drawn(path: Path, count: int, kind: str, draw: np.random.Generator) -> HashArray:
    """So many hashes in a mapped file."""
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 32))
    if kind == "clustered":
        around = centres(draw)
        middles = flipped(around[draw.integers(0, len(around), max(1, count // A_NEIGHBOURHOOD))], 60, 120, draw)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        if kind == "clustered":
            piece = flipped(middles[draw.integers(0, len(middles), size)], 0, 40, draw)
        else:
            piece = draw.integers(0, 256, (size, 32), dtype=np.uint8)
        rows[start : start + size] = piece
    rows.flush()
    return rows


def measured(count: int, kind: str, queries: int, scanned: int, folder: Path) -> bool:
    """Prints the figures of one list; whether every pair is equal."""
    draw = np.random.default_rng(31)
    targets = drawn(folder / "hashes.npy", count, kind, draw)
    asked = flipped(np.asarray(targets[np.sort(draw.integers(0, count, queries))]), 0, 40, draw)
    begun = time.perf_counter()
    build_index(targets, max_distance_bits=LIMIT_BITS, folder=folder / "index")
    build_s = time.perf_counter() - begun
    reading, writing = os.pipe()
    child = os.fork()  # so that the peak of memory is that of a process that only searches
    if child == 0:
        os.close(reading)
        index = open_index(folder / "index")
        index.search(asked)  # reads the index, so that no page is missing when time is taken
        taken_s = float("inf")
        for _ in range(ROUNDS):
            before = time.perf_counter()
            found = index.search(asked)
            taken_s = min(taken_s, time.perf_counter() - before)
        found = found[found[:, 0] < scanned]
        np.save(folder / "found.npy", found)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(writing, json.dumps({"s": taken_s, "peak_bytes": peak, "slots": len(index.slots)}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = json.loads(pipe.read())
    os.waitpid(child, 0)
    ours_s = told["s"] / queries
    figures = {
        "measure": "hamming_search", "kind": kind, "targets": count, "queries": queries, "slots": told["slots"],
        "build_s": round(build_s, 1), "ours_us": round(ours_s * 1e6, 1),
        "index_bytes": sum(file.stat().st_size for file in (folder / "index").iterdir()),
        "search_peak_bytes": told["peak_bytes"],
    }  # fmt: skip
    import faiss

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexBinaryFlat(256)
    for start in range(0, count, CHUNK):
        flat.add(np.asarray(targets[start : start + CHUNK]))
    flat_s = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ends, distances, ids = flat.range_search(asked[:scanned], LIMIT_BITS + 1)
        flat_s = min(flat_s, (time.perf_counter() - begun) / scanned)
    theirs = [
        (query, int(ids[at]), int(distances[at]))
        for query in range(scanned)
        for at in range(ends[query], ends[query + 1])
    ]
    ours = [tuple(row) for row in np.load(folder / "found.npy").tolist()]
    equal = sorted(ours) == sorted(theirs)
    figures |= {
        "faiss_flat_us": round(flat_s * 1e6), "ratio": round(flat_s / ours_s, 1), "pairs_compared": len(theirs),
        "equal": equal,
    }  # fmt: skip
    print(json.dumps(figures), flush=True)
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=16_384)
    parser.add_argument("--scanned", type=int, default=64, help="queries for which FAISS scans")
    parser.add_argument("--targets", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--kinds", nargs="+", choices=("uniform", "clustered"), default=["uniform", "clustered"])
    given = parser.parse_args()
    print(json.dumps({"machine": platform.processor() or platform.machine(), "python": platform.python_version()}))
    equal = True
    for count in given.targets:
        for kind in given.kinds:
            with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
                equal &= measured(count, kind, given.queries, given.scanned, Path(folder))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
