"""Hash lists of every format that is read: what a listed file becomes. Every value is invented."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from headwater.errors import ConfigError, InputError, UnreadableInputError, UnsupportedFormatError

MD5, SHA1, SHA256, PDQ = "a1" * 16, "b2" * 20, "c3" * 32, "d4" * 32
MARK = "\ufeff"
MEDIUM = {
    "MediaID": 7,
    "MD5": MD5.upper(),
    "SHA1": SHA1.upper(),
    "MediaSize": "1024",
    "Category": 2,
    "Series": "harbour lights",
    "VictimIdentified": "true",
    "OffenderIdentified": "False",
    "IsDistributed": True,
    "PhotoDNA": "AbC+/=",
    "DateUpdated": "/Date(1741000000000)/",
    "Tags": None,
    "odata.type": "ProjectVic.Media",
    "Exifs": [{"PropertyName": "Make", "PropertyValue": "Zeiß 0.50"}],
    "Ratio": 0.50,
}


def test_a_medium_of_vics_with_every_tolerance(lists):
    envelope = {"odata.metadata": "http://example.invalid/DataModels/1.3.xml#Media", "value": [MEDIUM]}
    done = lists.take(MARK + json.dumps(envelope))
    assert done.format_name == "VICS JSON, hash set"
    (row,) = lists.rows()
    assert (row["md5"], row["sha1"], row["size_bytes"], row["category"]) == (MD5, SHA1, 1024, "2")
    assert (row["listed_file"], row["photodna"], row["series"]) == ("7", "AbC+/=", "harbour lights")
    assert (row["victim_identified"], row["offender_identified"], row["distributed"]) == ("yes", "no", "yes")
    further = json.loads(row["further"])
    assert further == {
        **{key: MEDIUM[key] for key in ("DateUpdated", "Tags", "odata.type", "Exifs")},
        "Ratio": "0.5",
    }
    assert row["further"] == json.dumps(further, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert done.further_keys == {"DateUpdated": 1, "Tags": 1, "odata.type": 1, "Exifs": 1, "Ratio": 1}
    assert {r["key_name"]: r["rows"] for r in lists.rows("reference_keys")} == done.further_keys


def test_a_number_with_a_fraction_stays_as_it_was_written(lists):
    lists.take(f'{{"value": [{{"MD5": "{MD5}", "Ratio": 0.500, "Big": 1E+3, "Whole": 12345678901234567890}}]}}')
    assert json.loads(lists.rows()[0]["further"]) == {"Ratio": "0.500", "Big": "1E+3", "Whole": 12345678901234567890}


def test_what_the_list_does_not_say_is_unknown_and_absent(lists):
    lists.take(json.dumps([{"MD5": MD5}]))
    (row,) = lists.rows()
    assert {row[name] for name in ("victim_identified", "offender_identified", "distributed")} == {"unknown"}
    absent = ("listed_file", "at_ms", "pdq_quality", "photodna", "submissions", "further", "category", "size_bytes")
    assert {row[name] for name in absent} == {None}


def test_a_case_of_vics_has_its_media_told_apart_by_case(lists):
    cases = [
        {"CaseID": "one", "CaseNumber": "1/2026", "Media": [{"MediaID": 0, "MD5": MD5}, {"MediaID": 1, "SHA1": SHA1}]},
        {"CaseID": "empty"},
        {"CaseID": "two", "Media": [{"MediaID": 0, "SHA256": SHA256}], "ContactName": "x"},
    ]
    done = lists.take(json.dumps({"@odata.context": "x#Cases", "value": cases}))
    assert (done.format_name, done.rows) == ("VICS JSON, case", 3)
    assert [row["listed_file"] for row in lists.rows()] == ["one/0", "one/1", "two/0"]
    assert [row["reference_row"] for row in lists.rows()] == [0, 1, 2]
    assert done.further_keys == {"case CaseNumber": 1, "case ContactName": 1}


@pytest.mark.parametrize(
    ("version", "seen"), [("1.1", True), ("1.3", True), ("2.0", True), ("1.0", False), ("3.0", False)]
)
def test_a_data_model_that_nobody_has_seen_is_said_to_be_one(lists, version, seen):
    context = f"http://example.invalid/ProjectVic/DataModels/{version}.xml/US/$metadata#Media"
    done = lists.take(json.dumps({"@odata.context": context, "value": [MEDIUM]}))
    assert bool(done.notes) is not seen
    assert seen or f"data model {version} is none that was seen (1.1 to 2.0)" in done.notes[0]


def test_an_envelope_of_odata_2(lists):
    assert lists.take(json.dumps({"d": {"results": [MEDIUM], "__count": "1"}})).rows == 1
    assert lists.take(json.dumps({"d": [MEDIUM]})).rows == 1


def test_further_hashes_of_a_medium_are_rows_of_one_listed_file(lists):
    further = [
        {"HashName": "PDQ", "HashValue": PDQ},
        {"HashName": "pdq", "HashValue": "e5" * 32},
        {"HashName": "SHA-256", "HashValue": SHA256},
        {"HashName": "other", "HashValue": "x"},
    ]
    lists.take(json.dumps([{"MD5": MD5, "AlternativeHashes": further}]))
    rows = lists.rows()
    assert {row["pdq"] for row in rows} == {PDQ, "e5" * 32}
    assert {row["sha256"] for row in rows} == {SHA256}
    assert len({row["listed_file"] for row in rows}) == 1
    assert rows[0]["listed_file"] == SHA256
    assert json.loads(rows[0]["further"]) == {"AlternativeHashes": [{"HashName": "other", "HashValue": "x"}]}


ICSE = (
    "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
    "Number of submissions;File Available;Media Type;Baseline\r\n"
)


def test_a_list_of_interpol_icse(lists):
    cells = f"{MD5.upper()};{SHA1};PH0=;8142;Yes;No;;meadow;17;Yes;Video;Yes\r\n"
    done = lists.take(MARK + ICSE + cells)
    assert done.format_name == "Interpol ICSE CSV"
    (row,) = lists.rows()
    assert (row["md5"], row["sha1"], row["photodna"], row["listed_file"]) == (MD5, SHA1, "PH0=", "8142")
    assert (row["distributed"], row["victim_identified"], row["offender_identified"]) == ("yes", "no", "unknown")
    assert (row["series"], row["submissions"], row["media_kind"]) == ("meadow", 17, "video")
    assert (row["scheme"], row["category"]) == ("ICSE baseline", "Yes")
    assert json.loads(row["further"]) == {"File Available": "Yes"}


NCMEC = """<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
  <images count="3" maxTimestamp="2026-01-02T00:00:00Z">
    <image><member id="4">Desk</member><timestamp>2026-01-01T00:00:00Z</timestamp><id>i1</id>
      <classification>A1</classification>
      <fingerprints><md5>{md5}</md5><sha1>{sha1}</sha1><pdna>P,1</pdna><pdq>{pdq}</pdq><tmk>t</tmk></fingerprints>
    </image>
    <image><member id="4">Desk</member><timestamp>2026-01-01T00:00:00Z</timestamp><id>gone</id>
      <fingerprints><md5>{other}</md5></fingerprints></image>
    <deletedImage><member id="4">Desk</member><id>gone</id><timestamp>2026-01-02T00:00:00Z</timestamp></deletedImage>
    <image><member id="4">Desk</member><timestamp>2026-01-03T00:00:00Z</timestamp><id>back</id>
      <fingerprints><sha256>{sha256}</sha256></fingerprints></image>
    <deletedImage><member id="4">Desk</member><id>back</id><timestamp>2026-01-02T00:00:00Z</timestamp></deletedImage>
  </images>
  <videos count="1"><video><member id="5">Else</member><id>i1</id>
      <fingerprints><md5>{md5}</md5></fingerprints></video></videos>
