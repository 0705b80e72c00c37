"""Members of archives as entries: read in one pass by a sealed worker, never unpacked to paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.entries import HEAD_BYTES, entries_table
from headwater.evidence.folders import shown
from headwater.evidence.gather import Gathered
from headwater.evidence.members import member_key, member_path
from headwater.evidence.readable import Readable, holds_more
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.schema import item_id

__all__ = ["member_reasons", "read_archive"]


def read_archive(archive: Readable, pool: SealedPool, gathered: Gathered) -> Iterator[Readable]:
    """Takes in the members of an archive, and of archives in it, and gives those that may hold more.

    Raises:
        SealedWorkerError: After what could be read, if the worker did not get to the end.
    """
    # What each archive in it is called, by its place; the outer one by the place of nothing.
    named: dict[tuple[int, ...], bytes] = {(): archive.path_bytes}
    for batch in pool.stream("walk_archive", archive.reached.files, archive.parameters):
        for row in batch.filter(pc.not_equal(batch["record_kind"], "member")).to_pylist():
            place = tuple(row["members"])
            if row["record_kind"] == "begin":
                named[place] = member_key(named[place[:-1]], place[-1], row["name"])
            else:
                _note_end(archive, named[place], row, gathered)
        members = batch.filter(pc.equal(batch["record_kind"], "member"))
        rows = members.select(["members", "name", "entry_type", "content_format", "reason"]).to_pylist()
        keys = []
        for row in rows:
            place = tuple(row["members"])
            keys.append(member_key(named[place[:-1]], place[-1], row["name"]))
        if not keys:
            continue
        yield from _members(archive, members, rows, keys, named, gathered)


def member_reasons(
    pool: SealedPool, files: Sequence[Path], parameters: Mapping[str, Any]
) -> dict[tuple[int, ...], str | None]:
    """For each member of an archive, by its place, why it cannot be read; None where it can.

    Read as `read_archive` does, checksums and all. Where the archive itself cannot be read to its end, the members
    behind that are not among them.

    Args:
        pool: Sealed workers.
        files: As the job receives them.
        parameters: With one entry, which is the archive.
    """
    found: dict[tuple[int, ...], str | None] = {}
    with suppress(SealedWorkerError):
        for batch in pool.stream("walk_archive", files, parameters):
            members = batch.filter(pc.equal(batch["record_kind"], "member"))
            for row in members.select(["members", "reason"]).to_pylist():
                found[tuple(row["members"])] = row["reason"]
    return found


def _note_end(archive: Readable, key: bytes, row: Mapping[str, Any], gathered: Gathered) -> None:
    """Notes how far an archive could be read."""
    path = shown(member_path(key))
    if row["reason"] is not None:
        gathered.defect(archive.exhibit_id, path, "archive_not_whole", row["reason"])
    told = {
        "archive_item_id": item_id(archive.exhibit_id, archive.volume_index, key),
        "exhibit_id": archive.exhibit_id,
        "path": path,
        "archive_format": row["entry_type"],
        "members": row["size_bytes"],
        "reason": row["reason"],
    }
    gathered.add_rows("archives", [told])


def _members(
    archive: Readable,
    members: pa.RecordBatch,
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[bytes],
    named: Mapping[tuple[int, ...], bytes],
    gathered: Gathered,
) -> Iterator[Readable]:
    exhibit, volume = archive.exhibit_id, archive.volume_index
    refused = pc.is_valid(members["reason"])
    columns = {name: members[name] for name in ("entry_type", "size_bytes", "modified_at_us", "reason")}
    columns |= {name: pc.if_else(refused, None, members[name]) for name in ("read_bytes", "md5", "sha1", "sha256")}
    columns["read_bytes"] = pc.fill_null(columns["read_bytes"], 0)
    columns["head"] = pc.if_else(refused, None, pc.binary_slice(members["head"], 0, HEAD_BYTES))
    containers = [item_id(exhibit, volume, named[tuple(row["members"])[:-1]]) for row in rows]
    columns["container_id"] = pa.array(containers, pa.string())
    paths = pa.array([member_path(key) for key in keys], pa.binary())
    table = entries_table(exhibit, volume, pa.array(keys, pa.binary()), paths, columns)
    gathered.add("entries", table)
    for number, row in enumerate(rows):
        if row["reason"] is not None:
            gathered.defect(exhibit, table["path"][number].as_py(), "entry_not_readable", row["reason"])
        elif row["entry_type"] == "file" and _wanted(row["content_format"], keys[number], gathered):
            yield Readable(
                exhibit_id=exhibit,
                volume_index=volume,
                path_bytes=keys[number],
                sha256=table["sha256"][number].as_py(),
                size_bytes=table["read_bytes"][number].as_py(),
                content_format=row["content_format"],
                reached=archive.reached,
                entry={**archive.entry, "members": row["members"]},
            )


def _wanted(content_format: str, key: bytes, gathered: Gathered) -> bool:
    """Whether a member holds more than bytes, or the mapping names it."""
    return holds_more(content_format, key) or gathered.named(shown(member_path(key)))
