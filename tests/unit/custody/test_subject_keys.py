"""Keys of subjects as they lie at one moment, for opening many texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headwater.custody import SubjectKeys
from headwater.errors import ConfigError
from headwater.workflow import Case, judge_link

PLACE = b"a place"


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys(tmp_path / "keys")


def test_what_was_sealed_before_opens_with_the_folder_read_once(keys, monkeypatch):
    sealed = [keys.sealed(str(number).encode(), [f"acc-{number}"], PLACE) for number in range(20)]
    listed: list[Path] = []
    read = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: listed.append(self) or read(self))
    now = keys.as_now()
    assert [now.opened(one, PLACE) for one in sealed] == [str(number).encode() for number in range(20)]
    assert now.present() == keys.present()
    assert len(listed) == 2


def test_a_key_made_later_is_not_seen_and_one_destroyed_later_opens_nothing(keys):
    first = keys.sealed(b"one", ["acc-1"], PLACE)
    now = keys.as_now()
    later = keys.sealed(b"two", ["acc-2"], PLACE)
    assert (now.opened(first, PLACE), now.opened(later, PLACE)) == (b"one", None)
    keys.destroy(first["keys"])
    assert (now.opened(first, PLACE), keys.opened(first, PLACE), keys.opened(later, PLACE)) == (None, None, b"two")


def test_a_key_that_cannot_be_read_is_an_error_and_not_an_erasure(keys, tmp_path):
    sealed = keys.sealed(b"one", ["acc-1"], PLACE)
    [path] = (tmp_path / "keys").iterdir()
    path.write_text("no key")
    for some in (keys, keys.as_now()):
        with pytest.raises(ConfigError, match="cannot be read"):
            some.opened(sealed, PLACE)


def test_the_log_lists_the_keys_once_however_many_entries_are_about_people(small, monkeypatch):
    with Case(small.case) as case:
        with case.tables() as tables:
            links = tables.arrow("links")["link_id"].to_pylist()
        for number in range(6):
            judge_link(case, case.actor(f"B. Analyst {number}"), links[0], "unsure", why=f"reason {number}")
        listed: list[str] = []
        read = Path.iterdir
        monkeypatch.setattr(Path, "iterdir", lambda self: listed.append(os.fspath(self)) or read(self))
        why = [entry.justification for entry in case.custody.entries() if entry.event == "judged"]
    assert why.count("investigation") == 6
    assert len([folder for folder in listed if folder.endswith("subjects")]) == 1
