"""Suggest a mapping from the dumps of a case; nothing is bound until a person approves one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from headwater.engine import Progress, silent
from headwater.errors import ConfigError
from headwater.evidence import (
    PLAUSIBLE_WINDOW,
    PlatformProfile,
    SealedPool,
    TableSuggestion,
    draft_mapping,
    profile_of,
    stamp_of,
    suggestions,
)
from headwater.workflow.case import Actor, Case

__all__ = ["MappingSuggestions", "suggest_mapping"]

MappingSuggestions = tuple[PlatformProfile, Mapping[str, tuple[TableSuggestion, ...]], str]
"""The profile, for each table of ours the suggested ones, and the text of a drafted mapping."""


def suggest_mapping(
    case: Case, actor: Actor, *, allow_unsealed: bool = False, progress: Progress = silent
) -> MappingSuggestions:
    """What the tables of the case's dumps may be; the reading is recorded.

    Raises:
        ConfigError: The case has no dump.
        InputError: A dump is gone.
    """
    dumps = [exhibit for exhibit in case.exhibits() if exhibit.exhibit_kind == "dump"]
    if not dumps:
        raise ConfigError("this case has no dump to suggest a mapping from; take one in with 'headwater evidence add'")
    for dump in dumps:
        stamp_of(dump.path, dump.exhibit_kind)
    case.record(
        "consulted",
        actor,
        object_ids=tuple(dump.exhibit_id for dump in dumps),
        params={"read": "profiles for a mapping", "unsealed_allowed": allow_unsealed},
    )
    whole_bytes = sum(dump.path.stat().st_size for dump in dumps)

    def batches(pool: SealedPool) -> Iterator[pa.RecordBatch]:
        before_bytes = 0
        for dump in dumps:
            for batch in pool.stream("parse_mysql_dump", [dump.path], {}):
                offsets = batch["offset_bytes"].drop_null()
                if len(offsets):
                    progress("bytes", before_bytes + offsets[-1].as_py(), whole_bytes)
                yield batch
            before_bytes += dump.path.stat().st_size
            progress("bytes", before_bytes, whole_bytes)

    with SealedPool(workers=1, allow_unsealed=allow_unsealed) as pool:
        profile = profile_of(batches(pool), PLAUSIBLE_WINDOW)
    found = suggestions(profile)
    return profile, found, draft_mapping(profile, found)
