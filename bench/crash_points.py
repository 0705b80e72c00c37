"""System calls of an act, each in turn killed at or refused: what `tamper_and_crash.py` strikes with.

A process of its own does the act; it is forked from one that has imported headwater and done nothing, so that a point
costs what the act costs. strace attaches to it, counts its calls by name, and strikes at the one that is wanted; where
nothing may be traced, the calls that Python itself makes are wrapped inside the process, which also leaves half of a
write behind.
"""

from __future__ import annotations

import errno
import io
import json
import mmap
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

CALLS = (
    *("write", "writev", "pwrite64", "fsync", "fdatasync", "ftruncate"),
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat"),
)
"""What changes a medium, or waits for it."""
FAULTS = ("KILL", "ENOSPC", "EIO")
_WRAPPED = {"write": ("write",), "fsync": ("fsync",), "ftruncate": ("ftruncate",), "rename": ("rename", "replace"),
            "unlink": ("unlink", "remove")}  # fmt: skip
_READY, _GO, _BEGUN, _DONE, _STATUS = range(5)
_TRACED = 999_999_999

Act = Callable[[Path, Callable[[str], None]], int]
"""From the folder it is done in, and where it says what it has promised, to its exit status."""


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th call of a name, counted in one thread."""

    call: str
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How an act ended: killed, or with which status; what it had promised; and what it said."""

    killed: bool
    status: int
    promised: tuple[str, ...]
    said: str


@dataclass(slots=True)
class Tally:
    """What was tried, and what of it was as it must be."""

    name: str
    tried: int = 0
    good: int = 0
    bad: list[str] = field(default_factory=list)

    def count(self, what: str, *, good: bool) -> None:
        self.tried += 1
        self.good += good
        if not good:
            self.bad.append(what)

    def add(self, other: Tally) -> None:
        self.tried, self.good, self.bad = self.tried + other.tried, self.good + other.good, self.bad + other.bad


