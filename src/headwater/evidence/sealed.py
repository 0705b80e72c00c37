"""Sealed workers: evidence is parsed in child processes that can do nothing but answer.

The parent opens each file read-only, hands the descriptor to a child that is already sealed, and takes back record
batches of a schema that it knows beforehand. Whatever goes wrong in a child becomes a reason in a row.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow as pa

from headwater.errors import ConfigError, InputError, UnsealedError
from headwater.evidence.sealed_channel import ChildEndedError, ChildSocket, Zygote, explain_exit, open_read_only
from headwater.evidence.sealed_replies import checked_batches, seal_states
from headwater.evidence.sealed_report import ALL_LAYERS, SandboxReport, report_of, unavailable
from headwater.evidence.sealed_schemas import EXPECTED, TEST_EXPECTED, Expected, Limits

__all__ = [
    "ALL_LAYERS",
    "Failure",
    "Limits",
    "SandboxReport",
    "SealedPool",
    "SealedWorkerError",
    "sandbox_report",
]

_SEAL_S = 30.0
_GRACE_S = 1.0
_LOOK_AHEAD = 2


class SealedWorkerError(InputError):
    """A sealed worker did not get to the end of its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A group that could not be done, as a value.

    Attributes:
        reason: Why, in one line.
    """

    reason: str


class SealedPool:
    """Sealed workers for as long as the `with` block lasts.

    Args:
        workers: How many groups are worked on at the same time; results do not depend on it.
        allow_unsealed: Go on with the layers that this machine has, if it lacks some. The caller puts that on record.
        test_jobs: Also know the jobs that fail on purpose.
        layers: The layers to put in force; fewer than all only to show what each one does alone.
        jobs: `basic` loads no heavy library and knows only the jobs that need none.

    Attributes:
        report: What of the sandbox is in force; known once the block is entered.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        allow_unsealed: bool = False,
        test_jobs: bool = False,
        layers: tuple[str, ...] = ALL_LAYERS,
        jobs: Literal["all", "basic"] = "all",
    ) -> None:
        if workers < 1:
            raise ConfigError(f"workers is {workers}; it must be at least 1")
        self._workers = workers
        self._allow_unsealed = allow_unsealed
        self._test_jobs = test_jobs
        self._layers = layers
        self._jobs = jobs
        self._idle: list[Zygote] = []
        self._lock = threading.Lock()
        self._expected = {one.name: one for one in (*EXPECTED, *(TEST_EXPECTED if test_jobs else ()))}
        self.report = unavailable("not entered yet")

    def __enter__(self) -> Self:
        """Starts one worker and has it seal a child, to see whether the machine can."""
        try:
            self._begin()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Ends every worker."""
        self._close()

    def stream(
        self, job: str, files: Sequence[Path], parameters: Mapping[str, Any], *, limits: Limits | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The batches of one job, as they come.

        Args:
            job: Its name.
            files: Opened here, read-only, and handed over in this order.
            parameters: Plain JSON.
            limits: In place of the job's own.

        Raises:
            SealedWorkerError: After the batches so far, if the child did not get to the end.
        """
        expected = self._expect(job)
        files, parameters = _named(files, parameters)
        try:
            yield from self._child(expected, files, parameters, limits or expected.limits)
        except ChildEndedError as error:
            source = ", ".join(str(file) for file in files[:1]) + (f" and {len(files) - 1} more" * (len(files) > 1))
            raise SealedWorkerError(source or job, f"{job}: {error.reason}") from None

    def groups(
        self,
        job: str,
        files: Sequence[Path],
        groups: Iterable[Mapping[str, Any]],
        *,
        limits: Limits | None = None,
    ) -> Iterator[pa.Table | Failure]:
        """One result for each group, in order, whatever the number of workers.

        A group is the parameters of one child. Where they have `entries` and the child ends abnormally, each entry is
        done again in a child of its own, and one that fails again has a row of its own that says why. Entries that name
        a `file_index` are handed those files only, here and in `stream`.

        Args:
            job: Its name.
            files: As for `stream`.
            groups: The parameters of each group.
            limits: For each child, in place of the job's own.
        """
        expected = self._expect(job)
        used = limits or expected.limits
        waiting: deque[Future[pa.Table | Failure]] = deque()
        rest = iter(groups)
        call = _Call()
        executor = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="sealed")
        try:
            while True:
                while len(waiting) < _LOOK_AHEAD * self._workers and (group := next(rest, None)) is not None:
                    waiting.append(executor.submit(self._group, expected, files, group, used, call))
                if not waiting:
                    break
                yield waiting.popleft().result()
        except BaseException:
            # Interrupted, or nobody wants the rest: do not sit out the time limit of what still runs.
            call.stop()
            raise
        finally:
            executor.shutdown(cancel_futures=True)

    def _expect(self, job: str) -> Expected:
        if job not in self._expected:
            raise ConfigError(f"no sealed job is called {job} (there are {', '.join(self._expected)})")
        return self._expected[job]

    def _group(
        self, expected: Expected, files: Sequence[Path], group: Mapping[str, Any], limits: Limits, call: _Call
    ) -> pa.Table | Failure:
        try:
            return self._table(expected, files, group, limits, call)
        except ChildEndedError as error:
            if "entries" not in group or "reason" not in expected.schema.names:
                return Failure(reason=error.reason)
            entries = group["entries"]
            if len(entries) == 1:
                return _refused(expected, 0, entries[0], error.reason)
        tables = []
        for index, entry in enumerate(entries):
            if call.stopped:
                return Failure(reason="stopped")  # nobody waits for it any more
            try:
                table = self._table(expected, files, {**group, "entries": [entry]}, limits, call)
                column = table.schema.get_field_index("entry_index")
                moved = pa.chunked_array([pa.repeat(pa.scalar(index, pa.int64()), table.num_rows)])
                tables.append(table.set_column(column, expected.schema.field(column), moved))
            except ChildEndedError as error:
                tables.append(_refused(expected, index, entry, error.reason))
        return pa.concat_tables(tables)

    def _table(
        self, expected: Expected, files: Sequence[Path], group: Mapping[str, Any], limits: Limits, call: _Call
    ) -> pa.Table:
        """All batches of one child."""
        files, group = _named(files, group)
        return pa.Table.from_batches(self._child(expected, files, group, limits, call), schema=expected.schema)

    def _child(
        self,
        expected: Expected,
        files: Sequence[Path],
        parameters: Mapping[str, Any],
        limits: Limits,
        call: _Call | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The checked batches of one child; the child has ended when this ends, in whatever way."""
        entry_count = len(parameters["entries"]) if "entries" in parameters else None
        with (
            _opened(files) as descriptors,
            self._slot(call) as zygote,
            _forked(zygote, _plan(limits, len(descriptors), self._layers), wall_s=limits.wall_s) as child,
        ):
            _require_sealed(seal_states(child))
            child.send_request({"job": expected.name, "parameters": dict(parameters)}, descriptors)
            yield from checked_batches(child, expected, reply_bytes=limits.reply_bytes, entry_count=entry_count)

    @contextmanager
    def _slot(self, call: _Call | None) -> Iterator[Zygote]:
        """A worker that nobody else uses meanwhile; a new one if all are taken."""
        with self._lock:
            zygote = self._idle.pop() if self._idle else None
        if zygote is not None and not zygote.alive():
            zygote.close()  # ended by somebody else while idle: no evidence is to blame
            zygote = None
        if zygote is None:
            zygote = _start(self._jobs, test_jobs=self._test_jobs)
        if call is not None:
            call.enter(zygote)
        reusable = False
        try:
            yield zygote
            reusable = True
        except ChildEndedError as error:
            reusable = not error.broken
            raise
        except GeneratorExit:
            reusable = True  # the caller wants no more; the child has been ended
            raise
        finally:
            if call is not None:
                call.leave(zygote)
            if reusable:
                with self._lock:
                    self._idle.append(zygote)
            else:
                zygote.close()

    def _begin(self) -> None:
        self._idle.append(_start(self._jobs, test_jobs=self._test_jobs))
        self.report = _try_seal(self._idle[0], self._layers)
        if not self.report.sealed and not self._allow_unsealed:
            raise UnsealedError(
                f"no sandbox on this machine: {'; '.join(self.report.missing)}; evidence is not parsed without it",
            )
        self._layers = tuple(layer.name for layer in self.report.layers if layer.held)

    def _close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for zygote in idle:
            zygote.close()


class _Call:
    """What one call of `groups` has under way, so that it can be stopped as a whole."""

    def __init__(self) -> None:
        self._busy: list[Zygote] = []
        self._lock = threading.Lock()
        self.stopped = False

    def enter(self, zygote: Zygote) -> None:
        with self._lock:
            self._busy.append(zygote)
            if self.stopped:
                zygote.kill()

    def leave(self, zygote: Zygote) -> None:
        with self._lock:
            self._busy.remove(zygote)

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            for zygote in self._busy:
                zygote.kill()


def _named(files: Sequence[Path], parameters: Mapping[str, Any]) -> tuple[Sequence[Path], Mapping[str, Any]]:
    """Only the files that the entries are about, so that a folder of thousands does not open them all."""
    entries = parameters.get("entries", ())
    if not entries or any("file_index" not in entry for entry in entries):
        return files, parameters
    named = sorted({entry["file_index"] for entry in entries})
    local = [{**entry, "file_index": named.index(entry["file_index"])} for entry in entries]
    return [files[index] for index in named], {**parameters, "entries": local}


def _start(jobs: Literal["all", "basic"], *, test_jobs: bool) -> Zygote:
    """A new worker, or an error that is about this machine and not about any evidence."""
    try:
        return Zygote(jobs=jobs, test_jobs=test_jobs)
    except ChildEndedError as error:
        raise SealedWorkerError("headwater_sealed", error.reason, remedy="see headwater doctor") from None


def _plan(limits: Limits, file_count: int, layers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "memory_bytes": limits.memory_bytes,
        # Threads run at the same time, so honest work may use several processor seconds in one second.
        "cpu_s": int(limits.wall_s * (os.cpu_count() or 1)) + 2,
        "file_count": file_count,
        "layers": list(layers),
    }


def _require_sealed(states: Sequence[tuple[str, bool, str]]) -> None:
    lost = [f"{name}: {detail}" for name, held, detail in states if not held]
    if lost:
        raise UnsealedError(f"a worker could not seal itself: {'; '.join(lost)}")


@contextmanager
def _forked(zygote: Zygote, plan: Mapping[str, Any], *, wall_s: float) -> Iterator[ChildSocket]:
    """The socket of a child that lives as long as the block."""
    child = zygote.fork(plan, wall_s=wall_s)
    try:
        yield child
    except ChildEndedError as error:
        # One that just went silent may have died of something: its exit code says of what.
        code = zygote.finish(grace_s=_GRACE_S if error.silent else 0.0)
        if not error.silent:
            raise
        raise ChildEndedError("closed its channel" if code is None else explain_exit(code)) from None
    except BaseException:
        zygote.finish(grace_s=0.0)
        raise
    else:
        zygote.finish(grace_s=0.0)
    finally:
        child.close()


@contextmanager
def _opened(files: Sequence[Path]) -> Iterator[list[int]]:
    """Read-only descriptors of the files, in order."""
    descriptors: list[int] = []
    try:
        for file in files:
            try:
                descriptors.append(open_read_only(file))
            except OSError as error:
                raise ChildEndedError(f"{file.name}: cannot be opened: {error.strerror}") from None
            kind = stat.S_IFMT(os.fstat(descriptors[-1]).st_mode)
            if kind not in {stat.S_IFREG, stat.S_IFBLK}:
                raise ChildEndedError(f"{file.name}: neither a file nor a block device")
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _refused(expected: Expected, index: int, entry: Mapping[str, Any], reason: str) -> pa.Table:
    """The row that stands for an entry that no child could do."""
    named = {name: value for name, value in entry.items() if name in expected.schema.names}
    row = {**expected.refused, **named, "entry_index": index, "reason": reason}
    return pa.Table.from_pylist([row], schema=expected.schema)


def _try_seal(zygote: Zygote, layers: tuple[str, ...]) -> SandboxReport:
    """How the seal goes in a child that is given nothing to do."""
    limits = Limits(wall_s=_SEAL_S)
    try:
        with _forked(zygote, _plan(limits, 0, layers), wall_s=_SEAL_S) as child:
            return report_of(seal_states(child))
    except ChildEndedError as error:
        return unavailable(error.reason)


def sandbox_report() -> SandboxReport:
    """What of the baseline works on this machine, found by having a child seal itself."""
    try:
        with SealedPool(allow_unsealed=True, jobs="basic") as pool:
            return pool.report
    except SealedWorkerError as error:
        return unavailable(error.reason)
