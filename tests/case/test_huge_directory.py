"""An upload store as seized servers have it: 1,200,000 files in one directory of an image, catalogued in full."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headwater.workflow import open_tables

pytestmark = [pytest.mark.case, pytest.mark.slow]

FILES = 1_200_000
BENCH = Path(__file__).parents[2] / "bench" / "huge_directory.py"
PROCESS_BYTES = 2**30
"""What the program and each of its workers may take: a quarter of what it took when it held every entry."""


def test_a_directory_of_more_than_a_million_files_is_catalogued_in_full(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("building the image takes a loop mount, which only root may make")
    image, mount, case = (tmp_path / name for name in ("image", "mount", "case"))
    mount.mkdir()
    build = runpy.run_path(str(BENCH))["build"]
    try:
        build(image, mount, "ext4", FILES)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this system makes no loop mount: {error}")

    def run(*words: object) -> str:
        program = Path(sys.executable).with_name("headwater")
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner")
    run("evidence", "add", case, image, "--exhibit", "EX-1")
    run("run", case, "--until", "catalogue")
    lines: list[dict[str, Any]] = [json.loads(line) for line in run("ledger", case, "--json").splitlines()]
    assert lines[0]["entries"] == lines[0]["catalogued"] == FILES + 2  # the directory, and lost+found
    assert lines[0]["unaccounted_bytes"] == lines[0]["refused"] == 0
    [medium] = next(line for line in lines if "medium_sums" in line)["medium_sums"]
    assert medium["medium_bytes"] == image.stat().st_size
    assert set(medium["bytes_by_kind"]) == {"structures", "unallocated"}
    run("verify", case)
    with open_tables(case) as tables:
        digests = tables.arrow("entries")["sha256"].drop_null().unique().to_pylist()
    assert digests == [hashlib.sha256().hexdigest()]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < PROCESS_BYTES
