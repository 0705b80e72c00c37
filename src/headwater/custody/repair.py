"""What a crash left is set right: torn bytes are kept apart, what belongs to no entry goes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody.disk import append_bytes, sync_directory
from headwater.custody.entry import signed_head_line
from headwater.custody.fields import entry_fields
from headwater.custody.state import TORN_NAME, Files, Interruption, State

__all__ = ["keys_destroyed_again", "repaired_fields", "set_right"]


def set_right(case_dir: Path, files: Files, state: State, left: Interruption, key: Ed25519PrivateKey) -> None:
    """Write a head that is missing, keep torn bytes apart, and remove a payload of no entry."""
    log_file, heads_file, payloads_file = files
    if left.missing_head:
        assert state.last_entry is not None
        # The entry carries its own signature, so this signs nothing that another hand could have put there.
        head_line = signed_head_line(
            entries=state.tree.leaves, root=state.tree.root(), at_utc=state.last_entry.at_utc, key=key
        )
        os.ftruncate(heads_file, state.heads_bytes)
        append_bytes(heads_file, head_line + b"\n")
        state.heads_bytes += len(head_line) + 1
    if left.torn_bytes:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(case_dir / TORN_NAME, flags, 0o640)
        try:
            append_bytes(descriptor, left.torn_bytes + b"\n")
        finally:
            os.close(descriptor)
        sync_directory(case_dir)
        os.ftruncate(log_file, state.log_bytes)
    if left.stray_payload:
        os.ftruncate(payloads_file, state.payloads_bytes)


def repaired_fields(left: Interruption) -> dict[str, Any]:
    """The entry that records it."""
    return entry_fields(
        event="repaired",
        actor="headwater",
        role="software",
        justification=left.description,
        params={
            "torn_bytes": len(left.torn_bytes),
            "missing_head": left.missing_head,
            "stray_payload_bytes": len(left.stray_payload),
            "unfinished_erasure": left.unfinished_erasure,
        },
        input_digests={"torn": hashlib.sha256(left.torn_bytes).hexdigest()} if left.torn_bytes else {},
    )


def keys_destroyed_again(key_ids: tuple[str, ...]) -> dict[str, Any]:
    """The entry that records that keys of subjects, ordered to be destroyed, were there and are not any more."""
    return entry_fields(
        event="repaired",
        actor="headwater",
        role="software",
        justification="keys of subjects that had been ordered to be destroyed were there, after a crash or from a "
        "backup; they were destroyed",
        object_ids=key_ids,
    )
