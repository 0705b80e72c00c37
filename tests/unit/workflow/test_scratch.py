"""The scratch folder of a stage: gone afterwards, however it ended, and never taken from another run."""

from __future__ import annotations

import pytest

from headwater.workflow.scratch import scratch_folder


def test_it_is_gone_afterwards(tmp_path):
    with scratch_folder(tmp_path) as place:
        assert place.parent == tmp_path
        (place / "rows").write_bytes(b"x")
    assert not list(tmp_path.iterdir())
    with pytest.raises(IsADirectoryError), scratch_folder(tmp_path) as place:
        place.write_bytes(b"x")
    assert not list(tmp_path.iterdir())


def test_what_a_crash_left_is_removed_and_what_another_run_uses_is_not(tmp_path):
    (tmp_path / ".scratch-left" / "rows").mkdir(parents=True)
    (tmp_path / "items").mkdir()
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert one.is_dir()
        assert other.is_dir()
        assert sorted(tmp_path.iterdir()) == sorted([one, other, tmp_path / "items"])
