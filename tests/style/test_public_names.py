"""The names that procedures and programs lean on: commands, arguments, options, exported names.

A difference here is a decision: an addition needs an `added` fragment of the changelog, a removal a `breaking` one
(docs/adr/0009-cli-verbs-and-public-import-paths.md). `pytest --update-golden` writes the list anew.
"""

from __future__ import annotations

import importlib.util
import pkgutil
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import app
from headwater_synth.cli import app as synth_app

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "public_names.txt"


def _commands() -> list[str]:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs" / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    pages: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    lines = []
    for name, program in (("headwater", app), ("headwater-synth", synth_app)):
        for words, command in pages.commands_of(program):
            arguments = [_argument(p) for p in command.params if p.param_type_name == "argument"]
            options = sorted(_option(p) for p in command.params if p.param_type_name == "option")
            lines.append(" ".join((name, *words, *arguments, *options)))
    return lines


def _argument(parameter: Any) -> str:
    text = str(parameter.name).upper() + ("..." if parameter.nargs == -1 else "")
    return text if parameter.required else f"[{text}]"


def _option(parameter: Any) -> str:
    text = "/".join([*parameter.opts, *parameter.secondary_opts])
    return text if parameter.required else f"[{text}]"


def _exports() -> list[str]:
    doors = sorted(path.parent for path in (ROOT / "src" / "headwater").glob("*/__init__.py"))
    modules = ["headwater", "headwater.config", "headwater.errors", *(f"headwater.{door.name}" for door in doors)]
    return [f"{name}: {', '.join(sorted(pkgutil.resolve_name(name).__all__))}" for name in modules]


def public_names() -> str:
    return "\n".join(["# commands", *_commands(), "", "# exported names", *_exports()]) + "\n"


def test_commands_and_exported_names_are_as_decided(request: pytest.FixtureRequest) -> None:
    found = public_names()
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found.splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_a_new_option_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = public_names()
    callback = app.registered_commands[0].callback
    assert callback is not None
    app.command("frobnicate")(callback)
    try:
        assert "headwater frobnicate" in public_names()
    finally:
        app.registered_commands.pop()
    monkeypatch.setattr(pkgutil.resolve_name("headwater.media"), "__all__", ["another"])
    assert "headwater.media: another" in public_names()
    assert "headwater.media: another" not in before
