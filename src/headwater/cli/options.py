"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ALL_PROCESSORS", "AllowUnsealed", "AsJson", "CasePath", "Operator", "Why", "Workers"]

CasePath = Annotated[Path, typer.Argument(metavar="CASE", help="Folder of the case.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines on stdout.")]
Operator = Annotated[str | None, typer.Option("--operator", help="Who acts; default: who opened the case.")]
Why = Annotated[str, typer.Option("--why", help="Reason, for the custody log; default: the purpose of the case.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes at once; results do not depend on it.")]
AllowUnsealed = Annotated[
    bool,
    typer.Option("--allow-unsealed", help="Parse although this machine lacks the sandbox; the custody log records it."),
]


ALL_PROCESSORS = len(os.sched_getaffinity(0))
"""Processors this process may use."""
