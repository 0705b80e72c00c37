"""How well names are told is what the documentation says; `bench/name_pairs.py --write` writes both anew."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from headwater_synth.name_pairs import name_pairs

ROOT = Path(__file__).parents[2]
MEASURED = "name_pairs"


def test_what_is_measured_now_is_what_was_written_down(bench: dict[str, Any], golden: dict[str, Any]) -> None:
    for half, pairs in bench["own"]().items():
        written = {key: value for key, value in golden[half].items() if key != "others"}
        assert bench["ours"](pairs) == written, f"{half}: run bench/name_pairs.py --write, and say in changelog.d why"


def test_the_page_says_what_was_measured(bench: dict[str, Any], golden: dict[str, Any]) -> None:
    assert bench["PAGE"].read_text("utf-8") == bench["page"](golden)
    altered = copy.deepcopy(golden)
    altered["held_out"]["headwater"]["f1"] -= 0.1
    assert bench["PAGE"].read_text("utf-8") != bench["page"](altered)


def test_the_goal_is_met_on_names_that_were_held_out(golden: dict[str, Any]) -> None:
    for what in ("held_out", "written_held_out", "written_after"):
        measured = golden[what]
        assert measured["headwater"]["f1"] >= 0.85
        assert all(measured["headwater"]["f1"] > other["f1"] for other in measured["others"].values())
    assert golden["held_out"]["kinds"]["no_name"][0] == golden["held_out"]["kinds"]["no_name"][1]


def test_written_pairs_are_of_both_kinds_in_both_halves_and_none_is_twice(bench: dict[str, Any]) -> None:
    pairs = bench["written"](bench["WRITTEN"]) + bench["written"](bench["WRITTEN_AFTER"])
    assert len({(p.left, p.right) for p in pairs}) == len(pairs)
    for name, half in bench["halves"]("written", bench["written"](bench["WRITTEN"])).items():
        same = sum(p.same for p in half)
        assert 0.4 < same / len(half) < 0.6, name


def test_no_name_of_one_half_is_in_the_other() -> None:
    tuning, held_out = (
        {p.left for p in name_pairs(3, half, 2000) if p.kind == "two_spellings"} for half in ("tuning", "held_out")
    )
    assert tuning
    assert held_out
    assert not tuning & held_out


def test_half_of_the_pairs_are_one_persons_and_the_draw_is_the_same_again() -> None:
    pairs = name_pairs(5, "tuning", 400)
    assert pairs == name_pairs(5, "tuning", 400) != name_pairs(6, "tuning", 400)
    assert sum(p.same for p in pairs) == 200