</queryResult>""".format(md5=MD5, sha1=SHA1, pdq=PDQ, sha256=SHA256, other="9" * 32)


def test_entries_of_ncmec_and_what_was_deleted(lists):
    done = lists.take(NCMEC)
    assert (done.format_name, done.rows, done.deletions, done.withdrawn) == ("NCMEC hash-sharing 2 XML", 3, 2, 1)
    first, back, video = lists.rows()
    assert (first["md5"], first["pdq"], first["photodna"], first["listed_file"]) == (MD5, PDQ, "P,1", "4/i1")
    assert (first["scheme"], first["category"], first["media_kind"]) == ("NCMEC", "A1", "still")
    assert json.loads(first["further"]) == {
        "member": {"@id": "4", "#text": "Desk"},
        "timestamp": "2026-01-01T00:00:00Z",
        "fingerprints": {"tmk": "t"},
    }
    # What was listed again after it had been deleted stays; ids are told apart by who listed them.
    assert (back["listed_file"], back["sha256"]) == ("4/back", SHA256)
    assert (video["listed_file"], video["media_kind"]) == ("5/i1", "video")
    deleted = lists.rows("hash_list_deletions")
    assert [(row["listed_file"], row["reference_row"]) for row in deleted] == [("4/gone", 2), ("4/back", 4)]


def test_a_page_of_a_longer_answer_is_said_to_be_one(lists):
    page = NCMEC.replace("</queryResult>", "<paging><next>/v2/entries?start=1</next></paging></queryResult>")
    assert not lists.take(NCMEC).notes
    (note,) = lists.take(page).notes
    assert "one page of a longer answer" in note


def test_a_list_of_nothing_but_deletions_is_a_list(lists):
    only = NCMEC[: NCMEC.index("<image>")] + "<deletedImage><id>x</id></deletedImage></images></queryResult>"
    done = lists.take(only)
    assert (done.rows, done.deletions) == (0, 1)


def nsrl(path, *statements):
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path.read_bytes()


FILES = "CREATE TABLE {} (sha256 TEXT, sha1 TEXT, md5 TEXT, file_name TEXT, {} INTEGER, package_id INTEGER)"
ROW = f"INSERT INTO {{}} VALUES ('{SHA256.upper()}', '{SHA1.upper()}', '{MD5.upper()}', 'a', 12, {{}})"


@pytest.mark.parametrize(("table", "size"), [("FILE", "file_size"), ("METADATA", "bytes")])
def test_a_set_of_nsrl_3(lists, tmp_path, table, size):
    other = f"INSERT INTO {table} VALUES ('{'1' * 64}', '{'2' * 40}', '{'3' * 32}', 'b', 0, 1)"
    rows = [ROW.format(table, 1), ROW.format(table, 2), other]
    done = lists.take(nsrl(tmp_path / "rds", FILES.format(table, size), *rows), polarity="known-benign")
    assert (done.format_name, done.rows) == ("NSRL RDS 3", 2)
    first, second = lists.rows()
    assert (first["sha256"], first["sha1"], first["md5"], first["size_bytes"]) == (SHA256, SHA1, MD5, 12)
    assert (first["reference_row"], second["reference_row"], second["size_bytes"]) == (0, 2, 0)
    assert first["polarity"] == "known-benign"


def test_a_set_of_nsrl_2_whose_names_are_in_another_encoding(lists):
    header = b'"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\r\n'
    row = f'"{SHA1.upper()}","{MD5.upper()}","0","caf\xe9, ""x""",5,1,"WIN",""\r\n'.encode("latin-1")
    done = lists.take(header + row, polarity="known-benign")
    assert (done.format_name, done.rows, done.further_keys) == ("NSRL RDS 2", 1, {})
    (entry,) = lists.rows()
    assert (entry["sha1"], entry["md5"], entry["size_bytes"], entry["category"]) == (SHA1, MD5, 5, None)


