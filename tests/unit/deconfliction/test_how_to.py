"""Every command of the how-to page runs, and comes to what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from .conftest import SHARED

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "deconflict.md"


def commands_of(text: str) -> list[str]:
    """The commands of the page, each in one line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def test_the_page_does_what_it_says(pair, headwater, monkeypatch):
    north, south = pair
    folder = north.case.parent
    monkeypatch.chdir(folder)
    commands = commands_of(PAGE.read_text(encoding="utf-8"))
    assert len(commands) > 15
    printed: dict[str, str] = {}
    for command in commands:
        if not command.startswith("headwater "):
            subprocess.run(["bash", "-euc", command], cwd=folder, check=True, capture_output=True)
            continue
        words = shlex.split(command.replace('"$(cut -d: -f1 started.txt)"', printed.get("started", "")))
        target = words[words.index(">") + 1] if ">" in words else None
        done = headwater(*(words[1 : words.index(">")] if target else words[1:]))
        assert done.status == 0, (command, done.err)
        if target:
            printed["started"] = done.out.partition(":")[0]
        if words[1:3] == ["deconflict", "show"]:
            assert all(f"email:{address}" in done.out for address in SHARED)
    assert north.shared() == south.shared() == sorted(f"email:{address}" for address in SHARED)
    states = [
        row["state"] for row in headwater("deconflict", "show", "north", "--json").rows if row["row"] == "session"
    ]
    assert sorted(states) == ["finished", "finished", "withdrawn"]
