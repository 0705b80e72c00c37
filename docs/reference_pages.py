"""Reference pages written from the code itself when the documentation is built, so that they cannot go stale.

A page holds hand-written words and a line `<!-- generated: NAME -->`; `conf.py` puts the section of that name there.
`unexplained()` lists whatever has no words of its own; a test keeps it empty.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import pyarrow as pa
import typer

import headwater_verify
from headwater.cli import app
from headwater.cli.options import ALL_PROCESSORS
from headwater.config import CaseSettings, Parameters
from headwater.custody import EVENTS
from headwater.leads import ACT_TABLES, EVIDENCE_TABLES, NETWORK_READS, read_jurisdiction, read_rules
from headwater.packages.interchange import ALLOWED
from headwater.schema import TABLES, Table
from headwater.workflow import STAGES
from headwater_synth.cli import app as synth_app
from headwater_web.routes import ROUTES
from headwater_web.veils import VEILED

__all__ = ["SECTIONS", "commands_of", "filled", "unexplained"]

_MARK = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
_UNITS = (
    ("_sat", "satoshis"),
    ("_msat", "thousandths of a satoshi"),
    ("_piconero", "piconero, a millionth of a millionth of a monero"),
    ("_zat", "zatoshis, a hundred-millionth of a zcash"),
    ("_bytes", "bytes"),
    ("_bits", "bits"),
    ("_mbits", "thousandths of a bit"),
    ("_ppm", "parts per million"),
    ("_percent", "per cent"),
    ("_ms", "milliseconds"),
    ("_us", "microseconds"),
    ("_s", "seconds"),
    ("_days", "days"),
    ("_px", "pixels"),
    ("_cents", "hundredths of the currency"),
    ("_utc", "UTC, microseconds"),
)


def filled(text: str) -> str:
    """The text of a page with each marked place filled in."""
    return _MARK.sub(lambda mark: SECTIONS[mark[1]](), text)


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _grid(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows)])


def commands_of(program: typer.Typer) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of a program with the words that call it, in order of name.

    Typer keeps its own copy of click and publishes no type for a command, hence `Any`.
    """

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - as above
        below = getattr(command, "commands", None)
        if below is None:
            yield words, command
            return
        for name in sorted(below):
            yield from walk(below[name], (*words, name))

    yield from walk(typer.main.get_command(program), ())


def _is_option(parameter: Any) -> bool:  # noqa: ANN401 - as above
    return bool(parameter.opts[0].startswith("-"))


def _shown_name(parameter: Any) -> str:  # noqa: ANN401 - as above
    if _is_option(parameter):
        words = parameter.metavar or "VALUE"
        flags = ", ".join(f"`{flag}`" for flag in parameter.opts)
        kind = "" if parameter.is_flag else f" `{words}`"
        return flags + kind
    return f"`{parameter.metavar or parameter.name.upper()}`"


def _default(parameter: Any) -> str:  # noqa: ANN401 - as above
    if parameter.required:
        return "required"
    if parameter.name == "workers" and parameter.default == ALL_PROCESSORS:
        return "all processors"
    return f"`{parameter.default}`" if parameter.default not in {None, "", False} else ""


def _program(name: str, program: typer.Typer) -> str:
    parts = []
    for words, command in commands_of(program):
        call = " ".join((name, *words))
        arguments = [p for p in command.params if not _is_option(p)]
        usage = " ".join([call, *(p.metavar or p.name.upper() for p in arguments)])
        rows = [(_shown_name(p), _default(p), p.help or _own_words(p)) for p in command.params]
        parts += [f"### `{call}`", command.help or "", f"```text\n{usage} [OPTIONS]\n```"]
        parts.append(_grid(("argument or option", "default", "what it is"), rows))
    return "\n\n".join(parts)


def _own_words(parameter: Any) -> str:  # noqa: ANN401 - as above
    """What a parameter says without a help text: an argument that lists its own values needs none."""
    metavar = parameter.metavar or ""
    return f"One of {', '.join(metavar.split('|'))}." if "|" in metavar else ""


def _verify_program() -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        headwater_verify.main(["--help"])
    return f"```text\n{printed.getvalue().strip()}\n```"


def _unit(name: str) -> str:
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")


def _type_name(kind: pa.DataType) -> str:
    return {"string": "text", "int64": "integer", "bool": "yes or no", "binary": "bytes"}.get(str(kind), str(kind))


def _table(table: Table) -> str:
    rows = [
        (
            f"`{column.name}`" + (" (key)" if column.name in table.key else ""),
            f"`{_type_name(column.type)}`" + (", may be absent" if column.nullable else ""),
            _unit(column.name),
            column.about + (f". Names a row of `{column.cites}`" if column.cites else ""),
        )
        for column in table.columns
    ]
    about = f"{table.about.rstrip('.')}. Written by the stage `{table.stage}`; version {table.version}."
    return "\n\n".join([f"## `{table.name}`", about, _grid(("column", "type", "unit", "what it is"), rows)])


def _tables() -> str:
    return "\n\n".join(_table(table) for table in TABLES)


def _documented_fields(kind: type) -> Mapping[str, str]:
    """What the `Attributes:` section of a class says of each field."""
    section = (inspect.getdoc(kind) or "").partition("Attributes:")[2]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if (started := re.match(r" {4}(\w+): (.+)", line)) is not None:
            name = started[1]
            found[name] = started[2]
        elif name and line.startswith(" " * 8):
            found[name] += " " + line.strip()
        elif line.strip():
            break
    return found


