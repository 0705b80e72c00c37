"""Bytes, lines, files and copies changed in turn, which both verifiers must find: a part of `tamper_and_crash.py`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import headwater_verify
from crash_log import FILES, WHO, log_holds, small_log
from crash_points import Tally
from headwater.custody import HEADS_NAME, LOG_NAME, PAYLOADS_NAME, CustodyLog, Head, create_case_key
from headwater.engine import Session
from headwater.errors import HeadwaterError
from headwater.packages import CaseInfo, CaseRecord, draft, release, verify_package
from headwater.schema import table_named


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
    log = folder / "log"
    log.mkdir(parents=True)
    case_key = create_case_key(log)
    CustodyLog.create(log, signing_key=case_key, actor="Ana", role="analyst", justification="one", clock=WHO["clock"])
    with tables:
        drafted = draft(
            tables, country=country, recipient_key=str(identity.to_public()), author="Ana", out_dir=folder,
            case_info=CaseInfo(case_id="case-1", authority_ref="Warrant 1", legal_basis="Agreement 7"),
            signing_key=Ed25519PrivateKey.generate(), record=CaseRecord(case_dir=log), **who,
        )  # fmt: skip
    keys = {"approver_key": Ed25519PrivateKey.generate(), "case_key": case_key}
    release(drafted.folder, approver="Bo", leads_opened=drafted.lead_ids, **keys, **who)
    return drafted.folder


def flips(folder: Path, names: list[str], holds: Callable[..., bool], tally: Tally, step: int, workers: int) -> None:
    """Change one bit of every step-th byte of each file, in turn; another bit from byte to byte."""
    with ProcessPoolExecutor(workers, initializer=_own_copy, initargs=(folder,)) as pool:
        for name in names:
            places = range(0, (folder / name).stat().st_size, step)
            parts = [places[n : n + 256] for n in range(0, len(places), 256)]
            for part, found in zip(parts, pool.map(partial(_flipped, name, holds, step), parts), strict=True):
                for at, seen in zip(part, found, strict=True):
                    tally.count(f"{name}, byte {at}", good=seen)


_copy: Path


def _own_copy(folder: Path) -> None:
    """Each process changes a copy of its own."""
    global _copy  # noqa: PLW0603 - what the initializer of a process leaves for its tasks
    kept = tempfile.mkdtemp(prefix="flips-", dir=folder.parent)
    _copy = Path(shutil.copytree(folder, Path(kept) / folder.name))


def _flipped(name: str, holds: Callable[..., bool], step: int, places: range) -> list[bool]:
    """Whether each change was found."""
    path = _copy / name
    content, found = path.read_bytes(), []
    for at in places:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at // step % 8]) + content[at + 1 :])
        found.append(not holds(_copy))
    path.write_bytes(content)
    if not holds(_copy):
        raise SystemExit(f"{_copy}: what was put back does not verify")
    return found


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


def tampering(work: Path, step: int, workers: int) -> Iterator[Tally]:
    """What was changed in a small log and a small package, and what of it was found."""
    small_log(work / "log")
    of_log, of_package, attacks = Tally("bytes of a log"), Tally("bytes of a package"), Tally("structural attacks")
    flips(work / "log", [*FILES, "public/case-signing.pem"], log_holds, of_log, step, workers)
    yield of_log
    package = small_package(work / "package", "ES")
    names = [path.relative_to(package).as_posix() for path in sorted(package.rglob("*")) if path.is_file()]
    flips(package, names, package_holds, of_package, step, workers)
    yield of_package
    for what, found in structural_attacks(work):
        attacks.count(what, good=found)
    yield attacks
