"""The hash references of a package as the accredited viewer reads them: its items, one spelling, nobody's grades."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import pytest

from headwater.packages import Contents, check_no_media
from headwater.references import import_reference
from headwater.viewer import GradedSource, packaged_lists, stated_rows


def contents(*items: str) -> Contents:
    rows = tuple({"lead_id": "led-1", "item_id": item} for item in items)
    return Contents(leads=(), requests=(), hash_references=rows, references=(), withheld=())


def lists(made, *items: str) -> dict[str, bytes]:
    return packaged_lists(made.put(), contents(*items), case_id="cas-1", case_number="Order 1", version="1")


@pytest.fixture
def packaged(made) -> dict[str, bytes]:
    fresh = made.medium("fresh", path=b"srv/=1+1.jpg")
    made.medium("copy-elsewhere", content="fresh")
    listed = made.medium("listed", group="known", victim="no", series="harbour")
    near = made.medium("near", group="near", victim="yes", series="meadow")
    made.medium("of-another-lead")
    return lists(made, fresh, listed, near, listed)


def test_only_items_of_the_package_are_in_it_and_no_other_place_of_them(packaged):
    check_no_media(packaged)
    media = json.loads(packaged["hash_references_vics.json"])["value"][0]["Media"]
    places = [place["HeadwaterItemID"] for medium in media for place in medium["MediaFiles"]]
    assert sorted(places) == ["itm-fresh", "itm-listed", "itm-near"]
    assert b"of-another-lead" not in packaged["hash_references_vics.json"]
    assert b"copy-elsewhere" not in packaged["hash_references_vics.json"]


def test_no_category_is_invented_and_a_list_speaks_of_its_own_bytes_only(packaged):
    media = json.loads(packaged["hash_references_vics.json"])["value"][0]["Media"]
    assert {medium["Category"] for medium in media} == {0}
    rows = list(csv.DictReader(io.StringIO(packaged["hash_references_icse.csv"].decode(), newline="")))
    assert [(row["Image ID"], row["Series name"], row["Victim identified"]) for row in rows] == [
        *(("1", "", ""), ("2", "harbour", "False"), ("3", "", ""))
    ]
    assert {row["Baseline"] + row["PhotoDNA"] + row["Is distributed"] for row in rows} == {""}
    assert {row["Media type"] for row in rows} == {"Image"}


def test_what_the_senders_specialists_graded_does_not_leave(made):
    item = made.medium("graded")
    made.put()
    before = lists(made, item)
    rows = made.media(made.export())
    rows[0] |= {"Category": 2, "GradedBy": "V. Viewer", "Notes": "only for us"}
    made.apply(rows, scheme="demo", country="ES")
    assert lists(made, item) == before


def test_both_files_are_read_as_hash_lists_and_the_viewer_file_as_a_graded_one(packaged, tmp_path):
    for name, told in (("hash_references_vics.json", "VICS"), ("hash_references_icse.csv", "ICSE")):
        path = tmp_path / name
        path.write_bytes(packaged[name])
        done = import_reference(
            tmp_path / "references", "hash-list", path, name=told.lower(), version="1", polarity="known-illegal"
        )
        assert told in done.format_name
        assert done.rows == 3
    source = GradedSource(path=tmp_path / "hash_references_vics.json")
    assert sum(1 for _ in stated_rows(source, Counter())) == 3


def test_a_package_without_media_has_empty_lists(made):
    empty = lists(made)
    assert json.loads(empty["hash_references_vics.json"])["value"][0]["Media"] == []
    assert empty["hash_references_icse.csv"].count(b"\r\n") == 1
