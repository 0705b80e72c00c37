"""The parent's side of the sealed workers: starting a zygote, handing over descriptors, reading frames.

The sockets are Unix socket pairs without an address: the only way to hand an open file to a process that may open none.
Frames come from a process that may be in the hands of whoever wrote the evidence, so their lengths are checked before
anything is allocated, and nothing here interprets more than that.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess  # the worker is this very interpreter with fixed arguments
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

__all__ = [
    "BATCH",
    "END",
    "SCHEMA",
    "SEALED",
    "ChildEndedError",
    "ChildSocket",
    "Zygote",
    "explain_exit",
    "open_read_only",
]

# The same constants as on the sealed side.
_HEADER = struct.Struct("<cQ")
SEALED, SCHEMA, BATCH, END, _REQUEST = b"S", b"H", b"B", b"E", b"R"
_PACKET_BYTES = 16 * 1024
_DESCRIPTORS_PER_MESSAGE = 64

_START_S = 180.0
_END_S = 30.0
_READ_BYTES = 1 << 20

# The worker's whole environment: nothing of the operator's shell reaches it, and nothing in it varies.
_ENVIRONMENT: dict[str, str] = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve address space that the memory limit would count
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a process with threads is not safe to fork
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # as above, for the C library's reserve for each thread
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # as above: they would start at import
    "PYTHONHASHSEED": "0",  # no result may depend on it; should one do so all the same, it does so everywhere alike
    "TZ": "UTC",
}


class ChildEndedError(Exception):
    """A sealed child that did not do its work.

    Attributes:
        reason: Why, in words that can stand in a table.
        broken: Whether its zygote is of no more use.
        silent: Whether it just stopped talking, so that its exit code tells more.
    """

    def __init__(self, reason: str, *, broken: bool = False, silent: bool = False) -> None:
        self.reason = reason
        self.broken = broken
        self.silent = silent
        super().__init__(reason)


def explain_exit(code: int) -> str:
    """What an exit code, negative for a signal, says about a child that gave no answer."""
    if code >= 0:
        return f"ended without an answer (exit code {code})"
    known = {
        signal.SIGSYS: " (a system call that no decoder makes)",
        signal.SIGXCPU: " (processor time limit)",
        signal.SIGKILL: " (ended from outside, or the machine is out of memory)",
        signal.SIGSEGV: " (memory fault)",
        signal.SIGABRT: " (gave up)",
    }
    return f"killed by signal {-code}{known.get(signal.Signals(-code), '') if -code in _SIGNALS else ''}"


_SIGNALS = frozenset(int(one) for one in signal.Signals)


class ChildSocket:
    """The parent's end of the socket to one child.

    Args:
        plug: The connected socket.
        wall_s: Seconds of waiting for the child, all waits together.
    """

    def __init__(self, plug: socket.socket, *, wall_s: float) -> None:
        self._socket = plug
        self._wall_s = wall_s
        self._left_s = wall_s

    def close(self) -> None:
        """Closes the socket; a child that still writes fails."""
        self._socket.close()

    def send_request(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Hands over the request and then the descriptors."""
        payload = json.dumps({**request, "files": len(descriptors)}).encode()
        self._wait()
        try:
            self._socket.sendall(_HEADER.pack(_REQUEST, len(payload)) + payload)
            for start in range(0, len(descriptors), _DESCRIPTORS_PER_MESSAGE):
                socket.send_fds(self._socket, [b"D"], list(descriptors[start : start + _DESCRIPTORS_PER_MESSAGE]))
        except TimeoutError:
            raise self._too_slow() from None
        except OSError as error:
            raise ChildEndedError(f"took no request ({error.strerror})") from None

    def receive(self, limits_bytes: Mapping[bytes, int]) -> tuple[bytes, bytearray]:
        """The next frame; a child that closes its end has ended.

        Args:
            limits_bytes: The kinds of frame that may come now, each with its largest size.
        """
        header = self._read(_HEADER.size)
        kind, size_bytes = _HEADER.unpack(header)
        if kind not in limits_bytes:
            raise ChildEndedError("bad reply: a frame of no known kind, or out of turn")
        if size_bytes > limits_bytes[kind]:
            raise ChildEndedError("reply too large")
        return kind, self._read(size_bytes)

    def _wait(self) -> None:
        if self._left_s <= 0:
            raise self._too_slow()
        self._socket.settimeout(self._left_s)

    def _too_slow(self) -> ChildEndedError:
        return ChildEndedError(f"time limit of {self._wall_s:g} s")

    def _read(self, size_bytes: int) -> bytearray:
        buffer = bytearray()
        while len(buffer) < size_bytes:
            # The buffer grows with what has come, not with what was announced.
            self._wait()
            began_s = time.monotonic()
            try:
                part = self._socket.recv(min(_READ_BYTES, size_bytes - len(buffer)))
            except TimeoutError:
                raise self._too_slow() from None
            except OSError:
                part = b""  # the child ended with unread bytes on its side
            finally:
                self._left_s -= time.monotonic() - began_s
            if not part:
                raise ChildEndedError("bad reply: cut short", silent=True)
            buffer += part
        return buffer


