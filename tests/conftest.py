"""Fixtures that every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
