"""File systems other than ext: what the system's own programs put in comes out, and damage is named."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater.errors import ConfigError
from headwater_sealed.btrfs_extents import decompressed
from headwater_sealed.digests import digest_entries
from headwater_sealed.images import list_volumes, walk_image
from headwater_sealed.refusal import UnreadableError
from headwater_synth.made_volumes import installed, make_btrfs, make_fat, make_ntfs, make_xfs, sized

Rows = list[dict[str, Any]]


def rows(job: Callable[..., None], *images: Path, **parameters: Any) -> Rows:
    found: Rows = []
    with ExitStack() as stack:
        files = [stack.enter_context(image.open("rb")) for image in images]
        job(files, parameters, lambda batch: found.extend(batch.to_pylist()))
    return found


@pytest.fixture(scope="session")
def plain_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directories and files of every length that matters; names that every file system takes."""
    root = tmp_path_factory.mktemp("plain")
    (root / "var/www/deep/deeper").mkdir(parents=True)
    (root / "var.txt").write_bytes(b"sorts between var and var/")
    (root / "empty").touch()
    (root / "tiny").write_bytes(b"harmless")
    for size in (511, 512, 513, 4095, 4096, 4097, 65_536, 100_000):
        (root / f"sized-{size}").write_bytes(hashlib.shake_256(b"%d" % size).digest(size))
    (root / "zeros").write_bytes(bytes(300_000))
    (root / "repeated").write_bytes(b"a line that repeats\n" * 20_000)
    (root / "var/www/large.bin").write_bytes(hashlib.shake_256(b"large").digest(3 * 2**20 + 17))
    (root / "var/www/deep/deeper/leaf").write_bytes(b"leaf")
    (root / ("n" * 200)).write_bytes(b"a long name")
    (root / "Caf\u00e9-\u65e5\u672c.txt").write_bytes(b"a name beyond ASCII")
    for number in range(700):  # more than one block of a directory
        (root / "var" / f"entry-{number:04}-{'y' * 40}").write_bytes(b"%d" % number)
    return root


def _expected(tree: Path) -> dict[bytes, str | None]:
    return {
        os.fsencode(name.relative_to(tree)): hashlib.sha256(name.read_bytes()).hexdigest() if name.is_file() else None
        for name in tree.rglob("*")
    }


MEBIBYTE = 2**20
MAKERS: dict[str, Callable[[Path, Path], Path]] = {
    "xfs": make_xfs,
    "xfs-v4": lambda tree, path: make_xfs(tree, path, "-m", "crc=0"),
    "xfs-1k": lambda tree, path: make_xfs(tree, path, "-b", "size=1024"),
    "xfs-64k-dir": lambda tree, path: make_xfs(tree, path, "-n", "size=65536"),
    "btrfs": make_btrfs,
    "btrfs-single": lambda tree, path: make_btrfs(tree, path, "-m", "single", "-n", "4096"),
    "btrfs-sha256": lambda tree, path: make_btrfs(tree, path, "--csum", "sha256"),
    "fat12": lambda tree, path: make_fat(tree, path, 12, 15 * MEBIBYTE, "-s", "8"),
    "fat16": lambda tree, path: make_fat(tree, path, 16, 48 * MEBIBYTE),
    "fat32": lambda tree, path: make_fat(tree, path, 32, 80 * MEBIBYTE, "-s", "1"),
    "ntfs": make_ntfs,
    "ntfs-compressed": lambda tree, path: make_ntfs(tree, path, compressed=True),
    "ntfs-512": lambda tree, path: make_ntfs(tree, path, "-c", "512"),
    "ntfs-64k": lambda tree, path: make_ntfs(tree, path, "-c", "65536"),
}


def made(kind: str, tree: Path, path: Path) -> Path:
    try:
        return MAKERS[kind](tree, path)
    except ConfigError as error:
        pytest.skip(str(error))


def out_of(path: Path) -> tuple[dict[bytes, str | None], list[str]]:
    """Paths with digests, and every reason on the way."""
    walked = [row for row in rows(walk_image, path, volume_index=0) if not row["path"].startswith(b"$Extend")]
    entries = [{"path_hex": row["path"].hex(), "inode": row["inode"]} for row in walked if row["entry_type"] == "file"]
    digested = iter(rows(digest_entries, path, volume_index=0, entries=entries))
    found: dict[bytes, str | None] = {}
    reasons = [row["reason"] for row in walked if row["reason"]]
    for row in walked:
        found[row["path"]] = None
        if row["entry_type"] == "file":
            digest = next(digested)
            found[row["path"]] = digest["sha256"]
            assert digest["reason"] or digest["read_bytes"] == row["size_bytes"]
            reasons += [digest["reason"]] if digest["reason"] else []
    return found, reasons


