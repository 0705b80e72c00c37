"""The evidence stage: every exhibit becomes entries and rows; what cannot be read becomes defects."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from headwater.engine import Exhibit, StageContext
from headwater.errors import UnreadableInputError
from headwater.evidence.folders import listing, shown
from headwater.evidence.intake import image_segments
from headwater.evidence.mapping import TARGETS, PlatformMapping, read_mapping
from headwater.evidence.platform import DumpRow, PlatformTables
from headwater.evidence.sealed import Failure, SealedPool, SealedWorkerError
from headwater.schema import content_id, table_named

__all__ = ["read_evidence"]

HEAD_BYTES = 24
"""Enough to tell the kind by, and too little to hold any part of a picture: no media is stored."""
DIGEST_GROUP_ENTRIES = 256
"""Entries digested by one fork: reading is not decoding, so more may share one than the 16 of the decoders."""

_CHUNK_BYTES = 1 << 20
_LOG_NAME = b"access.log"


class _Found:
    """Rows as they come in, by table."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.tables: dict[str, list[pa.Table]] = {}
        self._defects: Counter[tuple[str | int, ...]] = Counter()

    def add(self, table: str, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)

    def defect(
        self,
        exhibit_id: str,
        path: str,
        code: str,
        reason: str,
        *,
        offset: int | None = None,
        length: int | None = None,
    ) -> None:
        place: tuple[str | int, ...] = (exhibit_id, path, -1 if offset is None else offset, code, reason)
        # The same path on two volumes, or two names that are shown alike, are two defects: told apart by their order.
        again = (self._defects[place],) if self._defects[place] else ()
        self._defects[place] += 1
        self.add(
            "defects",
            {
                "defect_id": content_id("dfc", *place, *again),
                "exhibit_id": exhibit_id,
                "path": path,
                "offset_bytes": offset,
                "length_bytes": length,
                "code": code,
                "reason": reason,
            },
        )

    def finished(self, names: tuple[str, ...]) -> dict[str, pa.Table]:
        finished = {}
        for name in names:
            table = table_named(name)
            parts = [*self.tables.get(name, []), table.rows(self.rows.get(name, []))]
            finished[name] = table.checked(pa.concat_tables(parts))
        return finished


_PRODUCED = (
    "volumes",
    "entries",
    "dump_tables",
    "dump_ranges",
    *TARGETS,
    "wallet_descriptors",
    "web_requests",
    "defects",
)


def read_evidence(context: StageContext) -> dict[str, pa.Table]:
    """All tables of the evidence stage, from the exhibits of the context and the approved mapping."""
    found = _Found()
    mapping = read_mapping(context.mapping) if context.mapping is not None else None
    with SealedPool(workers=context.workers, allow_unsealed=context.allow_unsealed) as pool:
        for exhibit in sorted(context.exhibits, key=lambda e: e.exhibit_id):
            if exhibit.exhibit_kind == "disk-image":
                _read_image(exhibit, pool, found, context)
            elif exhibit.exhibit_kind == "directory":
                _read_folder(exhibit, pool, found, context)
            else:
                _read_files(exhibit, found)
            if exhibit.exhibit_kind == "dump":
                _read_dump(exhibit, pool, found, mapping, context)
            if exhibit.exhibit_kind == "wallet":
                _read_wallet(exhibit, pool, found)
    return {"exhibits": context.tables.arrow("exhibits")} | found.finished(_PRODUCED)


def _directory_of(path: bytes) -> str:
    return shown(path.rpartition(b"/")[0])


def _instant(microseconds: int | None) -> dt.datetime | None:
    """The instant, or None where the medium states one that no calendar has."""
    if microseconds is None or not -62_135_596_800_000_000 <= microseconds < 253_402_300_800_000_000:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)


def _entry_row(exhibit_id: str, volume_index: int, path: bytes, **values: object) -> dict[str, Any]:
    return {
        "exhibit_id": exhibit_id,
        "volume_index": volume_index,
        "path": shown(path),
        "path_bytes": path,
        "directory": _directory_of(path),
        "disposition": "catalogued",
        "read_bytes": 0,
        **values,
    }


# Images


def _read_image(exhibit: Exhibit, pool: SealedPool, found: _Found, context: StageContext) -> None:
    segments = image_segments(exhibit.path)
    readable = 0
    for batch in pool.stream("list_volumes", segments, {}):
        for volume in batch.to_pylist():
            found.add("volumes", {"exhibit_id": exhibit.exhibit_id, **volume})
            if volume["status"] != "readable":
                found.defect(
                    exhibit.exhibit_id,
                    "",
                    "volume_not_readable",
                    str(volume["reason"]),
                    offset=volume["offset_bytes"],
                    length=volume["size_bytes"],
                )
                continue
            readable += 1
            _read_volume(exhibit, volume["volume_index"], pool, found, context)
    if not readable:
        # Nothing found and could not read must never look alike.
        raise UnreadableInputError(exhibit.path, "no readable volume", remedy="take the exhibit out of the case")


