"""The checking program: what it imports, prints and returns, and that it opens age files by itself."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater_verify
from headwater.custody import CustodyLog, create_case_key
from headwater_verify.age import bech32_bytes, opened, well_formed

ACT = {"actor": "Ana", "role": "analyst", "justification": "exercise"}


def clock() -> datetime:
    return datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), clock=clock, **ACT)
    for _ in range(4):
        log.append(event="opened", clock=clock, **ACT)
    return folder


def test_it_imports_the_standard_library_and_cryptography_only():
    allowed = set(sys.stdlib_module_names) | {"cryptography", "headwater_verify"}
    for file in sorted(Path(headwater_verify.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, file.name


def test_it_runs_as_a_program_of_its_own(case):
    ran = subprocess.run(
        [sys.executable, "-m", "headwater_verify", str(case), "--json"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [set(line) for line in lines] == [{"check", "ok", "first_bad"}] * 10
    assert all(line["ok"] and line["first_bad"] is None for line in lines)


def test_a_change_is_named_with_its_place_and_fails(case, capsys):
    content = (case / "custody.log").read_bytes()
    (case / "custody.log").write_bytes(content.replace(b'"role":"analyst","seq":2', b'"role":"manager","seq":2'))
    assert headwater_verify.main([str(case)]) == 1
    printed = capsys.readouterr()
    assert "FAIL custody.log.chain: entry 3" in printed.out
    assert "FAIL custody.log.signatures: entry 2" in printed.out
    assert "FAIL custody.heads.tree: tree head 2" in printed.out


def test_the_log_file_itself_may_be_named(case, capsys):
    assert headwater_verify.main([str(case / "custody.log")]) == 0
    (case / "custody.heads").unlink()
    assert headwater_verify.main([str(case / "custody.log")]) == 1
    assert "FAIL custody.heads.complete" in capsys.readouterr().out


def test_the_key_of_another_case_does_not_fit(case, tmp_path, capsys):
    other = tmp_path / "other"
    create_case_key(other)
    assert headwater_verify.main([str(case), "--key", str(case / "public" / "case-signing.pem")]) == 0
    assert "no --key" not in capsys.readouterr().err
    assert headwater_verify.main([str(case), "--key", str(other / "public" / "case-signing.pem")]) == 1


def test_a_witness_notices_a_cut_that_the_files_cannot_show(case, capsys):
    head = CustodyLog.open(case).head()
    for name in ("custody.log", "custody.heads", "custody.payloads"):
        lines = (case / name).read_bytes().splitlines(keepends=True)
        (case / name).write_bytes(b"".join(lines[:-1]))
    assert headwater_verify.main([str(case)]) == 0
    assert headwater_verify.main([str(case), "--witness", f"{head.entries}:{head.root}"]) == 1
    assert "its end was cut off" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--unknown", "x"], ["/nowhere/at/all"], ["{case}", "--witness", "x"]])
def test_bad_use_is_one_clear_line_and_2(case, arguments, capsys):
    arguments = [argument.format(case=case) for argument in arguments]
    try:
        code = headwater_verify.main(arguments)
    except SystemExit as leaving:
        code = leaving.code
    assert code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1


def test_a_file_that_is_neither_is_bad_use(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("text")
    assert headwater_verify.main([str(tmp_path / "a.txt")]) == 2
    assert headwater_verify.main([str(tmp_path)]) == 2
    (tmp_path / "custody.log").write_text("{}\n")
    assert headwater_verify.main([str(tmp_path)]) == 2
    assert "--key" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["[" * 100_000, "{}", '{"a":1e400}', '{"seq":[]}', "\ud83d", "null", ""])
def test_hostile_lines_are_findings_and_never_a_traceback(case, line):
    content = line.encode("utf-8", "surrogatepass") + b"\n"
    for name in ("custody.log", "custody.heads"):
        whole = (case / name).read_bytes()
        (case / name).write_bytes(content + whole)
        assert headwater_verify.main([str(case)]) == 1
        (case / name).write_bytes(whole)


@given(size=st.sampled_from([0, 1, 15, 16, 65535, 65536, 65537, 131072, 200_000]), armored=st.just(value=False))
@settings(max_examples=20, deadline=None)
def test_it_opens_what_age_encrypts(size, armored):
    identity, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    content = bytes(n % 251 for n in range(size))
    sealed = pyrage.encrypt(content, [other.to_public(), identity.to_public()], armored=armored)
    assert well_formed(sealed)
    assert opened(sealed, str(identity)) == content
    with pytest.raises(ValueError, match="not encrypted to this identity"):
        opened(sealed, str(pyrage.x25519.Identity.generate()))
    with pytest.raises(ValueError, match=r"altered|cut"):
        opened(sealed[:-1], str(identity))


def test_a_key_with_a_slip_is_noticed():
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    assert len(bech32_bytes(recipient, "age")) == 32
    for position in range(4, len(recipient)):
        slipped = recipient[:position] + ("q" if recipient[position] != "q" else "p") + recipient[position + 1 :]
        with pytest.raises(ValueError, match="checksum"):
            bech32_bytes(slipped, "age")
    with pytest.raises(ValueError, match="no key"):
        bech32_bytes("AGE1", "age")
