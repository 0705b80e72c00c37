"""Every byte of a medium is told by what holds it, and the system's own programs say the same of what is free."""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import ConfigError
from headwater_sealed.ewf import EwfMedium
from headwater_sealed.images import walk_image
from headwater_sealed.ranges import bit_ranges, ranges_of, tiles
from headwater_sealed.tiling import RANGE_KINDS, tile_medium
from headwater_synth.made_volumes import installed, make_btrfs, make_fat, make_ntfs, make_xfs

MEBIBYTE = 2**20
Rows = list[dict[str, Any]]


def rows(job: Callable[..., None], *images: Path, **parameters: Any) -> Rows:
    found: Rows = []
    with ExitStack() as stack:
        files = [stack.enter_context(image.open("rb")) for image in images]
        job(files, parameters, lambda batch: found.extend(batch.to_pylist()))
    return found


def tiled(image: Path, size_bytes: int, **parameters: Any) -> tuple[Rows, Counter[str]]:
    """The ranges, which lie side by side from the first byte to the last, and their sums."""
    found = rows(tile_medium, image, **parameters)
    reached = 0
    for row in found:
        assert row["start_bytes"] == reached
        assert row["range_bytes"] > 0
        assert row["range_kind"] in RANGE_KINDS
        reached += row["range_bytes"]
    assert reached == size_bytes
    sums: Counter[str] = Counter()
    for row in found:
        sums[row["range_kind"]] += row["range_bytes"]
    return found, sums


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    (root / "sub").mkdir()
    for number in range(200):
        (root / "sub" / f"{number:03}").write_bytes(hashlib.shake_256(b"%d" % number).digest(number * 97))
    (root / "large").write_bytes(hashlib.shake_256(b"large").digest(900_000))
    return root


def make_ext(tree: Path, path: Path, *options: str) -> Path:
    words = [installed("mke2fs", "e2fsprogs"), "-q", "-F", "-d", tree, *options, path, "64M"]
    subprocess.run(words, check=True, capture_output=True)
    return path


