"""NTFS beyond plain files: streams, links, holes, content in pieces, and damage that is named."""

from __future__ import annotations

import hashlib
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.errors import ConfigError
from headwater_sealed.lznt1 import unpacked
from headwater_sealed.ntfs import NtfsFilesystem
from headwater_sealed.ntfs_records import sectors_put_right
from headwater_sealed.refusal import UnreadableError
from headwater_synth.made_volumes import make_ntfs, mounted_ntfs

RECORD_BYTES = 1024


def opened(path: Path) -> NtfsFilesystem:
    return NtfsFilesystem(io.BytesIO(path.read_bytes()), path.stat().st_size)


def tree_of(filesystem: NtfsFilesystem) -> dict[str, tuple[str, bytes | str]]:
    """Type with content or reason, by path; without `$Extend`."""
    found: dict[str, tuple[str, bytes | str]] = {}
    below = [("", filesystem.root())]
    while below:
        prefix, directory = below.pop()
        for child in filesystem.listing(directory).children:
            name, node = prefix + child.name.decode(), child.node
            if name == "$Extend":
                continue
            if node is None or node.reason is not None:
                found[name] = ("unread", str(child.reason or (node and node.reason)))
                continue
            assert filesystem.node_at(node.inode or 0) == node
            content: bytes | str = b""
            if node.entry_type == "file":
                try:
                    content = filesystem.content(node).read()
                    assert len(content) == node.size_bytes
                except UnreadableError as error:
                    content = error.reason
            found[name] = (node.entry_type, content)
            if node.entry_type == "directory":
                below.append((name + "/", node))
    return found


def made(tmp_path: Path, fill: Callable[[Path], None], *options: str) -> Path:
    empty = tmp_path / "empty"
    empty.mkdir()
    image = tmp_path / "image"
    try:
        make_ntfs(empty, image, *options, size_bytes=12 * 2**20)
        with mounted_ntfs(image, "compression") as place:
            fill(place)
    except ConfigError as error:
        pytest.skip(str(error))
    return image


def record_at(image: Path, number: int) -> int:
    """Where a record of the master file table lies; the first ones lie together."""
    content = image.read_bytes()[:512]
    return int(struct.unpack_from("<Q", content, 48)[0]) * content[13] * 512 + number * RECORD_BYTES


def patched(image: Path, at: int, new: bytes) -> None:
    with image.open("r+b") as file:
        file.seek(at)
        file.write(new)


def attribute_at(image: Path, number: int, kind: int) -> int:
    """Where the first attribute of a kind lies in the image."""
    start = record_at(image, number)
    record = sectors_put_right(image.read_bytes()[start : start + RECORD_BYTES], b"FILE")
    at = struct.unpack_from("<H", record, 20)[0]
    while (found := struct.unpack_from("<I", record, at)[0]) != kind:
        assert found != 0xFFFFFFFF
        at += struct.unpack_from("<I", record, at + 4)[0]
    return start + at


def test_streams_links_and_holes(tmp_path: Path) -> None:
    def fill(place: Path) -> None:
        (place / "photo.txt").write_bytes(b"content")
        (place / "photo.txt:Zone.Identifier").write_bytes(b"[ZoneTransfer]\r\nZoneId=3\r\n")
        (place / "photo.txt:big").write_bytes(hashlib.shake_256(b"big").digest(200_000))
        (place / "folder").mkdir()
        (place / "folder:note").write_bytes(b"of the folder")
        (place / "folder/second name").hardlink_to(place / "photo.txt")
        (place / "folder/link").symlink_to("../photo.txt")
        os.mknod(place / "folder/pipe", 0o20644, os.makedev(1, 3))
        with (place / "sparse").open("wb") as file:
            file.seek(3_000_000)
            file.write(b"end")
            file.seek(1_000_000)
            file.write(b"middle")

    filesystem = opened(made(tmp_path, fill))
    big = hashlib.shake_256(b"big").digest(200_000)
    sparse = bytes(1_000_000) + b"middle" + bytes(1_999_994) + b"end"
    zone = ("file", b"[ZoneTransfer]\r\nZoneId=3\r\n")
    assert tree_of(filesystem) == {
        "photo.txt": ("file", b"content"),
        "photo.txt:Zone.Identifier": zone,
        "photo.txt:big": ("file", big),
        "folder": ("directory", b""),
        "folder:note": ("file", b"of the folder"),
        "folder/second name": ("file", b"content"),
        "folder/second name:Zone.Identifier": zone,
        "folder/second name:big": ("file", big),
        "folder/link": ("symlink", b""),
        "folder/pipe": ("device", b""),
        "sparse": ("file", sparse),
    }
    first = next(child.node for child in filesystem.listing(filesystem.root()).children if child.name == b"photo.txt")
    assert first is not None
    assert first.links == 2
    assert filesystem.remark is None


