"""The custody log of a case: files that only grow, and are checked before they do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater import __version__
from headwater.custody.disk import append_bytes, content_of, lines_of, sync_directory
from headwater.custody.entry import (
    FIRST_PREV_HASH,
    Entry,
    Head,
    entry_from_line,
    line_digest,
    signed_entry_line,
    signed_head_line,
    utc_text,
)
from headwater.custody.fields import check_erasable, entry_fields
from headwater.custody.keys import fingerprint, load_case_key, load_case_public_key
from headwater.custody.merkle import leaf_digest
from headwater.custody.payloads import (
    PAYLOADS_NAME,
    payload_digest,
    payload_line,
    payloads_without,
    replace_payloads,
    sealed_line,
    with_payload,
)
from headwater.custody.repair import keys_destroyed_again, repaired_fields, set_right
from headwater.custody.state import (
    HEADS_NAME,
    LOG_NAME,
    Files,
    Interruption,
    State,
    locked,
    read_state,
    sizes_of,
)
from headwater.custody.subjects import KEYS_FOLDER, SubjectKeys
from headwater.errors import CaseNotFoundError, ConfigError, InputError, IntegrityError

__all__ = ["Clock", "CustodyLog"]

Clock = Callable[[], datetime]
"""Called for the time of an entry; the time says its zone."""


class CustodyLog:
    """An append-only record of acts on evidence, which verifies with no database installed.

    Several processes may append to one log: each append locks it, takes in what others wrote, and returns once all is
    on the medium.
    """

    def __init__(
        self,
        case_dir: Path,
        public_key: Ed25519PublicKey,
        signing_key: Ed25519PrivateKey | None,
        subject_keys: SubjectKeys | None = None,
    ) -> None:
        self._case_dir = case_dir
        self._public_key = public_key
        self._signing_key = signing_key
        self.subject_keys = subject_keys or SubjectKeys(case_dir / KEYS_FOLDER)
        self._state: State | None = None

    @classmethod
    def create(
        cls,
        case_dir: Path,
        *,
        signing_key: Ed25519PrivateKey,
        actor: str,
        role: str,
        justification: str,
        clock: Clock,
        authority_ref: str = "",
        workstation: str = "",
        clock_source: str = "",
        object_ids: Sequence[str] = (),
        params: Mapping[str, object] | None = None,
        output_digests: Mapping[str, str] | None = None,
    ) -> CustodyLog:
        """A new log, whose first entry is `created` and carries the fingerprint of the signing key.

        Raises:
            ConfigError: The folder holds a log already.
        """
        log = cls(case_dir, signing_key.public_key(), signing_key)
        try:
            for name in (LOG_NAME, HEADS_NAME):
                os.close(os.open(case_dir / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
            sync_directory(case_dir)
        except FileExistsError:
            raise ConfigError(f"{case_dir}: a custody log is there already; it is never replaced") from None
        except OSError as error:
            raise InputError(case_dir, f"no custody log can be made here: {error.strerror}") from None
        fields = entry_fields(
            event="created",
            actor=actor,
            role=role,
            justification=justification,
            authority_ref=authority_ref,
            workstation=workstation,
            object_ids=object_ids,
            params=params,
            input_digests={"signing_key": fingerprint(signing_key.public_key())},
            output_digests=output_digests,
            clock_source=clock_source,
        )
        with locked(case_dir, exclusive=True) as files:
            log._write(files, State(), fields, clock)
        return log

    @classmethod
    def open(
        cls,
        case_dir: Path,
        *,
        signing_key: Ed25519PrivateKey | None = None,
        subject_keys: SubjectKeys | None = None,
    ) -> CustodyLog:
        """The log of a case, after its chain, its tree and its last signed head were checked.

        Args:
            case_dir: The case.
            signing_key: The case's key; without it, the first append loads it from the case.
            subject_keys: The keys of its subjects; None for those in the case folder.

        Raises:
            CaseNotFoundError: There is no log.
            IntegrityError: The files were altered or cut.
        """
        if not (case_dir / LOG_NAME).is_file():
            raise CaseNotFoundError(case_dir, f"there is no {LOG_NAME} here", remedy="name the folder of a case")
        log = cls(case_dir, load_case_public_key(case_dir), signing_key, subject_keys)
        with locked(case_dir, exclusive=False) as files:
            log._state = read_state(case_dir, files, log._public_key)
        return log

    @property
    def interruption(self) -> Interruption | None:
        """What a crash left behind, if anything."""
        return self._current().interruption

    def head(self) -> Head:
        """The last signed tree head.

        Raises:
            IntegrityError: A crash left none; append, and there is one.
        """
        if (head := self._current().head) is None:
            raise IntegrityError(
                f"{self._case_dir / HEADS_NAME}: no tree head was written yet; append to the log first"
            )
        return head

    def entries(self) -> Iterator[Entry]:
        """Every entry, in order, with the texts that were not erased."""
        with locked(self._case_dir, exclusive=False) as (log_file, _, payloads_file):
            lines, _ = lines_of(content_of(log_file))
            payloads, _ = lines_of(content_of(payloads_file))
        # After the lines: the keys that they were written under are there, but for those that were destroyed.
        keys, following = self.subject_keys.as_now(), iter(payloads)
        for line in lines:
            entry = entry_from_line(line)
            payload = next(following, None) if entry.payload_sha256 else None
            yield with_payload(entry, payload, keys) if payload is not None else entry

    def append(
        self,
        *,
        event: str,
        actor: str,
        role: str,
        justification: str,
        clock: Clock,
        object_ids: Sequence[str] = (),
        params: Mapping[str, object] | None = None,
        input_digests: Mapping[str, str] | None = None,
        output_digests: Mapping[str, str] | None = None,
        outcome: str = "done",
        workstation: str = "",
        authority_ref: str = "",
        operation: str | None = None,
        recipient: str = "",
        clock_source: str = "",
        tool: str = "headwater",
        tool_version: str = __version__,
        tool_sha256: str | None = None,
        about: Sequence[str] = (),
    ) -> Entry:
        """The entry, once it and its tree head are on the medium.

        Args:
            event: One of `EVENTS`, except `created`, `repaired` and `erased`, which the log writes itself.
            actor: Who acts.
            role: In which role.
            justification: Why.
            clock: Called for the time, once the log is locked.
            object_ids: Ids of what is acted upon; never content, never a path of this machine.
            params: Parameters; the log keeps the digest of their canonical JSON.
            input_digests: Name to SHA-256, lower-case hex.
            output_digests: Name to SHA-256, lower-case hex.
            outcome: `done`, `refused: WHY` or `failed: WHY`.
            workstation: On which machine.
            authority_ref: Under which authority.
            operation: One of the six of `OPERATIONS`, for a `failed` event; otherwise the event says which.
            recipient: To whom something was disclosed; it must be said where something was.
            clock_source: Which clock it is, as `clock_source()` says; empty if the time was given by the caller.
            tool: With which program.
            tool_version: Its version.
            tool_sha256: Digest of its files; None for those of headwater.
            about: Subjects whom justification and reason are about: these are sealed under the keys of all of them.

        Raises:
            InputError: A field cannot be recorded, or the medium refuses; nothing was recorded.
            IntegrityError: The files were altered or cut since they were written.
        """
        if event in {"created", "repaired", "erased"}:
            raise InputError("custody log", f"'{event}' is an event that only the log itself writes")
        fields = entry_fields(
            event=event,
            actor=actor,
            role=role,
            justification=justification,
            authority_ref=authority_ref,
            workstation=workstation,
            object_ids=object_ids,
            params=params,
            input_digests=input_digests,
            output_digests=output_digests,
            outcome=outcome,
            operation=operation,
            recipient=recipient,
            clock_source=clock_source,
            tool=tool,
            tool_version=tool_version,
            tool_sha256=tool_sha256,
        )
        with locked(self._case_dir, exclusive=True) as files:
            return self._write(files, self._ready(files, clock), fields, clock, about)

    def erase(
        self,
        entries: Sequence[int],
        *,
        actor: str,
        role: str,
        justification: str,
        clock: Clock,
        object_ids: Sequence[str] = (),
        keys: Sequence[str] = (),
        output_digests: Mapping[str, str] | None = None,
        **machine: str,
    ) -> Entry:
        """The entry that records it, once those texts and keys are gone; the log still verifies.

        Args:
            entries: Numbers of entries whose texts are overwritten.
            actor: Who erases.
            role: In which role.
            justification: Why.
            clock: Called for the time.
            object_ids: What it is about besides, such as a commitment to a subject.
            keys: Ids of keys of subjects that are destroyed.
            output_digests: As of `append`.
            **machine: `workstation`, `authority_ref` and `clock_source`, as of `append`.

        Raises:
            InputError: A number is of no entry that holds such texts still; nothing was erased.
        """
        fields = entry_fields(
            event="erased",
            actor=actor,
            role=role,
            justification=justification,
            object_ids=(*(f"entry-{number}" for number in sorted(set(entries))), *sorted(keys), *object_ids),
            output_digests=output_digests,
        )
        with locked(self._case_dir, exclusive=True) as files:
            state = self._ready(files, clock)
            check_erasable(state, entries, or_else=(*keys, *object_ids))
            entry = self._write(files, state, {**fields, **machine}, clock)
            self.subject_keys.destroy(keys)
            if entries:
                self._state = self._finish_erasure(files, self._current())
        return entry

    def _ready(self, files: Files, clock: Clock) -> State:
        """What the files hold now, after a crash was set right."""
        state = self._state
        if state is None or state.sizes != sizes_of(files):
            state = read_state(self._case_dir, files, self._public_key)
        if state.interruption is not None:
            state = self._repair(files, state, clock)
        if not state.destroyed or not (again := self.subject_keys.destroy(state.destroyed)):
            return state
        self._write(files, state, keys_destroyed_again(again), clock)
        return self._current()

    def _finish_erasure(self, files: Files, state: State) -> State:
        """Put tombstones in the place of the texts that entries ordered to be erased."""
        self._state = None
        lines = payloads_without(state.payloads, state.erased)
        try:
            replace_payloads(self._case_dir, lines, files[2])
        except OSError as error:
            raise InputError(
                self._case_dir / PAYLOADS_NAME,
                f"the texts could not be erased yet: {error.strerror}",
                remedy="the order is recorded; free the medium, and the next act erases them",
            ) from None
        state.payloads, state.payloads_bytes = lines, sum(len(line) + 1 for line in lines)
        state.sizes = sizes_of(files)
        return state

    def _current(self) -> State:
        if self._state is None:
            raise IntegrityError(
                f"{self._case_dir}: the custody log could not be read after a failed write; open it again"
            )
        return self._state

    def _key(self) -> Ed25519PrivateKey:
        if self._signing_key is None:
            self._signing_key = load_case_key(self._case_dir)
        if fingerprint(self._signing_key.public_key()) != fingerprint(self._public_key):
            raise IntegrityError(f"{self._case_dir}: the private and the public signing key do not belong together")
        return self._signing_key

    def _write(
        self, files: Files, state: State, fields: Mapping[str, Any], clock: Clock, about: Sequence[str] = ()
    ) -> Entry:
        """Append the entry and then its head; on a failure take back what was written."""
        log_file, heads_file, payloads_file = files
        key = self._key()
        first = state.tree.leaves == 0
        at_utc = clock()
        texts = {name: str(fields[name]) for name in ("justification", "reason")}
        try:
            payload = payload_line(seq=state.tree.leaves, **texts)
            if about:
                payload = sealed_line(payload, state.tree.leaves, about, self.subject_keys)
            line = signed_entry_line(
                {
                    **{name: value for name, value in fields.items() if name not in texts},
                    "payload_sha256": payload_digest(payload),
                    "seq": state.tree.leaves,
                    "prev_hash": FIRST_PREV_HASH if first else line_digest(state.last_line),
                    "at_utc": utc_text(at_utc),
                },
                key,
            )
            entry = entry_from_line(line)
        except ValueError as error:
            raise InputError("custody log", f"the entry cannot be recorded: {error}") from None
        tree = state.tree.copy()
        tree.add(leaf_digest(line))
        head_line = signed_head_line(entries=tree.leaves, root=tree.root(), at_utc=entry.at_utc, key=key)
        self._state = None  # whatever happens below, the next reader looks at the files
        try:
            append_bytes(payloads_file, payload + b"\n")
            append_bytes(log_file, line + b"\n")
            append_bytes(heads_file, head_line + b"\n")
        except OSError as error:
            with suppress(OSError):  # what cannot be taken back now is an interruption, and is repaired as one
                os.ftruncate(heads_file, state.heads_bytes)
                os.ftruncate(log_file, state.log_bytes)
                os.ftruncate(payloads_file, state.payloads_bytes)
            raise InputError(
                self._case_dir / LOG_NAME,
                f"the entry could not be written: {error.strerror}",
                remedy="nothing was recorded; free the medium and do it again",
            ) from None
        self._state = state.grown(tree, line, entry, head_line, payload, sizes_of(files))
        return with_payload(entry, payload, self.subject_keys)

    def _repair(self, files: Files, state: State, clock: Clock) -> State:
        """Set right what a crash left, keep the torn bytes apart, and record it as an entry of its own."""
        left = state.interruption
        assert left is not None
        set_right(self._case_dir, files, state, left, self._key())
        if left.unfinished_erasure:
            state = self._finish_erasure(files, state)
        state.interruption = None
        self._write(files, state, repaired_fields(left), clock)
        return self._current()
