"""Reference pages made from the code at build time, so that they cannot go stale."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from typer.main import get_command

__all__ = ["cli_page", "parameters_page", "rules_page", "setup", "tables_page"]


def _cell(text: object) -> str:
    return " ".join(str(text or "").split()).replace("|", "\\|")


def cli_page() -> str:
    """Every command of the three programs, with its arguments and options."""
    from headwater.cli import app
    from headwater_synth.cli import app as synth

    lines = [
        "# Command line",
        "",
        "Made from the programs themselves. Every command returns 0 for done, 1 where findings",
    ]
    lines += ["fail, 2 for bad use or bad input with one clear line on stderr.", ""]
    for name, program in (("headwater", app), ("headwater-synth", synth)):
        lines += [f"## {name}", ""]
        lines += _command(name, get_command(program))
    lines += ["## headwater-verify", "", "The independent verifier; see [verify](../../how-to/verify.md).", ""]
    return "\n".join(lines)


def _command(name: str, command: Any) -> list[str]:  # noqa: ANN401 - typer keeps the class of its commands private
    if hasattr(command, "commands"):
        return [
            line for child in sorted(command.commands) for line in _command(f"{name} {child}", command.commands[child])
        ]
    lines = [f"### `{name}`", "", _cell(command.help), "", "| argument or option | meaning |", "|---|---|"]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            shown = parameter.metavar or (parameter.name or "").upper()
        else:
            shown = ", ".join([*parameter.opts, *parameter.secondary_opts])
        lines.append(f"| `{_cell(shown)}` | {_cell(getattr(parameter, 'help', ''))} |")
    return [*lines, ""]


def tables_page() -> str:
    """Every table with its columns, types and citations."""
    from headwater.schema import TABLES

    lines = ["# Tables", "", "Made from the schema itself. Amounts are integers, times are UTC.", ""]
    for table in TABLES:
        lines += [
            f"## `{table.name}`",
            "",
            f"{table.about} Written by the stage `{table.stage}`, version {table.version}.",
        ]
        lines += [
            "",
            f"Key: {', '.join(f'`{k}`' for k in table.key)}.",
            "",
            "| column | type | what it is | cites |",
            "|---|---|---|---|",
        ]
        for column in table.columns:
            absent = "; may be absent" if column.nullable else ""
            cites = f"`{column.cites}`" if column.cites else ""
            lines.append(f"| `{column.name}` | {_cell(column.type)}{absent} | {_cell(column.about)} | {cites} |")
        lines.append("")
    return "\n".join(lines)


def parameters_page() -> str:
    """Every setting of a case, with its default."""
    from headwater.config import CaseSettings, Parameters

    lines = [
        "# Settings of a case",
        "",
        "In `case.toml`. The parameters change derived tables, so their digest is in every run.",
        "",
    ]
    for kind in (Parameters, CaseSettings):
        about = _attributes(kind.__doc__ or "")
        lines += [f"## `{kind.__name__}`", "", "| setting | default | what it is |", "|---|---|---|"]
        for field in dataclasses.fields(kind):
            default = "" if field.default is dataclasses.MISSING else repr(field.default)
            lines.append(f"| `{field.name}` | {_cell(default)} | {_cell(about.get(field.name))} |")
        lines.append("")
    return "\n".join(lines)


def _attributes(docstring: str) -> dict[str, str]:
    """The `Attributes:` section of a Google docstring, by name."""
    found: dict[str, str] = {}
    name = ""
    for line in docstring.partition("Attributes:")[2].splitlines():
        text = line.strip()
        head, colon, rest = text.partition(": ")
        if colon and head.isidentifier():
            name = head
            found[name] = rest
        elif text and name:
            found[name] += f" {text}"
    return found


def rules_page() -> str:
    """Every rule that ranks leads, and every act that a rule may read."""
    from headwater.leads import ACT_TABLES, read_rules

    rules = read_rules()
    lines = [
        "# Rules and acts",
        "",
        f"Rule file version {rules.version}.",
        "",
        "| rule | tier | act | at least | because | source |",
    ]
    lines += ["|---|---|---|---|---|---|"]
    lines += [
        f"| `{r.name}` | {r.tier} | `{r.act}` | {r.at_least} | {_cell(r.because)} | {_cell(r.source)} |"
        for r in rules.rules
    ]
    lines += [
        "",
        "## Acts",
        "",
        "A rule can read nothing else.",
        "",
        "| act | what it is | computed from |",
        "|---|---|---|",
    ]
    lines += [f"| `{n}` | {_cell(a.about)} | {', '.join(f'`{c}`' for c in a.reads)} |" for n, a in ACT_TABLES.items()]
    return "\n".join([*lines, ""])


PAGES = {"cli": cli_page, "tables": tables_page, "settings": parameters_page, "rules": rules_page}


def _write(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "reference" / "generated"
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        content = page()
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True}
