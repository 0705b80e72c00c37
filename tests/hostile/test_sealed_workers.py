"""What a hijacked or broken worker can do: nothing, and its neighbours do not notice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from headwater.errors import ConfigError, UnsealedError
from headwater.evidence.doctor import doctor_report
from headwater.evidence.sealed import (
    ALL_LAYERS,
    Failure,
    Limits,
    SealedPool,
    SealedWorkerError,
    sandbox_report,
)
from headwater.evidence.sealed_channel import SEALED, ChildEndedError, ChildSocket, Zygote
from headwater_sealed.misbehaviour import BEHAVIOURS
from headwater_sealed.probes import ATTEMPTS

MIB = 1024 * 1024
ATTEMPT_NAMES = tuple(name for name, _run in ATTEMPTS)
SHORT = Limits(wall_s=1.0, memory_bytes=256 * MIB, reply_bytes=4 * MIB)
PATIENT = Limits(wall_s=60.0, memory_bytes=256 * MIB, reply_bytes=4 * MIB)
ENDLESS = ("hang", "spin", "stop")

# Calls that no decoder makes even to probe: whoever tries one is killed, not just refused.
FATAL_ATTEMPTS = (
    "open an internet socket",
    "open a Unix socket",
    "open a netlink socket",
    "connect to the loopback interface",
    "fork",
    "fork by clone",
    "run a program",
    "run a program by descriptor",
    "trace its parent",
    "read its parent's memory",
    "set up io_uring",
    "load a kernel program",
    "enter new namespaces",
)

# Attempts that get through where nothing is sealed, whoever runs them: they are real.
HARMLESS_UNSEALED = (
    "read a file",
    "list a directory",
    "look at a path",
    "make a file",
    "open an internet socket",
    "open a Unix socket",
    "connect to the loopback interface",
    "send a message",
    "fork",
    "fork by clone",
    "signal its parent",
    "map writable code",
    "turn bytes into code",
    "copy a descriptor",
    "control a device",
    "take all memory",
)

REASONS = {
    "hang": "time limit of 1 s",
    "spin": "time limit of 1 s",
    "stop": "time limit of 1 s",
    "bomb": "out of memory",
    "raise": "ValueError: a hostile [31m reason",
    "segfault": "killed by signal 11 (memory fault)",
    "abort": "killed by signal 6 (gave up)",
    "exit": "ended without an answer (exit code 0)",
    "close channel": "closed its channel",
    "huge reply": "reply too large",
    "huge claim": "reply too large",
    "many small": "bad reply",
    "noise": "bad reply",
    "unknown frame": "bad reply: a frame of no known kind",
    "bad end": "bad reply: a note that is no JSON object",
    "other schema": "bad reply: a frame of no known kind, or out of turn",
    "emit other": "TypeError: misbehave emitted another schema than it declares",
    "batch of other schema": "bad reply",
    "null in required": "bad reply: column entry_index has nulls",
    "not utf-8": "bad reply",
    "bad offsets": "bad reply: In column 1: Invalid: Offset invariant failure",
    "compressed": "bad reply: a compressed batch",
    "import late": "ModuleNotFoundError: module this was asked for after the seal",
    "forge index": "bad reply: entry index 7000000 of 1",
}


ANSWERING = ("stay behind", "tell loops")
"""Behaviours that do end with an answer."""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "evidence"
    path.write_bytes(b"\x7fnothing of importance" * 100)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def pool() -> Iterator[SealedPool]:
    with SealedPool(jobs="basic", test_jobs=True, workers=2) as entered:
        yield entered


@pytest.fixture(scope="module")
def attempts(pool: SealedPool, evidence: Path) -> dict[str, tuple[bool, str]]:
    return _try_all(pool, evidence)


def _try_all(pool: SealedPool, evidence: Path) -> dict[str, tuple[bool, str]]:
    """For each attempt, whether it escaped, and in what words it ended."""
    outcome: dict[str, tuple[bool, str]] = {}
    groups = [{"attempt": name} for name in ATTEMPT_NAMES]
    for name, result in zip(ATTEMPT_NAMES, pool.groups("probe", [evidence], groups), strict=True):
        if isinstance(result, Failure):
            outcome[name] = (not result.reason.startswith("killed by signal 31"), result.reason)
        else:
            (row,) = result.to_pylist()
            outcome[name] = (row["escaped"], row["detail"])
    return outcome


def test_there_are_enough_attempts():
    assert len(ATTEMPT_NAMES) == len(set(ATTEMPT_NAMES)) >= 40


@pytest.mark.parametrize("name", ATTEMPT_NAMES)
def test_no_attempt_leaves_the_seal(attempts: dict[str, tuple[bool, str]], name: str):
    escaped, detail = attempts[name]
    assert not escaped, detail


@pytest.mark.parametrize("name", FATAL_ATTEMPTS)
def test_what_no_decoder_calls_is_fatal(attempts: dict[str, tuple[bool, str]], name: str):
    assert attempts[name][1].startswith("killed by signal 31")


def test_the_attempts_are_real_where_nothing_is_sealed(evidence: Path):
    with SealedPool(jobs="basic", layers=(), allow_unsealed=True) as bare:
        outcome = _try_all(bare, evidence)
    assert [name for name in HARMLESS_UNSEALED if not outcome[name][0]] == []


def test_the_evidence_is_as_it_was(attempts: dict[str, tuple[bool, str]], evidence: Path):
    assert evidence.read_bytes() == b"\x7fnothing of importance" * 100


def test_reads_a_file_that_only_the_parent_may_open(pool: SealedPool, evidence: Path):
    # As root, the worker has dropped to a uid that may not: the descriptor is all it needs.
    (batch,) = pool.stream("echo", [evidence, evidence], {"head_bytes": 3})
    assert batch.to_pylist() == [
        {"file_index": 0, "size_bytes": 2200, "head": b"\x7fno"},
        {"file_index": 1, "size_bytes": 2200, "head": b"\x7fno"},
    ]


def test_hands_over_more_files_than_one_message_holds(pool: SealedPool, tmp_path: Path):
    files = []
    for index in range(150):
        files.append(tmp_path / f"{index:03}")
        files[-1].write_bytes(index.to_bytes(2, "big"))
    (batch,) = pool.stream("echo", files, {})
    assert [int.from_bytes(head, "big") for head in batch.column("head").to_pylist()] == list(range(150))


@pytest.mark.parametrize("behaviour", [name for name, _do in BEHAVIOURS if name not in ANSWERING])
def test_a_child_that_ends_abnormally_is_refused_with_its_reason(pool: SealedPool, behaviour: str):
    limits = SHORT if behaviour in ENDLESS else PATIENT
    (result,) = pool.groups("misbehave", [], [{"entries": [{"behaviour": behaviour}]}], limits=limits)
    assert isinstance(result, pa.Table)
    (row,) = result.to_pylist()
    assert row["entry_index"] == 0
    assert row["answer"] is None
    assert row["reason"].startswith(REASONS[behaviour])
    assert len(row["reason"]) <= 400
    assert row["reason"].isprintable()


def test_every_behaviour_has_a_reason_to_check():
    assert {*REASONS, *ANSWERING} == {name for name, _do in BEHAVIOURS}


def test_a_thread_left_behind_does_not_outlive_the_answer(pool: SealedPool):
    (result,) = pool.groups("misbehave", [], [{"entries": [{"behaviour": "stay behind"}]}], limits=PATIENT)
    assert isinstance(result, pa.Table)
    assert result.to_pylist() == [{"entry_index": 0, "answer": "done", "reason": None}]


@pytest.mark.parametrize("behaviour", ["segfault", "bomb", "noise", "huge reply", "forge index"])
def test_only_the_failing_entry_is_refused(pool: SealedPool, behaviour: str):
    entries = [{"answer": "first"}, {"behaviour": behaviour}, {"answer": "third"}]
    (result,) = pool.groups("misbehave", [], [{"entries": entries}], limits=PATIENT)
    assert isinstance(result, pa.Table)
    rows = result.to_pylist()
    assert [row["entry_index"] for row in rows] == [0, 1, 2]
    assert [row["answer"] for row in rows] == ["first", None, "third"]
    assert [row["reason"] is None for row in rows] == [True, False, True]


def test_results_come_in_order_whatever_the_number_of_workers():
    groups = [{"entries": [{"answer": f"{group}.{entry}"} for entry in range(3)]} for group in range(12)]
    groups[4]["entries"][1] = {"behaviour": "abort"}
    tables = []
    for workers in (1, 3):
        with SealedPool(jobs="basic", test_jobs=True, workers=workers) as pool:
            results = [result for result in pool.groups("misbehave", [], groups) if isinstance(result, pa.Table)]
            tables.append(pa.concat_tables(results))
    assert tables[0].equals(tables[1])
    assert tables[0].num_rows == 36


def test_a_group_without_entries_fails_as_a_value(pool: SealedPool, evidence: Path):
    results = list(pool.groups("probe", [evidence], [{"attempt": "fork"}, {"attempt": "read a file"}]))
    assert isinstance(results[0], Failure)
    assert isinstance(results[1], pa.Table)


def test_a_stream_that_breaks_keeps_what_came_before(pool: SealedPool):
    batches = pool.stream("misbehave", [], {"entries": [{"answer": "kept"}, {"behaviour": "segfault"}]})
    assert next(batches).to_pylist() == [{"entry_index": 0, "answer": "kept", "reason": None}]
    with pytest.raises(SealedWorkerError, match="misbehave: killed by signal 11"):
        next(batches)


def test_an_abandoned_stream_frees_its_worker(pool: SealedPool):
    batches = pool.stream("misbehave", [], {"entries": [{}, {"behaviour": "hang"}]})
    next(batches)
    batches.close()
    assert len(list(pool.stream("misbehave", [], {"entries": [{}]}))) == 1


def test_abandoned_groups_do_not_sit_out_the_time_limit(pool: SealedPool):
    long = Limits(wall_s=60.0)
    groups = [{"entries": [{}]}, {"entries": [{"behaviour": "hang"}, {}]}]
    results = pool.groups("misbehave", [], groups, limits=long)
    next(results)
    began_s = time.monotonic()
    results.close()
    assert time.monotonic() - began_s < 20
    assert len(list(pool.stream("misbehave", [], {"entries": [{}]}))) == 1


def _received_to_the_end(child: ChildSocket) -> None:
    while True:
        child.receive({SEALED: 1 << 16})


@pytest.mark.parametrize("after_ms", [0, 2, 4, 6, 8, 12, 20])
def test_a_worker_that_is_ended_leaves_no_child_however_far_that_has_come(after_ms: int):
    zygote = Zygote(jobs="basic", test_jobs=True)
    try:
        # No layer is put in force, so nothing but the group and the first line of the child ends it.
        plan = {"memory_bytes": 1 << 28, "cpu_s": 60, "file_count": 0, "layers": []}
        child = zygote.fork(plan, wall_s=30.0)
        time.sleep(after_ms / 1_000)
        zygote.kill()
        with pytest.raises(ChildEndedError, match="cut short"):
            _received_to_the_end(child)
        child.close()
    finally:
        zygote.close()


def test_a_worker_that_is_gone_is_replaced(pool: SealedPool):
    for zygote in pool._idle:
        zygote.kill()
    entries = [{"answer": "a"}, {"answer": "b"}]
    results = [*pool.groups("misbehave", [], [{"entries": entries}] * 4)]
    assert all(isinstance(result, pa.Table) for result in results)
    last = results[-1]
    assert isinstance(last, pa.Table)
    assert last.column("answer").to_pylist() == ["a", "b"]


def test_a_file_that_cannot_be_opened_is_a_refused_entry(tmp_path: Path, pool: SealedPool):
    entries = [{"file_index": 0}, {"file_index": 1}]
    good = tmp_path / "good"
    good.write_bytes(b"x")
    (result,) = pool.groups("misbehave", [good, tmp_path / "absent"], [{"entries": entries}])
    assert isinstance(result, pa.Table)
    assert result.column("answer").to_pylist() == ["done", None]
    assert result.column("reason").to_pylist() == [None, "absent: cannot be opened: No such file or directory"]


def test_a_pipe_is_no_evidence(tmp_path: Path, pool: SealedPool):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SealedWorkerError, match="neither a file nor a block device"):
        list(pool.stream("echo", [tmp_path / "pipe"], {}))


def test_jobs_that_fail_on_purpose_are_unknown_without_the_switch():
    with SealedPool(jobs="basic") as plain, pytest.raises(ConfigError, match="no sealed job is called misbehave"):
        list(plain.stream("misbehave", [], {"entries": []}))


def test_a_missing_layer_is_a_refusal():
    with (
        pytest.raises(UnsealedError, match="landlock: not tried"),
        SealedPool(jobs="basic", layers=ALL_LAYERS[:-2]),
    ):
        pytest.fail("evidence would have been parsed unsealed")


def test_no_process_outlives_the_pool():
    with SealedPool(jobs="basic", test_jobs=True) as pool:
        stream = pool.stream("misbehave", [], {"entries": [{}, {"behaviour": "hang"}]})
        next(stream)
        zygote = Zygote(jobs="basic")
        running = [zygote._process.pid, *(one._process.pid for one in pool._idle)]
        zygote.close()
        stream.close()
    assert [process for process in running if Path(f"/proc/{process}").exists()] == []


def test_the_report_and_the_doctor_agree_that_this_machine_is_sealed():
    report = sandbox_report()
    assert report.sealed, report.missing
    rows = doctor_report()
    assert [row for row in rows if not row.ok and not row.check.startswith("program")] == []
    assert {f"layer {name}" for name in ALL_LAYERS} <= {row.check for row in rows}
