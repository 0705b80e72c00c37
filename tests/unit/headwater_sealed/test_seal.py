"""Sealing, as far as a test process can be asked about it without sealing itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headwater_sealed.seal import LAYERS, ImportGuard, SealPlan, seal

PLAN = SealPlan(memory_bytes=1 << 30, cpu_s=10, file_count=0, layers=tuple(name for name, _do in LAYERS))

IN_A_CHILD = """
import os, resource, sys
from pathlib import Path
from headwater_sealed.seal import *
from headwater_sealed.seal import LAYERS
before = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
plan = SealPlan(memory_bytes=1 << 30, cpu_s=10, file_count=2, layers=tuple(name for name, _do in LAYERS[:4]))
assert all(layer.held for layer in seal(plan)), seal(plan)
status = dict(line.split(":", 1) for line in Path("/proc/thread-self/status").read_text().splitlines())
assert status["NoNewPrivs"].split() == ["1"]
assert 0 not in map(int, status["Uid"].split() + status["Gid"].split())
assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
assert before < resource.getrlimit(resource.RLIMIT_AS)[1] < before + (1 << 30) + (64 << 20)
assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == 7
assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.getrlimit(resource.RLIMIT_CORE)[1] == 0
print("as planned")
"""

CLOSES = """
import os
import socket
import time
from headwater_sealed.seal import close_other_descriptors
read_end, write_end = os.pipe()
for _ in range(20):
    os.dup(read_end)
same = os.fstat(write_end).st_ino
kept = close_other_descriptors(write_end)
assert os.fstat(kept).st_ino == same
left = [number for number in range(100) if os.path.exists(f"/proc/self/fd/{number}")]
os._exit(0 if (kept, left) == (3, [0, 1, 2, 3]) else 1)
"""


def test_what_the_kernel_says_of_a_sealed_process():
    # The environment is wide open: /proc must stay readable for this look, so the last two layers are left out.
    done = subprocess.run([sys.executable, "-c", IN_A_CHILD], capture_output=True, text=True, check=False)
    assert done.stdout == "as planned\n", done.stderr


def test_every_other_descriptor_is_closed():
    assert subprocess.run([sys.executable, "-c", CLOSES], check=False).returncode == 0


def test_a_layer_that_fails_is_a_value_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch):
    def fails(_plan: SealPlan) -> str:
        raise OSError(38, "not in this kernel")

    layers = (("landlock", fails), ("seccomp", lambda _plan: "filter"))
    monkeypatch.setattr("headwater_sealed.seal.LAYERS", layers)
    assert [(layer.name, layer.held) for layer in seal(PLAN)] == [("landlock", False), ("seccomp", True)]


def test_a_layer_that_was_not_asked_for_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headwater_sealed.seal.LAYERS", (("rlimits", lambda _plan: os.abort()),))
    assert seal(SealPlan(memory_bytes=1, cpu_s=1, file_count=0, layers=())) == ()


def test_a_late_import_says_what_to_do():
    guard = ImportGuard()
    with pytest.raises(ModuleNotFoundError, match="asked for after the seal; load it in the job"):
        guard.find_spec("some.codec")
    assert guard.refused == ["some.codec"]


ORPHAN = """
import os, time
from headwater_sealed.seal import end_with_parent
me = os.getpid()
if os.fork() == 0:
    while os.getppid() == me:
        time.sleep(0.001)
    print("orphaned", flush=True)
    end_with_parent(me)
    print("still here", flush=True)
"""


def test_a_process_whose_parent_ended_before_it_asked_to_end_with_it_ends():
    # Reads until both have closed the pipe, so the second has ended when this returns.
    said = subprocess.run([sys.executable, "-c", ORPHAN], check=True, capture_output=True, text=True, timeout=60)
    assert (said.stdout, said.stderr) == ("orphaned\n", "")
