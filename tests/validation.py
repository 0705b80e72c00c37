"""Requirement, assertion, test case, result: the page of what was validated, made by running the cases it names."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests" / "requirements.toml"
PAGE = ROOT / "docs" / "explanation" / "validation.md"
OUTCOMES = ("passed", "failed", "skipped")
Results = Mapping[str, Mapping[str, int]]
"""Case to how many of its variants passed, failed and were skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One thing that is shown, and the cases that show it."""

    id: str
    text: str
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that is promised."""

    id: str
    station: str
    text: str
    assertions: tuple[Assertion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Everything that is promised, and what is shown by no test."""

    promised: tuple[Requirement, ...]
    unvalidated: tuple[tuple[str, str], ...]

    @property
    def cases(self) -> list[str]:
        """Every case that is named, once."""
        return sorted({case for one in self.promised for assertion in one.assertions for case in assertion.cases})


def requirements() -> Requirements:
    """The requirements as the file states them."""
    stated = tomllib.loads(SOURCE.read_text("utf-8"))
    promised = (
        Requirement(
            id=one["id"],
            station=one["station"],
            text=one["text"],
            assertions=tuple(Assertion(id=a["id"], text=a["text"], cases=tuple(a["cases"])) for a in one["assertions"]),
        )
        for one in stated["requirement"]
    )
    return Requirements(
        promised=tuple(promised), unvalidated=tuple((one["station"], one["text"]) for one in stated["unvalidated"])
    )


def ran(cases: Iterable[str]) -> dict[str, dict[str, int]]:
    """What each case gave, from pytest's own report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", f"--junitxml={report}"]
        done = subprocess.run([*words, *(f"tests/{case}" for case in cases)], cwd=ROOT, check=False)
        if done.returncode not in {0, 1}:
            raise SystemExit("scripts/validation: the cases could not be run; see above")
        found: dict[str, dict[str, int]] = {}
        for node in ET.parse(report).iter("testcase"):
            module, name = node.get("classname", ""), node.get("name", "").partition("[")[0]
            case = f"{module.removeprefix('tests.').replace('.', '/')}.py::{name}"
            kinds = {child.tag for child in node}
            outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
            counts = found.setdefault(case, dict.fromkeys(OUTCOMES, 0))
            counts[outcome] += 1
    return found


_BEGIN = """# What was validated

Made by `scripts/validation`, which runs the cases named here; nobody types a number. The form is that of the tool
tests of the Computer Forensics Tool Testing Program at NIST: a requirement is what is promised, an assertion is what
can be seen to hold, a case is what shows it, and the result is what the case gave. A case has variants: inputs, kinds
of file, places of a change. Requirements stand in `tests/requirements.toml`, cases below `tests/`.

Version {version}. Run it on your own machine before you rely on it: `scripts/validation --record FILE` writes the same
page into that file, with the digest of the installed program, and changes nothing else.

## Sums

| station | requirements | assertions | cases | variants passed | failed | skipped |
|---|---|---|---|---|---|---|
"""
_SKIPPED = """
A skipped variant lacks a program to compare with, or a means, on the machine where this ran; it shows nothing.

"""
_UNVALIDATED = """## What is not validated

Stated so that nobody reads more into the tables above than they hold.

"""
_END = """
Error rates of methods stand on pages of their own: [money](money-error-rates.md),
[linkage](linkage-error-rates.md), [names](name-error-rates.md), [leads](lead-error-rates.md). The full count of changed
bytes and struck system calls is printed by `scripts/bench tamper_and_crash`; the cases here try a slice of them.
"""


def page(required: Requirements, results: Results, version: str) -> str:
    """The page, whose every number is a count of what was run."""
    stations = list(dict.fromkeys(one.station for one in required.promised))
    lines = []
    for station in [*stations, "all"]:
        chosen = [one for one in required.promised if station in {one.station, "all"}]
        lines.append(f"| {station} | {len(chosen)} | {' | '.join(str(n) for n in _sums(chosen, results))} |")
    sums = "".join(f"{line}\n" for line in lines)
    shown = "".join(_station(station, required, results) for station in stations)
    unvalidated = "".join(f"- **{station}.** {text}\n" for station, text in required.unvalidated)
    return f"{_BEGIN.format(version=version)}{sums}{_SKIPPED}{shown}{_UNVALIDATED}{unvalidated}{_END}"


def _station(station: str, required: Requirements, results: Results) -> str:
    lines = [f"## {station}", ""]
    for one in required.promised:
        if one.station == station:
            lines += [f"**{one.id}** {one.text}", "", "| assertion | case | result |", "|---|---|---|"]
            for assertion in one.assertions:
                for number, case in enumerate(assertion.cases):
                    head = f"{assertion.id} {assertion.text}" if number == 0 else ""
                    lines.append(f"| {head} | `{case}` | {_result(results.get(case, {}))} |")
            lines.append("")
    return "".join(f"{line}\n" for line in lines)


def _sums(chosen: Iterable[Requirement], results: Results) -> list[int]:
    assertions = [assertion for one in chosen for assertion in one.assertions]
    cases = sorted({case for assertion in assertions for case in assertion.cases})
    sums: Counter[str] = Counter()
    for case in cases:
        sums.update(results.get(case, {}))
    return [len(assertions), len(cases), *(sums[outcome] for outcome in OUTCOMES)]


def _result(counts: Mapping[str, int]) -> str:
    told = [f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome)]
    return ", ".join(told) if told else "not run"


_ROW = re.compile(r"^\|[^|]*\| `([^`]+)` \| ([^|]+) \|$", re.MULTILINE)


def results_of(text: str) -> dict[str, dict[str, int]]:
    """What a page says that each case gave."""
    found = {}
    for case, told in _ROW.findall(text):
        counts = dict.fromkeys(OUTCOMES, 0)
        for number, outcome in re.findall(r"(\d+) (\w+)", told):
            counts[outcome] = int(number)
        found[case] = counts
    return found


def main() -> int:
    """Run the cases and write the page; 1 if any failed or did not run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, help="write the page here, with the digest of the installed program")
    parser.add_argument("--json", action="store_true", help="print what each case gave")
    options = parser.parse_args()
    required = requirements()
    results = ran(required.cases)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    text = page(required, results, version)
    if options.record is None:
        PAGE.write_text(text, "utf-8")
    else:
        from headwater.custody import program_sha256

        told = f"Program: `tool_sha256` {program_sha256()}, Python {sys.version.split()[0]}."
        options.record.write_text(f"{text}\n{told}\n", "utf-8")
    if options.json:
        for case in required.cases:
            sys.stdout.write(json.dumps({"case": case, **results.get(case, {})}) + "\n")
    bad = [case for case in required.cases if not results.get(case) or results[case]["failed"]]
    for case in bad:
        sys.stderr.write(f"scripts/validation: {case}: failed, or did not run\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
