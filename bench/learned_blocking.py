"""Blocking rules learned from pairs whose answer is known, beside the model's own, measured on files not learned from.

    python bench/learned_blocking.py [--rows 60000] [--learn RULES] [--write]

Every set of one to three columns that a rule may name is a candidate. Chosen is, one after the other, the rule that
brings together the most pairs of one person that no chosen rule has yet, for each pair of rows that has to be compared;
it ends when a further rule would find less than one pair in ten thousand. Learned from files with usual and rough
errors, with all columns and without dates of birth or addresses; the recall is of other files, of other seeds.
`--write` puts the table into docs/explanation/blocking.md.

References:
    Michelson and Knoblock (2006), Learning Blocking Schemes for Record Linkage, section 3: sequential covering.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headwater.identities.linkage.blocks import KEY_COLUMNS, blocks_of
from headwater.identities.linkage.column_map import read_column_map
from headwater.identities.linkage.features import Features, features_of
from headwater.identities.linkage.linkage_model import read_linkage_model
from headwater.identities.linkage.rows import side_rows
from headwater_synth.two_files import ERROR_MODELS, two_files, write_two_files

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "blocking.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
ADDRESS = ("street_number", "address", "suburb", "postcode")
LEARNED_FROM: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (8_101, "clean", "usual", ()),
    (8_102, "usual", "rough", ()),
    (8_103, "usual", "usual", ("date_of_birth",)),
    (8_104, "usual", "usual", ADDRESS),
)
"""Seed, errors of both files, and columns that they do not have: a register without addresses needs rules too."""
MEASURED_ON: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (9_301, "clean", "clean", ()),
    (9_302, "clean", "usual", ()),
    (9_303, "usual", "rough", ()),
    (9_304, "clean", "usual", ("date_of_birth",)),
    (9_305, "clean", "usual", ADDRESS),
)
MOST_ROWS = 12
"""Rows of a block, as in files of a million: rules must hold there, where blocks have to be small."""
LEAST_GAIN = 0.0001
BY_HAND: tuple[tuple[str, ...], ...] = (
    ("email",),
    ("phone", "given_name_beginning", "surname_beginning"),
    ("name_pair", "birth_year", "postcode"),
    ("date_of_birth", "given_name_beginning", "surname_beginning"),
    ("date_of_birth", "surname_beginning", "postcode"),
    ("surname", "postcode", "street_number"),
    ("surname", "given_name_beginning", "birth_year"),
    ("given_name", "postcode", "surname_beginning"),
    ("street", "street_number", "postcode"),
    ("suburb", "given_name_beginning", "surname_beginning"),
    ("postcode", "street_number", "given_name_beginning"),
    ("birth_month_day", "surname_beginning", "given_name_beginning"),
    ("birth_year_month", "given_name_beginning", "surname_beginning"),
)
"""What the model had before: rules that a person thought of."""
AT_ONCE = 24
IMPLIED = {
    "given_name": {"given_name_beginning"},
    "surname": {"surname_beginning"},
    "date_of_birth": {"birth_year", "birth_month_day", "birth_year_month"},
    "birth_year_month": {"birth_year"},
    "email": {"email_local"},
}
"""Columns that another one decides: beside it they part no block."""

Rule = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Two files as numbers, and their pairs of one person.

    Attributes:
        features: The files.
        pairs: Left and right row of each pair of one person.
    """

    features: Features
    pairs: npt.NDArray[np.int64]


def known(rows: int, seed: int, left: str, right: str, absent: Sequence[str] = ()) -> Known:
    made = two_files(rows, seed=seed, left_errors=ERROR_MODELS[left], right_errors=ERROR_MODELS[right])
    with tempfile.TemporaryDirectory() as name:
        left_path, right_path, columns = write_two_files(made, Path(name))
        sides = read_column_map(columns)
        tables = side_rows(left_path, sides.left), side_rows(right_path, sides.right)
    features = features_of(*(table.drop_columns(list(absent)) for table in tables), latest_year=2029)
    persons = [np.array([int(text[1:]) for text in table["id"].to_pylist()], np.int64) for table in tables]
    left_person, right_person = made.left_person[persons[0]], made.right_person[persons[1]]
    order = np.argsort(left_person, kind="stable")
    at = np.searchsorted(left_person[order], right_person)
    found = (at < len(order)) & (left_person[order][np.minimum(at, len(order) - 1)] == right_person)
    return Known(features=features, pairs=np.stack([order[at[found]], np.flatnonzero(found)], axis=1))


