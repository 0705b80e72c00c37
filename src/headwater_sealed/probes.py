"""Live attempts to leave the seal: each tries one thing that a hijacked decoder would try, and says how it went.

They are part of the product because `headwater doctor` proves the sandbox with them on the machine it runs on, instead
of believing version numbers. Nothing is harmed when one gets through: what is opened is closed, a process that was
started ends at once, and no attempt leaves the machine.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.libc import prctl, raw_syscall
from headwater_sealed.seccomp import own_machine
from headwater_sealed.syscalls import ALLOWED, FATAL, MACHINES, Numbers

__all__ = ["ATTEMPTS", "PROBE_SCHEMA", "attempt"]

PROBE_SCHEMA = pa.schema(
    [
        pa.field("attempt", pa.string(), nullable=False),
        pa.field("escaped", pa.bool_(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

_FIRST_EVIDENCE_DESCRIPTOR = 4
_CHANNEL_DESCRIPTOR = 3
_MIB = 1024 * 1024
_MEMORY_BOMB_BYTES = 1024 * _MIB  # four times what the parent gives a probe
_CODE_PAGE_BYTES = mmap.PAGESIZE

Attempt = Callable[[], object]

# The kernel's numbers, the same on both architectures.
_UNIX, _INET, _INET6, _NETLINK, _PACKET, _ALG, _VSOCK = 1, 2, 10, 16, 17, 38, 40
_STREAM, _DATAGRAM, _RAW, _SEQUENCED = 1, 2, 3, 5
_OTHERS: dict[str, Numbers] = {"sendmsg": (46, 211), "ioctl": (16, 29)}


def _call(name: str, *arguments: object) -> int:
    number = {**ALLOWED, **FATAL, **_OTHERS}[name][MACHINES.index(own_machine())]
    if number < 0:
        raise OSError(errno.ENOSYS, f"{name} does not exist here")
    return raw_syscall(number, *arguments, what=name)


def _open_socket(family: int, kind: int) -> Attempt:
    # By number: the module for it is one that nothing in this program may import but the channel.
    def run() -> str:
        descriptor = _call("socket", family, kind, 0)
        os.close(descriptor)
        return f"socket of family {family}"

    return run


def _fork_by(start: Callable[[], int]) -> Attempt:
    def run() -> str:
        process = start()
        if process == 0:
            os._exit(0)
        return f"process {process}"

    return run


def _open_path(path: str, flags: int) -> Attempt:
    def run() -> str:
        descriptor = os.open(path, flags, 0o600)
        os.close(descriptor)
        return f"opened {path}"

    return run


def _connect_loopback() -> str:
    plug = _call("socket", _INET, _STREAM, 0)
    address = struct.pack("=H", _INET) + struct.pack(">H4B8x", 9, 127, 0, 0, 1)
    try:
        _call("connect", plug, address, len(address))
    except ConnectionRefusedError:
        return "the loopback interface answered"
    finally:
        os.close(plug)
    return "connected"


def _open_file_system() -> str:
    # Mounting itself would change the machine if it got through; this is the privileged half that changes nothing.
    descriptor = _call("fsopen", b"tmpfs", 0)
    os.close(descriptor)
    return "a file system to mount"


def _bomb() -> str:
    hoard = bytearray(_MEMORY_BOMB_BYTES)
    return f"{len(hoard) // _MIB} MiB"


def _map_code() -> str:
    with mmap.mmap(-1, _CODE_PAGE_BYTES, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
        return "writable code"


def _make_code() -> str:
    page = mmap.mmap(-1, _CODE_PAGE_BYTES)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return str(_call("mprotect", address, _CODE_PAGE_BYTES, 5))


def _raise_limit() -> str:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "no memory limit"


def _import_unloaded() -> str:
    import this  # noqa: F401  # a module that nothing else loads; it prints to a standard output that leads nowhere

    return "imported"


def _become_root() -> str:
    os.setresuid(0, 0, 0)
    return "uid 0"


def _write_evidence() -> str:
    return f"{os.write(_FIRST_EVIDENCE_DESCRIPTOR, b'altered')} bytes"


_RUN_TRUE = ("/bin/true", ["true"], {"PATH": "/bin"})
_SIGCHLD = 17
_PTRACE_SEIZE = 0x4206  # unlike attaching, does not stop the other

ATTEMPTS: tuple[tuple[str, Attempt], ...] = (
    ("read a file", _open_path("/etc/passwd", os.O_RDONLY)),
    ("list a directory", lambda: os.listdir("/")),  # noqa: PTH208  # the bare call is what is tried
    ("look at a path", lambda: os.stat("/etc/passwd")),  # noqa: PTH116  # as above
    ("make a file", _open_path("/tmp", os.O_WRONLY | os.O_TMPFILE)),  # noqa: S108  # as above; it has no name
    ("truncate a file", lambda: os.truncate("/dev/null", 0)),
    ("write to the evidence", _write_evidence),
    ("read its own memory map", lambda: Path("/proc/self/maps").read_bytes()),
    ("read its parent's environment", lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()),
    ("write its parent's memory", _open_path(f"/proc/{os.getppid()}/mem", os.O_RDWR)),
    ("open the evidence again for writing", _open_path(f"/proc/self/fd/{_FIRST_EVIDENCE_DESCRIPTOR}", os.O_RDWR)),
    ("open an internet socket", _open_socket(_INET, _STREAM)),
    ("open an internet datagram socket", _open_socket(_INET, _DATAGRAM)),
    ("open an IPv6 socket", _open_socket(_INET6, _STREAM)),
    ("open a Unix socket", _open_socket(_UNIX, _STREAM)),
    ("open a netlink socket", _open_socket(_NETLINK, _RAW)),
    ("open a packet socket", _open_socket(_PACKET, _RAW)),
    ("open a virtual machine socket", _open_socket(_VSOCK, _STREAM)),
    ("open a crypto socket", _open_socket(_ALG, _SEQUENCED)),
    ("make a socket pair", lambda: _call("socketpair", _UNIX, _STREAM, 0, ctypes.byref((ctypes.c_int * 2)()))),
    ("connect to the loopback interface", _connect_loopback),
    ("send a message", lambda: _call("sendmsg", _CHANNEL_DESCRIPTOR, ctypes.byref((ctypes.c_uint64 * 7)()), 0)),
    ("fork", _fork_by(os.fork)),
    ("fork by clone", _fork_by(lambda: _call("clone", _SIGCHLD, 0, 0, 0, 0))),
    ("fork by clone3", _fork_by(lambda: _call("clone3", ctypes.byref((ctypes.c_uint64 * 11)()), 88))),
    ("run a program", lambda: os.execve(*_RUN_TRUE)),  # noqa: S606  # as above
    ("run a program by descriptor", lambda: _call("execveat", _FIRST_EVIDENCE_DESCRIPTOR, b"", None, None, 0x1000)),
    ("trace its parent", lambda: _call("ptrace", _PTRACE_SEIZE, os.getppid(), 0, 0)),
    ("read its parent's memory", lambda: _call("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0)),
    ("hold its parent by descriptor", lambda: os.pidfd_open(os.getppid())),
    ("signal its parent", lambda: os.kill(os.getppid(), 0)),
    ("signal its parent's thread", lambda: _call("tgkill", os.getppid(), os.getppid(), 0)),
    ("signal everybody", lambda: os.kill(-1, 0)),
    ("set up io_uring", lambda: _call("io_uring_setup", 1, ctypes.byref((ctypes.c_uint64 * 15)()))),
    ("load a kernel program", lambda: _call("bpf", 0, 0, 0)),
    ("open a performance event", lambda: _call("perf_event_open", 0, 0, -1, -1, 0)),
    ("handle page faults", lambda: _call("userfaultfd", 1)),
    ("use the kernel's key ring", lambda: _call("keyctl", 0, -3, 0)),
    ("enter new namespaces", lambda: _call("unshare", 0x10000000)),
    ("open a file system to mount", _open_file_system),
    ("change the root directory", lambda: os.chroot("/")),
    ("become root", _become_root),
    ("become dumpable", lambda: prctl(4, 1, what="dumpable")),
    ("add a filter", lambda: _call("seccomp", 1, 0, 0)),
    ("raise a limit", _raise_limit),
    ("map writable code", _map_code),
    ("turn bytes into code", _make_code),
    ("make a file in memory", lambda: os.close(os.memfd_create("probe"))),
    ("control a device", lambda: _call("ioctl", _CHANNEL_DESCRIPTOR, 0x541B, ctypes.byref(ctypes.c_int()))),
    ("copy a descriptor", lambda: os.close(os.dup(_CHANNEL_DESCRIPTOR))),
    ("use the x32 table", lambda: raw_syscall(0x40000000 | 39, what="x32 getpid")),
    ("take all memory", _bomb),
    ("import a module", _import_unloaded),
)
"""What is tried, by name; an attempt that returns has escaped, one that raises or is killed was held."""


def attempt(_files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Callable[[pa.RecordBatch], None]) -> None:
    """One row: how the attempt that `parameters` names went."""
    name = parameters["attempt"]
    run = dict(ATTEMPTS)[name]
    try:
        detail, escaped = f"got through: {run()}"[:200], True
    except (OSError, MemoryError, ImportError, ValueError) as error:
        detail, escaped = f"{type(error).__name__}: {error}"[:200], False
    row = {"attempt": name, "escaped": escaped, "detail": detail}
    emit(pa.RecordBatch.from_pylist([row], schema=PROBE_SCHEMA))
