"""What a new run of the ranking moved: each lead's place before and now, and what of its own changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["MOVED_COLUMNS", "MovedLeads", "moved_leads"]

MOVED_COLUMNS: Final = (
    "lead_id",
    "account_id",
    "rank",
    "risk_tier",
    "rules_fired",
    "lead_country",
    "latest_act_at_utc",
)
"""What is compared, of either run's `leads`."""

_STATES: Final = ("up", "down", "new", "gone", "stays")


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedLeads:
    """Two runs beside each other.

    Attributes:
        counts: Leads that went up, went down, are new, are gone, and stay; together every lead of either run.
        movers: The first of them: those whose tier changed, then by how many places, then by id.
    """

    counts: Mapping[str, int]
    movers: tuple[Mapping[str, Any], ...]


def moved_leads(before: pa.Table, now: pa.Table, *, most: int) -> MovedLeads:
    """What moved between two runs.

    Args:
        before: The earlier run's `leads`, with `MOVED_COLUMNS`.
        now: The later run's.
        most: Movers that are told of; the counts are of all.
    """
    at_before = pc.index_in(now["lead_id"], value_set=before["lead_id"].combine_chunks())
    places = pc.fill_null(at_before, -1).to_numpy().astype(np.int64)
    is_new = places < 0
    kept_now = np.flatnonzero(~is_new)
    kept_before = places[kept_now]
    ranks, ranks_before = now["rank"].to_numpy()[kept_now], before["rank"].to_numpy()[kept_before]
    tiers, tiers_before = now["risk_tier"].to_numpy()[kept_now], before["risk_tier"].to_numpy()[kept_before]
    shift = ranks_before - ranks
    gone = np.setdiff1d(np.arange(before.num_rows), kept_before)
    counts = {
        "up": int((shift > 0).sum()),
        "down": int((shift < 0).sum()),
        "new": int(is_new.sum()),
        "gone": len(gone),
        "stays": int((shift == 0).sum()),
    }
    moved = np.flatnonzero((shift != 0) | (tiers != tiers_before))
    order = np.lexsort([ranks[moved], -np.abs(shift[moved]), tiers[moved] == tiers_before[moved]])
    told = [
        _mover(before, int(kept_before[place]), now, int(kept_now[place])) for place in moved[order][:most].tolist()
    ]
    told += [_mover(before, None, now, int(place)) for place in np.flatnonzero(is_new)[:most].tolist()]
    told += [_mover(before, int(place), now, None) for place in gone[:most].tolist()]
    told.sort(key=lambda one: (one["tier_before"] == one["tier"], -abs(one["places"] or 0), one["lead_id"]))
    return MovedLeads(counts={state: counts[state] for state in _STATES}, movers=tuple(told[:most]))


def _mover(before: pa.Table, old_place: int | None, now: pa.Table, new_place: int | None) -> dict[str, Any]:
    old = None if old_place is None else before.slice(old_place, 1).to_pylist()[0]
    new = None if new_place is None else now.slice(new_place, 1).to_pylist()[0]
    some = new or old
    assert some is not None
    places = 0 if old is None or new is None else old["rank"] - new["rank"]
    state = (
        "new" if old is None else "gone" if new is None else "up" if places > 0 else "down" if places < 0 else "stays"
    )
    return {
        "lead_id": some["lead_id"],
        "account_id": some["account_id"],
        "state": state,
        "rank_before": None if old is None else old["rank"],
        "rank": None if new is None else new["rank"],
        "places": None if old is None or new is None else places,
        "tier_before": None if old is None else old["risk_tier"],
        "tier": None if new is None else new["risk_tier"],
        "why": _why(old, new),
    }


def _why(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What of the lead's own changed, rule by rule; empty where only others moved past it."""
    was = {rule["rule"]: rule["observed"] for rule in (old["rules_fired"] if old else ())}
    is_now = {rule["rule"]: rule["observed"] for rule in (new["rules_fired"] if new else ())}
    changed = [
        {"rule": rule, "before": was.get(rule, 0), "now": is_now.get(rule, 0)}
        for rule in sorted({*was, *is_now})
        if was.get(rule, 0) != is_now.get(rule, 0)
    ]
    if old and new and old["latest_act_at_utc"] != new["latest_act_at_utc"]:
        changed.append({"rule": "latest dated act", "before": None, "now": None})
    return changed