@pytest.mark.parametrize("kind", list(MAKERS))
def test_every_file_of_the_folder_comes_out_of_the_image(plain_tree: Path, tmp_path: Path, kind: str) -> None:
    path = made(kind, plain_tree, tmp_path / "image")
    [volume] = rows(list_volumes, path)
    assert (volume["filesystem"], volume["status"]) == (kind.split("-", maxsplit=1)[0].rstrip("0123456789"), "readable")
    found, reasons = out_of(path)
    assert reasons == []
    assert found == _expected(plain_tree)


def test_altered_content_of_btrfs_is_refused(plain_tree: Path, tmp_path: Path) -> None:
    path = made("btrfs", plain_tree, tmp_path / "image")
    large = next(row for row in rows(walk_image, path, volume_index=0) if row["path"] == b"var/www/large.bin")
    with path.open("r+b") as file:
        file.seek(large["offset_bytes"] + 1_000_000)
        value = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([value[0] ^ 1]))
    found, reasons = out_of(path)
    assert found[b"var/www/large.bin"] is None
    assert [reason for reason in reasons if "fails its checksum" in reason] == reasons != []


@pytest.mark.parametrize("size", [10, 4000, 131_072])
def test_a_compressed_extent_ends_where_its_frame_does(size: int) -> None:
    content = (b"a line that repeats, %d times\n" % size * 6000)[:size]
    for codec, kind in (("zstd", 3), ("zlib", 1)):
        packed = zlib.compress(content) if codec == "zlib" else pa.compress(content, codec=codec, asbytes=True)
        assert decompressed(kind, packed.ljust(len(packed) // 4096 * 4096 + 4096, b"\0"), size) == content


def test_exfat_is_opened_and_an_empty_one_says_so(tmp_path: Path) -> None:
    path = sized(tmp_path / "image", 8 * MEBIBYTE)
    try:
        make = installed("mkfs.exfat", "exfatprogs")
    except ConfigError as error:
        pytest.skip(str(error))
    subprocess.run([make, path], check=True, capture_output=True)
    [volume] = rows(list_volumes, path)
    assert (volume["filesystem"], volume["status"]) == ("exfat", "readable")
    assert volume["reason"] == "its root directory is empty"
    with path.open("r+b") as file:
        file.seek(72)
        file.write(b"\xff")
    [volume] = rows(list_volumes, path)
    assert (volume["status"], volume["reason"]) == ("refused", "exFAT: the boot region fails its checksum")


@pytest.mark.parametrize("kind", ["xfs", "btrfs-single", "fat16", "fat12", "ntfs"])
def test_damage_has_reasons_and_never_other_bytes(tmp_path: Path, kind: str) -> None:
    """Structures of XFS carry checksums: whatever is read without a reason is what was put in."""
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    for number in range(12):
        (tree / "a/b" / f"name-{number}").write_bytes(b"z" * number * 700)
    path = made(kind, tree, tmp_path / "image")
    expected = _expected(tree)
    content = path.read_bytes()[: 4 * 2**20]
    used = [at for at in range(0, len(content), 7) if content[at] and content[at] != ord("z")]
    if kind == "xfs":  # most of the rest is the log and the trees of free space, which reading does not need
        heads = (b"IN\x81", b"IN\x41", b"XD")
        used = [at for at in used if at < 512 or content[at // 512 * 512 : at // 512 * 512 + 3].startswith(heads)]
    chance = random.Random(7)
    seen = 0
    for _ in range(60):
        at = chance.choice(used)
        with path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([content[at] ^ 1 << chance.randrange(8)]))
        try:
            found, reasons = out_of(path)
        except UnreadableError:
            seen += 1
        else:
            seen += bool(reasons)
            if kind == "xfs" and not reasons:
                assert found == expected
        with path.open("r+b") as file:
            file.seek(at)
            file.write(content[at : at + 1])
    assert seen or kind == "btrfs-single"  # most of its trees are not needed for reading
    assert out_of(path)[0] == expected


def test_a_directory_of_many_files_is_listed_in_order_and_its_objects_are_found_by_number(tmp_path: Path) -> None:
    tree = tmp_path / "tree/uploads"
    tree.mkdir(parents=True)
    for number in range(20_000):
        (tree / f"{number * 2654435761 % 2**32:08x}.bin").touch()
    path = made("xfs", tmp_path / "tree", tmp_path / "image")
    walked = rows(walk_image, path, volume_index=0)
    paths = [row["path"] for row in walked]
    assert len(paths) == 20_001
    assert paths == sorted(set(paths))
    assert not [row for row in walked if row["reason"]]
    entries = [{"path_hex": row["path"].hex(), "inode": row["inode"]} for row in walked[1:3]]
    assert [row["read_bytes"] for row in rows(digest_entries, path, volume_index=0, entries=entries)] == [0, 0]
