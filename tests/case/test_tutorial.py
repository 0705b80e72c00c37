"""The tutorial, followed to the letter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.case
def test_every_block_of_the_tutorial_runs(repository, tmp_path):
    blocks = BLOCK.findall((repository / "docs" / "tutorial" / "first-case.md").read_text(encoding="utf-8"))
    assert len(blocks) > 8
    programs = str(Path(sys.executable).parent)
    environment = {"PATH": os.pathsep.join([programs, "/usr/bin", "/bin", "/usr/sbin", "/sbin"]), "HOME": str(tmp_path)}
    printed = ""
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        printed = done.stdout
    assert '"measure": "leads.innocents_named", "value": 0' in printed
