"""Any page of a table of 10 million rows, against the same rows by a query of the engine; and what a reading costs.

    .venv/bin/python bench/workbench_pages.py [--rows N] [--pages N] [--readings N]

Prints a line each: pages from row groups, pages by the engine's LIMIT and OFFSET (the anchor), a filter that is new and
one that was seen, and the access log that is appended to before each page leaves.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from headwater.engine import ParquetParts
from headwater.schema import table_named
from headwater.workflow import Actor, Case
from headwater.workflow.access import AccessLog
from headwater_web.table_pages import PAGE_ROWS, Condition, TablePages

TABLE = "media_verdicts"
PART = 1_000_000


def written(path: Path, rows: int) -> None:
    """That many verdicts, as the stage would have written them: in parts, ordered, in row groups of 65,536."""
    schema = table_named(TABLE).arrow
    with ParquetParts(path, schema) as file:
        for start in range(0, rows, PART):
            count = min(PART, rows - start)
            numbers = np.arange(start, start + count)
            held: dict[str, Any] = {}
            for field in schema:
                if pa.types.is_string(field.type):
                    if field.name.endswith("_id"):
                        texts = np.char.add("itm-", np.char.zfill(np.char.mod("%x", numbers * 2_654_435_761), 32))
                        held[field.name] = pa.array(texts)
                    else:
                        held[field.name] = pa.array(np.array(["known", "near", "none", "benign"])[numbers % 4])
                elif pa.types.is_boolean(field.type):
                    held[field.name] = pa.array(numbers % 2 == 0)
                elif pa.types.is_integer(field.type):
                    held[field.name] = pa.array(numbers).cast(field.type)
                else:
                    held[field.name] = pa.nulls(count, field.type)
            file.write(pa.table([held[f.name] for f in schema], names=schema.names).cast(schema))
        file.finish()


def timed(act: Callable[[], Any], times: int) -> list[tuple[float, float]]:
    """Milliseconds by the clock and of the processor, for each time: the second does not depend on who else is busy."""
    found = []
    for _ in range(times):
        began, worked = time.perf_counter(), time.process_time()
        act()
        found.append(((time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000))
    return found


def told(name: str, found: list[tuple[float, float]]) -> None:
    shown = []
    for values in zip(*found, strict=True):
        cut = statistics.quantiles(values, n=20)[18] if len(values) > 1 else values[0]
        shown.append(f"p50 {statistics.median(values):7.2f} p95 {cut:7.2f} ms")
    print(f"{name:<36} clock {shown[0]}   processor {shown[1]}   n {len(found)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--readings", type=int, default=2_000)
    options = parser.parse_args()
    chance = random.Random(7)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.parquet"
        written(path, options.rows)
        print(f"{options.rows:,} rows, {path.stat().st_size:,} bytes")
        opened: Any = SimpleNamespace(files=lambda _: [path], version_of=lambda _: (1,))
        pages = TablePages(opened)
        pages.page(TABLE)  # the footer of the file is read once for each server

        def anywhere() -> int:
            return chance.randrange(0, options.rows - PAGE_ROWS)

        told("page by row group", timed(lambda: pages.page(TABLE, first=anywhere()), options.pages))
        engine = duckdb.connect()
        sql = f"SELECT * FROM read_parquet('{path}') LIMIT {PAGE_ROWS} OFFSET ?"
        told("anchor: LIMIT and OFFSET", timed(lambda: engine.execute(sql, [anywhere()]).fetchall(), 30))
        where = [Condition(column="verdict_group", value="near")]
        told("filter, first page, new", timed(lambda: pages.page(TABLE, where=where), 1))
        some = options.rows // 4 - PAGE_ROWS
        told(
            "filter, any page after it",
            timed(lambda: pages.page(TABLE, where=where, first=chance.randrange(some)), options.pages),
        )
        case = Path(scratch) / "case"
        with Case.create(case, authority_ref="bench", operator="B", purpose="bench") as made:
            log = AccessLog(made)
            actor = Actor(name="B", role="analyst", justification="bench | /case/0/tables/items/?first=0")
            ids = ("reading:table", "table:items", "rows:0-50", "fitting:1000000")
            found = timed(lambda: log.append("consulted", actor, object_ids=ids), options.readings)
            told("access log, one entry on the medium", found)
            told(f"  of these, the last {len(found) // 10}", found[-(len(found) // 10) :])


if __name__ == "__main__":
    main()
