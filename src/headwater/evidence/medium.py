"""What holds each byte of an image's medium: content of entries, slack, the file system's own, free, unread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Exhibit, Replay, StageContext
from headwater.evidence.gather import Gathered
from headwater.evidence.sealed import SealedPool, SealedWorkerError
from headwater.evidence.sealed_schemas import EXPECTED

__all__ = ["read_medium"]

PART_RANGES = 65_536
_TILED = next(expected.schema for expected in EXPECTED if expected.name == "tile_medium")


def read_medium(
    exhibit: Exhibit,
    files: Sequence[Path],
    told: Mapping[str, Any],
    pool: SealedPool,
    gathered: Gathered,
    context: StageContext,
) -> None:
    """Takes in the ranges of a medium; of an image that fails its own checks, its damaged parts as well.

    Where that cannot be found out, the whole medium is one range that could not be read, and a defect says why.
    """
    exhibits = context.tables.arrow("exhibits")
    row = exhibits.filter(pc.equal(exhibits["exhibit_id"], exhibit.exhibit_id)).to_pylist()[0]
    with Replay(_TILED, context.scratch) as ranges:
        done = 0
        try:
            for batch in pool.stream("tile_medium", files, {**told, "verify": row["integrity"] == "failed"}):
                ranges.add(batch)
                done += batch.num_rows
                context.progress("ranges of the medium", done, None)
        except SealedWorkerError as error:
            reason = f"what holds each byte of the medium was not found out: {error.reason}"
            gathered.defect(exhibit.exhibit_id, "", "medium_not_read", reason, offset=0, length=row["medium_bytes"])
            whole = {"start_bytes": 0, "range_bytes": row["medium_bytes"], "range_kind": "unreadable"}
            told_of = {"exhibit_id": exhibit.exhibit_id, "volume_index": None, "reason": reason}
            gathered.add_rows("medium_ranges", [{**told_of, **whole}])
            return
        for part in ranges.parts(PART_RANGES):
            owner = pa.repeat(pa.scalar(exhibit.exhibit_id), part.num_rows)
            gathered.add("medium_ranges", part.add_column(0, "exhibit_id", owner))
