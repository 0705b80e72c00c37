"""Entries of images, folders, single files and archives: named, digested in sealed workers, told apart by content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Exhibit, Progress
from headwater.evidence.folders import FolderEntry, listing, shown
from headwater.evidence.gather import Gathered
from headwater.evidence.members import entry_of
from headwater.evidence.readable import FileSet, Readable, database_marked, holds_more
from headwater.evidence.sealed import Failure, SealedPool
from headwater.evidence.sealed_schemas import EXPECTED
from headwater.schema import table_named

__all__ = [
    "DIGEST_GROUP_ENTRIES",
    "HEAD_BYTES",
    "block_files",
    "entries_table",
    "read_files",
    "read_folder",
    "read_volume",
]

HEAD_BYTES = 24
"""Enough to tell the kind by, and too little to hold any part of a picture: no media is stored."""
DIGEST_GROUP_ENTRIES = 256
"""Entries digested by one fork: reading is not decoding, so more may share one than the 16 of the decoders."""

_INSTANT = pa.timestamp("us", tz="UTC")
_LEAST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_WALKED = next(expected.schema for expected in EXPECTED if expected.name == "walk_image")
_DIGESTED = next(expected.schema for expected in EXPECTED if expected.name == "digest_entries")
_DIGESTS = ("read_bytes", "md5", "sha1", "sha256")
_LAST_PART = r"(?s)^(?:(.*)/)?[^/]*$"

Addressed = Callable[[int], Mapping[str, Any]]
"""The entry of a job's parameters for the file of that number."""


def read_volume(
    exhibit: Exhibit, reached: FileSet, pool: SealedPool, gathered: Gathered, progress: Progress
) -> Iterator[Readable]:
    """Takes in the entries of a volume, and gives those files that may hold more."""
    batches = pool.stream("walk_image", reached.files, reached.volume)
    walked = pa.Table.from_batches(batches, schema=_WALKED).combine_chunks()
    paths = walked["path"].combine_chunks() if walked.num_rows else pa.array([], pa.binary())
    walked, keys = _refuse_repeated(walked, paths)
    place = np.flatnonzero(
        pc.and_(pc.equal(walked["entry_type"], "file"), pc.is_null(walked["reason"])).to_numpy(zero_copy_only=False)
    )

    def addressed(number: int) -> dict[str, Any]:
        at = int(place[number])
        return entry_of(paths[at].as_py(), inode=walked["inode"][at].as_py())

    digested = _digested(pool, reached, len(place), addressed, progress)
    yield from _take_in(exhibit, reached, walked, keys, place, digested, addressed, gathered)


def _refuse_repeated(walked: pa.Table, paths: pa.Array) -> tuple[pa.Table, pa.Array]:
    """Refuse every entry but the first of those that a damaged directory gives the same path.

    Only the first can be reached by its path, as on a running system. The others keep a row of their own, with a zero
    byte, which no name holds, and their number behind the path. The walk comes in the order of paths.
    """
    if len(paths) < 2:
        return walked, paths
    same = pc.equal(paths[1:], paths[:-1]).to_numpy(zero_copy_only=False)
    if not same.any():
        return walked, paths
    keys, reasons = paths.to_pylist(), walked["reason"].to_pylist()
    named = 1
    for number, again in enumerate(same.tolist(), start=1):
        named = named + 1 if again else 1
        if again:
            reasons[number] = f"named {named} times in its directory; only the first can be read"
            keys[number] += b"\0%d" % named
    place = walked.schema.get_field_index("reason")
    return walked.set_column(place, walked.schema.field(place), pa.array(reasons, pa.string())), pa.array(
        keys, pa.binary()
    )


def read_folder(exhibit: Exhibit, pool: SealedPool, gathered: Gathered, progress: Progress) -> Iterator[Readable]:
    """Takes in the entries of a plain folder, and gives those files that may hold more.

    The names come from this machine's own filesystem, so the parent lists them itself.
    """
    found = list(listing(exhibit.path))
    yield from _read_listed(exhibit, found, pool, gathered, progress, whole=False)


