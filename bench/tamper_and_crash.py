"""Does tampering show, does a crash lose anything, and do the same things give the same bytes?

    python bench/tamper_and_crash.py [--bytes N] [--points N] [--workers N] [--only PART ...] [--acts ACT ...] [--json]

`tampering`: every byte of a small log and of a small package is changed in turn, lines are cut, left out, doubled,
exchanged and mixed with those of another log, a case is rolled back, packages are exchanged between countries. Both
verifiers check each, and must agree.

`log` and `case`: a process that appends to a log and erases from it, and commands on a small case (taking in, judging,
a stage's tables, drafting, releasing), are killed at each write, fsync, truncate, rename and unlink in turn, or refused
it with ENOSPC and EIO. strace strikes, where a process may be traced; wrappers inside the process leave half of a write
behind. Afterwards the next act, whichever, sets the log right; the case verifies, nothing that was said to be done is
lost, the same command does what was interrupted, and the case verifies again.

`packages`: the same case worked through twice in places and settings as unlike as can be, and every table and every
file of a package compared.

`--bytes N` takes every N-th byte, `--points N` every N-th call. Exit code 1 if anything was missed, lost or unlike.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from crash_points import Tally

PARTS = ("tampering", "log", "case", "packages")


def measured(work: Path, part: str, *, step: int, points: int, workers: int, acts: Sequence[str]) -> Iterator[Tally]:
    """What one part tried, and what of it came out as it must."""
    # Each where it is used: every process that is struck imports this file first, and would import all of it.
    if part == "tampering":
        from tampering import tampering

        yield from tampering(work, step, workers)
    elif part == "log":
        from crash_log import log_strikes

        yield from log_strikes(work, points)
    elif part == "case":
        from crash_acts import case_strikes

        yield from case_strikes(work, points, workers, acts=acts)
    else:
        from perturbed import reproduced

        yield from reproduced(work)


_WORDS = {"tampering": "detected", "log": "recovered with nothing acknowledged lost",
          "case": "recovered with nothing acknowledged lost", "packages": "the same"}  # fmt: skip


def main() -> int:
    """The exit code, after printing the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=1, help="every N-th byte")
    parser.add_argument("--points", type=int, default=1, help="every N-th system call")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--acts", nargs="+", default=(), help="of the part `case`: only these acts, by name")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bad = 0
    for part in options.only:
        traced = False
        with tempfile.TemporaryDirectory() as folder:
            for tally in measured(
                Path(folder),
                part,
                step=options.bytes,
                points=options.points,
                workers=options.workers,
                acts=options.acts,
            ):
                traced |= "strace" in tally.name
                bad += tally.tried - tally.good or not tally.tried
                _print(part, tally, as_json=options.json)
        if part in {"log", "case"} and not traced:
            print(f"{part}: strace: missing, or it may not trace here", file=sys.stderr)
    return 1 if bad else 0


def _print(part: str, tally: Tally, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"part": part, "what": tally.name, "tried": tally.tried, "good": tally.good,
                          "bad": tally.bad}), flush=True)  # fmt: skip
        return
    print(f"{tally.name}: {tally.tried} tried, {tally.good} {_WORDS[part]}", flush=True)
    for what in tally.bad:
        print(f"NOT: {tally.name}: {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
