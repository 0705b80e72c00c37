"""A decision on its way from the custody log to the database: what a crash parts is joined when the case is opened.

The log is a file and the database is not, so that no commit covers both. What the log has is what was decided: the
judgement or remark is put ready in a file, recorded in the log, and then stored. If it ends in between, the next
opening stores it, or throws it away if the log does not have it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa

from headwater import packages
from headwater.custody import CustodyLog
from headwater.engine import sync_folder
from headwater.errors import InputError
from headwater.judgements import Judgement, Remark, add_remark, all_remarks, append, history

__all__ = ["finish_decisions", "finish_drafts", "judging_alone", "put_ready"]

_FOLDER = "unfinished"


@contextmanager
def put_ready(case_dir: Path, decision: Judgement | Remark) -> Iterator[None]:
    """The decision lies ready inside the block, which records and stores it; an error leaves it for the next opening.

    Raises:
        InputError: The medium refuses; nothing was recorded.
    """
    folder = case_dir / _FOLDER
    path = folder / f"{_id_of(decision)}.json"
    temporary = folder / f".{path.name}.tmp"
    with ExitStack() as held:
        try:
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                sync_folder(case_dir)
            file = held.enter_context(temporary.open("wb"))
            # Whoever opens the case meanwhile sees by this that somebody is at it; the system lets go, however we end.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(asdict(decision), sort_keys=True).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
            temporary.rename(path)
            sync_folder(folder)
        except OSError as error:
            told = f"it could not be written: {error.strerror}"
            raise InputError(path, told, remedy="nothing was recorded; free the medium and do it again") from None
        yield
        with suppress(OSError):  # the next opening removes it
            path.unlink()


@contextmanager
def judging_alone(case_dir: Path) -> Iterator[None]:
    """Nobody else judges in this case inside the block, whichever program they use.

    Raises:
        InputError: The medium refuses.
    """
    try:
        (case_dir / _FOLDER).mkdir(exist_ok=True)
        descriptor = os.open(case_dir / _FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        told = f"the judgement could not be written: {error.strerror}"
        raise InputError(case_dir / _FOLDER, told, remedy="nothing was recorded") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def finish_decisions(case_dir: Path, database: sa.Engine, custody: CustodyLog) -> None:
    """Nothing; every judgement and remark that the log has and a crash kept from the database is in it now."""
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
    kind = Remark if path.name.startswith("rmk-") else Judgement
    try:
        decision = kind(**json.loads(path.read_bytes()))
    except (ValueError, TypeError):
        return  # nothing of ours is written so
    done = (entry for entry in custody.entries() if entry.event == "judged" and entry.outcome == "done")
    # The id is a digest of the content: what somebody else put here is in no entry, and goes.
    if not any(_id_of(decision) in entry.object_ids for entry in done):
        return
    with database.begin() as connection:
        if isinstance(decision, Remark):
            if decision.remark_id not in {held.remark_id for held in all_remarks(connection)}:
                add_remark(connection, decision)
        elif decision.judgement_id not in {held.judgement_id for held in history(connection)}:
            append(connection, decision)