def met(files: Known, rules: Sequence[Rule]) -> Iterator[tuple[Rule, npt.NDArray[np.bool_], int]]:
    """For each rule, which of the pairs of one person it brings together, and how many pairs of rows in all."""
    for start in range(0, len(rules), AT_ONCE):
        part = rules[start : start + AT_ONCE]
        blocks = blocks_of(files.features, part, most_rows=MOST_ROWS, threads=2)
        for n, rule in enumerate(part):
            keys = blocks.left_keys[files.pairs[:, 0], n]
            both = (keys == blocks.right_keys[files.pairs[:, 1], n]) & (keys != 0)
            inside = blocks.left_keys[:, n] != 0
            yield rule, both, int((blocks.last[:, n] - blocks.first[:, n])[inside].sum())


def learned_rules(files: Sequence[Known], most: int) -> list[Rule]:
    """The rules, in the order in which they were chosen."""
    candidates = [
        rule
        for size in (1, 2, 3)
        for rule in combinations(KEY_COLUMNS, size)
        if not any(IMPLIED.get(column, set()) & {*rule} for column in rule)
    ]
    found: dict[Rule, list[npt.NDArray[np.bool_]]] = {rule: [] for rule in candidates}
    cost = dict.fromkeys(candidates, 0)
    for one in files:
        for rule, both, pairs in met(one, candidates):
            found[rule].append(both)
            cost[rule] += pairs
    reach = {rule: np.concatenate(parts) for rule, parts in found.items()}
    rows = sum(len(one.features.left) for one in files)
    open_pairs = np.ones(len(next(iter(reach.values()))), np.bool_)
    chosen: list[Rule] = []
    while len(chosen) < most:
        gains = {rule: int(np.count_nonzero(both & open_pairs)) for rule, both in reach.items()}
        worth = [rule for rule in candidates if gains[rule] >= LEAST_GAIN * len(open_pairs)]
        if not worth:
            break
        # A rule costs its pairs, and a sort of all rows even if it has none; of equal ones the shorter.
        rule = max(worth, key=lambda r: (gains[r] / (cost[r] + rows), -len(r), r))
        chosen.append(rule)
        open_pairs &= ~reach[rule]
        print(f"{len(chosen):>2}  {' + '.join(rule):<60} {1 - open_pairs.mean():.5f}", flush=True)
    return chosen


def measured(files: Known, rules: Sequence[Rule]) -> tuple[float, float]:
    """Share of the pairs of one person that meet, and pairs of rows by rule for each left row."""
    together = np.zeros(len(files.pairs), np.bool_)
    pairs = 0
    for _, both, many in met(files, rules):
        together |= both
        pairs += many
    return float(together.mean()), pairs / len(files.features.left)


def lines_of(rules: Mapping[str, Sequence[Rule]], rows: int) -> Iterator[str]:
    """The table of recalls, a line for each file and set of rules."""
    yield "| files | rules | recall | pairs compared a row |"
    yield "|---|---|---|---|"
    for seed, left, right, absent in MEASURED_ON:
        files = known(rows, seed, left, right, absent)
        without = "" if not absent else ", no address" if absent == ADDRESS else f", no {absent[0].replace('_', ' ')}"
        for name, chosen in rules.items():
            recall, pairs = measured(files, chosen)
            yield f"| {left}, {right}{without} | {name}, {len(chosen)} | {recall:.5f} | {pairs:.1f} |"


def _packages_too() -> None:
    # Here, because whoever runs this file from elsewhere does not look for modules beside it.
    from error_rates import write_gathered

    write_gathered()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--learn", type=int, metavar="RULES", help="learn so many at most, and print them")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rules: dict[str, Sequence[Rule]] = {"by hand": BY_HAND, "the model's": read_linkage_model().rules}
    if options.learn:
        rules["learned now"] = learned_rules([known(options.rows, *files) for files in LEARNED_FROM], options.learn)
    lines = []
    for line in lines_of(rules, options.rows):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1], encoding="utf-8")
        _packages_too()


if __name__ == "__main__":
    main()
