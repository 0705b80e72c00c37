"""The exchange with the accredited viewer, as an operator does it: guarded, recorded, undone by another entry."""

from __future__ import annotations

import hashlib
import json

import pytest
import sqlalchemy as sa

from headwater.schema.state import GRADED_FILES, GRADES
from headwater.workflow import Case

WHO = ("--operator", "B. Analyst", "--why", "grading of the first batch")
# The two files of the small case; a list that names them makes media of them.
CONTENTS = {"a.txt": b"\x1b]0;not a title\x07text\n", "b.txt": b"two, longer\n"}


def last(case):
    return list(case.custody.entries())[-1]


@pytest.fixture
def listed(small, headwater):
    """The small case with a hash list that names both of its files, and the media stage run anew."""
    rows = "".join(f"{hashlib.md5(content).hexdigest()},{n}\n" for n, content in enumerate(CONTENTS.values(), start=1))
    (small.folder / "list.csv").write_text("md5,category\n" + rows)
    options = ("--name", "both", "--version", "1", "--polarity", "known-illegal")
    assert headwater("reference", "add", small.case, "hash-list", small.folder / "list.csv", *options).status == 0
    done = headwater("run", small.case, "--workers", 1, "--allow-unsealed", "--until", "media")
    assert done.status == 0, done.err
    return small


def exported(headwater, small, name="out", *options):
    done = headwater("viewer", "export", small.case, small.folder / name, *WHO, *options)
    assert done.status == 0, done.err
    return small.folder / name


def graded(small, categories=(1, 2), name="graded.json", **fields):
    media = [
        {"MD5": hashlib.md5(content).hexdigest().upper(), "Category": category, **fields}
        for content, category in zip(CONTENTS.values(), categories, strict=True)
    ]
    path = small.folder / name
    path.write_text(json.dumps({"value": media}))
    return path


def brought(headwater, small, path, *options):
    return headwater("viewer", "import", small.case, path, *WHO, *options, "--json")


def test_an_export_is_in_the_log_with_its_digests_and_holds_no_content(listed, headwater):
    folder = exported(headwater, listed, "out", "--format", "vics", "--format", "csv")
    with Case(listed.case) as case:
        entry = last(case)
    assert (entry.event, entry.actor, entry.justification) == ("exported", "B. Analyst", "grading of the first batch")
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert found == dict(entry.output_digests)
    assert set(found) == {"media.vics.json", "media.csv", "manifest.json"}
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(content in written for content in CONTENTS.values())
    assert headwater("verify", listed.case).status == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("out", *WHO), "is there already"),
        (("new/deeper", *WHO), "its parent is not there"),
        (("files/new", *WHO), "lies inside of exhibit FILES"),
        (("case/tables/new", *WHO), "lies inside of the case"),
        (("new", *WHO, "--group", "seen"), "--group 'seen' is unknown"),
        (("new", *WHO, "--format", "xml"), "--format 'xml' is unknown"),
        (("new", *WHO, "--exhibit", "EX-9"), "no such exhibit"),
        (("new", "--operator", "B", "--why", " "), "must not be empty"),
        (("new", "--operator", "B"), "--why"),
    ],
)
def test_an_export_that_cannot_be_is_refused_in_one_line_and_leaves_nothing(options, words, listed, headwater):
    (listed.folder / "out").mkdir()
    name, *rest = options
    done = headwater("viewer", "export", listed.case, listed.folder / name, *rest)
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert words in done.err
    assert not list((listed.folder / "out").iterdir())
    assert not list(listed.folder.rglob("new"))
    assert not list(listed.folder.glob(".*.part"))


def test_nothing_is_exported_before_the_media_stage_has_run(small, headwater):
    with Case(small.case) as case, case.database.begin() as connection:
        connection.execute(sa.text("DELETE FROM runs WHERE stage = 'media'"))
    done = headwater("viewer", "export", small.case, small.folder / "out", *WHO)
    assert done.status == 2
    assert "the media stage has not run" in done.err
    with Case(small.case) as case:
        assert last(case).outcome.startswith("refused: ")


def test_a_diff_changes_nothing_and_applying_does(listed, headwater):
    path = graded(listed)
    done = brought(headwater, listed, path)
    assert [row["kind"] for row in done.rows] == ["new", "new", "sum"]
    assert "nothing was changed" in done.err
    assert headwater("show", listed.case, "media_grades", "--json").rows == []
    with Case(listed.case) as case:
        assert "received" not in [entry.event for entry in list(case.custody.entries())[-2:]]
    assert brought(headwater, listed, path, "--apply").rows[-1]["state"] == "applied"
    with Case(listed.case) as case:
        entry = last(case)
    assert (entry.event, entry.actor) == ("received", "B. Analyst")
    assert entry.input_digests == {"graded.json": hashlib.sha256(path.read_bytes()).hexdigest()}
    rows = headwater("show", listed.case, "media_grades", "--json").rows
    assert sorted(row["category"] for row in rows) == ["1", "2"]
    assert headwater("verify", listed.case).status == 0


