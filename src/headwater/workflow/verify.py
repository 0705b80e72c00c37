"""Verify whatever lies at a path: a case, a package, a custody log, a proof about one, or a receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater.custody import LOG_NAME, Check, verify_document, verify_log
from headwater.errors import InputError
from headwater.packages import check_envelope, folder_files, recall_checks, verify_package, verify_recall
from headwater.workflow.case import Case
from headwater.workflow.checks import verify_case

__all__ = ["verify_path"]


def verify_path(path: Path, *, with_evidence: bool = True, operator: str | None = None) -> Iterator[Check]:
    """Every check of the case, package, custody log, proof or receipt at that path.

    Raises:
        InputError: None of these is there.
    """
    if (path / "case.toml").is_file():
        failed = []
        checks = []
        bad_log = [check for check in verify_log(path) if not check.ok]
        if bad_log:
            # An altered log cannot be opened, let alone written to: its own checks are the answer.
            yield from verify_log(path)
            return
        with Case(path) as case:
            for check in verify_case(case, with_evidence=with_evidence):
                checks.append(check.check)
                failed += [] if check.ok else [check.check]
                yield check
            outcome = "done" if not failed else f"failed: {failed[0]}"
            case.record("verified", case.actor(operator), params={"checks": len(checks)}, outcome=outcome)
    elif (path / "record" / "recall.json").is_file() or _is_recall(path / "sealed"):
        yield from verify_recall(path)
    elif _is_recall(path):
        yield from recall_checks(folder_files(path), None, need_content=False)
    elif (path / "record").is_dir() or (path / "sealed").is_dir():
        yield from verify_package(path)
    elif (path / "envelope.json").is_file():
        yield from check_envelope(folder_files(path))
    elif (path / LOG_NAME).is_file():
        yield from verify_log(path)
    elif path.is_file():
        yield from verify_document(path.read_bytes())
    else:
        raise InputError(path, "neither a case, a package nor a custody log", remedy="name one of these folders")


def _is_recall(path: Path) -> bool:
    return any((path / f"recall.{kind}").is_file() for kind in ("age", "pgp"))
