"""Fixtures that every suite shares."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from headwater.cli.app import _run

# Tests are of what comes out; how long it took says how busy the machine was.
settings.register_profile("headwater", deadline=None)
settings.load_profile("headwater")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Real, benign data that this project did not write; kept beside the repository, never in it."""
    named = os.environ.get("HEADWATER_REFERENCE_DATA")
    path = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not (path / "SOURCES.md").is_file():
        pytest.skip(f"reference data is absent: {path} (set HEADWATER_REFERENCE_DATA)")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command left behind: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON lines on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


Headwater = Callable[..., Outcome]


def _headwater(*arguments: object) -> Outcome:
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["headwater", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = _run()
    finally:
        sys.argv = before
    return Outcome(status=status, out=out.getvalue(), err=err.getvalue())


@pytest.fixture(scope="session")
def headwater() -> Headwater:
    """The program `headwater`, run in this process: from its arguments to what it left behind."""
    return _headwater


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")
