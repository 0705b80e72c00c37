"""What became of leads, as those who worked on them report: beside each lead, and summed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from headwater.judgements import share_of

__all__ = ["outcome_sums", "outcomes_of_leads", "standing_outcomes"]

_WEIGHT: Final = ("wrong_person", "child_safeguarded", "payer_identified", "no_action")
"""Of several units' outcomes of one lead the first of these counts: a wrong name is never outvoted."""

_RIGHT: Final = ("child_safeguarded", "payer_identified")


def outcomes_of_leads(outcomes: pa.Table) -> dict[str, list[dict[str, Any]]]:
    """For each lead the last outcome of each unit that reported on it, the latest first.

    Args:
        outcomes: The table `outcomes`.
    """
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in outcomes.to_pylist():
        key = (row["lead_id"], row["reported_by"])
        # Two reports of one day come from two files; the later version of the later name counts.
        order = ("reported_on", "reference_name", "reference_version", "outcome_id")
        if key not in latest or [latest[key][name] for name in order] < [row[name] for name in order]:
            latest[key] = row
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(latest.values(), key=lambda row: row["reported_by"]):
        shown = ("outcome", "reported_on", "reported_by", "note")
        found.setdefault(row["lead_id"], []).append({name: row[name] for name in shown})
    for rows in found.values():
        rows.sort(key=lambda row: row["reported_on"], reverse=True)
    return found


def standing_outcomes(outcomes: pa.Table) -> dict[str, str]:
    """For each lead that was reported on, the outcome that counts: of several units' the gravest.

    Args:
        outcomes: The table `outcomes`.
    """
    return {
        lead: min((row["outcome"] for row in rows), key=_WEIGHT.index)
        for lead, rows in outcomes_of_leads(outcomes).items()
    }


def outcome_sums(outcomes: pa.Table, leads: pa.Table) -> list[dict[str, Any]]:
    """What became of all leads, of those of each tier and of each rule that fired: counts, and how often one was right.

    A lead was right if a child was safeguarded or a payer identified, wrong if it led to the wrong person. The share
    is of these two alone, with bounds that hold the true share in 19 of 20 samples. No action says nothing of either.

    Args:
        outcomes: The table `outcomes`.
        leads: The columns `lead_id`, `risk_tier` and `rules_fired` of the table `leads`.
    """
    standing = standing_outcomes(outcomes)
    groups: dict[tuple[int, str], list[str]] = {}
    unknown = dict(standing)
    for row in leads.to_pylist():
        outcome = unknown.pop(row["lead_id"], None)
        if outcome is None:
            continue
        groups.setdefault((0, "all leads"), []).append(outcome)
        groups.setdefault((1, f"tier {row['risk_tier']}"), []).append(outcome)
        for rule in row["rules_fired"]:
            groups.setdefault((2, str(rule["rule"])), []).append(outcome)
    if unknown:
        groups[3, "leads that this case does not have"] = list(unknown.values())
    return [_summed(name, outcomes) for (_, name), outcomes in sorted(groups.items())]


def _summed(name: str, outcomes: Iterable[str]) -> dict[str, Any]:
    counts = Counter(outcomes)
    right, wrong = sum(counts[outcome] for outcome in _RIGHT), counts["wrong_person"]
    share = share_of(right, right + wrong)
    return {
        "leads_of": name,
        "reported": counts.total(),
        **{
            outcome: counts[outcome]
            for outcome in ("child_safeguarded", "payer_identified", "no_action", "wrong_person")
        },
        "right_ppm": share.ppm,
        "right_least_ppm": share.least_ppm,
        "right_most_ppm": share.most_ppm,
    }
