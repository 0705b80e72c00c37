"""The same evidence worked through twice, as unlike as can be, and all of it compared: for `tamper_and_crash.py`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pyrage

from crash_points import Tally
from headwater_synth.seizure import SeizureOptions, make_seizure

ROOT = Path(__file__).resolve().parents[1]
HERE: Mapping[str, str] = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
ELSEWHERE: Mapping[str, str] = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "4711"}
"""As far from it as it goes: another day of the week, no language, another order in every set."""
WORKERS = {"here": 1, "elsewhere": 3}
ANA, BO = "B. Analyst", "C. Approver"
_PROGRAM = "from headwater.cli import main; main()"
_DRAFT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from headwater.workflow import Case, draft_package

case, country, recipient, author = sys.argv[1:]
with Case(Path(case), clock=lambda: datetime(2026, 11, 3, 9, 30, tzinfo=UTC)) as opened:
    terms = {"handling_code": "RESTRICTED", "legal_basis": "exercise", "onward_transfer": "none"}
    draft_package(opened, opened.actor(author, why="exercise"), country=country, recipient=recipient, **terms)
"""


def ran(code: str, environment: Mapping[str, str], place: Path, *words: object) -> str:
    """What a Python of its own printed, in that place."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env={**os.environ, **environment},
        cwd=place,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{words[:2]}: {done.stderr}")
    return done.stdout


def other_order(source: Path, target: Path) -> Path:
    """A copy of a folder whose own order is another one."""
    for path in sorted(source.rglob("*"), reverse=True):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            copy.mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, copy)
            copy.chmod(path.stat().st_mode)
    return target


def drafts_twice(case: Path, work: Path, *, country: str, recipient: str, author: str) -> tuple[dict[str, str], ...]:
    """Name to SHA-256 of each file of a draft, made here and elsewhere from one state of a case, at one stated time."""
    found = []
    for name, environment in (("here", HERE), ("else where", ELSEWHERE)):
        place = work / name
        place.mkdir(parents=True)
        copy = other_order(case, place / "case") if environment is ELSEWHERE else shutil.copytree(case, place / "case")
        before = set(copy.glob("packages/*/*/draft"))
        ran(_DRAFT, environment, place, copy, country, recipient, author)
        [draft] = set(copy.glob("packages/*/*/draft")) - before
        found.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(draft.iterdir())})
    return tuple(found)


def reproduced(work: Path) -> Iterator[Tally]:
    """Tables, and files of the packages of every country that has a lead: how many there are, and how many agree."""
    make_seizure(
        work / "seizure", work / "truth", SeizureOptions(seed=11, accounts=60, media=24, blocks=200, payers=1_500)
    )
    cases, digests, drafts = {}, {}, {}
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    for name, environment in (("here", HERE), ("elsewhere", ELSEWHERE)):
        place = work / name
        place.mkdir()
        seized = work / "seizure" if name == "here" else other_order(work / "seizure", place / "seizure")
        cases[name] = case = place / "case"
        worked_through(case, seized, environment, WORKERS[name])
        rows = [json.loads(line) for line in ran(_PROGRAM, environment, place, "digests", case, "--json").splitlines()]
        digests[name] = {f"{row['stage']}.{row['table']}": row["sha256"] for row in rows}
        drafts[name] = _payloads(case, environment, recipient)
    yield _compared("tables, from the evidence", digests["here"], digests["elsewhere"])
    yield _compared("payloads of packages, from the evidence", drafts["here"], drafts["elsewhere"])
    files = Tally("files of packages, manifest and report included, from one case")
    for country in _countries(cases["here"], HERE):
        told = {"country": country, "recipient": recipient, "author": ANA}
        files.add(_compared("", *drafts_twice(cases["here"], work / f"twice-{country}", **told)))
    yield files


def worked_through(case: Path, seized: Path, environment: Mapping[str, str], workers: int) -> None:
    """The case of that seizure: every stage, two people's judgements on the first link, every stage again."""
    spec = spec_from_file_location("case_recipe", ROOT / "tests" / "case" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    recipe: Any = sys.modules.setdefault("case_recipe", module_from_spec(spec))
    spec.loader.exec_module(recipe)

    def do(*words: object) -> str:
        return ran(_PROGRAM, environment, case.parent, *words)

    for words in recipe.steps_of_intake(case, seized):
        do(*words)
    run: Sequence[object] = ("run", case, "--workers", workers, "--allow-unsealed")
    do(*run)
    link = json.loads(do("queue", case, "--claim", "used", "--limit", 1, "--json").splitlines()[0])["link_id"]
    for operator in (ANA, BO):
        do("judge", case, link, "positive", "--why", "the address is on the record", "--operator", operator)
    do(*run)


def _countries(case: Path, environment: Mapping[str, str]) -> list[str]:
    lines = ran(_PROGRAM, environment, case.parent, "leads", case, "--limit", 0, "--json").splitlines()
    return sorted({country for line in lines if (country := json.loads(line)["lead_country"])})


def _payloads(case: Path, environment: Mapping[str, str], recipient: str) -> dict[str, str]:
    """Country and name to SHA-256 of what does not name the case, its keys and the time."""
    found = {}
    for country in _countries(case, environment):
        words = ("--country", country, "--recipient", recipient, "--legal-basis", "exercise", "--operator", ANA)
        told = json.loads(ran(_PROGRAM, environment, case.parent, "package", case, *words, "--json").splitlines()[0])
        draft = Path(told["folder"]) / "draft"
        own = {"manifest.json", "signatures.json", "report.pdf", "hash_references_vics.json", "stix_bundle.json"}
        own |= {"followthemoney.jsonl", *(path.name for path in draft.glob("*.jsonld"))}
        own |= {"disclosure_custody.json", "disclosure_rejected.jsonl"}
        for path in sorted(draft.iterdir()):
            if path.name not in own:
                found[f"{country}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _compared(name: str, first: Mapping[str, str], second: Mapping[str, str]) -> Tally:
    tally = Tally(name)
    for one in sorted(first.keys() | second.keys()):
        tally.count(f"{one}: not the same bytes", good=first.get(one) == second.get(one))
    return tally