class Zygote:
    """A worker process that has loaded the libraries and forks one sealed child at a time.

    Args:
        jobs: `all`, or `basic` for the few that need no heavy library.
        test_jobs: Whether it also knows the jobs that fail on purpose.
    """

    def __init__(self, *, jobs: Literal["all", "basic"], test_jobs: bool = False) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process that writes to it
        number = str(theirs.fileno())
        # Like -I, but keeps the environment, which is entirely ours: its hash seed has to be fixed.
        command = [sys.executable, "-P", "-s", "-m", "headwater_sealed", number, jobs]
        self._process = subprocess.Popen(  # noqa: S603  # no shell, no outside word in it
            [*command, "--test-jobs"] if test_jobs else command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=_ENVIRONMENT,
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # an interrupt at the terminal goes to the parent, which ends its workers
        )
        theirs.close()
        try:
            self._await_start()
        except BaseException:
            self.close()
            raise

    def _await_start(self) -> None:
        message = self._receive(_START_S)
        if "ready" not in message:
            raise ChildEndedError(f"the worker did not start: {message.get('failed')}", broken=True)

    def _receive(self, wait_s: float) -> dict[str, Any]:
        self._control.settimeout(wait_s)
        try:
            packet = self._control.recv(_PACKET_BYTES)
        except TimeoutError:
            raise ChildEndedError(f"the worker did not answer in {wait_s:g} s", broken=True) from None
        except OSError:
            packet = b""
        if not packet:
            raise ChildEndedError(f"the worker ended: {self._last_words()}", broken=True)
        message: dict[str, Any] = json.loads(packet)
        return message

    def _last_words(self) -> str:
        """What the process said before it ended; it has never seen evidence."""
        self._process.wait(timeout=_END_S)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else explain_exit(self._process.returncode)

    def fork(self, plan: Mapping[str, Any], *, wall_s: float) -> ChildSocket:
        """The socket to a new child, which is sealing itself."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            socket.send_fds(self._control, [json.dumps(dict(plan)).encode()], [theirs.fileno()])
        except OSError:
            ours.close()
            raise ChildEndedError(f"the worker ended: {self._last_words()}", broken=True) from None
        finally:
            theirs.close()
        return ChildSocket(ours, wall_s=wall_s)

    def finish(self, *, grace_s: float) -> int | None:
        """The exit code of the child, which has ended when this returns; None if it had to be ended.

        Args:
            grace_s: How long it may take to end by itself.
        """
        self._control.settimeout(grace_s if grace_s > 0 else 0.0)
        try:
            packet = self._control.recv(_PACKET_BYTES)
        except (TimeoutError, BlockingIOError):
            self._control.settimeout(_END_S)
            try:
                self._control.send(b"{}")
            except OSError:
                raise ChildEndedError(f"the worker ended: {self._last_words()}", broken=True) from None
            self._receive(_END_S)
            return None
        except OSError:
            packet = b""
        if not packet:
            raise ChildEndedError(f"the worker ended: {self._last_words()}", broken=True)
        return int(json.loads(packet)["ended"])

    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends the process from another thread, and its child, however far either has come."""
        if self._process.poll() is None:
            # It leads a group of its own, which its child is in from the moment of the fork.
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends the process, and its child if there is one."""
        self._control.close()
        try:
            self._process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()


def open_read_only(path: str | os.PathLike[str]) -> int:
    """A descriptor of the file that cannot be written through and, where allowed, leaves its access time alone."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:  # only the owner may ask for that
        return os.open(path, flags)
