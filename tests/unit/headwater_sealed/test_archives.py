"""Archives: every member named and digested in one pass, however deep; what is not read has its reason."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_sealed.archive_members import MemberCursor, open_member
from headwater_sealed.archives import walk_archive

NOISE = random.Random(3).randbytes(200_000)
FILES = {
    b"var/www/a.txt": b"first\n" * 100,
    b"empty": b"",
    b"noise.bin": NOISE,
    b"caf\xe9": b"a name that is not UTF-8",
}


def walked(content: bytes, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    walk_archive([io.BytesIO(content)], parameters, lambda batch: found.extend(batch.to_pylist()))
    return found


def members(content: bytes, **parameters: Any) -> dict[tuple[int, ...], dict[str, Any]]:
    return {tuple(row["members"]): row for row in walked(content, **parameters) if row["record_kind"] == "member"}


def ends(content: bytes, **parameters: Any) -> dict[tuple[int, ...], dict[str, Any]]:
    return {tuple(row["members"]): row for row in walked(content, **parameters) if row["record_kind"] == "end"}


def tar_of(files: dict[bytes, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            member.size = len(content)
            member.mtime = 1_700_000_000
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def holds(row: dict[str, Any], content: bytes) -> bool:
    return (row["reason"], row["read_bytes"], row["sha256"], row["md5"], row["sha1"]) == (
        None,
        len(content),
        hashlib.sha256(content).hexdigest(),
        hashlib.md5(content).hexdigest(),
        hashlib.sha1(content).hexdigest(),
    )


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_a_tar_archive(form: int):
    files = FILES | {b"deep/" * 15 + b"leaf": b"a long name", b"w/" + b"x" * 90: b"y"}
    found = members(tar_of(files, form))
    assert [row["name"] for row in found.values()] == list(files)
    assert all(holds(row, content) for row, content in zip(found.values(), files.values(), strict=True))
    assert {row["modified_at_us"] for row in found.values()} == {1_700_000_000_000_000}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_name_of_four_kilobytes(form: int):
    name = b"n" * 4096
    assert [row["name"] for row in members(tar_of({name: b"x"}, form)).values()] == [name]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_a_zip_archive(method: int):
    files = {name.decode("latin-1"): content for name, content in FILES.items()}
    found = members(zip_of(files, method))
    assert [row["name"].decode("utf-8") for row in found.values()] == list(files)
    assert all(holds(row, content) for row, content in zip(found.values(), files.values(), strict=True))


@pytest.mark.parametrize(
    ("name", "pack"),
    [("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)],
)
def test_a_packed_file_has_one_member(name: str, pack: Any):
    content = NOISE + b"text " * 50_000
    for packed in (pack(content), pack(content[:1000]) + pack(content[1000:]), pack(content) + bytes(600)):
        [row] = members(packed).values()
        assert holds(row, content)
        assert row["size_bytes"] == len(content)
        assert ends(packed)[()]["entry_type"] == name
        assert ends(packed)[()]["reason"] is None


def test_the_name_that_a_gzip_file_states():
    out = io.BytesIO()
    with gzip.GzipFile("access.log.2", "wb", fileobj=out, mtime=0) as packed:
        packed.write(b"line\n")
    assert members(out.getvalue())[(0,)]["name"] == b"access.log.2"


def test_archives_in_archives_are_gone_into_in_one_pass():
    inner = zip_of({"x/dump.sql": b"-- MySQL dump 10.13\n", "y.txt": b"y"})
    whole = gzip.compress(tar_of({b"a": b"1", b"in.zip": inner, b"b.gz": gzip.compress(b"deep")}))
    found = members(whole)
    assert set(found) == {(0,), (0, 0), (0, 1), (0, 1, 0), (0, 1, 1), (0, 2), (0, 2, 0)}
    assert holds(found[0, 1], inner)
    assert found[0, 1, 0]["content_format"] == "mysql-dump"
    assert holds(found[0, 2, 0], b"deep")
    places = [tuple(row["members"]) for row in walked(whole) if row["record_kind"] == "begin"]
    assert places == [(0,), (0, 1), (0, 2)]


def test_what_begins_comes_before_what_is_in_it():
    whole = tar_of({b"in.zip": zip_of({"x": b"1"})})
    kinds = [(row["record_kind"], tuple(row["members"])) for row in walked(whole)]
    assert kinds == [("begin", (0,)), ("member", (0, 0)), ("end", (0,)), ("member", (0,)), ("end", ())]


def test_too_deep_is_said_and_the_rest_is_read():
    content = b"leaf"
    for _ in range(12):
        content = gzip.compress(content)
    deepest = max(ends(content, max_depth=4))
    assert len(deepest) == 4
    assert "4 archives deep" in ends(content, max_depth=4)[deepest]["reason"]
    assert members(content, max_depth=4)[deepest]["reason"] is None


def test_links_and_devices_of_a_tar_archive_are_named_and_not_followed():
    out = io.BytesIO()
    kinds = {
        b"hard": tarfile.LNKTYPE,
        b"soft": tarfile.SYMTYPE,
        b"null": tarfile.CHRTYPE,
        b"pipe": tarfile.FIFOTYPE,
        b"dir": tarfile.DIRTYPE,
    }
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in kinds.items():
            member = tarfile.TarInfo(name.decode())
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    found = members(out.getvalue())
    assert [row["entry_type"] for row in found.values()] == ["other", "symlink", "device", "fifo", "directory"]
    assert {row["sha256"] for row in found.values()} == {None}


NAMES = ["../../etc/cron.d/x", "/etc/shadow", "a\\..\\b", "A", "a", "A", "con", " ", ".", "x" * 3000]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_would_lead_elsewhere_are_only_names():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, name in enumerate(NAMES):
            archive.writestr(zipfile.ZipInfo(name), bytes([number]))
    found = members(out.getvalue())
    assert [row["name"].decode() for row in found.values()] == NAMES
    assert all(holds(found[(n,)], bytes([n])) for n in range(len(NAMES)))


def test_reference_archives_with_hostile_paths(reference_data):
    for path in sorted((reference_data / "disk").glob("*_paths.*")):
        content = path.read_bytes()
        found = members(content)
        assert found
        assert {row["reason"] for row in found.values()} == {None}
        assert ends(content)[()]["reason"] is None


# What is damaged


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_that_is_cut_short(pack: Any):
    packed = pack(NOISE)[:-40]
    [row] = members(packed).values()
    assert row["sha256"] is None
    assert "cut short" in row["reason"]


def test_a_packed_file_with_something_behind_its_end():
    [row] = members(gzip.compress(b"x" * 1000) + b"garbage").values()
    assert "something follows its end" in row["reason"]


def test_a_wrong_checksum_of_a_gzip_file():
    packed = bytearray(gzip.compress(b"x" * 1000))
    packed[-8] ^= 1
    [row] = members(bytes(packed)).values()
    assert "damaged" in row["reason"]


def test_a_tar_archive_that_is_cut_short_keeps_what_came_before():
    whole = tar_of({b"a": b"1" * 600, b"b": NOISE})
    found = members(whole[:4000])
    assert found[(0,)]["reason"] is None
    assert "cut short" in found[(1,)]["reason"]
    assert "cut short" in ends(whole[:4000])[()]["reason"]


def test_a_damaged_header_costs_one_member():
    whole = bytearray(tar_of({b"a": b"1", b"b": b"2", b"c": b"3"}, tarfile.USTAR_FORMAT))
    whole[1024 + 3] ^= 0x20  # in the name of the second, which its checksum covers
    assert [row["name"] for row in members(bytes(whole)).values()] == [b"a", b"c"]
    assert "header at byte 1024 is damaged" in ends(bytes(whole))[()]["reason"]


def test_a_tar_archive_without_its_end_says_so():
    whole = tar_of({b"a": b"1"}, tarfile.USTAR_FORMAT)[:1024]
    assert "missing" in ends(whole)[()]["reason"]


def broken_zip(change: Any) -> bytes:
    content = bytearray(zip_of({"a": b"aaaa" * 100, "b": b"bbbb" * 100}))
    change(content)
    return bytes(content)


def test_a_zip_member_with_a_wrong_checksum_is_refused_alone():
    def change(content: bytearray) -> None:
        at = content.find(b"PK\x01\x02")
        content[at + 16] ^= 1

    found = members(broken_zip(change))
    assert "checksum" in found[(0,)]["reason"]
    assert found[(1,)]["reason"] is None


def test_a_zip_member_whose_headers_disagree():
    found = members(broken_zip(lambda content: content.__setitem__(30, ord("z"))))
    assert "disagree" in found[(0,)]["reason"]


def test_an_encrypted_zip_member():
    def change(content: bytearray) -> None:
        content[content.find(b"PK\x01\x02") + 8] |= 1

    assert "encrypted" in members(broken_zip(change))[(0,)]["reason"]


def test_a_zip_archive_behind_something_else_and_one_cut_short():
    content = zip_of({"a": b"aaaa"})
    assert holds(members(content)[(0,)], b"aaaa")
    behind = b"PK\x03\x04" + b"#" * 100 + content
    assert holds(members(behind)[(0,)], b"aaaa")
    assert "no central directory" in ends(content[:-30])[()]["reason"]


def test_members_that_share_their_bytes_are_not_read():
    content = bytearray(zip_of({"a": NOISE[:5000], "b": NOISE[5000:9000]}))
    second = content.rfind(b"PK\x01\x02")
    struct.pack_into("<I", content, second + 42, 10)
    found = members(bytes(content))
    assert all("another member" in row["reason"] for row in found.values())


def test_a_damaged_archive_of_7z_is_refused():
    [end] = ends(b"7z\xbc\xaf\x27\x1c" + bytes(100)).values()
    assert "checksum of its beginning is wrong" in end["reason"]


# Bombs


def test_a_gzip_bomb_is_given_up_early():
    bomb = gzip.compress(bytes(400 << 20), 9)
    [row] = members(bomb).values()
    assert "times its size" in row["reason"]
    assert row["read_bytes"] <= 257 << 20
    assert "times its size" in ends(bomb)[()]["reason"]


def test_a_bomb_in_a_bomb_ends_the_outer_one_too():
    layer = gzip.compress(bytes(64 << 20), 9)
    whole = zip_of({f"{n}.gz": layer for n in range(20)} | {"last": b"x"})
    assert "times its size" in ends(whole)[()]["reason"]
    assert (20,) not in members(whole)


def test_a_member_of_a_zip_that_states_too_much_is_refused_alone_before_any_of_it_is_unpacked():
    whole = zip_of({"large": bytes(300 << 20), "after": b"x"})
    large, after = members(whole).values()
    assert "states 314572800 bytes, more than 250 times" in large["reason"]
    assert (large["read_bytes"], after["read_bytes"], after["reason"]) == (0, 1, None)
    assert ends(whole)[()]["reason"] is None


def test_the_limits_can_be_set():
    whole = tar_of({b"%d" % n: b"x" for n in range(20)})
    assert "more members" in ends(whole, max_members=5)[()]["reason"]
    assert "more than 10 bytes" in ends(gzip.compress(b"x" * 100), max_unpacked_bytes=10)[()]["reason"]


# One member for another reader


def test_a_member_as_a_file_is_read_and_sought_in():
    whole = gzip.compress(tar_of({b"a": b"1" * 10, b"in.zip": zip_of({"x": NOISE, "y": b"yy"}), b"c": NOISE * 8}))
    cursor = MemberCursor(io.BytesIO(whole))
    assert open_member(cursor, [0, 0]).read() == b"1" * 10
    assert open_member(cursor, [0, 1, 0]).read() == NOISE
    assert open_member(cursor, [0, 1, 1]).read() == b"yy"
    file = open_member(cursor, [0, 2])
    assert file.read(4) == NOISE[:4]
    file.seek(0)
    assert file.read(1_500_000) == (NOISE * 8)[:1_500_000]
    file.seek(5)
    assert file.read(10) == NOISE[5:15]
    assert file.seek(0, io.SEEK_END) == len(NOISE) * 8
    assert open_member(cursor, [0, 0]).read() == b"1" * 10  # back to an earlier one


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_members_in_any_order(contents: list[bytes], order: list[int], packed: bool):  # noqa: FBT001 - drawn
    whole = tar_of({b"%d" % n: content for n, content in enumerate(contents)})
    cursor = MemberCursor(io.BytesIO(gzip.compress(whole) if packed else whole))
    for number in order:
        place = [0, number % len(contents)] if packed else [number % len(contents)]
        assert open_member(cursor, place).read() == contents[number % len(contents)]


# Anything at all

SEEDS = {
    "tar": tar_of(FILES),
    "gnu": tar_of({b"l" * 300: b"x", **FILES}, tarfile.GNU_FORMAT),
    "zip": zip_of({"a/b": b"text " * 200, "c": NOISE[:3000], "d.gz": gzip.compress(b"deep")}),
    "gzip": gzip.compress(tar_of({b"a": b"1", b"b": NOISE[:2000]})),
    "bzip2": bz2.compress(NOISE[:3000] + b"text" * 500),
    "xz": lzma.compress(NOISE[:3000] + b"text" * 500),
}


def mutant(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(changed))
        choice = rng.randrange(4)
        if choice == 0:
            changed[at] = rng.randrange(256)
        elif choice == 1:
            changed[at : at + rng.randrange(1, 64)] = rng.randbytes(rng.randrange(0, 64))
        elif choice == 2:
            changed[at : at + 4] = rng.choice([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff"])
        else:
            del changed[at:]
        if not changed:
            return b"\0"
    return bytes(changed)


@pytest.mark.parametrize("name", SEEDS)
def test_whatever_is_changed_ends_in_members_and_reasons(name: str):
    content = SEEDS[name]
    for seed in range(150):
        changed = mutant(content, random.Random(f"{name} {seed}"))
        rows = walked(changed, max_unpacked_bytes=64 << 20)
        assert rows[-1]["record_kind"] == "end"
        for row in rows:
            if row["record_kind"] == "member" and row["entry_type"] == "file" and row["reason"] is None:
                assert row["sha256"] is not None
                assert row["read_bytes"] == row["size_bytes"]
    assert zlib.crc32(content) == zlib.crc32(SEEDS[name])
