"""The C library by ctypes: the few calls that Python has no name for."""

from __future__ import annotations

import ctypes
import mmap
import os

__all__ = ["make_executable", "prctl", "raw_syscall", "require"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def require(result: int, what: str) -> int:
    """The result, or the error that errno names, if it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, first: int = 0, second: object = 0, *, what: str) -> int:
    """The result of `prctl(2)`; fails with errno's error."""
    second_word = ctypes.c_ulong(second) if isinstance(second, int) else second
    zero = ctypes.c_ulong(0)
    return require(int(_LIBC.prctl(ctypes.c_int(option), ctypes.c_ulong(first), second_word, zero, zero)), what)


def make_executable(address: int, size_bytes: int) -> None:
    """Has pages that were writable be readable and executable instead; fails with errno's error.

    Args:
        address: Of the first page.
        size_bytes: Whole pages.
    """
    pages = (ctypes.c_void_p(address), ctypes.c_size_t(size_bytes))
    require(int(_LIBC.mprotect(*pages, mmap.PROT_READ | mmap.PROT_EXEC)), "making memory executable")


def raw_syscall(number: int, *arguments: object, what: str) -> int:
    """The result of a system call by number; fails with errno's error.

    Args:
        number: On this architecture.
        arguments: Integers are passed as full words, everything else as ctypes passes it.
        what: The call's name, for the error.
    """
    words = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    return require(int(_LIBC.syscall(ctypes.c_long(number), *words)), what)
