"""The disk of a web server: an ext4 image that `mke2fs -d` makes from a folder, without root, always the same bytes."""

from __future__ import annotations

import os
import stat
import subprocess
import uuid
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import yaml

from headwater.errors import ConfigError
from headwater_synth.ext4_patch import patch_image
from headwater_synth.made_volumes import installed
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.seeds import seed_digest, stream
from headwater_synth.words import words

__all__ = ["mke2fs_program", "stage_server_tree", "write_disk_image"]

_BLOCK_BYTES = 4_096
_JOURNAL_BLOCKS = 1_024
_SPARE_BLOCKS = 1_600  # tables of the file system, and room as every disk has
_INSTALLED_AT_S = 1_708_992_000  # 2024-02-27T00:00:00Z
_FEATURES = (
    "none,has_journal,ext_attr,dir_index,filetype,extent,flex_bg,"  # no checksums of metadata: see ext4_patch
    "sparse_super,large_file,huge_file,dir_nlink,extra_isize"
)


def mke2fs_program() -> str:
    """The path of mke2fs.

    Raises:
        ConfigError: It is not installed.
    """
    return installed("mke2fs", "e2fsprogs")


def _texts(seed: int) -> dict[str, bytes]:
    """Ordinary files of a web server, by path."""
    stored = resources.files("headwater_synth").joinpath("data", "server_tree.yaml").read_text(encoding="utf-8")
    texts: dict[str, str] = yaml.safe_load(stored)
    rng = stream(seed, "server-tree")
    lines = [" ".join(rng.choices(words().nouns, k=9)) for _ in range(40)]
    days = enumerate(lines[1:31], start=1)
    texts["var/log/gantry/worker.log"] = "".join(f"2026-09-{day:02d} 04:00:00 done {line}\n" for day, line in days)
    texts["srv/www/gantry/CHANGES"] = texts["home/ops/notes.txt"] = "\n".join(lines) + "\n"
    texts[f"srv/www/gantry/cache/{'x' * 200}-{'long-name' * 5}.tmp"] = "kept\n"
    return {path: text.encode() for path, text in texts.items()}


def stage_server_tree(root: Path, *, seed: int) -> None:
    """Write the ordinary files of a web server under a folder, with the oddities that disks have.

    Args:
        root: The folder; files that are there already stay.
        seed: Seed of the whole seizure.
    """
    for path, content in sorted(_texts(seed).items()):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for empty in ("srv/www/gantry/tmp", "var/backups", "var/log/nginx", "srv/media", "tmp"):
        (root / empty).mkdir(parents=True, exist_ok=True)
    odd = os.fsencode(root / "srv/www/gantry/cache") + b"/caf\xe9-\xff.txt"  # a name that is not UTF-8
    with open(odd, "wb") as file:  # noqa: PTH123 -- the name is bytes
        file.write(b"an old name\n")
    links = {"etc/nginx/sites-enabled": ("gantry", "../sites-available/gantry"), "srv/www": ("current", "gantry")}
    for folder, (name, points_to) in links.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        if not (root / folder / name).is_symlink():
            (root / folder / name).symlink_to(points_to)


def _image_uuid(seed: int) -> uuid.UUID:
    return uuid.UUID(bytes=seed_digest(seed, "disk")[:16], version=4)


def _settle(root: Path, modified_at_s: Mapping[str, int]) -> tuple[int, int]:
    """Blocks and entries of a folder, after giving everything in it fixed modes and times."""
    blocks, entries = 0, 0
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top, topdown=False):
        for name in sorted(folders) + sorted(files):
            path = os.path.join(folder, name)  # noqa: PTH118 -- names are bytes
            state = os.lstat(path)
            relative = os.fsdecode(os.path.relpath(path, top))
            at_s = modified_at_s.get(relative, _INSTALLED_AT_S)
            if not stat.S_ISLNK(state.st_mode):
                os.chmod(path, 0o755 if stat.S_ISDIR(state.st_mode) else 0o644)  # noqa: PTH101 -- names are bytes
            os.utime(path, (at_s, at_s), follow_symlinks=False)
            blocks += 1 + -(-state.st_size // _BLOCK_BYTES) if stat.S_ISREG(state.st_mode) else 1
            entries += 1
    root.chmod(0o755)
    os.utime(root, (_INSTALLED_AT_S, _INSTALLED_AT_S))
    return blocks, entries


def write_disk_image(image: Path, root: Path, *, seed: int, modified_at_s: Mapping[str, int]) -> int:
    """The size of the image in bytes, after making it from a folder.

    Args:
        image: The file; replaced if present.
        root: The folder. Its files get fixed modes and times.
        seed: Seed of the whole seizure.
        modified_at_s: Modification times of files that have one of their own, by path below the folder.

    Raises:
        ConfigError: mke2fs is missing or failed.
    """
    program = mke2fs_program()
    blocks, entries = _settle(root, modified_at_s)
    total = blocks + blocks // 20 + entries // 8 + _JOURNAL_BLOCKS + _SPARE_BLOCKS
    total = -(-total // 256) * 256
    identity = _image_uuid(seed)
    image.unlink(missing_ok=True)
    command = [program, "-q", "-F", "-t", "ext4", "-O", _FEATURES, "-b", str(_BLOCK_BYTES), "-I", "256", "-m", "1"]
    command += ["-N", str(entries + 64), "-J", f"size={_JOURNAL_BLOCKS * _BLOCK_BYTES >> 20}"]
    command += ["-U", str(identity), "-L", "srv-03"]
    hash_seed = uuid.uuid5(identity, "directories")
    command += ["-E", f"root_owner=0:0,hash_seed={hash_seed},lazy_itable_init=0,lazy_journal_init=0,nodiscard"]
    command += ["-d", str(root), str(image), str(total)]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LC_ALL": "C",  # mke2fs sorts names
        "TZ": "UTC",
        "MKE2FS_CONFIG": os.devnull,  # the machine's own defaults must not matter
        "E2FSPROGS_FAKE_TIME": str(_INSTALLED_AT_S),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed program with our own paths
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())
        raise ConfigError(f"{image}: mke2fs failed: {reason}")
    patch_image(image, created_at_s=_INSTALLED_AT_S, used_at_s=SEIZED_AT_S)
    return image.stat().st_size
