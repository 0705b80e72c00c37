"""What goes to the viewer: digests and paths, in the order that finds the unseen first, the same bytes every time."""

from __future__ import annotations

import csv
import gc
import hashlib
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import RefusedError
from headwater.viewer import COLUMNS, EXPORTED_GROUPS, escaped_path, exporting, media_out, unescaped_path

SEED_WORDS = b"abandon " * 11 + b"about"


def names(made, folder) -> list[str]:
    by_digest = {row["sha256"]: row["item_id"] for row in reversed(made.items)}
    return [by_digest[row["AlternativeHashes"][0]["HashValue"]] for row in made.media(folder)]


def test_the_unseen_and_the_unidentified_come_first(made):
    for name, group, victim in (
        ("benign", "benign", "unknown"),
        ("found", "known", "yes"),
        ("silent", "near", "unknown"),
        ("missing", "known", "no"),
        ("like-missing", "near", "no"),
        ("dark", "not_comparable", None),
        ("fresh", "none", None),
    ):
        made.medium(name, group=group, victim=victim, cluster=f"mcl-{name}")
    folder = made.export(groups=(*EXPORTED_GROUPS, "benign"))
    assert names(made, folder) == [
        *("itm-fresh", "itm-dark", "itm-like-missing", "itm-missing", "itm-silent", "itm-found", "itm-benign")
    ]
    assert [row["MediaID"] for row in made.media(folder)] == list(range(1, 8))


def test_near_duplicates_stand_together_under_one_cluster(made):
    for number in range(6):
        made.medium(f"x{number}", cluster=f"mcl-{number % 2}")
    clusters = [row["HeadwaterClusterID"] for row in made.media(made.export())]
    assert clusters == sorted(clusters)
    assert set(clusters) == {"mcl-0", "mcl-1"}


def test_a_content_is_one_medium_with_all_of_its_places(made):
    for name in ("b", "a", "c"):
        made.medium(name, content="same", exhibit="EX-2" if name == "c" else "EX-1")
    folder = made.export()
    (row,) = made.media(folder)
    assert [(place["SourceID"], place["HeadwaterItemID"]) for place in row["MediaFiles"]] == [
        ("EX-1", "itm-a"),
        ("EX-1", "itm-b"),
        ("EX-2", "itm-c"),
    ]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["groups"]["none"] == {"media": 1, "files": 3, "bytes": 30}
    with (folder / "media.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["item_id"] for line in lines] == ["itm-a", "itm-b", "itm-c"]
    assert {line["media_id"] for line in lines} == {"1"}
    assert tuple(lines[0]) == COLUMNS


def test_only_the_groups_and_the_exhibit_that_were_asked_for_leave(made):
    made.medium("a", group="none")
    made.medium("b", group="known", victim="no")
    made.medium("copy", content="a", exhibit="EX-2")
    made.medium("other", exhibit="EX-2")
    text = (made.export(groups=("none",), exhibit_id="EX-2") / "media.vics.json").read_text()
    assert "itm-copy" in text
    assert "itm-other" in text
    assert "itm-a" not in text
    assert "itm-b" not in text


def test_what_lists_say_of_a_near_file_is_said_apart_and_no_list_gives_a_category(made):
    made.medium("same", group="known", victim="no", series="harbour")
    made.medium("like", group="near", victim="yes", series="harbour")
    same, like = sorted(made.media(made.export()), key=lambda row: row["HeadwaterGroup"])
    assert (same["Series"], same["VictimIdentified"]) == ("harbour", "false")
    assert not {"Series", "VictimIdentified"} & like.keys()
    assert like["HeadwaterListed"] == {
        "Name": "harbour",
        "Version": "1",
        "Polarity": "known-illegal",
        "Category": "7",
        "Series": "harbour",
        "VictimIdentified": "true",
    }
    assert same["Category"] == like["Category"] == 0


def test_the_hash_of_best_quality_goes_along_and_an_item_without_digest_is_counted(made):
    item = made.medium("a")
    for index, quality in enumerate((60, 90, 90)):
        made.hashes.append(
            {"item_id": item, "frame_index": index, "at_ms": index, "pdq": f"{index:064x}", "quality": quality}
        )
    made.medium("unread", md5=None, sha1=None, sha256=None)
    (row,) = made.media(made.export())
    assert {"HashName": "PDQ", "HashValue": f"{1:064x}"} in row["AlternativeHashes"]
    assert made.exported.without_digest == 1


def test_the_manifest_closes_the_files(made):
    made.medium("a")
    folder = made.export()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name, said in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert said == {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "media.csv", "media.vics.json"]


def test_a_second_run_gives_the_same_bytes_in_whatever_order_the_rows_come(made):
    for number in range(30):
        made.medium(f"n{number}", content=f"c{number % 11}", group=("none", "known")[number % 2], victim="no")
    first = made.export("first")
    for rows in (made.items, made.verdicts, made.clusters, made.matches):
        rows.reverse()
    second = made.export("second")
    for name in ("manifest.json", "media.csv", "media.vics.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


@given(st.binary(max_size=40))
def test_the_bytes_of_a_path_can_be_had_again_from_its_text(path):
    text = escaped_path(path)
    assert unescaped_path(text) == path
    assert all(character.isprintable() for character in text)
    assert not text.startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("path", [b"=SUM(1).jpg", b"@x", b"-x", b"a\r\n=b", "\u202ex".encode(), b"\xff\xfe", b"a\\b"])
def test_no_cell_runs_in_a_spreadsheet_and_no_path_steers_a_terminal(made, path):
    made.medium("a", path=path)
    folder = made.export()
    (row,) = made.media(folder)
    assert unescaped_path(row["MediaFiles"][0]["FilePath"]) == path
    with (folder / "media.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert unescaped_path(line["path"]) == path
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line.values())


# Guards


def test_key_material_in_a_path_is_withheld_and_counted(made):
    made.medium("a", path=b"notes/" + SEED_WORDS + b".jpg")
    folder = made.export()
    assert made.exported.paths_withheld == 1
    for path in folder.iterdir():
        assert SEED_WORDS not in path.read_bytes()


def test_encoded_bytes_in_the_words_of_a_list_are_withheld(made):
    made.medium("a", group="known", victim="no", series="data:image/jpeg;base64,AAAA")
    (row,) = made.media(made.export())
    assert row["Series"] == row["HeadwaterListed"]["Series"] == "[encoded bytes withheld]"


def test_media_that_got_past_all_else_stops_the_export(made, monkeypatch):
    monkeypatch.setattr(media_out, "redacted", lambda value: (value, 0))
    made.medium("a", group="known", victim="no", series="data:image/jpeg;base64,AAAA")
    with pytest.raises(RefusedError, match="no export holds media"):
        made.export()


def test_memory_does_not_grow_with_the_rows(made, monkeypatch):
    monkeypatch.setattr(media_out, "_ROWS_AT_ONCE", 128)
    monkeypatch.setattr(exporting, "_MEDIA_AT_ONCE", 32)

    def peak(count: int) -> int:
        for number in range(len(made.items), count):
            made.medium(f"n{number}")
        made.put()
        gc.collect()
        tracemalloc.start()
        made.export(f"of-{count}")
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(10)  # what is imported and compiled once
    first = peak(300)
    assert peak(1_200) < 1.2 * first
