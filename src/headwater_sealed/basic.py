"""What a job is, and the jobs that need no heavy library: enough to check the sandbox itself.

A job is a function of read-only files and plain parameters that emits record batches of one declared schema. Its module
is imported, and its `prepare` run, by the zygote before any evidence is there; after the seal nothing can be imported
or opened any more, so what a library would load lazily has to be loaded in `prepare`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.probes import PROBE_SCHEMA, attempt

__all__ = ["BASIC_JOBS", "ECHO_SCHEMA", "Emit", "Job", "JobFunction", "Prepare", "echo"]

Emit = Callable[[pa.RecordBatch], None]
JobFunction = Callable[[Sequence[BinaryIO], Mapping[str, Any], Emit], None]
Prepare = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing a sealed worker does.

    Attributes:
        name: How the parent asks for it.
        schema: The schema of every batch it emits; the parent refuses any other.
        function: The work itself, run once in a child of its own that is sealed before it sees a file.
        prepare: Run once in the zygote, without evidence: loads what libraries load lazily.
    """

    name: str
    schema: pa.Schema
    function: JobFunction
    prepare: Prepare | None = None


ECHO_SCHEMA = pa.schema(
    [
        pa.field("file_index", pa.int64(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("head", pa.binary(), nullable=False),
    ]
)


def echo(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row for each file: its size and its first bytes (`head_bytes` of them, 16 unless told); proves the way."""
    head_bytes = int(parameters.get("head_bytes", 16))
    rows = []
    for index, file in enumerate(files):
        head = file.read(head_bytes)
        rows.append({"file_index": index, "size_bytes": file.seek(0, 2), "head": head})
    emit(pa.RecordBatch.from_pylist(rows, schema=ECHO_SCHEMA))


BASIC_JOBS: tuple[Job, ...] = (
    Job(name="echo", schema=ECHO_SCHEMA, function=echo),
    Job(name="probe", schema=PROBE_SCHEMA, function=attempt),
)
"""Jobs that need no heavy library."""
