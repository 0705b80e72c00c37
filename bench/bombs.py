"""Small files that grow: each is taken in, run and given up within 5 s and 1 GiB, beside an ordinary file.

Each lies alone in a folder that is an exhibit of a case of its own, and goes through `evidence add` and `run` up to the
media stage. The time of an ordinary text file, which is what the programs need to start, is taken off.

Prints one JSON object a line for each bomb, and ends with 1 if one of them was not refused or took more.

    bench/bombs.py                  all of them
    bench/bombs.py --only png
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import lzma
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

PROGRAM = Path(sys.executable).with_name("headwater")
GOAL_S, GOAL_MIB = 5.0, 1024
LARGE_BYTES = 4 << 30
CHUNK = bytes(1 << 24)


def _packed(begin: Callable[[io.BytesIO], Any], size_bytes: int = LARGE_BYTES) -> bytes:
    out = io.BytesIO()
    with begin(out) as file:
        for _ in range(size_bytes // len(CHUNK)):
            file.write(CHUNK)
    return out.getvalue()


def _zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def zip_of_zeros() -> bytes:
    """One member of 4 GiB."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range(LARGE_BYTES // len(CHUNK)):
            file.write(CHUNK)
    return out.getvalue()


def zip_of_overlaps() -> bytes:
    """A directory of 60,000 members that are all the same bytes."""
    one = _zip({"zeros": bytes(16 << 20)})
    end = one.rindex(b"PK\5\6")
    start = struct.unpack_from("<I", one, end + 16)[0]
    directory = one[start:end] * 60_000
    counts = struct.pack("<HHII", 60_000, 60_000, len(directory), start)
    return one[:start] + directory + one[end : end + 8] + counts + b"\0\0"


def nested() -> bytes:
    """Sixteen archives of sixteen of sixteen of sixteen of 256 MiB."""
    content = _packed(lambda out: gzip.GzipFile(fileobj=out, mode="w", mtime=0), 256 << 20)
    for _ in range(4):
        content = _zip({f"{number:02}.zip": content for number in range(16)})
    return content


def quine() -> bytes:
    """Gzip in gzip in gzip, fifty times."""
    content = b"x" * 1000
    for _ in range(50):
        content = gzip.compress(content, mtime=0)
    return content


def _png(width_px: int, height_px: int, *chunks: tuple[bytes, bytes]) -> bytes:
    head = (b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 6, 0, 0, 0))
    parts = (head, *chunks, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def png() -> bytes:
    """A picture of 60,000 by 60,000 pixels, all there: 13 GiB once it is decoded."""
    row = bytes(1 + 60_000 * 4)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(60_000)) + packer.flush()
    return _png(60_000, 60_000, (b"IDAT", packed))


def png_text() -> bytes:
    """A small picture with a comment of 1 GiB."""
    text = _packed(_Deflated, 1 << 30)
    return _png(8, 8, (b"zTXt", b"Comment\0\0" + text), (b"IDAT", zlib.compress(bytes(8 * 33))))


class _Deflated:
    def __init__(self, out: io.BytesIO) -> None:
        self._out, self._packer = out, zlib.compressobj(9)

    def __enter__(self) -> Self:
        return self

    def write(self, content: bytes) -> None:
        self._out.write(self._packer.compress(content))

    def __exit__(self, *_: object) -> None:
        self._out.write(self._packer.flush())


