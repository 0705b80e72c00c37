"""Disk images: the same files out of every container, and nothing read that cannot be trusted."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater_sealed.digests import digest_entries
from headwater_sealed.ewf import EwfMedium
from headwater_sealed.ext import ExtFilesystem
from headwater_sealed.images import describe_image, list_volumes, prepare, walk_image
from headwater_sealed.refusal import UnreadableError

Rows = list[dict[str, Any]]


def rows(job: Callable[..., None], *images: bytes | Path, **parameters: Any) -> Rows:
    found: Rows = []
    files = [io.BytesIO(image if isinstance(image, bytes) else image.read_bytes()) for image in images]
    job(files, parameters, lambda batch: found.extend(batch.to_pylist()))
    return found


def digests(*images: bytes | Path, volume_index: int = 0) -> dict[bytes, tuple[str, str | None, str | None]]:
    """For each path its type, SHA-256 and whatever reason there is."""
    walked = rows(walk_image, *images, volume_index=volume_index)
    entries = [{"path_hex": row["path"].hex()} for row in walked]
    digested = rows(digest_entries, *images, volume_index=volume_index, entries=entries)
    return {
        row["path"]: (row["entry_type"], digest["sha256"], row["reason"])
        for row, digest in zip(walked, digested, strict=True)
    }


@pytest.fixture(scope="session")
def mke2fs() -> str:
    found = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if found is None:
        pytest.skip("mke2fs is not installed (package e2fsprogs)")
    return found


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind that mke2fs can copy, each a trap for some reader."""
    root = tmp_path_factory.mktemp("tree")
    (root / "var/www").mkdir(parents=True)
    (root / "var.txt").write_bytes(b"sorts between var and var/")
    (root / "empty").touch()
    (root / "tiny").write_bytes(b"harmless")
    (root / "just-over").write_bytes(b"x" * 61)  # one byte more than an inode's block field
    (root / "inline-limit").write_bytes(bytes(range(150)))
    large = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(5 * 2**20 // 32))
    (root / "var/www/large.bin").write_bytes(large)
    (root / ("n" * 255)).write_bytes(b"the longest name")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9")).write_bytes(b"a name in Latin-1")
    (root / "link").symlink_to("var/www/large.bin")
    (root / "long-link").symlink_to("/" + "d" * 200)
    (root / "dangling").symlink_to("/etc/nothing-here")
    (root / "hard").write_bytes(b"two names")
    (root / "harder").hardlink_to(root / "hard")
    os.mkfifo(root / "pipe")
    holes = {"hole-front": (9_000_000, 9_004_096), "hole-back": (0, 9_000_000), "hole-middle": (6_000_000, 12_000_000)}
    for name, (at, size) in holes.items():
        with (root / name).open("wb") as file:
            file.write(b"begin" if at and name != "hole-front" else b"")
            file.seek(at)
            file.write(b"A" * 4096)
            file.truncate(size)
    for number in range(300):  # enough for a hashed index
        (root / "var" / f"entry-{number:04}-{'y' * 40}").write_bytes(b"%d" % number)
    os.utime(root / "tiny", ns=(0, 1_600_000_000_000_000_000))
    os.utime(root / "empty", ns=(0, -86_400_000_000_000))
    return root


def _made(mke2fs: str, tree: Path, path: Path, *options: str) -> Path:
    with path.open("wb") as file:
        file.truncate(48 * 2**20)
    subprocess.run([mke2fs, "-q", "-F", *options, "-d", str(tree), str(path)], check=True, capture_output=True)
    return path


KINDS = {
    "ext4": ("-t", "ext4", "-b", "4096"),
    "ext4-1k": ("-t", "ext4", "-b", "1024"),
    "ext4-inline": ("-t", "ext4", "-O", "inline_data", "-I", "512"),
    "ext4-32bit": ("-t", "ext4", "-O", "^64bit,^metadata_csum"),
    "ext4-bigalloc": ("-t", "ext4", "-O", "bigalloc", "-C", "65536"),
    "ext3": ("-t", "ext3", "-b", "4096"),
    "ext2": ("-t", "ext2", "-b", "4096"),
    "ext2-1k": ("-t", "ext2", "-b", "1024"),
}


@pytest.fixture(scope="session")
def image(mke2fs: str, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made(mke2fs, tree, tmp_path_factory.mktemp("image") / "image", *KINDS["ext4"])


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_file_comes_out_as_it_went_in(mke2fs: str, tree: Path, tmp_path: Path, kind: str) -> None:
    path = _made(mke2fs, tree, tmp_path / "image", *KINDS[kind])
    found = digests(path)
    expected: dict[bytes, str | None] = {b"lost+found": None}
    for name in tree.rglob("*"):
        is_file = name.is_file() and not name.is_symlink()
        content = hashlib.sha256(name.read_bytes()).hexdigest() if is_file else None
        expected[os.fsencode(name.relative_to(tree))] = content
    if kind == "ext4-inline":
        # mke2fs itself loses the hole at the end of a file there; debugfs reads back what is read here.
        for path_bytes in (b"hole-back", b"hole-middle"):
            del found[path_bytes], expected[path_bytes]
    assert {path: digest for path, (_, digest, _) in found.items()} == expected
    assert not [reason for _, _, reason in found.values() if reason is not None]


def test_paths_are_in_the_order_of_their_bytes_and_nothing_is_listed_twice(image: Path) -> None:
    paths = [row["path"] for row in rows(walk_image, image, volume_index=0)]
    assert paths == sorted(set(paths))
    assert [p for p in paths if p.startswith(b"var") and b"entry" not in p] == [
        b"var", b"var.txt", b"var/www", b"var/www/large.bin",
    ]  # fmt: skip


def test_entries_carry_what_the_inode_says(image: Path, tree: Path) -> None:
    found = {row["path"]: row for row in rows(walk_image, image, volume_index=0)}
    assert found[b"tiny"]["modified_at_us"] == 1_600_000_000_000_000
    assert found[b"empty"]["modified_at_us"] == -86_400_000_000
    assert found[b"hard"]["inode"] == found[b"harder"]["inode"]
    assert found[b"hard"]["links"] == 2
    assert found[b"link"]["entry_type"] == "symlink"
    assert found[b"pipe"]["entry_type"] == "fifo"
    assert found[b"caf\xe9"]["size_bytes"] == 17
    offset = found[b"tiny"]["offset_bytes"]
    assert image.read_bytes()[offset : offset + 8] == b"harmless"
    assert found[b"empty"]["offset_bytes"] is None


def test_times_have_their_nanoseconds_and_reach_beyond_2038(image: Path) -> None:
    content = bytearray(image.read_bytes())
    inode = content.index(struct.pack("<I", 1_600_000_000)) - 16  # where mke2fs, which drops them, put the seconds
    content[inode + 136 : inode + 140] = struct.pack("<I", 123_456_789 << 2 | 1)
    found = {row["path"]: row for row in rows(walk_image, bytes(content), volume_index=0)}
    assert found[b"tiny"]["modified_at_us"] == (1_600_000_000 + 2**32) * 1_000_000 + 123_456


def test_digests_are_of_the_whole_content_read_once(image: Path, tree: Path) -> None:
    content = (tree / "var/www/large.bin").read_bytes()
    [row] = rows(digest_entries, image, volume_index=0, entries=[{"path_hex": b"var/www/large.bin".hex()}])
    assert row == {
        "entry_index": 0,
        "read_bytes": len(content),
        "md5": hashlib.md5(content).hexdigest(),
        "sha1": hashlib.sha1(content).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "head": content[:64],
        "content_format": "other",
        "reason": None,
    }


@pytest.mark.parametrize(
    ("path", "reason"),
    [(b"var", "directory"), (b"link", "symlink"), (b"pipe", "fifo"), (b"absent", "no such"), (b"tiny/x", "no such")],
)
def test_what_is_no_file_has_a_reason_and_no_digest(image: Path, path: bytes, reason: str) -> None:
    [row] = rows(digest_entries, image, volume_index=0, entries=[{"path_hex": path.hex()}])
    assert reason in row["reason"]
    assert row["sha256"] is None


def test_plain_files_are_digested_without_an_image() -> None:
    found = rows(digest_entries, b"one", b"two", entries=[{"file_index": 1}, {"file_index": 5}])
    assert found[0]["sha256"] == hashlib.sha256(b"two").hexdigest()
    assert found[1]["reason"] == "no file 5 was given"


REFERENCES = (("ext2.qcow2",), ("ext2.E01",), ("ext2.split.E01", "ext2.split.E02"))


def test_the_same_files_come_out_of_each_container(reference_data: Path) -> None:
    found = [digests(*(reference_data / "disk" / name for name in names)) for names in REFERENCES]
    assert found[0] == found[1] == found[2]
    assert found[0][b"passwords.txt"][1] == "02a2a6af2f1ecf4720d7d49d640f0d0a269a7ec733e41973bdd34f09dad0e252"
    assert len(found[0]) == 6


def test_stored_digests_are_verified(reference_data: Path) -> None:
    for names in REFERENCES[1:]:
        [row] = rows(describe_image, *(reference_data / "disk" / name for name in names))
        assert row["container_format"] == "e01"
        assert row["integrity"] == "verified"
        assert row["stored_md5"] == row["computed_md5"] == "196066add11fb71c4c49cf1bb50d6d24"
        assert row["medium_bytes"] == 4_194_304
    [row] = rows(describe_image, reference_data / "disk/ext2.qcow2")
    assert (row["container_format"], row["integrity"]) == ("qcow2", "not-stored")


def test_apfs_is_refused_by_name(reference_data: Path) -> None:
    [row] = rows(list_volumes, reference_data / "disk/apfs.raw")
    assert (row["filesystem"], row["status"], row["reason"]) == ("apfs", "refused", "APFS is not read")
    with pytest.raises(UnreadableError, match="APFS is not read"):
        rows(walk_image, reference_data / "disk/apfs.raw", volume_index=0)


def test_a_missing_segment_is_named(reference_data: Path) -> None:
    first, second = (reference_data / "disk" / name for name in REFERENCES[2])
    assert rows(describe_image, first)[0]["reason"] == "E01: segment 2 is missing"
    assert rows(list_volumes, first)[0]["status"] == "refused"
    assert "segment 2" in rows(describe_image, second, first)[0]["reason"]


# An E01 image made here: what an acquisition writes, so that it can be damaged with care.


def _section(kind: bytes, at: int, content: bytes, *, last: bool = False) -> bytes:
    size = 76 + len(content)
    head = struct.pack("<16sQQ40x", kind, at if last else at + size, size)
    return head + struct.pack("<I", zlib.adler32(head)) + content


def ewf(medium: bytes, *, stored: bytes | None = None, compressed: bool = True) -> bytes:
    sectors = 8
    chunks = [medium[at : at + sectors * 512] for at in range(0, len(medium), sectors * 512)]
    image = b"EVF\x09\x0d\x0a\xff\x00\x01" + struct.pack("<HH", 1, 0)
    volume = struct.pack("<4xIIIQ", len(chunks), sectors, 512, len(medium) // 512).ljust(1048, b"\0")
    image += _section(b"volume", len(image), volume + struct.pack("<I", zlib.adler32(volume)))
    base = len(image)
    stream, entries = b"", []
    for chunk in chunks:
        entries.append(76 + len(stream) | (0x80000000 if compressed else 0))
        stream += zlib.compress(chunk) if compressed else chunk + struct.pack("<I", zlib.adler32(chunk))
    image += _section(b"sectors", base, stream)
    head = struct.pack("<I4xQ4x", len(entries), base)
    listed = struct.pack(f"<{len(entries)}I", *entries)
    table = head + struct.pack("<I", zlib.adler32(head)) + listed + struct.pack("<I", zlib.adler32(listed))
    image += _section(b"table", len(image), table)
    digest = (stored or hashlib.md5(medium).digest()) + bytes(16)
    image += _section(b"hash", len(image), digest + struct.pack("<I", zlib.adler32(digest)))
    return image + _section(b"done", len(image), b"", last=True)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_tampered_chunk_is_found_and_never_served(image: Path, *, compressed: bool) -> None:
    medium = image.read_bytes()[: 8 * 2**20]
    sound = ewf(medium, compressed=compressed)
    assert rows(describe_image, sound)[0]["integrity"] == "verified"
    middle = len(sound) // 2 if not compressed else sound.index(zlib.compress(medium[:4096])) + 10
    tampered = bytearray(sound)
    tampered[middle] ^= 1
    [row] = rows(describe_image, bytes(tampered))
    assert row["integrity"] == "failed"
    assert row["reason"].startswith("1 of 2048 chunks cannot be trusted; first: chunk ")
    read = EwfMedium([io.BytesIO(bytes(tampered))])
    with pytest.raises(UnreadableError, match="chunk"):
        read.readall()


def test_bytes_altered_with_their_checksum_are_found_by_the_stored_digest() -> None:
    medium = bytes(range(256)) * 256
    altered = b"X" + medium[1:]
    [row] = rows(describe_image, ewf(altered, stored=hashlib.md5(medium).digest()))
    assert row["integrity"] == "failed"
    assert row["stored_md5"] == hashlib.md5(medium).hexdigest()
    assert row["computed_md5"] == hashlib.md5(altered).hexdigest()
    assert "stored MD5 is" in row["reason"]


def test_any_changed_byte_of_a_real_e01_is_found_or_changes_nothing(reference_data: Path) -> None:
    """Padding and descriptive text are not part of the medium; every other byte is."""
    sound = (reference_data / "disk/ext2.E01").read_bytes()
    medium = EwfMedium([io.BytesIO(sound)]).read()
    silent = 0
    for at in range(0, len(sound), 37):
        tampered = sound[:at] + bytes([sound[at] ^ 0x40]) + sound[at + 1 :]
        [row] = rows(describe_image, tampered)
        if row["integrity"] == "verified":
            silent += 1
            assert EwfMedium([io.BytesIO(tampered)]).readall() == medium
    assert silent < len(sound) / 37


@pytest.mark.parametrize("size", [0, 1, 12, 13, 500, 1300, 6000, 12000])
def test_a_cut_e01_is_refused(reference_data: Path, size: int) -> None:
    cut = (reference_data / "disk/ext2.E01").read_bytes()[:size]
    assert rows(list_volumes, cut)[0]["status"] == "refused"
    if size >= 8:
        assert rows(describe_image, cut)[0]["integrity"] == "failed"


@pytest.mark.parametrize(
    ("content", "filesystem", "reason"),
    [
        (b"AFF10\r\n\0", "aff", "AFF is not read"),
        (b"EVF2\r\n\x81\0", "ex01", "Ex01 is not read"),
        (b"LVF\x09\x0d\x0a\xff\x00", "l01", "L01"),
        (b"PK\x03\x04", "zip", "ZIP archive, perhaps AFF4"),
        (b"\x1f\x8b\x08", "gzip", "unpack it first"),
        (b"# Disk DescriptorFile", "vmdk", "names no extent"),
        (b"QFI\xfb\0\0\0\x01", "qcow1", "QCOW version 1"),
        (b"QFI\xfb\0\0\0\x03", "qcow2", "qcow2 image"),
        (b"KDMV", "vmdk", "VMDK: the"),
        (b"vhdxfile", "vhdx", "vhdx image"),
        (b"LUKS\xba\xbe", "luks", "encrypted"),
        (b"XFSB", "xfs", "XFS"),
        (b"\0" * 512 + b"LABELONE", "lvm", "LVM"),
        (b"\0" * 4086 + b"SWAPSPACE2", "swap", "swap space"),
        (b"\0" * 0x10040 + b"_BHRfS_M", "btrfs", ""),
        (b"", "unknown", "no partition table and no file system"),
    ],
)
def test_what_is_not_read_is_refused_by_name(content: bytes, filesystem: str, reason: str) -> None:
    for image in (content.ljust(200_000, b"\0"), content):
        [row] = rows(list_volumes, image)
        assert row["status"] == "refused"
        assert row["filesystem"] == filesystem
        assert reason in row["reason"]


def test_random_bytes_hold_no_volume() -> None:
    [row] = rows(list_volumes, hashlib.shake_256(b"noise").digest(300_000))
    assert (row["filesystem"], row["status"]) == ("unknown", "refused")


def _partitioned(content: bytes, *, gpt: bool) -> bytes:
    """A medium with one partition that ends on its very last sector."""
    first = 2048
    sectors = len(content) // 512
    kind = 0xEE if gpt else 0x83
    start, length = (1, 2**32 - 1) if gpt else (first, sectors)
    mbr = bytes(446) + struct.pack("<BBHBBHII", 0, 0, 0, kind, 0, 0, start, length) + bytes(48) + b"\x55\xaa"
    if not gpt:
        return mbr.ljust(first * 512, b"\0") + content
    header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 65536, 92, 0, 0, 1, 0, 34, 0, bytes(16), 2, 1, 128, 0)
    linux = bytes.fromhex("af3dc60f838472478e793d69d8477de4")
    entry = struct.pack("<16s16sQQQ72s", linux, b"\1" * 16, first, first + sectors - 1, 0, "data".encode("utf-16-le"))
    return (mbr + header.ljust(512, b"\0") + entry).ljust(first * 512, b"\0") + content


@pytest.mark.parametrize("gpt", [True, False])
def test_a_partition_is_found_with_its_last_sector(image: Path, *, gpt: bool) -> None:
    content = image.read_bytes()
    medium = _partitioned(content, gpt=gpt)
    [row] = rows(list_volumes, medium)
    assert (row["offset_bytes"], row["size_bytes"], row["filesystem"]) == (2048 * 512, len(content), "ext")
    assert (row["status"], row["reason"]) == ("readable", None)
    [tiny] = [row for row in rows(walk_image, medium, volume_index=0) if row["path"] == b"tiny"]
    assert medium[tiny["offset_bytes"] :][:8] == b"harmless"


def test_segments_of_a_raw_image_are_one_medium(image: Path) -> None:
    content = image.read_bytes()
    parts = (content[:1_000_001], content[1_000_001:20_000_000], content[20_000_000:])
    assert digests(*parts) == digests(image)


def test_a_fixed_vhd_is_read(image: Path) -> None:
    content = image.read_bytes()
    footer = struct.pack(">8sIIQI4sI4sQQIII", b"conectix", 2, 65536, 2**64 - 1, 0, b"hw  ", 0, b"Wi2k", len(content),
                         len(content), 0, 2, 0).ljust(512, b"\0")  # fmt: skip
    [row] = rows(describe_image, content + footer)
    assert (row["container_format"], row["medium_bytes"]) == ("vhd", len(content))
    assert digests(content + footer) == digests(image)


def test_a_cut_volume_says_so_and_its_lost_files_have_no_digests(image: Path, tree: Path) -> None:
    content = image.read_bytes()
    large = next(row for row in rows(walk_image, image, volume_index=0) if row["path"] == b"var/www/large.bin")
    cut = content[: large["offset_bytes"] + 100_000]
    [volume] = rows(list_volumes, cut)
    assert "the volume" in volume["reason"]
    [row] = rows(digest_entries, cut, volume_index=0, entries=[{"path_hex": b"var/www/large.bin".hex()}])
    assert row["sha256"] is None
    assert "ends before byte" in row["reason"]
    assert row["read_bytes"] <= 100_000


def test_unknown_features_of_ext_are_refused(image: Path) -> None:
    content = bytearray(image.read_bytes()[: 4 * 2**20])
    content[1024 + 96] |= 0x10
    assert rows(list_volumes, bytes(content))[0]["reason"].startswith("ext with meta block groups is not read")
    content[1024 + 96] &= ~0x10
    content[1024 + 99] |= 0x80
    assert "feature bits 0x80000000" in rows(list_volumes, bytes(content))[0]["reason"]


def test_no_damage_to_the_structures_raises_anything_but_a_reason(mke2fs: str, tmp_path: Path) -> None:
    small = tmp_path / "small"
    (small / "a/b").mkdir(parents=True)
    for number in range(20):
        (small / "a/b" / str(number)).write_bytes(b"z" * number * 700)
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(512 * 1024)
    subprocess.run(
        [mke2fs, "-q", "-F", "-t", "ext4", "-b", "1024", "-O", "^has_journal", "-d", str(small), str(path)], check=True
    )
    content = path.read_bytes()
    used = [at for at in range(1024, 200_000) if content[at]]
    for number, at in enumerate(used[:: max(1, len(used) // 400)]):
        damaged = content[:at] + bytes([content[at] ^ (1 << number % 8)]) + content[at + 1 :]
        [volume] = rows(list_volumes, damaged)
        if volume["status"] == "readable":
            digests(damaged)


def test_directories_that_name_each_other_are_listed_once(mke2fs: str, tmp_path: Path) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    (tmp_path / "tree/inner/file").write_bytes(b"harmless")
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(512 * 1024)
    options = ("-q", "-F", "-t", "ext2", "-b", "1024", "-d", str(tmp_path / "tree"), str(path))
    subprocess.run([mke2fs, *options], check=True)
    content = bytearray(path.read_bytes())
    inner = next(row["inode"] for row in rows(walk_image, path, volume_index=0) if row["path"] == b"inner")
    at = content.index(struct.pack("<BB", 4, 1) + b"file") - 6
    content[at : at + 4] = struct.pack("<I", inner)
    walked = {row["path"]: row for row in rows(walk_image, bytes(content), volume_index=0)}
    assert "listed under another name" in walked[b"inner/file"]["reason"]
    assert not [name for name in walked if name.startswith(b"inner/file/")]


def test_a_damaged_directory_keeps_its_other_blocks_and_says_what_is_missing(image: Path) -> None:
    content = bytearray(image.read_bytes())
    before = {row["path"] for row in rows(walk_image, image, volume_index=0)}
    at = content.index(b"entry-0042-") - 4
    content[at : at + 2] = b"\x03\x00"  # a length that no entry has
    walked = {row["path"]: row for row in rows(walk_image, bytes(content), volume_index=0)}
    assert "damaged; names behind it are not listed" in walked[b"var"]["reason"]
    lost = before - set(walked)
    assert lost
    assert len(lost) < 100


def test_prepare_loads_everything_without_evidence() -> None:
    prepare()


def test_ext_reads_only_ext() -> None:
    with pytest.raises(UnreadableError, match="no super block"):
        ExtFilesystem(io.BytesIO(bytes(10_000)), 10_000)
