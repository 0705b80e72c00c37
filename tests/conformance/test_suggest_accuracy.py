"""Suggestions stay as right as they were measured to be; `--update-golden` writes down what is measured now."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from headwater.evidence.sealed import sandbox_report
from headwater_synth.schemas import HELD_OUT, TUNING, application, nameless

pytestmark = pytest.mark.skipif(not sandbox_report().sealed, reason="this kernel lacks a part of the sandbox")

MEASURED = "suggest_accuracy"
GOLDEN = Path(__file__).parents[1] / "golden" / "suggest_accuracy.json"
ACCOUNTS = 120
SETS = {"tuning": (TUNING, False), "nameless": (TUNING, True), "held_out": (HELD_OUT, False)}


@pytest.mark.parametrize("name", SETS)
def test_suggestions_are_no_worse_than_they_were(
    name: str, bench: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    applications, without_names = SETS[name]
    counted = []
    for one in applications:
        app = nameless(application(one)) if without_names else application(one)
        counted.append(bench["measured"](app, 7, ACCOUNTS)[2])
    told = bench["totals"](name, counted)
    golden = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(json.dumps(golden | {name: told}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return
    for figure in ("top_1", "top_3", "tables_right"):
        assert told[figure] >= golden[name][figure], figure
    assert told["drafted_wrongly"] <= golden[name]["drafted_wrongly"]
    assert told["bindings_needed"] == golden[name]["bindings_needed"], "the applications are not those measured"


def test_the_measure_tells_a_wrong_suggestion(bench: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    measured = bench["measured"]
    right = measured(application("granite"), 7, 60)[2]
    monkeypatch.setitem(measured.__globals__, "suggestions", lambda _profile: defaultdict(tuple))
    assert right[1] > 0
    assert measured(application("granite"), 7, 60)[2][1:3] == (0, 0)


def test_the_documentation_says_what_was_measured() -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))
    page = (GOLDEN.parents[2] / "docs/explanation/suggestions.md").read_text("utf-8")
    for name, said in {"tuning": "twelve for tuning", "nameless": "the same,", "held_out": "eight held out"}.items():
        [line] = [line for line in page.splitlines() if line.startswith(f"| {said}")]
        figures = golden[name]
        shares = [f"{round(100 * figures[key], 1):g} %" for key in ("top_1", "top_3", "tables_right")]
        cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
        assert cells == [str(figures["bindings_needed"]), *shares, str(figures["drafted_wrongly"])]
