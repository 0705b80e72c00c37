"""Suggest a mapping from the dumps of a case; nothing is bound until a person approves one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Exhibit, Progress, silent
from headwater.errors import ConfigError
from headwater.evidence import (
    LOG_SUFFIX,
    PLAUSIBLE_WINDOW,
    KnownFiles,
    PlatformProfile,
    SealedPool,
    TableSuggestion,
    draft_mapping,
    named_place,
    profile_of,
    recognised,
    row_batches,
    stamp_of,
    suggestions,
    template_mapping,
)
from headwater.workflow.case import Actor, Case
from headwater.workflow.intake import recorded

__all__ = ["MappingSuggestions", "RowFile", "row_files", "suggest_mapping"]

MappingSuggestions = tuple[PlatformProfile, Mapping[str, tuple[TableSuggestion, ...]], str]
"""The profile, for each table of ours the suggested ones, and the text of a mapping to begin from.

That text comes from a template where the dump's tables are those of software that many run, else from the suggestions.
"""


def suggest_mapping(
    case: Case, actor: Actor, *, allow_unsealed: bool = False, progress: Progress = silent
) -> MappingSuggestions:
    """What the tables of the case's dumps may be; the reading is recorded.

    Dumps that are exhibits are read as they are; those inside of exhibits once a run has found them.

    Raises:
        ConfigError: The case has no dump.
        InputError: An exhibit is gone.
    """
    with recorded(case, "consulted", actor, read="profiles for a mapping"):
        sources = list(row_files(case))
        if not sources:
            raise ConfigError(
                "this case has no dump to suggest a mapping from; take one in with 'headwater evidence add', or have "
                "those inside of exhibits found with 'headwater run --until catalogue'"
            )
    named = tuple(sorted({source.exhibit.exhibit_id for source in sources}))
    case.record(
        "consulted",
        actor,
        object_ids=named,
        params={"read": "profiles for a mapping", "unsealed_allowed": allow_unsealed},
    )
    whole_bytes = sum(source.size_bytes for source in sources)

    def batches(pool: SealedPool) -> Iterator[pa.RecordBatch]:
        before_bytes = 0
        for source in sources:
            for batch in row_batches(pool, source.exhibit, source.source_format, **source.place):
                offsets = batch["offset_bytes"].drop_null()
                if len(offsets):
                    progress("bytes", before_bytes + offsets[-1].as_py(), whole_bytes)
                yield batch
            before_bytes += source.size_bytes
            progress("bytes", before_bytes, whole_bytes)

    told = {"read": "profiles for a mapping"}
    with recorded(case, "consulted", actor, **told), SealedPool(workers=1, allow_unsealed=allow_unsealed) as pool:
        profile = profile_of(batches(pool), PLAUSIBLE_WINDOW)
    found = suggestions(profile, _known_files(case))
    known = recognised({table.table: [column.column for column in table.columns] for table in profile.tables})
    return profile, found, draft_mapping(found) if known is None else template_mapping(*known)


def _known_files(case: Case) -> KnownFiles | None:
    """What the newest run has taken in; None if there was none."""
    with case.tables() as tables:
        items = tables.arrow("items").select(["path", "md5", "sha1", "sha256"])
    if not items.num_rows:
        return None
    digests = {digest for name in ("md5", "sha1", "sha256") for digest in items[name].to_pylist() if digest}
    names = {path.rpartition("/")[2].encode() for path in items["path"].to_pylist()}
    return KnownFiles(digests=frozenset(digests), names=frozenset(names - {b""}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFile:
    """A file that rows are read from."""

    exhibit: Exhibit
    source_format: str
    size_bytes: int
    place: Mapping[str, Any]


def row_files(case: Case) -> Iterator[RowFile]:
    """The dumps that are exhibits, then those that the newest run found inside of exhibits."""
    exhibits = {}
    for one in case.exhibits():
        stamp_of(one.path, one.exhibit_kind)  # an exhibit that is gone is said to be, before anything is read
        exhibits[one.exhibit_id] = Exhibit(exhibit_id=one.exhibit_id, exhibit_kind=one.exhibit_kind, path=one.path)
        if one.exhibit_kind == "dump":
            yield RowFile(
                exhibit=exhibits[one.exhibit_id],
                source_format=str(one.row["container_format"]),
                size_bytes=int(str(one.row["size_bytes"])),
                place={},
            )
    with case.tables() as tables:
        read = tables.arrow("dump_tables").select(["source_item_id", "source_format"]).to_pylist()
        formats = {row["source_item_id"]: row["source_format"] for row in read}
        ids = pa.array(sorted(formats), pa.string())
        found = tables.chosen("items", lambda part: pc.is_in(part["item_id"], value_set=ids))
    logs = {_place(item): item for item in found.to_pylist() if formats[item["item_id"]] == "sqlite-wal"}
    for item in found.to_pylist():
        exhibit, source_format = exhibits.get(item["exhibit_id"]), formats[item["item_id"]]
        if exhibit is None or exhibit.exhibit_kind == "dump" or source_format == "sqlite-wal":
            continue
        source = RowFile(
            exhibit=exhibit,
            source_format=source_format,
            size_bytes=item["size_bytes"],
            place={name: item[name] for name in ("volume_index", "path_bytes", "inode")},
        )
        log = logs.get(_place(item, LOG_SUFFIX)) if source_format == "sqlite" else None
        if log is None:
            yield source
            continue
        # The rows of such a database lie in two files; those of the log come as from a file of their own.
        place = {**source.place, "log": (log["path_bytes"], log["inode"])}
        yield replace(source, place=place)
        yield replace(source, place=place, source_format="sqlite-wal", size_bytes=log["size_bytes"])


def _place(item: Mapping[str, Any], suffix: bytes = b"") -> tuple[str, int, bytes]:
    return item["exhibit_id"], item["volume_index"], named_place(item["path_bytes"]) + suffix
