"""A draft that a crash kept from its place: what the log has is finished, what it has not is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyrage
import pytest

from headwater import packages
from headwater.custody import create_operator_key, load_operator_key, operator_key
from headwater.errors import ConfigError
from headwater.packages import placing
from headwater.workflow import Case, draft_package
from headwater.workflow.unlogged import left_behind

WHO = "A. Drafter"


@pytest.fixture
def case(small: Any) -> Any:
    with Case(small.case) as opened:
        yield opened


def drafted(case: Case) -> dict[str, object]:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    terms = {"handling_code": "TEST", "legal_basis": "exercise", "onward_transfer": "no"}
    return draft_package(case, case.actor(WHO, why="test"), country="FR", recipient=recipient, **terms)


def lying(case: Case, part: str) -> list[Path]:
    return sorted((case.path / "packages").glob(f"*/*/{part}"))


def exported(case: Case) -> list[str]:
    done = (entry for entry in case.custody.entries() if entry.event == "exported" and entry.outcome == "done")
    return [name for entry in done for name in entry.object_ids if name.startswith("pkg-")]


def cut_short(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def interrupted(case: Case, monkeypatch: Any, where: object, name: str) -> None:
    """A draft that ends where this is called."""
    with monkeypatch.context() as patched:
        patched.setattr(where, name, cut_short)
        with pytest.raises(KeyboardInterrupt):
            drafted(case)


def test_what_the_log_has_lies_in_its_place_after_the_next_opening(case: Case, monkeypatch: Any) -> None:
    interrupted(case, monkeypatch, placing, "_appear")
    [left] = lying(case, "draft.tmp")
    assert exported(case) == [left.parent.name]
    with Case(case.path):
        assert lying(case, "draft.tmp") == []
        [draft] = lying(case, "draft")
    assert draft.parent == left.parent
    assert {"manifest.json", "leads.jsonl", "report.pdf"} <= {path.name for path in draft.iterdir()}


def test_what_the_log_has_not_is_gone_after_the_next_opening(case: Case, monkeypatch: Any) -> None:
    interrupted(case, monkeypatch, Case, "record")
    assert len(lying(case, "draft.tmp")) == 1
    with Case(case.path) as opened:
        assert lying(opened, "*") == []
        done = drafted(opened)
        assert exported(opened) == [done["package_id"]]


def test_what_somebody_is_at_is_left_alone(case: Case, monkeypatch: Any) -> None:
    seen = []

    def look(_: object) -> None:
        with Case(case.path):
            seen.append(len(lying(case, "draft.tmp")))

    original = packages.draft
    monkeypatch.setattr(packages, "draft", lambda *args, **named: original(*args, **{**named, "announced": look}))
    drafted(case)
    assert seen == [1]
    assert len(lying(case, "draft")) == 1


def test_a_draft_whose_manifest_is_another_is_not_put_in_its_place(case: Case, monkeypatch: Any) -> None:
    interrupted(case, monkeypatch, placing, "_appear")
    [left] = lying(case, "draft.tmp")
    (left / "manifest.json").write_bytes(b"{}")
    with Case(case.path) as opened:
        assert lying(opened, "*") == [left]
        assert "draft.tmp" in str(left_behind(opened))


def test_a_key_that_a_crash_left_by_halves_is_finished(tmp_path: Path) -> None:
    create_operator_key(tmp_path, WHO)
    [public] = (tmp_path / "public").iterdir()
    whole = public.read_bytes()
    with pytest.raises(ConfigError, match="never replaced"):
        create_operator_key(tmp_path, WHO)
    public.unlink()
    (tmp_path / "private" / f".{public.name}.tmp").write_bytes(b"half")
    key = operator_key(tmp_path, WHO)
    assert public.read_bytes() == whole
    assert operator_key(tmp_path, WHO).private_bytes_raw() == key.private_bytes_raw()
    assert load_operator_key(tmp_path, WHO).private_bytes_raw() == key.private_bytes_raw()


def test_an_operator_whose_key_is_there_and_whose_row_is_not_becomes_known(case: Case) -> None:
    key = operator_key(case.path, "N. New")
    case.register(case.actor("N. New", why="test"))
    assert operator_key(case.path, "N. New").private_bytes_raw() == key.private_bytes_raw()


def test_an_age_identity_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / ".age-identity.txt.tmp").write_bytes(b"AGE-SEC")
    public = packages.create_age_identity(tmp_path)
    assert packages.create_age_identity(tmp_path) == public
    assert [path.name for path in (tmp_path / "private").iterdir()] == ["age-identity.txt"]
    assert (tmp_path / "private" / "age-identity.txt").stat().st_mode & 0o777 == 0o600
