"""Tampering shows and crashes lose nothing: a slice of what bench/tamper_and_crash.py tries in full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "bench" / "tamper_and_crash.py"
SLICES = {
    "tampering": ("--only", "tampering", "--bytes", "997"),
    "log": ("--only", "log", "--points", "7"),
    "case": ("--only", "case", "--points", "499"),
}


@pytest.mark.parametrize("part", [*SLICES, pytest.param("all", marks=pytest.mark.slow)])
def test_every_change_is_found_and_every_crash_recovers(part: str) -> None:
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), "--json", "--workers", "2", *SLICES.get(part, ())],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0, [row["bad"] for row in rows] or ran.stderr
    assert rows or "strace: missing" in ran.stderr, "a test that cannot trace says so"
    assert all(row["tried"] == row["good"] for row in rows)
    names = {row["what"] for row in rows}
    if part == "tampering":
        assert names == {"bytes of a log", "bytes of a package", "structural attacks"}
    if part == "log":
        assert {f"log, {fault} by wrappers" for fault in ("KILL", "ENOSPC", "EIO")} <= names
        assert "strace: missing" in ran.stderr or {"log, KILL by strace", "log, EIO by strace"} <= names
