"""Releases that the custody log does not have: what a crash left between the two, and what nobody can account for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from headwater.engine import file_sha256
from headwater.errors import RefusedError
from headwater.packages import Released, released_as_it_lies, unfinished_drafts
from headwater.workflow.case import Actor, Case
from headwater.workflow.confirm import same_operator

__all__ = ["interrupted_release", "left_behind", "unlogged_release"]


def interrupted_release(case: Case, actor: Actor, folder: Path) -> Released | None:
    """A release that this person gave and a crash kept from the log; None if there is none.

    Raises:
        RefusedError: Somebody else gave it.
        IntegrityError: It does not verify.
    """
    if folder not in _unlogged(case):
        return None
    released = released_as_it_lies(folder)
    if not same_operator(released.approver, actor.name):
        told = f"{released.approver} released it, and a crash kept that from the log"
        raise RefusedError(f"{folder.name}: {told}; they are to give 'headwater release' again")
    return released


def unlogged_release(case: Case) -> str | None:
    """The first sealed package of which the log has neither the release nor that it was begun, or that lies elsewhere.

    None if there is none.
    """
    for path in sorted((case.path / "packages").glob("*/*/sealed/envelope.json")):
        folder = path.parent.parent
        envelope = _envelope(path)
        if (envelope.get("country"), envelope.get("package_id")) != (folder.parent.name, folder.name):
            told = f"it holds package {envelope.get('package_id')} for {envelope.get('country')}"
            return f"{folder.relative_to(case.path)}: {told}"
    begun = {name for entry in case.custody.entries() if entry.event == "opened" for name in entry.object_ids}
    stray = next((folder for folder in _unlogged(case) if folder.name not in begun), None)
    return None if stray is None else f"{stray.relative_to(case.path)}: sealed, and its release is in no custody entry"


def left_behind(case: Case) -> str | None:
    """The first thing that a crash left in the case, and how to go on; None if there is none."""
    return next(_left_behind(case), None)


def _left_behind(case: Case) -> Iterator[str]:
    known = {f"{row['reference_name']}@{row['reference_version']}" for row in case.imports()}
    for folder in sorted((case.path / "references").glob("*")):
        if folder.name not in known:
            yield f"{folder.relative_to(case.path)}: of an import that did not end; nothing reads it, import again"
    for folder in unfinished_drafts(case.path / "packages"):
        yield f"{folder.relative_to(case.path)}: of a draft that did not end, or that somebody makes; nothing reads it"
    for folder in _unlogged(case):
        name = folder.relative_to(case.path)
        yield f"{name}: its release did not end; whoever gave it gives it again, before it is sent"


def _unlogged(case: Case) -> list[Path]:
    """Sealed packages that no entry says were released."""
    released = {
        entry.output_digests.get("envelope")
        for entry in case.custody.entries()
        if entry.event == "transferred" and entry.outcome == "done"
    }
    sealed = sorted((case.path / "packages").glob("*/*/sealed/envelope.json"))
    return [path.parent.parent for path in sealed if file_sha256(path) not in released]


def _envelope(path: Path) -> Mapping[str, object]:
    """The envelope; nothing where it cannot be read, which the checks of the package tell."""
    try:
        envelope = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return envelope if isinstance(envelope, dict) else {}
