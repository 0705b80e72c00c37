"""The exit code says what happened, and every command keeps to the same ones: 0, 1, 2, 70, 130."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from headwater.cli import app
from headwater.errors import IntegrityError, RefusedError
from headwater.workflow import STAGES

PROGRAM = str(Path(sys.executable).with_name("headwater"))


def commands():
    """Every command with the words that call it."""

    def walk(command, words):
        below = getattr(command, "commands", None)
        if below is None:
            yield words, command
            return
        for name in sorted(below):
            yield from walk(below[name], (*words, name))

    yield from walk(typer.main.get_command(app), ())


COMMANDS = dict(commands())
FILLED = {
    "kind": "records",
    "verdict": "positive",
    "table": "items",
    "recipient": "age1",
    "country": "FR",
    "draft": "1",
}


FURTHER = {
    ("judge",): ("lnk-x", "unsure", "--why", "x", "--operator", "x"),
    ("remark", "add"): ("--note", "x"),
}
"""What a command does not always need, but does without another option."""


def call(words, case):
    """The shortest call of a command on a case."""
    arguments = list(words)
    for parameter in COMMANDS[words].params:
        if parameter.name == "case":
            arguments.append(case)
        elif parameter.required and parameter.param_type_name == "argument":
            arguments.append(FILLED.get(parameter.name, "x"))
        elif parameter.required:
            arguments += [parameter.opts[0], FILLED.get(parameter.name, "x")]
    return [*arguments, *FURTHER.get(words, ())]


ON_A_CASE = [w for w, c in COMMANDS.items() if any(p.name == "case" for p in c.params) and w != ("case", "create")]


def test_the_commands_on_a_case_are_most():
    assert len(ON_A_CASE) >= 12
    assert {("run",), ("show",), ("release",), ("evidence", "add")} <= set(ON_A_CASE)


@pytest.mark.parametrize("words", ON_A_CASE, ids=" ".join)
def test_a_path_that_is_no_case_is_one_clear_line(words, headwater, tmp_path):
    for path, reason in ((tmp_path / "none", "no such folder"), (tmp_path, "no case here (case.toml is missing)")):
        done = headwater(*call(words, path))
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"headwater: {path}: {reason}; ")
        assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ON_A_CASE, ids=" ".join)
def test_a_case_of_a_newer_headwater_is_one_clear_line_and_left_alone(words, headwater, tmp_path):
    settings = tmp_path / "case.toml"
    settings.write_text('case_format = 99\nof_tomorrow = "x"\n')
    done = headwater(*call(words, tmp_path))
    assert (done.status, done.out) == (2, "")
    assert "case format 99 is newer than this headwater reads (1)" in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_every_command_that_prints_has_json(words):
    flags = {flag for parameter in COMMANDS[words].params for flag in parameter.opts}
    assert "--json" in flags


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_bad_use_is_one_line_on_standard_error(words, headwater):
    done = headwater(*words, "--no-such-option")
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith("headwater: ")


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_help_is_no_failure(words, headwater):
    done = headwater(*words, "--help")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (RefusedError("policy said no"), 2, "headwater: policy said no\n"),
        (IntegrityError("a.parquet: altered"), 2, "headwater: a.parquet: altered\n"),
        (OSError(28, "No space left on device", "/x/tables"), 2, "headwater: /x/tables: No space left on device\n"),
        (OSError(5, "Input/output error"), 2, "headwater: system: Input/output error\n"),
        (KeyboardInterrupt(), 130, "headwater: interrupted; "),
        (ZeroDivisionError("x"), 70, "headwater: this is a defect of headwater; "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_an_error_becomes(error, status, told, small, headwater, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("headwater.workflow.verify_path", fail)
    done = headwater("verify", small.case)
    assert done.status == status
    assert done.out == ""
    assert told in done.err
    assert ("Traceback" in done.err) == (status == 70)


def test_doctor_fails_where_something_needed_is_missing(headwater, monkeypatch):
    row = type("Row", (), {"check": "landlock", "ok": False, "detail": "not in this kernel"})
    monkeypatch.setattr("headwater.evidence.doctor_report", lambda: [row])
    assert headwater("doctor").status == 1
    row.detail = "mke2fs is absent (optional)"
    assert headwater("doctor").status == 0


# JSON from the commands that take things in, decide and send


def test_every_step_of_a_case_answers_in_json(small, headwater, tmp_path):
    folder, case = small.folder, tmp_path / "new"
    (folder / "new.csv").write_bytes(b"source_key,full_name,convicted\n9,Vera Holm,no\n")
    steps = (
        (("case", "create", case, "--authority", "Order 2", "--operator", "A"), {"case", "custody_root"}),
        (("evidence", "add", case, folder / "files", "--exhibit", "F", "--allow-unsealed"), {"exhibit_id", "sha256"}),
        (
            ("reference", "add", case, "records", folder / "new.csv", "--name", "n", "--version", "1"),
            {"rows", "defects"},
        ),
        (("map", case, "--approve", folder / "mapping.yaml"), {"mapping_id", "bindings"}),
        (("run", case, "--until", "catalogue", "--allow-unsealed", "--workers", 1), {"stage", "run_id", "changed"}),
        (("explain", case, "F"), {"depth", "table", "row"}),
        (("hash", folder / "files" / "b.txt", "--allow-unsealed", "--workers", 1), {"sha256", "path"}),
        (("verify", case), {"check", "ok", "first_bad"}),
        (("doctor",), {"check", "ok", "detail"}),
    )
    for step, names in steps:
        done = headwater(*step, "--json")
        assert done.status in {0, 1} if step == ("doctor",) else done.status == 0, done.err
        assert done.rows
        assert all(names <= row.keys() for row in done.rows)
        assert done.err == ""


def test_remarks_go_to_standard_error(small, headwater):
    empty = headwater("show", small.case, "invoices", "--json")
    assert (empty.status, empty.out, empty.err) == (0, "", "invoices: no row\n")
    short = headwater("leads", small.case, "--limit", 1, "--json")
    assert len(short.rows) == 1
    more, head = short.err.splitlines()
    assert more == f"{len(headwater('leads', small.case, '--json').rows) - 1} more; --limit 0 shows all"
    assert head.startswith("custody head ")


# A reader that goes away


def left_alone(*arguments):
    """Status and standard error of the program when nobody reads what it prints."""
    with subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        program.stdout.close()
        told = program.stderr.read()
        return program.wait(60), told.decode()


def test_verification_goes_on_and_fails_although_nobody_reads(small):
    (small.folder / "files" / "b.txt").write_bytes(b"another\n")
    assert left_alone("verify", small.case) == (1, "1 check(s) failed\n")


def test_a_run_goes_on_although_nobody_reads(small, headwater):
    settings = small.case / "case.toml"
    settings.write_text(settings.read_text().replace("trace_max_hops = 20", "trace_max_hops = 21"))
    assert left_alone("run", small.case, "--json", "--allow-unsealed", "--workers", 1) == (0, "")
    again = headwater("run", small.case, "--json", "--allow-unsealed").rows
    assert [row["changed"] for row in again] == [False] * len(STAGES)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("hash", "--help"), ("doctor",)], ids=" ".join)
def test_nobody_reading_is_no_error(arguments):
    status, told = left_alone(*arguments)
    assert told == ""
    assert status in {0, 1} if arguments == ("doctor",) else status == 0


def test_the_program_answers_a_program_in_json_lines_alone(small):
    done = subprocess.run([PROGRAM, "digests", small.case, "--json"], capture_output=True, check=True)
    assert done.stderr == b""
    assert all(set(json.loads(line)) == {"sha256", "stage", "table", "rows"} for line in done.stdout.splitlines())


def test_the_json_of_a_run_and_its_text_tell_the_same(small, headwater):
    rows = headwater("run", small.case, "--json", "--allow-unsealed").rows
    text = headwater("run", small.case, "--allow-unsealed").out
    assert [line.partition(":")[0] for line in text.splitlines()] == [row["stage"] for row in rows]


def test_a_word_that_is_no_judgement_is_refused_and_recorded(small, headwater):
    link = headwater("queue", small.case, "--limit", 1, "--json").rows[0]["link_id"]
    done = headwater("judge", small.case, link, "perhaps", "--operator", "A", "--why", "x")
    assert done.status == 2
    assert "'perhaps' is no judgement" in done.err
    last = json.loads((small.case / "custody.log").read_text().splitlines()[-1])
    assert (last["event"], last["operation"]) == ("failed", "alteration")
