"""Jobs that fail in every way a worker can fail; reachable only through a switch that the tests set."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.basic import Emit, Job
from headwater_sealed.channel import BATCH, END, HEADER, SCHEMA

__all__ = ["MISBEHAVE_SCHEMA", "TEST_JOBS", "misbehave"]

MISBEHAVE_SCHEMA = pa.schema(
    [
        pa.field("entry_index", pa.int64(), nullable=False),
        pa.field("answer", pa.string()),
        pa.field("reason", pa.string()),
    ]
)

_CHANNEL = 3


def _row(index: int, answer: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"entry_index": index, "answer": answer}], schema=MISBEHAVE_SCHEMA)


def _frame(kind: bytes, payload: bytes) -> None:
    os.write(_CHANNEL, HEADER.pack(kind, len(payload)) + payload)


def _hang(_emit: Emit) -> None:
    while True:
        time.sleep(1)


def _spin(_emit: Emit) -> None:
    while True:
        pass


def _bomb(_emit: Emit) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))


def _raise(_emit: Emit) -> None:
    raise ValueError("a\nhostile\x1b[31m reason" + "x" * 10_000)


def _segfault(_emit: Emit) -> None:
    ctypes.string_at(1)


def _abort(_emit: Emit) -> None:
    os.abort()


def _exit(_emit: Emit) -> None:
    os._exit(0)


def _huge_reply(emit: Emit) -> None:
    while True:
        emit(_row(0, "x" * (1 << 20)))


def _huge_claim(_emit: Emit) -> None:
    os.write(_CHANNEL, HEADER.pack(BATCH, 1 << 62))
    time.sleep(60)


def _many_small(_emit: Emit) -> None:
    while True:
        _frame(BATCH, b"")


def _noise(_emit: Emit) -> None:
    _frame(BATCH, os.urandom(4096))


def _unknown_frame(_emit: Emit) -> None:
    _frame(b"?", b"")


def _bad_end(_emit: Emit) -> None:
    _frame(END, b"[" * 60_000)


def _other_schema(_emit: Emit) -> None:
    schema = pa.schema([("surprise", pa.int64())])
    _frame(SCHEMA, schema.serialize().to_pybytes())


def _emit_other(emit: Emit) -> None:
    emit(pa.RecordBatch.from_pylist([{"surprise": 1}]))


def _batch_of_other_schema(_emit: Emit) -> None:
    _frame(BATCH, pa.RecordBatch.from_pylist([{"surprise": 1}]).serialize().to_pybytes())


def _null_in_required(_emit: Emit) -> None:
    loose = pa.schema([(field.name, field.type) for field in MISBEHAVE_SCHEMA])
    _frame(BATCH, pa.RecordBatch.from_pylist([{"answer": "no index"}], schema=loose).serialize().to_pybytes())


def _not_utf8(_emit: Emit) -> None:
    bad = pa.array([b"\xff\xfe"], type=pa.binary()).view(pa.string())
    batch = pa.RecordBatch.from_arrays([pa.array([0]), bad, bad], schema=MISBEHAVE_SCHEMA)
    _frame(BATCH, batch.serialize().to_pybytes())


def _bad_offsets(_emit: Emit) -> None:
    # The library will not write such a batch, so a sound one is altered: its one string now ends far outside.
    sound = _row(0, "x" * 777).serialize().to_pybytes()
    before, _offsets, after = sound.rpartition(struct.pack("<ii", 0, 777))  # the last is in the body
    _frame(BATCH, before + struct.pack("<ii", 0, 1 << 30) + after)


def _compressed(_emit: Emit) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, MISBEHAVE_SCHEMA, options=options) as writer:
        writer.write_batch(_row(0, "\0" * (64 << 20)))
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    reader.read_next_message()
    _frame(BATCH, reader.read_next_message().serialize().to_pybytes())


def _import_late(_emit: Emit) -> None:
    import this  # noqa: F401  # a module that nothing else loads


def _tell_loops(emit: Emit) -> None:
    from headwater_sealed.pdq_sampling import kernels  # a worker of basic jobs has no such module

    emit(_row(0, "numpy" if kernels() is None else "machine code"))


def _stay_behind(_emit: Emit) -> None:
    # A thread that never ends: the answer counts, the process must not outlive it.
    threading.Thread(target=_hang, args=(_emit,)).start()


def _close_channel(_emit: Emit) -> None:
    os.close(_CHANNEL)
    time.sleep(60)


def _stop(_emit: Emit) -> None:
    signal.raise_signal(signal.SIGSTOP)


def _forge_index(emit: Emit) -> None:
    emit(_row(7_000_000, "somebody else's entry"))


BEHAVIOURS: tuple[tuple[str, Callable[[Emit], None]], ...] = (
    ("hang", _hang),
    ("spin", _spin),
    ("bomb", _bomb),
    ("raise", _raise),
    ("segfault", _segfault),
    ("abort", _abort),
    ("exit", _exit),
    ("huge reply", _huge_reply),
    ("huge claim", _huge_claim),
    ("many small", _many_small),
    ("noise", _noise),
    ("unknown frame", _unknown_frame),
    ("bad end", _bad_end),
    ("other schema", _other_schema),
    ("emit other", _emit_other),
    ("batch of other schema", _batch_of_other_schema),
    ("null in required", _null_in_required),
    ("not utf-8", _not_utf8),
    ("bad offsets", _bad_offsets),
    ("compressed", _compressed),
    ("import late", _import_late),
    ("tell loops", _tell_loops),
    ("stay behind", _stay_behind),
    ("close channel", _close_channel),
    ("stop", _stop),
    ("forge index", _forge_index),
)


def misbehave(_files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row for each well-behaved entry; an entry that names a behaviour does that instead."""
    behaviours = dict(BEHAVIOURS)
    for index, entry in enumerate(parameters["entries"]):
        behaviour = entry.get("behaviour")
        if behaviour is not None:
            behaviours[behaviour](emit)
        if behaviour != "forge index":
            emit(_row(index, entry.get("answer", "done")))


TEST_JOBS: tuple[Job, ...] = (Job(name="misbehave", schema=MISBEHAVE_SCHEMA, function=misbehave),)
