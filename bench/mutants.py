"""Damaged inputs by the thousand, through the whole of intake: nothing dies, everything adds up, nothing is written.

Files of each family lie in one folder, which is one exhibit of a case of its own: it is taken in, run and verified by
the program itself, in a home, a folder for temporary files and a working directory that are watched. Wallets and disk
images, which are exhibits of their own, go through the sealed workers one by one.

Prints one JSON object a line for each family, and ends with 1 if a promise was broken.

    bench/mutants.py --count 10000            all families
    bench/mutants.py --family disks --count 500 --seed 3
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from headwater.evidence import SealedPool
from headwater.evidence.sealed import SealedWorkerError
from headwater_synth.disk_image import mke2fs_program
from headwater_synth.mutant_seeds import sound_inputs, sound_wallets
from headwater_synth.mutants import mutated, patches

PROGRAM = Path(sys.executable).with_name("headwater")
WATCHED = ("home", "temporary", "working")
MEBIBYTE = 1 << 20


class BrokenPromiseError(Exception):
    """A promise was broken; its text says which."""


def listing(folder: Path) -> str:
    """A digest of all names and contents under a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def write_mutants(family: str, folder: Path, count: int, seed: int) -> None:
    """So many damaged inputs of a family, each in a folder of its own with the files that belong to it."""
    seeds = sound_inputs()[family]
    names = sorted(seeds)
    for number in range(count):
        chance = random.Random(f"{seed} {family} {number}")
        name = names[number % len(names)]
        place = folder / f"{number // 1000:03}" / f"{number % 1000:03}-{name}"
        place.mkdir(parents=True)
        files = list(seeds[name])
        # What belongs to it is damaged now and then; the rest is as it was.
        damaged = files[0] if len(files) == 1 or chance.random() < 0.7 else chance.choice(files[1:])
        for file, content in seeds[name].items():
            (place / file).write_bytes(mutated(content, chance) if file == damaged else content)


