"""Acts on a small case that `tamper_and_crash.py` strikes, and what must be true of the case after each.

The case is the smallest of the tests: two files, a dump, a few references, every stage done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import duckdb
import ibis.backends.duckdb
import numba
import pyarrow.dataset
import pyrage
import typst

import headwater.workflow.stages
from crash_points import FAULTS, Ended, Point, Striker, Tally, program
from headwater.custody import CustodyLog

# What acts use is in memory before the first of them is forked.
USED = (duckdb, ibis.backends.duckdb, numba, pyarrow.dataset, typst, headwater.workflow.stages)
ROOT = Path(__file__).resolve().parents[1]
ANA, BO = "A. Examiner", "S. Second"
CASE, PACKAGE = "{case}", "{package}"
Words = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAct:
    """A command on a case.

    Attributes:
        name: What is done.
        given: Its words; `CASE` and `PACKAGE` stand for the case and the package in it.
        missing: What of its effect a case lacks; None if nothing.
    """

    name: str
    given: Words
    missing: Callable[[Path], str | None]

    def words(self, case: Path) -> Words:
        """The command line for that case."""
        where = {CASE: lambda: case, PACKAGE: lambda: _package_id(case)}
        return tuple(where[word]() if word in where else word for word in self.given)


def do(act: CaseAct, folder: Path, _promise: Callable[[str], None]) -> int:
    """The command's exit status."""
    return program(*act.words(folder / "case"))[0]


def verified(folder: Path, promise: Callable[[str], None]) -> int:
    """The exit status of verification; each check that failed is said."""
    status, rows = program("verify", folder / "case", "--json")
    for row in rows:
        if not row["ok"]:
            promise(f"{row['check']}: {row['first_bad']}")
    return status


def aftermath(act: CaseAct, ended: Ended, folder: Path, promise: Callable[[str], None]) -> int:
    """0 if the case opens and verifies, has all that was said to be done, lets the act be done, and verifies then."""
    case = folder / "case"
    # The next act, whichever: it sets right what the crash left in the log. Everything else has to hold by itself.
    if program("queue", case, "--operator", BO)[0] or verified(folder, promise):
        promise("after the crash")
        return 1
    if ended.status == 0 and not ended.killed and (lost := act.missing(case)) is not None:
        promise(f"was said to be done, and {lost}")
        return 1
    status, _ = program(*act.words(case))
    missing = act.missing(case)
    if missing is not None or status not in {0, 2}:
        promise(f"done again with exit status {status}, and {missing or 'it is called a defect'}")
        return 1
    return verified(folder, promise)


def struck(striker: Striker, act: CaseAct, before: Path, folder: Path, point: Point, fault: str) -> str | None:
    """What was not as it must be after one strike; None if nothing."""
    shutil.copytree(before, folder)
    try:
        ended = striker.traced(partial(do, act), folder, point, fault)
        if ended.killed != (fault == "KILL"):
            return f"the fault did not strike: {ended}"
        if ended.status not in {-1, 0, 2}:
            return f"exit status {ended.status}: {ended.said}"
        after = striker.undisturbed(partial(aftermath, act, ended), folder)
        return None if after.status == 0 else f"{'; '.join(after.promised)} {after.said}"
    finally:
        shutil.rmtree(folder)


def case_strikes(
    work: Path, step: int, workers: int, *, acts: Sequence[str] = (), faults: Sequence[str] = FAULTS
) -> Iterator[Tally]:
    """For each act and kind of fault, how many points were tried and came right; none where nothing may be traced.

    Args:
        work: An empty folder.
        step: Every so many points.
        workers: So many at once.
        acts: Only these; empty for all.
        faults: Only these.
    """
    for name in ("strikers", "cases"):
        (work / name).mkdir()
    strikers = [Striker(work / "strikers" / str(n), "crash_acts") for n in range(workers)]
    passed = 0
    with ThreadPoolExecutor(workers) as pool:
        for before, act in stations(work / "cases"):
            if acts and act.name not in acts:
                continue
            probe = work / "probe"
            shutil.copytree(before, probe)
            points = strikers[0].traced_points(partial(do, act), probe)
            shutil.rmtree(probe)
            for fault in faults:
                # Every N-th of all: a slice need not begin each act anew.
                tally, chosen = Tally(f"{act.name}, {fault} by strace"), points[-passed % step :: step]
                passed += len(points)
                if not chosen:
                    continue
                shares = [chosen[n::workers] for n in range(workers)]
                jobs = [
                    pool.submit(_share, striker, act, before, work / f"struck-{n}", shares[n], fault)
                    for n, striker in enumerate(strikers)
                ]
                for job in jobs:
                    tally.add(job.result())
                yield tally


def _share(striker: Striker, act: CaseAct, before: Path, folder: Path, points: list[Point], fault: str) -> Tally:
    tally = Tally("")
    for point in points:
        bad = struck(striker, act, before, folder, point, fault)
        tally.count(f"{point.call} {point.number}: {bad}", good=bad is None)
    return tally


# ---- The acts


