"""A hash list counts for nothing until a second person says what it lists."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pyarrow.parquet as pq
import pytest

from headwater.errors import IntegrityError, RefusedError
from headwater.workflow import Case, add_reference, confirm_polarity, reference_list, run_stages, verify_path

WHY = "told by its author"


@pytest.fixture
def unconfirmed(small, tmp_path):
    """The small case with a second list, of a file that is in it, whose polarity nobody has confirmed."""
    path = tmp_path / "new.csv"
    path.write_bytes(b"md5\n" + hashlib.md5(b"two, longer\n").hexdigest().encode() + b"\n")
    with Case(small.case) as case:
        add_reference(
            case, case.actor("B. Analyst"), "hash-list", path, name="new", version="1", polarity="known-illegal"
        )
    return small


def matched(case):
    with case.tables() as tables:
        return {row["reference_name"] for row in tables.arrow("media_matches").to_pylist()}


def run(small):
    with Case(small.case) as case:
        return run_stages(case, case.actor(), until="media", allow_unsealed=True)


def defects(case):
    with case.tables() as tables:
        rows = tables.arrow("defects").to_pylist()
    return [row["reference_name"] for row in rows if row["code"] == "reference_unconfirmed"]


def test_a_list_that_nobody_confirmed_matches_nothing_and_the_run_says_so(unconfirmed, headwater):
    done = headwater("run", unconfirmed.case, "--until", "media", "--allow-unsealed")
    assert done.status == 0, done.err
    assert "hash list new@1 was left out" in done.err
    with Case(unconfirmed.case) as case:
        assert matched(case) == set()
        assert defects(case) == ["new@1"]
        assert case.unconfirmed_lists() == ("new@1",)
    assert "defects: 1 reference_unconfirmed" in headwater("ledger", unconfirmed.case).out
    assert headwater("verify", unconfirmed.case).status == 0


def test_once_confirmed_by_another_it_counts_and_the_defect_is_gone(unconfirmed, headwater):
    run(unconfirmed)
    options = ("--polarity", "known-illegal", "--operator", "A. Examiner", "--why", WHY)
    done = headwater("reference", "confirm", unconfirmed.case, "new@1", *options)
    assert done.status == 0, done.err
    assert "media" in {result.stage for result in run(unconfirmed) if result.changed}
    with Case(unconfirmed.case) as case:
        assert matched(case) == {"new"}
        assert defects(case) == []
        acts = {(entry.event, entry.actor, tuple(entry.object_ids)) for entry in case.custody.entries()}
        assert ("judged", "A. Examiner", ("new@1",)) in acts
    again = headwater("run", unconfirmed.case, "--until", "media", "--allow-unsealed")
    assert "left out" not in again.err
    assert headwater("verify", unconfirmed.case).status == 0


@pytest.mark.parametrize(
    ("operator", "reference", "polarity", "why", "told"),
    [
        ("B. Analyst", "new@1", "known-illegal", WHY, "B. Analyst imported it and may not confirm it"),
        (" b.  ANALYST ", "new@1", "known-illegal", WHY, "may not confirm it"),
        ("A. Examiner", "new@1", "known-benign", WHY, "imported as known-illegal, and you say known-benign"),
        ("A. Examiner", "new@2", "known-illegal", WHY, "no such reference"),
        ("A. Examiner", "new", "known-illegal", WHY, "no such reference"),
        ("A. Examiner", "records@1", "known-illegal", WHY, "not a hash list"),
        ("A. Examiner", "hash-list@1", "known-illegal", WHY, "confirmed already, by S. Second"),
        ("A. Examiner", "new@1", "illegal", WHY, "known are known-illegal and known-benign"),
        ("A. Examiner", "new@1", "known-illegal", " ", "must not be empty"),
        (" ", "new@1", "known-illegal", WHY, "must not be empty"),
    ],
)
def test_who_may_confirm_what(unconfirmed, headwater, operator, reference, polarity, why, told):
    options = ("--polarity", polarity, "--operator", operator, "--why", why)
    done = headwater("reference", "confirm", unconfirmed.case, reference, *options)
    assert done.status == 2
    assert told in done.err
    assert done.err.count("\n") == 1
    with Case(unconfirmed.case) as case:
        assert case.unconfirmed_lists() == ("new@1",)
        last = list(case.custody.entries())[-1]
        assert (last.event, last.outcome.split(":")[0]) == ("failed", "refused")
    assert headwater("verify", unconfirmed.case).status == 0


def test_the_references_are_listed_with_who_stands_for_them(unconfirmed, headwater):
    rows = {row["reference"]: row for row in headwater("reference", "list", unconfirmed.case, "--json").rows}
    assert set(rows) == {"hash-list@1", "networks@1", "new@1", "records@1"}
    assert rows["new@1"] == {
        "reference": "new@1",
        "kind": "hash-list",
        "rows": 1,
        "polarity": "known-illegal",
        "imported_by": "B. Analyst",
        "confirmed_by": None,
        "counts": False,
    }
    assert (rows["hash-list@1"]["confirmed_by"], rows["hash-list@1"]["counts"]) == ("S. Second", True)
    assert (rows["records@1"]["rows"], rows["records@1"]["polarity"], rows["records@1"]["counts"]) == (2, None, True)


def test_its_entries_are_shown_to_whoever_is_to_confirm_it(unconfirmed, headwater):
    shown = headwater("show", unconfirmed.case, "hash_list_entries", "--where", "reference_name=new", "--json").rows
    assert [row["polarity"] for row in shown] == ["known-illegal"]


def test_who_imported_is_known_from_the_log_where_the_database_does_not_say(unconfirmed):
    with closing(sqlite3.connect(unconfirmed.case / "case.db")) as database:
        database.execute("UPDATE imports SET imported_by = NULL")
        database.commit()
    with Case(unconfirmed.case) as case:
        assert {row["imported_by"] for row in reference_list(case) if row["reference"] == "new@1"} == {"B. Analyst"}
        with pytest.raises(RefusedError, match="may not confirm"):
            confirm_polarity(case, case.actor("B. Analyst"), "new@1", "known-illegal", why=WHY)


@pytest.mark.parametrize("polarity", ["known-illegal", "known-benign"])
def test_a_confirmation_written_into_the_database_alone_is_found(unconfirmed, polarity):
    with closing(sqlite3.connect(unconfirmed.case / "case.db")) as database:
        row = ("new", "1", polarity, "A. Examiner", "x", "2026-01-01T00:00:00.000000Z")
        database.execute("INSERT INTO confirmations VALUES (?, ?, ?, ?, ?, ?)", row)
        database.commit()
    with pytest.raises(IntegrityError, match="new@1: the custody log knows of no second operator"):
        run(unconfirmed)
    found = {check.check: check.first_bad for check in verify_path(unconfirmed.case) if not check.ok}
    assert "no second operator" in found["I6.polarity_by_two"]


def test_a_polarity_changed_after_it_was_confirmed_is_found(small):
    with closing(sqlite3.connect(small.case / "case.db")) as database:
        database.execute("UPDATE imports SET polarity = 'known-benign' WHERE kind = 'hash-list'")
        database.commit()
    found = {check.check: check.first_bad for check in verify_path(small.case) if not check.ok}
    assert "I6.polarity_by_two" in found


def test_an_older_case_gets_its_tables_and_its_lists_wait(small, before_0004):
    with closing(sqlite3.connect(small.case / "case.db")) as database:
        database.execute("DROP TABLE confirmations")
        database.execute("ALTER TABLE imports DROP COLUMN imported_by")
        for statement in before_0004:
            database.execute(statement)
        database.execute("UPDATE alembic_version SET version_num = '0002'")
        database.commit()
    with Case(small.case) as case:
        assert case.unconfirmed_lists() == ("hash-list@1",)
        confirm_polarity(case, case.actor("S. Second"), "hash-list@1", "known-illegal", why=WHY)
        assert case.unconfirmed_lists() == ()


def test_an_import_says_what_it_was_what_it_kept_and_that_it_does_not_count(small, headwater, tmp_path):
    path = tmp_path / "list.json"
    path.write_text('{"value": [{"MediaID": 1, "MD5": "' + "e" * 32 + '", "Tags": "x", "\\u001b[2J": 1}]}')
    options = ("--version", "1", "--polarity", "known-benign")
    told = headwater("reference", "add", small.case, "hash-list", path, "--name", "json", *options)
    assert told.out == "json@1: hash-list (VICS JSON, hash set), 1 rows, 0 defects\n"
    assert "kept as they are, and not understood: \\u001b[2J (1), Tags (1)" in told.err
    assert "counts for nothing until a second operator confirms that it is known-benign" in told.err
    assert "\x1b" not in told.err
    (row,) = headwater("reference", "add", small.case, "hash-list", path, "--name", "two", *options, "--json").rows
    assert (row["format"], row["rows"], row["deletions"], row["withdrawn"]) == ("VICS JSON, hash set", 1, 0, 0)
    assert (row["further_keys"], row["notes"]) == ({"\x1b[2J": 1, "Tags": 1}, [])


def test_a_list_of_an_earlier_version_is_left_out_for_good_and_breaks_nothing(unconfirmed, headwater):
    path = unconfirmed.case / "references" / "new@1" / "hash_list_entries.parquet"
    older = pq.read_table(path).drop_columns(["distributed", "further"])
    pq.write_table(older.replace_schema_metadata({"headwater.version": "1"}), path)
    options = ("--polarity", "known-illegal", "--operator", "A. Examiner", "--why", WHY)
    told = headwater("reference", "confirm", unconfirmed.case, "new@1", *options)
    assert told.status == 2
    assert "was imported by an earlier headwater" in told.err
    shown = headwater("show", unconfirmed.case, "hash_list_entries", "--json")
    assert {row["reference_name"] for row in shown.rows} == {"hash-list"}
    assert headwater("reference", "list", unconfirmed.case).status == 0