def _read_volume(exhibit: Exhibit, index: int, pool: SealedPool, found: _Found, context: StageContext) -> None:
    segments = image_segments(exhibit.path)
    parameters = {"volume_index": index}
    walked = [row for batch in pool.stream("walk_image", segments, parameters) for row in batch.to_pylist()]
    _refuse_repeated(walked)
    files = [row for row in walked if row["entry_type"] == "file" and row["reason"] is None]
    groups: list[dict[str, Any]] = [
        {
            **parameters,
            "entries": [{"path_hex": row["path"].hex()} for row in files[start : start + DIGEST_GROUP_ENTRIES]],
        }
        for start in range(0, len(files), DIGEST_GROUP_ENTRIES)
    ]
    digests: dict[bytes, dict[str, Any]] = {}
    done = 0
    for group, result in zip(groups, pool.groups("digest_entries", segments, groups), strict=True):
        names = [bytes.fromhex(entry["path_hex"]) for entry in group["entries"]]
        rows = _failed_digests(names, result) if isinstance(result, Failure) else result.to_pylist()
        for row in rows:
            digests[names[row["entry_index"]]] = row
        done += len(names)
        context.progress("files", done, len(files))
    for row in walked:
        found.add("entries", _image_entry(exhibit.exhibit_id, index, row, digests.get(row["path"])))
        if "named" in row:
            found.rows["entries"][-1]["path_bytes"] += b"\0%d" % row["named"]
        entry = found.rows["entries"][-1]
        if entry["disposition"] == "refused":
            found.defect(exhibit.exhibit_id, entry["path"], "entry_not_readable", str(entry["reason"]))
        elif row["entry_type"] == "file" and _is_access_log(row["path"]):
            source = {**parameters, "entries": [{"path_hex": row["path"].hex()}]}
            _read_log(exhibit.exhibit_id, row["path"], pool.stream("parse_access_log", segments, source), found)


def _refuse_repeated(walked: list[dict[str, Any]]) -> None:
    """Refuse every entry but the first of those that a damaged directory gives the same path.

    Only the first can be reached by its path, as on a running system. The others keep a row of their own, with a zero
    byte, which no name holds, and their number behind the path.
    """
    named: Counter[bytes] = Counter()
    for row in walked:
        named[row["path"]] += 1
        if named[row["path"]] > 1:
            row["named"] = named[row["path"]]
            row["reason"] = f"named {row['named']} times in its directory; only the first can be read"


def _failed_digests(names: list[bytes], failure: Failure) -> list[dict[str, Any]]:
    return [
        {
            "entry_index": n,
            "read_bytes": 0,
            "md5": None,
            "sha1": None,
            "sha256": None,
            "head": None,
            "reason": failure.reason,
        }
        for n in range(len(names))
    ]


def _image_entry(
    exhibit_id: str, volume: int, row: Mapping[str, Any], digest: Mapping[str, Any] | None
) -> dict[str, Any]:
    reason = row["reason"] or (digest["reason"] if digest else None)
    if row["entry_type"] == "file" and reason is None and digest is None:
        reason = "not digested"
    values: dict[str, object] = {
        "entry_type": row["entry_type"],
        "size_bytes": row["size_bytes"],
        "modified_at_utc": _instant(row["modified_at_us"]),
        "inode": row["inode"],
        "links": row["links"],
        "offset_bytes": row["offset_bytes"],
    }
    if reason is not None:
        return _entry_row(exhibit_id, volume, row["path"], **values | {"disposition": "refused", "reason": reason})
    if digest is not None:
        values |= {name: digest[name] for name in ("read_bytes", "md5", "sha1", "sha256")}
        values["head"] = None if digest["head"] is None else digest["head"][:HEAD_BYTES]
    return _entry_row(exhibit_id, volume, row["path"], **values)


# Plain folders and single files: their names come from this machine's own filesystem, so the parent reads them itself.


def _digest_file(path: Any) -> dict[str, Any]:  # noqa: ANN401 - a path, or whatever open() takes
    hashers = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}
    head = b""
    read = 0
    with open(path, "rb") as source:  # noqa: PTH123 - names may be bytes
        while chunk := source.read(_CHUNK_BYTES):
            head = head or chunk[:HEAD_BYTES]
            read += len(chunk)
            for hasher in hashers.values():
                hasher.update(chunk)
    return {"read_bytes": read, "head": head} | {name: hasher.hexdigest() for name, hasher in hashers.items()}


