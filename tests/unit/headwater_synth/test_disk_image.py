"""The disk image: a file system that the checker calls sound, and the same bytes wherever and whenever it is made."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from headwater.errors import ConfigError
from headwater_synth import disk_image
from headwater_synth.ext4_patch import patch_image

pytestmark = pytest.mark.skipif(
    shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin") is None,
    reason="mke2fs is not installed (apt-get install e2fsprogs)",
)


def _made(folder: Path, *, seed: int = 7, backwards: bool = False) -> Path:
    root = folder / "root"
    names = [f"srv/media/{number:02x}/{number:04d}.bin" for number in range(40)]
    for name in reversed(names) if backwards else names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode() * 999)
    disk_image.stage_server_tree(root, seed=seed)
    size = disk_image.write_disk_image(folder / "server.img", root, seed=seed, modified_at_s={names[3]: 1_780_000_000})
    assert size == (folder / "server.img").stat().st_size
    return folder / "server.img"


def _tool(*command: str | Path) -> str:
    program = shutil.which(str(command[0]), path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([program, *command[1:]], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode(errors="backslashreplace")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return _made(tmp_path_factory.mktemp("image"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_checker_finds_nothing(image):
    before = _digest(image)
    _tool("e2fsck", "-f", "-n", image)
    assert _digest(image) == before


def test_two_builds_are_equal_whatever_the_mask_the_zone_and_the_order_of_creation(image, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("MKE2FS_CONFIG", "/nonexistent/mke2fs.conf")
    mask = os.umask(0o077)
    try:
        again = _made(tmp_path, backwards=True)
    finally:
        os.umask(mask)
    assert _digest(again) == _digest(image)


def test_another_seed_is_another_file_system(image, tmp_path):
    assert _digest(_made(tmp_path, seed=8)) != _digest(image)


def test_everything_is_there_and_belongs_to_root(image):
    listing = _tool("debugfs", "-R", "ls -p /srv/www/gantry/cache", image)
    assert "caf\\xe9-\\xff.txt" in listing
    assert f"/{'x' * 200}-" in listing
    assert "/.keep/0/" in listing
    assert 'Fast link dest: "gantry"' in _tool("debugfs", "-R", "stat /srv/www/current", image)
    told = _tool("debugfs", "-R", "stat /srv/media/03/0003.bin", image)
    assert "User:     0   Group:     0" in told
    for name in ("ctime", "atime", "mtime", "crtime"):
        assert f"{name}: 0x{1_780_000_000:08x}:00000000" in told
    assert _tool("debugfs", "-R", "cat /srv/media/03/0003.bin", image) == "srv/media/03/0003.bin" * 999


def test_the_copies_of_the_super_block_are_patched_too(image):
    head = _tool("dumpe2fs", "-h", image)
    assert "Last write time:          Thu Oct  1" in head
    assert "metadata_csum" not in head
    assert "Filesystem volume name:   srv-03" in head


def test_without_mke2fs_there_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ConfigError, match="mke2fs is not installed") as refused:
        disk_image.mke2fs_program()
    assert "\n" not in str(refused.value)


def test_a_failure_of_mke2fs_is_one_clear_line(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(ConfigError, match="mke2fs failed") as refused:
        disk_image.write_disk_image(tmp_path / "nowhere" / "server.img", root, seed=1, modified_at_s={})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("damage", ["magic", "checksums"])
def test_what_is_no_image_of_ours_is_not_patched(image, tmp_path, damage):
    copy = tmp_path / "copy.img"
    content = bytearray(image.read_bytes())
    if damage == "magic":
        content[1024 + 0x38] ^= 0xFF
    else:
        content[1024 + 0x65] |= 0x04  # metadata_csum
    copy.write_bytes(content)
    with pytest.raises(ConfigError):
        patch_image(copy, created_at_s=1, used_at_s=2)
    assert copy.read_bytes() == content
