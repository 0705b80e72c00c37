"""A directory of an image copied out: whole, inside of its place, or refused in one line and removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from headwater.errors import UnreadableInputError
from headwater.evidence.copied_directory import copied_out
from headwater.evidence.readable import FileSet


class Pool:
    """Tells of entries as a worker would, and of content that is each path itself."""

    def __init__(self, *entries: tuple[bytes, str], reason: str | None = None) -> None:
        self._entries = entries
        self._reason = reason

    def stream(self, job: str, _files: object, parameters: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        if job == "walk_image":
            rows = [
                {"path": path, "entry_type": kind, "size_bytes": 1, "inode": None, "reason": None}
                for path, kind in self._entries
            ]
        else:
            rows = [
                {"entry_index": n, "content": bytes.fromhex(entry["path_hex"]), "reason": self._reason}
                for n, entry in enumerate(parameters["entries"])
            ]
        yield pa.RecordBatch.from_pylist(rows)


REACHED = FileSet(files=[], volume_index=0)


def test_files_and_folders_come_out_and_go_again() -> None:
    entries = ((b"a", "directory"), (b"a/x", "file"), (b"a/y", "directory"), (b"a/y/z", "file"), (b"b", "file"))
    with copied_out(Pool(*entries), REACHED, b"a") as place:  # type: ignore[arg-type]  # stands for the pool
        found = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert found == {"x": b"a/x", "y/z": b"a/y/z"}
    assert not place.exists()


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (((b"a/../../x", "file"),), "a name that no file has"),
        (((b"a//x", "file"),), "a name that no file has"),
        (((b"a/x", "file"), (b"a/x", "directory"), (b"a/x/y", "file")), "its names cannot be written"),
        (((b"a/" + b"n" * 700, "file"),), "its names cannot be written"),
    ],
)
def test_names_that_lead_astray_are_refused(entries: tuple[tuple[bytes, str], ...], said: str) -> None:
    with pytest.raises(UnreadableInputError, match=said), copied_out(Pool(*entries), REACHED, b"a"):  # type: ignore[arg-type]  # stands for the pool
        pass


def test_a_file_that_cannot_be_read_whole_is_refused() -> None:
    pool = Pool((b"a/x", "file"), reason="reading failed")
    with pytest.raises(UnreadableInputError, match="reading failed"), copied_out(pool, REACHED, b"a"):  # type: ignore[arg-type]  # stands for the pool
        pass
