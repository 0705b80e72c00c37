"""Who may import whom: the contracts hold, and each of them bites when a violation is planted."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"

# (contract that must name it, file, line planted in it). A file that is not there yet is made.
VIOLATIONS = (
    ("The flow of a case", "headwater/errors.py", "import headwater.schema"),
    ("The flow of a case", "headwater/catalogue/content.py", "import headwater.leads"),
    ("The flow of a case", "headwater/money/flows.py", "import headwater.media"),
    ("The flow of a case", "headwater/utils/__init__.py", "x = 1"),
    ("The product never loads", "headwater/media/tiers.py", "import PIL"),
    ("The product never loads", "headwater/evidence/values.py", "from av import open as av_open"),
    ("The product never loads", "headwater/evidence/values.py", "def later():\n    import dissect.target"),
    ("The product never loads", "headwater/media/hashing.py", "import headwater_sealed.pdq"),
    ("The sealed workers know nothing", "headwater_sealed/pdq.py", "import headwater.errors"),
    ("The independent program", "headwater_verify/age.py", "import headwater.custody"),
    ("The independent program", "headwater_verify/age.py", "import pyrage"),
    ("The product does not know", "headwater/workflow/run.py", "import headwater_synth.seeds"),
    ("The product does not know", "headwater_sealed/pdq.py", "import headwater_synth.seeds"),
    ("Nothing reaches the network", "headwater/custody/log.py", "import socket"),
    ("Nothing reaches the network", "headwater/references/store.py", "from urllib.request import urlopen"),
    ("Nothing reaches the network", "headwater_sealed/stills.py", "import http.client"),
    ("Nothing reaches the network", "headwater_verify/age.py", "import ssl"),
    ("Nothing reaches the network", "headwater_synth/words.py", "import requests"),
    ("One door to each engine", "headwater/catalogue/ledger.py", "import duckdb"),
    ("One door to each engine", "headwater/leads/acts.py", "import pyspark"),
    ("Front door only: media", "headwater/leads/rank.py", "import headwater.media.verdicts"),
    ("Front door only: evidence", "headwater/money/stage.py", "import headwater.evidence.sealed"),
    ("Front door only: references", "headwater/workflow/intake.py", "import headwater.references.rows"),
    ("Front door only: catalogue", "headwater/media/paths.py", "import headwater.catalogue.content"),
    ("Front door only: money", "headwater/cli/file_commands.py", "import headwater.money.scripts"),
    ("Front door only: identities", "headwater/leads/rank.py", "import headwater.identities.normal"),
    ("Front door only: leads", "headwater/packages/rows.py", "import headwater.leads.rules"),
    ("Front door only: packages", "headwater/workflow/views.py", "import headwater.packages.guards"),
    ("Front door only: viewer", "headwater/workflow/views.py", "import headwater.viewer.vics_out"),
    ("The flow of a case", "headwater/packages/rows.py", "import headwater.viewer"),
    ("The flow of a case", "headwater/packages/rows.py", "import headwater.money_view"),
    ("The flow of a case", "headwater/viewer/names.py", "import headwater.money_view"),
    ("Front door only: money_view", "headwater/workflow/views.py", "import headwater.money_view.sankey"),
    ("The flow of a case", "headwater/viewer/names.py", "import headwater.deconfliction"),
    ("The flow of a case", "headwater/deconfliction/sides.py", "import headwater.workflow"),
    ("Front door only: deconfliction", "headwater/workflow/views.py", "import headwater.deconfliction.group"),
    ("Front door only: custody", "headwater/packages/guards.py", "import headwater.custody.log"),
    ("Front door only: judgements", "headwater/workflow/people.py", "import headwater.judgements.judgement"),
    ("Front door only: engine", "headwater/money/stage.py", "import headwater.engine.session"),
    ("Front door only: workflow", "headwater/cli/output.py", "import headwater.workflow.case"),
    ("The workbench stands above", "headwater/cli/serve_commands.py", "import headwater_web.server"),
    ("The workbench stands above", "headwater/workflow/views.py", "import starlette"),
    ("The workbench shows what", "headwater_web/table_pages.py", "import duckdb"),
    ("The workbench shows what", "headwater_web/screens/home.py", "import PIL"),
    ("The workbench, from screens down", "headwater_web/screens/home.py", "import headwater_web.routes"),
    ("Front door only: workflow", "headwater_web/cases.py", "import headwater.workflow.case"),
    ("No cycles", "headwater/config.py", "import headwater.workflow"),
)


def _lint(sources: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--no-logo", "--config", ROOT / "pyproject.toml"],
        cwd=sources.parent,
        env={**os.environ, "PYTHONPATH": str(sources)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copied_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied = tmp_path_factory.mktemp("planted") / "src"
    shutil.copytree(SOURCES, copied, ignore=shutil.ignore_patterns("__pycache__"))
    return copied


def test_contracts_hold() -> None:
    outcome = _lint(SOURCES)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_copy_is_what_is_linted(copied_sources: Path) -> None:
    outcome = _lint(copied_sources)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "0 broken" in outcome.stdout


@pytest.mark.parametrize(("contract", "file", "line"), VIOLATIONS, ids=[f"{f}: {v}" for _, f, v in VIOLATIONS])
def test_a_planted_violation_is_named(copied_sources: Path, contract: str, file: str, line: str) -> None:
    planted = copied_sources / file
    before = planted.read_bytes() if planted.exists() else None
    assert before is not None or planted.name == "__init__.py", f"{file}: gone; plant the violation elsewhere"
    planted.parent.mkdir(exist_ok=True)
    planted.write_bytes((before or b"") + f"\n{line}\n".encode())
    try:
        outcome = _lint(copied_sources)
    finally:
        if before is None:
            shutil.rmtree(planted.parent)
        else:
            planted.write_bytes(before)
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    if "utils" in file:  # an exhaustive layer contract says so while it reads the modules, before it can name itself
        assert "utils" in outcome.stdout
        return
    broken = [line for line in outcome.stdout.splitlines() if " BROKEN" in line]
    assert any(name.startswith(contract) for name in broken), broken


def _imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    from_other = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in plain | from_other}


def test_the_independent_program_needs_only_the_standard_library_and_cryptography() -> None:
    allowed = {*sys.stdlib_module_names, "cryptography", "headwater_verify"}
    for path in sorted((SOURCES / "headwater_verify").rglob("*.py")):
        assert _imported(path) <= allowed, path


def test_no_import_is_relative_or_hidden() -> None:
    """What the contracts cannot see: a relative import above its package, `__import__`, and code run from text."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}:{node.lineno}: write the import in full"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = node.func.id
                assert called not in {"__import__", "exec", "eval"}, f"{path}:{node.lineno}: {called}"


