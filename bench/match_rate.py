"""Time and memory of the media stage over a long hash list, beside reading the same list whole in the same run.

The list is as bench/list_import.py makes them, three digests a row and a PDQ hash for each third one (`--hashed 1`: for
every one), written as an import leaves it. The case has stills and videos of which some are listed, by digest or near.
The anchor reads all columns of the list into memory and does nothing else. Each runs in a process of its own, whose
largest resident size is measured, and of that what is its own and not mapped from files. One JSON object a line.

python bench/match_rate.py [ROWS] [--items N] [--hashed N] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine import ParquetParts, Session, StageContext
from headwater.media import match_media
from headwater.schema import table_named

_BATCH_ROWS = 1 << 18
_FRAMES_A_VIDEO = 15
_WORDS = ("harbour", "meadow", "lantern", "river", "stone", "path")


def hexed(rows: np.ndarray) -> pa.Array:
    """Rows of bytes as text."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.stack([digits[rows >> 4], digits[rows & 15]], axis=2).reshape(len(rows), -1)
    width = text.shape[1]
    offsets = np.arange(0, (len(rows) + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text)))


def drawn(part: int, rows: int, width: int) -> np.ndarray:
    return np.random.default_rng([7, part, width]).integers(0, 256, (rows, width), dtype=np.uint8)


def write_list(path: Path, rows: int, each: int) -> None:
    """A list of so many rows, a PDQ hash in each so-many-th."""
    table = table_named("hash_list_entries")
    with ParquetParts(path, table.arrow) as parts:
        for start in range(0, rows, _BATCH_ROWS):
            many = min(_BATCH_ROWS, rows - start)
            part, number = start // _BATCH_ROWS, np.arange(start, start + many)
            pdq = hexed(drawn(part, many, 32))
            columns: dict[str, object] = {
                "entry_id": pa.array([f"hle-{n * 2654435761 % (1 << 64):032x}" for n in number.tolist()]),
                "reference_name": pa.repeat("bench", many),
                "reference_version": pa.repeat("1", many),
                "reference_row": number,
                "polarity": pa.repeat("known-illegal", many),
                "media_kind": pa.repeat("still", many),
                "md5": hexed(drawn(part, many, 16)),
                "sha1": hexed(drawn(part, many, 20)),
                "sha256": hexed(drawn(part, many, 33)[:, :32]),
                "pdq": pc.if_else(pa.array(number % each == 0), pdq, pa.scalar(None, pa.string())),
                "size_bytes": number,
                "category": pa.array([str(n % 4) for n in number.tolist()]),
                "series": pa.array([_WORDS[n % 6] for n in number.tolist()]),
                "victim_identified": pa.array([("yes", "no", "unknown")[n % 3] for n in number.tolist()]),
                "distributed": pa.repeat("unknown", many),
                "offender_identified": pa.repeat("unknown", many),
                "further": pa.array([f'{{"reviewed_by":"desk {n % 9}"}}' for n in number.tolist()]),
            }
            parts.write(table.part(columns))
        parts.finish()


def case_tables(rows: int, items: int) -> dict[str, pa.Table]:
    """Tables of a case: each tenth item is a video; of all, one in a hundred is listed by digest, one in ten near."""
    draw = np.random.default_rng(11)
    listing, files, hashes = [], [], []
    for number in range(items):
        item_id, video = f"itm-{number:08d}", number % 10 == 0
        row = int(draw.integers(0, rows))
        part, place = divmod(row, _BATCH_ROWS)
        many = min(_BATCH_ROWS, rows - part * _BATCH_ROWS)
        digest = draw.bytes(32).hex()
        if number % 100 == 1:
            digest = drawn(part, many, 33)[place, :32].tobytes().hex()
        listing.append(
            {
                "item_id": item_id, "exhibit_id": "E1", "volume_index": 0, "path": str(number),
                "path_bytes": str(number).encode(), "directory": "", "entry_type": "file", "size_bytes": 1,
                "disposition": "catalogued", "read_bytes": 1, "md5": draw.bytes(16).hex(),
                "sha1": draw.bytes(20).hex(), "sha256": digest, "content_kind": "video" if video else "still",
                "content_format": "unknown", "copies": 1,
            }
        )  # fmt: skip
        frames = _FRAMES_A_VIDEO if video else 1
        files.append(
            {
                "item_id": item_id, "media_kind": "video" if video else "still", "status": "ok",
                "hashing_tier": "keyframe" if video else "still", "frames_hashed": frames, "best_quality": 100,
            }
        )  # fmt: skip
        for frame in range(frames):
            pdq = np.frombuffer(draw.bytes(32), np.uint8).copy()
            if number % 100 == 2 and frame == 0:
                pdq = drawn(part, many, 32)[place - place % 3 if place >= 3 else 0].copy()
                pdq[:2] ^= 0x33
            at_ms = 1000 * frame if video else None
            hashes.append(
                {"item_id": item_id, "frame_index": frame, "at_ms": at_ms, "pdq": pdq.tobytes().hex(), "quality": 100}
            )
    rows_of = {"items": listing, "media_files": files, "media_hashes": hashes}
    return {name: table_named(name).rows(of) for name, of in rows_of.items()}


def reading(path: Path, items: int) -> int:
    """The anchor."""
    del items
    return pq.read_table(path, schema=table_named("hash_list_entries").arrow).num_rows


def matching(path: Path, items: int) -> int:
    """The stage, without decoding anything: the exhibits are not at hand."""
    with Session({"hash_list_entries": [path]}) as session:
        for file in sorted(path.parent.glob(f"case-{items}-*.parquet")):
            session.put(file.stem.rsplit("-", 1)[1], pq.read_table(file))
        derived = match_media(StageContext(tables=session, parameters={"hub_distant_items": 4}))
    return derived["media_matches"].num_rows


def measured(work: Callable[[Path, int], int], path: Path, items: int) -> dict[str, object]:
    """Result, seconds and largest resident size of the work, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, path, items))


def resident_mib() -> tuple[int, int]:
    """Resident memory of this process now: all, and what is not mapped from files."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    return tuple(int(lines[name].split()[0]) >> 10 for name in ("VmRSS", "RssAnon"))  # type: ignore[return-value]  # two


def _measured(work: Callable[[Path, int], int], path: Path, items: int) -> dict[str, object]:
    before_mib, _ = resident_mib()
    most, done = [0, 0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[:] = map(max, most, resident_mib())

    watching = threading.Thread(target=watch)
    watching.start()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    rows = work(path, items)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    done.set()
    watching.join()
    return {
        "rows": rows,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "peak_rss_mib": most[0],
        "peak_own_mib": most[1],
        "rss_before_mib": before_mib,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--hashed", type=int, default=3, help="each so-many-th row has a PDQ hash")
    parser.add_argument("--keep", type=Path, help="folder for list and case, which stay there and are used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        path = folder / f"list-{options.rows}-{options.hashed}.parquet"
        if not path.exists():
            write_list(path, options.rows, options.hashed)
        for name, table in case_tables(options.rows, options.items).items():
            pq.write_table(table, folder / f"case-{options.items}-{name}.parquet")
        told = {"list_rows": options.rows, "each": options.hashed, "items": options.items}
        for what, work in (("anchor", reading), ("media", matching)):
            print(json.dumps({"what": what} | told | measured(work, path, options.items)), flush=True)


if __name__ == "__main__":
    main()
