"""The system call filter of a sealed child: an allow-list as a classic BPF program, built for the running architecture.

The program first checks the architecture word, because the same number means another call in another table, then the
number, then for some calls their arguments. Verdicts: see `syscalls`.

References:
    seccomp(2); Documentation/userspace-api/seccomp_filter.rst on the pitfalls of numbers without the architecture.
    struct seccomp_data: number at 0, architecture at 4, instruction pointer at 8, six 64-bit arguments from 16.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable, Iterator

from headwater_sealed.libc import prctl
from headwater_sealed.syscalls import ALLOWED, FATAL, MACHINES

__all__ = ["ARCHITECTURES", "Instruction", "filter_program", "install_filter", "own_machine"]

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant."""

ARCHITECTURES: dict[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64; both little-endian, so the low word of an argument comes first."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000  # x86-64 calls through the x32 table carry it: a second way to every number

_THREAD = 0x00000100 | 0x00000800 | 0x00010000  # CLONE_VM, CLONE_SIGHAND, CLONE_THREAD: all of a thread's marks
# New namespaces (time, mount, cgroup, uts, ipc, user, pid, net), and CLONE_PTRACE, CLONE_UNTRACED.
_NOT_A_THREAD = 0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x802000
_PROT_EXEC = 4
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


def own_machine() -> str:
    """The running architecture, `x86_64` or `aarch64`; another one is an error."""
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(errno.ENOTSUP, f"no system call table for {machine} (there are {', '.join(MACHINES)})")
    return machine


def _low_word(argument: int) -> Instruction:
    """Loads the low half of an argument; the high half follows four bytes on."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)


def _verdict(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _checks(own_process: int) -> dict[str, tuple[Instruction, ...]]:
    """What runs once the number is known, for the calls whose arguments matter; each ends in a verdict."""
    no_execution = (
        _low_word(2),
        (_ANY_BIT, 0, 1, _PROT_EXEC),
        _verdict(_ERRNO | errno.EPERM),  # every library is loaded by now: new code is an exploit's or a compiler's
        _verdict(_ALLOW),
    )
    return {
        "clone": (
            _low_word(0),  # the kernel looks at the low 32 bits of the flags only
            (_ANY_BIT, 3, 0, _NOT_A_THREAD),
            (_AND, 0, 0, _THREAD),
            (_EQUAL, 0, 1, _THREAD),
            _verdict(_ALLOW),
            _verdict(_KILL),
        ),
        # Its flags lie in memory, where a filter cannot look; told that it is missing, the C library uses clone.
        "clone3": (_verdict(_ERRNO | errno.ENOSYS),),
        "mmap": no_execution,
        "mprotect": no_execution,
        "tgkill": (
            _low_word(0),  # process ids are 32 bits wide to the kernel
            (_EQUAL, 0, 1, own_process),
            _verdict(_ALLOW),  # abort() is tgkill to oneself
            _verdict(_KILL),
        ),
    }


def _branches(numbers: Iterable[int], verdict: int) -> Iterator[Instruction]:
    for number in numbers:
        yield (_EQUAL, 0, 1, number)
        yield _verdict(verdict)


def filter_program(*, machine: str, own_process: int) -> tuple[Instruction, ...]:
    """The program for one child.

    Args:
        machine: `x86_64` or `aarch64`.
        own_process: The child's own process id, the only one that it may signal.
    """
    column = MACHINES.index(machine)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        _verdict(_KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32_BIT), _verdict(_KILL)]
    checks = _checks(own_process)
    plain = [numbers[column] for name, numbers in ALLOWED.items() if name not in checks and numbers[column] >= 0]
    program += _branches(plain, _ALLOW)
    for name, check in checks.items():
        program += [(_EQUAL, 0, len(check), ALLOWED[name][column]), *check]
    program += _branches([numbers[column] for numbers in FATAL.values() if numbers[column] >= 0], _KILL)
    program.append(_verdict(_ERRNO | errno.EPERM))
    return tuple(program)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install_filter(program: tuple[Instruction, ...]) -> None:
    """Puts the process and all its future threads under the program, for good; needs no_new_privs."""
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    wrapped = _Program(len(program), packed)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(wrapped), what="seccomp filter")
