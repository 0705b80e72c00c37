"""What a crash parts, the next opening or the next try joins; and what only looks like a crash is not taken for one."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from pyrage import x25519

from headwater.errors import InputError, IntegrityError, RefusedError
from headwater.judgements import add_graded_file, graded_files, grades_digest, grades_of_file
from headwater.workflow import (
    Case,
    draft_package,
    judge_link,
    read_grades,
    release,
    release_package,
    unfinished,
    verify_path,
    withdraw_grades,
)

ANA, BO = "A. Examiner", "B. Approver"


class Killed(BaseException):
    """Ends a process where it stands."""


@pytest.fixture
def case(small) -> Iterator[Case]:
    with Case(small.case) as opened:
        yield opened


def failing(path: Path) -> dict[str, str | None]:
    return {check.check: check.first_bad for check in verify_path(path) if not check.ok}


def noted(path: Path, name: str) -> str | None:
    return next(check.first_bad for check in verify_path(path) if check.check == name)


# ---- A judgement


def judged(case: Case, monkeypatch: pytest.MonkeyPatch, *, at: str) -> Path:
    """Judges, and is killed there; the file that is left."""

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with case.tables() as tables:
        link = tables.arrow("links").to_pylist()[0]["link_id"]
    case.register(case.actor(ANA))
    with monkeypatch.context() as patched:
        patched.setattr(*((case, "record") if at == "record" else ("headwater.workflow.judging.append",)), kill)
        with pytest.raises(Killed):
            judge_link(case, case.actor(ANA), link, "positive", why="same address")
    [left] = (case.path / "unfinished").iterdir()
    return left


def test_a_judgement_that_the_log_has_is_stored_by_the_next_opening(case, monkeypatch):
    left = judged(case, monkeypatch, at="append")
    assert case.judgements() == []
    with Case(case.path) as again:
        assert [j.judgement_id for j in again.judgements()] == [left.stem]
    with Case(case.path) as again:
        assert len(again.judgements()) == 1
    assert not left.exists()
    assert failing(case.path) == {}


def test_a_judgement_that_the_log_does_not_have_was_not_given(case, monkeypatch):
    left = judged(case, monkeypatch, at="record")
    with Case(case.path) as again:
        assert again.judgements() == []
    assert not left.exists()
    assert failing(case.path) == {}


@pytest.mark.parametrize("change", ["another verdict", "no JSON", "other fields"])
def test_a_judgement_that_somebody_else_wrote_there_is_not_taken_for_one(case, monkeypatch, change):
    left = judged(case, monkeypatch, at="append")
    given = json.loads(left.read_bytes())
    told = {"another verdict": json.dumps(given | {"verdict": "negative"}), "no JSON": "{", "other fields": "{}"}
    left.write_text(told[change])
    with Case(case.path) as again:
        assert again.judgements() == []
    assert list(failing(case.path)) == ["I7.judgements_in_custody"]


def test_a_judgement_that_another_process_is_at_is_left_to_it(case, monkeypatch):
    left = judged(case, monkeypatch, at="append")
    with left.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with Case(case.path) as again:
            assert again.judgements() == []
    assert left.exists()


def test_a_judgement_for_which_there_is_no_room_is_in_no_log(case, monkeypatch):
    before = len(list(case.custody.entries()))
    given = replace(unfinished.Judgement(**dict.fromkeys(field_names(), "")), seen_weight_mbits=0)
    (case.path / "unfinished").write_bytes(b"")  # a file where the folder should be
    with pytest.raises(InputError, match="nothing was recorded"), unfinished.put_ready(case.path, given):
        raise AssertionError
    assert len(list(case.custody.entries())) == before


def field_names() -> list[str]:
    return [name for name in unfinished.Judgement.__dataclass_fields__ if name != "score_hidden"]


# ---- Grades from a viewer

CONTENT = b"two, longer\n"
STANDS = [("applied", 1)]


@pytest.fixture
def graded(small, headwater) -> Path:
    """The small case with a hash list that names one of its files, and a graded file about it beside."""
    (small.folder / "list.csv").write_text(f"md5,category\n{hashlib.md5(CONTENT).hexdigest()},1\n")
    named = ("--name", "one", "--version", "1", "--polarity", "known-illegal")
    assert headwater("reference", "add", small.case, "hash-list", small.folder / "list.csv", *named).status == 0
    done = headwater("run", small.case, "--workers", 1, "--allow-unsealed", "--until", "media")
    assert done.status == 0, done.err
    path: Path = small.folder / "graded.json"
    path.write_text(json.dumps({"value": [{"MD5": hashlib.md5(CONTENT).hexdigest(), "Category": 2}]}))
    return path


def standing(case: Case) -> list[tuple[str, int]]:
    with case.database.connect() as connection:
        return [(act.act, len(grades_of_file(connection, seq))) for seq, act in graded_files(connection)]


def act_on_grades(case: Case, path: Path, *, withdraw: bool = False) -> None:
    actor = case.actor(ANA, why="the first batch")
    if withdraw:
        withdraw_grades(case, actor, hashlib.sha256(path.read_bytes()).hexdigest())
    else:
        read_grades(case, actor, path, apply=True)


def graded_until(path: Path, monkeypatch: pytest.MonkeyPatch, *, at: str, withdraw: bool = False) -> Path:
    """Acts on grades, and is killed there; the file that is left."""

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with Case(path.parent / "case") as case:
        case.register(case.actor(ANA))
        with monkeypatch.context() as patched:
            where = (case, "record") if at == "record" else ("headwater.workflow.viewer.store_grades",)
            patched.setattr(*where, kill)
            with pytest.raises(Killed):
                act_on_grades(case, path, withdraw=withdraw)
        [left] = (case.path / "unfinished").iterdir()
        return left


def test_grades_that_the_log_has_are_stored_by_the_next_opening(graded, monkeypatch):
    left = graded_until(graded, monkeypatch, at="store")
    for _ in range(2):
        with Case(graded.parent / "case") as case:
            assert standing(case) == STANDS
    assert not left.exists()
    assert failing(graded.parent / "case") == {}
    left = graded_until(graded, monkeypatch, at="store", withdraw=True)
    with Case(graded.parent / "case") as case:
        assert standing(case) == [*STANDS, ("withdrawn", 0)]
        act_on_grades(case, graded)
        assert standing(case) == [*STANDS, ("withdrawn", 0), *STANDS]
    assert not left.exists()
    assert failing(graded.parent / "case") == {}


def test_grades_that_the_log_does_not_have_were_not_applied(graded, monkeypatch):
    left = graded_until(graded, monkeypatch, at="record")
    with Case(graded.parent / "case") as case:
        assert standing(case) == []
        assert not left.exists()
        act_on_grades(case, graded)
        assert standing(case) == STANDS
    graded_until(graded, monkeypatch, at="record", withdraw=True)
    with Case(graded.parent / "case") as case:
        assert standing(case) == STANDS
    assert failing(graded.parent / "case") == {}


@pytest.mark.parametrize(
    "change", ["category", "row_bytes", "why", "a grade more", "a row more", "none", "no JSON", "empty"]
)
def test_grades_that_somebody_else_wrote_there_are_not_taken(graded, monkeypatch, change):
    left = graded_until(graded, monkeypatch, at="store")
    act, grade = (json.loads(line) for line in left.read_bytes().splitlines())
    told = {
        "category": [act, grade | {"category": "9"}],
        "row_bytes": [act, grade | {"row_bytes": base64.b64encode(b"{}").decode()}],
        "why": [act | {"why": "another"}, grade],
        "a grade more": [act, grade, grade | {"source_row": 1}],
        "a row more": [act, grade, grade | {"row_bytes": base64.b64encode(b"{}").decode()}],
        "none": [act],
    }
    text = {"no JSON": "{", "empty": ""}.get(change) or "".join(json.dumps(row) + "\n" for row in told.get(change, ()))
    left.write_text(text)
    with Case(graded.parent / "case") as case:
        assert standing(case) == []
    assert not left.exists()
    assert list(failing(graded.parent / "case")) == ["I7.grades_in_custody"]


def test_a_withdrawal_that_is_in_no_log_is_found(graded):
    with Case(graded.parent / "case") as case:
        act_on_grades(case, graded)
        with case.database.begin() as connection:
            [(_, act)] = graded_files(connection)
            add_graded_file(connection, replace(act, act="withdrawn"))
    assert list(failing(graded.parent / "case")) == ["I7.grades_in_custody"]


def test_a_graded_file_that_somebody_applies_meanwhile_is_there_already(graded, monkeypatch):
    with Case(graded.parent / "case") as case, Case(graded.parent / "case") as other:

        def as_the_other_is_done(*given: object, **named: object) -> str:
            if standing(other) == []:
                monkeypatch.undo()
                act_on_grades(other, graded)
            return grades_digest(*given, **named)

        monkeypatch.setattr("headwater.workflow.viewer.grades_digest", as_the_other_is_done)
        read = read_grades(case, case.actor(ANA, why="the first batch"), graded, apply=True)
        assert (read.state, standing(case)) == ("there-already", STANDS)


def test_a_graded_file_that_changes_while_it_is_read_is_in_no_log(graded, monkeypatch):
    with Case(graded.parent / "case") as case:

        def changed(*given: object, **named: object) -> str:
            graded.write_text(graded.read_text() + " ")
            return grades_digest(*given, **named)

        monkeypatch.setattr("headwater.workflow.viewer.grades_digest", changed)
        with pytest.raises(IntegrityError, match="changed while it was read"):
            act_on_grades(case, graded)
        assert standing(case) == []
    with Case(graded.parent / "case") as case:
        assert list((case.path / "unfinished").iterdir()) == []
    assert failing(graded.parent / "case") == {}


# ---- A release


@pytest.fixture
def cut_short(case, monkeypatch) -> Path:
    """A package that was sealed, and whose release a crash kept from the log."""
    settings = {"country": "FR", "recipient": str(x25519.Identity.generate().to_public()), "handling_code": "x"}
    settings |= {"legal_basis": "test", "onward_transfer": "ask"}
    drafted = draft_package(case, case.actor(ANA), **settings)
    folder = case.path / "packages" / "FR" / str(drafted["package_id"])

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(release, "_recorded_release", kill)
        with pytest.raises(Killed):
            released(case, folder.name, BO)
    return folder


def released(case: Case, package: str, operator: str) -> dict[str, object]:
    options = {"why": "every lead read", "leads_opened": (), "all_opened": True, "sample": ""}
    return release_package(case, case.actor(operator, role="approver"), package, **options)


def test_who_released_gives_it_again_and_the_log_has_it(case, cut_short):
    assert failing(case.path) == {}
    told = noted(case.path, "case.left_behind")
    assert told is not None
    assert told.startswith(f"packages/FR/{cut_short.name}: its release did not end")
    before = {path.name: path.read_bytes() for path in (cut_short / "sealed").iterdir()}
    row = released(case, cut_short.name, BO)
    assert (row["package_id"], row["country"]) == (cut_short.name, "FR")
    *_, last = case.custody.entries()
    assert (last.event, last.actor, last.object_ids[0]) == ("transferred", BO, cut_short.name)
    assert {path.name: path.read_bytes() for path in (cut_short / "sealed").iterdir()} == before
    assert noted(case.path, "case.left_behind") is None
    assert failing(case.path) == {}
    with pytest.raises(RefusedError, match="released before"):
        released(case, cut_short.name, BO)


def test_nobody_else_ends_a_release(case, cut_short):
    with pytest.raises(RefusedError, match=f"{BO} released it, and a crash"):
        released(case, cut_short.name, "C. Other")


def test_what_is_left_of_the_draft_is_no_part_of_what_was_released(case, cut_short):
    (cut_short / "draft").mkdir()
    (cut_short / "draft" / "manifest.json").write_bytes(b"{}")
    assert failing(case.path) == {}
    released(case, cut_short.name, BO)
    assert not (cut_short / "draft").exists()


def test_a_sealed_package_that_no_entry_knows_fails_verification(case, cut_short):
    elsewhere = case.path / "packages" / "FR" / f"pkg-{'0' * 32}"
    cut_short.rename(elsewhere)
    bad = failing(case.path)
    assert bad["I6.releases_in_custody"] == f"packages/FR/{elsewhere.name}: it holds package {cut_short.name} for FR"
    elsewhere.rename(cut_short)
    opened = next(e.seq for e in case.custody.entries() if e.event == "opened" and cut_short.name in e.object_ids)
    for path in case.path.glob("custody.*"):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:opened]))
    assert failing(case.path) == {
        "I6.releases_in_custody": f"packages/FR/{cut_short.name}: sealed, and its release is in no custody entry"
    }


def test_a_package_that_lies_with_another_country_fails_verification(case, cut_short):
    released(case, cut_short.name, BO)
    shutil.copytree(cut_short, case.path / "packages" / "ES" / cut_short.name)
    told = f"packages/ES/{cut_short.name}: it holds package {cut_short.name} for FR"
    assert failing(case.path) == {"I6.releases_in_custody": told}


# ---- A medium


def test_an_import_that_did_not_end_is_told_and_fails_nothing(case):
    (case.path / "references" / ".more@1.tmp").mkdir()
    (case.path / "references" / ".more@1.tmp" / "seal.json").write_bytes(b"{}")
    assert failing(case.path) == {}
    assert noted(case.path, "case.left_behind") == (
        "references/.more@1.tmp: of an import that did not end; nothing reads it, import again"
    )


def test_a_full_medium_under_the_database_is_one_clear_line(case):
    with case.database.connect() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar()
        connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        values = {"name": "x", "role": "x" * 1_000_000, "public_key": "", "at_utc": ""}
        insert = sa.text("INSERT INTO operators VALUES (:name, :role, :public_key, :at_utc)")
        with pytest.raises(InputError, match="database or disk is full; free or repair the medium"):
            connection.execute(insert, values)


def test_a_mistake_of_ours_in_a_query_is_none_of_the_medium(case):
    with case.database.connect() as connection, pytest.raises(sa.exc.OperationalError, match="no such table"):
        connection.execute(sa.text("SELECT 1 FROM no_such"))
