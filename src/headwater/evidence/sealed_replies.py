"""Believing nothing of a sealed child's reply: every batch is checked whole before anybody sees it.

Arrow's reader is the one parser of the child's bytes in the parent. It is given as little as possible: the schema is
the parent's own (the child's is compared as bytes, not parsed), compressed batches are refused before they are read, as
a few bytes of them can claim any amount of memory, and what was read is validated in full.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from headwater.evidence.sealed_channel import BATCH, END, SCHEMA, SEALED, ChildEndedError, ChildSocket
from headwater.evidence.sealed_schemas import Expected

__all__ = ["checked_batches", "one_line", "seal_states"]

_NOTE_BYTES = 64 * 1024
_REASON_CHARACTERS = 300


def one_line(text: object) -> str:
    """The text as one short printable line: it was written by whoever wrote the evidence."""
    printable = "".join(character if character.isprintable() else " " for character in str(text))
    return " ".join(printable.split())[:_REASON_CHARACTERS]


def _note(payload: bytearray) -> dict[str, Any]:
    """A small JSON object of the child."""
    try:
        note = json.loads(payload)
    except (ValueError, RecursionError):
        note = None
    if not isinstance(note, dict):
        raise ChildEndedError("bad reply: a note that is no JSON object")
    return note


def seal_states(child: ChildSocket) -> tuple[tuple[str, bool, str], ...]:
    """How each layer of the seal went, as (name, held, detail); comes before the child has seen any evidence."""
    _kind, payload = child.receive({SEALED: _NOTE_BYTES})
    return tuple((str(one["name"]), bool(one["held"]), one_line(one["detail"])) for one in _note(payload)["layers"])


def _table_field(buffer: memoryview, table: int, index: int) -> int:
    """Where a field of a flatbuffer table lies; 0 if it is absent."""
    (back,) = struct.unpack_from("<i", buffer, table)
    vtable = table - back
    if vtable < 0:
        raise ValueError("a table that begins before its message")
    (vtable_bytes,) = struct.unpack_from("<H", buffer, vtable)
    slot = 4 + 2 * index
    if slot + 2 > vtable_bytes:
        return 0
    (offset,) = struct.unpack_from("<H", buffer, vtable + slot)
    return table + offset if offset else 0


def _is_compressed(metadata: memoryview) -> bool:
    """Whether the message is a record batch with compressed buffers.

    References:
        Arrow, format/Message.fbs: Message has version, header type, header; RecordBatch has length, nodes, buffers,
        compression, in this order.
    """
    (root,) = struct.unpack_from("<I", metadata, 0)
    header_at = _table_field(metadata, root, 2)
    if not header_at:
        raise ValueError("a message without a header")
    (step,) = struct.unpack_from("<I", metadata, header_at)
    return _table_field(metadata, header_at + step, 3) != 0


def _batch(payload: bytearray, schema: pa.Schema) -> pa.RecordBatch:
    message = pa.ipc.read_message(pa.py_buffer(payload))
    if message.type != "record batch":
        raise ValueError(f"a {message.type} in place of a record batch")
    if _is_compressed(memoryview(message.metadata)):
        raise ValueError("a compressed batch")
    batch = pa.ipc.read_record_batch(message, schema)
    batch.validate(full=True)
    for field, column in zip(schema, batch.columns, strict=True):
        if not field.nullable and column.null_count:
            raise ValueError(f"column {field.name} has nulls")
    return batch


def _check_indices(batch: pa.RecordBatch, entry_count: int) -> None:
    """An entry index that the group does not have would be booked on somebody else's file."""
    for index in batch.column("entry_index").to_pylist():
        if not 0 <= index < entry_count:
            raise ValueError(f"entry index {index} of {entry_count}")


def checked_batches(
    child: ChildSocket, expected: Expected, *, reply_bytes: int, entry_count: int | None
) -> Iterator[pa.RecordBatch]:
    """Each batch of the child, once it has been found to be what it should be, until the child says that it is done.

    Args:
        child: A sealed child that was handed its request.
        expected: The schema.
        reply_bytes: The most that all batches together may have.
        entry_count: How many entries the request had, where the job works on entries.
    """
    schema_bytes = expected.schema.serialize().to_pybytes()
    left_bytes = reply_bytes
    wanted: dict[bytes, int] = {SCHEMA: _NOTE_BYTES, END: _NOTE_BYTES}
    while True:
        kind, payload = child.receive(wanted)
        if kind == SCHEMA:
            if payload != schema_bytes:
                raise ChildEndedError("bad reply: another schema than expected")
            wanted = {BATCH: left_bytes, END: _NOTE_BYTES}
        elif kind == BATCH:
            left_bytes -= len(payload)
            wanted[BATCH] = left_bytes
            try:
                batch = _batch(payload, expected.schema)
                if entry_count is not None and "entry_index" in expected.schema.names:
                    _check_indices(batch, entry_count)
            except Exception as error:  # noqa: BLE001  # whatever a forged batch makes the reader raise
                raise ChildEndedError(f"bad reply: {one_line(error)}") from None
            yield batch
        else:
            note = _note(payload)
            if "error" in note:
                imports = note.get("imports")
                late = f" (asked after the seal for: {one_line(imports)})" if imports else ""
                raise ChildEndedError(one_line(note["error"]) + late)
            if BATCH not in wanted:
                raise ChildEndedError("bad reply: no schema")
            return
