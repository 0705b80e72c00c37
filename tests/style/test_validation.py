"""The page of what was validated names tests that there are, and says what its source says."""

from __future__ import annotations

import ast
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _module() -> Any:
    spec = spec_from_file_location("validation", ROOT / "tests" / "validation.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault("validation", module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


validation = _module()


def missing(cases: list[str]) -> list[str]:
    """The cases that name no test."""
    gone = []
    for case in cases:
        file, _, name = case.partition("::")
        path = ROOT / "tests" / file
        tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module(body=[], type_ignores=[])
        if not any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body):
            gone.append(case)
    return gone


def test_every_case_is_a_test() -> None:
    assert missing(validation.requirements().cases) == []


@pytest.mark.parametrize("case", ["style/test_validation.py::test_no_such", "style/no_such.py::test_no_such"])
def test_a_case_that_is_gone_is_seen(case: str) -> None:
    assert missing([case]) == [case]


def test_ids_are_given_once_and_tell_where_they_belong() -> None:
    required = validation.requirements()
    ids = [one.id for one in required.promised] + [a.id for one in required.promised for a in one.assertions]
    assert len(set(ids)) == len(ids)
    for one in required.promised:
        assert one.id.startswith(one.station[:3].upper())
        assert one.assertions
        for assertion in one.assertions:
            assert assertion.id.startswith(f"{one.id}.")
            assert assertion.cases


def test_each_station_has_requirements_and_says_what_is_not_validated() -> None:
    required = validation.requirements()
    stations = {"Intake", "Media", "Money", "Identities", "Leads", "Packages", "Custody"}
    assert {one.station for one in required.promised} == stations
    assert {station for station, _ in required.unvalidated} == stations


def test_the_page_is_what_its_source_and_its_results_give() -> None:
    text = validation.PAGE.read_text("utf-8")
    version = text.partition("Version ")[2].partition(". Run")[0]
    assert text == validation.page(validation.requirements(), validation.results_of(text), version), (
        "run scripts/validation"
    )


def test_nothing_on_the_page_failed_and_everything_ran() -> None:
    results = validation.results_of(validation.PAGE.read_text("utf-8"))
    assert sorted(results) == validation.requirements().cases
    assert [case for case, counts in results.items() if counts["failed"] or not sum(counts.values())] == []


def test_a_number_typed_by_hand_is_seen() -> None:
    text = validation.PAGE.read_text("utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| all |"))
    typed = text.replace(row, row.replace("| 0 |", "| 1 |"))
    assert typed != text
    version = text.partition("Version ")[2].partition(". Run")[0]
    assert typed != validation.page(validation.requirements(), validation.results_of(typed), version)
