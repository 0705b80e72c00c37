"""The custody log keeps what it acknowledged, and shows what was altered, cut or torn."""

from __future__ import annotations

import hashlib
import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from headwater.custody import (
    HEADS_NAME,
    LOG_NAME,
    PAYLOADS_NAME,
    TORN_NAME,
    CustodyLog,
    create_case_key,
    create_operator_key,
    load_case_key,
    load_operator_key,
    load_public_key,
    verify_log,
)
from headwater.custody.merkle import Frontier, leaf_digest, root_of
from headwater.errors import CaseNotFoundError, ConfigError, InputError, IntegrityError

ACT = {"actor": "Iva Example", "role": "analyst", "justification": "exercise"}


def clock() -> datetime:
    return datetime(2026, 11, 3, 9, 30, 0, 250, tzinfo=UTC)


def new_log(folder: Path, *, entries: int = 4) -> CustodyLog:
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), clock=clock, object_ids=("case-1",), **ACT)
    for number in range(entries - 1):
        log.append(event="parsed", clock=clock, params={"number": number}, output_digests={"t": "ab" * 32}, **ACT)
    return log


def failed(folder: Path) -> list[str]:
    return [check.check for check in verify_log(folder) if not check.ok]


def cut_last_line(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def test_entries_come_back_as_they_were_appended(tmp_path):
    log = new_log(tmp_path)
    madrid = timezone(timedelta(hours=1))
    entry = log.append(
        event="matched",
        clock=lambda: datetime(2026, 11, 3, 10, 0, tzinfo=madrid),
        object_ids=("itm-1", "itm-2"),
        input_digests={"b": "00" * 32, "a": "11" * 32},
        outcome="refused: no sandbox",
        workstation="desk 4",
        authority_ref="warrant 12",
        **ACT,
    )
    *_, last = CustodyLog.open(tmp_path).entries()
    assert last == entry
    assert last.at_utc == datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
    assert last.object_ids == ("itm-1", "itm-2")
    assert last.params_sha256 == hashlib.sha256(b"{}").hexdigest()
    assert failed(tmp_path) == []
    assert log.head().entries == 5
    assert log.head().root == root_of((tmp_path / LOG_NAME).read_bytes().splitlines()).hex()


def test_tree_is_that_of_the_rfc():
    def recursive(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return hashlib.sha256(b"\x00" + leaves[0]).digest()
        split = 1
        while split * 2 < len(leaves):
            split *= 2
        return hashlib.sha256(b"\x01" + recursive(leaves[:split]) + recursive(leaves[split:])).digest()

    assert Frontier().root() == hashlib.sha256(b"").digest()
    lines = [bytes([n]) * n for n in range(70)]
    tree = Frontier()
    for count, line in enumerate(lines, start=1):
        tree.add(leaf_digest(line))
        assert tree.root() == recursive(lines[:count])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"event": "deleted"}, "no event"),
        ({"event": "created"}, "only the log itself"),
        ({"event": "parsed", "outcome": "fine"}, "outcome"),
        ({"event": "parsed", "params": {"share": 0.5}}, "floats"),
        ({"event": "parsed", "input_digests": {"x": "AB" * 32}}, "SHA-256"),
        ({"event": "parsed", "clock": lambda: datetime(2026, 1, 1)}, "zone"),  # noqa: DTZ001 - that it is refused
        ({"event": "parsed", "justification": "\udcff"}, "recorded"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_leaves_the_log_as_it_was(tmp_path, fields, words):
    log = new_log(tmp_path)
    before = (tmp_path / LOG_NAME).read_bytes()
    with pytest.raises(InputError, match=words):
        log.append(**{"clock": clock, **ACT, **fields})
    assert (tmp_path / LOG_NAME).read_bytes() == before
    log.append(event="parsed", clock=clock, **ACT)
    assert failed(tmp_path) == []


def test_two_writers_continue_one_chain(tmp_path):
    first = new_log(tmp_path)
    second = CustodyLog.open(tmp_path)
    for log in (first, second, second, first):
        log.append(event="opened", clock=clock, **ACT)
    assert [entry.seq for entry in first.entries()] == list(range(8))
    assert failed(tmp_path) == []


@pytest.mark.parametrize("kept_bytes", [1, 40, -1])
def test_a_torn_last_line_is_seen_and_repaired_and_nothing_acknowledged_is_lost(tmp_path, kept_bytes):
    log = new_log(tmp_path)
    acknowledged = list(log.entries())
    heads = (tmp_path / HEADS_NAME).read_bytes()
    log.append(event="parsed", clock=clock, **ACT)
    whole = (tmp_path / LOG_NAME).read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    torn = last[:kept_bytes]
    (tmp_path / LOG_NAME).write_bytes(whole[: -len(last)] + torn)  # the crash came before the line was whole
    (tmp_path / HEADS_NAME).write_bytes(heads)

    assert failed(tmp_path) == ["custody.log.lines", "custody.payloads"]
    opened = CustodyLog.open(tmp_path)
    assert opened.interruption is not None
    assert opened.interruption.torn_bytes == torn
    opened.append(event="opened", clock=clock, **ACT)
    assert failed(tmp_path) == []
    entries = list(CustodyLog.open(tmp_path).entries())
    assert entries[: len(acknowledged)] == acknowledged
    assert [entry.event for entry in entries[len(acknowledged) :]] == ["repaired", "opened"]
    assert entries[-2].input_digests["torn"] == hashlib.sha256(torn).hexdigest()
    assert (tmp_path / TORN_NAME).read_bytes() == torn + b"\n"


@pytest.mark.parametrize("kept_bytes", [0, 1, 60])
def test_an_entry_without_its_head_is_kept_because_it_is_signed(tmp_path, kept_bytes):
    log = new_log(tmp_path)
    whole = (tmp_path / HEADS_NAME).read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    (tmp_path / HEADS_NAME).write_bytes(whole[: -len(last)] + last[:kept_bytes])
    entries = list(log.entries())
    assert "custody.heads.complete" in failed(tmp_path)
    opened = CustodyLog.open(tmp_path)
    opened.append(event="opened", clock=clock, **ACT)
    assert failed(tmp_path) == []
    assert list(opened.entries())[: len(entries)] == entries


def test_an_unsigned_entry_at_the_end_is_never_signed_for(tmp_path):
    new_log(tmp_path)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = new_log(stranger, entries=1)
    for _ in range(4):
        other.append(event="opened", clock=clock, **ACT)
    planted = (stranger / LOG_NAME).read_bytes().splitlines(keepends=True)[4]
    previous = (tmp_path / LOG_NAME).read_bytes().splitlines()[-1]
    theirs = (stranger / LOG_NAME).read_bytes().splitlines()[3]
    planted = planted.replace(
        hashlib.sha256(theirs).hexdigest().encode(), hashlib.sha256(previous).hexdigest().encode()
    )
    with (tmp_path / LOG_NAME).open("ab") as file:
        file.write(planted)
    with pytest.raises(IntegrityError, match="not signed"):
        CustodyLog.open(tmp_path)
    assert "custody.log.signatures" in failed(tmp_path)


@pytest.mark.parametrize("name", [LOG_NAME, HEADS_NAME])
def test_cutting_the_end_of_either_file_is_seen(tmp_path, name):
    new_log(tmp_path)
    cut_last_line(tmp_path / name)
    assert "custody.heads.complete" in failed(tmp_path)
    if name == HEADS_NAME:
        cut_last_line(tmp_path / name)  # one missing head is what a crash leaves; two are not
    with pytest.raises(IntegrityError, match="cut off"):
        CustodyLog.open(tmp_path)


def test_cutting_all_files_alike_needs_a_witness(tmp_path):
    log = new_log(tmp_path)
    witness = log.head()
    cut_last_line(tmp_path / LOG_NAME)
    cut_last_line(tmp_path / HEADS_NAME)
    assert failed(tmp_path) == ["custody.payloads"]
    cut_last_line(tmp_path / PAYLOADS_NAME)
    assert failed(tmp_path) == []
    assert CustodyLog.open(tmp_path).head().entries < witness.entries


def test_an_append_sees_what_was_altered_meanwhile(tmp_path):
    log = new_log(tmp_path)
    content = (tmp_path / LOG_NAME).read_bytes()
    (tmp_path / LOG_NAME).write_bytes(content.replace(b'"analyst"', b'"Analyst!"', 1))
    with pytest.raises(IntegrityError):
        log.append(event="opened", clock=clock, **ACT)


def test_a_full_medium_records_nothing(tmp_path, monkeypatch):
    log = new_log(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in (LOG_NAME, HEADS_NAME)}
    written = iter([7, OSError(28, "No space left on device")])
    real = os.write

    def write(descriptor, content):
        outcome = next(written)
        if isinstance(outcome, OSError):
            raise outcome
        return real(descriptor, bytes(content)[:outcome])

    monkeypatch.setattr("headwater.custody.state.os.write", write)
    with pytest.raises(InputError, match="No space left"):
        log.append(event="opened", clock=clock, **ACT)
    monkeypatch.undo()
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    log.append(event="opened", clock=clock, **ACT)
    assert failed(tmp_path) == []


def test_another_key_does_not_verify(tmp_path):
    new_log(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    checks = {check.check: check.ok for check in verify_log(tmp_path, create_case_key(other).public_key())}
    assert not checks["custody.log.first"]
    assert not checks["custody.log.signatures"]
    assert not checks["custody.heads.signatures"]


def test_a_folder_without_a_log_is_no_case(tmp_path):
    with pytest.raises(CaseNotFoundError):
        CustodyLog.open(tmp_path)


def test_a_log_is_never_begun_twice(tmp_path):
    new_log(tmp_path)
    with pytest.raises(ConfigError, match="already"):
        CustodyLog.create(tmp_path, signing_key=load_case_key(tmp_path), clock=clock, **ACT)


def test_private_keys_are_for_their_owner_only(tmp_path):
    key = create_case_key(tmp_path)
    create_operator_key(tmp_path, "Iva Example")
    assert load_case_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
    assert load_operator_key(tmp_path, "Iva Example").private_bytes_raw() != key.private_bytes_raw()
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700
    files = sorted((tmp_path / "private").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    with pytest.raises(ConfigError, match="already"):
        create_operator_key(tmp_path, "Iva Example")
    files[0].chmod(0o640)
    files[1].chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        load_case_key(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_operator_key(tmp_path, "Nobody")


def test_a_public_key_has_one_spelling(tmp_path):
    create_case_key(tmp_path)
    path = tmp_path / "public" / "case-signing.pem"
    load_public_key(path)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputError, match="not an Ed25519 public key"):
        load_public_key(path)
