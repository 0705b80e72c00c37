"""Who read what of a case through the workbench: logs of their own, in the custody format (docs/adr/0046)."""

from __future__ import annotations

import json
import platform
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import HEADS_NAME, LOG_NAME, CustodyLog, Entry, clock_source, load_case_key, verify_log
from headwater.engine import sync_folder
from headwater.errors import HeadwaterError, InputError
from headwater.workflow.case import Actor, Case, recordable, system_clock

__all__ = ["ACCESS_FOLDER", "AccessLog", "AccessRow", "access_faults", "access_rows"]

ACCESS_FOLDER: Final = "access"
SEGMENT_ENTRIES: Final = 20_000
"""Entries of one log before the next begins: appending to a log costs a little more with each entry that it holds."""
ANCHOR_ENTRIES: Final = 500
"""Entries after which the head goes into the custody log, whatever else does not happen."""
_ANCHOR: Final = "access log"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """One access, as an auditor reads it.

    Attributes:
        segment: Name of the log that holds it.
        entry: The entry.
    """

    segment: str
    entry: Entry


class AccessLog:
    """The accesses of one case: each is on the medium when `append` returns, and nothing is shown before.

    Several threads may append. The heads are anchored in the case's custody log: at each beginning of a log, every
    `ANCHOR_ENTRIES` entries and by `anchor`, which whoever ends the serving calls.

    Args:
        case: The case, whose key signs.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._lock = threading.Lock()
        self._log: CustodyLog | None = None
        self._segment = ""
        self._anchored_entries = 0
        self._rows: list[AccessRow] = []

    def segments(self) -> list[str]:
        """Names of the logs, oldest first; empty before the first access."""
        return _segments(self._case.path)

    def rows(self, segment: str) -> list[AccessRow]:
        """The accesses in one log, oldest first, as far as they are on the medium now.

        The newest log is kept in memory as it grows, so that an auditor need not wait until it is read again.

        Raises:
            InputError: There is no such log.
            IntegrityError: It was altered.
        """
        with self._lock:
            if segment not in self.segments():
                raise InputError(f"{ACCESS_FOLDER}/{segment}", "there is no such log of accesses")
            if self._log is None or segment != self._segment:
                return _rows_of(self._case.path, segment)
            if len(self._rows) != self._log.head().entries:
                self._rows = _rows_of(self._case.path, segment)
            return list(self._rows)

    def append(
        self,
        event: str,
        actor: Actor,
        *,
        object_ids: Sequence[str] = (),
        outcome: str = "done",
        attempted: str = "",
        recipient: str = "",
    ) -> Entry:
        """The entry, once it is on the medium.

        Args:
            event: `consulted`, `exported`, or `failed` for what was refused.
            actor: Who, in which role, and why; the address that was asked for belongs to the why, as it may be erased.
            object_ids: What was shown: ids of screens, tables, rows; never content.
            outcome: `done`, or `refused: WHY`.
            attempted: For `failed`, the operation that was attempted.
            recipient: For `exported`, to whom.

        Raises:
            InputError: The medium refuses; nothing was recorded, and nothing may be shown.
            IntegrityError: The files were altered.
        """
        with self._lock:
            log = self._current()
            entry = log.append(
                event=event,
                actor=recordable(actor.name),
                role=actor.role,
                justification=recordable(actor.justification),
                clock=self._case.clock,
                object_ids=tuple(map(recordable, object_ids)),
                outcome=recordable(outcome),
                operation=attempted or None,
                recipient=recordable(recipient),
                workstation=platform.node(),
                authority_ref=self._case.settings.authority_ref,
                clock_source=self._clock_source(),
            )
            if len(self._rows) == entry.seq:
                self._rows.append(AccessRow(segment=self._segment, entry=entry))
            if entry.seq + 1 - self._anchored_entries >= ANCHOR_ENTRIES:
                self._anchor(log)
            return entry

    def anchor(self) -> None:
        """Put the head into the custody log, unless it is there already."""
        with self._lock:
            if self._log is not None and self._log.head().entries > self._anchored_entries:
                self._anchor(self._log)

    def _anchor(self, log: CustodyLog) -> None:
        head = log.head()
        self._case.record(
            "consulted",
            Actor(name="headwater", role="software", justification="access log anchored"),
            object_ids=(f"{ACCESS_FOLDER}/{self._segment}", f"entries-{head.entries}"),
            params={"read": _ANCHOR, "entries": head.entries},
            inputs={f"{ACCESS_FOLDER}/{self._segment}": head.root},
        )
        self._anchored_entries = head.entries

    def _current(self) -> CustodyLog:
        """The log that takes the next entry."""
        if self._log is None:
            names = _segments(self._case.path)
            if names:
                self._segment = names[-1]
                self._log = CustodyLog.open(self._case.path / ACCESS_FOLDER / self._segment, signing_key=self._key())
                self._anchored_entries = _anchors(self._case).get(self._segment, [(0, "")])[-1][0]
            else:
                self._log = self._begin("000001", ())
        if self._log.head().entries >= SEGMENT_ENTRIES:
            self._anchor(self._log)
            before = f"{ACCESS_FOLDER}/{self._segment}"
            self._log = self._begin(f"{int(self._segment) + 1:06d}", (before, f"root-{self._log.head().root}"))
        return self._log

    def _begin(self, name: str, before: Sequence[str]) -> CustodyLog:
        folder = self._case.path / ACCESS_FOLDER / name
        (folder / "public").mkdir(parents=True, mode=0o700)
        shutil.copyfile(self._case.path / "public" / "case-signing.pem", folder / "public" / "case-signing.pem")
        log = CustodyLog.create(
            folder,
            signing_key=self._key(),
            actor="headwater",
            role="software",
            justification="accesses through the workbench",
            authority_ref=self._case.settings.authority_ref,
            workstation=platform.node(),
            clock=self._case.clock,
            clock_source=self._clock_source(),
            object_ids=(self._case.case_id, f"{ACCESS_FOLDER}/{name}", *before),
        )
        sync_folder(folder.parent)
        self._segment, self._rows = name, []
        self._anchor(log)
        return log

    def _key(self) -> Ed25519PrivateKey:
        return load_case_key(self._case.path)

    def _clock_source(self) -> str:
        known = self._case.clock is system_clock
        return clock_source(self._case.settings.clock_note) if known else "given by the calling program"


def _segments(case: Path) -> list[str]:
    return sorted(path.parent.name for path in (case / ACCESS_FOLDER).glob(f"*/{LOG_NAME}"))


def _anchors(case: Case) -> dict[str, list[tuple[int, str]]]:
    """For each log of accesses, the entries and roots that the custody log has of it, in order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for entry in case.custody.entries():
        for name, root in entry.input_digests.items():
            folder, _, segment = name.partition("/")
            counts = [part.removeprefix("entries-") for part in entry.object_ids if part.startswith("entries-")]
            if folder == ACCESS_FOLDER and segment and counts:
                found.setdefault(segment, []).append((int(counts[0]), root))
    return found


