"""7z archives that 7-Zip itself wrote: every member that is read is what was packed; the rest is refused by name."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from headwater_sealed.packed import Budget
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.seven_zip import seven_zip_members

PROGRAM = shutil.which("7z") or shutil.which("7zz")
needs_program = pytest.mark.skipif(PROGRAM is None, reason="7-Zip is not installed (package p7zip-full)")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, noise, an empty file, an empty folder, a link, a name that is not ASCII."""
    root = tmp_path_factory.mktemp("tree")
    (root / "folder/inner").mkdir(parents=True)
    (root / "empty folder").mkdir()
    (root / "empty.txt").touch()
    (root / "Grüße 🌲.txt").write_text("greetings\n" * 500)
    (root / "folder/noise.bin").write_bytes(random.Random(5).randbytes(200_000))
    for number in range(20):
        (root / f"folder/inner/{number:02}.txt").write_bytes(f"line {number}\n".encode() * (number * 40))
    os.utime(root / "folder/noise.bin", (1_700_000_000, 1_700_000_000))
    (root / "link").symlink_to("folder/noise.bin")
    return root


def packed(tree: Path, target: Path, *options: str) -> bytes:
    archive = target / "a.7z"
    assert PROGRAM is not None
    subprocess.run(
        [PROGRAM, "a", "-y", "-bd", "-snl", *options, archive, "."], cwd=tree, check=True, capture_output=True
    )
    return archive.read_bytes()


def budget(**limits: int) -> Budget:
    return Budget(**{"source_bytes": 1 << 20, "max_bytes": 1 << 40, "max_ratio": 1 << 40, **limits})


def read(content: bytes, *, skip: int = 0) -> dict[str, tuple[str, str | None]]:
    """Type and digest (or reason) of each member, of which every so many are not read at all."""
    found = {}
    for number, member in enumerate(seven_zip_members(io.BytesIO(content), budget())):
        told = member.reason
        if member.content is not None and not (skip and number % skip):
            digest = hashlib.sha256()
            try:
                while part := member.content.read(7_000):
                    digest.update(part)
                told = digest.hexdigest()
            except UnreadableError as error:
                told = error.reason
        found[member.name.decode()] = (member.entry_type, told)
    return found


def expected(tree: Path) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    for path in tree.rglob("*"):
        name = str(path.relative_to(tree))
        if path.is_symlink():
            found[name] = ("symlink", None)
        elif path.is_dir():
            found[name] = ("directory", None)
        else:
            found[name] = ("file", hashlib.sha256(path.read_bytes()).hexdigest())
    return found


@needs_program
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-ms=off",),
        ("-mhc=off",),
        ("-m0=LZMA",),
        ("-m0=LZMA2", "-mx=1"),
        ("-m0=Copy",),
        ("-m0=Deflate",),
        ("-m0=BZip2",),
        ("-m0=Delta:4", "-m1=LZMA2"),
        ("-m0=BCJ", "-m1=LZMA2"),
        ("-m0=PPC", "-m1=LZMA2"),
    ],
)
def test_what_was_packed_is_what_is_read(tree: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    content = packed(tree, tmp_path, *options)
    assert read(content) == expected(tree)
    some = read(content, skip=3)
    assert {name: told for name, told in some.items() if told[1]}.items() <= expected(tree).items()


@needs_program
def test_times_are_told(tree: Path, tmp_path: Path) -> None:
    members = {m.name: m for m in seven_zip_members(io.BytesIO(packed(tree, tmp_path)), budget())}
    assert members[b"folder/noise.bin"].modified_at_us == 1_700_000_000_000_000
    assert members[b"folder/noise.bin"].size_bytes == 200_000


@needs_program
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-m0=PPMd",), "PPMd"),
        (("-psecret",), "encrypted"),
        (("-m0=BCJ", "-m1=LZMA"), "LZMA under a filter"),
    ],
)
def test_what_is_not_read_is_refused_for_each_member(
    tree: Path, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    found = read(packed(tree, tmp_path, *options))
    assert found.keys() == expected(tree).keys()
    for name, (kind, told) in found.items():
        if kind == "file" and (tree / name).stat().st_size:
            assert told is not None
            assert reason in told


@needs_program
def test_an_encrypted_header_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="encrypted"):
        read(packed(tree, tmp_path, "-psecret", "-mhe=on"))


@needs_program
def test_damage_costs_the_members_behind_it_and_is_told(tree: Path, tmp_path: Path) -> None:
    content = bytearray(packed(tree, tmp_path, "-ms=off", "-m0=Copy"))
    content[100_000] ^= 1
    found = read(bytes(content))
    wrong = {name for name, told in found.items() if told != expected(tree)[name]}
    assert wrong == {"folder/noise.bin"}
    assert found["folder/noise.bin"][1] == "its checksum is wrong"
    solid = bytearray(packed(tree, tmp_path / "..", "-m0=LZMA2"))
    solid[len(solid) // 2] ^= 0xFF
    told = read(bytes(solid))
    assert any(reason and ("damaged" in reason or "checksum" in reason) for _, reason in told.values())


@needs_program
def test_a_bomb_ends_at_the_budget(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/zeros").write_bytes(bytes(20_000_000))
    content = packed(tmp_path / "tree", tmp_path)
    members = seven_zip_members(io.BytesIO(content), budget(max_bytes=1_000_000))
    opened = next(member.content for member in members if member.content is not None)
    with pytest.raises(UnreadableError, match="more than 1000000 bytes"):
        list(iter(lambda: opened.read(100_000), b""))


@needs_program
def test_no_mutant_does_worse_than_a_reason(tree: Path, tmp_path: Path) -> None:
    whole = packed(tree, tmp_path, "-mhc=off", "-m0=Copy")
    chance = random.Random(3)
    for _ in range(300):
        content = bytearray(whole)
        # In the header, for the most part, which is where a reader can be led astray; its checksum is put right.
        start = len(content) - 2_500
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(start, len(content))] = chance.randrange(256)
        content[28:32] = zlib_crc(bytes(content[32 + int.from_bytes(content[12:20], "little") :]))
        content[8:12] = zlib_crc(bytes(content[12:32]))
        try:
            read(bytes(content[: chance.choice((None, len(content) - 10))]))
        except (UnreadableError, UnicodeDecodeError):
            continue


def zlib_crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")


@pytest.mark.parametrize("content", [b"7z\xbc\xaf\x27\x1c", b"7z\xbc\xaf\x27\x1c" + bytes(60)])
def test_a_beginning_alone_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="7z: "):
        read(content)
