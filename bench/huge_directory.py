"""A directory of a million files: entries a second and memory, beside a plain listing by the kernel.

The reader walks it alone; then the program catalogues it whole, once with a tenth of the files, and the peak of memory
of its parent and of its workers is read from the system. Where memory is bounded, ten times the files take no more.

Run as root, which the loop mount needs:
  python bench/huge_directory.py [--files 1200000] [--filesystem ext4] [--file-bytes 0]
"""

from __future__ import annotations

import argparse
import contextlib
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


def build(image: Path, mount: Path, filesystem: str, files: int, file_bytes: int = 0) -> float:
    """Seconds that the kernel takes to list the directory that is made; the image is left behind."""
    with image.open("wb") as file:
        file.truncate(max(512 * _MEBIBYTE, files * (2048 + -(-file_bytes // 4096) * 4096 * 2)))
    options = ["-q", "-F", "-N", str(files + 1000)] if filesystem == "ext4" else ["-q", "-f"]
    subprocess.run([f"mkfs.{filesystem}", *options, str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    try:
        (mount / "uploads").mkdir()
        directory = os.open(mount / "uploads", os.O_RDONLY)
        for number in range(files):
            # Names as an upload store gives them: their order says nothing about when they were made.
            name = f"{number * 2654435761 % 2**32:08x}-{number}.bin"
            made = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=directory)
            if file_bytes:
                os.write(made, (b"%016d" % number * (file_bytes // 16 + 1))[:file_bytes])
            os.close(made)
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


def peaks(*words: object) -> tuple[float, dict[str, int]]:
    """Seconds that a command takes, and the peak of memory in KiB of its parent and of the greatest of its workers."""
    started = time.perf_counter()
    program = Path(sys.executable).with_name("headwater")
    found = {"parent": 0, "workers": 0}
    with subprocess.Popen([program, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None:
            for process, role in _processes(run.pid):
                found[role] = max(found[role], _peak_kib(process))
            time.sleep(0.1)
    if run.returncode:
        raise SystemExit(f"headwater {words[0]}: exit {run.returncode}")
    return time.perf_counter() - started, found


def _processes(parent: int) -> list[tuple[int, str]]:
    found = [(parent, "parent")]
    for process, _ in found:
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
            found += [(int(child), "workers") for child in children.split()]
    return found


def _peak_kib(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def catalogue(image: Path, case: Path, files: int) -> None:
    """Prints a line for each step of the program over an image."""
    made = ("--authority", "Order 1", "--operator", "A. Examiner")
    subprocess.run([Path(sys.executable).with_name("headwater"), "case", "create", case, *made], check=True)
    for words in (
        ("evidence", "add", case, image, "--exhibit", "EX-1"),
        ("run", case, "--until", "evidence"),
        ("run", case, "--until", "catalogue"),
        ("ledger", case),
        ("verify", case),
    ):
        taken_s, peak_kib = peaks(*words)
        told = f"{peak_kib['parent'] // 1024} MiB in the parent, {peak_kib['workers'] // 1024} in a worker"
        step = " ".join(word for word in map(str, words) if word not in {str(case), str(image)})
        sys.stdout.write(f"{files:,} files, {step}: {taken_s:.1f} s, at most {told}\n")


def main() -> None:
    """Prints a line for the walk, and one for each step of the program over a tenth of the files and over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_200_000)
    parser.add_argument("--file-bytes", type=int, default=0)
    parser.add_argument("--filesystem", choices=["ext4", "xfs"], default="ext4")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mount, image, tenth = (Path(folder) / name for name in ("mount", "image", "tenth"))
        mount.mkdir()
        build(tenth, mount, chosen.filesystem, chosen.files // 10, chosen.file_bytes)
        kernel_s = build(image, mount, chosen.filesystem, chosen.files, chosen.file_bytes)
        catalogue(tenth, Path(folder) / "case-tenth", chosen.files // 10)
        catalogue(image, Path(folder) / "case", chosen.files)
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
