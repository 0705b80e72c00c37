"""What sealing costs: the same work in a sealed child, in a child with no layer, and in this process, in one run.

Prints one JSON object a line: {"measure": ..., "value": ..., "unit": ..., "n": ...}. Values are medians over single
groups of 16 files; the three ways take turns, so that a change of the machine's speed meets all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from headwater.evidence import Failure, SealedPool
from headwater_sealed.files import open_descriptor
from headwater_sealed.jobs import JOBS

GROUP_FILES = 16
SIDE_PX = 768


def make_stills(folder: Path) -> list[Path]:
    """Gradients with a little seeded noise, as JPEG."""
    chance = np.random.default_rng(1)
    ramp = np.add.outer(np.arange(SIDE_PX), np.arange(SIDE_PX))
    paths = []
    for index in range(GROUP_FILES):
        shade = (ramp * (index + 1) // 7 + chance.integers(0, 16, ramp.shape)) % 256
        paths.append(folder / f"{index:02}.jpg")
        Image.fromarray(shade.astype(np.uint8)).save(paths[-1], quality=85)
    return paths


def in_process(job: str, files: list[Path], parameters: dict) -> None:
    """The job's own function, called here."""
    function = {one.name: one.function for one in JOBS}[job]
    opened = [path.open("rb") for path in files]
    function([open_descriptor(file.fileno()) for file in opened], parameters, lambda _batch: None)
    for file in opened:
        file.close()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(measure: str, values: Iterable[float]) -> float:
    kept = list(values)
    median = statistics.median(kept)
    print(json.dumps({"measure": measure, "value": round(median * 1000, 3), "unit": "ms/group", "n": len(kept)}))
    return median


def in_pool(pool: SealedPool, job: str, files: list[Path], parameters: dict) -> None:
    """The job in a child of the pool."""
    assert not any(isinstance(result, Failure) for result in pool.groups(job, files, [parameters]))


def compare(job: str, ways: dict[str, Callable[[], object]], rounds: int) -> None:
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for work in ways.values():
        work()  # once, to warm up
    for _round in range(rounds):
        for way, work in ways.items():
            spent[way].append(seconds(work))
    medians = {way: report(f"sealed.{job}.{way}", values) for way, values in spent.items()}
    ratio = round(medians["sealed"] / medians["in_process"], 3)
    print(json.dumps({"measure": f"sealed.{job}.times_in_process", "value": ratio, "unit": "ratio", "n": rounds}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    for job in JOBS:
        if job.prepare is not None:
            job.prepare()
    entries = [{"file_index": index, "media_kind": "still", "tier": "keyframe"} for index in range(GROUP_FILES)]
    works: tuple[tuple[str, dict, int], ...] = (
        ("echo", {}, rounds),
        ("hash_media", {"entries": entries}, max(3, rounds // 5)),
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        SealedPool() as sealed,
        SealedPool(layers=(), allow_unsealed=True) as bare,
    ):
        stills = make_stills(Path(folder))
        for name, parameters, count in works:
            ways: dict[str, Callable[[], object]] = {
                "in_process": partial(in_process, name, stills, parameters),
                "forked": partial(in_pool, bare, name, stills, parameters),
                "sealed": partial(in_pool, sealed, name, stills, parameters),
            }
            compare(name, ways, count)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # As in the workers; read when the library is loaded, so it is too late to set it here.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    main()
