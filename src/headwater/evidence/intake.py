"""Take an exhibit in: say what it is by its content, digest it whole, and refuse clearly what cannot be read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from headwater.engine import Progress, silent
from headwater.errors import InputError, UnreadableInputError, UnsupportedFormatError
from headwater.evidence.block_store import block_files
from headwater.evidence.folders import listing
from headwater.evidence.image_files import image_parameters, image_segments, image_sources
from headwater.evidence.readable import holds_more, is_table_of_text
from headwater.evidence.row_files import LOG_SUFFIX, ROW_JOBS
from headwater.evidence.sealed import SealedPool

__all__ = ["EXHIBIT_KINDS", "Acquired", "Stamp", "acquire", "recognise", "stamp_of", "whole_digest"]

EXHIBIT_KINDS = ("disk-image", "directory", "dump", "wallet", "blocks", "file")

_DIGEST_CHUNK_BYTES = 1 << 20
_TAIL_BYTES = 4096
_IMAGE_SIGNATURES = (
    (b"EVF\t\r\n\xff\x00", 0),
    (b"EVF2\r\n\x81\x00", 0),
    (b"QFI\xfb", 0),
    (b"KDMV", 0),
    (b"# Disk DescriptorFile", 0),
    (b"vhdxfile", 0),
    (b"conectix", 0),
    (b"AFF10\r\n\x00", 0),
    (b"NXSB", 32),
)
_DUMP_ENDS = {"mysql-dump": b"-- Dump completed", "postgres-dump": b"-- PostgreSQL database dump complete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What shows cheaply that a file is still the one that was digested.

    Attributes:
        size_bytes: Its size, or the sum of sizes.
        modified_at_ns: Its modification time; the latest of several.
        files: How many files.
    """

    size_bytes: int
    modified_at_ns: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """An exhibit that was taken in.

    Attributes:
        row: Its row of the table `exhibits`.
        stamp: To see later whether it was touched.
    """

    row: dict[str, object]
    stamp: Stamp


def recognise(path: Path, pool: SealedPool) -> str:
    """What kind of exhibit lies at that path, by content.

    Args:
        path: File or folder.
        pool: Sealed workers, which look at the content.

    Raises:
        InputError: Nothing is there, or it is empty.
    """
    if not path.exists():
        raise InputError(path, "no such file or folder", remedy="check the path")
    if path.is_dir():
        return "blocks" if any(path.glob("blk*.dat")) else "directory"
    if not path.is_file():
        raise InputError(path, "neither a file nor a folder", remedy="image a device first, then add the image")
    head = _head(path)
    if not head:
        raise UnreadableInputError(path, "empty file", offset_bytes=0, remedy="check the acquisition")
    found = _format_of(path, pool)
    if found in _DUMP_ENDS:
        return "dump"
    if found in ("berkeley-db", "core-wallet", "electrum-wallet"):
        return "wallet"
    # What is no image that is known may still be one without a table or with an unknown file system, and is refused as
    # such; a file is one only where its content says what it is.
    name = os.fsencode(path.name)
    return "file" if holds_more(found, b"") or (holds_more(found, name) and is_table_of_text(name)) else "disk-image"


def _format_of(path: Path, pool: SealedPool) -> str:
    return str(next(iter(pool.stream("sniff_files", [path], {}))).to_pylist()[0]["content_format"])


def acquire(
    path: Path,
    *,
    exhibit_id: str,
    exhibit_kind: str,
    pool: SealedPool,
    accept_defects: bool = False,
    secret: Path | None = None,
    progress: Progress = silent,
) -> Acquired:
    """Digest an exhibit whole and make sure that it is what it says.

    Args:
        path: File or folder; read, never written.
        exhibit_id: The agency's number.
        exhibit_kind: One of EXHIBIT_KINDS.
        pool: Sealed workers, which do all parsing.
        accept_defects: Take in a damaged exhibit; what is missing becomes `defects`.
        secret: File that holds the passphrase of an encrypted image.
        progress: Told of bytes digested.

    Raises:
        InputError: It is not what it says, is damaged, or holds nothing that can be read.
    """
    if exhibit_kind == "disk-image":
        found = _check_image(path, pool, secret, accept_defects=accept_defects)
    elif exhibit_kind == "dump":
        name = _format_of(path, pool)
        name = name if name in _DUMP_ENDS else "mysql-dump"
        found = {"container_format": name, "integrity": _check_dump(path, name, accept_defects=accept_defects)}
    elif exhibit_kind == "wallet":
        first = next(iter(pool.stream("read_wallet", [path], {})), None)
        told = first["wallet_format"][0].as_py() if first is not None and first.num_rows else "wallet"
        found = {"container_format": told, "integrity": "not-stored"}
    elif exhibit_kind == "blocks":
        found = {"container_format": "core-blocks", "integrity": "not-stored"}
    elif exhibit_kind == "file":
        name = _format_of(path, pool)
        log = path.with_name(path.name + os.fsdecode(LOG_SUFFIX))
        if name == "sqlite" and log.exists() and log.stat().st_size and not accept_defects:
            raise InputError(
                path,
                f"its write-ahead log {log.name} stands beside it and holds a part of the database",
                remedy="add the folder, so that both are taken in, or the one file alone with --accept-defects",
            )
        if name in ROW_JOBS:
            # What cannot even be begun with is refused here, not first when it is read.
            how = ROW_JOBS[name]
            next(iter(pool.stream(how.job, [path], how.parameters(path.name))), None)
        found = {"container_format": name, "integrity": "not-stored"}
    elif exhibit_kind == "directory":
        found = {"container_format": "directory", "integrity": "not-stored"}
    else:
        raise UnsupportedFormatError(path, found=exhibit_kind, known=EXHIBIT_KINDS)
    stamp = stamp_of(path, exhibit_kind)
    digests = _digests(path, exhibit_kind, stamp.size_bytes, progress)
    row: dict[str, object] = {
        "exhibit_id": exhibit_id,
        "exhibit_kind": exhibit_kind,
        "files": stamp.files,
        "size_bytes": stamp.size_bytes,
        **digests,
        **found,
    }
    return Acquired(row=row, stamp=stamp)


