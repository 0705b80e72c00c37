"""The doctor finds what is there and says what is not; that the sandbox holds is tried in tests/hostile."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.evidence import doctor
from headwater.evidence.sealed import SealedWorkerError


def test_programs_are_also_looked_for_where_root_s_search_path_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "mke2fs"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(doctor, "_EXTRA_FOLDERS", (str(tmp_path),))
    assert doctor.find_program("mke2fs") == str(program)
    assert doctor.find_program("headwater-no-such-program") is None


def test_a_worker_that_does_not_start_is_a_row_and_not_an_error(monkeypatch: pytest.MonkeyPatch):
    def fails(**_options: object):
        raise SealedWorkerError("headwater_sealed", "the worker did not start: no module")

    monkeypatch.setattr(doctor, "SealedPool", fails)
    rows = {row.check: row for row in doctor.doctor_report()}
    assert not rows["sealed worker"].ok
    assert rows["sealed worker"].detail == "the worker did not start: no module"
    assert "kernel" in rows


def test_an_attempt_that_gets_through_is_a_finding(tmp_path: Path):
    evidence = tmp_path / "evidence"
    evidence.write_bytes(b"x")
    assert doctor._escapes(("no_new_privs",), ("read a file", "become root"), evidence)[0].startswith(
        "read a file (got"
    )
