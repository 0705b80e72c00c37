"""The report as a reader has it: what is copied from it is whole, what is cut is said, and pictures stand in it."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from headwater.packages import MoneyPages, MoneyPicture, report

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="297mm" height="210mm" viewBox="0 0 2970 2100">'
    '<rect width="400" height="300" fill="#0072b2"/>'
    '<text x="90" y="90" font-family="DejaVu Sans Mono" font-size="30">drawn flows</text></svg>'
)
PAGES = MoneyPages(
    pictures=tuple(MoneyPicture(policy=policy, svg=PICTURE) for policy in ("fifo", "pro_rata")),
    months=(
        {
            "country": "FR", "service": "Example Exchange Ltd", "direction": "backward", "month": "2026-10",
            "fifo_sat": 1_000_000, "pro_rata_sat": 900_000, "transactions": 2,
        },
        {
            "country": "", "service": "other services", "direction": "backward", "month": "",
            "fifo_sat": 77, "pro_rata_sat": 78, "transactions": None,
        },
    ),
    month_columns=("country", "service", "direction", "month", "fifo_sat", "pro_rata_sat", "transactions"),
)  # fmt: skip


def text_of(pdf, tmp_path, *options):
    (tmp_path / "x.pdf").write_bytes(pdf)
    done = subprocess.run(["pdftotext", *options, tmp_path / "x.pdf", "-"], capture_output=True, check=True)
    return done.stdout.decode()


def report_of(drafted):
    return (drafted.folder / "draft" / "report.pdf").read_bytes()


@pytest.mark.parametrize("options", [(), ("-raw",), ("-layout",)])
def test_ids_digests_and_addresses_are_copied_whole(case, rows, tmp_path, options):
    long_address = "bcrt1p" + "q" * 58
    rows["request_sheets"][0]["address"] = long_address
    rows["request_sheets"][0]["question"] = f"Who withdrew output 1 of {'ab' * 32} to {long_address}?"
    drafted = case.draft(rows)
    text = text_of(report_of(drafted), tmp_path, *options)
    wanted = {long_address, "ab" * 32}
    for line in (drafted.folder / "draft" / "request_sheets.jsonl").read_text().splitlines():
        row = json.loads(line)
        wanted |= {f"{row['txid']}:{row['output_index']}", row["address"], row["request_id"]}
    for line in (drafted.folder / "draft" / "leads.jsonl").read_text().splitlines():
        lead = json.loads(line)
        wanted |= {lead["lead_id"], lead["account_id"], lead["deconfliction_key"]}
    wanted |= {digest for name, digest in drafted.file_digests.items() if name != "report.pdf"}
    assert [word for word in sorted(wanted) if word not in text] == []
    assert not re.search("[\u200b\u200c\u200d\u2060\ufeff\u00ad]", text)


def test_a_text_that_is_cut_says_so_where_it_stands_and_in_a_list(case, rows, tmp_path):
    rows["leads"][0]["why_now"] = "pears " * 1_000
    rows["leads"][1]["contrary"] = [dict(rows["leads"][0]["contrary"][0], statement=f"{'w' * 49} " * 100)]
    text = " ".join(text_of(report_of(case.draft(rows)), tmp_path).split())
    assert text.count("[cut here: 2,000 more characters]") == 2  # at a glance, and with the lead
    assert text.count("[cut here: 1,000 more characters]") == 1
    assert "leads 1, why_now 2,000" in text
    assert "leads 2, contrary 1, statement 1,000" in text


def test_a_text_of_some_thousand_characters_is_printed_whole(case, rows, tmp_path):
    words = [f"no{number:04d}" for number in range(500)]
    rows["leads"][0]["contrary"][0]["statement"] = " ".join(words)
    text = text_of(report_of(case.draft(rows)), tmp_path)
    assert [word for word in words if word not in text] == []
    assert "cut here" not in text
    assert "does not print whole" not in text


@pytest.mark.parametrize("names", range(60, 120, 10))
def test_no_page_begins_with_the_last_line_of_a_lead(case, rows, tmp_path, monkeypatch, names):
    told = report._lead

    def longer(lead):
        found = told(lead)
        found["completeness"]["present"] += [f"thing {number}" for number in range(names)]
        return found

    monkeypatch.setattr(report, "_lead", longer)
    pages = text_of(report_of(case.draft(rows)), tmp_path).split("\f")
    ends = [page for page in pages if "Deconfliction key:" in page]
    assert ends
    assert all("Next lawful steps" in page.split("Deconfliction key:")[0] for page in ends)


def test_pictures_and_months_of_money_stand_in_the_report_and_beside_it(case, tmp_path):
    drafted = case.draft(money=lambda _contents: PAGES)
    text = " ".join(text_of(report_of(drafted), tmp_path, "-layout").split())
    assert text.count("drawn flows") == 2
    assert "FR Example Exchange Ltd backward 2026-10 1 000 000 900 000 2" in text
    assert "other services backward all 77 78" in text
    beside = (drafted.folder / "draft" / "money_by_month.csv").read_text()
    assert beside.splitlines() == [
        "country,service,direction,month,fifo_sat,pro_rata_sat,transactions",
        "FR,Example Exchange Ltd,backward,2026-10,1000000,900000,2",
        ",other services,backward,,77,78,",
    ]
    assert "No receipt" in " ".join(text_of(report_of(case.draft()), tmp_path).split())


def test_the_same_pages_give_the_same_bytes(case):
    first = case.draft(money=lambda _contents: PAGES)
    pdf = report_of(first)
    case.folder = case.folder / "again"
    assert report_of(case.draft(money=lambda _contents: PAGES)) == pdf


def test_money_is_asked_of_what_the_package_holds(case):
    seen = []

    def money(contents):
        seen.extend(lead["account_id"] for lead in contents.leads)
        return PAGES

    case.draft(money=money)
    assert seen == ["acc-1", "acc-2"]


def test_a_later_tag_and_a_turned_picture_are_told_in_the_files(case, rows):
    rows["request_sheets"][0]["tag_is_later"] = True
    rows["media_verdicts"][0]["transform"] = "mirrored"
    folder = case.draft(rows).folder / "draft"
    head, first, *_ = (folder / "request_sheets.csv").read_text().splitlines()
    assert head.endswith("tag_id,tag_is_later")
    assert first.endswith("tag-1,true")
    assert json.loads((folder / "request_sheets.jsonl").read_text().splitlines()[0])["tag_is_later"] is True
    head, first, *_ = (folder / "hash_references.csv").read_text().splitlines()
    assert dict(zip(head.split(","), first.split(","), strict=True))["transform"] == "mirrored"
