"""Sealing: what a child gives up, once and for all, before it is handed any evidence.

Each layer stands alone, so that one which fails, or which a kernel lacks, leaves the others in force:

- `uid_drop`: no root, no groups, no capabilities
- `no_new_privs`: no program gives any of it back (and the kernel demands it for the last two)
- `not_dumpable`: other processes of the same uid can neither trace it nor read its memory; it ends with its zygote
- `rlimits`: memory, processor time, files, no file of its own, no core dump
- `landlock`: no file system, no TCP, no signals outward, whatever the system call
- `seccomp`: only the calls that computing on open descriptors needs
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec
from pathlib import Path
from types import ModuleType

from headwater_sealed.landlock import restrict
from headwater_sealed.libc import prctl, raw_syscall
from headwater_sealed.seccomp import filter_program, install_filter, own_machine
from headwater_sealed.syscalls import MACHINES

__all__ = [
    "LAYERS",
    "ImportGuard",
    "Layer",
    "SealPlan",
    "close_other_descriptors",
    "end_with_parent",
    "guard_imports",
    "seal",
]

NOBODY = 65534
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 1, 4, 38, 47, 4
_CAPSET = (126, 91)
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPlan:
    """What the parent asks for.

    Attributes:
        memory_bytes: Address space that the child may add to what it has at birth.
        cpu_s: Processor seconds after which the kernel ends it; a second line behind the parent's own clock.
        file_count: How many evidence descriptors will come.
        layers: Which layers to put in force, in the order of `LAYERS`.
    """

    memory_bytes: int
    cpu_s: int
    file_count: int
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """How one layer went.

    Attributes:
        name: As in `LAYERS`.
        held: Whether it is in force.
        detail: What exactly is in force, or why it is not.
    """

    name: str
    held: bool
    detail: str


def end_with_parent(parent: int) -> None:
    """Has the kernel end this process when its parent ends; ends it now if the parent is gone already.

    Args:
        parent: Process id that the parent has, or had.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, what="parent death signal")
    # A parent that ended between the fork and the line above sends no signal any more.
    if os.getppid() != parent:
        os._exit(1)


def _drop_uid(_plan: SealPlan) -> str:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    # A process that is not root can still have been given capabilities.
    with suppress(OSError):  # kernels before 4.3 have no ambient set to clear
        prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, what="ambient capabilities")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    number = _CAPSET[MACHINES.index(own_machine())]
    raw_syscall(number, ctypes.byref(header), ctypes.byref(none), what="dropping capabilities")
    if 0 in {*os.getresuid(), *os.getresgid()}:
        raise OSError(errno.EPERM, "still root after dropping")
    return f"uid {os.getuid()}, no capabilities"


def _no_new_privs(_plan: SealPlan) -> str:
    prctl(_PR_SET_NO_NEW_PRIVS, 1, what="no_new_privs")
    return "set"


def _not_dumpable(_plan: SealPlan) -> str:
    prctl(_PR_SET_DUMPABLE, 0, what="dumpable")
    # Also after the uid has changed, because the kernel forgets this one then.
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, what="parent death signal")
    return "not traceable, ends with its zygote"


def _address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()


def _limit_resources(plan: SealPlan) -> str:
    limits = {
        resource.RLIMIT_AS: _address_space_bytes() + plan.memory_bytes,
        resource.RLIMIT_CPU: plan.cpu_s,
        resource.RLIMIT_NOFILE: 5 + plan.file_count,  # standard ones, channel, evidence, Landlock's for a moment
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, wanted in limits.items():
        _soft, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))
    return f"{plan.memory_bytes >> 20} MiB more memory, {plan.cpu_s} s of processor, {plan.file_count} files"


def _landlock(_plan: SealPlan) -> str:
    return f"ABI {restrict()}"


def _seccomp(_plan: SealPlan) -> str:
    machine = own_machine()
    program = filter_program(machine=machine, own_process=os.getpid())
    install_filter(program)
    return f"{len(program)} instructions for {machine}"


# Landlock after the limits, as they are read from /proc; the filter last, as it forbids what the others call.
LAYERS: tuple[tuple[str, Callable[[SealPlan], str]], ...] = (
    ("uid_drop", _drop_uid),
    ("no_new_privs", _no_new_privs),
    ("not_dumpable", _not_dumpable),
    ("rlimits", _limit_resources),
    ("landlock", _landlock),
    ("seccomp", _seccomp),
)
"""Every layer, in the order in which it is put in force."""


def close_other_descriptors(kept: int) -> int:
    """The number that the kept descriptor has from now on: 3. Standard ones lead nowhere, all others are closed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    moved = os.dup(kept) if kept <= 3 else kept  # out of the way of the copies below
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.dup2(moved, 3)
    # Those that there are, rather than all that there could be, which some containers put at a thousand million.
    for number in sorted(int(name.name) for name in Path("/proc/self/fd").iterdir()):
        if number > 3:
            with suppress(OSError):  # the listing's own, closed by now
                os.close(number)
    return 3


class ImportGuard:
    """A finder that refuses every import from a file, in words.

    After the seal an import would fail with a bare "permission denied" from somewhere inside the import system.

    Attributes:
        refused: The names asked for, in order.
    """

    def __init__(self) -> None:
        self.refused: list[str] = []

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Never a spec."""
        self.refused.append(name)
        raise ModuleNotFoundError(
            f"module {name} was asked for after the seal; load it in the job's module or its prepare function",
            name=name,
        )


def guard_imports() -> ImportGuard:
    """The guard, in force: only what is part of the interpreter itself can still be imported."""
    guard = ImportGuard()
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, guard]
    return guard


def seal(plan: SealPlan) -> tuple[Layer, ...]:
    """How each layer of the plan went; whoever asked decides whether that is enough."""
    states: list[Layer] = []
    for name, put_in_force in LAYERS:
        if name not in plan.layers:
            continue
        try:
            states.append(Layer(name=name, held=True, detail=put_in_force(plan)))
        except (OSError, ValueError) as error:
            states.append(Layer(name=name, held=False, detail=str(error)))
    return tuple(states)
