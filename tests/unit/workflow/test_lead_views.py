"""Views of a case's leads over its runs: movers, people, status, and how far a run is."""

from __future__ import annotations

import fcntl
import json

import pytest

from headwater.errors import IntegrityError
from headwater.leads import read_rules
from headwater.leads.evidence import EVIDENCE_TABLES
from headwater.leads.of_account import AccountRows
from headwater.workflow import (
    Case,
    case_status,
    judge_link,
    lead_movers,
    lead_timeline,
    merged_person,
    run_stages,
    running_stage,
    show_queue,
)
from headwater.workflow.running import RUNNING_NAME, reported_run, seconds_left


@pytest.fixture
def case(small):
    with Case(small.case) as opened:
        yield opened


def judged(case) -> str:
    """A `used` link that two people judge positive; the account of it."""
    rows = show_queue(case, case.actor(), judged=True).rows
    link = next(row["link_id"] for row in rows if row["claim"] == "used")
    for name in ("A. Examiner", "S. Second"):
        judge_link(case, case.actor(name, why="looked"), link, "positive", why="looked")
    with case.tables() as tables:
        [row] = [row for row in tables.arrow("links").to_pylist() if row["link_id"] == link]
    return str(row["left_id"])


def test_what_was_observed_once_is_the_row_that_the_lead_names(case):
    """So that a page need not look for it, as `claim_rows` does not."""
    acts = {rule.name: rule.act for rule in read_rules().rules}
    looked_for = 0
    with case.tables() as tables:
        for lead in tables.arrow("leads").to_pylist():
            rows = AccountRows(tables, lead["account_id"])
            for fired in lead["rules_fired"]:
                if fired["observed"] == 1:
                    assert rows.of_act(acts[fired["rule"]]) == [fired["example_id"]]
                    looked_for += 1
            for piece in lead["jurisdiction"]:
                kind = EVIDENCE_TABLES.get(piece["evidence"])
                if kind is not None and piece["observed"] == 1:
                    stated = rows.of_evidence(piece["evidence"])
                    there = [row for row, text in stated if kind.country_of(text) == piece["country"]]
                    assert there == [piece["example_id"]]
                    looked_for += 1
    assert looked_for > 3


def test_a_case_of_one_run_has_no_movers(case):
    told = lead_movers(case)
    assert told["run"] is not None
    assert (told["before"], told["movers"], told["not_kept"]) == (None, [], 0)


def test_movers_after_a_judgement_add_up_to_all_leads_and_rest_on_the_record(case):
    judged(case)
    run_stages(case, case.actor(), until="leads")
    told = lead_movers(case)
    with case.tables() as tables:
        leads = tables.arrow("leads").num_rows
    assert sum(count for state, count in told["counts"].items() if state != "gone") == leads
    assert told["before"]["run_id"] != told["run"]["run_id"]
    path = case.table_file("leads", told["before"]["run_id"])
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(IntegrityError):
        lead_movers(case)
    path.unlink()
    assert lead_movers(case)["not_kept"] == 1


def test_a_person_is_made_of_positive_judgements_alone(case):
    account = judged(case)
    with case.tables() as tables:
        told = merged_person(tables, account)
        other = next(row for row in tables.arrow("accounts")["account_id"].to_pylist() if row != account)
        assert merged_person(tables, other) is None
    assert told is not None
    assert told["accounts"][0]["account_id"] == account
    assert told["accounts"][0]["positive_operators"] == 2
    assert told["accounts"][0]["because"]


def test_status_adds_up_and_no_run_goes_on(case):
    with case.tables() as tables:
        told = case_status(case, tables)
        assert lead_timeline(tables, "1").timeline.events > 0
    assert sum(line["entries"] for line in told["accounts"]) == told["entries"] > 0
    assert (told["unaccounted_entries"], told["unaccounted_bytes"], told["running"]) == (0, 0, None)
    assert {stage["state"] for stage in told["stages"]} == {"done"}


def test_a_run_tells_how_far_it_is_while_it_goes_on_and_leaves_nothing(tmp_path):
    seen = []
    with reported_run(tmp_path, lambda: "2026-01-01T00:00:00Z") as reported:
        progress = reported("hashing", lambda *told: seen.append(told))
        told = running_stage(tmp_path)
        assert told is not None
        assert (told.stage, told.counted, told.left_s) == ("hashing", "", None)
        progress("files", 3, 10)
    assert seen == [("files", 3, 10)]
    assert not (tmp_path / RUNNING_NAME).exists()
    assert running_stage(tmp_path) is None


def test_what_a_run_that_was_killed_left_is_no_run(tmp_path):
    told = {
        "stage": "media",
        "counted": "files",
        "done": 1,
        "total": 2,
        "stage_began_utc": "",
        "told_utc": "",
        "left_s": 1,
    }
    path = tmp_path / RUNNING_NAME
    path.write_text(json.dumps(told))
    assert running_stage(tmp_path) is None
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        found = running_stage(tmp_path)
    assert found is not None
    assert found.left_s == 1


def test_an_estimate_needs_a_total_and_a_rate():
    assert seconds_left(25, 100, 10) == 30
    assert seconds_left(0, 100, 10) is None
    assert seconds_left(5, None, 10) is None