def read_files(exhibit: Exhibit, pool: SealedPool, gathered: Gathered, progress: Progress) -> Iterator[Readable]:
    """Takes in a dump, a wallet, an archive or block files: each file is one entry."""
    files = block_files(exhibit.path) if exhibit.path.is_dir() else [exhibit.path]
    found = [
        FolderEntry(
            path_bytes=os.fsencode(file.name),
            absolute=file,
            entry_type="file",
            size_bytes=file.stat().st_size,
            modified_at_us=None,
            inode=None,
            links=None,
        )
        for file in files
    ]
    yield from _read_listed(exhibit, found, pool, gathered, progress, whole=True)


def block_files(folder: Path) -> list[Path]:
    """The files of a node's block store, in the order of their names."""
    return sorted(path for pattern in ("blk*.dat", "rev*.dat", "xor.dat") for path in folder.glob(pattern))


def _read_listed(
    exhibit: Exhibit,
    found: Sequence[FolderEntry],
    pool: SealedPool,
    gathered: Gathered,
    progress: Progress,
    *,
    whole: bool,
) -> Iterator[Readable]:
    columns = {
        "path": [entry.path_bytes for entry in found],
        "entry_type": [entry.entry_type for entry in found],
        "size_bytes": [entry.size_bytes if entry.entry_type == "file" else 0 for entry in found],
        "modified_at_us": [entry.modified_at_us for entry in found],
        # The inode is this machine's, not the exhibit's.
        "inode": [None] * len(found),
        "links": [entry.links for entry in found],
        "offset_bytes": [0 if whole else None] * len(found),
        "reason": [entry.reason for entry in found],
    }
    walked = pa.table({name: pa.array(columns[name], _WALKED.field(name).type) for name in _WALKED.names})
    place = np.array([n for n, entry in enumerate(found) if entry.entry_type == "file" and entry.reason is None], int)
    reached = FileSet(files=[found[number].absolute for number in place.tolist()])

    def addressed(number: int) -> dict[str, Any]:
        return {"file_index": number}

    digested = _digested(pool, reached, len(place), addressed, progress)
    keys = walked["path"].combine_chunks() if walked.num_rows else pa.array([], pa.binary())
    yield from _take_in(exhibit, reached, walked, keys, place, digested, addressed, gathered, whole=whole)


def _digested(pool: SealedPool, reached: FileSet, count: int, addressed: Addressed, progress: Progress) -> pa.Table:
    """A row for each addressed file, in order."""
    starts = range(0, count, DIGEST_GROUP_ENTRIES)
    sizes = [min(DIGEST_GROUP_ENTRIES, count - start) for start in starts]
    groups = (
        reached.parameters([addressed(number) for number in range(start, start + size)])
        for start, size in zip(starts, sizes, strict=True)
    )
    parts = []
    done = 0
    for size, result in zip(sizes, pool.groups("digest_entries", reached.files, groups), strict=True):
        parts.append(_failed(size, result) if isinstance(result, Failure) else result)
        done += size
        progress("files", done, count)
    return pa.concat_tables([_DIGESTED.empty_table(), *parts])


def _failed(count: int, failure: Failure) -> pa.Table:
    row = {"read_bytes": 0, "reason": failure.reason}
    return pa.Table.from_pylist([{"entry_index": number, **row} for number in range(count)], schema=_DIGESTED)


