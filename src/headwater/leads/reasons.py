"""Why not to wait, in words: a child at risk, what will be deleted, how recently something was done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.leads.holders import Held

__all__ = ["CHILD_AT_RISK_TIER", "why_now"]

CHILD_AT_RISK_TIER: Final = 1
"""The tier of the rules by which a child may be at risk now; see the rule file."""


def why_now(
    fired: Sequence[Mapping[str, Any]],
    first_to_delete: tuple[Held, dt.datetime] | None,
    latest: dt.datetime | None,
    platform_latest: dt.datetime | None,
) -> str:
    """The reasons not to wait, the strongest first.

    Nothing is compared with the clock of a machine: the platform's last act is what the days are counted from.

    Args:
        fired: The rules that fired, strongest first.
        first_to_delete: Who may delete first what it holds, and when.
        latest: The account's last dated act.
        platform_latest: The last dated act of all.

    >>> why_now([], None, None, None)
    'no dated act is on record'
    """
    reasons = []
    if fired and fired[0]["tier"] == CHILD_AT_RISK_TIER:
        reasons.append(f"a child may be at risk now: {fired[0]['because']}")
    if first_to_delete is not None:
        held, until = first_to_delete
        is_over = platform_latest is not None and until <= platform_latest
        may = "may have deleted what it holds since" if is_over else "may delete what it holds from"
        reasons.append(f"{held.holder} ({held.country}) {may} {until:%Y-%m-%d}")
    reasons.append(_recency(latest, platform_latest))
    return "; ".join(reasons)


def _recency(latest: dt.datetime | None, platform_latest: dt.datetime | None) -> str:
    if latest is None or platform_latest is None:
        return "no dated act is on record"
    return f"last act {(platform_latest - latest).days} day(s) before the platform's last, on {latest:%Y-%m-%d}"