FRAMES = [f"{PDQ},100,0.0", f"{'e5' * 32},87,1.0015"]


def indicator(number, kind, value, **more):
    return {"id": str(number), "indicator": value, "type": kind, "status": "MALICIOUS", "tags": ["x"], **more}


def test_signals_of_threatexchange_in_json(lists):
    rows = [
        indicator(1, "HASH_PDQ", PDQ),
        indicator(2, "HASH_VIDEO_MD5", MD5, last_updated=5),
        indicator(3, "HASH_VIDEO_VPDQ", json.dumps(FRAMES)),
        indicator(2, "HASH_VIDEO_MD5", MD5, should_delete=True, last_updated=6),
    ]
    done = lists.take(json.dumps({"data": rows, "paging": {"next": "x"}}))
    assert (done.format_name, done.rows, done.deletions, done.withdrawn) == ("ThreatExchange JSON", 3, 1, 1)
    still, *frames = lists.rows()
    assert (still["pdq"], still["media_kind"], still["category"], still["listed_file"]) == (
        PDQ,
        "still",
        "MALICIOUS",
        "1",
    )
    assert [(f["pdq"], f["pdq_quality"], f["at_ms"], f["listed_file"]) for f in frames] == [
        (PDQ, 100, 0, "3"),
        ("e5" * 32, 87, 1002, "3"),
    ]


def test_an_opinion_that_denies_the_polarity_is_no_entry(lists):
    row = json.dumps([indicator(1, "HASH_MD5", MD5) | {"status": "NON_MALICIOUS"}])
    with pytest.raises(UnreadableInputError, match="denies the polarity known-illegal"):
        lists.take(row)
    assert lists.take(row, polarity="known-benign").rows == 1
    with pytest.raises(UnreadableInputError, match="denies the polarity known-benign"):
        lists.take(json.dumps([indicator(1, "HASH_MD5", MD5)]), polarity="known-benign")


def test_signals_of_threatexchange_in_csv(lists):
    quoted = json.dumps(FRAMES).replace('"', '""')
    lines = f'collab,signal_type,signal_str,category,tags\nc,pdq,{PDQ},POSITIVE_CLASS,a b\nc,vpdq,"{quoted}",,\n'
    done = lists.take(lines)
    assert (done.format_name, done.rows) == ("ThreatExchange CSV", 3)
    assert [row["at_ms"] for row in lists.rows()] == [None, 0, 1002]
    assert lists.take(f"id,indicator,type,status\n9,{MD5},HASH_MD5,\n").rows == 1
    with pytest.raises(UnreadableInputError, match="signal type 'HASH_TMK' is not read"):
        lists.take(f"id,indicator,type,status\n9,{MD5},HASH_TMK,\n")


