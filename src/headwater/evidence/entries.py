"""Entries of images, folders, single files and archives: named, digested in sealed workers, told apart by content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Exhibit, Replay, StageContext
from headwater.evidence.block_store import block_files
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
    "entries_table",
    "read_files",
    "read_folder",
    "read_volume",
]

HEAD_BYTES = 24
"""Enough to tell the kind by, and too little to hold any part of a picture: no media is stored."""
DIGEST_GROUP_ENTRIES = 256
"""Entries digested by one fork: reading is not decoding, so more may share one than the 16 of the decoders."""
PART_ENTRIES = 16_384
"""Entries that are held at a time: a directory may name more than fit into memory."""

_INSTANT = pa.timestamp("us", tz="UTC")
_LEAST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_WALKED = next(expected.schema for expected in EXPECTED if expected.name == "walk_image")
_DIGESTED = next(expected.schema for expected in EXPECTED if expected.name == "digest_entries")
_DIGESTS = ("read_bytes", "md5", "sha1", "sha256")
_LAST_PART = r"(?s)^(?:(.*)/)?[^/]*$"

_Walked = tuple[pa.Table, pa.Array]
"""Entries as a walk gives them, and what tells them apart."""
_Reached = tuple[FileSet, Sequence[Mapping[str, Any]]]
"""What a job is handed to reach some files, and the entry of its parameters for each of them."""


def read_volume(
    exhibit: Exhibit, reached: FileSet, pool: SealedPool, gathered: Gathered, context: StageContext
) -> Iterator[Readable]:
    """Takes in the entries of a volume, and gives those files that may hold more."""

    def reach(part: pa.Table, files: np.ndarray) -> _Reached:
        chosen = part.take(pa.array(files))
        pairs = zip(chosen["path"].to_pylist(), chosen["inode"].to_pylist(), strict=True)
        return reached, [entry_of(path, inode=inode) for path, inode in pairs]

    with Replay(_WALKED, context.scratch) as walked:
        count = 0
        for batch in pool.stream("walk_image", reached.files, reached.volume):
            walked.add(batch)
            count += len(_files(batch))
        yield from _take_in(exhibit, _told_apart(walked.parts(PART_ENTRIES)), reach, count, pool, gathered, context)


def _told_apart(parts: Iterable[pa.Table]) -> Iterator[_Walked]:
    """The parts of a walk with their keys; every entry is refused but the first of those with the same path.

    A damaged directory gives several entries one path, of which only the first can be reached, as on a running system.
    The others keep a row of their own, with a zero byte, which no name holds, and their number behind the path. The
    walk comes in the order of paths.
    """
    last, named = None, 1
    for part in parts:
        paths = part["path"].combine_chunks()
        before = pa.concat_arrays([pa.array([last], pa.binary()), paths[:-1]])
        same = pc.fill_null(pc.equal(paths, before), fill_value=False).to_numpy(zero_copy_only=False)
        last = paths[-1].as_py()
        if not same.any():
            named = 1
            yield part, paths
            continue
        keys, reasons = paths.to_pylist(), part["reason"].to_pylist()
        for number, again in enumerate(same.tolist()):
            named = named + 1 if again else 1
            if again:
                reasons[number] = f"named {named} times in its directory; only the first can be read"
                keys[number] += b"\0%d" % named
        place = part.schema.get_field_index("reason")
        told = part.set_column(place, part.schema.field(place), pa.array(reasons, pa.string()))
        yield told, pa.array(keys, pa.binary())


def read_folder(exhibit: Exhibit, pool: SealedPool, gathered: Gathered, context: StageContext) -> Iterator[Readable]:
    """Takes in the entries of a plain folder, and gives those files that may hold more.

    The names come from this machine's own filesystem, so the parent lists them itself.
    """
    yield from _read_listed(exhibit, listing(exhibit.path), exhibit.path, pool, gathered, context)


def read_files(exhibit: Exhibit, pool: SealedPool, gathered: Gathered, context: StageContext) -> Iterator[Readable]:
    """Takes in a dump, a wallet, an archive or block files: each file is one entry."""
    files = block_files(exhibit.path) if exhibit.exhibit_kind == "blocks" else [exhibit.path]
    found = (
        FolderEntry(
            path_bytes=os.fsencode(file.name),
            entry_type="file",
            size_bytes=file.stat().st_size,
            modified_at_us=None,
            links=None,
        )
        for file in files
    )
    folder = exhibit.path if exhibit.path.is_dir() else exhibit.path.parent
    yield from _read_listed(exhibit, found, folder, pool, gathered, context, whole=True)


def _read_listed(
    exhibit: Exhibit,
    found: Iterable[FolderEntry],
    folder: Path,
    pool: SealedPool,
    gathered: Gathered,
    context: StageContext,
    *,
    whole: bool = False,
) -> Iterator[Readable]:
    def reach(part: pa.Table, files: np.ndarray) -> _Reached:
        paths = part["path"].take(pa.array(files)).to_pylist()
        reached = FileSet(files=[folder / os.fsdecode(path) for path in paths])
        return reached, [{"file_index": number} for number in range(len(paths))]

    with Replay(_WALKED, context.scratch) as walked:
        count = 0
        rest = iter(found)
        while some := list(islice(rest, PART_ENTRIES)):
            batch = _listed(some, offset_bytes=0 if whole else None)
            walked.add(batch)
            count += len(_files(batch))
        parts = ((part, part["path"].combine_chunks()) for part in walked.parts(PART_ENTRIES))
        yield from _take_in(exhibit, parts, reach, count, pool, gathered, context, whole=whole)


def _listed(found: Sequence[FolderEntry], *, offset_bytes: int | None) -> pa.RecordBatch:
    columns: dict[str, list[Any]] = {
        "path": [entry.path_bytes for entry in found],
        "entry_type": [entry.entry_type for entry in found],
        "size_bytes": [entry.size_bytes if entry.entry_type == "file" else 0 for entry in found],
        "modified_at_us": [entry.modified_at_us for entry in found],
        # The inode is this machine's, not the exhibit's.
        "inode": [None] * len(found),
        "links": [entry.links for entry in found],
        "offset_bytes": [offset_bytes] * len(found),
        "reason": [entry.reason for entry in found],
    }
    return pa.RecordBatch.from_pydict(columns, schema=_WALKED)


def _files(walked: pa.Table | pa.RecordBatch) -> np.ndarray:
    """Places of the entries that are files and can be reached."""
    read = pc.and_(pc.equal(walked["entry_type"], "file"), pc.is_null(walked["reason"]))
    return np.flatnonzero(read.to_numpy(zero_copy_only=False))


def _take_in(
    exhibit: Exhibit,
    walked: Iterable[_Walked],
    reach: Callable[[pa.Table, np.ndarray], _Reached],
    count: int,
    pool: SealedPool,
    gathered: Gathered,
    context: StageContext,
    *,
    whole: bool = False,
) -> Iterator[Readable]:
    """Entries of what was walked, with the digests of its files; gives those files that may hold more.

    Args:
        exhibit: The exhibit.
        walked: Parts of the walk, and what tells their entries apart.
        reach: From a part and places of files in it to how a job reaches them.
        count: Files in all.
        pool: Sealed workers.
        gathered: Takes the rows.
        context: Told how far it is.
        whole: Whether each file is the exhibit itself.
    """
    done = 0
    for part, keys in walked:
        place = _files(part)
        reached, addressed = reach(part, place)
        results = []
        for rows in _digested(pool, reached, addressed):
            results.append(rows)
            done += rows.num_rows
            context.progress("files", done, max(count, done))
        digested = pa.concat_tables([_DIGESTED.empty_table(), *results])
        table = _entries_of(exhibit, reached.volume_index or 0, part, keys, place, digested)
        gathered.add("entries", table)
        refused = table.filter(pc.is_valid(table["reason"]))
        for path, told in zip(refused["path"].to_pylist(), refused["reason"].to_pylist(), strict=True):
            gathered.defect(exhibit.exhibit_id, path, "entry_not_readable", told)
        yield from _that_hold_more(exhibit, reached, addressed, table.take(pa.array(place)), digested, gathered, whole)


def _digested(pool: SealedPool, reached: FileSet, addressed: Sequence[Mapping[str, Any]]) -> Iterator[pa.Table]:
    """A row for each addressed file, in order, as they come."""
    starts = range(0, len(addressed), DIGEST_GROUP_ENTRIES)
    chosen = [addressed[start : start + DIGEST_GROUP_ENTRIES] for start in starts]
    groups = pool.groups("digest_entries", reached.files, map(reached.parameters, chosen))
    for entries, result in zip(chosen, groups, strict=True):
        yield _failed(len(entries), result) if isinstance(result, Failure) else result


def _failed(count: int, failure: Failure) -> pa.Table:
    row = {"read_bytes": 0, "reason": failure.reason}
    return pa.Table.from_pylist([{"entry_index": number, **row} for number in range(count)], schema=_DIGESTED)


def _entries_of(
    exhibit: Exhibit, volume: int, walked: pa.Table, keys: pa.Array, place: np.ndarray, digested: pa.Table
) -> pa.Table:
    """Rows of `entries` for what was walked, with the digests of the files at `place`."""
    where = np.full(walked.num_rows, -1)
    where[place] = np.arange(len(place))
    of_file = digested.take(pa.array(where, mask=where < 0))
    reason = pc.coalesce(walked["reason"], of_file["reason"])
    refused = pc.is_valid(reason)
    columns = {name: walked[name] for name in ("entry_type", "size_bytes", "inode", "links", "offset_bytes")}
    columns |= {name: pc.if_else(refused, None, of_file[name]) for name in _DIGESTS}
    columns["read_bytes"] = pc.fill_null(columns["read_bytes"], 0)
    columns["head"] = pc.if_else(refused, None, pc.binary_slice(of_file["head"], 0, HEAD_BYTES))
    columns |= {"modified_at_us": walked["modified_at_us"], "reason": reason}
    return entries_table(exhibit.exhibit_id, volume, keys, walked["path"], columns)


def _that_hold_more(
    exhibit: Exhibit,
    reached: FileSet,
    addressed: Sequence[Mapping[str, Any]],
    files: pa.Table,
    digested: pa.Table,
    gathered: Gathered,
    whole: bool,  # noqa: FBT001 - handed through
) -> Iterator[Readable]:
    """Those of the files that were digested that are archives, or hold rows or lines."""
    refused = pc.is_valid(files["reason"]).to_pylist()
    columns = (files[name].to_pylist() for name in ("path_bytes", "sha256", "read_bytes"))
    rows = zip(*columns, digested["content_format"].to_pylist(), refused, addressed, strict=True)
    for path, sha256, read_bytes, content_format, unread, entry in rows:
        # In folders and images their rows are read, by their own servers.
        read = exhibit.exhibit_kind in {"directory", "disk-image"}
        if not read and (database := database_marked(path)) is not None:
            told = f"of a data directory of {database}: its rows are not read; add the folder that it lies in"
            gathered.defect(exhibit.exhibit_id, shown(path), "database_not_read", told)
        if unread or not (whole or holds_more(content_format, path) or gathered.named(shown(path))):
            continue
        yield Readable(
            exhibit_id=exhibit.exhibit_id,
            volume_index=reached.volume_index or 0,
            path_bytes=path,
            sha256=sha256,
            size_bytes=read_bytes,
            content_format=content_format,
            reached=reached,
            entry=entry,
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
