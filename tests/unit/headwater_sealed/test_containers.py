"""Containers as the usual tool writes them: the medium that comes out is the one that went in, byte for byte."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from headwater_sealed.containers import container_format, open_medium
from headwater_sealed.refusal import UnreadableError

_MEDIUM_BYTES = 9 * 2**20 + 512 * 3  # no multiple of any grain or block


@pytest.fixture(scope="session")
def qemu_img() -> str:
    found = shutil.which("qemu-img")
    if found is None:
        pytest.skip("qemu-img is not installed (package qemu-utils)")
    return found


@pytest.fixture(scope="session")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise, zeros and repetition, in places that no block size divides."""
    path = tmp_path_factory.mktemp("medium") / "medium.raw"
    with path.open("wb") as file:
        file.truncate(_MEDIUM_BYTES)
        for at, content in (
            (0, b"\x01" * 512),
            (1_234_567, hashlib.shake_256(b"one").digest(700_000)),
            (4 * 2**20 - 100, b"repeats " * 50_000),
            (_MEDIUM_BYTES - 1000, hashlib.shake_256(b"end").digest(1000)),
        ):
            file.seek(at)
            file.write(content)
    return path


def read(*paths: Path, names: tuple[str, ...] = ()) -> tuple[str, bytes]:
    found = open_medium([io.BytesIO(path.read_bytes()) for path in paths], names)
    found.file.seek(0)
    content = b""
    while part := found.file.read(1 << 20):
        content += part
    assert len(content) == found.size_bytes
    return found.container_format, content


CONVERTED = {
    "qcow2": ("qcow2",),
    "qcow2-compressed": ("qcow2", "-c"),
    "qcow2-512": ("qcow2", "-o", "cluster_size=512"),
    "qcow2-2m": ("qcow2", "-o", "cluster_size=2M"),
    "qcow2-v2": ("qcow2", "-o", "compat=0.10"),
    "vmdk": ("vmdk",),
    "vmdk-stream": ("vmdk", "-o", "subformat=streamOptimized"),
    "vmdk-zeroed": ("vmdk", "-o", "zeroed_grain=on"),
    "vdi": ("vdi",),
    "vhdx": ("vhdx",),
    "vhdx-fixed": ("vhdx", "-o", "subformat=fixed"),
}


@pytest.mark.parametrize("kind", list(CONVERTED))
def test_the_medium_that_was_converted_comes_out(qemu_img: str, medium: Path, tmp_path: Path, kind: str) -> None:
    name, *options = CONVERTED[kind]
    path = tmp_path / "image"
    subprocess.run([qemu_img, "convert", "-O", name, *options, medium, path], check=True, capture_output=True)
    found, content = read(path)
    assert found == name
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256(medium.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["fixed", "dynamic"])
def test_a_vhd_comes_out(qemu_img: str, medium: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    options = ["-O", "vpc", "-o", f"subformat={kind},force_size=on"]
    subprocess.run([qemu_img, "convert", *options, medium, path], check=True, capture_output=True)
    found, content = read(path)
    assert found == "vhd"
    assert content == medium.read_bytes()


@pytest.mark.parametrize("kind", ["monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
def test_a_vmdk_in_several_files_is_put_together(qemu_img: str, medium: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image.vmdk"
    options = ["-O", "vmdk", "-o", f"subformat={kind}"]
    subprocess.run([qemu_img, "convert", *options, medium, path], check=True, capture_output=True)
    others = sorted(other for other in tmp_path.iterdir() if other != path)
    assert read(path, *others)[1] == medium.read_bytes()
    given = (*reversed(others), path)
    assert read(*given, names=tuple(str(file) for file in given)) == ("vmdk", medium.read_bytes())
    with pytest.raises(UnreadableError, match="was not given"):
        read(path)
    with pytest.raises(UnreadableError, match="was not given"):
        read(path, *others, names=("image.vmdk", *("other" for _ in others)))


def test_extents_of_a_vmdk_follow_each_other_as_its_descriptor_says(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"A" * 1024)
    (tmp_path / "b").write_bytes(b"-" * 512 + b"B" * 512)
    (tmp_path / "d").write_text(
        '# Disk DescriptorFile\nparentCID=ffffffff\nRW 2 FLAT "a" 0\nRW 3 ZERO\nRW 1 FLAT "b" 1\n', encoding="ascii"
    )
    files = (tmp_path / "b", tmp_path / "d", tmp_path / "a")
    assert read(*files, names=("b", "d", "a"))[1] == b"A" * 1024 + bytes(1536) + b"B" * 512
    (tmp_path / "a").write_bytes(b"A" * 1023)
    with pytest.raises(UnreadableError, match="has 1023 bytes"):
        read(*files, names=("b", "d", "a"))


def test_a_qcow2_with_subclusters_is_refused(qemu_img: str, medium: Path, tmp_path: Path) -> None:
    path = tmp_path / "image"
    options = ["-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k"]
    subprocess.run([qemu_img, "convert", *options, medium, path], check=True, capture_output=True)
    with pytest.raises(UnreadableError, match="subclusters"):
        read(path)


def test_what_rests_on_another_image_is_refused(qemu_img: str, medium: Path, tmp_path: Path) -> None:
    for name in ("qcow2", "vmdk"):
        path = tmp_path / f"child.{name}"
        base = tmp_path / f"base.{name}"
        subprocess.run([qemu_img, "convert", "-O", name, medium, base], check=True, capture_output=True)
        subprocess.run([qemu_img, "create", "-f", name, "-b", base, "-F", name, path], check=True, capture_output=True)
        with pytest.raises(UnreadableError, match="rests on"):
            read(path)


@pytest.mark.parametrize("kind", ["qcow2", "qcow2-compressed", "vmdk", "vmdk-stream", "vdi", "vhdx"])
def test_a_damaged_container_gives_its_size_or_a_reason(qemu_img: str, medium: Path, tmp_path: Path, kind: str) -> None:
    """These store no checksum over content: so never fewer bytes than the medium has, and never another error."""
    name, *options = CONVERTED[kind]
    path = tmp_path / "image"
    subprocess.run([qemu_img, "convert", "-O", name, *options, medium, path], check=True, capture_output=True)
    sound = path.read_bytes()
    chance = random.Random(11)
    used = [at for at in range(min(len(sound), 2**22)) if sound[at]][: 2**17]
    refused = 0
    for number in range(60):
        damaged = bytearray(sound)
        if number % 4:
            damaged[chance.choice(used if number % 2 else used[:600])] ^= 1 << chance.randrange(8)
        else:
            del damaged[chance.randrange(len(damaged)) :]
        file = io.BytesIO(bytes(damaged))
        if container_format([file])[0] != name:
            continue
        try:
            found = open_medium([file])
            if found.size_bytes == _MEDIUM_BYTES:
                found.file.seek(0)
                length = 0
                while part := found.file.read(1 << 20):
                    length += len(part)
                assert length == _MEDIUM_BYTES
        except UnreadableError:
            refused += 1
    assert refused


def test_segments_of_any_number_are_one_medium(medium: Path, tmp_path: Path) -> None:
    content = medium.read_bytes()
    paths = []
    for number in range(30):
        part = tmp_path / f"image.{number:03}"
        part.write_bytes(content[number * 320_000 : (number + 1) * 320_000])
        paths.append(part)
    assert read(*paths) == ("raw", content)
    assert paths[-1].stat().st_size < 320_000
