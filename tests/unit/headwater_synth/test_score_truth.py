"""The truth that measures are held against: what is no truth is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from headwater.errors import UnreadableInputError
from headwater_synth.score_truth import read_truth


def written(folder: Path, name: str, *rows: tuple[str, ...]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def test_a_truth_without_a_file_or_a_column_is_refused(tmp_path):
    with pytest.raises(UnreadableInputError, match=r"accounts\.csv: no such file of the truth"):
        read_truth(tmp_path)
    written(tmp_path, "accounts", ("account_key", "person_key"))
    with pytest.raises(UnreadableInputError, match="no column is_origin, identity_reachable, own_data_leads"):
        read_truth(tmp_path)