def _read_folder(exhibit: Exhibit, pool: SealedPool, found: _Found, context: StageContext) -> None:
    entries = list(listing(exhibit.path))
    for number, entry in enumerate(entries):
        values: dict[str, object] = {
            "entry_type": entry.entry_type,
            "size_bytes": entry.size_bytes if entry.entry_type == "file" else 0,
            "modified_at_utc": _instant(entry.modified_at_us),
            "links": entry.links,
        }
        reason = entry.reason
        if entry.entry_type == "file" and reason is None:
            try:
                values |= _digest_file(entry.absolute)
            except OSError as error:
                reason = f"could not be read: {error.strerror}"
        if reason is not None:
            values |= {"disposition": "refused", "reason": reason}
            found.defect(exhibit.exhibit_id, shown(entry.path_bytes), "entry_not_readable", reason)
        found.add("entries", _entry_row(exhibit.exhibit_id, 0, entry.path_bytes, **values))
        if reason is None and entry.entry_type == "file" and _is_access_log(entry.path_bytes):
            source = {"entries": [{"file_index": 0}]}
            batches = pool.stream("parse_access_log", [entry.absolute], source)
            _read_log(exhibit.exhibit_id, entry.path_bytes, batches, found)
        context.progress("files", number + 1, len(entries))


def _read_files(exhibit: Exhibit, found: _Found) -> None:
    """A dump, a wallet or block files: each file is one entry."""
    if exhibit.path.is_dir():
        files = sorted(p for pattern in ("blk*.dat", "rev*.dat", "xor.dat") for p in exhibit.path.glob(pattern))
    else:
        files = [exhibit.path]
    for file in files:
        status = file.stat()
        found.add(
            "entries",
            _entry_row(
                exhibit.exhibit_id,
                0,
                file.name.encode("utf-8", "surrogateescape"),
                entry_type="file",
                size_bytes=status.st_size,
                offset_bytes=0,
                **_digest_file(file),
            ),
        )


# Access logs


def _is_access_log(path: bytes) -> bool:
    return path.rpartition(b"/")[2].startswith(_LOG_NAME)


def _read_log(exhibit_id: str, path: bytes, batches: Iterator[pa.RecordBatch], found: _Found) -> None:
    """Take in the lines of a log; one log that a worker cannot get to the end of does not stop the others."""
    try:
        _read_lines(exhibit_id, path, batches, found)
    except SealedWorkerError as error:
        found.defect(exhibit_id, shown(path), "log_not_readable", error.reason)


def _read_lines(exhibit_id: str, path: bytes, batches: Iterator[pa.RecordBatch], found: _Found) -> None:
    for batch in batches:
        for line in batch.to_pylist():
            if line["code"] is not None:
                found.defect(
                    exhibit_id,
                    shown(path),
                    line["code"],
                    f"line {line['line_number']}: {line['reason']}",
                    offset=line["offset_bytes"],
                    length=line["length_bytes"],
                )
                continue
            found.add(
                "web_requests",
                {
                    "exhibit_id": exhibit_id,
                    "log_path": shown(path),
                    "line_number": line["line_number"],
                    "source_offset_bytes": line["offset_bytes"],
                    "at_utc": _instant(line["at_us"]),
                    "network_address": line["network_address"],
                    "method": line["method"],
                    "target": line["target"],
                    "status": line["status"],
                    "response_bytes": line["response_bytes"],
                    "account_name": line["account_name"],
                },
            )


# Dumps and wallets


def _read_dump(
    exhibit: Exhibit, pool: SealedPool, found: _Found, mapping: PlatformMapping | None, context: StageContext
) -> None:
    tables = PlatformTables(exhibit_id=exhibit.exhibit_id, mapping=mapping)
    rows = 0
    for batch in pool.stream("parse_mysql_dump", [exhibit.path], {}):
        for record in batch.to_pylist():
            kind = record["record_kind"]
            if kind == "row":
                rows += 1
                tables.row(
                    DumpRow(
                        table=record["table_name"],
                        number=record["number"],
                        offset_bytes=record["offset_bytes"],
                        length_bytes=record["length_bytes"],
                        values=record["values"],
                    ),
                )
            elif kind == "table":
                tables.begin(record["table_name"], tuple(record["names"] or ()))
            elif kind == "defect":
                tables.defect(
                    code=record["code"],
                    reason=record["reason"],
                    table=record["table_name"],
                    offset=record["offset_bytes"],
                    length=record["length_bytes"],
                )
            else:
                found.add(
                    "dump_ranges",
                    {
                        "exhibit_id": exhibit.exhibit_id,
                        "range_kind": record["range_kind"],
                        "ranges": record["number"],
                        "range_bytes": record["length_bytes"],
                    },
                )
        context.progress("rows", rows, None)
    for name, table in tables.finished().items():
        found.tables.setdefault(name, []).append(table)


def _read_wallet(exhibit: Exhibit, pool: SealedPool, found: _Found) -> None:
    for batch in pool.stream("read_wallet", [exhibit.path], {}):
        for row in batch.to_pylist():
            found.add(
                "wallet_descriptors",
                {
                    "descriptor_id": content_id("dsc", exhibit.exhibit_id, row["descriptor"]),
                    "exhibit_id": exhibit.exhibit_id,
                    "descriptor": row["descriptor"],
                    "is_change": row["is_change"],
                    "range_start": row["range_start"],
                    "range_end": row["range_end"],
                    "next_index": row["next_index"],
                    "created_at_utc": _instant(row["created_at_us"]),
                },
            )
