"""What the command line prints: rows for programs, text that steers no terminal, and one status for each outcome."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from headwater.cli.output import JobProgress, json_line, printable

STEERING = ["\x1b[2J", "\x07", "\b", "\u202e", "\u2066", "\u2028", "\x00", "\x9b31m", "\r\n", "\u200b"]

READS = [
    ("ledger",),
    ("queue",),
    ("leads",),
    ("digests",),
    ("verify",),
    ("show", "accounts"),
    ("show", "items"),
    ("show", "contrary_facts"),
    ("show", "defects"),
]


def steers(text: str) -> list[str]:
    """The characters that a terminal acts on; a line break is how lines end."""
    return [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@pytest.mark.parametrize("text", STEERING, ids=ascii)
def test_no_value_steers_a_terminal(text):
    for value in (f"a{text}b", [f"a{text}b"], {"k": f"a{text}b"}):
        assert not steers(printable(value))
    assert not steers(json_line({"k": text, text: 1}))
    assert json.loads(json_line({"k": text})) == {"k": text}


@pytest.mark.parametrize("text", ["plain", "Ærøskøbing", "Ελένη", "=SUM(1)", "名前", "e\u0301"])
def test_what_people_write_is_shown_as_it_is(text):
    assert printable(text) == text


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_text_and_json_of_a_command_steer_nothing(command, small_template, headwater):
    name, *rest = command
    done = headwater(name, small_template.case, *rest)
    assert done.status == 0, done.err
    assert not steers(done.out)
    assert not steers(done.err)
    assert "Traceback" not in done.err


def test_a_lead_is_explained_and_steers_nothing(small, headwater):
    lead = headwater("leads", small.case, "--limit", 1, "--json").rows[0]
    assert headwater("leads", "list", small.case, "--limit", 1, "--json").rows == [lead]
    done = headwater("leads", "explain", small.case, lead["lead_id"])
    assert done.status == 0, done.err
    assert not steers(done.out)
    assert all(rule in done.out for rule in lead["rules_not_fired"])
    [told] = headwater("leads", "explain", small.case, 1, "--json").rows
    assert told["lead_id"] == lead["lead_id"]
    assert headwater("leads", "explain", small.case, "led-none").status == 2


def test_leads_that_nothing_ties_to_a_country_are_a_list_of_their_own(small, headwater):
    every = headwater("leads", small.case, "--limit", 0, "--json").rows
    apart = headwater("leads", small.case, "--limit", 0, "--unattributed", "--json").rows
    assert apart == [lead for lead in every if not lead["jurisdiction"]]
    assert headwater("leads", small.case, "--unattributed", "--country", "ES").status == 2


def test_what_became_of_a_lead_is_imported_and_shown(small, headwater, tmp_path):
    lead = headwater("leads", small.case, "--limit", 1, "--json").rows[0]["lead_id"]
    report = tmp_path / "es.csv"
    report.write_text(
        "lead_id,outcome,reported_on,reported_by,note\n"
        f"{lead},Payer identified,2026-05-01,Unit ES,by the \u202eservice\n"
        f"{lead},no idea,2026-05-01,Unit SE,\n"
        "not-a-lead,no action,2026-05-01,Unit SE,\n"
    )
    case = small.case
    none = headwater("leads", "outcomes", case)
    assert (none.status, none.out) == (0, "")
    assert "no outcome was reported" in none.err
    words = ("reference", "add", case, "outcomes", report, "--name", "es", "--version", "1")
    assert headwater(*words).status == 2
    done = headwater(*words, "--accept-defects")
    assert (done.status, "1 rows, 2 defects" in done.out) == (0, True), done.err
    [sums] = [row for row in headwater("leads", "outcomes", case, "--json").rows if row["leads_of"] == "all leads"]
    assert (sums["payer_identified"], sums["right_ppm"]) == (1, 1_000_000)
    for shown in (headwater("leads", case, "--limit", 1), headwater("leads", "explain", case, lead)):
        assert "outcome: payer identified, Unit ES, 2026-05-01: by the " in shown.out
        assert not steers(shown.out)


def test_the_hostile_nickname_is_in_the_case_at_all(small_template, headwater):
    names = [row["nickname"] for row in headwater("show", small_template.case, "accounts", "--json").rows]
    assert any(steers(name) for name in names if name), "nothing to be made safe, so the tests above say nothing"


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_json_is_one_object_a_line_and_nothing_else(command, small_template, headwater):
    name, *rest = command
    done = headwater(name, small_template.case, *rest, "--json")
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert all(line.isascii() for line in lines)


def test_what_changes_the_case_answers_in_json_too(small, headwater):
    (waiting, *_) = headwater("queue", small.case, "--json").rows
    judged = headwater(
        "judge",
        small.case,
        waiting["link_id"],
        "unsure",
        "--why",
        "two of one name",
        "--operator",
        "B. Reader",
        "--json",
    )
    assert judged.status == 0, judged.err
    assert [row["link_id"] for row in judged.rows] == [waiting["link_id"]]
    run = headwater("run", small.case, "--workers", 1, "--allow-unsealed", "--json")
    assert run.status == 0
    assert {row["stage"] for row in run.rows} >= {"evidence", "leads"}


def test_the_three_statuses(small, headwater):
    assert headwater("verify", small.case).status == 0
    (small.folder / "platform.sql").write_bytes(b"-- another")
    assert headwater("verify", small.case).status == 1
    for bad in (("verify", small.folder / "nowhere"), ("show", small.case, "no_such_table"), ("frobnicate",)):
        done = headwater(*bad)
        assert done.status == 2, bad
        assert done.out == ""
        assert done.err.strip()
        assert "Traceback" not in done.err


def test_a_reader_that_goes_away_is_no_error(small_template):
    command = [str(Path(sys.executable).with_name("headwater")), "show", str(small_template.case), "items"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        told = program.stderr.read()
        assert program.wait(60) == 0, told
    assert told == b""


def test_what_is_counted_next_has_a_rate_of_its_own(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("headwater.cli.output.time.monotonic", lambda: now[0])
    progress = JobProgress("money").__enter__()
    for counted, at_s, done in (("blocks", 0, 0), ("blocks", 100, 50), ("layers", 100, 0), ("layers", 120, 10)):
        now[0] = at_s
        progress(counted, done, 20 if counted == "layers" else 100)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "money: 50 of 100 blocks, 0/s, 100 s left"
    assert second == "money: 10 of 20 layers, 0/s, 20 s left"
