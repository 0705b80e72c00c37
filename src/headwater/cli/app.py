"""The program `headwater`: every command, and what an error becomes."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any

import typer

from headwater import __version__
from headwater.cli import (
    case_commands,
    cluster_commands,
    content_commands,
    custody_commands,
    deconflict_commands,
    file_commands,
    intake_commands,
    judge_commands,
    lead_commands,
    mapping_commands,
    money_commands,
    receive_commands,
    reference_commands,
    remark_commands,
    search_commands,
    sending_commands,
    serve_commands,
    table_commands,
    viewer_commands,
)
from headwater.cli.output import note, print_nowhere
from headwater.errors import HeadwaterError

__all__ = ["app", "main"]

EXIT_BAD_INPUT = 2
EXIT_DEFECT = 70  # source: sysexits.h, EX_SOFTWARE
EXIT_INTERRUPTED = 130

# Typer keeps its own copy of click and exports only this subclass of the base that all its usage errors share.
_BadUseError: type[Any] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="headwater",
    help="From a seized server to per-country packages, under custody. Media is never shown, copied or exported.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    case_commands, intake_commands, mapping_commands, reference_commands, table_commands, content_commands,
    money_commands, cluster_commands, judge_commands, lead_commands,
    sending_commands, receive_commands, deconflict_commands, viewer_commands, custody_commands, file_commands,
    serve_commands, remark_commands, search_commands,
):  # fmt: skip
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"headwater {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    del version
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
        raise typer.Exit(EXIT_BAD_INPUT)


def main() -> None:
    """Run the command line; 0 done, 1 findings fail, 2 bad use or bad input with one clear line."""
    status = _run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        print_nowhere()
    sys.exit(status)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _named(path: object) -> str:
    """The path that an error of the system names, which may be bytes or nothing."""
    return os.fsdecode(path) if isinstance(path, str | bytes) else "system"


def _run() -> int:
    try:
        result = app(standalone_mode=False)
    except _BadUseError as error:
        note(f"headwater: {_one_line(error.format_message()).rstrip('.')}; see --help")
        return EXIT_BAD_INPUT
    except HeadwaterError as error:
        note(f"headwater: {_one_line(str(error))}")
        return EXIT_BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        result = EXIT_INTERRUPTED
    except SystemExit:
        # Typer's answer to a reader that is gone, with exit code 1, which is ours for findings that fail.
        print_nowhere()
        return 0
    except OSError as error:
        # A medium that fails, a folder that may not be read, a full disk: the machine's word, and no defect of ours.
        note(f"headwater: {_one_line(f'{_named(error.filename)}: {error.strerror or error}')}")
        return EXIT_BAD_INPUT
    except Exception:  # noqa: BLE001 - the last line before the operator: a defect of ours must say so, and not exit 1
        for line in traceback.format_exc().splitlines():
            note(line)
        note("headwater: this is a defect of headwater; please report the lines above")
        return EXIT_DEFECT
    # Typer makes an exit code of its own of an interruption inside a command.
    if result == EXIT_INTERRUPTED:
        note("headwater: interrupted; what was finished is kept, run the command again to go on")
    return int(result) if isinstance(result, int) else 0
