"""A directory of a million files, walked: entries a second and memory, beside a plain listing by the kernel.

Run as root, which the loop mount needs:  python bench/huge_directory.py [--files 1200000] [--filesystem ext4]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from headwater_sealed.images import prepare, walk_image

_MEBIBYTE = 1 << 20


def build(image: Path, mount: Path, filesystem: str, files: int) -> float:
    """Seconds that the kernel takes to list the directory that is made; the image is left behind."""
    with image.open("wb") as file:
        file.truncate(max(512 * _MEBIBYTE, files * 2048))
    options = ["-q", "-F", "-N", str(files + 1000)] if filesystem == "ext4" else ["-q", "-f"]
    subprocess.run([f"mkfs.{filesystem}", *options, str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    try:
        (mount / "uploads").mkdir()
        directory = os.open(mount / "uploads", os.O_RDONLY)
        for number in range(files):
            # Names as an upload store gives them: their order says nothing about when they were made.
            name = f"{number * 2654435761 % 2**32:08x}-{number}.bin"
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=directory))
        os.close(directory)
        os.sync()
        started = time.perf_counter()
        assert sum(1 for entry in os.scandir(mount / "uploads") if entry.stat(follow_symlinks=False)) == files
        return time.perf_counter() - started
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def walk(image: Path) -> tuple[int, int, float]:
    """Entries, reasons and seconds of a walk."""
    found = [0, 0]

    def count(batch: Any) -> None:
        found[0] += batch.num_rows
        found[1] += batch.num_rows - batch.column("reason").null_count

    started = time.perf_counter()
    with image.open("rb", buffering=256 * 1024) as file:
        walk_image([file], {"volume_index": 0}, count)
    return found[0], found[1], time.perf_counter() - started


def main() -> None:
    """Prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_200_000)
    parser.add_argument("--filesystem", choices=["ext4", "xfs"], default="ext4")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mount = Path(folder) / "mount"
        mount.mkdir()
        image = Path(folder) / "image"
        kernel_s = build(image, mount, chosen.filesystem, chosen.files)
        prepare()
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        entries, reasons, walk_s = walk(image)
        after_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(
        f"{chosen.filesystem}: {entries} entries, {reasons} with a reason, {entries / walk_s:,.0f}/s"
        f" (kernel, listed with stat: {chosen.files / kernel_s:,.0f}/s);"
        f" peak memory {after_kib // 1024} MiB, {before_kib // 1024} MiB before the walk\n"
    )


if __name__ == "__main__":
    main()
