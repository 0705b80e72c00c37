"""Names and links made to lead astray: in folders, images and archives each is an entry, and none is followed."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import ConfigError
from headwater_synth.made_volumes import installed

CONTENT = b"nothing of note\n"
LONG = b"n" * 255
HOSTILE_NAMES = (
    b"\xff\xfe not utf-8 \x80",
    b"a line\nand another",
    b"\x1b[2J\x1b[31mescape",
    b"-rf",
    b"..hidden",
    b"back\\slash\\..\\..\\win.ini",
    b"Case",
    b"case",
    b"CASE",
    "caf\u00e9".encode(),
    "cafe\u0301".encode(),
    "\u202egpj.exe".encode(),
    b"$(touch pwned)",
    b"%s%n%x",
    b"C:",
    b"NUL",
    b" ",
    LONG,
)
DEEP = b"/".join([b"d" * 200] * 22)  # 4,421 bytes: more than a path of the system may have


def filled(folder: Path) -> None:
    """Every hostile name, loops of links, and what is neither file nor folder."""
    for name in HOSTILE_NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(CONTENT + name)  # noqa: PTH118  # names are bytes
    (folder / "loop").mkdir()
    (folder / "loop" / "self").symlink_to(".")
    (folder / "loop" / "up").symlink_to("..")
    (folder / "loop" / "one").symlink_to("other")
    (folder / "loop" / "other").symlink_to("one")
    (folder / "outside").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")


def devices(folder: Path) -> set[bytes]:
    """Nodes of devices, where this system lets them be made."""
    made = set()
    for name, kind, number in ((b"zero", stat.S_IFCHR, (1, 5)), (b"disk", stat.S_IFBLK, (7, 0))):
        try:
            os.mknod(folder / name.decode(), kind | 0o600, os.makedev(*number))
        except PermissionError:
            continue
        made.add(name)
    return made


def reach_deep(folder: Path) -> None:
    """A file whose path is longer than the system opens, made step by step."""
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for part in DEEP.split(b"/"):
        os.mkdir(part, dir_fd=here)
        below = os.open(part, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.open(b"bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as file:  # noqa: PTH123  # a descriptor
        file.write(CONTENT)
    os.close(here)


def taken_in(tmp_path: Path, headwater: Any, exhibit: Path) -> dict[bytes, dict[str, Any]]:
    """The entries by path, after a run that must go well, print nothing odd and write nothing elsewhere."""
    case = tmp_path / "case"
    around = listed(tmp_path, but=(case, exhibit))
    before = listed(exhibit) if exhibit.is_dir() else hashlib.sha256(exhibit.read_bytes()).hexdigest()
    for step in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, exhibit, "--exhibit", "EX-1", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
        ("verify", case),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    ledger = headwater("ledger", case, "--json").rows
    assert ledger[0]["unaccounted_bytes"] == 0
    for told in (headwater("show", case, "entries"), headwater("ledger", case, "--by-directory")):
        assert told.status == 0
        assert "\x1b" not in told.out
        assert "\u202e" not in told.out
    assert listed(tmp_path, but=(case, exhibit)) == around
    assert (listed(exhibit) if exhibit.is_dir() else hashlib.sha256(exhibit.read_bytes()).hexdigest()) == before
    rows = headwater("show", case, "entries", "--json").rows
    found = {base64.b64decode(row["path_bytes"]["base64"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def listed(folder: Path, but: tuple[Path, ...] = ()) -> set[str]:
    def below(place: Path) -> Iterator[str]:
        for child in sorted(place.iterdir()):
            if child in but:
                continue
            yield repr(child)
            if child.is_dir() and not child.is_symlink() and len(str(child)) < 3000:
                yield from below(child)

    return set(below(folder))


def check_names(found: dict[bytes, dict[str, Any]]) -> None:
    for name in HOSTILE_NAMES:
        row = found.pop(name)
        assert row["disposition"] == "catalogued", row
        assert row["sha256"] == hashlib.sha256(CONTENT + name).hexdigest()
    for name in (b"loop/self", b"loop/up", b"loop/one", b"loop/other", b"outside"):
        row = found.pop(name)
        assert (row["entry_type"], row["sha256"]) == ("symlink", None)
    assert found.pop(b"pipe")["entry_type"] == "fifo"
    assert found.pop(b"loop")["entry_type"] == "directory"


def test_a_folder(tmp_path: Path, headwater: Any) -> None:
    folder = tmp_path / "exhibit"
    folder.mkdir()
    filled(folder)
    nodes = devices(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{os.open(folder, os.O_RDONLY)}/door")
    reach_deep(folder)
    found = taken_in(tmp_path, headwater, folder)
    check_names(found)
    for name in nodes:
        assert found.pop(name)["entry_type"] == "device"
    assert found.pop(b"door")["entry_type"] == "socket"
    # Down to where the system opens no path any more: that is said, and what lies below is not passed over in silence.
    deepest = max(found, key=len)
    assert found[deepest]["disposition"] == "refused"
    assert found[deepest]["reason"] == "could not be looked at: File name too long"
    assert all(DEEP.startswith(name) for name in found)


def test_an_image_of_a_file_system(tmp_path: Path, headwater: Any) -> None:
    try:
        mke2fs = installed("mke2fs", "e2fsprogs")
    except ConfigError as error:
        pytest.skip(str(error))
    folder = tmp_path / "tree"
    folder.mkdir()
    filled(folder)
    nodes = devices(folder)
    image = tmp_path / "exhibit"
    subprocess.run([mke2fs, "-q", "-t", "ext4", "-d", folder, image, "8M"], check=True, capture_output=True)
    found = taken_in(tmp_path, headwater, image)
    assert found.pop(b"lost+found")["entry_type"] == "directory"
    check_names(found)
    assert {name for name, row in found.items() if row["entry_type"] == "device"} == nodes == set(found)


ASTRAY = (
    b"../../../outside",
    b"/etc/cron.d/absolute",
    b"a/../../b",
    b"./x",
    b"//double//slash",
    b"x" * 4096,
    b"dir/" * 1000 + b"end",
    b"C:\\Windows\\file",
    b"same",
)


def test_archives(tmp_path: Path, headwater: Any) -> None:
    folder = tmp_path / "exhibit"
    folder.mkdir()
    with tarfile.open(folder / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name in (*ASTRAY, *(n for n in HOSTILE_NAMES if n.decode("utf-8", "replace").encode() == n), b"same"):
            member = tarfile.TarInfo(name.decode())
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
        for name, kind, target in (
            ("link", tarfile.SYMTYPE, "../../../../etc/passwd"),
            ("hard", tarfile.LNKTYPE, "/etc/shadow"),
            ("node", tarfile.CHRTYPE, ""),
            ("fifo", tarfile.FIFOTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    with zipfile.ZipFile(folder / "b.zip", "w") as packed:
        for name in ASTRAY:
            packed.writestr(zipfile.ZipInfo(name.decode()), CONTENT)
    found = taken_in(tmp_path, headwater, folder)
    inside = {tuple(path.split(b"\0")): row for path, row in found.items() if b"\0" in path}
    for holder in (b"a.tar", b"b.zip"):
        for number, name in enumerate(ASTRAY):
            row = inside[holder, b"%d" % number, name]
            assert row["sha256"] == hashlib.sha256(CONTENT).hexdigest()
            assert row["path"] == f"{holder.decode()}!/{name.decode()}"
    types = {name: row["entry_type"] for (_, _, name), row in inside.items() if row["entry_type"] != "file"}
    assert types == {b"link": "symlink", b"hard": "other", b"node": "device", b"fifo": "fifo"}
    # Two members of one name are two entries.
    assert [place[:2] for place in inside if place[2] == b"same"] == [
        (b"a.tar", b"26"),
        (b"a.tar", b"8"),
        (b"b.zip", b"8"),
    ]