def _take_in(
    exhibit: Exhibit,
    reached: FileSet,
    walked: pa.Table,
    keys: pa.Array,
    place: np.ndarray,
    digested: pa.Table,
    addressed: Addressed,
    gathered: Gathered,
    *,
    whole: bool = False,
) -> Iterator[Readable]:
    """Entries of what was walked, with the digests of the files at `place`."""
    count = walked.num_rows
    volume = reached.volume_index or 0
    where = np.full(count, -1)
    where[place] = np.arange(len(place))
    of_file = digested.take(pa.array(where, mask=where < 0))
    reason = pc.coalesce(walked["reason"], of_file["reason"])
    refused = pc.is_valid(reason)
    columns = {name: walked[name] for name in ("entry_type", "size_bytes", "inode", "links", "offset_bytes")}
    columns |= {name: pc.if_else(refused, None, of_file[name]) for name in _DIGESTS}
    columns["read_bytes"] = pc.fill_null(columns["read_bytes"], 0)
    columns["head"] = pc.if_else(refused, None, pc.binary_slice(of_file["head"], 0, HEAD_BYTES))
    table = entries_table(
        exhibit.exhibit_id,
        volume,
        keys,
        walked["path"],
        columns | {"modified_at_us": walked["modified_at_us"], "reason": reason},
    )
    gathered.add("entries", table)
    for path, told in zip(
        table.filter(refused)["path"].to_pylist(), table.filter(refused)["reason"].to_pylist(), strict=True
    ):
        gathered.defect(exhibit.exhibit_id, path, "entry_not_readable", told)
    formats = digested["content_format"].to_pylist()
    for number, name in enumerate(formats):
        at = int(place[number])
        path = keys[at].as_py()
        # In folders and images their rows are read, by their own servers.
        read = exhibit.exhibit_kind in {"directory", "disk-image"}
        if not read and (database := database_marked(path)) is not None:
            told = f"of a data directory of {database}: its rows are not read; add the folder that it lies in"
            gathered.defect(exhibit.exhibit_id, shown(path), "database_not_read", told)
        if refused[at].as_py() or not (whole or holds_more(name, path) or gathered.named(shown(path))):
            continue
        yield Readable(
            exhibit_id=exhibit.exhibit_id,
            volume_index=volume,
            path_bytes=path,
            sha256=digested["sha256"][number].as_py(),
            size_bytes=digested["read_bytes"][number].as_py(),
            content_format=name,
            reached=reached,
            entry=addressed(number),
            whole=whole,
        )


def entries_table(
    exhibit_id: str, volume_index: int, keys: pa.Array, paths: pa.Array, columns: Mapping[str, pa.Array]
) -> pa.Table:
    """Rows of the table `entries`.

    Args:
        exhibit_id: The exhibit.
        volume_index: Volume within the image.
        keys: What tells entries apart; their paths, but for those that cannot be reached by one.
        paths: Their paths as bytes.
        columns: All other columns; `modified_at_us` in place of the instant; those with a reason are refused.
    """
    table = table_named("entries")
    count = len(keys)
    shown_paths = _shown(paths)
    us = columns["modified_at_us"]
    in_calendar = pc.and_(pc.greater_equal(us, _LEAST_US), pc.less_equal(us, _LATEST_US))
    disposition = pc.if_else(pc.is_valid(columns["reason"]), "refused", "catalogued")
    made = {
        "exhibit_id": pa.repeat(pa.scalar(exhibit_id), count),
        "volume_index": pa.repeat(pa.scalar(volume_index, pa.int64()), count),
        "path": shown_paths,
        "path_bytes": keys,
        "directory": pc.replace_substring_regex(shown_paths, pattern=_LAST_PART, replacement=r"\1"),
        "disposition": disposition,
        "modified_at_utc": pc.if_else(in_calendar, us, None).cast(_INSTANT),
        **{name: values for name, values in columns.items() if name != "modified_at_us"},
    }
    arrow = table.arrow
    arrays = [made[f.name] if f.name in made else pa.nulls(count, f.type) for f in arrow]
    return pa.table([_cast(array, f.type) for array, f in zip(arrays, arrow, strict=True)], schema=arrow)


def _cast(values: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return values if values.type == kind else values.cast(kind)


def _shown(paths: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    try:
        return paths.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([shown(path) for path in paths.to_pylist()], pa.string())
