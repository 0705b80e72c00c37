"""LUKS and LVM: the file system inside, and never a guess where it cannot be opened."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zlib

import pytest

from headwater.errors import ConfigError
from headwater_sealed.images import list_volumes, walk_image
from headwater_synth.encrypted_image import luks_image

_SECRET = b"an invented passphrase"
_EXTENT = 1024 * 1024


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed (package {package})")
    return found


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("inner")
    (folder / "tree").mkdir()
    (folder / "tree/file").write_bytes(b"harmless")
    path = folder / "image"
    mke2fs = _program("mke2fs", "e2fsprogs")
    subprocess.run([mke2fs, "-q", "-t", "ext4", "-d", str(folder / "tree"), str(path), "4096k"], check=True)
    return path.read_bytes()


def _rows(job: object, *images: bytes, **parameters: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    job([io.BytesIO(image) for image in images], parameters, lambda batch: found.extend(batch.to_pylist()))  # type: ignore[operator]  # any job
    return found


_FAST = ("--pbkdf-force-iterations", "1000")
KINDS = {
    "luks1": ("--type", "luks1", *_FAST),
    "luks2": ("--type", "luks2", "--pbkdf", "pbkdf2", *_FAST),
    "luks2-4k": ("--type", "luks2", "--sector-size", "4096", "--pbkdf", "pbkdf2", *_FAST),
    "luks2-argon2id": ("--type", "luks2", "--pbkdf-memory", "1024", "--pbkdf-force-iterations", "4"),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_enciphered_volume_is_opened_by_its_passphrase_only(inner: bytes, kind: str) -> None:
    try:
        image = luks_image(inner, _SECRET, KINDS[kind])
    except ConfigError as error:
        pytest.skip(str(error))
    [volume] = _rows(list_volumes, image)
    assert (volume["filesystem"], volume["status"]) == ("luks", "refused")
    [volume] = _rows(list_volumes, image, b"another", secret_file_index=1)
    assert (volume["filesystem"], volume["status"]) == ("luks", "refused")
    assert "opens no key slot" in str(volume["reason"])
    assert "another" not in str(volume["reason"])
    [volume] = _rows(list_volumes, image, _SECRET + b"\n", secret_file_index=1)
    assert (volume["filesystem"], volume["status"]) == ("ext", "readable")
    walked = _rows(walk_image, image, _SECRET, secret_file_index=1, volume_index=0)
    assert [row["path"] for row in walked] == [b"file", b"lost+found"]


def _sum(content: bytes) -> int:
    return ~zlib.crc32(content, ~0xF597A6CF & 0xFFFFFFFF) & 0xFFFFFFFF


def _lvm(extents: list[bytes], segments: str) -> bytes:
    """A physical volume with one group and one logical volume."""
    text = f"""vg {{ id = "g" seqno = 1 extent_size = {_EXTENT // 512} # a comment
physical_volumes {{ pv0 {{ id = "aaaaaa-bbbb-bbbb-bbbb-bbbb-bbbb-cccccc" pe_start = 2048 pe_count = 64 }} }}
logical_volumes {{ root {{ id = "l" status = ["READ", "WRITE", "VISIBLE"] {segments} }} }} }}
""".encode()
    physical = b"aaaaaabbbbbbbbbbbbbbbbbbbbcccccc" + struct.pack("<Q", 0)
    physical += struct.pack("<QQQQQQQQ", _EXTENT, 0, 0, 0, 4096, 65536, 0, 0)
    body = struct.pack("<I8s", 32, b"LVM2 001") + physical
    body = body.ljust(492, b"\0")
    label = b"LABELONE" + struct.pack("<QI", 1, _sum(body)) + body
    area = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, 4096, 65536)
    area += struct.pack("<QQII", 512, len(text), _sum(text), 0)
    area = area.ljust(508, b"\0")
    head = bytes(512) + label + bytes(3072) + struct.pack("<I", _sum(area)) + area + text
    return head.ljust(_EXTENT, b"\0") + b"".join(extents)


def test_a_logical_volume_in_scattered_extents_is_read(inner: bytes) -> None:
    parts = [inner[at : at + _EXTENT] for at in range(0, len(inner), _EXTENT)]
    segments = """segment_count = 2
segment1 { start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1 stripes = ["pv0", 3] }
segment2 { start_extent = 1 extent_count = 3 type = "striped" stripe_count = 1 stripes = ["pv0", 0] }"""
    image = _lvm([parts[1], parts[2], parts[3], parts[0]], segments)
    [volume] = _rows(list_volumes, image)
    assert (volume["filesystem"], volume["status"], volume["size_bytes"]) == ("ext", "readable", len(inner))
    assert volume["reason"] == "LVM logical volume vg/root"
    found = {row["path"]: row for row in _rows(walk_image, image, volume_index=0)}
    at = found[b"file"]["offset_bytes"]
    assert isinstance(at, int)
    assert image[at : at + 8] == b"harmless"


@pytest.mark.parametrize(
    ("words", "reason"), [('type = "thin"', "type thin is not read"), ('type = "striped"', "not on this medium")]
)
def test_what_cannot_be_put_together_is_refused(inner: bytes, words: str, reason: str) -> None:
    stripes = 'stripe_count = 1 stripes = ["pv7", 0]'
    image = _lvm([inner], f"segment_count = 1 segment1 {{ start_extent = 0 extent_count = 4 {words} {stripes} }}")
    [volume] = _rows(list_volumes, image)
    assert volume["status"] == "refused"
    assert reason in str(volume["reason"])


def test_a_damaged_description_is_refused(inner: bytes) -> None:
    image = bytearray(_lvm([inner], "segment_count = 0"))
    image[image.index(b"seqno")] ^= 1
    [volume] = _rows(list_volumes, bytes(image))
    assert (volume["filesystem"], volume["status"]) == ("lvm", "refused")
    assert volume["reason"] == "LVM: the description fails its checksum"


def _gpt(inner: bytes) -> bytes:
    """A medium with both tables of a GPT and one partition."""
    sectors = len(inner) // 512
    entry = struct.pack("<16s16sQQQ72s", b"\1" * 16, b"\2" * 16, 64, 64 + sectors - 1, 0, b"")
    entries = entry.ljust(128 * 128, b"\0")
    last = 64 + sectors + 32

    def header(own: int, other: int, array: int) -> bytes:
        def packed(stated: int) -> bytes:
            return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 65536, 92, stated, 0, own, other, 34, last - 33,
                               bytes(16), array, 128, 128, zlib.crc32(entries))  # fmt: skip

        return packed(zlib.crc32(packed(0))).ljust(512, b"\0")

    mbr = bytes(446) + struct.pack("<BBHBBHII", 0, 0, 0, 0xEE, 0, 0, 1, last) + bytes(48) + b"\x55\xaa"
    front = (mbr + header(1, last, 2) + entries).ljust(64 * 512, b"\0")
    return front + inner + entries + header(last, 1, last - 32)


def test_the_spare_table_of_a_gpt_stands_in_for_a_damaged_one(inner: bytes) -> None:
    image = bytearray(_gpt(inner))
    [volume] = _rows(list_volumes, bytes(image))
    assert (volume["offset_bytes"], volume["size_bytes"], volume["reason"]) == (64 * 512, len(inner), None)
    for at in (512, 512 + 80):  # its signature, and the number of its entries
        damaged = bytearray(image)
        damaged[at] ^= 1
        [volume] = _rows(list_volumes, bytes(damaged))
        assert (volume["offset_bytes"], volume["size_bytes"]) == (64 * 512, len(inner))
        assert volume["reason"] == "found in the spare partition table; the first is damaged"
