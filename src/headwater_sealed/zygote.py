"""The zygote: imports the heavy libraries once, then only forks; it never sees evidence.

One child at a time. For each packet of the parent it forks; the child seals itself, tells the parent how that went, and
only then is sent its request. When the parent is gone, the zygote ends, and its child with it.
"""

from __future__ import annotations

import codecs
import encodings.aliases
import gc
import os
import select
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater_sealed.basic import BASIC_JOBS, Job
from headwater_sealed.channel import BATCH, END, SCHEMA, SEALED, Control, Endpoint, Reply, receive_request
from headwater_sealed.files import open_windows
from headwater_sealed.seal import SealPlan, close_other_descriptors, end_with_parent, guard_imports, seal

__all__ = ["serve"]

_REASON_CHARACTERS = 500


def _load_codecs() -> None:
    """Loads every codec: `bytes.decode` imports its codec on first use, which a sealed child cannot."""
    for name in sorted(set(encodings.aliases.aliases.values())):
        try:
            codecs.lookup(name)
        except LookupError:  # exists on another system only
            continue


def _prepare(jobs: Sequence[Job]) -> None:
    _load_codecs()
    for job in jobs:
        if job.prepare is not None:
            job.prepare()
    # The batch writer loads parts of itself on first use.
    empty = pa.RecordBatch.from_pylist([], schema=pa.schema([("nothing", pa.int64())]))
    empty.serialize()
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1 or threading.active_count() != 1:
        # Only the forking thread exists in a child; a lock that another one held stays locked there for ever.
        raise RuntimeError(f"{threads} threads run after loading the jobs; a process with threads is not safe to fork")
    gc.collect()
    gc.freeze()  # leaves the loaded modules out of every later collection, so children share their pages


def _prefer_as_victim() -> None:
    """Has the kernel end this child first when the machine runs out of memory."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        return  # no such file in some containers; the limits still hold


def _run_job(job: Job, channel: Endpoint, request: dict[str, Any], descriptors: Sequence[int]) -> None:
    reply = Reply(channel.fileno())
    reply.send(SCHEMA, job.schema.serialize())

    def emit(batch: pa.RecordBatch) -> None:
        if not batch.schema.equals(job.schema):
            raise TypeError(f"{job.name} emitted another schema than it declares")
        reply.send(BATCH, batch.serialize())

    job.function(open_windows(descriptors), request["parameters"], emit)


def _child(jobs: dict[str, Job], descriptor: int, plan: SealPlan, *, zygote: int) -> None:
    """The whole life of a child; never returns."""
    code = 1
    try:
        end_with_parent(zygote)
        _prefer_as_victim()
        channel = Endpoint(fileno=close_other_descriptors(descriptor))
        reply = Reply(channel.fileno())
        layers = seal(plan)
        guard = guard_imports()
        reply.send_object(SEALED, {"layers": [asdict(layer) for layer in layers]})
        request, descriptors = receive_request(channel)
        try:
            _run_job(jobs[request["job"]], channel, request, descriptors)
            reply.send_object(END, {})
            code = 0
        except MemoryError:
            reply.send_object(END, {"error": "out of memory"})
        except BaseException as error:  # noqa: BLE001  # the one supervisor: whatever a decoder raises becomes a reason
            text = f"{type(error).__name__}: {error}"[:_REASON_CHARACTERS]
            reply.send_object(END, {"error": text, "imports": guard.refused[:8]})
    finally:
        os._exit(code)  # never back into the zygote's loop, never its exit handlers


def _await_end(control: Control, process: int) -> bool:
    """Whether the parent is still there once the child has ended and been reported."""
    watched = os.pidfd_open(process)
    alive = True
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.register(control, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _event in poll.poll()}
            if watched in ready:
                break
            # While a child runs, the parent says one thing only, or goes away: both mean the child's end.
            alive = alive and control.receive() is not None
            signal.pidfd_send_signal(watched, signal.SIGKILL)
            poll.unregister(control)
    finally:
        os.close(watched)
    _process, status = os.waitpid(process, 0)
    if alive:
        control.send({"ended": os.waitstatus_to_exitcode(status)})
    return alive


def serve(descriptor: int, jobs: Sequence[Job]) -> int:
    """The exit code, once the parent has closed the control socket.

    Args:
        descriptor: The inherited control socket.
        jobs: What can be asked for.
    """
    control = Control(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    try:
        _prepare(jobs)
    except Exception as error:  # noqa: BLE001  # reported to the parent, which fails in its own words
        control.send({"failed": f"{type(error).__name__}: {error}"[:_REASON_CHARACTERS]})
        return 1
    by_name = {job.name: job for job in jobs}
    control.send({"ready": list(by_name)})
    while (received := control.receive()) is not None:
        message, child_end = received
        if child_end is None:
            continue  # asks for the end of a child that has ended by itself
        plan = SealPlan(
            memory_bytes=message["memory_bytes"],
            cpu_s=message["cpu_s"],
            file_count=message["file_count"],
            layers=tuple(message["layers"]),
        )
        zygote = os.getpid()
        process = os.fork()
        if process == 0:
            _child(by_name, child_end, plan, zygote=zygote)
        os.close(child_end)
        if not _await_end(control, process):
            break
    return 0


def main(arguments: Sequence[str]) -> int:
    """The exit code of `python -m headwater_sealed DESCRIPTOR basic|all [--test-jobs]`."""
    if len(arguments) < 2:
        sys.stderr.write("this program is started by headwater, with a socket to it\n")
        return 2
    descriptor, which = int(arguments[0]), arguments[1]
    chosen = BASIC_JOBS
    if which == "all":
        from headwater_sealed.jobs import JOBS

        chosen = JOBS
    if "--test-jobs" in arguments[2:]:
        from headwater_sealed.misbehaviour import TEST_JOBS

        chosen = (*chosen, *TEST_JOBS)
    return serve(descriptor, chosen)
