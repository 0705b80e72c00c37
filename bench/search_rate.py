"""Searching a case of 1.8 million accounts and 10 million entries, against looking at every value as it comes.

    .venv/bin/python bench/search_rate.py [--accounts N] [--entries N] [--queries N]

Prints how long the index takes and how large it is; a search by nicknames with a slip of the pen, by length; by
digests, whole, in part and with a wrong digit; and the anchor, rapidfuzz over the same nicknames. Exit code 1 if a
search misses what it was made of, or its p95 is above 300 ms.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rapidfuzz import fuzz, process

from headwater.search import SearchIndex, make_index

PART = 1 << 20
GOAL_MS = 300.0
SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ra",
    "ten",
    "or",
    "vi",
    "sa",
    "bel",
    "do",
    "nu",
    "fe",
    "shi",
    "pro",
    "gar",
    "wen",
    "az",
    "ull",
    "eth",
    "ry",
)


class Tables:
    """A session's tables, as far as the index asks for them: accounts, and items with their digests."""

    def __init__(self, accounts: int, entries: int, chance: random.Random) -> None:
        self.nicknames = [
            "".join(chance.choices(SYLLABLES, k=chance.randint(2, 5)))
            + (str(chance.randint(0, 9999)) if chance.random() < 0.4 else "")
            for _ in range(accounts)
        ]
        self.entries = entries
        self.code = ""

    def parts(self, name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        if name == "accounts" and columns[1] in {"nickname", "email"}:
            for start in range(0, len(self.nicknames), PART):
                values = self.nicknames[start : start + PART]
                if columns[1] == "email":
                    values = [f"{value}@post.example" for value in values]
                keys = [f"acc-{number:032x}" for number in range(start, start + len(values))]
                yield pa.table({columns[0]: keys, columns[1]: values})
        if name == "items":
            width = {"sha256": 32, "sha1": 20, "md5": 16}[columns[1]]
            for start in range(0, self.entries, PART):
                count = min(PART, self.entries - start)
                digits = np.random.default_rng((start, width)).bytes(width * count).hex()
                values = [digits[at : at + 2 * width] for at in range(0, len(digits), 2 * width)]
                self.code = values[0] if columns[1] == "sha256" else self.code
                keys = [f"itm-{number:032x}" for number in range(start, start + count)]
                yield pa.table({columns[0]: keys, columns[1]: values})


def slipped(text: str, chance: random.Random) -> str:
    """The text with one letter left out, put in, changed, or exchanged with the next."""
    at = chance.randrange(len(text) - 1)
    return chance.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + "q" + text[at:],
            text[:at] + "q" + text[at + 1 :],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ]
    )


def timed(act: Any, given: Sequence[str]) -> tuple[list[float], list[Any]]:
    times, found = [], []
    for one in given:
        began = time.perf_counter()
        found.append(act(one))
        times.append((time.perf_counter() - began) * 1000)
    return times, found


def told(name: str, times: list[float], more: str = "") -> float:
    p95 = statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0]
    print(f"{name:<34} p50 {statistics.median(times):8.1f} ms   p95 {p95:8.1f} ms   n {len(times)}{more}")
    return p95


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=1_800_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--queries", type=int, default=100)
    options = parser.parse_args()
    chance = random.Random(7)
    tables: Any = Tables(options.accounts, options.entries, chance)
    bad = False
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        folder = make_index(tables, Path(scratch), "0" * 32)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"index made in {time.perf_counter() - began:.1f} s, {size:,} bytes on the medium")
        index = SearchIndex(folder)
        index.find("warmed")
        for length in (5, 7, 9, 12, 15):
            long_enough = [name for name in tables.nicknames[:200_000] if len(name) == length]
            wanted = chance.sample(long_enough, min(options.queries, len(long_enough)))
            slips = [slipped(name, chance) for name in wanted]
            # Of four letters none may be wrong: they would be found in every third name.
            slips = [name + name[:1] if len(slip) < 5 else slip for name, slip in zip(wanted, slips, strict=True)]
            times, found = timed(lambda text: index.find(text, most=1000), slips)
            lost = sum(
                fitting <= 1000 and name not in {one.value for one in rows}
                for name, (rows, fitting) in zip(wanted, found, strict=True)
            )
            bad |= told(f"nickname of {length} letters, one wrong", times, f"   lost {lost}") > GOAL_MS or lost > 0
        code = tables.code
        cases = [code, code[:10], code[-10:], *(code[:at] + "g" + code[at + 1 :] for at in range(64))]
        times, found = timed(index.find, cases)
        lost = sum(code not in {one.value for one in rows} for rows, _ in found)
        bad |= told("digest: whole, ends, a wrong digit", times, f"   lost {lost}") > GOAL_MS or lost > 0
        index.close()
    wanted = [slipped(name, chance) for name in chance.sample(tables.nicknames, 5) if len(name) > 1]
    times, _ = timed(
        lambda text: process.extract(text, tables.nicknames, scorer=fuzz.partial_ratio, score_cutoff=80, limit=100),
        wanted,
    )
    told("anchor: rapidfuzz, nicknames alone", times)
    sys.exit(int(bad))


if __name__ == "__main__":
    main()
