"""How far a run is, for whoever looks from another process: one small file, locked for as long as the run goes on."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from headwater.engine import Progress

__all__ = ["RUNNING_NAME", "RunningStage", "reported_run", "running_stage"]

RUNNING_NAME: Final = "running.json"
_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStage:
    """What a run that goes on has told of itself last.

    Attributes:
        stage: The stage it is at.
        counted: What it counts; empty before it has counted anything.
        done: How many are done.
        total: Of how many; None where that is not known.
        stage_began_utc: When the stage began.
        told_utc: When this was told.
        left_s: Seconds that are left of what it counts, at the rate so far; None where nothing can be estimated yet.
    """

    stage: str
    counted: str
    done: int
    total: int | None
    stage_began_utc: str
    told_utc: str
    left_s: int | None


@contextmanager
def reported_run(case_path: Path, now: Callable[[], str]) -> Iterator[Callable[[str, Progress], Progress]]:
    """From a stage and its progress to a progress that is also written down, once a second at most.

    Args:
        case_path: The case's folder.
        now: The time as text.
    """
    path = case_path / RUNNING_NAME
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # two runs may go on at once; the file is gone when it is nobody's

        def reported(stage: str, onward: Progress) -> Progress:
            report = _Report(file, stage, now)
            report.write()

            def progress(counted: str, done: int, total: int | None) -> None:
                report.told(counted, done, total)
                onward(counted, done, total)

            return progress

        try:
            yield reported
        finally:
            path.unlink(missing_ok=True)


class _Report:
    """What the file says; written over in place, so that a reader's lock and ours are of one file."""

    def __init__(self, file: IO[bytes], stage: str, now: Callable[[], str]) -> None:
        self._file, self._stage, self._now = file, stage, now
        self._began_utc, self._counted, self._done = now(), "", 0
        self._total: int | None = None
        self._counting_since = self._written = time.monotonic()

    def told(self, counted: str, done: int, total: int | None) -> None:
        moment = time.monotonic()
        if counted != self._counted:  # a stage may count one thing after the other, each at a rate of its own
            self._counted, self._counting_since = counted, moment
        self._done, self._total = done, total
        if moment - self._written >= _EVERY_S:
            self._written = moment
            self.write()

    def write(self) -> None:
        took = time.monotonic() - self._counting_since
        told = {
            "stage": self._stage,
            "counted": self._counted,
            "done": self._done,
            "total": self._total,
            "stage_began_utc": self._began_utc,
            "told_utc": self._now(),
            "left_s": seconds_left(self._done, self._total, took),
        }
        content = json.dumps(told).encode()
        os.pwrite(self._file.fileno(), content.ljust(_ROOM), 0)


_ROOM: Final = 512


def seconds_left(done: int, total: int | None, took_s: float) -> int | None:
    """Seconds left at the rate so far; None where no total or no rate is known.

    Example:
        >>> seconds_left(25, 100, 10.0), seconds_left(0, 100, 10.0), seconds_left(5, None, 10.0)
        (30, None, None)
    """
    if total is None or done <= 0 or took_s <= 0:
        return None
    return round(took_s * max(0, total - done) / done)


def running_stage(case_path: Path) -> RunningStage | None:
    """What the run that goes on has told; None where none does, also where one ended without removing its file."""
    path = case_path / RUNNING_NAME
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody holds it: the run goes on
            else:
                return None
            content = file.read()
    except FileNotFoundError:
        return None
    try:
        return RunningStage(**json.loads(content))
    except (ValueError, TypeError):
        return None  # it has only just begun
