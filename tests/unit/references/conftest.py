"""Importing of a hash list from its bytes, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.engine import Session
from headwater.references import Imported, import_reference, reference_files


class Lists:
    """A folder of a case that hash lists are imported into.

    Attributes:
        case: The folder.
    """

    def __init__(self, case: Path) -> None:
        self.case = case
        self._taken = 0

    def take(self, content: bytes | str, *, polarity: str = "known-illegal", **options: Any) -> Imported:
        """Import a list, each under a version of its own."""
        path = self.case / "source"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return self.take_path(path, polarity=polarity, **options)

    def take_path(self, path: Path, *, polarity: str = "known-illegal", **options: Any) -> Imported:
        """Import a list that lies there."""
        self._taken += 1
        version = options.pop("version", str(self._taken))
        return import_reference(
            self.case, "hash-list", path, name="list", version=version, polarity=polarity, **options
        )

    def rows(self, table: str = "hash_list_entries", version: str | None = None) -> list[dict[str, Any]]:
        """The rows of all imports, or of one, in order of the list."""
        with Session(reference_files(self.case)) as session:
            rows = session.arrow(table).to_pylist()
        rows = [row for row in rows if version is None or row["reference_version"] == version]
        return sorted(rows, key=lambda row: (row.get("reference_row", 0), row.get("at_ms") or 0))


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    """An empty one."""
    return Lists(tmp_path)


@pytest.fixture(scope="session")
def new_lists(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Lists]:
    """Makes empty ones, for tests with many examples."""
    return lambda: Lists(tmp_path_factory.mktemp("lists"))
