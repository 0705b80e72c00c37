"""What `headwater link` expects of itself beside what is so, by size of the case and errors of the files.

    python bench/linkage_error_rates.py [--sizes 1000,10000,100000] [--write]

Blocking's recall is measured on the same files: how many pairs of one person were compared at all. `--write` puts the
table into docs/explanation/linkage-error-rates.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv

from headwater.identities import LinkOptions, link_files
from headwater_synth.two_files import ERROR_MODELS, two_files, write_two_files

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "linkage-error-rates.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
FILES = (("clean", "clean"), ("clean", "usual"), ("usual", "rough"))
SEED = 1_130_107  # of no file that was looked at while the method was made


def line(rows: int, left: str, right: str) -> str:
    made = two_files(rows, seed=SEED, left_errors=ERROR_MODELS[left], right_errors=ERROR_MODELS[right])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_two_files(made, folder)
        out = folder / "links.csv"
        report = link_files(*files, out, LinkOptions())
        links = pa_csv.read_csv(out)
        correct = made.right_links(links["left_id"].to_pylist(), links["right_id"].to_pylist())
        link_files(*files, out, LinkOptions(min_probability_ppm=0))
        everything = pa_csv.read_csv(out)
        blocked = made.right_links(everything["left_id"].to_pylist(), everything["right_id"].to_pylist())
    wrong = int(np.count_nonzero(~correct))
    return (
        f"| {rows:,} | {left}, {right} | {len(correct):,} | {report.expected_precision_ppm / 1e6:.4f} | "
        f"{correct.mean():.4f} | {report.expected_wrong_links:,} | {wrong:,} | {correct.sum() / made.same:.4f} | "
        f"{blocked.sum() / made.same:.4f} |"
    )


def _packages_too() -> None:
    # Here, because whoever runs this file from elsewhere does not look for modules beside it.
    from error_rates import write_gathered

    write_gathered()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = [
        "| rows | errors | links | precision expected | precision | wrong expected | wrong | recall | of blocking |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for rows in map(int, options.sizes.split(",")):
        for left, right in FILES:
            lines.append(line(rows, left, right))
            print(lines[-1], flush=True)
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1], encoding="utf-8")
        _packages_too()


if __name__ == "__main__":
    main()