def access_rows(case: Path) -> Iterator[AccessRow]:
    """Every access of a case, oldest first, each log checked as it is opened.

    Raises:
        IntegrityError: The files were altered or cut.
    """
    for name in _segments(case):
        yield from _rows_of(case, name)


def _rows_of(case: Path, segment: str) -> list[AccessRow]:
    entries = CustodyLog.open(case / ACCESS_FOLDER / segment).entries()
    return [AccessRow(segment=segment, entry=entry) for entry in entries]


def access_faults(case: Case) -> str | None:
    """What is wrong with the logs of accesses first; None if all verify and hold what the custody log says of them."""
    names = _segments(case.path)
    anchors = _anchors(case)
    if missing := sorted(anchors.keys() - set(names)):
        return f"{ACCESS_FOLDER}/{missing[0]}: is in the custody log, and gone"
    for name in names:
        folder = case.path / ACCESS_FOLDER / name
        try:
            for check in verify_log(folder):
                if not check.ok:
                    return f"{ACCESS_FOLDER}/{name}: {check.check}: {check.first_bad}"
            roots = [json.loads(line)["root"] for line in (folder / HEADS_NAME).read_bytes().splitlines()]
        except HeadwaterError as error:
            return str(error)
        if name not in anchors:
            return f"{ACCESS_FOLDER}/{name}: no head of it is in the custody log"
        for entries, root in anchors[name]:
            if entries > len(roots) or roots[entries - 1] != root:
                return f"{ACCESS_FOLDER}/{name}: is not the log whose head of {entries} entries is in the custody log"
    return None
