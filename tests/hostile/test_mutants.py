"""Damaged inputs of every family through the whole of intake: a seeded slice of what bench/mutants.py does in full."""

from __future__ import annotations

import json
import random
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headwater.evidence.sealed import sandbox_report
from headwater_synth.mutant_seeds import sound_inputs
from headwater_synth.mutants import mutated, patches

pytestmark = pytest.mark.skipif(not sandbox_report().sealed, reason="this kernel lacks a part of the sandbox")

PROGRAM = Path(__file__).parents[2] / "bench" / "mutants.py"
SLICE = {
    "dumps": 24,
    "documents": 24,
    "logs": 10,
    "archives": 24,
    "stills": 8,
    "videos": 4,
    "wallets": 24,
    "disks": 33,
}


@pytest.mark.parametrize("family", SLICE)
def test_nothing_dies_of_damaged_inputs(family: str) -> None:
    command = [sys.executable, str(PROGRAM), "--family", family, "--count", str(SLICE[family]), "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["n"] == SLICE[family]
    assert told.get("defects") or told.get("outcomes") or family in ("stills", "videos"), "none of them was damaged"


def test_the_same_seed_damages_in_the_same_way() -> None:
    content = sound_inputs()["dumps"]["mysql"]["m.sql"]
    first, again, other = (mutated(content, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again != content
    assert first != other
    assert patches(content, range(100), random.Random(1)) == patches(content, range(100), random.Random(1))


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ('touch "$HOME/left_behind"', "written outside of the case, in home"),
        ('[ "$1" != show ] || echo x >> "$(find ../exhibit -name a.tar | head -n 1)"', "the exhibit was changed"),
        ("exit 7", "ended with 7"),
    ],
)
def test_a_broken_promise_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str, said: str) -> None:
    program: dict[str, Any] = runpy.run_path(str(PROGRAM))
    impostor = tmp_path / "headwater"
    impostor.write_text(f'#!/bin/sh\n{deed}\nexec "{program["PROGRAM"]}" "$@"\n')
    impostor.chmod(0o755)
    (tmp_path / "scratch").mkdir()
    through_a_case = program["through_a_case"]
    monkeypatch.setitem(through_a_case.__globals__, "PROGRAM", impostor)
    with pytest.raises(program["BrokenPromiseError"], match=said):
        through_a_case("archives", tmp_path / "scratch", 7, 3)
