"""How far up leads stand is what the documentation says; `scripts/lead-error-table` writes both anew."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEASURED = "leads_ranking"
PAGE = ROOT / "docs" / "explanation" / "lead-error-rates.md"


def test_the_page_says_what_was_measured(bench: dict[str, Any], golden: dict[str, Any]) -> None:
    assert PAGE.read_text("utf-8") == bench["page"](golden)
    for name in ("leads.origin.worst_place_percent", "leads.by_activity.first_100", "control.innocents_named"):
        altered = copy.deepcopy(golden)
        altered["cases"][0]["measures"][name]["value"] += 0.01
        assert PAGE.read_text("utf-8") != bench["page"](altered), name


def test_every_size_and_seed_was_measured(bench: dict[str, Any], golden: dict[str, Any]) -> None:
    wanted = [(accounts, seed) for accounts, _, seeds in bench["SIZES"] for seed in seeds]
    assert [(case["accounts"], case["seed"]) for case in golden["cases"]] == sorted(wanted)


def test_the_goal_is_met_wherever_there_is_room_for_it(golden: dict[str, Any]) -> None:
    with_room = 0
    for case in golden["cases"]:
        measures = case["measures"]
        assert measures["leads.origin.in_first_percent"]["n"] > 0
        if measures["leads.origin.room_in_first_percent"]["value"] == 1:
            with_room += 1
            assert measures["leads.origin.in_first_percent"]["value"] == 1
    assert with_room >= 2


def test_the_rules_are_better_than_orders_that_need_none(golden: dict[str, Any]) -> None:
    for case in golden["cases"]:
        for first in (10, 100):
            ours, *others = (
                case["measures"][f"leads.{name}.first_{first}"]["value"]
                for name in ("high_risk", "by_activity", "by_amount_paid")
            )
            assert ours > max(others)


def test_no_innocent_is_named_before_a_judgement_and_a_wrong_one_is_seen(golden: dict[str, Any]) -> None:
    for case in golden["cases"]:
        control = case["measures"]["control.innocents_named"]
        assert case["measures"]["leads.innocents_named"]["value"] == 0
        assert control["value"] == control["n"] > 0
