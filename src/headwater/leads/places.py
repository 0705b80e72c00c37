"""Leads by the country that is proposed to lead: counts alone, so that nothing about a person orders anything."""

from __future__ import annotations

from collections import Counter
from typing import Any

from headwater.engine import Session
from headwater.leads.local_time import country_names

__all__ = ["leads_by_country"]


def leads_by_country(tables: Session) -> list[dict[str, Any]]:
    """For each country the leads that it is proposed to lead, those it is proposed to share, and how many of each tier.

    In order of how many, then of the code; last, with no country, the leads that nothing ties to one. Each lead is led
    by one country or by none, so that the column `leads` adds up to all leads.

    Args:
        tables: The tables of the case.
    """
    rows = tables.columns("leads", ["lead_country", "shared_with", "risk_tier"]).to_pylist()
    led = Counter(row["lead_country"] for row in rows)
    shared = Counter(country for row in rows for country in row["shared_with"])
    tiers = Counter((row["lead_country"], row["risk_tier"]) for row in rows)
    every_tier = sorted({tier for _, tier in tiers})
    names = country_names()
    found = [
        {
            "country": country,
            "name": None if country is None else names.get(country),
            "leads": led[country],
            "shared": shared[country],
            "by_tier": {str(tier): tiers[country, tier] for tier in every_tier},
        }
        for country in {*led, *shared}
    ]
    return sorted(found, key=lambda row: (row["country"] is None, -row["leads"], -row["shared"], row["country"] or ""))