def _settings(kind: type) -> str:
    about = _documented_fields(kind)
    rows = [
        (
            f"`{field.name}`",
            "required" if field.default is MISSING and field.default_factory is MISSING else f"`{field.default!r}`",
            _unit(field.name),
            about.get(field.name, ""),
        )
        for field in fields(kind)
        if field.name != "parameters"
    ]
    return _grid(("setting", "default", "unit", "what it is"), rows)


def _acts() -> str:
    rows = [
        (f"`{name}`", act.about, ", ".join(f"`{read}`" for read in act.reads), f"`{act.table}`")
        for name, act in ACT_TABLES.items()
    ]
    return _grid(("act", "what it is", "read from", "shown by a row of"), rows)


def _rules() -> str:
    rules = read_rules()
    rows = [
        (rule.tier, f"`{rule.name}`", f"`{rule.act}`, at least {rule.at_least}", rule.because, rule.source)
        for rule in sorted(rules.rules, key=lambda rule: rule.tier)
    ]
    grid = _grid(("tier", "rule", "fires on", "printed as", "where the reason comes from"), rows)
    return f"Rule file `{rules.version}`.\n\n{grid}"


def _evidence() -> str:
    points = read_jurisdiction()
    rows = [
        (
            f"`{kind.name}`",
            kind.points,
            kind.because,
            kind.source,
            ", ".join(
                f"`{read}`"
                for read in (EVIDENCE_TABLES[kind.name].reads if kind.name in EVIDENCE_TABLES else NETWORK_READS)
            ),
        )
        for kind in points.evidence
    ]
    grid = _grid(("evidence", "points", "what it shows", "source, and what it does not show", "read from"), rows)
    share = f"A country shares the lead from {points.shared_percent} % of all weight on."
    return f"File of points `{points.version}`. {share}\n\n{grid}"


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n", maxsplit=1)[0]


def _stages() -> str:
    rows = [
        (
            number,
            f"`{stage.name}`",
            _first_line(stage.derive),
            ("the exhibits; " if stage.reads_evidence else "") + ", ".join(f"`{name}`" for name in stage.reads),
            ", ".join(f"`{table.name}`" for table in TABLES if table.stage == stage.name),
        )
        for number, stage in enumerate(STAGES, start=1)
    ]
    return _grid(("", "stage", "gives", "reads", "writes"), rows)


def _events() -> str:
    return ", ".join(f"`{event}`" for event in EVENTS) + "."


def _interchange() -> str:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for (name, thing), properties in ALLOWED.items():
        for field in properties:
            filler = f"the text `{field.constant}`" if field.constant else f"`{field.column}`"
            told = filler if field.kind in {"text", "object", "list"} else f"{filler}, {_KINDS[field.kind]}"
            rows.setdefault((name, thing, f"`{field.name}`"), []).append(told)
    return _grid(
        ("format", "thing", "property", "filled by"), [(*what, " and ".join(told)) for what, told in rows.items()]
    )


_KINDS = {
    "integer": "a whole number",
    "time": "a time",
    "boolean": "true or false",
    "hex": "hexadecimal digits",
    "ref": "the id of another thing",
    "refs": "ids of other things",
}


def _routes() -> str:
    rows = [
        (
            f"`{' '.join(route.methods)}`",
            f"`{route.path}`",
            route.about,
            ", ".join(sorted(route.roles)),
            f"`{route.reads}`" if route.reads else "",
            "asks why" if route.bulk else "",
        )
        for route in ROUTES
    ]
    return _grid(("method", "address", "what it does", "who", "in the log as", ""), rows)


def _veiled() -> str:
    return _grid(("table", "column"), [(f"`{table}`", f"`{column}`") for table, column in sorted(VEILED)])


SECTIONS: Mapping[str, Callable[[], str]] = {
    "commands": lambda: _program("headwater", app),
    "synth-commands": lambda: _program("headwater-synth", synth_app),
    "verify-command": _verify_program,
    "tables": _tables,
    "parameters": lambda: _settings(Parameters),
    "settings": lambda: _settings(CaseSettings),
    "acts": _acts,
    "rules": _rules,
    "jurisdiction": _evidence,
    "stages": _stages,
    "events": _events,
    "interchange": _interchange,
    "routes": _routes,
    "veiled": _veiled,
}
"""Every section that a page can ask for."""


def unexplained() -> list[str]:
    """Commands, options, tables, columns, settings, rules and stages of which nobody has said what they are."""
    missing = []
    for name, program in (("headwater", app), ("headwater-synth", synth_app)):
        for words, command in commands_of(program):
            call = " ".join((name, *words))
            missing += [] if (command.help or "").strip() else [call]
            missing += [f"{call} {p.opts[0]}" for p in command.params if not (p.help or _own_words(p)).strip()]
    for table in TABLES:
        missing += [] if table.about.strip() else [table.name]
        missing += [f"{table.name}.{column.name}" for column in table.columns if not column.about.strip()]
    for kind in (Parameters, CaseSettings):
        about = _documented_fields(kind)
        missing += [f"{kind.__name__}.{field.name}" for field in fields(kind) if not about.get(field.name)]
    missing += [f"act {name}" for name, act in ACT_TABLES.items() if not act.about.strip()]
    missing += [
        f"rule {rule.name}" for rule in read_rules().rules if not (rule.because.strip() and rule.source.strip())
    ]
    missing += [
        f"evidence {kind.name}"
        for kind in read_jurisdiction().evidence
        if not (kind.because.strip() and kind.source.strip())
    ]
    missing += [f"stage {stage.name}" for stage in STAGES if not _first_line(stage.derive)]
    return missing