def small_case(folder: Path) -> Path:
    """The tests' smallest case, in a folder with its evidence."""
    spec = spec_from_file_location("small_case", ROOT / "tests" / "unit" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    recipe: Any = sys.modules.setdefault("small_case", module_from_spec(spec))
    spec.loader.exec_module(recipe)
    recipe.write_seizure(folder)
    for words in recipe.steps(folder):
        told(*words)
    return folder / "case"


def told(*words: object) -> list[dict[str, Any]]:
    """The JSON lines that the program prints."""
    status, rows = program(*words)
    if status:
        raise SystemExit(f"headwater {words[0]}: exit status {status}")
    return rows


def stations(folder: Path) -> Iterator[tuple[Path, CaseAct]]:
    """Each act with the folder it begins from; the folder is left for the next act as the act leaves it."""
    case = small_case(folder)
    digest, graded = hashlib.md5(b"three\n").hexdigest(), folder / "graded.json"
    (folder / "more.csv").write_text(f"md5\n{digest}\n")
    (folder / "more").mkdir()
    (folder / "more" / "c.txt").write_bytes(b"three\n")
    graded.write_text(json.dumps({"value": [{"MD5": digest, "Category": 2}]}))
    withdrawn = hashlib.sha256(graded.read_bytes()).hexdigest()
    link = told("queue", case, "--limit", 0, "--json")[0]["link_id"]
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    sealed = ("--workers", 1, "--allow-unsealed")
    judge = ("positive", "--why", "same address")
    listed = ("hash-list", folder / "more.csv", "--name", "more", "--version", "1", "--polarity", "known-illegal")
    confirm = ("more@1", "--polarity", "known-illegal", "--operator", BO, "--why", "told by its author")
    draft = ("--country", "FR", "--recipient", recipient, "--legal-basis", "exercise", "--operator", ANA)
    commands: tuple[tuple[str, Words, Callable[[Path], str | None]], ...] = (
        ("evidence", ("evidence", "add", CASE, folder / "more", "--exhibit", "MORE", "--allow-unsealed"),
         partial(_recorded, "acquired", "MORE")),
        ("reference", ("reference", "add", CASE, *listed), _reference),
        ("confirmation", ("reference", "confirm", CASE, *confirm), _confirmed),
        ("judgement", ("judge", CASE, link, *judge, "--operator", ANA), partial(_judged, ANA)),
        ("second judgement", ("judge", CASE, link, *judge, "--operator", BO), partial(_judged, BO)),
        ("", ("run", CASE, *sealed, "--until", "identities"), _ran),
        ("grades", ("viewer", "import", CASE, graded, "--operator", ANA, "--why", "graded", "--apply"),
         partial(_graded, "applied", 1)),
        ("withdrawal", ("viewer", "withdraw", CASE, withdrawn, "--operator", ANA, "--why", "the wrong batch"),
         partial(_graded, "withdrawn", 0)),
        ("last stage", ("run", CASE, *sealed), _ran),
        ("draft", ("package", CASE, *draft), partial(_package, "draft", "exported")),
        ("release", ("release", CASE, PACKAGE, "--operator", BO, "--why", "read", "--all-opened"),
         partial(_package, "sealed", "transferred")),
    )  # fmt: skip
    for name, words, missing in commands:
        act = CaseAct(name=name, given=words, missing=missing)
        if name:
            before = folder / "before" / name
            before.mkdir(parents=True)
            shutil.copytree(case, before / "case")
            yield before, act
        told(*act.words(case))


def _entries(case: Path, event: str) -> list[tuple[str, ...]]:
    log = CustodyLog.open(case)
    return [entry.object_ids for entry in log.entries() if entry.event == event and entry.outcome == "done"]


def _rows(case: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(case / "case.db")) as database:
        return database.execute(query).fetchall()


def _recorded(event: str, name: str, case: Path) -> str | None:
    if (name,) not in _rows(case, "SELECT exhibit_id FROM exhibit_places"):
        return f"{name} is no exhibit"
    return None if any(name in ids for ids in _entries(case, event)) else f"no entry that {name} was {event}"


def _reference(case: Path) -> str | None:
    there = ("more",) in _rows(case, "SELECT reference_name FROM imports")
    return None if there and (case / "references" / "more@1" / "seal.json").is_file() else "the list is not there"


def _confirmed(case: Path) -> str | None:
    return None if ("more",) in _rows(case, "SELECT reference_name FROM confirmations") else "it is not confirmed"


def _judged(operator: str, case: Path) -> str | None:
    return None if (operator,) in _rows(case, "SELECT operator FROM judgements") else f"no judgement of {operator}"


def _graded(act: str, grades: int, case: Path) -> str | None:
    """The last act on a graded file, and how many grades it brought."""
    brought = "(SELECT count(*) FROM grades WHERE graded_file_seq = f.seq)"
    acts = _rows(case, f"SELECT act, {brought} FROM graded_files AS f ORDER BY f.seq")
    return None if acts[-1:] == [(act, grades)] else f"no graded file is {act} with its grades"


def _ran(case: Path) -> str | None:
    status, rows = program("run", case, "--workers", 1, "--allow-unsealed", "--json")
    return None if status == 0 and not any(row.get("changed") for row in rows) else "not every stage is done"


def _package_id(case: Path) -> str:
    return next((path.name for path in sorted(case.glob("packages/*/pkg-*"))), "none")


def _package(part: str, event: str, case: Path) -> str | None:
    whole = [path.parent.name for path in sorted(case.glob(f"packages/*/*/{part}"))]
    if not whole:
        return f"no package is {part}"
    noted = {name for ids in _entries(case, event) for name in ids}
    return next((f"{name} is {part} and not {event} in the log" for name in whole if name not in noted), None)
