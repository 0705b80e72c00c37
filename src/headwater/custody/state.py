"""What the files of a custody log hold, checked on the way in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headwater.custody.disk import content_of, lines_of, sync_directory
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
from headwater.custody.payloads import PAYLOADS_NAME, bad_payload, destroyed_keys, erased_entries
from headwater.errors import InputError, IntegrityError

__all__ = [
    "HEADS_NAME",
    "LOG_NAME",
    "TORN_NAME",
    "Files",
    "Interruption",
    "State",
    "locked",
    "read_state",
    "sizes_of",
]

LOG_NAME = "custody.log"
HEADS_NAME = "custody.heads"
TORN_NAME = "custody.torn"
_REMEDY = "stop, keep the files as they are, and find out who changed them"
_Read = TypeVar("_Read")
Files = tuple[int, int, int]
"""Descriptors of the log, of its tree heads, and of its payloads; of none, where there are no payloads yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """What a crash left behind; the next append sets it right and records that it did.

    Attributes:
        torn_bytes: The beginning of an entry that was never acknowledged; empty if there is none.
        missing_head: Whether the last entry lacks its tree head.
        stray_payload: What follows the payloads of whole entries; it belongs to an entry that was never acknowledged.
        unfinished_erasure: Whether texts that an entry ordered to be erased are still there.
        description: The same in words.
    """

    torn_bytes: bytes
    missing_head: bool
    description: str
    stray_payload: bytes = b""
    unfinished_erasure: bool = False


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
        payloads_bytes: Bytes of the payloads of whole entries.
        payloads: Their lines.
        erased: Number of each entry whose texts were ordered to be erased, and of the entry that ordered it.
        destroyed: Id of each key of a subject that was ordered to be destroyed, and the entry that ordered it.
        sizes: Sizes of the three files when they were read.
        interruption: What a crash left.
    """

    tree: Frontier = field(default_factory=Frontier)
    last_line: bytes = b""
    last_entry: Entry | None = None
    head: Head | None = None
    log_bytes: int = 0
    heads_bytes: int = 0
    payloads_bytes: int = 0
    payloads: list[bytes] = field(default_factory=list)
    erased: dict[int, int] = field(default_factory=dict)
    destroyed: dict[str, int] = field(default_factory=dict)
    sizes: tuple[int, int, int] = (0, 0, 0)
    interruption: Interruption | None = None

    def grown(
        self,
        tree: Frontier,
        line: bytes,
        entry: Entry,
        head_line: bytes,
        payload: bytes,
        sizes: tuple[int, int, int],
    ) -> State:
        """What the files hold once one entry more is in them."""
        return State(
            tree=tree,
            last_line=line,
            last_entry=entry,
            head=head_from_line(head_line),
            log_bytes=self.log_bytes + len(line) + 1,
            heads_bytes=self.heads_bytes + len(head_line) + 1,
            payloads_bytes=self.payloads_bytes + len(payload) + 1,
            payloads=[*self.payloads, payload],
            erased={**erased_entries([entry]), **self.erased},
            destroyed={**destroyed_keys([entry]), **self.destroyed},
            sizes=sizes,
        )


def read_state(case_dir: Path, files: Files, public_key: Ed25519PublicKey) -> State:
    """What the files hold.

    The signature of the last head covers every line before it, so one is enough here; `verify_log` checks them all.

    Raises:
        IntegrityError: The files were altered or cut.
    """
    log_path, heads_path = case_dir / LOG_NAME, case_dir / HEADS_NAME
    lines, torn_log = lines_of(content_of(files[0]))
    head_lines, torn_head = lines_of(content_of(files[1]))
    state = State()
    entries = _read_lines(state, log_path, heads_path, lines, head_lines)
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
    stray = _read_payloads(state, case_dir / PAYLOADS_NAME, content_of(files[2]), entries)
    if stray and len(lines) != len(head_lines):
        raise _altered(case_dir / PAYLOADS_NAME, "it holds a payload too many, and the last entry is whole")
    unfinished = bad_payload(state.payloads, entries) is not None
    state.interruption = _interruption(
        len(lines), torn_log, missing_head=missing_head, stray=stray, unfinished=unfinished
    )
    return state


def _read_lines(
    state: State, log_path: Path, heads_path: Path, lines: Sequence[bytes], head_lines: Sequence[bytes]
) -> list[Entry]:
    """Take the entries and their heads into the state, each checked against those before it."""
    entries: list[Entry] = []
    for index, line in enumerate(lines):
        expected = FIRST_PREV_HASH if index == 0 else line_digest(state.last_line)
        entry = _checked(log_path, f"entry {index}", entry_from_line, line)
        if entry.seq != index or entry.prev_hash != expected:
            raise _altered(log_path, f"entry {index} does not follow the one before it")
        if state.last_entry is not None and entry.format < state.last_entry.format:
            raise _altered(log_path, f"entry {index} is of an older format than the one before it")
        state.tree.add(leaf_digest(line))
        if index < len(head_lines):
            head = _checked(heads_path, f"tree head {index}", head_from_line, head_lines[index])
            if head.entries != index + 1 or head.root != state.tree.root().hex():
                raise _altered(heads_path, f"tree head {index} is of another log")
            state.head = head
        state.last_line, state.last_entry = line, entry
        entries.append(entry)
    return entries


def _read_payloads(state: State, path: Path, content: bytes, entries: Sequence[Entry]) -> bytes:
    """Take the payloads into the state, and return what follows those of whole entries, as a crash leaves it."""
    lines, torn = lines_of(content)
    count = sum(bool(entry.payload_sha256) for entry in entries)
    state.payloads = lines[:count]
    state.payloads_bytes = sum(len(line) + 1 for line in state.payloads)
    state.erased, state.destroyed = erased_entries(entries), destroyed_keys(entries)
    fault = bad_payload(state.payloads, entries, unfinished=True)
    if fault:
        raise _altered(path, fault)
    if len(lines) > count + 1 or (torn and len(lines) > count):
        raise _altered(path, "it holds more payloads than the log has entries")
    return content[state.payloads_bytes :]


@contextmanager
def locked(case_dir: Path, *, exclusive: bool) -> Iterator[Files]:
    """Descriptors of the files, while no other process writes (or, if exclusive, reads) them."""
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
        # After the lock, because an erasure puts another file in its place.
        descriptors.append(_open_payloads(case_dir / PAYLOADS_NAME, flags | (os.O_CREAT if exclusive else 0)))
        yield descriptors[0], descriptors[1], descriptors[2]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)  # which also lets the lock go


def sizes_of(files: Files) -> tuple[int, int, int]:
    """Sizes of the files, in bytes."""
    return os.fstat(files[0]).st_size, os.fstat(files[1]).st_size, os.fstat(files[2]).st_size


def _open_payloads(path: Path, flags: int) -> int:
    is_new = bool(flags & os.O_CREAT) and not path.exists()
    try:
        descriptor = os.open(path, flags, 0o640)
    except FileNotFoundError:
        return os.open(os.devnull, flags)  # a log of format 1 has none, and reads as one that is empty
    except OSError as error:
        raise InputError(path, f"cannot be opened: {error.strerror}", remedy="name the folder of a case") from None
    if is_new:
        sync_directory(path.parent)  # before anything in it is acknowledged
    return descriptor


def _interruption(
    entries: int, torn: bytes, *, missing_head: bool, stray: bytes, unfinished: bool
) -> Interruption | None:
    if missing_head:
        words = f"a crash left entry {entries - 1} without its tree head"
    elif torn:
        words = f"a crash left {len(torn)} bytes of an entry after entry {entries - 1}; it had not been acknowledged"
    elif stray:
        words = f"a crash left {len(stray)} bytes of a payload after entry {entries - 1}; it had not been acknowledged"
    elif unfinished:
        words = "a crash left texts that had been ordered to be erased"
    else:
        return None
    return Interruption(
        torn_bytes=torn,
        missing_head=missing_head,
        description=words,
        stray_payload=stray,
        unfinished_erasure=unfinished,
    )


def _checked(path: Path, what: str, reader: Callable[[bytes], _Read], line: bytes) -> _Read:
    try:
        return reader(line)
    except ValueError as error:
        raise _altered(path, f"{what}: {error}") from None


def _altered(path: Path, reason: str) -> IntegrityError:
    return IntegrityError(f"{path}: {reason}; {_REMEDY}")
