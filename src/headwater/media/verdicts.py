"""What the lists say of each item: one tier, one group, one best match; every match stays listed beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.tiers import MIN_QUALITY, TIERS, victim_rank
from headwater.media.transforms import AS_IT_IS
from headwater.schema import table_named

__all__ = ["match_order", "media_verdicts"]

_BENIGN = "known-benign"


def match_order(match: Mapping[str, Any]) -> tuple[int, int, bool, int, str]:
    """Where a match stands among those of one item, the one that speaks for it first.

    By tier; then a victim who is not identified, who may be at risk now; then what is near as it is before what is near
    under a transform; then by distance; then by id.
    """
    return (
        TIERS.index(match["tier"]),
        victim_rank(match["victim_identified"]),
        match["transform"] != AS_IT_IS,
        match["distance_bits"] or 0,
        match["match_id"],
    )


def media_verdicts(context: StageContext, matches: pa.Table, frames: pa.Table) -> pa.Table:
    """The table `media_verdicts`: a row for each still and video, and for every other item with a listed digest.

    Args:
        context: Has `media_files` and both tables of second looks.
        matches: The table `media_matches`.
        frames: The comparable frames.
    """
    by_item: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for match in matches.to_pylist():
        by_item[match["item_id"]].append(match)
    files = {row["item_id"]: row for row in context.tables.arrow("media_files").to_pylist()}
    comparable = set(pc.unique(frames["item_id"]).to_pylist())
    second_looks = ("media_second_hashes", "media_second_transformed_hashes")
    again = {item for name in second_looks for item in pc.unique(context.tables.arrow(name)["item_id"]).to_pylist()}
    rows = []
    for item_id in sorted(files.keys() | by_item.keys()):
        file = files.get(item_id)
        verdict = _verdict(file, by_item.get(item_id, ()), is_comparable=item_id in comparable)
        tier = None if file is None else "second" if item_id in again else file["hashing_tier"]
        rows.append({"item_id": item_id, "hashing_tier": tier, **verdict})
    return table_named("media_verdicts").rows(rows)


def _verdict(
    file: Mapping[str, Any] | None, matches: Sequence[Mapping[str, Any]], *, is_comparable: bool
) -> dict[str, Any]:
    reason = None if file is None else _why_not_comparable(file, is_comparable=is_comparable)
    held = [match for match in matches if match["quarantined"]]
    matches = [match for match in matches if not match["quarantined"]]
    # A benign list speaks only for the very same bytes: a near copy of something harmless may hold something else.
    illegal = sorted((m for m in matches if m["polarity"] != _BENIGN), key=match_order)
    benign = sorted((m for m in matches if m["polarity"] == _BENIGN and m["tier"] == "exact"), key=match_order)
    if illegal or benign:
        best = (illegal or benign)[0]
        group = "benign" if not illegal else "known" if best["tier"] == "exact" else "near"
        return {
            "verdict": best["tier"],
            "verdict_group": group,
            "reason": reason,
            "match_id": best["match_id"],
            "transform": best["transform"],
            "distance_bits": best["distance_bits"],
            "series": best["series"],
            "victim_identified": best["victim_identified"],
        }
    if reason is not None:
        return {"verdict": "not_comparable", "verdict_group": "not_comparable", "reason": reason}
    # A listed hash that is set aside says nothing: what is near no other is one that nobody has listed.
    told = f"near {len(held)} listed hashes that are set aside as hubs" if held else None
    return {"verdict": "none", "verdict_group": "none", "reason": told}


def _why_not_comparable(file: Mapping[str, Any], *, is_comparable: bool) -> str | None:
    """Why the absence of a match would say nothing of this file, or None if it does."""
    if file["status"] != "ok":
        return f"{file['status']}: {file['reason']}"
    if is_comparable:
        return None
    if file["best_quality"] is None:
        return "no frame was hashed"
    return f"PDQ quality {file['best_quality']} is under {MIN_QUALITY}"
