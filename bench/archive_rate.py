"""Megabytes a second of the archive walk, digests included, beside tar and unzip reading the same archives.

Run: python bench/archive_rate.py [MEGABYTES]
"""

from __future__ import annotations

import gzip
import io
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from headwater_sealed.archives import walk_archive

_MEMBER_BYTES = 256 * 1024
_ROUNDS = 3


def _members(megabytes: int) -> list[bytes]:
    """Members as an upload store has them: half of each packs well, half not at all."""
    rng = random.Random(5)
    text = b"neutral words in a row " * (_MEMBER_BYTES // 46)
    return [rng.randbytes(_MEMBER_BYTES // 2) + text for _ in range(megabytes * 4)]


def _write(folder: Path, members: list[bytes]) -> dict[str, Path]:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for number, content in enumerate(members):
            member = tarfile.TarInfo(f"uploads/{number:06}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    paths = {name: folder / name for name in ("plain.tar", "packed.tar.gz", "packed.zip")}
    paths["plain.tar"].write_bytes(plain.getvalue())
    paths["packed.tar.gz"].write_bytes(gzip.compress(plain.getvalue(), 6))
    with zipfile.ZipFile(paths["packed.zip"], "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(members):
            archive.writestr(f"uploads/{number:06}.bin", content)
    return paths


def _best_s(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began_s = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began_s)
    return best


def _walked(path: Path) -> None:
    with path.open("rb") as file:
        walk_archive([file], {}, lambda _batch: None)


def main() -> None:
    """Prints a line for each archive: our rate, the anchor's, and their ratio."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 128
    members = _members(megabytes)
    whole_mb = sum(map(len, members)) / 1e6
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in _write(Path(scratch), members).items():
            anchor = ["unzip", "-tq", str(path)] if name.endswith("zip") else ["tar", "-tf", str(path)]
            ours_s = _best_s(lambda path=path: _walked(path))  # type: ignore[misc]  # bound now, not later
            told = f"{name}: {whole_mb / ours_s:.0f} MB/s unpacked, with MD5, SHA-1 and SHA-256"
            if shutil.which(anchor[0]) is None:
                print(f"{told}; {anchor[0]} is not installed")
                continue
            other_s = _best_s(lambda anchor=anchor: subprocess.run(anchor, check=True, capture_output=True))  # type: ignore[misc]  # as above
            print(f"{told}; {' '.join(anchor[:2])} {whole_mb / other_s:.0f} MB/s; ratio {other_s / ours_s:.2f}")


if __name__ == "__main__":
    main()
