"""What comes back: recognised by digest, compared grader by grader, kept as it was written."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import RefusedError, UnreadableInputError
from headwater.judgements import grade_snapshot
from headwater.viewer import GradedSource, json_text, stated_rows


def digest(name: str, kind: str = "sha256") -> str:
    return hashlib.new(kind, name.encode()).hexdigest()


def row(name: str, **fields: object) -> dict[str, object]:
    return {"MD5": digest(name, "md5"), **fields}


def kinds(comparison) -> dict[str, int]:
    return {kind: count for kind, count in comparison.counts.items() if count}


def standing(made) -> list[dict[str, object]]:
    return grade_snapshot(made.grades(), made.tables.arrow("items")).to_pylist()


@pytest.fixture
def two(made):
    made.medium("a")
    made.medium("b", group="known", victim="no", series="harbour")
    made.medium("copy-of-a", content="a")
    return made


# Which content


@pytest.mark.parametrize(
    "fields",
    [
        {"MD5": digest("a", "md5").upper()},
        {"sha1": f" {digest('a', 'sha1')} "},
        {"SHA256": digest("a")},
        {"AlternativeHashes": [{"HashName": "SHA-256", "HashValue": digest("a").upper()}]},
        {"AdditionalInfo": 1, "MediaFiles": [{"HeadwaterItemID": "itm-copy-of-a"}]},
        {"MD5": digest("a", "md5"), "SHA1": digest("a", "sha1"), "MediaFiles": [{"HeadwaterItemID": "itm-gone"}]},
    ],
)
def test_a_row_is_recognised_by_the_strongest_digest_or_by_our_item_id(two, fields):
    comparison = two.compare([{"Category": 1, **fields}])
    assert kinds(comparison) == {"new": 1}
    assert comparison.changes[0].content.sha256 == digest("a")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "no digest"),
        ({"MD5": "12"}, "a digest in it is none"),
        ({"MD5": digest("z", "md5")}, "no item has its MD5"),
        ({"MD5": digest("a", "md5"), "SHA256": digest("z")}, "no item has its SHA256"),
        ({"MD5": digest("b", "md5"), "SHA256": digest("a")}, "its SHA256 and its MD5 are of different files"),
        (
            {"MD5": digest("a", "md5"), "MediaFiles": [{"HeadwaterItemID": "itm-b"}]},
            "its digest and its item id are of different files",
        ),
        ({"MediaFiles": [{"HeadwaterItemID": "itm-z"}]}, "no item has its item id"),
    ],
)
def test_a_row_that_fits_nothing_is_listed_with_its_reason(two, fields, reason):
    comparison = two.compare([row("a", Category=1), {"Category": 1, **fields}, "no object"])
    assert comparison.unrecognised == [(1, reason), (2, "no digest")]
    assert kinds(comparison) == {"new": 1}


def test_an_md5_of_two_different_files_is_of_neither(made):
    made.medium("a", md5="0" * 32)
    made.medium("b", md5="0" * 32)
    comparison = made.compare([{"MD5": "0" * 32, "Category": 1}])
    assert comparison.unrecognised == [(0, "its MD5 is of 2 different files")]


# What changes


def test_new_changed_withdrawn_and_unchanged(two):
    assert kinds(two.apply([row("a", Category=1), row("b", Category="2", VictimIdentified="False")])) == {"new": 2}
    comparison = two.apply([row("a", Category="3"), row("b", Category=0)])
    assert kinds(comparison) == {"changed": 1, "withdrawn": 1}
    assert [(c.old.category, c.new.category) for c in comparison.changes] == [("1", "3"), ("2", None)]
    assert kinds(two.compare([row("a", Category="3"), row("b")])) == {"unchanged": 2}
    assert [(r["item_id"], r["category"]) for r in standing(two)] == [("itm-a", "3"), ("itm-copy-of-a", "3")]


@pytest.mark.parametrize("category", [None, 0, "0", "", " 0 ", "0.0"])
def test_zero_and_nothing_are_no_grade(two, category):
    assert kinds(two.compare([row("a", Category=category), row("b", Category=category)])) == {"unchanged": 2}


def test_what_the_list_said_comes_back_as_nobody_s_grade(two):
    assert kinds(two.compare([row("b", Series="harbour", VictimIdentified="false")])) == {"unchanged": 1}
    assert kinds(two.compare([row("b", Series="harbour", VictimIdentified=True)])) == {"new": 1}


def test_an_export_that_nobody_graded_changes_nothing(two):
    two.apply([row("a", Category=1, GradedBy="G. One", Odd=[1, 2])])
    folder = two.export()
    for name in ("media.vics.json", "media.csv"):
        comparison = two.compare((folder / name).read_bytes(), graded_by="G. Two")
        assert kinds(comparison) == {"unchanged": 2}, name
        assert not comparison.stored


def test_what_another_grader_leaves_alone_is_not_put_under_their_name(two):
    two.apply([row("a", Category=1)], graded_by="G. One")
    media = two.media(two.export())
    for medium in media:
        medium["Category"] = medium["Category"] and 5
    comparison = two.apply(media, graded_by="G. Two")
    (change,) = comparison.changes
    assert (change.kind, change.graded_by, change.new.category) == ("new", "G. Two", "5")


def test_a_row_that_says_what_an_older_export_said_is_told_and_not_taken(two):
    media = two.media(two.export())
    media[0]["Category"] = 2
    assert kinds(two.apply(media)) == {"new": 1, "unchanged": 1}
    media[0]["Category"] = 0
    comparison = two.apply(media)
    assert kinds(comparison) == {"as_exported": 1, "unchanged": 1}
    assert [(c.old.category, c.new.category) for c in comparison.changes] == [("2", None)]
    assert standing(two)[0]["category"] == "2"
    fresh = two.media(two.export("fresh"))
    fresh[0]["Category"] = 0
    assert kinds(two.apply(fresh)) == {"withdrawn": 1, "unchanged": 1}


def test_two_graders_who_differ_are_both_kept_and_told_of(two):
    two.apply([row("a", Category=1)], graded_by="G. One")
    comparison = two.apply([row("a", Category=2, VictimIdentified="no")], graded_by="G. Two")
    assert comparison.conflicts == 1
    assert [(name, said.category) for name, said in comparison.changes[0].against] == [("G. One", "1")]
    stands = standing(two)[0]
    assert (stands["category"], stands["in_conflict"], stands["victim_identified"]) == (None, True, "no")
    assert [(g["graded_by"], g["category"]) for g in stands["gradings"]] == [("G. One", "1"), ("G. Two", "2")]
    medium = two.media(two.export())[0]
    assert medium["Category"] == 0
    assert [grade["Category"] for grade in medium["HeadwaterGrades"]] == ["1", "2"]


def test_the_same_number_under_another_scheme_is_another_grade_and_no_conflict(two):
    two.apply([row("a", Category="A")], scheme="one", country="XA")
    comparison = two.apply([row("a", Category="1")], scheme="two", country="XB")
    assert (kinds(comparison), comparison.conflicts) == ({"new": 1}, 0)
    assert {(r["scheme"], r["country"], r["category"]) for r in standing(two)} == {
        ("one", "XA", "A"),
        ("two", "XB", "1"),
    }


def test_nobody_takes_another_s_grade_back(two):
    two.apply([row("a", Category=1)], graded_by="G. One")
    media = two.media(two.export())
    media[0]["Category"] = 0
    assert kinds(two.apply(media, graded_by="G. Two")) == {"cleared_by_another": 1, "unchanged": 1}
    assert standing(two)[0]["category"] == "1"


def test_rows_of_one_content_that_contradict_each_other_are_told_and_not_taken(two):
    comparison = two.apply([row("a", Category=1), row("a", Category=2), row("b", Category=1), row("b")])
    assert kinds(comparison) == {"contradictory": 1, "new": 1}
    assert [grade.sha256 for grade in two.grades()] == [digest("b")]


def test_a_withdrawn_file_s_grades_give_way_to_those_before(two):
    two.apply([row("a", Category=1)])
    first = two.source.sha256
    two.apply([row("a", Category=2)])
    assert standing(two)[0]["category"] == "2"
    two.act("withdrawn", [])
    assert standing(two)[0]["category"] == "1"
    two.act("withdrawn", [], first)
    assert standing(two) == []


# How files are written


@pytest.mark.parametrize(
    "document",
    [
        "[{}]",
        '{{"value":[{}]}}',
        '{{"odata.metadata":"x","value":[{{"CaseID":"1","Media":[{}],"Total":1}}]}}',
        '{{"value":{{"x":1.5,"media":[{}]}}}}',
        '\ufeff {{ "@odata.context" : "x" , "Cases" : [ {{ "Media" : [ {} ] }} , {{"Media":[]}} ] }} \n',
    ],
)
def test_every_envelope_in_use_is_read(two, document):
    text = document.format(json.dumps(row("a", Category=4)))
    assert kinds(two.compare(text.encode())) == {"new": 1}


def test_who_graded_is_read_from_the_row_else_from_the_case_else_from_the_operator(two):
    case = {
        "value": [{"ContactName": "G. Case", "Media": [row("a", Category=1), row("b", Category=1, GradedBy="G. Row")]}]
    }
    comparison = two.compare(json.dumps(case).encode(), graded_by="G. Operator")
    assert [change.graded_by for change in comparison.changes] == ["G. Case", "G. Row"]
    assert two.compare([row("a", Category=1)], graded_by="G. Operator").changes[0].graded_by == "G. Operator"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b'{"value":[{"MD5":"0', "cut short"),
        (b'{"value":[{"MD5":"00"}', "cut short"),
        (b'{"value":[{"MD5":"00"},', "cut short"),
        (b'{"value":[{"MD5" "00"}]}', "':' expected"),
        (b'{"value":[{"MD5":"00",}]}', "a key expected"),
        (b'{"value":[{"MD5":nope}]}', "not valid JSON"),
        (b'{"value":[{"MD5":NaN}]}', "not valid JSON"),
        (b'{"value":[]} {', "more after the end"),
        (b'{"other":1}', "no list"),
        (b'{"value":[{"MD5":"\xff\xfe"}]}', "not UTF-8"),
        (b'{"value":[{"MD5":' + b"[" * 100_000, "nested too deeply"),
        (b"name,size\n1,2\n", "no column md5"),
        (b"md5,category\n1\n", "row 1 has 1 cells"),
        (b'md5,category\n"1,2\n', "not CSV"),
    ],
)
def test_a_damaged_file_is_one_clear_error(two, content, words):
    with pytest.raises(UnreadableInputError, match=words):
        two.compare(content)


def test_rows_longer_than_the_window_are_read_and_longer_than_the_limit_are_not(two, monkeypatch):
    monkeypatch.setattr(json_text, "_CHUNK_BYTES", 7)
    media = [row("a", Category=1, Note="x y " * 500), row("b", Category=12345678901234567890)]
    assert kinds(two.compare(media)) == {"new": 2}
    monkeypatch.setattr(json_text, "LONGEST_VALUE", 1_000)
    with pytest.raises(UnreadableInputError, match="longer than"):
        two.compare(media)


# Fields that are not ours

ODD = (
    '"Foo\\u00e9" :  { "a" : 1.50E+3,\n\t"b":[ 1,2 ,3] , "a":null}',
    '"IsDistributed":"false"',
    '"Odd"  :"\\/\\u0041"',
    '"Odd":2',
)


def graded_text(two, members=ODD) -> str:
    """The export as it was, with a grade, unknown members and odd formatting written into its first row."""
    text = (two.export() / "media.vics.json").read_text()
    text = text.replace('"Category":0,', '"Category" : "2" , ' + " ,\n ".join(members) + "  ,", 1)
    text = text.replace(
        '"AlternativeHashes":[', '"AlternativeHashes": [ {"HashName" : "PhotoDNA","HashValue":"AAEC"} ,', 1
    )
    return text.replace('"MediaFiles":[{', '"MediaFiles" : [ {"Unallocated" : false, ', 1)


def test_unknown_fields_return_byte_for_byte(two):
    text = graded_text(two)
    comparison = two.apply(text.encode())
    assert kinds(comparison) == {"new": 1, "unchanged": 1}
    assert comparison.unknown_fields == {
        "Fooé": 1,
        "IsDistributed": 1,
        "Odd": 1,
        "AlternativeHashes.PhotoDNA": 1,
        "MediaFiles.Unallocated": 1,
    }
    folder = two.export("again")
    again = (folder / "media.vics.json").read_text()
    for member in (*ODD, '{"HashName" : "PhotoDNA","HashValue":"AAEC"}', '"Unallocated" : false'):
        assert text.count(member) == again.count(member) == 1
    assert two.media(folder)[0]["Category"] == 2
    # And once more: what came back is what was given.
    assert kinds(two.compare(again.encode())) == {"unchanged": 2}


def test_a_row_that_only_brings_fields_is_kept_for_them(two):
    assert kinds(two.apply([row("a", Odd=1)])) == {"fields": 1}
    assert standing(two) == []
    assert kinds(two.compare([row("a", Odd=1)])) == {"unchanged": 1}
    assert kinds(two.apply([row("a", Odd=2)])) == {"fields": 1}
    assert two.media(two.export())[0]["Odd"] == 2


def test_a_place_that_a_viewer_names_returns_but_not_with_an_export_of_one_exhibit(two):
    ours = {"FilePath": "srv/a.jpg", "FileName": "a.jpg", "Mark": 7}
    two.apply([row("a", MediaFiles=[ours, {"FilePath": "elsewhere/x", "Mark": 8}])])
    (first, _) = two.media(two.export())
    assert [(place["FilePath"], place.get("Mark")) for place in first["MediaFiles"]] == [
        ("srv/a.jpg", 7),
        ("srv/copy-of-a.jpg", None),
        ("elsewhere/x", 8),
    ]
    assert "elsewhere" not in (two.export("one", exhibit_id="EX-1") / "media.vics.json").read_text()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(st.dictionaries(st.text(max_size=8).map(lambda key: "X" + key), JSON, max_size=4), st.integers(0, 3))
def test_whatever_is_written_into_a_row_returns(made_in, tmp_path_factory, fields, indent):
    with made_in(tmp_path_factory.mktemp("made")) as made:
        made.medium("a")
        text = json.dumps(row("a", Category=1, **fields), indent=indent or None, ensure_ascii=bool(indent % 2))
        made.apply(f"[{text}]".encode("utf-8", "surrogatepass"))
        exported = (made.export() / "media.vics.json").read_text()
        for member in json_text.members_of(text):
            assert member.text in exported or member.key in {"MD5", "Category"}


NAMES = (
    "MD5 SHA1 SHA256 Category Series VictimIdentified Tags GradedBy Country CategoryScheme AlternativeHashes MediaFiles"
)
KEYS = st.sampled_from(
    [*NAMES.split(), "HeadwaterExported", "HeadwaterItemID", "HashName", "HashValue", "Media", "value"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.lists(st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON, max_size=2), max_size=2))))
def test_no_value_in_a_known_field_is_a_defect_of_ours(tmp_path, rows):
    path = tmp_path / "graded"
    path.write_text(json.dumps(rows))
    for one in stated_rows(GradedSource(path=path), Counter()):
        assert all(isinstance(text, str | None) for text in one.said)
        "".join(text or "" for text in (*one.said, one.graded_by, one.scheme, *one.item_ids)).encode()


# The same through a spreadsheet


def test_a_graded_csv_is_read_from_one_line_of_a_medium_and_a_spreadsheet_s_apostrophe_is_taken_off(two):
    text = (two.export() / "media.csv").read_bytes().decode()
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [line["item_id"] for line in lines] == ["itm-a", "itm-copy-of-a", "itm-b"]
    lines[1] |= {"category": "3", "series": "'=harbour", "Extra": "1"}
    out = io.StringIO()
    writer = csv.DictWriter(out, [*lines[0], "Extra"], delimiter=";", restval="")
    writer.writeheader()
    writer.writerows(lines)
    comparison = two.apply(b"\xef\xbb\xbf" + out.getvalue().encode())
    assert kinds(comparison) == {"new": 1, "unchanged": 1}
    assert comparison.changes[0].new[:2] == ("3", "=harbour")
    assert comparison.unknown_fields == {"Extra": 1}
    medium = two.media(two.export("again"))[0]
    assert (medium["Category"], medium["Series"], medium["Extra"]) == (3, "=harbour", "1")
    assert not {"FilePath", "SourceID", "SHA256"} & medium.keys()


# Guards


PICTURE = base64.b64encode(bytes(range(256)) * 4).decode()


@pytest.mark.parametrize(
    "value",
    [
        PICTURE,
        PICTURE.replace("/", "\\/"),
        "\\r\\n".join(re.findall(".{1,76}", PICTURE)),
        "\\u0041" * 700,
        "data:image/jpeg;base64,AAAA",
        "abandon " * 11 + "about",
    ],
    ids=["run", "slashes", "lines", "escapes", "uri", "seed"],
)
def test_a_row_with_media_or_key_material_in_it_refuses_the_file(two, value):
    text = f'[{{"MD5":"{digest("a", "md5")}","Category":1,"Thumbnail":"{value}"}}]'
    with pytest.raises(RefusedError, match=r"row 1.*no row of a graded file"):
        two.compare(text.encode())


def test_prose_in_a_row_is_no_media(two):
    assert kinds(two.compare([row("a", Category=1, Comments="a line of words\n" * 200)])) == {"new": 1}
