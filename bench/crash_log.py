"""Appending to a log and erasing from it, struck at each system call: a part of `tamper_and_crash.py`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import headwater_verify
from crash_points import FAULTS, Ended, Point, Striker, Tally
from headwater.custody import (
    HEADS_NAME,
    LOG_NAME,
    PAYLOADS_NAME,
    CustodyLog,
    create_case_key,
    program_sha256,
    verify_log,
)
from headwater.errors import HeadwaterError
from headwater_verify.checks import BadInputError

program_sha256()  # kept from here on, so that no process which is struck digests the program anew
FILES = (LOG_NAME, HEADS_NAME, PAYLOADS_NAME)
WHO: Mapping[str, Any] = {
    "actor": "Ana",
    "role": "analyst",
    "justification": "exercise",
    "clock": lambda: datetime(2026, 11, 3, tzinfo=UTC),
}


def log_holds(folder: Path, *witnesses: tuple[int, str]) -> bool:
    """Whether both programs accept the log; headwater's own knows no witness."""
    try:
        ours = all(check.ok for check in verify_log(folder))
    except HeadwaterError:
        ours = False
    try:
        theirs = all(check.ok for check in headwater_verify.verify(folder))
        witnessed = all(check.ok for check in headwater_verify.verify(folder, witnesses=witnesses))
    except BadInputError:
        theirs = witnessed = False
    if ours != theirs:
        raise SystemExit(f"{folder}: the two programs disagree: {ours} and {theirs}")
    return theirs and witnessed


def small_log(folder: Path, entries: int = 3) -> CustodyLog:
    """A log with one act of each kind that has texts of its own."""
    folder.mkdir()
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    for _ in range(entries - 1):
        log.append(event="transferred", recipient="FR", output_digests={"package": "ab" * 32}, **WHO)
    return log


def log_acts(folder: Path, promise: Callable[[str], None]) -> int:
    """Two entries and an erasure, each promised once the log says that it is done."""
    try:
        log = CustodyLog.open(folder)
        for act in range(2):
            promise(f"acknowledged {log.append(event='opened', object_ids=[f'act-{act}'], **WHO).seq}")
        promise(f"acknowledged {log.erase([1], **WHO).seq}")
    except HeadwaterError as error:
        promise(f"refused {type(error).__name__}")
        return 2
    return 0


def recovered(folder: Path, ended: Ended) -> str | None:
    """What was lost, or did not come right; None if nothing."""
    acknowledged = [int(n) for line in ended.promised for n in re.findall(r"^acknowledged (\d+)$", line)]
    try:
        log = CustodyLog.open(folder)
        seen = {entry.seq: entry for entry in log.entries()}
        log.append(event="verified", **WHO)
    except HeadwaterError as error:
        return f"not recovered: {error}"
    lost = [number for number in acknowledged if number not in seen]
    if lost:
        return f"acknowledged and lost: {lost}"
    if len(seen) > 3 + len(acknowledged) + 2:
        return "entries that nobody wrote"
    if not log_holds(folder):
        return "it does not verify"
    entries = list(CustodyLog.open(folder).entries())
    ordered = any(entry.event == "erased" for entry in entries)
    return "erased, and still there" if ordered and entries[1].justification is not None else None


def log_strikes(work: Path, step: int) -> Iterator[Tally]:
    """For each kind of fault and how it was made, how many points were tried and came right."""
    striker, template = Striker(work / "striker", "crash_log"), work / "template"
    small_log(template)
    for means, counted, strike in (
        ("wrappers", striker.wrapped_points, striker.wrapped),
        ("strace", striker.traced_points, striker.traced),
    ):
        probe = work / "probe"
        shutil.copytree(template, probe)
        points = counted(log_acts, probe)
        shutil.rmtree(probe)
        for fault in FAULTS if points else ():
            tally = Tally(f"log, {fault} by {means}")
            for point in points[::step]:
                bad = _struck(strike, template, work / "struck", point, fault)
                tally.count(f"{point.call} {point.number}: {bad}", good=bad is None)
            yield tally


def _struck(strike: Callable[..., Ended], template: Path, folder: Path, point: Point, fault: str) -> str | None:
    shutil.copytree(template, folder)
    ended = strike(log_acts, folder, point, fault)
    struck = ended.killed if fault == "KILL" else ended.status != 0 or "act-1" in str(ended)
    bad = recovered(folder, ended) if struck else f"the fault did not strike: {ended}"
    shutil.rmtree(folder)
    return bad