def test_content_in_many_pieces_is_put_together(tmp_path: Path) -> None:
    whole = hashlib.shake_256(b"pieces").digest(1_500_000)

    def fill(place: Path) -> None:
        for number in range(3000):
            (place / f"small-{number}").write_bytes(b"x" * 2048)
        for number in range(0, 3000, 2):
            (place / f"small-{number}").unlink()
        rest = place / "fills the rest"
        with rest.open("wb") as file:
            try:
                while file.write(bytes(2**16)):
                    pass
            except OSError:
                pass
        for number in range(1, 2000, 2):
            (place / f"small-{number}").unlink()
        (place / "in pieces").write_bytes(whole)

    filesystem = opened(made(tmp_path, fill, "-c", "512"))
    found = tree_of(filesystem)
    assert found["in pieces"] == ("file", whole)
    node = next(child.node for child in filesystem.listing(filesystem.root()).children if child.name == b"in pieces")
    assert node is not None
    records = [one for one in filesystem.node_at(node.inode or 0).handle.inode.attributes if one.kind == 0x80]  # type: ignore[attr-defined]  # what only the reader looks inside
    assert len(records) > 1, "the file was to lie in so many places that one record cannot say where"
    assert sum(name.startswith("small-") for name in found) == 500


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    def fill(place: Path) -> None:
        for number in range(400):
            (place / f"name {number:03} {'y' * 40}").write_bytes(b"%d" % number * 300)

    return made(tmp_path, fill)


def test_a_damaged_master_file_table_is_read_by_its_spare(plain: Path) -> None:
    sound = tree_of(opened(plain))
    patched(plain, record_at(plain, 0), b"\0" * 512)
    filesystem = opened(plain)
    assert tree_of(filesystem) == sound
    assert "spare of the master file table; record 0: it does not begin with FILE" in str(filesystem.remark)
    content = plain.read_bytes()
    mirror = struct.unpack_from("<Q", content, 56)[0] * content[13] * 512
    patched(plain, mirror, b"BAAD")
    with pytest.raises(UnreadableError, match="record 0 of the master file table and its spare"):
        opened(plain)


def test_a_damaged_block_of_names_costs_the_names_in_it_and_says_so(plain: Path) -> None:
    sound = opened(plain)
    whole = [child.name for child in sound.listing(sound.root()).children]
    at = plain.read_bytes().index(b"INDX", record_at(plain, 64))
    patched(plain, at + 510, b"\x99\x99")
    filesystem = opened(plain)
    listing = filesystem.listing(filesystem.root())
    left = [child.name for child in listing.children]
    assert 0 < len(left) < len(whole)
    assert set(left) < set(whole)
    assert "was not written together with the first; names in it are not listed" in str(listing.reason)


@pytest.mark.parametrize(
    ("offset", "new", "said"),
    [
        (16, b"\x77\x77", "was used again for something else"),
        (0, b"BAAD", "is marked as damaged"),
        (22, b"\0\0", "is not in use"),
        (44, b"\1\0\0\0", "says that it is record 1"),
        (32, b"\x41\0\0\0\0\0\1\0", "continues record 65"),
        (24, b"\0\0\0\0", "its head is damaged"),
    ],
)
def test_a_name_whose_record_is_wrong_stays_with_its_reason(plain: Path, offset: int, new: bytes, said: str) -> None:
    sound = opened(plain)
    number = sound.listing(sound.root()).children[40].node
    assert number is not None
    patched(plain, record_at(plain, number.inode or 0) + offset, new)
    found = tree_of(opened(plain))
    [(kind, reason)] = [value for value in found.values() if value[0] == "unread"]
    assert (kind, said in str(reason)) == ("unread", True), reason
    assert len(found) == 400


def test_enciphered_content_is_refused(plain: Path) -> None:
    sound = opened(plain)
    number = sound.listing(sound.root()).children[40].node
    assert number is not None
    at = attribute_at(plain, number.inode or 0, 0x80)
    patched(plain, at + 12, b"\0\x40")
    found = [value for value in tree_of(opened(plain)).values() if value[0] == "unread"]
    assert found == [("unread", "encrypted by the file system (EFS)")]


def test_what_was_not_unmounted_says_so(plain: Path) -> None:
    at = attribute_at(plain, 3, 0x70)
    patched(plain, at + 24 + 10, b"\1")
    assert opened(plain).remark == "it was not unmounted; changes that are in the journal only are not seen"


def test_the_published_example_is_unpacked() -> None:
    """[MS-XCA] 3.3."""
    packed = bytes.fromhex(
        "38b08846232000204720410010a24701a045204400084501507900c045200524138805b4024a44ef0358028c09160148"
        "4500be009e000401189000"
    )
    text = (
        "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G "
        "F# E D E A F# F# G A A G F# E D D E F# E D D\0"
    )
    assert unpacked(packed, len(text)) == text.encode()
    assert unpacked(packed, 5000) == text.encode() + bytes(5000 - len(text))
    for at, value, said in (
        (0, 0xFF, "early"),
        (2, 0xFF, "without anything before it"),
        (7, 0xFF, "before its chunk"),
    ):
        damaged = bytearray(packed)
        damaged[at] = value
        with pytest.raises(UnreadableError, match=said):
            unpacked(bytes(damaged), len(text))