def test_the_same_file_twice_is_nothing_and_says_so(listed, headwater):
    path = graded(listed)
    assert brought(headwater, listed, path, "--apply").status == 0
    again = headwater("viewer", "import", listed.case, path, *WHO, "--apply")
    assert (again.status, "applied already" in again.out, "nothing to do" in again.out) == (0, True, True)
    with Case(listed.case) as case, case.database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(GRADED_FILES)).scalar_one() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(GRADES)).scalar_one() == 2


def test_a_withdrawn_file_may_come_again(listed, headwater):
    path = graded(listed)
    sha256 = brought(headwater, listed, path, "--apply").rows[-1]["source_sha256"]
    withdraw = ("viewer", "withdraw", listed.case, sha256, *WHO)
    assert headwater(*withdraw).status == 0
    with Case(listed.case) as case:
        assert last(case).event == "corrected"
    assert headwater("show", listed.case, "media_grades", "--json").rows == []
    again = headwater(*withdraw)
    assert (again.status, "was withdrawn before" in again.err) == (2, True)
    assert brought(headwater, listed, path, "--apply").rows[-1]["state"] == "applied"
    assert len(headwater("show", listed.case, "media_grades", "--json").rows) == 2
    assert headwater("verify", listed.case).status == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b'{"value":[{"MD5":"', "cut short"),
        (b"name\nx\n", "no column md5"),
        (b'[{"MD5":"","Thumb":"data:image/png;base64,AA"}]', "never pictures"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--apply",)], ids=["diff", "apply"])
def test_a_file_that_cannot_be_read_is_one_line_and_changes_nothing(content, words, options, listed, headwater):
    path = listed.folder / "graded.json"
    if content is not None:
        path.write_bytes(content)
    done = brought(headwater, listed, path, *options)
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert words in done.err
    with Case(listed.case) as case, case.database.connect() as connection:
        assert last(case).outcome.startswith("refused: ")
        assert connection.execute(sa.select(GRADED_FILES)).first() is None


def test_rows_that_fit_nothing_are_counted_and_listed(listed, headwater):
    path = listed.folder / "graded.json"
    path.write_text(json.dumps([{"Category": 1}, {"MD5": "0" * 32, "Category": 1}]))
    rows = brought(headwater, listed, path).rows
    assert [(row["kind"], row.get("reason")) for row in rows[:2]] == [
        ("not_recognised", "no digest"),
        ("not_recognised", "no item has its MD5"),
    ]
    assert (rows[-1]["rows"], rows[-1]["not_recognised"]) == (2, 2)


def test_no_source_no_withdrawal(listed, headwater):
    for name in ("0" * 64, "x"):
        done = headwater("viewer", "withdraw", listed.case, name, *WHO)
        assert (done.status, "was applied" in done.err) == (2, True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE grades SET category = '9' WHERE source_row = 0",
        "UPDATE grades SET row_bytes = x'7b7d' WHERE source_row = 0",
        "DELETE FROM grades WHERE source_row = 0",
        "DELETE FROM grades; DELETE FROM graded_files",
        "UPDATE graded_files SET grades_sha256 = 'x'",
    ],
)
def test_a_grade_that_was_altered_by_hand_fails_its_check(statement, listed, headwater):
    assert brought(headwater, listed, graded(listed), "--apply").status == 0
    with Case(listed.case) as case, case.database.begin() as connection:
        for part in statement.split(";"):
            connection.execute(sa.text(part))
    done = headwater("verify", listed.case, "--json")
    assert done.status == 1
    assert [row["check"] for row in done.rows if not row["ok"]] == ["I7.grades_in_custody"]


def test_a_case_of_before_gets_the_tables(listed, headwater, before_0004):
    with Case(listed.case) as case, case.database.begin() as connection:
        for statement in (
            "DROP TABLE grades",
            "DROP TABLE graded_files",
            "DROP TABLE confirmations",
            "ALTER TABLE imports DROP COLUMN imported_by",
            *before_0004,
            "UPDATE alembic_version SET version_num='0001'",
        ):
            connection.execute(sa.text(statement))
    assert brought(headwater, listed, graded(listed), "--apply").status == 0
    assert len(headwater("show", listed.case, "media_grades", "--json").rows) == 2
