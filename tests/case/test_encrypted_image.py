"""An encrypted image: read with its passphrase from a descriptor, which stands nowhere afterwards."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import ConfigError
from headwater_synth.disk_image import mke2fs_program
from headwater_synth.encrypted_image import luks_image

PASSPHRASE = b"an invented passphrase of eight words or so"
OPTIONS = ("--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encrypted")
    (folder / "tree" / "www").mkdir(parents=True)
    (folder / "tree" / "www" / "a.txt").write_bytes(b"harmless words\n")
    inner, path = folder / "inner", folder / "disk.raw"
    subprocess.run([mke2fs_program(), "-q", "-t", "ext4", "-d", folder / "tree", inner, "4M"], check=True)
    try:
        path.write_bytes(luks_image(inner.read_bytes(), PASSPHRASE, OPTIONS))
    except ConfigError as error:
        pytest.skip(str(error))
    return path


@pytest.fixture
def descriptor(tmp_path: Path) -> Callable[[bytes], int]:
    """Opens a file with that content for reading."""

    def opened(content: bytes) -> int:
        path = tmp_path / f"secret-{len(content)}"
        path.write_bytes(content)
        return os.open(path, os.O_RDONLY)

    return opened


def test_the_passphrase_opens_it_and_is_kept_nowhere(image, tmp_path, headwater, descriptor: Any):
    case = tmp_path / "case"
    assert headwater("case", "create", case, "--authority", "x", "--operator", "A. Examiner").status == 0
    refused = headwater("evidence", "add", case, image, "--exhibit", "EX-1")
    assert refused.status == 2
    assert "LUKS" in refused.err
    wrong = headwater("evidence", "add", case, image, "--exhibit", "EX-1", "--passphrase-fd", descriptor(b"another"))
    assert wrong.status == 2
    assert "opens no key slot" in wrong.err
    added = headwater("evidence", "add", case, image, "--exhibit", "EX-1", "--passphrase-fd", descriptor(PASSPHRASE))
    assert added.status == 0, added.err
    without = headwater("run", case, "--until", "catalogue")
    assert without.status == 2
    assert "--passphrase-fd EX-1=FD" in without.err
    run = headwater("run", case, "--until", "media", "--passphrase-fd", f"EX-1={descriptor(PASSPHRASE)}")
    assert run.status == 0, run.err
    items = {row["path"]: row for row in headwater("show", case, "items", "--json").rows}
    assert items["www/a.txt"]["disposition"] == "catalogued"
    assert headwater("run", case, "--until", "media").status == 0  # nothing changed, so nothing is read
    assert headwater("verify", case).status == 0
    for path in sorted(case.rglob("*")):
        if path.is_file():
            assert PASSPHRASE not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("given", "says"),
    [("EX-1", "write EXHIBIT=FD"), ("EX-1=x", "write EXHIBIT=FD"), ("EX-1=999", "open it in the shell")],
)
def test_a_descriptor_that_will_not_do_is_one_clear_line(tmp_path, headwater, given: str, says: str):
    assert headwater("case", "create", tmp_path / "case", "--authority", "x", "--operator", "A. Examiner").status == 0
    done = headwater("run", tmp_path / "case", "--passphrase-fd", given)
    assert done.status == 2
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def test_an_empty_passphrase_is_refused(tmp_path, headwater, descriptor: Any):
    assert headwater("case", "create", tmp_path / "case", "--authority", "x", "--operator", "A. Examiner").status == 0
    done = headwater("run", tmp_path / "case", "--passphrase-fd", f"EX-1={descriptor(b'')}")
    assert done.status == 2
    assert "gives no passphrase" in done.err
