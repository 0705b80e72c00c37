"""Tampering shows and crashes lose nothing: a slice of what bench/tamper_and_crash.py tries in full."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "bench" / "tamper_and_crash.py"


@pytest.mark.parametrize(("every", "points"), [(397, 6), pytest.param(1, 1, marks=pytest.mark.slow)])
def test_every_change_is_found_and_every_crash_recovers(every: int, points: int) -> None:
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), "--slice", str(every), "--points", str(points)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counts = re.findall(r"(\d+) (?:tried|points), (\d+) (?:detected|recovered)", ran.stdout)
    assert len(counts) >= 6
    assert all(tried == good and int(tried) for tried, good in counts), ran.stdout
    assert "by wrappers" in ran.stdout
    assert "by strace" in ran.stdout or "strace: missing" in ran.stdout, "a test that cannot trace says so"
