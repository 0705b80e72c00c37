"""The readers inside the seal: without a file system, without imports, over descriptors only."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headwater.evidence.sealed import SealedPool, SealedWorkerError, sandbox_report
from headwater_sealed.pdq import pdq_by_recurrence

pytestmark = pytest.mark.skipif(not sandbox_report().sealed, reason="this kernel lacks a part of the sandbox")

LINE = b'203.0.113.9 - - [01/Feb/2026:03:04:05 +0200] "GET /a HTTP/1.1" 200 512 "-" "Browser/1.0"\n'
DUMP = rb"""CREATE TABLE `t` (`a` int, `b` varchar(9));
INSERT INTO `t` VALUES (1,'it\'s'),(2,_binary '\0'),(3,oops());
-- Dump completed
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[SealedPool]:
    with SealedPool(workers=1) as started:
        yield started


def told(pool: SealedPool, job: str, *files: Path, **parameters: Any) -> list[dict[str, Any]]:
    return [row for batch in pool.stream(job, files, parameters) for row in batch.to_pylist()]


@pytest.mark.parametrize("names", [("ext2.qcow2",), ("ext2.E01",), ("ext2.split.E01", "ext2.split.E02")])
def test_images_are_read(pool: SealedPool, reference_data: Path, names: tuple[str, ...]) -> None:
    image = [reference_data / "disk" / name for name in names]
    assert told(pool, "describe_image", *image)[0]["medium_bytes"] == 4_194_304
    assert told(pool, "list_volumes", *image)[0]["status"] == "readable"
    entries = [{"path_hex": row["path"].hex()} for row in told(pool, "walk_image", *image, volume_index=0)]
    digests = [row["sha256"] for row in told(pool, "digest_entries", *image, volume_index=0, entries=entries)]
    assert digests[-1] == "02a2a6af2f1ecf4720d7d49d640f0d0a269a7ec733e41973bdd34f09dad0e252"


def test_what_is_not_read_is_refused(pool: SealedPool, reference_data: Path) -> None:
    assert told(pool, "list_volumes", reference_data / "disk/apfs.raw")[0]["reason"] == "APFS is not read"
    with pytest.raises(SealedWorkerError, match="APFS is not read"):
        told(pool, "walk_image", reference_data / "disk/apfs.raw", volume_index=0)


def test_every_container_that_does_not_open_says_why_and_not_that_an_import_failed(
    pool: SealedPool, tmp_path: Path
) -> None:
    for magic in (b"QFI\xfb\0\0\0\x03", b"KDMV", b"COWD", b"vhdxfile", b"conectix", bytes(64) + b"\x7f\x10\xda\xbe"):
        image = tmp_path / "image"
        image.write_bytes(magic.ljust(100_000, b"\0") + magic[:8].ljust(512, b"\0"))
        [row] = told(pool, "list_volumes", image)
        assert row["status"] == "refused"
        assert "import" not in row["reason"].lower()
        assert "Permission" not in row["reason"]


def test_partition_tables_are_read(pool: SealedPool, tmp_path: Path) -> None:
    mke2fs = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if mke2fs is None:
        pytest.skip("mke2fs is not installed (package e2fsprogs)")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"harmless")
    image = tmp_path / "image"
    table = bytes(450) + b"\x83" + bytes(3) + (8).to_bytes(4, "little") + (2048).to_bytes(4, "little")
    image.write_bytes(table.ljust(510, b"\0") + b"\x55\xaa" + bytes(8 * 512 - 512 + 2**20))
    options = ["-q", "-F", "-t", "ext4", "-E", "offset=4096", "-d", str(tmp_path / "tree"), str(image), "1024k"]
    subprocess.run([mke2fs, *options], check=True, capture_output=True)
    assert [row["offset_bytes"] for row in told(pool, "list_volumes", image)] == [4096]
    walked = told(pool, "walk_image", image, volume_index=0)
    assert [row["path"] for row in walked] == [b"file", b"lost+found"]


