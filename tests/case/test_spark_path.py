"""The whole path on the other engine: the same digests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = [pytest.mark.case, pytest.mark.spark, pytest.mark.slow]


def test_every_table_but_the_judged_ones_is_the_same_on_spark(finished, headwater, taken_in, tmp_path):
    if find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("pyspark or Java is absent")
    case = tmp_path / "case"
    taken_in(case, finished.seizure)
    # A process of its own: pyspark leaves sockets to the garbage collector, which would be somebody else's warning.
    code = "from headwater.cli import main; main()"
    command = [sys.executable, "-c", code, "run", case, "--engine", "spark", "--allow-unsealed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

    def digests(of):
        rows = [json.loads(line) for line in headwater("digests", of, "--json").out.splitlines()]
        return {f"{row['stage']}.{row['table']}": row["sha256"] for row in rows if row["stage"] != "leads"}

    found, expected = digests(case), digests(finished.case)
    assert len(expected) > 30
    assert found == expected
