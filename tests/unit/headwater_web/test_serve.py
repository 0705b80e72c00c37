"""The command: where it may listen, who must be known, and what it hands to the program that serves."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import ConfigError
from headwater_web import commands
from headwater_web.commands import main
from headwater_web.identity_provider import read_provider
from headwater_web.server import address_of

from .identity import ISSUER, written


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "x.pem"
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.test"])
def test_another_address_than_loopback_is_refused_without_tls(host: str) -> None:
    with pytest.raises(ConfigError):
        address_of(host, 8765, "bench.example", None, None)


def test_another_address_with_tls_needs_the_name_that_people_type(pem: Path) -> None:
    with pytest.raises(ConfigError, match="--name"):
        address_of("192.0.2.7", 8765, "", pem, pem)
    assert address_of("192.0.2.7", 8765, "bench.example", pem, pem).url == "https://bench.example:8765/"
    with pytest.raises(ConfigError, match="belong together"):
        address_of("127.0.0.1", 8765, "", pem, None)
    with pytest.raises(ConfigError, match="no such file"):
        address_of("127.0.0.1", 8765, "", pem, pem.with_name("none"))
    with pytest.raises(ConfigError, match="port"):
        address_of("127.0.0.1", 99_999, "", None, None)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_served_as_it_is(host: str) -> None:
    assert address_of(host, 8765, "", None, None).url == "http://localhost:8765/"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, arguments: calls.append(arguments))
    return calls


def test_the_command_becomes_the_program_that_serves(headwater: Any, small: Any, asked: list[list[str]]) -> None:
    assert headwater("serve", small.case, "--single", "A. Examiner", "--port", 9).status == 0
    [(program, *options, verb, text)] = asked
    assert (program, options, verb) == (sys.executable, ["-I", "-m", "headwater_web"], "serve")
    told = json.loads(text)
    assert told["cases"] == [str(small.case)]
    assert told["state"] == str(small.folder / "workbench")
    assert (told["single"], told["port"], told["host"]) == ("A. Examiner", 9, "127.0.0.1")


def test_what_is_no_case_is_told_before_anything_is_begun(
    headwater: Any, tmp_path: Path, asked: list[list[str]]
) -> None:
    done = headwater("serve", tmp_path)
    assert done.status == 2
    assert "no case here" in done.err
    assert not asked


def _web(capsys: pytest.CaptureFixture[str], verb: str, **options: object) -> tuple[int, list[Any], str]:
    status = main([verb, json.dumps({"json": True, "database_url": "", **options}, default=str)])
    said = capsys.readouterr()
    return status, [json.loads(line) for line in said.out.splitlines()], said.err


def test_people_are_added_listed_let_in_and_reset(small: Any, capsys: pytest.CaptureFixture[str]) -> None:
    state = small.folder / "workbench"
    status, [added], _ = _web(capsys, "add", name="A", state=state, administrator=False, operator="cli")
    assert status == 0
    assert len(added["setup_code"]) == 23
    member = {"role": "approver", "purpose": "p", "until": "2999-01-01", "operator": "cli"}
    status, [row], _ = _web(capsys, "member", name="A", case=small.case, state=state, **member)
    assert (status, row["role"]) == (0, "approver")
    status, [listed], _ = _web(capsys, "list", state=state)
    assert (listed["name"], listed["state"], listed["members"][0]["role"]) == ("A", "not set up", "approver")
    status, [reset], _ = _web(capsys, "reset", name="A", state=state, operator="cli")
    assert reset["setup_code"] != added["setup_code"]


@pytest.mark.parametrize(
    ("verb", "options", "told"),
    [
        ("member", {"name": "N", "role": "analyst", "purpose": "p", "until": "2999-01-01"}, "no person named"),
        ("member", {"name": "A", "role": "chief", "purpose": "p", "until": "2999-01-01"}, "roles are"),
        ("member", {"name": "A", "role": "analyst", "purpose": "p", "until": "soon"}, "write a day"),
        ("member", {"name": "A", "role": "analyst", "purpose": "p", "until": "2001-01-01"}, "in the future"),
        ("member", {"name": "A", "role": "analyst", "purpose": " ", "until": "2999-01-01"}, "purpose"),
        ("reset", {"name": "N"}, "no person named"),
        ("add", {"name": "A", "administrator": False}, "already"),
        ("oidc", {"name": "N", "issuer": "https://i.example", "subject": "p-1", "end": False}, "no person named"),
        ("oidc", {"name": "A", "issuer": "https://i.example", "subject": "x" * 256, "end": False}, "1 to 255"),
        ("oidc", {"name": "A", "issuer": "https://i.example", "subject": "", "end": True}, "is not bound"),
    ],
)
def test_bad_input_is_one_clear_line(
    small: Any, capsys: pytest.CaptureFixture[str], verb: str, options: dict[str, Any], told: str
) -> None:
    state = small.folder / "workbench"
    _web(capsys, "add", name="A", state=state, administrator=False, operator="cli")
    status, _, error = _web(capsys, verb, state=state, case=small.case, operator="cli", **options)
    assert status == 2
    assert error.count("\n") == 1
    assert told in error


def test_a_person_is_bound_to_a_provider_listed_and_let_go(small: Any, capsys: pytest.CaptureFixture[str]) -> None:
    state = small.folder / "workbench"
    _web(capsys, "add", name="A", state=state, administrator=False, operator="cli")
    there = {"name": "A", "state": state, "issuer": "https://i.example", "operator": "cli"}
    status, [row], _ = _web(capsys, "oidc", subject="p-1", end=False, **there)
    assert (status, row["sub"], row["bound"]) == (0, "p-1", True)
    status, [listed], _ = _web(capsys, "list", state=state)
    assert listed["bound"] == [{"issuer": "https://i.example", "sub": "p-1", "bound_by": "cli"}]
    status, [row], _ = _web(capsys, "oidc", subject="", end=True, **there)
    assert (status, row["bound"]) == (0, False)
    status, [listed], _ = _web(capsys, "list", state=state)
    assert listed["bound"] == []


def test_the_command_asks_for_a_subject_or_an_end(headwater: Any, tmp_path: Path, asked: list[list[str]]) -> None:
    common = ("people", "oidc", "A", "--issuer", "https://i.example", "--state", tmp_path)
    for options in ((), ("--subject", "p-1", "--end")):
        done = headwater(*common, *options)
        assert done.status == 2
        assert "--subject, or --end" in done.err
    assert not asked
    assert headwater(*common, "--subject", "p-1").status == 0
    assert json.loads(asked[0][-1])["subject"] == "p-1"


def test_a_provider_that_cannot_be_held_to_is_told_before_anything_is_served(
    small: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, path = small.folder / "workbench", written(tmp_path, algorithms=["none"])
    status, _, error = _web(
        capsys, "serve", cases=[small.case], state=state, **{**SERVE, "single": "A", "oidc_config": path}
    )
    assert status == 2
    assert "'none' is not taken" in error
    assert not state.exists()


def test_with_which_keys_people_could_sign_in_is_in_the_log(
    small: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, path = small.folder / "workbench", written(tmp_path)
    seen: list[Any] = []
    monkeypatch.setattr(commands, "serve", lambda workbench, *_: seen.append(workbench))
    status, _, _ = _web(
        capsys, "serve", cases=[small.case], state=state, **{**SERVE, "single": "A", "oidc_config": path}
    )
    assert status == 0
    [workbench] = seen
    assert workbench.return_address == "http://localhost:0/oidc/return"
    *_, entry = workbench.store.log.entries()
    assert entry.justification == f"sign-in at {ISSUER} offered; its files have sha256:{read_provider(path).digest}"
    workbench.close()


NO_TLS = {"tls_certificate": "", "tls_key": ""}
SERVE = {"host": "127.0.0.1", "port": 0, "name": "", "oidc_config": "", "single": "", **NO_TLS}


def test_nothing_is_served_while_nobody_is_known(small: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, error = _web(capsys, "serve", cases=[small.case], state=small.folder / "workbench", **SERVE)
    assert status == 2
    assert "headwater people add NAME --administrator" in error


def test_a_machine_of_one_person_is_no_way_round_the_others(small: Any, capsys: pytest.CaptureFixture[str]) -> None:
    state = small.folder / "workbench"
    _web(capsys, "add", name="A", state=state, administrator=False, operator="cli")
    status, _, error = _web(capsys, "serve", cases=[small.case], state=state, **{**SERVE, "single": "A"})
    assert status == 2
    assert "others are known here" in error


def test_one_case_given_twice_is_refused(small: Any, capsys: pytest.CaptureFixture[str]) -> None:
    state = small.folder / "workbench"
    status, _, error = _web(capsys, "serve", cases=[small.case, small.case], state=state, **{**SERVE, "single": "A"})
    assert status == 2
    assert "are one case" in error


def test_the_program_serves_and_ends_with_its_log_anchored(small: Any) -> None:
    """The real thing, in processes of its own: a line says where, the first person's code is shown, Ctrl-C ends it."""
    from .browser import free_port

    # What the demo ends with, but for the place of the case.
    demo = (Path(__file__).parents[3] / "scripts" / "demo").read_text(encoding="utf-8").splitlines()
    assert demo[-1] == "EOF"
    last = demo[-2].strip()
    assert last.startswith("$bin/headwater serve $case ")
    program = Path(sys.executable).with_name("headwater")
    words = shlex.split(last.replace("$bin/headwater", str(program)).replace("$case", str(small.case)))
    command = [*words, "--port", str(free_port()), "--json"]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert served.stdout is not None
        lines = [json.loads(served.stdout.readline()) for _ in range(2)]
    finally:
        served.terminate()
        _, errors = served.communicate(timeout=60)
    assert lines[0]["name"] == "A. Examiner"
    assert lines[1]["serving"].startswith("http://localhost:")
    assert not errors.strip()
