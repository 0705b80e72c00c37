"""What importing headwater loads: every module of it, in a process of its own, and no decoder with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src"
DECODERS = frozenset(
    {"PIL", "cv2", "av", "dissect", "imageio", "pytsk3", "pyewf", "pdqhash", "headwater_sealed", "headwater_synth"}
)
NETWORK = frozenset({"requests", "httpx", "urllib3", "aiohttp", "websockets", "paramiko"})
# What loads them runs their `env.py` and revisions by path, inside Alembic; nobody imports them.
BY_PATH = "headwater/workflow/migrations/"


def modules() -> list[str]:
    files = [path.relative_to(SOURCES) for path in sorted((SOURCES / "headwater").rglob("*.py"))]
    named = [path for path in files if not path.as_posix().startswith(BY_PATH)]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in named]


def loaded_by(statement: str) -> set[str]:
    """Top-level names in `sys.modules` of a new process after a statement."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_no_module_of_headwater_loads_a_decoder_or_a_network_client() -> None:
    assert len(modules()) > 60
    loaded = loaded_by("\n".join(f"import {name}" for name in modules()))
    assert {"headwater", "pyarrow"} <= loaded
    assert not loaded & DECODERS
    assert not loaded & NETWORK


def test_the_top_of_headwater_loads_nothing_but_the_standard_library() -> None:
    before = loaded_by("pass")
    assert loaded_by("import headwater") - before - sys.stdlib_module_names <= {"headwater"}


@pytest.mark.parametrize("heavy", ["numba", "duckdb", "pyspark", "pandas", "typst", "pyrage"])
def test_the_command_line_begins_without_what_only_some_commands_need(heavy: str) -> None:
    assert heavy not in loaded_by("import headwater.cli")


@pytest.mark.parametrize("decoder", ["PIL", "av", "dissect"])
def test_a_decoder_that_is_loaded_is_seen(decoder: str) -> None:
    assert decoder in loaded_by(f"import headwater, {decoder}") & DECODERS
