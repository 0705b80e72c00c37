"""What the two files of a custody log hold, checked on the way in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.custody.entry import (
    FIRST_PREV_HASH,
    Entry,
    Head,
    entry_from_line,
    entry_signature_holds,
    head_from_line,
    head_signature_holds,
    line_digest,
)
from headwater.custody.merkle import Frontier, leaf_digest
from headwater.errors import InputError, IntegrityError

__all__ = [
    "HEADS_NAME",
    "LOG_NAME",
    "TORN_NAME",
    "Interruption",
    "State",
    "append_bytes",
    "content_of",
    "lines_of",
    "locked",
    "read_state",
    "sizes_of",
    "sync_directory",
]

LOG_NAME = "custody.log"
HEADS_NAME = "custody.heads"
TORN_NAME = "custody.torn"
_REMEDY = "stop, keep the files as they are, and find out who changed them"
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """What a crash left behind; the next append sets it right and records that it did.

    Attributes:
        torn_bytes: The beginning of an entry that was never acknowledged; empty if there is none.
        missing_head: Whether the last entry lacks its tree head.
        description: The same in words.
    """

    torn_bytes: bytes
    missing_head: bool
    description: str


@dataclass(slots=True, kw_only=True)
class State:
    """What the files hold, after they were checked; of a log before its first entry, nothing.

    Attributes:
        tree: The Merkle tree over the entries.
        last_line: The last entry's line.
        last_entry: The last entry.
        head: The last tree head.
        log_bytes: Bytes of whole lines in the log.
        heads_bytes: Bytes of whole lines in the heads.
        sizes: Sizes of the two files when they were read.
        interruption: What a crash left.
    """

    tree: Frontier = field(default_factory=Frontier)
    last_line: bytes = b""
    last_entry: Entry | None = None
    head: Head | None = None
    log_bytes: int = 0
    heads_bytes: int = 0
    sizes: tuple[int, int] = (0, 0)
    interruption: Interruption | None = None


def read_state(case_dir: Path, files: tuple[int, int], public_key: Ed25519PublicKey) -> State:
    """What the files hold.

    The signature of the last head covers every line before it, so one is enough here; `verify_log` checks them all.

    Raises:
        IntegrityError: The files were altered or cut.
    """
    log_path, heads_path = case_dir / LOG_NAME, case_dir / HEADS_NAME
    lines, torn_log = lines_of(content_of(files[0]))
    head_lines, torn_head = lines_of(content_of(files[1]))
    state = State()
    for index, line in enumerate(lines):
        expected = FIRST_PREV_HASH if index == 0 else line_digest(state.last_line)
        entry = _checked(log_path, f"entry {index}", entry_from_line, line)
        if entry.seq != index or entry.prev_hash != expected:
            raise _altered(log_path, f"entry {index} does not follow the one before it")
        state.tree.add(leaf_digest(line))
        if index < len(head_lines):
            head = _checked(heads_path, f"tree head {index}", head_from_line, head_lines[index])
            if head.entries != index + 1 or head.root != state.tree.root().hex():
                raise _altered(heads_path, f"tree head {index} is of another log")
            state.head = head
        state.last_line, state.last_entry = line, entry
    if not lines:
        raise _altered(log_path, "the log holds no entry")
    if len(head_lines) > len(lines) or (torn_head and len(head_lines) == len(lines)):
        raise _altered(log_path, f"entries after entry {len(lines) - 1} were cut off: the tree heads name more")
    if len(lines) - len(head_lines) > 1 or (torn_log and len(lines) != len(head_lines)):
        raise _altered(heads_path, f"tree heads were cut off: {len(head_lines)} for {len(lines)} entries")
    if head_lines and not head_signature_holds(head_lines[-1], public_key):
        raise _altered(heads_path, f"tree head {len(head_lines) - 1} was not signed by the case's key")
    missing_head = len(lines) > len(head_lines)
    if missing_head and not entry_signature_holds(lines[-1], public_key):
        raise _altered(log_path, f"entry {len(lines) - 1} was not signed by the case's key")
    state.log_bytes = sum(len(line) + 1 for line in lines)
    state.heads_bytes = sum(len(line) + 1 for line in head_lines)
    state.sizes = sizes_of(files)
    state.interruption = _interruption(len(lines), torn_log, missing_head=missing_head)
    return state


def lines_of(content: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines of a file without their line feeds, and what follows the last of them."""
    *lines, rest = content.split(b"\n")
    return lines, rest


@contextmanager
def locked(case_dir: Path, *, exclusive: bool) -> Iterator[tuple[int, int]]:
    """Descriptors of the two files, while no other process writes (or, if exclusive, reads) them."""
    flags = (os.O_RDWR | os.O_APPEND if exclusive else os.O_RDONLY) | os.O_CLOEXEC
    descriptors: list[int] = []
    try:
        for name in (LOG_NAME, HEADS_NAME):
            try:
                descriptors.append(os.open(case_dir / name, flags))
            except OSError as error:
                reason = f"cannot be opened: {error.strerror}"
                raise InputError(case_dir / name, reason, remedy="name the folder of a case") from None
        fcntl.flock(descriptors[0], fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield descriptors[0], descriptors[1]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)  # which also lets the lock go


def sizes_of(files: tuple[int, int]) -> tuple[int, int]:
    """Sizes of the two files, in bytes."""
    return os.fstat(files[0]).st_size, os.fstat(files[1]).st_size


def content_of(descriptor: int) -> bytes:
    """All bytes of an open file."""
    parts: list[bytes] = []
    offset_bytes = 0
    while part := os.pread(descriptor, 1 << 20, offset_bytes):
        parts.append(part)
        offset_bytes += len(part)
    return b"".join(parts)


def append_bytes(descriptor: int, content: bytes) -> None:
    """Write all of the content and wait until it is on the medium."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Wait until the names in a folder are on the medium."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _interruption(entries: int, torn: bytes, *, missing_head: bool) -> Interruption | None:
    if missing_head:
        words = f"a crash left entry {entries - 1} without its tree head"
    elif torn:
        words = f"a crash left {len(torn)} bytes of an entry after entry {entries - 1}; it had not been acknowledged"
    else:
        return None
    return Interruption(torn_bytes=torn, missing_head=missing_head, description=words)


def _checked(path: Path, what: str, reader: Callable[[bytes], _Read], line: bytes) -> _Read:
    try:
        return reader(line)
    except ValueError as error:
        raise _altered(path, f"{what}: {error}") from None


def _altered(path: Path, reason: str) -> IntegrityError:
    return IntegrityError(f"{path}: {reason}; {_REMEDY}")