def whole_digest(path: Path, exhibit_kind: str, progress: Progress = silent) -> str:
    """SHA-256 of the exhibit as it lies there now, by the same recipe as `acquire`."""
    size_bytes = stamp_of(path, exhibit_kind).size_bytes
    return str(_digests(path, exhibit_kind, size_bytes, progress)["sha256"])


def stamp_of(path: Path, exhibit_kind: str) -> Stamp:
    """The exhibit's stamp as it is now.

    Raises:
        InputError: It is gone.
    """
    if not path.exists():
        raise InputError(path, "the exhibit is gone", remedy="bring it back to this place, or attach its storage")
    size_bytes = modified_at_ns = files = 0
    for file in _files_of(path, exhibit_kind):
        found = file.stat()
        size_bytes += found.st_size
        modified_at_ns = max(modified_at_ns, found.st_mtime_ns)
        files += 1
    return Stamp(size_bytes=size_bytes, modified_at_ns=modified_at_ns, files=files)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _files_of(path: Path, exhibit_kind: str) -> Iterable[Path]:
    if exhibit_kind == "blocks":
        return block_files(path)
    if path.is_dir():
        return (path / os.fsdecode(entry.path_bytes) for entry in listing(path) if entry.entry_type == "file")
    return image_segments(path) if exhibit_kind == "disk-image" else [path]


def _digests(path: Path, exhibit_kind: str, total: int, progress: Progress) -> dict[str, object]:
    """MD5, SHA-1 and SHA-256 of one file in one read; of several, SHA-256 of their sorted listing with digests."""
    found = _files_of(path, exhibit_kind)
    files = found if path.is_dir() else list(found)
    done = 0
    if isinstance(files, list) and len(files) == 1 and not path.is_dir():
        hashers = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}
        with files[0].open("rb") as source:
            while chunk := source.read(_DIGEST_CHUNK_BYTES):
                for hasher in hashers.values():
                    hasher.update(chunk)
                done += len(chunk)
                progress("bytes", done, total)
        return {name: hasher.hexdigest() for name, hasher in hashers.items()}
    lines = []
    for file in files:
        with file.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        done += file.stat().st_size
        progress("bytes", done, total)
        name = os.fsencode(file.relative_to(path) if path.is_dir() else file.name)
        lines.append(digest.encode("ascii") + b"  " + name + b"\0")
    return {"md5": None, "sha1": None, "sha256": hashlib.sha256(b"".join(sorted(lines))).hexdigest()}


def _check_image(path: Path, pool: SealedPool, secret: Path | None, *, accept_defects: bool) -> dict[str, object]:
    files, parameters = image_sources(path, secret), image_parameters(path, secret)
    described = next(iter(pool.stream("describe_image", files, parameters))).to_pylist()[0]
    if described["integrity"] == "failed" and not accept_defects:
        raise UnreadableInputError(
            path,
            str(described["reason"] or "the image does not match the digest stored in it"),
            remedy="acquire it again, or take it in as damaged with --accept-defects",
        )
    volumes = [row for batch in pool.stream("list_volumes", files, parameters) for row in batch.to_pylist()]
    if not any(volume["status"] == "readable" for volume in volumes):
        first = volumes[0] if volumes else {"offset_bytes": 0, "reason": "no volume was found"}
        known = any(_head(path)[at : at + len(magic)] == magic for magic, at in _IMAGE_SIGNATURES)
        raise UnreadableInputError(
            path,
            f"{first['reason'] or 'unknown filesystem'}: no readable volume"
            + ("" if known else " (not a disk image, dump, wallet, archive, log or block file that is known here)"),
            offset_bytes=int(str(first["offset_bytes"])),
            remedy="nothing was taken in; set it aside or convert it with a validated tool",
        )
    return {
        "container_format": described["container_format"],
        "medium_bytes": described["medium_bytes"],
        "integrity": described["integrity"],
        "encrypted": secret is not None,
    }


def _check_dump(path: Path, container_format: str, *, accept_defects: bool) -> str:
    """Whether the dump ends as the program that writes them ends one; what it holds is parsed later."""
    closing = _DUMP_ENDS[container_format]
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        complete = closing in file.read()
    if complete:
        return "verified"
    if accept_defects:
        return "incomplete"
    raise UnreadableInputError(
        path,
        f"truncated dump: the closing line '{closing.decode('ascii').removeprefix('-- ')}' is missing",
        offset_bytes=size,
        remedy="ask for the whole dump, or take in what there is with --accept-defects",
    )