def said(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def free_of_ext(image: Path) -> int:
    told = said(installed("dumpe2fs", "e2fsprogs"), image)
    size = int(re.search(r"Block size: +(\d+)", told).group(1))  # type: ignore[union-attr]  # the program says it
    return size * int(re.search(r"Free blocks: +(\d+)", told).group(1))  # type: ignore[union-attr]  # the program says it


def free_of_xfs(image: Path) -> int:
    # Without the blocks that are kept for the trees, which `freesp` would count.
    words = [word for number in range(4) for word in ("-c", f"agf {number}", "-c", "p freeblks")]
    told = said(installed("xfs_db", "xfsprogs"), "-r", *words, "-c", "sb 0", "-c", "p agcount blocksize", image)
    free, size = re.findall(r"freeblks = (\d+)", told), re.search(r"agcount = 4\s+blocksize = (\d+)", told)
    assert size is not None
    return sum(map(int, free)) * int(size.group(1))


def free_of_ntfs(image: Path) -> int:
    told = said(installed("ntfsinfo", "ntfs-3g"), "-m", image)
    share = re.search(r"Free Clusters: (\d+)", told)
    size = re.search(r"Cluster Size: (\d+)", told)
    assert share is not None
    assert size is not None
    return int(share.group(1)) * int(size.group(1))


def free_of_fat(image: Path) -> int:
    told = said(installed("fsck.fat", "dosfstools"), "-n", "-v", image)
    used, count = re.search(r"(\d+)/(\d+) clusters", told).groups()  # type: ignore[union-attr]  # the program says it
    size = re.search(r"(\d+) bytes per cluster", told)
    assert size is not None
    return (int(count) - int(used)) * int(size.group(1))


KINDS: dict[str, tuple[Callable[[Path, Path], Path], Callable[[Path], int] | None]] = {
    "ext4": (lambda tree, path: make_ext(tree, path, "-t", "ext4"), free_of_ext),
    "ext4-bigalloc": (lambda tree, path: make_ext(tree, path, "-t", "ext4", "-O", "bigalloc"), free_of_ext),
    "ext4-without-checksums": (lambda tree, path: make_ext(tree, path, "-O", "^metadata_csum,extent"), free_of_ext),
    "ext2-1k": (lambda tree, path: make_ext(tree, path, "-t", "ext2", "-b", "1024"), free_of_ext),
    "xfs": (make_xfs, free_of_xfs),
    "xfs-v4": (lambda tree, path: make_xfs(tree, path, "-m", "crc=0"), free_of_xfs),
    "btrfs": (make_btrfs, None),
    "fat12": (lambda tree, path: make_fat(tree, path, 12, 15 * MEBIBYTE, "-s", "8"), free_of_fat),
    "fat16": (lambda tree, path: make_fat(tree, path, 16, 48 * MEBIBYTE), free_of_fat),
    "fat32": (lambda tree, path: make_fat(tree, path, 32, 80 * MEBIBYTE, "-s", "1"), free_of_fat),
    "ntfs": (make_ntfs, free_of_ntfs),
    "ntfs-compressed": (lambda tree, path: make_ntfs(tree, path, compressed=True), free_of_ntfs),
}


def made(kind: str, tree: Path, path: Path) -> Path:
    try:
        return KINDS[kind][0](tree, path)
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_is_told_and_what_is_free_is_what_the_file_system_says(
    tree: Path, tmp_path: Path, kind: str
) -> None:
    image = made(kind, tree, tmp_path / "image")
    size_bytes = image.stat().st_size
    found, sums = tiled(image, size_bytes)
    assert sums["unreadable"] == sums["refused"] == 0
    # What is kept in a record or in a tree takes no room of its own.
    inside = 4096 if kind.startswith(("ntfs", "btrfs")) else 0
    whole = [path.stat().st_size for path in tree.rglob("*") if path.is_file()]
    assert sum(size for size in whole if size > inside) <= sums["content"] <= sum(whole)
    if kind == "btrfs":
        assert 900_000 < sums["unallocated"] < size_bytes
    else:
        free = KINDS[kind][1]
        assert free is not None
        # The rest of a cluster at the end of a FAT is no cluster.
        assert 0 <= sums["unallocated"] - free(image) < (4096 if kind == "ext4-bigalloc" else 1)
    content = [(row["start_bytes"], row["range_bytes"]) for row in found if row["range_kind"] == "content"]
    large = next(row for row in rows(walk_image, image, volume_index=0) if row["path"] == b"large")
    if kind != "ntfs-compressed":  # where a packed file begins is not where its first byte is
        assert any(start <= large["offset_bytes"] < start + length for start, length in content)


def test_a_damaged_map_is_no_free_space(tree: Path, tmp_path: Path) -> None:
    image = made("xfs", tree, tmp_path / "image")
    with image.open("r+b") as file:
        file.seek(512)
        assert file.read(4) == b"XAGF"
        file.seek(520)
        file.write(b"\xff")
    found, sums = tiled(image, image.stat().st_size)
    assert sums["unallocated"] == sums["structures"] == 0
    assert sums["content"]
    [reason] = {row["reason"] for row in found if row["range_kind"] == "unreadable"}
    assert reason == "XFS: the head of a group's free space fails its checksum"


def test_partitions_gaps_and_what_is_not_read_are_told(tree: Path, tmp_path: Path) -> None:
    inner = made("ext4", tree, tmp_path / "inner").read_bytes()
    table = bytearray(512)
    table[510:] = b"\x55\xaa"
    places = ((0x83, 2048, len(inner) // 512), (0x83, 2048 + len(inner) // 512 + 100, 500))
    for number, (kind, start, count) in enumerate(places):
        struct.pack_into("<BxxxBxxxII", table, 446 + 16 * number, 0, kind, start, count)
    image = tmp_path / "disk"
    image.write_bytes(bytes(table).ljust(2048 * 512, b"\0") + inner + bytes(700 * 512))
    found, sums = tiled(image, image.stat().st_size)
    edges = [row for row in found if row["range_kind"] in {"outside", "refused"}]
    end = 2048 * 512 + len(inner)
    assert [(row["start_bytes"], row["range_bytes"], row["range_kind"], row["volume_index"]) for row in edges] == [
        (0, 2048 * 512, "outside", None),
        (end, 100 * 512, "outside", None),
        (end + 100 * 512, 500 * 512, "refused", 1),
        (end + 600 * 512, 100 * 512, "outside", None),
    ]
    assert edges[2]["reason"] == "no file system that is known here"
    alone, same = tiled(tmp_path / "inner", len(inner))
    assert {kind: sums[kind] for kind in same} == same
    assert alone[0]["start_bytes"] == 0


def test_a_damaged_part_of_an_image_is_listed(reference_data: Path, tmp_path: Path) -> None:
    content = bytearray((reference_data / "disk" / "ext2.E01").read_bytes())
    sound, _ = tiled(reference_data / "disk" / "ext2.E01", 4_194_304, verify=True)
    assert "unreadable" not in {row["range_kind"] for row in sound}
    image = tmp_path / "damaged.E01"
    wanted = [(16 * 32_768, 32_768)]  # holds the content of files, and nothing that finding them needs
    for at in range(content.index(b"sectors") + 76, content.index(b"table2")):
        content[at] ^= 0xFF
        if EwfMedium([io.BytesIO(content)]).damaged() == wanted:
            break
        content[at] ^= 0xFF
    image.write_bytes(content)
    found, sums = tiled(image, 4_194_304, verify=True)
    [bad] = [row for row in found if row["range_kind"] == "unreadable"]
    assert (bad["start_bytes"], bad["range_bytes"]) == wanted[0]
    assert sums["content"] == 0
    assert bad["reason"] == "the image's own checksum fails"


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=6)


@given(st.lists(RANGES, max_size=4), st.integers(1, 64))
def test_tiles_are_what_is_seen_from_above(layers: list[list[tuple[int, int]]], size_bytes: int) -> None:
    seen = [len(layers)] * size_bytes
    for number in reversed(range(len(layers))):
        for start, length in layers[number]:
            for at in range(start, min(start + length, size_bytes)):
                seen[at] = number
    starts, sizes, numbers = tiles([ranges_of(layer) for layer in layers], size_bytes)
    painted = [number for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True) for _ in range(size)]
    assert painted == seen
    assert starts.tolist() == (np.cumsum(sizes) - sizes).tolist()
    assert all(a != b for a, b in zip(numbers.tolist(), numbers.tolist()[1:], strict=False))


@given(st.binary(max_size=12), st.integers(0, 96))
def test_ranges_of_bits_are_the_bits(bitmap: bytes, count: int) -> None:
    bits = [at for at in range(min(count, len(bitmap) * 8)) if bitmap[at // 8] >> at % 8 & 1]
    found = bit_ranges(bitmap, count=count, first_bytes=1000, unit_bytes=10)
    assert [
        at for start, size in found.tolist() for at in range((start - 1000) // 10, (start - 1000 + size) // 10)
    ] == bits


def test_a_file_of_two_names_is_counted_once_and_a_hole_not_at_all(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "first").write_bytes(os.urandom(5000))
    (tree / "second").hardlink_to(tree / "first")
    with (tree / "hole").open("wb") as file:
        file.seek(100_000, io.SEEK_SET)
        file.write(b"end")
    image = make_ext(tree, tmp_path / "image", "-b", "4096")
    _, sums = tiled(image, image.stat().st_size)
    assert sums["content"] == 5000 + 100_003 % 4096
    assert sums["slack"] == 2 * 4096 - 5000 + 4096 - 100_003 % 4096
