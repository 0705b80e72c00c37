"""Does tampering show, and does a crash lose anything: every byte flipped, every system call of a commit interrupted.

    python bench/tamper_and_crash.py [--slice N] [--points N]

Tampering is tried on a small log and a small package, and checked by both programs, which must agree. Crashes are those
of a child that appends to a log and erases from it: it is killed at, or refused, each write, fsync, truncate, rename
and unlink in turn; by strace, where a process may be traced, and by wrappers inside the child, which leave half of a
write behind. Acknowledged is what the child had printed; after each, the log must hold all of that and hardly more, be
set right by the next append, and verify, and what was ordered to be erased must be gone.
`--slice N` takes every N-th byte, `--points N` every N-th system call. Exit code 1 if anything was missed or lost.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import headwater_verify
from headwater.custody import HEADS_NAME, LOG_NAME, PAYLOADS_NAME, CustodyLog, Head, create_case_key, verify_log
from headwater.engine import Session
from headwater.errors import HeadwaterError
from headwater.packages import CaseInfo, draft, release, verify_package
from headwater.schema import table_named
from headwater_verify.checks import BadInputError

FILES = (LOG_NAME, HEADS_NAME, PAYLOADS_NAME)
CALLS = ("write", "fsync", "ftruncate", "rename", "unlink")
WHO = {
    "actor": "Ana",
    "role": "analyst",
    "justification": "exercise",
    "clock": lambda: datetime(2026, 11, 3, tzinfo=UTC),
}


@dataclass(slots=True)
class Tally:
    """What was tried, and what of it was as it must be."""

    name: str
    tried: int = 0
    good: int = 0
    bad: list[str] = field(default_factory=list)

    def count(self, what: str, *, good: bool) -> None:
        self.tried += 1
        self.good += good
        if not good:
            self.bad.append(what)


# ---- Tampering


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


def package_holds(folder: Path) -> bool:
    """Whether both programs accept a released package."""
    try:
        ours = all(check.ok for check in verify_package(folder))
    except HeadwaterError:
        ours = False
    theirs = all(check.ok for check in headwater_verify.verify(folder))
    if ours and not theirs:
        raise SystemExit(f"{folder}: headwater accepts it, and headwater-verify does not")
    return ours or theirs


def small_log(folder: Path, entries: int = 3) -> CustodyLog:
    """A log with one act of each kind that has texts of its own."""
    folder.mkdir()
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    for _ in range(entries - 1):
        log.append(event="transferred", recipient="FR", output_digests={"package": "ab" * 32}, **WHO)
    return log


def small_package(folder: Path, country: str) -> Path:
    """A released package of one lead."""
    identity, tables = pyrage.x25519.Identity.generate(), Session({})
    lead: dict[str, object] = dict.fromkeys(
        ("why_now", "data_subject_category", "deconfliction_key", "rules_version", "jurisdiction_version"), "one"
    )
    lead |= {name: [] for name in ("rules_fired", "rules_not_fired", "completeness", "next_lawful_steps", "contrary")}
    seen = {"country": country, "evidence": "x", "weight": 40, "observed": 1, "table": "logins", "example_id": "log-1"}
    lead |= {"lead_id": "led-1", "rank": 1, "risk_tier": 1, "account_id": "acc-1", "jurisdiction": [seen]}
    lead |= {"lead_country": country, "shared_with": [], "rivals": []}
    tables.put("leads", table_named("leads").rows([{**lead, "assertion_kind": "computed"}]))
    who = {"why": "one lead", "clock": WHO["clock"]}
    with tables:
        drafted = draft(
            tables, country=country, recipient_key=str(identity.to_public()), author="Ana", out_dir=folder,
            case_info=CaseInfo(case_id="case-1", authority_ref="Warrant 1", legal_basis="Agreement 7"),
            signing_key=Ed25519PrivateKey.generate(), **who,
        )  # fmt: skip
    keys = {"approver_key": Ed25519PrivateKey.generate(), "case_key": Ed25519PrivateKey.generate()}
    release(drafted.folder, approver="Bo", leads_opened=drafted.lead_ids, **keys, **who)
    return drafted.folder


def flips(folder: Path, names: list[str], holds: Callable[[Path], bool], tally: Tally, step: int) -> None:
    """Change one bit of every step-th byte of each file, in turn; another bit from byte to byte."""
    for name in names:
        path = folder / name
        content = path.read_bytes()
        for at in range(0, len(content), step):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at // step % 8]) + content[at + 1 :])
            tally.count(f"{name}, byte {at}", good=not holds(folder))
        path.write_bytes(content)
    if not holds(folder):
        raise SystemExit(f"{folder}: what was put back does not verify")


def structural_attacks(work: Path) -> Iterator[tuple[str, bool]]:
    """Each attack on the lines of a log or on whole packages, and whether it was found."""
    base, other = work / "base", work / "other"
    log = small_log(base, 5)
    small_log(other, 5)
    yesterday = work / "yesterday"
    shutil.copytree(base, yesterday)
    log.append(event="opened", **WHO)
    head = log.head()
    for number in range(6):
        for names in ((LOG_NAME,), (HEADS_NAME,), (PAYLOADS_NAME,), FILES[:2], FILES):
            for attack, change in LINE_ATTACKS.items():
                lines = (base / names[0]).read_bytes().splitlines(keepends=True)
                if change(lines, number) == lines:
                    continue
                yield f"{attack} {number} in {'+'.join(names)}", not _changed_holds(base, names, change, number, head)
    for name in FILES:
        for number in range(5):
            theirs = (other / name).read_bytes().splitlines(keepends=True)[number]
            for attack, change in (
                ("replace by one of another log", lambda ls, n, t=theirs: [*ls[:n], t, *ls[n + 1 :]]),
                ("insert one of another log", lambda ls, n, t=theirs: [*ls[:n], t, *ls[n:]]),
                ("join to another log", lambda ls, _, t=theirs: [*ls, t]),
            ):
                yield f"{attack}: {name} {number}", not _changed_holds(base, (name,), change, number, head)
    yield "roll back to yesterday's copy", not log_holds(yesterday, (head.entries, head.root))
    if not log_holds(yesterday):
        raise SystemExit("yesterday's copy does not verify by itself")
    yield from _swapped_packages(work)


def _swapped_packages(work: Path) -> Iterator[tuple[str, bool]]:
    packages = {country: small_package(work / f"of-{country}", country) for country in ("ES", "FR")}
    for part in ("record", "sealed", "sealed/envelope.json", "sealed/package.age", "record/leads.jsonl",
                 "record/manifest.json", "record/approval.json", "record/signatures.json"):  # fmt: skip
        swapped = work / "swapped"
        shutil.copytree(packages["ES"], swapped)
        source, target = packages["FR"] / part, swapped / part
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
        same = part == "record/leads.jsonl" and (packages["ES"] / part).read_bytes() == source.read_bytes()
        if not same:
            yield f"swap {part} between two countries", not package_holds(swapped)
        shutil.rmtree(swapped)


LINE_ATTACKS = {
    "cut from": lambda lines, n: lines[:n],
    "leave out": lambda lines, n: [*lines[:n], *lines[n + 1 :]],
    "duplicate": lambda lines, n: [*lines[: n + 1], *lines[n:]],
    "reorder": lambda lines, n: [*lines[:n], *lines[n : n + 2][::-1], *lines[n + 2 :]],
}


def _changed_holds(base: Path, names: tuple[str, ...], change: Callable, number: int, head: Head) -> bool:
    before = {name: (base / name).read_bytes() for name in names}
    for name, content in before.items():
        (base / name).write_bytes(b"".join(change(content.splitlines(keepends=True), number)))
    try:
        return log_holds(base, (head.entries, head.root))
    finally:
        for name, content in before.items():
            (base / name).write_bytes(content)


# ---- Crashes


CHILD = """
import os, signal, sys, errno
from datetime import UTC, datetime
from pathlib import Path
from headwater.custody import CustodyLog
from headwater.custody.machine import program_sha256
from headwater.errors import HeadwaterError

