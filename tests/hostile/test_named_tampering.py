"""What an attacker would try with a log, a copy of a case or a package, and the first bad thing that is told."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headwater_verify
from headwater.custody import CustodyLog, verify_log
from headwater.packages import verify_package

BENCH = Path(__file__).parents[2] / "bench"
Lines = list[bytes]


@pytest.fixture(scope="module")
def makers() -> Any:
    """The program's own small logs and packages."""
    sys.path.insert(0, str(BENCH))
    try:
        import tampering
    finally:
        sys.path.remove(str(BENCH))
    return tampering


@pytest.fixture(scope="module")
def logs(makers: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two logs of five entries each, of two cases."""
    folder = tmp_path_factory.mktemp("logs")
    for name in ("one", "other"):
        makers.small_log(folder / name, 5)
    return folder / "one", folder / "other"


@pytest.fixture(scope="module")
def packages(makers: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {country: makers.small_package(folder / country, country) for country in ("ES", "FR")}


def lines_of(path: Path) -> Lines:
    return path.read_bytes().splitlines(keepends=True)


def first_bad(checks: list[Any]) -> tuple[str, str] | None:
    return next(((check.check, check.first_bad) for check in checks if not check.ok), None)


LOG = ("custody.log",)
ALL = ("custody.log", "custody.heads", "custody.payloads")
ATTACKS: dict[str, tuple[tuple[str, ...], Callable[[Lines], Lines], str, str]] = {
    "cut the end of the log": (LOG, lambda ls: ls[:3], "custody.heads.complete", "entry 3: the heads name 5 entries"),
    "cut the end of the heads": (
        ("custody.heads",),
        lambda ls: ls[:3],
        "custody.heads.complete",
        "tree head 3: the log has 5 entries and 3 heads",
    ),
    "cut the end of the texts": (("custody.payloads",), lambda ls: ls[:3], "custody.payloads", "entry 3: "),
    "leave out an entry": (ALL, lambda ls: ls[:2] + ls[3:], "custody.log.chain", "entry 2: it says it is entry 3"),
    "exchange two entries": (
        ALL,
        lambda ls: [ls[0], ls[2], ls[1], *ls[3:]],
        "custody.log.chain",
        "entry 1: it says it is entry 2",
    ),
    "an entry twice": (ALL, lambda ls: ls[:3] + ls[2:], "custody.log.chain", "entry 3: it says it is entry 2"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_changed_log_is_told_by_its_first_bad_entry(logs: tuple[Path, Path], tmp_path: Path, attack: str) -> None:
    names, change, check, told = ATTACKS[attack]
    case = Path(shutil.copytree(logs[0], tmp_path / "case"))
    for name in names:
        (case / name).write_bytes(b"".join(change(lines_of(case / name))))
    found = first_bad(verify_log(case))
    assert found is not None
    assert found[0] == check
    assert told in found[1]
    independent = first_bad(headwater_verify.verify(case))
    assert independent is not None
    assert independent[0] == check


@pytest.mark.parametrize(("kept", "told"), [(5, "entry 5: it says it is entry 0"), (3, "entry 3: it does not name")])
def test_two_logs_made_one_are_told_by_the_first_entry_of_the_other(
    logs: tuple[Path, Path], tmp_path: Path, kept: int, told: str
) -> None:
    case = Path(shutil.copytree(logs[0], tmp_path / "case"))
    for name in ALL:
        theirs = lines_of(logs[1] / name)
        (case / name).write_bytes(b"".join([*lines_of(case / name)[:kept], *theirs[kept % 5 :]]))
    found = first_bad(verify_log(case))
    assert found is not None
    assert found[0] == "custody.log.chain"
    assert found[1].startswith(told)
    assert first_bad(headwater_verify.verify(case)) is not None


def test_yesterdays_copy_is_told_by_the_last_head_outside(logs: tuple[Path, Path], tmp_path: Path, makers: Any) -> None:
    today = Path(shutil.copytree(logs[0], tmp_path / "today"))
    yesterday = Path(shutil.copytree(logs[0], tmp_path / "yesterday"))
    CustodyLog.open(today).append(event="opened", **makers.WHO)
    head = CustodyLog.open(today).head()
    assert first_bad(headwater_verify.verify(yesterday)) is None, "by itself an older copy is a whole log"
    witness = [(head.entries, head.root)]
    assert first_bad(headwater_verify.verify(today, witnesses=witness)) is None
    found = first_bad(headwater_verify.verify(yesterday, witnesses=witness))
    assert found is not None
    assert found[0] == "custody.witness"
    assert "the witness saw 6 entries and the log has 5" in found[1]


SWAPS = {
    "sealed": ("package.envelope", "the envelope states another package_id"),
    "record": ("package.envelope", "the envelope states another package_id"),
    "sealed/package.age": ("envelope.ciphertext", "package.age is not the file that was sealed"),
    "sealed/envelope.json": ("envelope.ciphertext", "package.age is not the file that was sealed"),
    "record/leads.jsonl": ("package.files", "leads.jsonl: it is not the file that was signed"),
    "record/report.pdf": ("package.files", "report.pdf: it is not the file that was signed"),
    "record/approval.json": ("package.digests", "approval.json: it is not the one that was signed"),
}


@pytest.mark.parametrize("part", SWAPS)
def test_a_part_of_another_countrys_package_is_told_by_its_name(
    packages: dict[str, Path], tmp_path: Path, part: str
) -> None:
    swapped = Path(shutil.copytree(packages["ES"], tmp_path / packages["ES"].name))
    source, target = packages["FR"] / part, swapped / part
    if target.is_dir():
        shutil.rmtree(target)
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    found = first_bad(verify_package(swapped))
    assert found is not None
    assert (found[0], SWAPS[part][1] in found[1]) == (SWAPS[part][0], True), found
    assert first_bad(headwater_verify.verify(swapped)) is not None