def xml() -> bytes:
    """Entities of entities: a billion words if somebody expands them."""
    entities = "".join(f'<!ENTITY w{n} "{f"&w{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY w0 "word">{entities}]><svg>&w9;</svg>'.encode()


def json_deep() -> bytes:
    """Two million lists in each other."""
    return b'{"a":1}\n' * 9 + b'{"a":' + b"[" * 2_000_000 + b"]" * 2_000_000 + b"}\n"


def sparse_tar() -> bytes:
    """A member of 8 EiB of holes."""
    head = bytearray(512)
    head[:6] = b"sparse"
    head[100:108] = b"0000644\0"
    head[124:136] = b"00000000000\0"
    head[136:148] = b"00000000000\0"
    head[156:157] = b"S"
    head[257:265] = b"ustar  \0"
    head[386:398] = head[398:410] = b"00000000000\0"
    head[483:495] = b"\x80\0\0\0" + (2**63 - 1).to_bytes(8, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


def seven_zip() -> bytes | None:
    """4 GiB by 7-Zip, where its program is."""
    program = shutil.which("7z") or shutil.which("7za") or shutil.which("7zr")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "zeros").open("wb") as file:
            file.truncate(LARGE_BYTES)
        subprocess.run([program, "a", "-bd", "a.7z", "zeros"], cwd=folder, check=True, capture_output=True)
        return Path(folder, "a.7z").read_bytes()


BOMBS: Mapping[str, tuple[str, Callable[[], bytes | None]]] = {
    "zip": ("a.zip", zip_of_zeros),
    "zip-overlaps": ("a.zip", zip_of_overlaps),
    "gzip": ("a.gz", lambda: _packed(lambda out: gzip.GzipFile(fileobj=out, mode="w", mtime=0))),
    "bzip2": ("a.bz2", lambda: _packed(lambda out: bz2.BZ2File(out, "w"))),
    "xz": ("a.xz", lambda: lzma.compress(bytes(LARGE_BYTES), preset=0)),
    "7z": ("a.7z", seven_zip),
    "nested": ("a.zip", nested),
    "gzip-in-gzip": ("a.gz", quine),
    "log": ("access.log.gz", lambda: _packed(lambda out: gzip.GzipFile(fileobj=out, mode="w", mtime=0), 1 << 30)),
    "sparse-tar": ("a.tar", sparse_tar),
    "png": ("a.png", png),
    "png-text": ("a.png", png_text),
    "xml": ("a.svg", xml),
    "json": ("a.jsonl", json_deep),
}
# Nothing in these grows unless somebody expands it, which nobody here does: they are read as what they are.
HARMLESS = {"xml", "gzip-in-gzip", "png-text"}


def _children_mib(words: list[str]) -> tuple[float, int, str]:
    """Seconds, the most memory that one process below took in MiB, and what was printed."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.stdout.write(done.stdout)\n"
        "sys.stderr.write(done.stderr)\n"
        "sys.exit(done.returncode)\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words[1:3]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    peak, _, printed = done.stdout.partition("\n")
    return time.monotonic() - began, int(peak) // 1024, printed


def measured(name: str, content: bytes) -> dict[str, Any]:
    """What one file cost, and what was said of it."""
    with tempfile.TemporaryDirectory(prefix="bomb-") as folder:
        exhibit, case = Path(folder, "exhibit"), Path(folder, "case")
        exhibit.mkdir()
        (exhibit / name).write_bytes(content)
        subprocess.run(
            [PROGRAM, "case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"],
            check=True,
            capture_output=True,
        )
        steps = (
            ["evidence", "add", str(case), str(exhibit), "--exhibit", "EX-1"],
            ["run", str(case), "--until", "media"],
        )
        costs = [_children_mib([str(PROGRAM), *words]) for words in steps]
        _, _, ledger = _children_mib([str(PROGRAM), "ledger", str(case), "--json"])
        _children_mib([str(PROGRAM), "verify", str(case)])
        lines = [json.loads(line) for line in ledger.splitlines()]
        _, _, shown = _children_mib([str(PROGRAM), "show", str(case), "media_files", "--json"])
        refused = [json.loads(line)["reason"] for line in shown.splitlines() if json.loads(line).get("reason")]
    return {
        "duration_s": sum(cost[0] for cost in costs),
        "peak_memory_mib": max(cost[1] for cost in costs),
        "unaccounted_bytes": lines[0]["unaccounted_bytes"],
        "defects": next(line["defects"] for line in lines if "defects" in line),
        "media_reasons": refused[:2],
    }


def main() -> int:
    """1 if one of them was not refused, or took more than it may."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", choices=BOMBS, action="append")
    given = arguments.parse_args()
    ordinary = measured("a.txt", b"a line of text\n")
    failed = 0
    for name in given.only or BOMBS:
        file, make = BOMBS[name]
        content = make()
        if content is None:
            print(json.dumps({"measure": f"bombs.{name}", "skipped": "its program is not installed"}), flush=True)
            continue
        found = measured(file, content)
        seconds = round(max(0.0, found["duration_s"] - ordinary["duration_s"]), 2)
        said = bool(found["defects"] or found["media_reasons"]) or name in HARMLESS
        met = said and seconds <= GOAL_S and found["peak_memory_mib"] <= GOAL_MIB and not found["unaccounted_bytes"]
        failed |= not met
        report = {"measure": f"bombs.{name}", "n": 1, "size_bytes": len(content), **found, "duration_s": seconds}
        print(json.dumps(report | {"anchor_s": round(ordinary["duration_s"], 2), "met": met}), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
