"""What a drafted package holds, for whom, and that the same case gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest

from headwater.errors import InputError, RefusedError
from headwater.leads import concerned
from headwater.packages import MoneyPages
from headwater.packages.report import report_pdf
from headwater.packages.rows import formula_safe, spreadsheet
from headwater.packages.typesetting import PRINTED, printable


def files_of(drafted) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((drafted.folder / "draft").iterdir())}


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_only_leads_of_the_country_are_in_it_and_the_rest_is_said_to_be_withheld(case):
    drafted = case.draft()
    files = files_of(drafted)
    manifest = json.loads(files["manifest.json"])
    assert drafted.lead_ids == ("led-1", "led-2")
    assert [lead["lead_id"] for lead in manifest["leads"]] == ["led-1", "led-2"]
    assert manifest["country"] == "ES"
    assert manifest["recipient"] == str(case.identity.to_public())
    withheld = {item["what"]: item["count"] for item in manifest["withheld"]}
    assert withheld["leads without a link to this country"] == 1
    assert withheld["media files"] == 2
    assert withheld["proposed identity links that no standing judgement makes positive"] == 2
    for name, content in files.items():
        if name != "report.pdf":
            assert b"led-3" not in content, name
            assert b"p3@example.org" not in content, name


def test_a_lead_goes_to_the_countries_that_are_proposed_to_lead_or_share_it_and_to_no_other():
    lead = {"lead_country": "SE", "shared_with": ["ES"], "jurisdiction": [{"country": "NL", "weight": 1}]}
    assert concerned(lead) == ("SE", "ES")
    assert concerned({**lead, "lead_country": None, "shared_with": []}) == ()


def test_nobody_is_named_without_a_positive_judgement(case):
    files = files_of(case.draft())
    assert "Łucja Ångström-Îles".encode() in files["leads.jsonl"]
    for name, content in files.items():
        if name != "report.pdf":
            assert b"Innocent Bystander" not in content, name


def test_a_lead_travels_with_all_that_speaks_for_and_against_it(case):
    first = json.loads(files_of(case.draft())["leads.jsonl"].splitlines()[0])
    assert first["rules_fired"][0]["because"] == "made the earliest upload of 1 group in no list"
    assert first["rules_not_fired"] == ["administration_of_the_platform", "link_to_convicted_person"]
    assert [f["statement"] for f in first["contrary"]] == [
        "Two accounts used this network address within the same hour"
    ]
    assert first["contrary"][0]["source_id"] == "log-1-1"
    assert [fact["fact_id"] for fact in first["contrary_facts"]] == ["fct-1"]
    assert [link["link_id"] for link in first["links"]] == ["lnk-1"]
    assert first["links"][0]["comparisons"] == [
        {"field": "surname", "level": "exact", "weight_mbits": 9000, "rows_with_value": 2, "sentence": "surname: exact"}
    ]
    assert len(first["acts"]) == 15
    assert first["account"]["source_offset_bytes"] == 1000
    assert first["request_ids"] == ["req-1"]
    assert first["volatile_until_utc"] == "2026-10-30T09:05:07.000250Z"
    assert first["media"] == {"none": 1}


def test_request_sheets_are_those_of_the_country_and_of_its_leads(case):
    assert [row["request_id"] for row in table(files_of(case.draft())["request_sheets.csv"])] == ["req-1"]
    french = files_of(case.draft(country="FR"))
    assert [row["request_id"] for row in table(french["request_sheets.csv"])] == ["req-1", "req-3"]
    assert [row["lead_ids"] for row in table(french["request_sheets.csv"])] == ["", "led-3"]


def test_hash_references_are_digests_and_paths(case):
    first, second = table(files_of(case.draft())["hash_references.csv"])
    assert (first["lead_id"], first["item_id"], first["verdict_group"]) == ("led-1", "itm-1", "none")
    assert first["path"] == "srv/store/01/title one.jpg"
    assert first["sha256"] == f"{1:064x}"
    assert first["earliest_upload_is_this_account"] == "true"
    assert (second["series"], second["earliest_upload_is_this_account"]) == ("harbour", "false")


def test_the_same_case_and_time_give_the_same_bytes(case, tmp_path, monkeypatch):
    one = files_of(case.draft(out_dir=tmp_path / "one"))
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    two = files_of(case.draft(out_dir=tmp_path / "two"))
    assert one == two
    assert b"%PDF-1.7" in one["report.pdf"][:10]


def test_no_spreadsheet_runs_what_evidence_says(case):
    row = table(files_of(case.draft())["leads.csv"])[0]
    assert row["nickname"] == "'=HYPERLINK(1)"
    for start in ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"):
        assert formula_safe(start + "1") == "'" + start + "1"
    written = spreadsheet(("a", "b", "c"), [{"a": '=1,"2"\n', "b": -5, "c": ["+x", "y"]}])
    assert list(csv.reader(io.StringIO(written.decode(), newline=""))) == [
        ["a", "b", "c"],
        ['\'=1,"2"\n', "-5", "'+x; y"],
    ]


def test_key_material_in_evidence_is_withheld_and_counted(case, rows):
    rows["accounts"][0]["nickname"] = "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2
    files = files_of(case.draft(rows))
    assert b"QPZRY9X8" not in b"".join(files.values())
    manifest = json.loads(files["manifest.json"])
    assert {"texts that held key material or encoded bytes": 1}.items() <= {
        w["what"]: w["count"] for w in manifest["withheld"]
    }.items()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"country": "Spain"}, InputError, "alpha-2"),
        ({"country": "PT"}, InputError, "no lead"),
        ({"recipient_key": "age1qqqq"}, InputError, "age public key"),
        ({"author": " "}, InputError, "author"),
        ({"why": ""}, InputError, "why"),
    ],
)
def test_what_cannot_be_drafted_leaves_nothing_behind(case, changes, error, words):
    with pytest.raises(error, match=words):
        case.draft(**changes)
    assert not (case.folder / "packages").exists()


def test_a_secret_key_given_as_recipient_is_not_repeated(case):
    with pytest.raises(InputError) as refusal:
        case.draft(recipient_key=str(case.identity))
    assert "AGE-SECRET" not in str(refusal.value)


def test_the_same_draft_is_not_written_twice(case):
    case.draft()
    with pytest.raises(RefusedError, match="already"):
        case.draft()


def test_evidence_is_never_markup_in_the_report(case, rows):
    hostile = (
        '#panic("x") *b* $x$ @ref <label> `raw` \\ // /* */ "quote" #import "@preview/x:1.0.0" https://example.org'
    )
    rows["accounts"][0]["nickname"] = hostile
    rows["leads"][0]["why_now"] = hostile
    told = (hostile, "\u202e\u0000\U0001f600\u0301", "x" * 5000, "word " * 900)
    rows["leads"][0]["contrary"] = [dict(rows["leads"][0]["contrary"][0], fact_id=t, statement=t) for t in told]
    rows["rival_hypotheses"][0]["other_support"][0]["statement"] = hostile
    rows["request_sheets"][0]["question"] = hostile
    case.draft(rows)


def test_every_character_the_report_prints_is_in_its_fonts(case):
    text = "".join(chr(code) for first, last in PRINTED for code in range(first, last + 1))
    assert printable(text[:500]) == text[:500]
    assert printable("\u202e\u00ad\u200b") == "[U+202E][U+00AD][U+200B]"
    manifest = json.loads(files_of(case.draft())["manifest.json"])
    for begin in range(0, len(text), 500):
        manifest["purpose"] = text[begin : begin + 500]
        assert report_pdf(_nothing(), MoneyPages(), manifest, case.clock()).startswith(b"%PDF")


def _nothing():
    from headwater.packages.contents import Contents

    return Contents(leads=(), requests=(), hash_references=(), references=(), withheld=())


def test_the_draft_is_whole_or_not_there(case, monkeypatch):
    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        case.draft()
    monkeypatch.undo()
    assert not list((case.folder / "packages").glob("*/*/draft"))
    case.draft()