def program(*words: object) -> tuple[int, list[dict[str, Any]]]:
    """The program, run in this process: its exit status, and the JSON lines that it printed."""
    from headwater.cli.app import _run

    before, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["headwater", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = _run()
    finally:
        sys.argv = before
    _said.append(err.getvalue())
    return status, [json.loads(line) for line in out.getvalue().splitlines() if line.startswith("{")]


_said: list[str] = []


class Striker:
    """Does acts in processes of their own, and strikes them.

    Args:
        folder: For its own small files, outside of what acts change.
        module: What is imported before anything is forked; it holds the acts. The first one of a program is taken.
    """

    def __init__(self, folder: Path, module: str) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([module, "crash_warm"])
        with _found_by_children():
            forkserver.ensure_running()

    def undisturbed(self, act: Act, folder: Path) -> Ended:
        """The act, done."""
        return self._done(act, folder, {})

    def traced(self, act: Act, folder: Path, point: Point, fault: str) -> Ended:
        """The act, struck from outside by strace."""
        how = "signal=KILL" if fault == "KILL" else f"error={fault}"
        words = ["-e", f"trace={point.call},getppid", "-e", f"inject={point.call}:{how}:when={point.number}"]
        return self._done(act, folder, {"strace": [*words, "-o", os.devnull]})

    def wrapped(self, act: Act, folder: Path, point: Point, fault: str) -> Ended:
        """The act, struck from inside."""
        return self._done(act, folder, {"wrap": (point.call, point.number, fault)})

    def traced_points(self, act: Act, folder: Path) -> list[Point]:
        """Every call of the act that concerns the folder; none where nothing may be traced."""
        if shutil.which("strace") is None:
            return []
        log = self._folder / "calls"
        ended = self._done(act, folder, {"strace": ["-y", "-e", f"trace={','.join(CALLS)},getppid", "-o", str(log)]})
        if ended.killed or ended.status or not log.is_file():
            raise SystemExit(f"{folder.name}: the act does not succeed undisturbed: {ended.said or ended}")
        counts: Counter[tuple[str | None, str]] = Counter()
        points: dict[Point, None] = {}
        for line in log.read_text(errors="replace").splitlines():
            # A call that another thread interrupts stands on two lines, of which the first has its name and arguments.
            found = re.match(r"(?:(\d+)\s+)?(\w+)\((.*)", line)
            if found is None or found[2] not in CALLS:
                continue
            counts[found[1], found[2]] += 1
            if str(folder) in found[3]:
                points[Point(found[2], counts[found[1], found[2]])] = None
        log.unlink()
        return list(points)

    def wrapped_points(self, act: Act, folder: Path) -> list[Point]:
        """Every call that Python makes for the act."""
        counted = self._done(act, folder, {"wrap": ("", 0, "")})
        numbers = dict(word.split("=") for word in counted.promised[-1].split())
        return [Point(call, n) for call, last in numbers.items() for n in range(1, int(last) + 1)]

    def _done(self, act: Act, folder: Path, how: Mapping[str, Any]) -> Ended:
        shared, said = self._folder / "shared", self._folder / "said"
        shared.write_bytes(bytes(1 << 16))
        with suppress(FileNotFoundError):
            said.unlink()
        with shared.open("r+b") as file, mmap.mmap(file.fileno(), 0) as page:
            process = self._context.Process(target=_child, args=(act, folder, shared, said, how))
            process.start()
            tracer = None
            try:
                _wait(lambda: page[_READY] or process.exitcode is not None)
                if "strace" in how:
                    tracer = _attached(process.pid, how["strace"])
                page[_GO] = 1
                _wait(lambda: page[_BEGUN] or process.exitcode is not None or (tracer and tracer.poll() is not None))
                if not page[_BEGUN] and tracer is not None and process.exitcode is None:
                    assert tracer.stderr is not None
                    raise SystemExit(f"strace: {tracer.stderr.read().decode()}")
                process.join()
            finally:
                if process.is_alive():
                    process.kill()
                if tracer is not None:
                    tracer.wait()
            promised = page[8:].rstrip(b"\0").decode().splitlines()
            status = page[_STATUS] if page[_DONE] else -1
            killed = process.exitcode == -signal.SIGKILL
        return Ended(killed, status, tuple(promised), said.read_text() if said.is_file() else "")


@contextmanager
def _found_by_children() -> Iterator[None]:
    """The path of modules, in the environment: Python 3.11 gives a fork server no other, and is silent on a miss."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _wait(ready: Callable[[], Any]) -> None:
    until = time.monotonic() + 600
    while not ready():
        if time.monotonic() > until:
            raise SystemExit("a process that does an act did not begin, or could not be traced")
        time.sleep(0.001)


def _attached(pid: int | None, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """strace, which also answers `getppid` with a number of ours: so the process knows from when on it is traced."""
    answer = ["-e", f"inject=getppid:retval={_TRACED}"]
    return subprocess.Popen(
        ["strace", "-f", "-qq", *words, *answer, "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def _child(act: Act, folder: Path, shared: Path, said: Path, how: Mapping[str, Any]) -> None:
    # Told through memory, because every write counts.
    with shared.open("r+b") as file:
        page = mmap.mmap(file.fileno(), 0)
    place = 8

    def promise(text: str) -> None:
        nonlocal place
        line = text.encode() + b"\n"
        page[place : place + len(line)] = line
        place += len(line)

    page[_READY] = 1
    while not page[_GO] or ("strace" in how and os.getppid() != _TRACED):
        time.sleep(0.001)
    page[_BEGUN] = 1
    counts = _wrap(*how["wrap"]) if "wrap" in how else {}
    status = act(folder, promise)
    if counts:
        promise(" ".join(f"{call}={n[0]}" for call, n in counts.items()))
    page[_STATUS], page[_DONE] = status, 1
    said.write_text("".join(_said), errors="replace")


def _wrap(call: str, wanted: int, fault: str) -> dict[str, list[int]]:
    """Wrap the calls of `os`; returns how often each was made, which goes on counting."""
    counts: dict[str, list[int]] = {}
    for kind, names in _WRAPPED.items():
        counts[kind] = [0]
        for name in names:
            setattr(os, name, _faulty(getattr(os, name), counts[kind], wanted if kind == call else 0, kind, fault))
    return counts


def _faulty(real: Callable[..., Any], count: list[int], wanted: int, kind: str, fault: str) -> Callable[..., Any]:
    def faulty(*arguments: Any, **named: Any) -> Any:
        count[0] += 1
        if count[0] == wanted:
            if kind == "write":  # half of it is on the medium
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            if fault == "KILL":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(getattr(errno, fault), os.strerror(getattr(errno, fault)))
        return real(*arguments, **named)

    return faulty
