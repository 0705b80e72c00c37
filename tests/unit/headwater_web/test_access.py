"""No log, no data; and what the log says of who read what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headwater.custody import CustodyLog, verify_log
from headwater.errors import InputError
from headwater.workflow import Actor, Case, access_faults, access_rows, verify_path
from headwater.workflow import access as access_module
from headwater.workflow.access import AccessLog


def _rows(folder: Path) -> list[Any]:
    return [row.entry for row in access_rows(folder) if row.entry.event != "created"]


def test_a_reading_says_who_what_why_and_where(bench: Any) -> None:
    path = f"/case/{bench.case}/tables/accounts/?has.nickname=ald"
    assert bench.as_("analyst").get(path).status_code == 200
    entry = _rows(bench.folder)[-1]
    assert (entry.event, entry.actor, entry.role, entry.outcome) == ("consulted", "A. Analyst", "analyst", "done")
    assert entry.justification == f"test of it | {path}"
    assert entry.object_ids == ("reading:table", "table:accounts", "rows:0-1", "fitting:1")


@pytest.mark.parametrize("as_json", [False, True])
def test_without_the_log_there_is_nothing(bench: Any, monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> None:
    """The medium refuses: every route of the case answers 503, with nothing of the case in it."""

    def full(*_: object, **__: object) -> None:
        raise InputError("custody.log", "the entry could not be written: No space left on device")

    asker = bench.as_("analyst")
    path = f"/case/{bench.case}/tables/accounts/"
    shown = asker.get(path, as_json=as_json)
    assert shown.status_code == 200
    assert "alder" in shown.text
    with monkeypatch.context() as medium:
        medium.setattr(CustodyLog, "append", full)
        for one in (path, f"/case/{bench.case}/", f"/case/{bench.case}/tables/", f"/case/{bench.case}/go-to?q=a"):
            answer = asker.get(one, as_json=as_json)
            assert answer.status_code == 503
            assert "alder" not in answer.text
        taken = asker.post(f"{path}export", {"reason": "asked for by a test"})
        assert taken.status_code == 503
        assert "alder" not in taken.text


def test_a_folder_that_cannot_be_written_is_no_log(bench: Any) -> None:
    """Not by a patch: something stands where the folder of the logs would be."""
    (bench.folder / "access").write_bytes(b"in the way")
    assert bench.as_("analyst").get(f"/case/{bench.case}/").status_code == 503


def test_an_altered_log_shows_nothing_more(bench: Any) -> None:
    asker = bench.as_("analyst")
    assert asker.get(f"/case/{bench.case}/").status_code == 200
    log = bench.folder / "access" / "000001" / "custody.log"
    log.write_bytes(log.read_bytes().replace(b"A. Analyst", b"B. Analyst"))
    log.write_bytes(log.read_bytes() + b"torn")
    assert asker.get(f"/case/{bench.case}/").status_code == 503


def test_what_is_refused_is_recorded_where_the_case_is_real(bench: Any) -> None:
    bench.as_("stranger").get(f"/case/{bench.case}/tables/accounts/")
    bench.as_("auditor").get(f"/case/{bench.case}/tables/accounts/")
    bench.as_("administrator").get(f"/case/{bench.case}/")
    told = [(entry.actor, entry.event, entry.outcome) for entry in _rows(bench.folder)]
    assert told == [
        ("S. Stranger", "failed", "refused: not a member of the case"),
        ("U. Auditor", "failed", "refused: not in this role"),
        ("D. Administrator", "failed", "refused: not a member of the case"),
    ]


def test_tables_about_victims_need_their_role(bench: Any) -> None:
    path = f"/case/{bench.case}/tables/victim_leads/"
    assert bench.as_("analyst").get(path).status_code == 403
    assert bench.as_("approver").get(f"{path}export").status_code == 403
    assert bench.as_("victim-data analyst").get(path).status_code == 200
    assert "victim_leads" not in bench.as_("analyst").get(f"/case/{bench.case}/tables/").text
    assert _rows(bench.folder)[-2].role == "victim-data analyst"


def test_an_export_names_who_has_it_and_asks_why(bench: Any) -> None:
    path = f"/case/{bench.case}/tables/accounts/export"
    short = bench.as_("analyst").post(path, {"reason": "because"})
    assert short.status_code == 422
    assert not _rows(bench.folder)
    taken = bench.as_("analyst").post(path, {"reason": "for the prosecutor's list"})
    assert taken.headers["content-disposition"] == 'attachment; filename="accounts.csv"'
    assert taken.text.count("\r\n") == 4
    asked, done = _rows(bench.folder)
    assert asked.event == done.event == "exported"
    assert done.recipient == "A. Analyst, who keeps the file"
    assert str(done.justification).startswith("for the prosecutor's list | ")
    assert done.object_ids[1:] == ("table:accounts", "rows:3")


def test_a_spreadsheet_takes_no_cell_for_a_formula(bench: Any) -> None:
    taken = bench.as_("analyst").post(f"/case/{bench.case}/tables/accounts/export", {"reason": "asked by a test"})
    assert '"\'=SUM(1)\\u001b[2J\\u0008\\u202ebirch"' in taken.text
    assert "\x1b" not in taken.text


def test_the_first_bytes_of_files_are_on_no_page_and_in_no_export(bench: Any) -> None:
    asker = bench.as_("analyst")
    page = asker.get(f"/case/{bench.case}/tables/entries/", as_json=True).json()
    assert page["rows"]
    assert all("head" not in row for row in page["rows"])
    taken = asker.post(f"/case/{bench.case}/tables/entries/export", {"reason": "asked by a test", "format": "jsonl"})
    assert taken.text.count("\n") == page["total"]
    assert '"head"' not in taken.text


def _append(case: Case, count: int) -> AccessLog:
    log = AccessLog(case)
    for number in range(count):
        log.append("consulted", Actor(name="A", role="analyst", justification="why"), object_ids=(f"row-{number}",))
    return log


def test_the_custody_log_anchors_the_access_logs(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "SEGMENT_ENTRIES", 6)
    monkeypatch.setattr(access_module, "ANCHOR_ENTRIES", 4)
    with Case(small.case) as case:
        _append(case, 13).anchor()
        assert [path.name for path in sorted((small.case / "access").iterdir())] == ["000001", "000002", "000003"]
        assert access_faults(case) is None
        assert len(list(access_rows(small.case))) == 13 + 3
        before = len(list(case.custody.entries()))
        _append(case, 1)  # another program goes on where this one ended
        assert len(list(access_rows(small.case))) == 14 + 3
        assert len(list(case.custody.entries())) <= before + 1
        assert access_faults(case) is None
    assert all(check.ok for check in verify_path(small.case, with_evidence=False))
    for segment in (small.case / "access").iterdir():
        assert all(check.ok for check in verify_log(segment))
        command = [sys.executable, "-m", "headwater_verify", str(segment)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("harm", ["gone", "cut", "changed", "other"])
def test_what_was_done_to_an_access_log_is_found(small: Any, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "ANCHOR_ENTRIES", 4)
    with Case(small.case) as case:
        _append(case, 9).anchor()
        segment = small.case / "access" / "000001"
        if harm == "gone":
            segment.rename(small.case / "elsewhere")
        elif harm == "cut":
            for name in ("custody.log", "custody.heads", "custody.payloads"):
                lines = (segment / name).read_bytes().splitlines(keepends=True)
                (segment / name).write_bytes(b"".join(lines[:-2]))
        elif harm == "changed":
            log = segment / "custody.log"
            log.write_bytes(log.read_bytes().replace(b"row-3", b"row-4"))
        else:  # written anew with the case's own key, as whoever holds it could
            segment.rename(small.case / "elsewhere")
            _append(case, 9)
        assert access_faults(case) is not None
        failed = [check for check in verify_path(small.case, with_evidence=False) if not check.ok]
        assert [check.check for check in failed] == ["I7.access_log"]


def test_a_log_that_no_head_was_anchored_of_is_found(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AccessLog, "_anchor", lambda *_: None)
    with Case(small.case) as case:
        _append(case, 2)
        assert "no head of it" in str(access_faults(case))


def test_an_auditor_reads_one_log_after_the_other(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "SEGMENT_ENTRIES", 5)
    asker, auditor = bench.as_("analyst"), bench.as_("auditor")
    for number in range(6):
        assert asker.get(f"/case/{bench.case}/tables/items/?first={number}").status_code == 200
    newest = auditor.get(f"/case/{bench.case}/audit/", as_json=True).json()
    assert newest["logs"] == ["000001", "000002"]
    assert (newest["log"], newest["total"]) == ("000002", 2)
    before = auditor.get(f"/case/{bench.case}/audit/?log=000001&kind=consulted", as_json=True).json()
    assert [row["address"][-7:] for row in before["rows"]] == ["first=3", "first=2", "first=1", "first=0"]
    assert auditor.get(f"/case/{bench.case}/audit/?log=none").status_code == 422
    again = auditor.get(f"/case/{bench.case}/audit/?log=000002", as_json=True).json()
    assert again["rows"][0]["ids"] == ["reading:audit"], "the auditor's own readings are in it"


def test_what_stands_out(bench: Any) -> None:
    bench.as_("stranger").get(f"/case/{bench.case}/")
    bench.as_("analyst").post(f"/case/{bench.case}/tables/items/export", {"reason": "asked by a test"})
    found = bench.as_("auditor").get(f"/case/{bench.case}/audit/", as_json=True).json()["unusual"]
    told = {(row["what"], row["actor"], row["count"]) for row in found if row["what"] != "night"}
    assert told == {("refused", "S. Stranger", 1), ("exported", "A. Analyst", 2)}


def test_an_erased_subject_is_on_no_page(bench: Any, headwater: Any) -> None:
    asker = bench.as_("analyst")
    path = f"/case/{bench.case}/tables/accounts/"
    rows = asker.get(path, as_json=True).json()["rows"]
    subject = rows[0]["account_id"]
    words = ("--operator", "A. Analyst", "--why", "asked for", "--legal-basis", "Order 9")
    erased = headwater(
        "custody", "erase", bench.folder, "--subject", subject, "--receipt", bench.folder.parent / "r", *words
    )
    assert erased.status == 0, erased.err
    after = asker.get(path, as_json=True).json()["rows"]
    assert len(after) == len(rows) - 1
    assert subject not in asker.get(path).text
