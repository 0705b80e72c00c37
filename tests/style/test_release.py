"""A release is made of the lock alone, the same twice; its bill names every locked package and no other."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "runtime.txt"
DIGEST = "0" * 64


def bill(*words: object, **environment: str) -> bytes:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "sbom"), *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_a_bill_names_what_the_lock_names() -> None:
    found = json.loads(bill())
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.6", 1)
    pins = re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", LOCK.read_text("utf-8"), re.MULTILINE)
    assert sorted((one["name"], one["version"]) for one in found["components"]) == sorted(pins)
    digests = {p["value"] for one in found["components"] for p in one["properties"] if p["name"].endswith("sha256")}
    assert digests == set(re.findall(r"sha256:([0-9a-f]{64})", LOCK.read_text("utf-8")))
    assert found["metadata"]["component"]["licenses"] == [{"license": {"id": "AGPL-3.0-or-later"}}]


def test_every_part_of_a_bill_has_a_reference_of_its_own() -> None:
    found = json.loads(bill())
    references = [one["bom-ref"] for one in found["components"]]
    assert len(set(references)) == len(references)
    [needed] = found["dependencies"]
    assert sorted(needed["dependsOn"]) == sorted(references)
    assert needed["ref"] not in references


def test_a_bill_is_the_same_wherever_and_changes_with_the_lock(tmp_path: Path) -> None:
    here = bill(LOCK, f"tool_sha256={DIGEST}", TZ="UTC", PYTHONHASHSEED="0")
    assert here == bill(LOCK, f"tool_sha256={DIGEST}", TZ="Pacific/Kiritimati", LC_ALL="C", PYTHONHASHSEED="4711")
    assert DIGEST in here.decode()
    other = tmp_path / "other.txt"
    other.write_text(LOCK.read_text("utf-8").replace("alembic==", "alembic==9"), "utf-8")
    assert json.loads(bill(other))["serialNumber"] != json.loads(bill(LOCK))["serialNumber"]


@pytest.mark.parametrize("line", ["alembic>=1", "alembic==1.20.1", "git+https://example.org/alembic"])
def test_what_is_not_pinned_and_hashed_is_in_no_bill(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"{line}\n", "utf-8")
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "sbom"), str(lock)], capture_output=True, check=False)
    assert done.returncode
    assert b"not a pinned and hashed requirement" in done.stderr


def released(folder: Path, **environment: str) -> dict[str, bytes]:
    done = subprocess.run(
        [str(ROOT / "scripts" / "release"), str(folder)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_release_is_the_same_twice_and_states_the_digest_that_logs_name(tmp_path: Path) -> None:
    first = released(tmp_path / "one", TZ="UTC", PYTHONHASHSEED="0")
    second = released(tmp_path / "deeper" / "two", TZ="Pacific/Kiritimati", LC_ALL="C", PYTHONHASHSEED="4711")
    assert first == second
    listed = dict(line.split("  ")[::-1] for line in first["SHA256SUMS"].decode().splitlines())
    assert listed == {name: hashlib.sha256(first[name]).hexdigest() for name in first if name != "SHA256SUMS"}
    [wheel] = (tmp_path / "one").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    told = subprocess.run(
        [sys.executable, "-c", "from headwater.custody import program_sha256; print(program_sha256())"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert first["tool_sha256.txt"].decode() == told.stdout
    [stated] = json.loads(first["sbom.cdx.json"])["metadata"]["component"]["properties"]
    assert stated == {"name": "headwater:tool_sha256", "value": told.stdout.strip()}


def test_a_release_overwrites_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / "release"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is there already" in done.stderr
