"""A folder as evidence: every name in it, in one order, and no link followed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from headwater.evidence.folders import listing, shown


def paths(folder: Path) -> list[bytes]:
    return [entry.path_bytes for entry in listing(folder)]


def test_names_come_in_the_order_of_their_bytes_each_directory_before_what_is_in_it(tmp_path):
    for name in ("b/z", "b/a", "a.txt", "a/x", "Z", "ä"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    assert paths(tmp_path) == [b"Z", b"a", b"a/x", b"a.txt", b"b", b"b/a", b"b/z", "ä".encode()]
    sizes = {entry.path_bytes: entry.size_bytes for entry in listing(tmp_path) if entry.entry_type == "file"}
    assert set(sizes.values()) == {5}


def test_a_link_is_a_link_wherever_it_points(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "dangling").symlink_to("/no/such/place")
    (tmp_path / "outside").symlink_to("/etc")
    types = {entry.path_bytes: entry.entry_type for entry in listing(tmp_path)}
    assert types == {
        b"dangling": "symlink",
        b"inside": "directory",
        b"inside/up": "symlink",
        b"outside": "symlink",
        b"self": "symlink",
    }


def test_what_is_no_file_is_told_apart(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        types = {entry.path_bytes: entry.entry_type for entry in listing(tmp_path)}
    assert types == {b"fifo": "fifo", b"socket": "socket"}


def test_a_name_that_is_not_utf8_keeps_its_bytes(tmp_path):
    name = b"caf\xe9 \n"
    with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:  # noqa: PTH123 - a name of bytes
        file.write(b"x")
    (entry,) = listing(tmp_path)
    assert entry.path_bytes == name
    assert (tmp_path / os.fsdecode(entry.path_bytes)).read_bytes() == b"x"
    assert shown(name) == "caf\\xe9 \n"


def test_two_names_of_one_file_say_so(tmp_path):
    (tmp_path / "one").write_bytes(b"x")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    one, two = listing(tmp_path)
    assert (one.links, two.links) == (2, 2)


def test_folders_may_be_deeper_than_any_stack(tmp_path):
    depth = 1_200
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102 - relative to where we are, as the whole path is too long
            os.chdir("d")
        assert len(paths(tmp_path)) == depth
        # Taken away from the bottom, because whoever clears temporary folders recurses.
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")  # noqa: PTH106 - as above
    finally:
        os.chdir(before)


def test_a_path_too_long_to_look_at_is_an_entry_with_a_reason(tmp_path):
    before = Path.cwd()
    name = "d" * 200
    try:
        os.chdir(tmp_path)
        for _ in range(25):
            os.mkdir(name)  # noqa: PTH102 - as above
            os.chdir(name)
        entries = list(listing(tmp_path))
    finally:
        os.chdir(before)
    assert [entry.reason for entry in entries[:-1]] == [None] * (len(entries) - 1)
    assert entries[-1].reason is not None
    assert len(entries) > 10


def test_a_directory_that_may_not_be_listed_is_an_entry_with_a_reason(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "inside").write_bytes(b"x")
    (tmp_path / "open").write_bytes(b"x")
    (tmp_path / "closed").chmod(0)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("this user may list everything, as root may")
    try:
        closed, after = listing(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert (closed.entry_type, after.path_bytes) == ("directory", b"open")
    assert closed.reason == "directory could not be listed: Permission denied"


def test_a_folder_that_is_not_there_is_an_error_and_not_empty(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(listing(tmp_path / "none"))