@pytest.mark.parametrize("kind", ["xfs", "btrfs", "vfat"])
def test_file_systems_are_read(pool: SealedPool, tmp_path: Path, kind: str) -> None:
    make = shutil.which(f"mkfs.{kind}", path="/usr/sbin:/sbin")
    if make is None:
        pytest.skip(f"mkfs.{kind} is not installed (packages xfsprogs, btrfs-progs, dosfstools)")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(320 * 2**20)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"harmless")
    (tmp_path / "proto").write_text(f"boot\n0 0\nd--755 0 0\nfile ---644 0 0 {tmp_path}/tree/file\n$\n")
    options = {"xfs": ["-p", tmp_path / "proto"], "btrfs": ["--rootdir", tmp_path / "tree"], "vfat": []}
    subprocess.run([make, *options[kind], image], check=True, capture_output=True)
    assert told(pool, "list_volumes", image)[0]["status"] == "readable"
    walked = told(pool, "walk_image", image, volume_index=0)
    assert [row["path"] for row in walked] == ([] if kind == "vfat" else [b"file"])
    entries = [{"path_hex": row["path"].hex(), "inode": row["inode"]} for row in walked]
    digested = told(pool, "digest_entries", image, volume_index=0, entries=entries) if entries else []
    assert [row["head"] for row in digested] == [b"harmless"] * len(entries)


@pytest.mark.parametrize("options", [["luks1"], ["luks2", "--pbkdf-memory", "1024"]])
def test_an_enciphered_volume_is_opened_with_a_file_that_holds_its_passphrase(
    pool: SealedPool, tmp_path: Path, options: list[str]
) -> None:
    cryptsetup = shutil.which("cryptsetup", path="/usr/sbin:/sbin")
    if cryptsetup is None:
        pytest.skip("cryptsetup is not installed (package cryptsetup-bin)")
    image, secret = tmp_path / "image", tmp_path / "secret"
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    secret.write_bytes(b"an invented passphrase")
    words = ["--batch-mode", "--pbkdf-force-iterations", "1000" if options == ["luks1"] else "4", "--type", *options]
    command = [cryptsetup, "luksFormat", *words, "--key-file", secret, image]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("cryptsetup cannot make an image here")
    [volume] = told(pool, "list_volumes", image, secret, secret_file_index=1)
    assert (volume["filesystem"], volume["status"]) == ("unknown", "refused")  # opened, and nothing is in it
    assert "opened with the passphrase" in volume["reason"]
    assert "LUKS is encrypted" in told(pool, "list_volumes", image)[0]["reason"]


def test_dumps_are_read(pool: SealedPool, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(DUMP)
    records = told(pool, "parse_mysql_dump", dump)
    assert [r["values"] for r in records if r["record_kind"] == "row"] == [[b"1", b"it's"], [b"2", b"\0"]]
    assert sum(r["length_bytes"] for r in records if r["record_kind"] == "range") == len(DUMP)


def test_logs_are_read(pool: SealedPool, tmp_path: Path) -> None:
    for content in (LINE * 2, gzip.compress(LINE * 2)):
        log = tmp_path / "access.log"
        log.write_bytes(content)
        found = told(pool, "parse_access_log", log, entries=[{"file_index": 0}])
        assert [row["at_us"] for row in found] == [1_769_907_845_000_000] * 2


def test_wallets_are_opened(pool: SealedPool, tmp_path: Path) -> None:
    path = tmp_path / "wallet.dat"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE main(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)")
        made.execute("INSERT INTO main VALUES (?, ?)", (b"\x03key", b"kept"))
        made.commit()
    with pytest.raises(SealedWorkerError, match="holds no descriptor"):
        told(pool, "read_wallet", path)


def test_pictures_are_hashed_by_what_was_compiled_before_the_seal(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    # Noise has gradients on every step of the quality sum, so some of these go by the recurrence.
    pictures = [draw.integers(100, 110, (90 + number, 131)).astype(np.uint8) for number in range(12)]
    files = [tmp_path / f"{number}.png" for number in range(len(pictures))]
    for picture, file in zip(pictures, files, strict=True):
        Image.fromarray(picture).save(file)
    entries = [{"media_kind": "still", "tier": "keyframe", "file_index": index} for index in range(len(files))]
    with SealedPool(test_jobs=True) as pool:
        loops = told(pool, "misbehave", entries=[{"behaviour": "tell loops"}])
        rows = [row for row in told(pool, "hash_media", *files, entries=entries) if row["frame_index"] == 0]
    assert loops[0]["answer"] == "machine code"
    expected = [pdq_by_recurrence(picture) for picture in pictures]
    assert [(row["pdq"], row["quality"]) for row in rows] == [(one.bits, one.quality) for one in expected]
