"""A recipient who has OpenPGP alone: named by fingerprint, sealed with Sequoia, opened by another program."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import tempfile

import pytest

import headwater_verify
from headwater.errors import ConfigError, InputError
from headwater.packages import recall_notices, verify_package, verify_recall, write_recall

pysequoia = pytest.importorskip("pysequoia", reason="the extra openpgp is not installed")

GPG = shutil.which("gpg")


@pytest.fixture(scope="module")
def key():
    return pysequoia.Tsk.generate("Agency Two <desk@agency.example>")


@pytest.fixture
def released(case, key):
    return case.release(case.draft(recipient_key=str(key.extract_certificate())))


def test_it_names_the_fingerprint_and_both_programs_check_it(case, key, released):
    sealed = {path.name for path in released.sealed_folder.iterdir()}
    assert sealed == {"envelope.json", "package.pgp"}
    assert released.recipient == f"openpgp:{key.extract_certificate().fingerprint}"
    folder = released.sealed_folder.parent
    assert all(check.ok for check in verify_package(folder))
    assert headwater_verify.main([str(folder)]) == 0
    path = released.sealed_folder / "package.pgp"
    content = path.read_bytes()
    for at in range(0, len(content), max(1, len(content) // 50)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert headwater_verify.main([str(released.sealed_folder)]) == 1


@pytest.mark.skipif(GPG is None, reason="GnuPG is not installed (Debian: gnupg)")
def test_gnupg_opens_what_went_to_a_key_of_its_own_and_it_verifies(case, tmp_path):
    # A short path: GnuPG's agent makes a socket in its folder, whose name has to be short.
    with tempfile.TemporaryDirectory(prefix="hw") as home:

        def gnupg(*arguments: object) -> str:
            command = [GPG, "--homedir", home, "--batch", "--quiet", *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        gnupg("--passphrase", "", "--quick-gen-key", "Agency Two <desk@agency.example>", "default", "default", "never")
        certificate = gnupg("--armor", "--export")
        released = case.release(case.draft(recipient_key=certificate))
        archive = tmp_path / "package.tar"
        gnupg("--output", archive, "--decrypt", released.sealed_folder / "package.pgp")
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
    assert headwater_verify.main([str(archive)]) == 0


def test_a_recall_goes_the_same_way(case, key, released):
    who = {"operator": "Iva Example", "operator_key": case.author_key, "clock": case.clock}
    packages = case.folder / "packages"
    [notice] = recall_notices(packages, ["led-1"], why="wrong", case_key=case.case_key, **who)
    write_recall(notice, case_key=case.case_key, clock=case.clock, custody_head=None)
    assert {path.name for path in (notice.folder / "sealed").iterdir()} == {"envelope.json", "recall.pgp"}
    assert all(check.ok for check in verify_recall(notice.folder))
    assert headwater_verify.main([str(notice.folder)]) == 0
    assert json.loads(notice.content)["sequence"]["number"] == 2


def test_a_secret_key_given_as_recipient_is_not_taken_and_not_repeated(case, key):
    with pytest.raises(InputError) as refusal:
        case.draft(recipient_key=str(key))
    assert "PRIVATE KEY" not in str(refusal.value)
    assert not (case.folder / "packages").exists()


def test_a_certificate_that_is_not_good_is_refused(case, key):
    soon = pysequoia.Tsk.generate("Agency Two", validity_seconds=86_400).extract_certificate()
    later = soon.expiration + dt.timedelta(seconds=1)
    with pytest.raises(InputError, match="was good until"):
        case.draft(recipient_key=str(soon), clock=lambda: later)
    with pytest.raises(InputError, match="no OpenPGP certificate") as refusal:
        case.draft(recipient_key=str(key.extract_certificate())[:200])
    assert "\n" not in str(refusal.value)


def test_without_the_extra_it_says_what_to_install(case, key, monkeypatch):
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(ConfigError, match=r"pip install 'headwater\[openpgp\]'"):
        case.draft(recipient_key=str(key.extract_certificate()))
