"""What the command line prints: rows on stdout, as text or as JSON Lines; everything else on stderr."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress

from headwater.engine import Progress

__all__ = ["JobProgress", "emit", "emit_table", "json_line", "note", "print_nowhere", "printable"]

_QUIET_INTERVAL_S = 10.0
_LEAST_S = 1e-3


def printable(value: object) -> str:
    """The value as text that cannot steer a terminal: control and direction characters are shown as escapes."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bytes):
        return _steerless(value.decode("ascii")) if value.isascii() else value.hex()
    if isinstance(value, list | dict):
        return printable(json.dumps(value, ensure_ascii=False, default=_plain))
    return _steerless(str(value))


def _steerless(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _STEERING else c for c in text)


_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_line(row: Mapping[str, Any]) -> str:
    """The row as one line of JSON, ASCII only, so that no bidirectional character reaches a terminal."""
    return json.dumps(row, ensure_ascii=True, default=_plain)


def _write(line: str, *, to_the_end: bool) -> None:
    """Print a line; where the reader has enough and is gone, end quietly and well, or go on without one."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        print_nowhere()
        if not to_the_end:
            raise typer.Exit from None


def print_nowhere() -> None:
    """Let go of a reader that is gone, and of what is buffered, or the interpreter would complain as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(row: Mapping[str, Any], *, as_json: bool, text: str | None = None, to_the_end: bool = False) -> None:
    """Print one result; whatever a caller put into its text, no line of it can steer a terminal.

    Args:
        row: The result, for a program.
        as_json: Whether a program reads it.
        text: The result, for a person; None for the values of the row.
        to_the_end: Go on although the reader is gone: what the command does, or its exit code, is worth more than
            what it prints.
    """
    if as_json:
        line = json_line(row)
    elif text is not None:
        line = "\n".join(map(_steerless, text.split("\n")))
    else:
        line = "  ".join(printable(v) for v in row.values())
    _write(line, to_the_end=to_the_end)


def emit_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> int:
    """Print rows under a header, columns aligned; the number of rows."""
    listed = list(rows)
    if as_json:
        for row in listed:
            emit(row, as_json=True)
        return len(listed)
    cells = [[printable(row.get(name)) for name in columns] for row in listed]
    widths = [max([len(name), *(len(line[n]) for line in cells)]) for n, name in enumerate(columns)]
    right = [all(isinstance(row.get(name), int) for row in listed) and bool(listed) for name in columns]
    for line in [list(columns), *cells]:
        parts = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)]
        _write("  ".join(parts).rstrip(), to_the_end=False)
    return len(listed)


def note(text: str) -> None:
    """A remark for the person at the terminal, on stderr; a name in it cannot steer that terminal."""
    sys.stderr.write(_steerless(text) + "\n")
    sys.stderr.flush()


class JobProgress:
    """Progress with rate and time left: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: RichProgress | None = None
        self._task: Any = None
        self._began = time.monotonic()
        self._said = self._began
        self._counted: str | None = None

    def __enter__(self) -> Progress:
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _report(self, counted: str, done: int, total: int | None) -> None:
        if counted != self._counted:  # a stage may count one thing after the other, each at a rate of its own
            if self._counted is not None:
                self._began = time.monotonic()
            self._counted = counted
            if self._bar is not None:
                self._bar.reset(self._task, total=total, description=f"{self._label} ({counted})")
        if sys.stderr.isatty():
            self._draw(counted, done, total)
            return
        now = time.monotonic()
        if now - self._said >= _QUIET_INTERVAL_S:
            self._said = now
            rate = done / max(now - self._began, _LEAST_S)
            left = f", {(total - done) / rate:.0f} s left" if total and rate else ""
            note(f"{self._label}: {done:,}{f' of {total:,}' if total else ''} {counted}, {rate:,.0f}/s{left}")

    def _draw(self, counted: str, done: int, total: int | None) -> None:
        if self._bar is None:
            amount = (DownloadColumn(), TransferSpeedColumn()) if counted == "bytes" else (MofNCompleteColumn(),)
            columns = (TextColumn("{task.description}"), BarColumn(), *amount, TimeRemainingColumn())
            self._bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(f"{self._label} ({counted})", total=total)
        self._bar.update(self._task, completed=done, total=total)