folder, call, fault, wanted = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
clock = lambda: datetime(2026, 11, 3, tzinfo=UTC)
who = {"actor": "Ana", "role": "analyst", "justification": "exercise", "clock": clock}
program_sha256()
log = CustodyLog.open(folder)
seen = 0

def faulty(real):
    def wrapped(*arguments, **named):
        global seen
        seen += 1
        if seen == wanted:
            if call == "write":  # half of it is on the medium
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            if fault == "KILL":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(getattr(errno, fault), os.strerror(getattr(errno, fault)))
        return real(*arguments, **named)
    return wrapped

def say(text):
    sys.__stdout__.flush()
    real_write(1, text.encode() + b"\\n")

real_write = os.write
if call != "-":
    for name in {"rename": ("rename", "replace"), "write": ("write",)}.get(call, (call,)):
        setattr(os, name, faulty(getattr(os, name)))
real_write(2, b"begin\\n")
try:
    for act in range(2):
        say(f"acknowledged {log.append(event='opened', object_ids=[f'act-{act}'], **who).seq}")
    say(f"erased {log.erase([1], **who).seq}")
except HeadwaterError as error:
    say(f"refused {type(error).__name__}")
say(f"calls {seen}")
"""


def traced(folder: Path, call: str, fault: str, number: int) -> subprocess.CompletedProcess[str]:
    """The child under strace, which kills it or fails it at that call of that kind."""
    action = "signal=KILL" if fault == "KILL" else f"error={fault}"
    calls = {"rename": "rename,renameat,renameat2", "unlink": "unlink,unlinkat", "write": "write"}.get(call, call)
    words = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:{action}:when={number}",
    ]
    return _child([*words, sys.executable, "-c", CHILD, str(folder), "-", "-", "0"])


def shimmed(folder: Path, call: str, fault: str, number: int) -> subprocess.CompletedProcess[str]:
    """The child with the call wrapped inside it."""
    return _child([sys.executable, "-c", CHILD, str(folder), call, fault, str(number)])


def _child(words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)


def traced_calls(folder: Path) -> dict[str, tuple[int, int]] | None:
    """First and last number of each call within the commits, counted by strace; None where nothing may be traced."""
    if shutil.which("strace") is None:
        return None
    trace = folder.with_suffix(".trace")
    kinds = "write,fsync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"
    ran = _child(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            str(trace),
            "-e",
            f"trace={kinds}",
            sys.executable,
            "-c",
            CHILD,
            str(folder),
            "-",
            "-",
            "0",
        ]
    )
    if ran.returncode or not trace.is_file():
        return None
    spans: dict[str, tuple[int, int]] = {}
    counts = dict.fromkeys(CALLS, 0)
    begun = False
    for line in trace.read_text(errors="replace").splitlines():
        found = re.search(r"(\w+)\(", line)
        if found is None:
            continue
        kind = next((call for call in CALLS if found[1].startswith(call)), None)
        if kind is None:
            continue
        counts[kind] += 1
        if 'write(2, "begin' in line:
            begun = True
        elif begun and not re.search(r"write\([12],", line):
            spans[kind] = (spans.get(kind, (counts[kind], 0))[0], counts[kind])
    return spans


def recovered(folder: Path, ran: subprocess.CompletedProcess[str]) -> str | None:
    """What was lost, or did not come right; None if nothing."""
    acknowledged = [int(number) for number in re.findall(r"^(?:acknowledged|erased) (\d+)", ran.stdout, re.MULTILINE)]
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


def crash_points(work: Path, step: int) -> dict[str, list[Tally]]:
    """By how the faults were made: for each kind of fault, how many points were tried and came right."""
    template = work / "template"
    small_log(template)
    probe = work / "probe"
    shutil.copytree(template, probe)
    spans = {"wrappers": (shimmed, shimmed_calls(work, template)), "strace": (traced, traced_calls(probe))}
    return {
        means: [_tally(work, template, run, fault, calls, step) for fault in ("KILL", "ENOSPC", "EIO")]
        for means, (run, calls) in spans.items()
        if calls
    }


def shimmed_calls(work: Path, template: Path) -> dict[str, tuple[int, int]]:
    """First and last number of each call within the commits, counted by the wrappers."""
    spans = {}
    for call in CALLS:
        counted = work / f"counted-{call}"
        shutil.copytree(template, counted)
        calls = int(re.findall(r"^calls (\d+)", shimmed(counted, call, "EIO", 0).stdout, re.MULTILINE)[0])
        if calls:
            spans[call] = (1, calls)
    return spans


def _tally(
    work: Path, template: Path, run: Callable, fault: str, spans: dict[str, tuple[int, int]], step: int
) -> Tally:
    tally = Tally(fault)
    points = [(call, number) for call, (first, last) in spans.items() for number in range(first, last + 1)]
    for call, number in points[::step]:
        folder = work / "struck"
        shutil.copytree(template, folder)
        ran = run(folder, call, fault, number)
        killed = ran.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}
        refused = "refused" in ran.stdout or "OSError" in ran.stderr
        bad = recovered(folder, ran) if (killed if fault == "KILL" else refused) else "the fault did not strike"
        tally.count(f"{call} {number}: {bad}", good=bad is None)
        shutil.rmtree(folder)
    return tally


def measured(step: int, points: int) -> tuple[list[Tally], dict[str, list[Tally]]]:
    """Tallies of tampering, and of crashes by how the faults were made."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        small_log(work / "log")
        of_log, of_package, attacks = Tally("log, bytes"), Tally("package, bytes"), Tally("structural attacks")
        flips(work / "log", [*FILES, "public/case-signing.pem"], log_holds, of_log, step)
        package = small_package(work / "package", "ES")
        names = [path.relative_to(package).as_posix() for path in sorted(package.rglob("*")) if path.is_file()]
        flips(package, names, package_holds, of_package, step)
        for what, found in structural_attacks(work):
            attacks.count(what, good=found)
        return [of_log, of_package, attacks], crash_points(work, points)


def main() -> int:
    """The exit code, after printing the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slice", type=int, default=1, help="every N-th byte")
    parser.add_argument("--points", type=int, default=1, help="every N-th system call")
    options = parser.parse_args()
    tampering, crashes = measured(options.slice, options.points)
    for tally in tampering:
        print(f"{tally.name}: {tally.tried} tried, {tally.good} detected")
    for means, tallies in crashes.items():
        for tally in tallies:
            print(
                f"{tally.name} by {means}: {tally.tried} points, {tally.good} recovered with nothing acknowledged lost"
            )
    if "strace" not in crashes:
        print("strace: missing, or it may not trace here; the points above are those of the wrappers alone")
    tallies = [*tampering, *(tally for tallies in crashes.values() for tally in tallies)]
    for tally in tallies:
        for what in tally.bad:
            print(f"NOT: {tally.name}: {what}")
    return 0 if all(tally.tried and tally.tried == tally.good for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
