"""Format 2 of the log: clock, program, operation, recipient; and texts that go without the log breaking."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import headwater
import headwater_verify
from headwater.custody import (
    EVENTS,
    LOG_NAME,
    OPERATIONS,
    PAYLOADS_NAME,
    CustodyLog,
    clock_source,
    create_case_key,
    inclusion_proof,
    program_sha256,
    verify_log,
    verify_proof,
)
from headwater.custody.machine import _PACKAGES
from headwater.errors import InputError, IntegrityError

WHO: dict[str, Any] = {
    "actor": "Ana",
    "role": "analyst",
    "justification": "about Iva Example",
    "clock": lambda: datetime(2026, 11, 3, 9, 30, tzinfo=UTC),
}
SECRET = b"about Iva Example"


@pytest.fixture
def log(tmp_path: Path) -> CustodyLog:
    log = CustodyLog.create(tmp_path, signing_key=create_case_key(tmp_path), **{**WHO, "justification": "exercise"})
    log.append(event="consulted", clock_source="a clock", **WHO)
    log.append(event="failed", operation="disclosure", outcome="refused: Iva Example\nmay not", **WHO)
    log.append(event="transferred", recipient="FR", **WHO)
    return log


def failed(folder: Path) -> list[str]:
    """The checks that fail, by both programs, which must agree."""
    ours = [check.check for check in verify_log(folder) if not check.ok]
    assert ours == [check.check for check in headwater_verify.verify(folder) if not check.ok]
    return ours


def lines(folder: Path, name: str = LOG_NAME) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


def test_entries_say_which_clock_which_program_and_which_operation(log, tmp_path):
    [_, consulted, refused, transferred] = lines(tmp_path)
    assert (consulted["clock_source"], consulted["operation"], consulted["recipient"]) == (
        "a clock",
        "consultation",
        "",
    )
    assert (refused["operation"], refused["outcome"]) == ("disclosure", "refused")
    assert (transferred["operation"], transferred["recipient"]) == ("disclosure", "FR")
    assert consulted["tool_sha256"] == program_sha256()
    assert [entry.outcome for entry in log.entries()] == ["done", "done", "refused: Iva Example\nmay not", "done"]
    assert failed(tmp_path) == []


def test_the_log_holds_none_of_the_texts(log, tmp_path):
    assert SECRET not in (tmp_path / LOG_NAME).read_bytes()
    assert b"Iva" not in (tmp_path / LOG_NAME).read_bytes()


def test_every_event_of_the_six_operations_is_one_that_there_is():
    assert set(OPERATIONS) < set(EVENTS)
    six = {"collection", "alteration", "consultation", "disclosure", "combination", "erasure"}
    assert set(OPERATIONS.values()) == six


def test_the_programs_digest_is_that_of_its_files():
    source = Path(headwater.__file__).parent.parent
    found = [
        (path.relative_to(source).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
        for package in _PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(found))
    assert program_sha256() == hashlib.sha256(listing.encode()).hexdigest()


def test_the_clock_is_described_and_the_note_of_the_operator_added():
    words = clock_source("2 s behind the wall clock of the court ")
    assert re.fullmatch(
        r"CLOCK_REALTIME of this machine, hardware \S+, (not synchronised|synchronised, .*|.*not known); "
        r"noted: 2 s behind the wall clock of the court",
        words,
    )
    assert "noted" not in clock_source()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"event": "transferred"}, "to whom is not said"),
        ({"event": "transferred", "recipient": " "}, "to whom is not said"),
        ({"event": "consulted", "justification": " "}, "needs a justification"),
        ({"event": "consulted", "actor": ""}, "no person"),
        ({"event": "consulted", "operation": "disclosure"}, "not that of the event"),
        ({"event": "failed", "operation": "theft", "outcome": "failed: x"}, "not that of the event"),
        ({"event": "erased"}, "only the log itself"),
        ({"event": "parsed", "tool_sha256": "AB" * 32}, "tool_sha256"),
    ],
)
def test_an_operation_without_person_reason_or_recipient_is_refused(log, tmp_path, fields, words):
    before = (tmp_path / LOG_NAME).read_bytes()
    with pytest.raises(InputError, match=words):
        log.append(**{**WHO, **fields})
    assert (tmp_path / LOG_NAME).read_bytes() == before
    assert failed(tmp_path) == []


# ---- Erasing


def test_texts_are_erased_and_the_log_verifies(log, tmp_path):
    before = (tmp_path / LOG_NAME).read_bytes()
    entry = log.erase([3, 1, 2], **{**WHO, "justification": "retention is over"})
    assert SECRET not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (tmp_path / LOG_NAME).read_bytes().startswith(before)
    assert failed(tmp_path) == []
    assert entry.object_ids == ("entry-1", "entry-2", "entry-3")
    erased = list(CustodyLog.open(tmp_path).entries())
    assert [e.justification for e in erased] == ["exercise", None, None, None, "retention is over"]
    assert erased[2].outcome == "refused"
    assert lines(tmp_path, PAYLOADS_NAME)[1] == {"erased_by": 4, "format": 2, "seq": 1}
    log.append(event="opened", **WHO)  # the same object goes on
    assert failed(tmp_path) == []


def test_the_receipt_is_a_proof_of_the_entry_that_erased(log, tmp_path):
    entry = log.erase([1], **{**WHO, "justification": "retention is over"})
    receipt = inclusion_proof(tmp_path, entry.seq)
    assert all(check.ok for check in verify_proof(receipt))
    document = json.loads(receipt)
    assert document["entry"]["object_ids"] == ["entry-1"]
    assert document["payload"]["justification"] == "retention is over"
    assert all(check.ok for check in verify_proof(inclusion_proof(tmp_path, 1)))
    assert json.loads(inclusion_proof(tmp_path, 1))["payload"] is None


@pytest.mark.parametrize("entries", [[], [9], [1, 1, 9], [-1]])
def test_what_cannot_be_erased_is_refused_and_nothing_is(log, tmp_path, entries):
    before = (tmp_path / PAYLOADS_NAME).read_bytes()
    with pytest.raises(InputError):
        log.erase(entries, **WHO)
    assert (tmp_path / PAYLOADS_NAME).read_bytes() == before


def test_nothing_is_erased_twice_and_a_reason_is_needed(log):
    log.erase([1], **WHO)
    with pytest.raises(InputError, match="erased before, under entry 4"):
        log.erase([1], **WHO)
    with pytest.raises(InputError, match="needs a justification"):
        log.erase([2], **{**WHO, "justification": ""})


@pytest.mark.parametrize("change", ["tombstone", "text", "swap", "salt", "gone", "back"])
def test_a_text_that_goes_or_changes_without_an_order_is_found(log, tmp_path, change):
    path = tmp_path / PAYLOADS_NAME
    kept = path.read_bytes().splitlines(keepends=True)
    if change == "back":
        log.erase([1], **WHO)
        path.write_bytes(b"".join([*kept, *path.read_bytes().splitlines(keepends=True)[4:]]))
    else:
        changed = {
            "tombstone": b'{"erased_by":3,"format":2,"seq":1}\n',
            "text": kept[1].replace(b"Iva", b"Eva"),
            "swap": kept[2],
            "salt": re.sub(rb'"salt":"..', b'"salt":"00', kept[1]),
            "gone": b"",
        }[change]
        path.write_bytes(b"".join([kept[0], changed, *kept[2:]]))
    assert failed(tmp_path) == ["custody.payloads"]
    if change == "back":  # as a crash leaves it: the next act erases it again
        CustodyLog.open(tmp_path).append(event="opened", **WHO)
        assert failed(tmp_path) == []
        assert list(CustodyLog.open(tmp_path).entries())[1].justification is None
    else:
        with pytest.raises(IntegrityError):
            CustodyLog.open(tmp_path)


def test_the_same_text_has_another_commitment_each_time(log, tmp_path):
    log.append(event="consulted", **WHO)
    log.append(event="consulted", **WHO)
    assert lines(tmp_path)[-1]["payload_sha256"] != lines(tmp_path)[-2]["payload_sha256"]
    assert lines(tmp_path, PAYLOADS_NAME)[-1]["salt"] != lines(tmp_path, PAYLOADS_NAME)[-2]["salt"]
