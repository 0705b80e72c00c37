"""Retention clocks: what is over is listed, proposed by one person and erased by another."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from headwater.workflow import Case, confirm_erasure, due_now, propose_erasure, verify_path


def done(outcome: Any) -> Any:
    assert outcome.status == 0, outcome.err
    return outcome


@pytest.fixture
def aged(small):
    """The case as it is 40 days later, with clocks of 30 and of 35 days."""
    toml = small.case / "case.toml"
    text = toml.read_text().replace("retention_texts_days = 0", "retention_texts_days = 30")
    toml.write_text(text.replace("retention_days = 0", "retention_days = 35"))
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
    with Case(small.case, clock=lambda: later) as case:
        yield case


def why(case, name):
    return case.actor(name, why="retention is over")


def test_without_a_clock_nothing_is_due(small, headwater):
    found = done(headwater("custody", "due", small.case, "--json"))
    assert found.rows == []
    assert "nothing is due" in found.err
    words = ("--propose", "--operator", "A", "--why", "over")
    refused = headwater("custody", "due", small.case, *words)
    assert refused.status == 2
    assert "no text is due" in refused.err


def test_the_case_and_its_texts_are_due_by_their_own_clocks(aged):
    found = due_now(aged, why(aged, "A. Examiner"))
    assert (found[0].what, found[0].entry) == ("case", None)
    texts = [one.entry for one in found if one.what == "texts"]
    entries = list(aged.custody.entries())
    assert texts == [entry.seq for entry in entries[:-1]]  # the reading itself is of now
    assert all(one.due_utc > one.since_utc for one in found)


def test_one_proposes_and_another_erases(aged, tmp_path):
    proposal, due = propose_erasure(aged, why(aged, "A. Examiner"))
    seq, numbers = confirm_erasure(aged, why(aged, "S. Second"), proposal, tmp_path / "receipt")
    assert numbers == [one.entry for one in due]
    entries = list(aged.custody.entries())
    assert entries[seq].event == "erased"
    assert proposal in entries[seq].object_ids
    assert all(entries[number].justification is None for number in numbers)
    assert [check for check in verify_path(aged.path, with_evidence=False) if not check.ok] == []
    assert all(check.ok for check in verify_path(tmp_path / "receipt"))
    with pytest.raises(Exception, match="carried out before"):
        confirm_erasure(aged, why(aged, "S. Second"), proposal, tmp_path / "again")


@pytest.mark.parametrize("name", ["A. Examiner", " a. EXAMINER"])
def test_who_proposed_does_not_erase_under_any_spelling(aged, tmp_path, name):
    proposal, _ = propose_erasure(aged, why(aged, "A. Examiner"))
    with pytest.raises(Exception, match="may not carry it out"):
        confirm_erasure(aged, why(aged, name), proposal, tmp_path / "receipt")
    *_, last = aged.custody.entries()
    assert (last.event, last.operation) == ("failed", "erasure")
    assert not (tmp_path / "receipt").exists()


def test_what_a_longer_clock_keeps_is_not_erased_on_an_old_proposal(aged, tmp_path):
    proposal, _ = propose_erasure(aged, why(aged, "A. Examiner"))
    toml = aged.path / "case.toml"
    toml.write_text(toml.read_text().replace("retention_texts_days = 30", "retention_texts_days = 400"))
    with Case(aged.path, clock=aged.clock) as case, pytest.raises(Exception, match="is not due any more by the clocks"):
        confirm_erasure(case, why(case, "S. Second"), proposal, tmp_path / "receipt")


def test_a_proposal_that_nobody_made_is_refused(aged, tmp_path):
    with pytest.raises(Exception, match="no such proposal"):
        confirm_erasure(aged, why(aged, "S. Second"), "ers-none", tmp_path / "receipt")
