"""Nothing of a reply is believed: each altered byte is refused or harmless, and never ends the parent."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.evidence.sealed_channel import BATCH, END, SCHEMA, ChildEndedError, ChildSocket, explain_exit
from headwater.evidence.sealed_replies import checked_batches, one_line, seal_states
from headwater.evidence.sealed_report import ALL_LAYERS, report_of, unavailable
from headwater.evidence.sealed_schemas import Expected
from headwater_sealed.channel import SEALED, Reply

FIELDS = pa.schema(
    [
        pa.field("entry_index", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("pdq", pa.binary(4)),
        pa.field("values", pa.list_(pa.binary())),
    ]
)
EXPECTED = Expected(name="sample", schema=FIELDS)
ROWS = [
    {"entry_index": 0, "name": "näme", "pdq": b"abcd", "values": [b"x", None, b""]},
    {"entry_index": 2, "name": None, "pdq": None, "values": None},
]
SOUND = pa.RecordBatch.from_pylist(ROWS, schema=FIELDS).serialize().to_pybytes()


def answer(*frames: tuple[bytes, bytes], reply_bytes: int = 1 << 20, entry_count: int | None = 3) -> list[dict]:
    """The rows that the parent accepts of these frames."""
    ours, theirs = socket.socketpair()
    with closing(ChildSocket(ours, wall_s=5.0)) as child, theirs:
        reply = Reply(theirs.fileno())
        for kind, payload in frames:
            reply.send(kind, payload)
        theirs.shutdown(socket.SHUT_WR)
        batches = checked_batches(child, EXPECTED, reply_bytes=reply_bytes, entry_count=entry_count)
        return [row for batch in batches for row in batch.to_pylist()]


@pytest.fixture
def schema_frame() -> Iterator[tuple[bytes, bytes]]:
    return (SCHEMA, FIELDS.serialize().to_pybytes())


END_FRAME = (END, b"{}")


def test_a_sound_reply_is_what_was_sent(schema_frame: tuple[bytes, bytes]):
    assert answer(schema_frame, (BATCH, SOUND), (BATCH, SOUND), END_FRAME) == ROWS * 2


def test_no_batch_at_all_is_an_answer(schema_frame: tuple[bytes, bytes]):
    assert answer(schema_frame, END_FRAME) == []


def test_no_end_is_no_answer(schema_frame: tuple[bytes, bytes]):
    with pytest.raises(ChildEndedError, match="cut short"):
        answer(schema_frame, (BATCH, SOUND))


def test_an_end_without_a_schema_is_no_answer():
    with pytest.raises(ChildEndedError, match="no schema"):
        answer(END_FRAME)


def test_a_batch_before_the_schema_is_out_of_turn():
    with pytest.raises(ChildEndedError, match="out of turn"):
        answer((BATCH, SOUND), END_FRAME)


def test_another_schema_is_refused():
    other = pa.schema([*list(FIELDS)[:3], pa.field("values", pa.list_(pa.string()))])
    with pytest.raises(ChildEndedError, match="another schema than expected"):
        answer((SCHEMA, other.serialize().to_pybytes()), END_FRAME)


def test_the_size_of_all_batches_together_is_limited(schema_frame: tuple[bytes, bytes]):
    frames = [(BATCH, SOUND)] * 3
    assert len(answer(schema_frame, *frames, END_FRAME, reply_bytes=3 * len(SOUND))) == 6
    with pytest.raises(ChildEndedError, match="reply too large"):
        answer(schema_frame, *frames, END_FRAME, reply_bytes=3 * len(SOUND) - 1)


def test_an_index_outside_the_group_is_refused(schema_frame: tuple[bytes, bytes]):
    with pytest.raises(ChildEndedError, match="entry index 2 of 2"):
        answer(schema_frame, (BATCH, SOUND), END_FRAME, entry_count=2)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_batch_is_refused_unread(schema_frame: tuple[bytes, bytes], codec: str):
    batch = pa.RecordBatch.from_pylist([{"entry_index": 0, "name": "\0" * 100_000}], schema=FIELDS)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, FIELDS, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_batch(batch)
    messages = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))
    with pytest.raises(ChildEndedError, match="a compressed batch"):
        answer(schema_frame, (BATCH, messages[1].serialize().to_pybytes()), END_FRAME)


def test_a_schema_message_is_no_batch(schema_frame: tuple[bytes, bytes]):
    with pytest.raises(ChildEndedError, match="a schema in place of a record batch"):
        answer(schema_frame, (BATCH, schema_frame[1]), END_FRAME)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(SOUND) - 1), value=st.integers(0, 255), cut=st.integers(0, 40))
def test_an_altered_batch_is_refused_or_valid(at: int, value: int, cut: int):
    altered = bytearray(SOUND)
    altered[at] = value
    payload = bytes(altered[: len(altered) - cut])
    reason, rows = "bad reply", []
    try:
        rows = answer((SCHEMA, FIELDS.serialize().to_pybytes()), (BATCH, payload), END_FRAME)
    except ChildEndedError as error:
        reason = error.reason
    assert reason.startswith("bad reply")
    assert all(0 <= row["entry_index"] < 3 for row in rows)


@settings(max_examples=100, deadline=None)
@given(payload=st.binary(max_size=400))
def test_noise_is_refused(payload: bytes):
    with pytest.raises(ChildEndedError, match="bad reply"):
        answer((SCHEMA, FIELDS.serialize().to_pybytes()), (BATCH, payload), END_FRAME)


@pytest.mark.parametrize("note", [b"", b"[]", b"1", b"\xff", b"[" * 50_000, b'{"error"'])
def test_a_note_that_is_no_object_is_refused(schema_frame: tuple[bytes, bytes], note: bytes):
    with pytest.raises(ChildEndedError, match="no JSON object"):
        answer(schema_frame, (END, note))


def test_an_error_is_told_in_one_printable_line(schema_frame: tuple[bytes, bytes]):
    note = {"error": "Value\x1b[2J\nError: " + "y" * 1000, "imports": ["late.module"]}
    with pytest.raises(ChildEndedError) as caught:
        answer(schema_frame, (END, json.dumps(note).encode()))
    assert caught.value.reason.startswith("Value [2J Error: yyy")
    assert caught.value.reason.endswith("(asked after the seal for: ['late.module'])")
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) < 400


@given(st.text())
def test_one_line_is_one_printable_line(text: str):
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 300


def test_the_report_names_what_is_missing():
    ours, theirs = socket.socketpair()
    states = [{"name": name, "held": name != "landlock", "detail": "ABI 0"} for name in ALL_LAYERS]
    with closing(ChildSocket(ours, wall_s=5.0)) as child, theirs:
        Reply(theirs.fileno()).send_object(SEALED, {"layers": states})
        report = report_of(seal_states(child))
    assert not report.sealed
    assert report.missing == ("landlock: ABI 0",)
    assert not unavailable("no kernel").sealed
    assert report_of((name, True, "") for name in ALL_LAYERS).sealed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended without an answer (exit code 0)"),
        (3, "ended without an answer (exit code 3)"),
        (-31, "killed by signal 31 (a system call that no decoder makes)"),
        (-24, "killed by signal 24 (processor time limit)"),
        (-40, "killed by signal 40"),
        (-33, "killed by signal 33"),
    ],
)
def test_an_exit_code_in_words(code: int, words: str):
    assert explain_exit(code) == words
