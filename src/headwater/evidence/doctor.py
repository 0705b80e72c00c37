"""What of the sandbox and of the system's programs is there, each found by trying it on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from headwater.evidence.sealed import ALL_LAYERS, Failure, SealedPool, SealedWorkerError

__all__ = ["SYSTEM_PROGRAMS", "Check", "doctor_report", "find_program"]

SYSTEM_PROGRAMS: tuple[tuple[str, str], ...] = (
    ("mke2fs", "the synthetic seizure's disk image"),
    ("java", "the Spark engine (optional)"),
    ("mariadbd", "the test that restores the dump into a real server (optional)"),
)
"""Programs that are not Python, and what each is for; the main job on real evidence needs none of them."""

_EXTRA_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class Check(NamedTuple):
    """One row of the report.

    Attributes:
        check: What was tried.
        ok: Whether it is as it should be.
        detail: What was found.
    """

    check: str
    ok: bool
    detail: str


# One attempt for each layer, in a child that has this layer, and what the kernel makes it lean on, and no other.
_ALONE: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("uid_drop", ("uid_drop",), ("become root", "open a file system to mount", "change the root directory")),
    ("rlimits", ("rlimits",), ("take all memory",)),
    ("landlock", ("no_new_privs", "landlock"), ("read a file", "list a directory", "make a file")),
    ("seccomp", ("no_new_privs", "seccomp"), ("open an internet socket", "run a program", "fork", "read a file")),
)

_WHOLE: tuple[str, ...] = (
    "read a file",
    "make a file",
    "write to the evidence",
    "open the evidence again for writing",
    "open an internet socket",
    "open a Unix socket",
    "fork",
    "run a program",
    "trace its parent",
    "signal its parent",
    "set up io_uring",
    "load a kernel program",
    "become root",
    "map writable code",
    "take all memory",
    "import a module",
)


def find_program(name: str) -> str | None:
    """Where a program lies, looked for also where only root's search path leads; None if nowhere."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_EXTRA_FOLDERS))
    return shutil.which(name, path=folders)


def _escapes(layers: tuple[str, ...], attempts: tuple[str, ...], evidence: Path) -> list[str]:
    """The attempts that got through in a child with these layers only."""
    groups = [{"attempt": attempt} for attempt in attempts]
    escaped: list[str] = []
    with SealedPool(jobs="basic", layers=layers, allow_unsealed=True) as pool:
        lost = [layer for layer in layers if layer not in {one.name for one in pool.report.layers if one.held}]
        if lost:
            return [f"{layer} is not in force" for layer in lost]
        for attempt, result in zip(attempts, pool.groups("probe", [evidence], groups), strict=True):
            # A child that was killed for trying has not escaped.
            if not isinstance(result, Failure):
                row = result.to_pylist()[0]
                escaped += [f"{attempt} ({row['detail']})"] * row["escaped"]
            elif not result.reason.startswith("killed by signal"):
                escaped.append(f"{attempt} could not be tried ({result.reason})")
    return escaped


def _sandbox_checks(evidence: Path) -> Iterator[Check]:
    with SealedPool(jobs="basic", allow_unsealed=True) as pool:
        report = pool.report
    yield from (Check(f"layer {layer.name}", layer.held, layer.detail) for layer in report.layers)
    for name, layers, attempts in _ALONE:
        escaped = _escapes(layers, attempts, evidence)
        yield Check(f"{name} alone holds", not escaped, "; ".join(escaped) or f"refused: {', '.join(attempts)}")
    escaped = _escapes(ALL_LAYERS, _WHOLE, evidence)
    yield Check(
        "the sealed worker holds",
        not escaped,
        "; ".join(escaped) or f"{len(_WHOLE)} attempts to leave it, none got through",
    )


def doctor_report() -> tuple[Check, ...]:
    """One row for each thing that was tried on this machine; nothing is taken from a version number."""
    rows = [Check("kernel", platform.system() == "Linux", f"{platform.system()} {platform.release()}")]
    rows.append(Check("architecture", platform.machine() in {"x86_64", "aarch64"}, platform.machine()))
    with tempfile.TemporaryDirectory(prefix="headwater-doctor-") as folder:
        evidence = Path(folder) / "evidence"
        evidence.write_bytes(b"nothing of importance")
        try:
            rows += _sandbox_checks(evidence)
        except SealedWorkerError as error:
            rows.append(Check("sealed worker", ok=False, detail=error.reason))
    for name, purpose in SYSTEM_PROGRAMS:
        found = find_program(name)
        rows.append(Check(f"program {name}", found is not None, f"{found or 'not found'}; for {purpose}"))
    return tuple(rows)
