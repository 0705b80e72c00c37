"""What packages say of error rates is what the pages say, which the measuring programs write; nobody types it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

MEASURED = "error_rates"
ROOT = Path(__file__).resolve().parents[2]


def test_packages_say_what_the_pages_say(bench: dict[str, Any]) -> None:
    assert bench["GATHERED"].read_text("utf-8") == bench["content"](), "run bench/error_rates.py --write"


def test_every_figure_is_on_the_page_that_is_named(bench: dict[str, Any]) -> None:
    steps = json.loads(bench["GATHERED"].read_text("utf-8"))["steps"]
    for step in steps:
        assert bool(step["tables"]) is step["measured"] is bool(step["source"]), step["step"]
        page = (ROOT / step["source"]).read_text("utf-8").replace("`", "") if step["source"] else ""
        for table in step["tables"]:
            for row in table["rows"]:
                assert len(row) == len(table["columns"])
                assert f"| {' | '.join(row)} |" in page, (step["step"], row)
        assert not step["program"] or (ROOT / step["program"]).is_file()


def test_a_page_that_was_measured_anew_is_noticed(
    bench: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = next(one for one in bench["STEPS"] if one.page == "lead-error-rates.md")
    page = ROOT / "docs" / "explanation" / step.page
    other = tmp_path / "docs" / "explanation" / step.page
    other.parent.mkdir(parents=True)
    other.write_text(page.read_text("utf-8").replace("| 400 | 31 |", "| 401 | 31 |"), "utf-8")
    tables = bench["_tables"]
    before = tables(step)
    monkeypatch.setitem(tables.__globals__, "ROOT", tmp_path)
    assert tables(step) != before


def test_every_page_of_error_rates_is_gathered(bench: dict[str, Any]) -> None:
    pages = {path.name for path in (ROOT / "docs" / "explanation").glob("*-error-rates.md")}
    assert pages <= {step.page for step in bench["STEPS"]}


def test_every_program_that_writes_a_page_writes_this_too(bench: dict[str, Any]) -> None:
    for step in bench["STEPS"]:
        if step.program:
            source = (ROOT / step.program).read_text("utf-8")
            assert ("PAGE.write_text(" in source) is ("write_gathered()" in source), step.program
