"""Two files linked, beside plain Splink with a model made by hand: seconds, memory, precision, recall, F1.

    python bench/link_rate.py [--rows 1000000] [--without-splink]

Each runs in a process of its own, one after the other, on the same invented files (households, twins, movers).
Splink's model is what one writes in an afternoon: seven blocking rules, five independent comparisons, mutual best kept.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from headwater_synth.two_files import two_files, write_two_files

SEED = 3


def ours(folder: Path) -> None:
    from headwater.identities import LinkOptions, link_files

    link_files(folder / "left.csv", folder / "right.csv", folder / "columns.toml", folder / "ours.csv", LinkOptions())


def splink(folder: Path) -> None:
    import duckdb
    from splink import DuckDBAPI, Linker, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": "2500MB", "temp_directory": str(folder / "scratch")}
    )
    api = DuckDBAPI(connection)
    frames = []
    for name in ("left", "right"):
        rows = connection.execute(
            f"select id as unique_id, given_name, surname, date_of_birth, right(date_of_birth, 5) as month_day, "
            f"left(date_of_birth, 4) as year, street_number, address, postcode, phone "
            f"from read_csv('{folder / name}.csv', all_varchar=true)"
        ).to_arrow_table()
        frames.append(api.register(rows, table_name=f"a_{name}"))
    settings = {
        "link_type": "link_only",
        "unique_id_column_name": "unique_id",
        "retain_intermediate_calculation_columns": False,
        "retain_matching_columns": False,
        "probability_two_random_records_match": 0.6 / len(frames[0].as_pyarrow_table()),
        "blocking_rules_to_generate_predictions": [
            block_on(*columns)
            for columns in (
                ("surname", "given_name"), ("surname", "date_of_birth"), ("given_name", "date_of_birth"), ("phone",),
                ("postcode", "street_number", "address"), ("surname", "postcode"), ("date_of_birth", "postcode"),
            )
        ],
        "comparisons": [
            _similar("given_name", 0.003),
            _similar("surname", 0.0005),
            {
                "output_column_name": "date_of_birth",
                "comparison_levels": [
                    _absent("date_of_birth"),
                    _level('"date_of_birth_l" = "date_of_birth_r"', 0.95, 1 / 20000),
                    _level('"month_day_l" = "month_day_r" or "year_l" = "year_r"', 0.03, 0.02),
                    _level("ELSE", 0.02, 0.97),
                ],
            },
            _similar("address", 0.0002),
            _similar("phone", 0.000002),
        ],
    }  # fmt: skip
    linker = Linker(frames, settings, log_level=None)
    found = linker.inference.predict(threshold_match_probability=0.5).as_pyarrow_table()
    links = pa.table(
        {
            "left_id": found["unique_id_l"],
            "right_id": found["unique_id_r"],
            "match_weight_bits": found["match_weight"],
        }
    )
    pa_csv.write_csv(links, folder / "splink.csv")


def _level(condition: str, m: float, u: float) -> dict[str, Any]:
    return {"sql_condition": condition, "label_for_charts": condition, "m_probability": m, "u_probability": u}


def _absent(column: str) -> dict[str, Any]:
    return {
        "sql_condition": f'"{column}_l" IS NULL OR "{column}_r" IS NULL',
        "label_for_charts": "absent",
        "is_null_level": True,
    }


def _similar(column: str, u: float) -> dict[str, Any]:
    return {
        "output_column_name": column,
        "comparison_levels": [
            _absent(column),
            _level(f'"{column}_l" = "{column}_r"', 0.85, u),
            _level(f'jaro_winkler_similarity("{column}_l", "{column}_r") >= 0.88', 0.1, 3 * u),
            _level("ELSE", 0.05, 1 - 4 * u),
        ],
    }


def measured(name: str, folder: Path) -> None:
    began = time.monotonic()
    {"ours": ours, "splink": splink}[name](folder)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "seconds": round(time.monotonic() - began, 1),
                "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
                "peak_mb": usage.ru_maxrss // 1000,
            }
        )
    )


def quality(made: Any, path: Path, *, mutual: bool) -> str:
    links = pa_csv.read_csv(path)
    left, right = links["left_id"].to_pylist(), links["right_id"].to_pylist()
    correct = made.right_links(left, right)
    if mutual:
        weight = links["match_weight_bits"].to_numpy()
        best = np.ones(len(correct), bool)
        for ids in (left, right):
            _, at = np.unique(np.array(ids), return_inverse=True)
            most = np.full(at.max(initial=0) + 1, -np.inf)
            np.maximum.at(most, at, weight)
            best &= weight == most[at]
        correct = correct[best]
    precision, recall = correct.mean(), correct.sum() / made.same
    return f"precision {precision:.4f} recall {recall:.4f} F1 {2 * precision * recall / (precision + recall):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--without-splink", action="store_true")
    parser.add_argument("--one", choices=("ours", "splink"))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.one:
        measured(options.one, options.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = two_files(options.rows, seed=SEED)
        write_two_files(made, folder)
        for which in ("ours",) if options.without_splink else ("ours", "splink"):
            done = subprocess.run(
                [sys.executable, __file__, "--one", which, "--folder", name], check=True, capture_output=True, text=True
            )
            print(f"{which}: {options.rows:,} x {options.rows:,} rows, {done.stdout.strip()}")
            for label, mutual in (("probability 0.5", False), ("mutual best", True)):
                print(f"  {label}: {quality(made, folder / f'{which}.csv', mutual=mutual)}")


if __name__ == "__main__":
    main()
