"""Other people beside a payer leave with the lead: by numbers, with what fits either, and to no other country."""

from __future__ import annotations

import csv
import json
import subprocess


def content(drafted, name: str) -> bytes:
    return (drafted.folder / "draft" / name).read_bytes()


def leads_of(drafted) -> list[dict[str, object]]:
    return [json.loads(line) for line in content(drafted, "leads.jsonl").splitlines()]


def report_of(drafted, tmp_path) -> str:
    path = tmp_path / "report.pdf"
    path.write_bytes(content(drafted, "report.pdf"))
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def test_both_hypotheses_leave_in_full_with_the_rows_they_rest_on(case):
    first, second = leads_of(case.draft())
    (rival,) = first["rivals"]
    assert (rival["payer_id"], rival["other_id"]) == ("cus-1", "rec-9")
    assert rival["shared"][0]["shared_kind"] == "household"
    assert rival["other_support"][0]["row_id"] == "rec-9"
    assert second["rivals"] == []


def test_the_table_says_who_stands_beside_the_payer(case):
    rows = list(csv.DictReader(content(case.draft(), "leads.csv").decode().splitlines()))
    assert [row["beside_the_payer"] for row in rows] == ["rec-9 shares household", ""]


def test_a_person_who_stands_beside_a_payer_is_not_named(case, rows):
    record = next(row for row in rows["records"] if row["record_id"] != rows["leads"][0]["named_record_id"])
    rows["rival_hypotheses"][0]["other_id"] = record["record_id"]
    record["full_name"] = "Nobody Named"
    drafted = case.draft(rows)
    for path in (drafted.folder / "draft").iterdir():
        assert b"Nobody Named" not in path.read_bytes()
    manifest = json.loads(content(drafted, "manifest.json"))
    withheld = {left["what"]: left["count"] for left in manifest["withheld"]}
    assert withheld["personal fields of people who stand beside a payer"] == 1


def test_what_stands_beside_the_payer_of_another_country_stays(case, rows):
    rows["rival_hypotheses"][0]["account_id"] = "acc-3"  # the lead of another country
    drafted = case.draft(rows)
    assert [lead["rivals"] for lead in leads_of(drafted)] == [[], []]
    assert b"rvl-1" not in content(drafted, "leads.jsonl")


def test_the_report_shows_a_pair_once_however_often_they_paid(case, rows, tmp_path):
    again = dict(rows["rival_hypotheses"][0], rival_id="rvl-2", link_id="lnk-2")
    rows["rival_hypotheses"].append(again)
    text = report_of(case.draft(rows), tmp_path)
    assert text.count("Other people beside the payer") == 1
    assert text.count("What does not fit") == 1
    assert "the account's nickname is this" in text


def test_each_fact_stands_in_the_report_once_with_its_row(case, tmp_path):
    text = report_of(case.draft(), tmp_path)
    assert text.count("Two accounts used this network address within the same hour") >= 1
    assert "log-1-1" in text
    assert text.count("Another person of the same surname lives at this address") == 1


def test_a_person_of_another_countrys_lead_has_no_id_in_any_file(case, rows, tmp_path):
    foreign = next(lead for lead in rows["leads"] if lead["account_id"] == "acc-3")  # of another country
    foreign["named_record_id"] = "rec-of-others"
    rival = rows["rival_hypotheses"][0]
    rival["other_id"] = rival["other_support"][0]["row_id"] = "rec-of-others"
    rival["shared"][0]["other_row_id"] = "rec-of-others"
    drafted = case.draft(rows)
    [told] = leads_of(drafted)[0]["rivals"]
    assert (told["payer_id"], told["other_id"]) == ("cus-1", None)
    assert (told["other_support"][0]["row_id"], told["shared"][0]["other_row_id"]) == (None, None)
    assert told["other_support"][0]["statement"], "what fits is told"
    for path in sorted((drafted.folder / "draft").iterdir()):
        assert b"rec-of-others" not in path.read_bytes(), path.name
    text = report_of(drafted, tmp_path)
    assert "a person of another lead" in text
    assert "rec-of-others" not in text
    [row, _] = csv.DictReader(content(drafted, "leads.csv").decode().splitlines())
    assert row["beside_the_payer"] == "a person of another lead shares household"
