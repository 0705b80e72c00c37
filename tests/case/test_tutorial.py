"""Every command of the tutorial runs, and prints what the tutorial says it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.evidence import sandbox_report

pytestmark = pytest.mark.case

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-case.md"
_BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "== block {} =="


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Commands, and lines that they must print, in that order; `…` stands for anything."""

    commands: str
    lines: tuple[str, ...]


def steps_in(text: str) -> list[Step]:
    steps: list[Step] = []
    for kind, content in _BLOCK.findall(text):
        if kind == "bash":
            steps.append(Step(commands=content, lines=()))
        else:
            steps[-1] = Step(commands=steps[-1].commands, lines=tuple(content.splitlines()))
    return steps


def missing_lines(step: Step, printed: str) -> list[str]:
    """The lines of a step that were not printed in that order."""
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    missing = []
    for line in step.lines:
        pattern = re.compile(".*".join(re.escape(" ".join(part.split())) for part in line.split("…")))
        place = next((n for n, found in enumerate(rest) if pattern.fullmatch(found)), None)
        if place is None:
            missing.append(line)
        else:
            rest = rest[place + 1 :]
    return missing


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    steps = steps_in(TUTORIAL.read_text(encoding="utf-8"))
    assert len(steps) > 12
    script = ["set -euo pipefail", "exec 2>&1"]
    for number, step in enumerate(steps):
        commands = step.commands
        if not sandbox_report().sealed:  # as the tutorial says for such a machine
            commands = re.sub(
                r"^headwater (evidence add|run) .*$", r"\g<0> --allow-unsealed", commands, flags=re.MULTILINE
            )
        script += [f"echo '{_MARK.format(number)}'", commands]
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    for number, step in enumerate(steps):
        _, _, after = done.stdout.partition(_MARK.format(number) + "\n")
        printed = after.partition(_MARK.format(number + 1))[0]
        assert not missing_lines(step, printed), f"{step.commands}\n-- printed:\n{printed}"


def test_a_line_that_is_not_printed_is_seen() -> None:
    step = Step(commands="", lines=("one … three", "four"))
    assert not missing_lines(step, "zero\none two three\nfour\n")
    assert missing_lines(step, "four\none two three\n") == ["four"]
    assert not missing_lines(Step(commands="", lines=("a_b … 0 n=…",)), "a_b      0  n=7")
    assert missing_lines(step, "one two\nfour\n") == ["one … three"]
