"""What an entry says of the machine and the program: which clock, and which files the program consists of."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import sys
from pathlib import Path

import headwater

__all__ = ["clock_source", "program_sha256"]

_PACKAGES = ("headwater", "headwater_sealed")
_CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
# struct timex of Linux on 64 bits: 208 bytes; `modes` first (0: read only), `esterror` at 32 and `status` at 40.
_TIMEX_BYTES = 208
_ESTERROR_OFFSET = 32
_STATUS_OFFSET = 40
_UNSYNCHRONISED = 0x40  # source: <sys/timex.h>, STA_UNSYNC


def clock_source(note: str = "") -> str:
    """The machine's clock in words: its hardware, whether the kernel holds it for synchronised, and a note.

    Nothing is asked over a network, and nothing is set. The kernel says what a time service told it; on a machine
    without one it says `not synchronised`, however right the clock is.

    Args:
        note: What the operator found when comparing it with another clock.
    """
    try:
        hardware = _CLOCKSOURCE.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        hardware = "unknown"
    words = f"CLOCK_REALTIME of this machine, hardware {hardware}, {_synchronisation()}"
    return f"{words}; noted: {note.strip()}" if note.strip() else words


@functools.cache
def program_sha256() -> str:
    """Digest over the files of the installed program: SHA-256 and name of each, sorted, as `sha256sum` writes them."""
    source = Path(headwater.__file__).resolve().parent.parent
    lines = []
    for package in _PACKAGES:
        for path in sorted((source / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                lines.append((path.relative_to(source).as_posix(), digest))
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def _synchronisation() -> str:
    unknown = "whether it is synchronised is not known"
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return unknown
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = ctypes.CDLL(None).adjtimex(timex)
    except (OSError, AttributeError):
        return unknown
    if state < 0:
        return unknown
    status = int.from_bytes(timex.raw[_STATUS_OFFSET : _STATUS_OFFSET + 4], sys.byteorder)
    if status & _UNSYNCHRONISED:
        return "not synchronised"
    estimated = int.from_bytes(timex.raw[_ESTERROR_OFFSET : _ESTERROR_OFFSET + 8], sys.byteorder)
    return f"synchronised, error estimated at {estimated} microseconds"
