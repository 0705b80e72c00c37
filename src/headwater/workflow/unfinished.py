"""A decision on its way from the custody log to the database: what a crash parts is joined when the case is opened.

The log is a file and the database is not, so that no commit covers both. What the log has is what was decided: the
judgement, remark or act on a graded file is put ready in a file, recorded in the log, and then stored. If it ends in
between, the next opening stores it, or throws it away if the log does not have it.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from headwater import packages
from headwater.custody import CustodyLog
from headwater.engine import sync_folder
from headwater.errors import InputError
from headwater.judgements import (
    Grade,
    GradedFile,
    Judgement,
    Remark,
    add_graded_file,
    add_grades,
    add_remark,
    all_remarks,
    append,
    graded_files,
    grades_digest,
    history,
)

__all__ = ["finish_decisions", "finish_drafts", "judging_alone", "put_grades_ready", "put_ready", "store_grades"]

_FOLDER = "unfinished"
_GRADES_AT_ONCE: Final = 500


@contextmanager
def put_ready(case_dir: Path, decision: Judgement | Remark) -> Iterator[None]:
    """The decision lies ready inside the block, which records and stores it; an error leaves it for the next opening.

    Raises:
        InputError: The medium refuses; nothing was recorded.
    """
    with _lying_ready(case_dir, f"{_id_of(decision)}.json", [_line(asdict(decision))]):
        yield


@contextmanager
def put_grades_ready(case_dir: Path, act: GradedFile, grades: Iterable[Grade]) -> Iterator[Path]:
    """As `put_ready`, of an act on a graded file: inside the block its file, for `store_grades`.

    Args:
        case_dir: The case.
        act: The act.
        grades: What it brings, with their rows, in the order of the act's digest; they are never all in memory.

    Raises:
        InputError: The medium refuses; nothing was recorded.
    """
    rows = (asdict(grade) | {"row_bytes": base64.b64encode(grade.row_bytes).decode("ascii")} for grade in grades)
    with _lying_ready(case_dir, f"{act.act_id}.jsonl", map(_line, chain([asdict(act)], rows))) as path:
        yield path


def store_grades(connection: sa.Connection, path: Path) -> None:
    """Add an act on a graded file, and what it brings, as it lies ready.

    Args:
        connection: The case's database, in a transaction.
        path: The file.
    """
    with path.open("rb") as lines:
        seq = add_graded_file(connection, GradedFile(**json.loads(next(lines, b""))))
        grades = map(_grade, lines)
        while part := list(islice(grades, _GRADES_AT_ONCE)):
            add_grades(connection, seq, part)


def _graded_as_put(path: Path) -> GradedFile | None:
    """The act on a graded file that lies ready; None if its name is no digest of it, or its grades are others."""
    with path.open("rb") as lines:
        act = GradedFile(**json.loads(next(lines, b"")))
        brought = grades_digest(map(_grade, lines))
    whole = act.act_id == path.stem and brought == (act.grades_sha256 if act.act == "applied" else grades_digest([]))
    return act if whole else None


def _grade(line: bytes) -> Grade:
    told = json.loads(line)
    grade = Grade(**told | {"row_bytes": base64.b64decode(told["row_bytes"], validate=True)})
    if hashlib.sha256(grade.row_bytes).hexdigest() != grade.row_sha256:
        raise ValueError(f"row {grade.source_row} is not the one that was put there")
    return grade


def _line(told: dict[str, object]) -> bytes:
    return json.dumps(told, sort_keys=True).encode("ascii") + b"\n"


@contextmanager
def _lying_ready(case_dir: Path, name: str, lines: Iterable[bytes]) -> Iterator[Path]:
    """A file of this name, whole and on the medium, inside the block; gone after it, and left by an error."""
    folder = case_dir / _FOLDER
    path = folder / name
    temporary = folder / f".{path.name}.tmp"
    with ExitStack() as held:
        try:
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                sync_folder(case_dir)
            file = held.enter_context(temporary.open("wb"))
            # Whoever opens the case meanwhile sees by this that somebody is at it; the system lets go, however we end.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
            temporary.rename(path)
            sync_folder(folder)
        except OSError as error:
            told = f"it could not be written: {error.strerror}"
            raise InputError(path, told, remedy="nothing was recorded; free the medium and do it again") from None
        yield path
        with suppress(OSError):  # the next opening removes it
            path.unlink()


@contextmanager
def judging_alone(case_dir: Path) -> Iterator[None]:
    """Nobody else judges, applies or withdraws grades in this case inside the block, whichever program they use.

    Raises:
        InputError: The medium refuses.
    """
    try:
        (case_dir / _FOLDER).mkdir(exist_ok=True)
        descriptor = os.open(case_dir / _FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        told = f"the decision could not be written: {error.strerror}"
        raise InputError(case_dir / _FOLDER, told, remedy="nothing was recorded") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def finish_decisions(case_dir: Path, database: sa.Engine, custody: CustodyLog) -> None:
    """Nothing; every decision that the log has and a crash kept from the database is in it now."""
    folder = case_dir / _FOLDER
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        with suppress(OSError), _nobody_at(path):  # on a medium that may not be written, it stays as it is
            if not path.name.startswith("."):
                _finish(path, database, custody)
            path.unlink()


def finish_drafts(case_dir: Path, custody: CustodyLog) -> None:
    """Nothing; every draft that the log has and a crash kept from its place lies there now."""
    out_dir = case_dir / "packages"
    if packages.unfinished_drafts(out_dir):
        packages.finish_drafts(out_dir, lambda: _drafted(custody))


def _drafted(custody: CustodyLog) -> dict[str, str]:
    """Digest of the manifest of each package that the log says was drafted, by its id."""
    return {
        name: entry.output_digests["manifest.json"]
        for entry in custody.entries()
        if entry.event == "exported" and entry.outcome == "done" and "manifest.json" in entry.output_digests
        for name in entry.object_ids
    }


@contextmanager
def _nobody_at(path: Path) -> Iterator[None]:
    """Hold a file for this process; an error of the system where another has it, or has removed it."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _id_of(decision: Judgement | Remark) -> str:
    return decision.judgement_id if isinstance(decision, Judgement) else decision.remark_id


def _finish(path: Path, database: sa.Engine, custody: CustodyLog) -> None:
    # The id is a digest of the content: what somebody else put here is in no entry, and goes.
    if not any(path.stem in entry.object_ids for entry in custody.entries() if entry.outcome == "done"):
        return
    try:
        decision = _as_put(path)
    except (ValueError, TypeError, KeyError):
        return  # nothing of ours is written so; verification tells what is gone
    if decision is None:
        return
    with database.begin() as connection:
        if isinstance(decision, GradedFile):
            if decision.act_id not in {act.act_id for _, act in graded_files(connection)}:
                store_grades(connection, path)
        elif isinstance(decision, Remark):
            if decision.remark_id not in {held.remark_id for held in all_remarks(connection)}:
                add_remark(connection, decision)
        elif decision.judgement_id not in {held.judgement_id for held in history(connection)}:
            append(connection, decision)


def _as_put(path: Path) -> Judgement | Remark | GradedFile | None:
    """What lies ready; None if it is not what its name is a digest of."""
    if path.suffix == ".jsonl":
        return _graded_as_put(path)
    told = json.loads(path.read_bytes())
    decision = Remark(**told) if path.name.startswith("rmk-") else Judgement(**told)
    return decision if _id_of(decision) == path.stem else None
