"""The FEBRL sets, which nobody here made: a floor under the command, without the national number."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

pytestmark = pytest.mark.case

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
LEAST_F1 = 0.995


@pytest.mark.parametrize("number", [1, 2, 3])
def test_duplicates_of_a_febrl_set_are_found(reference_data, headwater, tmp_path, number):
    file, out = reference_data / "linkage" / f"dataset{number}.csv", tmp_path / "links.csv"
    (tmp_path / "columns.toml").write_text(COLUMNS)
    done = headwater("link", file, file, "--columns", tmp_path / "columns.toml", "--out", out, "--json")
    assert done.status == 0, done.err
    people = Counter(line.split("-")[1] for line in file.read_text().splitlines()[1:])
    same = sum(n * (n - 1) // 2 for n in people.values())
    with out.open() as stream:
        links = list(csv.DictReader(stream))
    assert done.rows[-1]["links"] == len(links)
    right = sum(row["left_id"].split("-")[1] == row["right_id"].split("-")[1] for row in links)
    assert 2 * right / (len(links) + same) >= LEAST_F1
    assert abs(done.rows[-1]["expected_precision_ppm"] / 1e6 - right / len(links)) < 0.02
