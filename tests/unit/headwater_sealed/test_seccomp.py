"""The filter is run here by a small interpreter of its own, so that both architectures are checked on either."""

from __future__ import annotations

import errno
import platform
import re
from pathlib import Path

import pytest

from headwater_sealed.seccomp import ARCHITECTURES, Instruction, filter_program
from headwater_sealed.syscalls import ALLOWED, FATAL, MACHINES

ALLOW, KILL, REFUSE, MISSING = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
OWN_PROCESS = 4711
THREAD_FLAGS = 0x3D0F00  # what the C library passes to start a thread
HEADERS = {
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"#define __NR_(\w+) (\d+)"),
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), r"#define __NR(?:3264)?_(\w+)\s+(\d+)"),
}


def verdict(program: tuple[Instruction, ...], number: int, architecture: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would do: classic BPF as far as the program uses it."""
    words = {0: number, 4: architecture}
    for index in range(6):
        value = arguments[index] if index < len(arguments) else 0
        words[16 + 8 * index], words[20 + 8 * index] = value & 0xFFFFFFFF, value >> 32
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            accumulator = words[constant]
        elif code == 0x54:
            accumulator &= constant
        else:
            true = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[code]
            at += if_true if true else if_false


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def judge(machine: str):
    program = filter_program(machine=machine, own_process=OWN_PROCESS)
    column = MACHINES.index(machine)

    def run(name: str, *arguments: int) -> int:
        number = {**ALLOWED, **FATAL}[name][column]
        return verdict(program, number, ARCHITECTURES[machine], arguments)

    return run


def exists(name: str, machine: str) -> bool:
    return {**ALLOWED, **FATAL}[name][MACHINES.index(machine)] >= 0


def test_plain_calls_are_allowed(judge, machine: str):
    plain = [name for name in ALLOWED if name not in {"clone", "clone3", "tgkill"} and exists(name, machine)]
    assert {judge(name) for name in plain} == {ALLOW}


def test_what_no_decoder_calls_kills(judge, machine: str):
    assert {judge(name) for name in FATAL if exists(name, machine)} == {KILL}


def test_everything_else_is_refused(machine: str):
    program = filter_program(machine=machine, own_process=OWN_PROCESS)
    column = MACHINES.index(machine)
    listed = {numbers[column] for numbers in (*ALLOWED.values(), *FATAL.values())}
    others = [number for number in range(600) if number not in listed]
    assert {verdict(program, number, ARCHITECTURES[machine]) for number in others} == {REFUSE}


def test_another_architecture_kills(machine: str):
    program = filter_program(machine=machine, own_process=OWN_PROCESS)
    others = [0x40000003, 0x40000028, *(value for name, value in ARCHITECTURES.items() if name != machine)]
    assert {verdict(program, number, other) for other in others for number in range(500)} == {KILL}


def test_the_x32_table_kills():
    program = filter_program(machine="x86_64", own_process=OWN_PROCESS)
    assert {verdict(program, 0x40000000 | number, ARCHITECTURES["x86_64"]) for number in range(600)} == {KILL}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (THREAD_FLAGS, ALLOW),
        (17, KILL),  # fork
        (0x100 | 0x4000 | 17, KILL),  # vfork
        (THREAD_FLAGS & ~0x10000, KILL),  # shares memory, is a process
        (THREAD_FLAGS | 0x10000000, KILL),  # new user namespace
        (THREAD_FLAGS | 0x40000000, KILL),  # new network namespace
        (THREAD_FLAGS | 0x2000, KILL),  # traced
    ],
)
def test_clone_makes_threads_and_nothing_else(judge, flags: int, expected: int):
    assert judge("clone", flags) == expected


def test_clone3_is_missing_so_that_clone_is_used(judge):
    assert judge("clone3") == MISSING


@pytest.mark.parametrize("name", ["mmap", "mprotect"])
def test_memory_never_becomes_code(judge, name: str):
    assert judge(name, 0, 4096, 3) == ALLOW
    assert {judge(name, 0, 4096, protection) for protection in (4, 5, 6, 7, 4 | 1 << 24)} == {REFUSE}


def test_signals_go_to_oneself_only(judge):
    assert judge("tgkill", OWN_PROCESS, 1, 6) == ALLOW
    assert judge("tgkill", OWN_PROCESS + 1, 1, 6) == KILL
    assert judge("tgkill", (1 << 32) - 1, 1, 6) == KILL


def test_the_program_fits_and_ends(machine: str):
    program = filter_program(machine=machine, own_process=OWN_PROCESS)
    assert len(program) < 4096
    assert program[-1] == (0x06, 0, 0, REFUSE)


def test_no_name_is_in_both_classes():
    assert set(ALLOWED).isdisjoint(FATAL)


@pytest.mark.skipif(platform.system() != "Linux", reason="headers of Linux")
def test_the_numbers_are_those_of_the_headers(machine: str):
    path, pattern = HEADERS[machine]
    if not path.is_file():
        pytest.skip(f"no kernel headers at {path}")
    known = {name: int(number) for name, number in re.findall(pattern, path.read_text(encoding="ascii"))}
    column = MACHINES.index(machine)
    ours = {name: numbers[column] for name, numbers in {**ALLOWED, **FATAL}.items()}
    assert {name: number for name, number in ours.items() if number != known.get(name, -1)} == {}
