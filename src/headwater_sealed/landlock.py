"""Landlock: the child gives up every right on the file system, and on newer kernels TCP, signals and abstract sockets.

References:
    landlock(7); Documentation/userspace-api/landlock.rst for what each ABI version added.
"""

from __future__ import annotations

import ctypes
import os

from headwater_sealed.libc import raw_syscall

__all__ = ["handled_rights", "landlock_abi", "restrict"]

# The numbers are the same on x86-64 and arm64.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

# How many of the file system rights, counted from bit 0, each ABI knows: 1 all but refer, 2 refer, 3 truncate, 5 ioctl.
_FILE_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NEWEST = 16
_TCP_BIND_AND_CONNECT = 0b11  # from ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # from ABI 6


def landlock_abi() -> int:
    """The Landlock ABI version of the running kernel; fails where it has none or it is not switched on."""
    return raw_syscall(_CREATE_RULESET, None, 0, _ASK_VERSION, what="landlock")


def handled_rights(abi: int) -> tuple[int, int, int]:
    """The bit masks (file system, network, scope) of everything that this ABI can take away."""
    files = (1 << _FILE_RIGHTS_BY_ABI.get(abi, _FILE_RIGHTS_NEWEST)) - 1
    return files, _TCP_BIND_AND_CONNECT if abi >= 4 else 0, _ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0


def restrict() -> int:
    """The ABI version under which the process has, from now on, no right at all; needs no_new_privs.

    No rule is added to the ruleset, so nothing is excepted. Descriptors that are open, or received, keep working.
    """
    abi = landlock_abi()
    masks = handled_rights(abi)
    # The structure grew with the ABI: 8 bytes, 16 from ABI 4, 24 from ABI 6. Older kernels refuse trailing ones.
    words = 3 if abi >= 6 else 2 if abi >= 4 else 1
    attributes = (ctypes.c_uint64 * words)(*masks[:words])
    ruleset = raw_syscall(
        _CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0, what="landlock ruleset"
    )
    raw_syscall(_RESTRICT_SELF, ruleset, 0, what="landlock restriction")
    os.close(ruleset)
    return abi