def through_a_case(family: str, scratch: Path, count: int, seed: int) -> dict[str, Any]:
    """What came of a folder of damaged inputs.

    Raises:
        BrokenPromiseError: A promise was.
    """
    exhibit, case = scratch / "exhibit", scratch / "case"
    write_mutants(family, exhibit, count, seed)
    for name in WATCHED:
        (scratch / name).mkdir()
    before = listing(exhibit)
    environment = {
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "temporary"),
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
    }

    def run(*words: object) -> str:
        command = [str(PROGRAM), *map(str, words)]
        done = subprocess.run(
            command, env=environment, cwd=scratch / "working", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BrokenPromiseError(
                f"{' '.join(command[1:3])} ended with {done.returncode}: {done.stderr.strip()[-600:]}"
            )
        return done.stdout

    run("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner")
    run("evidence", "add", case, exhibit, "--exhibit", "EX-1")
    run("run", case, "--until", "media" if family in ("stills", "videos") else "catalogue")
    ledger = [json.loads(line) for line in run("ledger", case, "--json").splitlines()]
    run("verify", case)
    defects = Counter(json.loads(line)["code"] for line in run("show", case, "defects", "--json").splitlines())
    if ledger[0]["unaccounted_bytes"]:
        raise BrokenPromiseError(f"{ledger[0]['unaccounted_bytes']} bytes are unaccounted for")
    if listing(exhibit) != before:
        raise BrokenPromiseError("the exhibit was changed")
    for name in WATCHED:
        found = sorted(path.name for path in (scratch / name).rglob("*"))
        if found:
            raise BrokenPromiseError(f"something was written outside of the case, in {name}: {found[:5]}")
    return {"defects": dict(sorted(defects.items()))}


def told(
    pool: SealedPool, job: str, files: list[Path], parameters: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str]:
    """The rows of a job, and why it stopped before its end; empty if it did not."""
    rows: list[dict[str, Any]] = []
    try:
        for batch in pool.stream(job, files, parameters):
            rows += batch.to_pylist()
    except SealedWorkerError as error:
        return rows, error.reason
    return rows, ""


def wallet_outcome(pool: SealedPool, wallet: Path) -> str:
    """How reading one wallet ended."""
    rows, reason = told(pool, "read_wallet", [wallet], {})
    return outcome(reason) if reason else ("read" if rows else "nothing")


def outcome(reason: str) -> str:
    """A reason without what differs from one input to the next."""
    return "".join("#" if letter.isdigit() else letter for letter in reason)[:60]


def wallets(scratch: Path, count: int, seed: int) -> dict[str, Any]:
    """What came of damaged wallets."""
    sound = sound_wallets()
    names = sorted(sound)
    counted: Counter[str] = Counter()
    with SealedPool(workers=2) as pool, ThreadPoolExecutor(2) as threads:

        def one(number: int) -> str:
            chance = random.Random(f"{seed} wallets {number}")
            path = scratch / f"{number}.wallet"
            path.write_bytes(mutated(sound[names[number % len(names)]], chance))
            try:
                return wallet_outcome(pool, path)
            finally:
                path.unlink()

        counted.update(threads.map(one, range(count)))
    return {"outcomes": dict(counted.most_common(12))}


def made_disks(scratch: Path) -> Iterator[Path]:
    """Small disk images, of every file system and container that programs for are here."""
    tree = scratch / "tree"
    (tree / "folder").mkdir(parents=True)
    for number in range(12):
        (tree / "folder" / f"{number}.txt").write_bytes(f"text {number}\n".encode() * (number * number))
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

    def made(name: str, size: str, *command: object) -> Path | None:
        image = scratch / name
        subprocess.run(["truncate", "-s", size, image], check=True)
        program = shutil.which(str(command[0]), path=path)
        words = [image if word == "IMAGE" else word for word in command[1:]]
        if program is None or subprocess.run([program, *words], capture_output=True, check=False).returncode:
            return None
        return image

    ext = made("ext4.raw", "1M", mke2fs_program(), "-q", "-F", "-t", "ext4", "-b", "1024", "-d", tree, "IMAGE")
    made_images = [
        ext,
        made("ext2.raw", "1M", mke2fs_program(), "-q", "-F", "-t", "ext2", "-d", tree, "IMAGE"),
        made("btrfs.raw", "128M", "mkfs.btrfs", "-q", "--rootdir", tree, "IMAGE"),
        made("fat.raw", "1440K", "mkfs.vfat", "IMAGE"),
        made("exfat.raw", "4M", "mkfs.exfat", "IMAGE"),
        made("ntfs.raw", "4M", "mkntfs", "-q", "-F", "IMAGE"),
    ]
    proto = scratch / "proto"
    files = "".join(f"{n}.txt ---644 0 0 {tree}/folder/{n}.txt\n" for n in range(12))
    proto.write_text(f"boot\n0 0\nd--755 0 0\nfolder d--755 0 0\n{files}$\n$\n")
    made_images.append(made("xfs.raw", "320M", "mkfs.xfs", "-q", "-p", proto, "IMAGE"))
    if (ntfs := scratch / "ntfs.raw").is_file() and (ntfscp := shutil.which("ntfscp", path=path)):
        for name in sorted((tree / "folder").iterdir()):
            subprocess.run([ntfscp, "-q", ntfs, name, name.name], check=False, capture_output=True)
    if (fat := scratch / "fat.raw").is_file() and shutil.which("mcopy"):
        subprocess.run(["mcopy", "-s", "-i", fat, tree / "folder", "::/"], check=False, capture_output=True)
    if ext is not None:
        made_images += [
            made(f"ext4.{form}", "0", "qemu-img", "convert", "-O", form, ext, "IMAGE")
            for form in ("qcow2", "vmdk", "vpc", "vhdx", "vdi")
        ]
    yield from (image for image in made_images if image is not None)


def disks(scratch: Path, count: int, seed: int) -> dict[str, Any]:
    """What came of damaged disk images, each patched in place and put right again."""
    counted: Counter[str] = Counter()
    images = list(made_disks(scratch))
    each = -(-count // len(images))
    done: Counter[str] = Counter()
    with SealedPool(workers=2) as pool, ThreadPoolExecutor(2) as threads:

        def of_image(image: Path) -> Counter[str]:
            content = image.read_bytes()
            places = np.flatnonzero(np.frombuffer(content, np.uint8)).tolist()
            found: Counter[str] = Counter()
            with image.open("r+b") as file:
                for number in range(each):
                    chance = random.Random(f"{seed} {image.name} {number}")
                    changes = patches(content, places, chance)
                    for at, new in changes:
                        file.seek(at)
                        file.write(new)
                    file.flush()
                    found[disk_outcome(pool, image)] += 1
                    for at, new in changes:
                        file.seek(at)
                        file.write(content[at : at + len(new)])
            return found

        for image, found in zip(images, threads.map(of_image, images), strict=True):
            counted += found
            done[image.name] += sum(found.values())
    return {"images": dict(done), "outcomes": dict(counted.most_common(12))}


def disk_outcome(pool: SealedPool, image: Path) -> str:
    """How reading one disk image ended."""
    _, reason = told(pool, "describe_image", [image], {})
    if reason:
        return outcome(reason)
    volumes, reason = told(pool, "list_volumes", [image], {})
    if reason:
        return outcome(reason)
    read = [volume for volume in volumes if volume["status"] == "readable"]
    if not read:
        return "no readable volume"
    volume = {"volume_index": read[0]["volume_index"]}
    entries, reason = told(pool, "walk_image", [image], volume)
    if reason:
        return outcome(reason)
    ranges, reason = told(pool, "tile_medium", [image], {})
    if reason:
        return outcome(reason)
    if any(one["start_bytes"] + one["range_bytes"] != next_one["start_bytes"] for one, next_one in pairwise(ranges)):
        raise BrokenPromiseError("the ranges of a medium do not meet")
    files = [e for e in entries if e["entry_type"] == "file" and e["reason"] is None][:64]
    named = [{"path_hex": entry["path"].hex(), "inode": entry["inode"]} for entry in files]
    if named:
        _, reason = told(pool, "digest_entries", [image], {**volume, "entries": named})
    return outcome(reason) if reason else "read"


OTHERS: Mapping[str, Callable[[Path, int, int], dict[str, Any]]] = {"wallets": wallets, "disks": disks}
FILES = ("dumps", "documents", "logs", "archives", "stills", "videos")


def main() -> int:
    """1 if a promise was broken."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--count", type=int, default=10_000, help="damaged inputs of each family")
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--family", choices=(*FILES, *OTHERS), action="append")
    given = arguments.parse_args()
    broken = 0
    for family in given.family or (*FILES, *OTHERS):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            try:
                if family in OTHERS:
                    found = OTHERS[family](Path(folder), given.count, given.seed)
                else:
                    found = through_a_case(family, Path(folder), given.count, given.seed)
            except BrokenPromiseError as error:
                found, broken = {"broken": str(error)}, 1
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(
            json.dumps(
                {
                    "measure": f"mutants.{family}",
                    "n": given.count,
                    "seed": given.seed,
                    "duration_s": round(time.monotonic() - began, 1),
                    "peak_memory_mib": peak * 1024 // MEBIBYTE,
                    **found,
                }
            ),
            flush=True,
        )
    return broken


if __name__ == "__main__":
    sys.exit(main())
