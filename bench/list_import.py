"""Rows a second and memory of the import of a hash list, beside a plain pass over the same file in the same run.

The anchor of a CSV is Python's csv reader that only counts rows; of VICS JSON, json.loads of the text of each medium,
which it cuts out where it knows that this very file has a new one. Each import and each anchor runs in a process of its
own, whose largest resident size is measured. One JSON object a line.

python bench/list_import.py [ROWS] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from headwater.references import import_reference

_WORDS = ("harbour", "meadow", "lantern", "river", "stone", "path")
_CONTEXT = "http://example.invalid/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"


def write_csv(path: Path, rows: int) -> None:
    """A list with three digests, a PDQ hash for each third row, and one column that is not understood."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        file.write("md5,sha1,sha256,pdq,size_bytes,category,series,victim_identified,media_kind,reviewed_by\n")
        for number in range(rows):
            pdq = f"{chance.getrandbits(256):064x}" if number % 3 == 0 else ""
            file.write(
                f"{chance.getrandbits(128):032x},{chance.getrandbits(160):040x},{chance.getrandbits(256):064x},{pdq},"
                f"{number},{number % 4},{_WORDS[number % 6]},{('yes', 'no', '')[number % 3]},still,desk {number % 9}\n"
            )


def write_vics(path: Path, rows: int) -> None:
    """A hash set in the shape that these are seen to have."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"@odata.context":"{_CONTEXT}","value":[')
        for number in range(rows):
            medium: dict[str, object] = {
                "MediaID": number,
                "Category": number % 4,
                "MD5": f"{chance.getrandbits(128):032X}",
                "SHA1": f"{chance.getrandbits(160):040X}",
                "MediaSize": str(number),
                "DateUpdated": f"/Date({1_700_000_000_000 + number})/",
                "IsPrecategorized": "false",
                "VictimIdentified": ("true", "false")[number % 2],
                "Series": _WORDS[number % 6],
            }
            if number % 3 == 0:
                pdq = f"{chance.getrandbits(256):064x}"
                medium["AlternativeHashes"] = [{"HashName": "PDQ", "HashValue": pdq}]
            file.write(("," if number else "") + json.dumps(medium))
        file.write("]}")


def count_csv(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def count_vics(path: Path) -> int:
    rows = 0
    rest = ""
    with path.open(encoding="utf-8") as file:
        file.read(len(f'{{"@odata.context":"{_CONTEXT}","value":['))
        while piece := file.read(1 << 20):
            *whole, rest = (rest + piece).split(',{"MediaID"')
            for text in whole:
                json.loads(text if rows == 0 else '{"MediaID"' + text)
                rows += 1
    json.loads('{"MediaID"' + rest.removesuffix("]}"))
    return rows + 1


def importing(path: Path) -> int:
    with tempfile.TemporaryDirectory(dir=path.parent) as case:
        return import_reference(Path(case), "hash-list", path, name="bench", version="1", polarity="known-illegal").rows


def measured(work: Callable[[Path], int], path: Path) -> dict[str, object]:
    """Rows, seconds and largest resident size of the work, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, path))


def _measured(work: Callable[[Path], int], path: Path) -> dict[str, object]:
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    begun, begun_cpu = time.perf_counter(), time.process_time()
    rows = work(path)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - begun_cpu
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "rows_per_s": round(rows / seconds),
        "mb_per_s": round(path.stat().st_size / seconds / 1e6, 1),
        "peak_rss_mib": peak_mib,
        "rss_before_mib": before_mib,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="folder for the lists, which stay there and are used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        for name, write, anchor in (("csv", write_csv, count_csv), ("vics", write_vics, count_vics)):
            path = folder / f"{options.rows}.{name}"
            if not path.exists():
                write(path, options.rows)
            told = {"format": name, "size_bytes": path.stat().st_size}
            beside = measured(anchor, path)
            print(json.dumps(told | {"what": "anchor"} | beside), flush=True)
            done = measured(importing, path)
            assert done["rows"] == beside["rows"] == options.rows
            print(json.dumps(told | {"what": "import"} | done), flush=True)


if __name__ == "__main__":
    main()
