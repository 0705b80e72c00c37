"""Benchmarks name only what there is: no test runs them whole, so a name that was changed would break them unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Names and the form of calls alone: benchmarks are not held to types otherwise.
LOOSE = ("arg-type", "assignment", "index", "list-item", "operator", "var-annotated")


def named_wrongly(*paths: Path) -> list[str]:
    words = [sys.executable, "-m", "mypy", "--config-file", os.devnull, "--check-untyped-defs", "--no-error-summary"]
    words += ["--ignore-missing-imports", "--follow-imports", "silent", *(f"--disable-error-code={c}" for c in LOOSE)]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(
        [*words, *map(str, paths)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_benchmarks_name_only_what_there_is() -> None:
    assert named_wrongly(ROOT / "bench") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ByteTable().extend([b''])", "attr-defined"),
        ("ByteTable(b'one too many')", "call-arg"),
        ("from headwater.money import no_such_name", "attr-defined"),
    ],
)
def test_a_name_that_is_gone_would_be_seen(tmp_path: Path, line: str, code: str) -> None:
    (tmp_path / "one_rate.py").write_text(f"from headwater.money.byte_table import ByteTable\n\n{line}\n")
    [error] = named_wrongly(tmp_path / "one_rate.py")
    assert f"[{code}]" in error