def test_content_of_an_hma_bank(lists):
    content = [
        {"id": 12, "signals": {"pdq": PDQ, "video_md5": MD5, "vpdq": json.dumps(FRAMES), "raw": "z"}, "uri": None}
    ]
    done = lists.take(json.dumps(content))
    assert (done.format_name, done.rows) == ("HMA JSON", 3)
    rows = lists.rows()
    assert {row["listed_file"] for row in rows} == {"12"}
    assert sorted((row["md5"] or "", row["at_ms"] or 0) for row in rows) == [("", 0), ("", 1002), (MD5, 0)]
    assert json.loads(rows[0]["further"]) == {"uri": None, "signals": {"raw": "z"}}
    lines = "\n".join(
        json.dumps(one) for one in ({"id": 1, "signals": {"md5": MD5}}, {"id": 2, "signals": {"md5": MD5}})
    )
    assert lists.take(lines).rows == 2


def test_a_video_frame_by_frame(lists):
    by_number = {str(n): {"quality": 90 + n, "hash": PDQ, "timestamp": n / 2} for n in range(3)}
    lines = f"0,100,{PDQ},0.000\n30,55,{PDQ},1.001\n"
    for content, times in (
        (json.dumps(FRAMES), [0, 1002]),
        (json.dumps(by_number), [0, 500, 1000]),
        (lines, [0, 1001]),
    ):
        done = lists.take(content)
        rows = lists.rows(version=done.folder.name.partition("@")[2])
        assert [row["at_ms"] for row in rows] == times
        assert {row["media_kind"] for row in rows} == {"video"}
        assert len({row["listed_file"] for row in rows}) == 1


def test_a_plain_list_says_itself_what_it_can(lists):
    lists.take(f"{MD5.upper()}\n\n{SHA1}\n")
    assert [(row["md5"], row["sha1"]) for row in lists.rows()] == [(MD5, None), (None, SHA1)]


def test_sixty_four_digits_are_not_guessed_at(lists):
    with pytest.raises(InputError, match=r"line 1 has 64 digits.*--plain sha256 or --plain pdq"):
        lists.take(f"{MD5}\n{SHA256}\n")
    lists.take(f"{SHA256}\n", plain="sha256", version="s")
    lists.take(f"{PDQ}\n", plain="pdq", version="p")
    assert [(row["sha256"], row["pdq"]) for row in lists.rows(version="s")] == [(SHA256, None)]
    assert [(row["sha256"], row["pdq"]) for row in lists.rows(version="p")] == [(None, PDQ)]
    with pytest.raises(ConfigError, match="--plain belongs to a plain list"):
        lists.take(f"md5\n{MD5}\n", plain="pdq")
    with pytest.raises(ConfigError, match="--plain is for hash lists"):
        lists.take(f"{SHA256}\n", plain="md5")


def test_csv_of_our_own_with_every_column(lists):
    header = "md5,pdq,pdq_quality,at_ms,listed_file,photodna,distributed,Offender_Identified,submissions,Reviewed by\n"
    lists.take(header + f"{MD5},{PDQ},77,1500,v1,PH,yes,no,3,desk 4\n{MD5},{PDQ},,,,,,,,\n")
    first, second = lists.rows()
    assert (first["pdq_quality"], first["at_ms"], first["listed_file"], first["photodna"]) == (77, 1500, "v1", "PH")
    assert (first["distributed"], first["offender_identified"], first["submissions"]) == ("yes", "no", 3)
    assert (first["further"], second["further"]) == ('{"Reviewed by":"desk 4"}', None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"value": {"a": 1}}', "JSON of another shape"),
        (b'[{"name": "x"}, {"name": "y"}]', "ThreatExchange JSON"),
        (b"<html><body/></html>", "XML of another kind"),
        (b"name,size\nx,1\n", "Interpol ICSE CSV"),
        (b"\x1f\x8b\x08\x00", "unpack it first"),
        (b"PK\x03\x04zip", "a zip archive"),
    ],
)
def test_another_shape_is_refused_with_what_is_known(lists, content, told):
    with pytest.raises(UnsupportedFormatError, match="read here") as refused:
        lists.take(content)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (lists.case / "references").exists()


def test_text_in_utf_16_is_said_to_be_that(lists):
    with pytest.raises(UnreadableInputError, match="UTF-16"):
        lists.take(f"md5\n{MD5}\n".encode("utf-16"))
