"""The order of leads: printed, and the same everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["ORDER_WORDS", "order_key"]

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

ORDER_WORDS: Final = (
    "tier",
    "rules of that tier that fired",
    "acts that these observed",
    "rules that fired",
    "latest dated act",
    "account id",
)
"""What is compared, one after the other, for the places of `order_key`."""


def order_key(lead: Mapping[str, Any]) -> tuple[Any, ...]:
    """What leads are put in order by, the smallest first.

    Tier; then how many rules of that tier fired and how often; then how many rules; then later activity; then id.

    Args:
        lead: Has `account_id`, `risk_tier`, `rules_fired` and `latest_act_at_utc`.
    """
    strongest = [rule for rule in lead["rules_fired"] if rule["tier"] == lead["risk_tier"]]
    return (
        lead["risk_tier"],
        -len(strongest),
        -sum(rule["observed"] for rule in strongest),
        -len(lead["rules_fired"]),
        -((lead["latest_act_at_utc"] or _EPOCH) - _EPOCH) // dt.timedelta(microseconds=1),
        lead["account_id"],
    )