@pytest.mark.parametrize("file", ["headwater/evidence/sealed_channel.py", "headwater_sealed/channel.py"])
def test_the_excepted_modules_make_no_other_socket_than_a_unix_one(file: str) -> None:
    tree = ast.parse((SOURCES / file).read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket"
    }
    assert not any(name.startswith(("AF_", "create_", "getaddrinfo", "gethost")) for name in used - {"AF_UNIX"}), used
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "socket"]
    assert not imported, "name what is used as socket.X, so that this test can see it"


# No command may have a decoder of hostile bytes, or a network client, in its own process.
_FRONT_DOORS = (
    "headwater.cli",
    "headwater.workflow",
    "headwater.deconfliction",
    "headwater.packages",
    "headwater.leads",
    "headwater.identities",
    "headwater.money",
    "headwater.media",
    "headwater.catalogue",
    "headwater.evidence",
    "headwater.references",
    "headwater.judgements",
    "headwater.engine",
    "headwater.custody",
    "headwater.schema",
    "headwater_verify",
)
_DECODERS = ("PIL", "av", "cv2", "imageio", "dissect", "headwater_sealed", "headwater_synth")


@pytest.mark.parametrize("door", _FRONT_DOORS)
def test_no_decoder_is_loaded_behind_any_door(door: str) -> None:
    code = f"import sys, {door}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    outcome = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(outcome.stdout.split())
    assert door.partition(".")[0] in loaded
    assert not loaded & set(_DECODERS), sorted(loaded & set(_DECODERS))


def test_the_decoder_check_bites() -> None:
    code = "import sys, PIL.Image\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    outcome = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(outcome.stdout.split()) & set(_DECODERS)
