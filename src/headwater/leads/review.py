"""The order in which proposed links are given to a person: how urgent their leads are, and how unsure the model is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.leads.rules import RuleSet
from headwater.schema import table_named

__all__ = ["RankedLeads", "review_queue", "uncertainty_mbits"]

# Entropy of a probability of 0, 1, 2, ... 50 per cent, in thousandths of a bit: -p log2 p - (1-p) log2 (1-p). A table,
# so that it is the same on every machine; a test computes it anew. Source: Shannon (1948), section 6.
_ENTROPY_MBITS: Final = (
    0,
    81,
    141,
    194,
    242,
    286,
    327,
    366,
    402,
    436,
    469,
    500,
    529,
    557,
    584,
    610,
    634,
    658,
    680,
    701,
    722,
    741,
    760,
    778,
    795,
    811,
    827,
    841,
    855,
    869,
    881,
    893,
    904,
    915,
    925,
    934,
    943,
    951,
    958,
    965,
    971,
    977,
    981,
    986,
    990,
    993,
    995,
    997,
    999,
    1000,
    1000,
)
_PERCENT_PPM: Final = 10_000
_LEAST_MBITS: Final = 100
"""No link counts as surer than about 98.7 %: the model's probabilities are set by hand, and not measured."""


def uncertainty_mbits(probability_ppm: int) -> int:
    """How much a decision about something of that probability tells, in thousandths of a bit; from 100 to 1000.

    Args:
        probability_ppm: In parts per million; between whole per cents, a straight line is drawn.

    Example:
        >>> uncertainty_mbits(500_000), uncertainty_mbits(900_000), uncertainty_mbits(999_999)
        (1000, 469, 100)
    """
    percent, rest = divmod(min(probability_ppm, 1_000_000 - probability_ppm), _PERCENT_PPM)
    here = _ENTROPY_MBITS[percent]
    there = _ENTROPY_MBITS[min(percent + 1, len(_ENTROPY_MBITS) - 1)]
    return max(_LEAST_MBITS, here + (there - here) * rest // _PERCENT_PPM)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedLeads:
    """The leads in order of rank.

    Attributes:
        accounts: The account of each.
        lead_ids: Its id.
        tiers: Its risk tier.
    """

    accounts: pa.Array
    lead_ids: pa.Array
    tiers: npt.NDArray[np.int64]

    def of(self, accounts: Sequence[str]) -> dict[str, dict[str, Any]]:
        """For each of these accounts that has a lead, its id, rank and tier."""
        wanted = pa.array(accounts, pa.string())
        found = pc.index_in(wanted, value_set=self.accounts).to_pylist()
        return {
            account: {"lead_id": self.lead_ids[at].as_py(), "rank": at + 1, "risk_tier": int(self.tiers[at])}
            for account, at in zip(accounts, found, strict=True)
            if at is not None
        }


def review_queue(tables: Session, leads: RankedLeads, rules: RuleSet) -> pa.Table:
    """The table `review_queue`.

    A decision is worth its uncertainty, doubled for each tier that its lead stands above no lead at all.

    Args:
        tables: Has `links` and `payments`.
        leads: The leads in order.
        rules: Their tiers.
    """
    lowest = max(rule.tier for rule in rules.rules) + 1
    links = tables.arrow("links")
    shown = ["link_id", "claim", "left_table", "left_id", "right_id", "probability_ppm"]
    proposed = links.filter(links["proposed"]).select(shown).to_pylist()
    concerned = _LeadsConcerned(tables, leads, proposed)
    rows = []
    for link in proposed:
        lead = concerned.by(link)
        tier = lowest if lead is None else int(lead["risk_tier"])
        unsure = uncertainty_mbits(link["probability_ppm"])
        rows.append(
            {
                "link_id": link["link_id"],
                "claim": link["claim"],
                "risk_tier": tier,
                "lead_id": None if lead is None else lead["lead_id"],
                "uncertainty_mbits": unsure,
                "value_mbits": unsure << (lowest - tier),
                "because": _because(link, lead, unsure, 1 << (lowest - tier)),
                "_lead_rank": len(leads.lead_ids) + 1 if lead is None else lead["rank"],
            }
        )
    rows.sort(key=lambda row: (-row["value_mbits"], row["risk_tier"], row["_lead_rank"], row["link_id"]))
    for rank, row in enumerate(rows, start=1):
        row["rank"] = rank
        row.pop("_lead_rank")
    return table_named("review_queue").rows(rows)


def _because(link: Mapping[str, Any], lead: Mapping[str, Any] | None, unsure: int, times: int) -> str:
    sure = f"{link['probability_ppm'] // _PERCENT_PPM} %"
    told = f"the model gives it {sure}, so that a decision tells {unsure:,} of 1,000"
    if lead is None:
        return f"no lead rests on it; {told}"
    return f"it concerns lead {lead['rank']:,} (tier {lead['risk_tier']}), which counts {times} times; {told}"


class _LeadsConcerned:
    """For each proposed link, the most urgent lead that a decision about it concerns."""

    def __init__(self, tables: Session, leads: RankedLeads, proposed: Sequence[Mapping[str, Any]]) -> None:
        payments = tables.columns("payments", ["payment_id", "account_id"])
        paid = pa.array([link["left_id"] for link in proposed if link["left_table"] == "payments"], pa.string())
        payments = payments.filter(pc.is_in(payments["payment_id"], value_set=paid))
        self._account_of = dict(zip(*(payments[name].to_pylist() for name in payments.column_names), strict=True))
        users = {link["left_id"] for link in proposed if link["left_table"] == "accounts"}
        self._lead_of = leads.of(sorted(users | {*self._account_of.values()}))
        # Who a customer is concerns every account whose payments a proposed link ties to that customer.
        self._accounts_of: dict[str, list[str]] = defaultdict(list)
        for link in proposed:
            if link["left_table"] == "payments":
                self._accounts_of[link["right_id"]] += self._accounts(link)

    def by(self, link: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The lead of best rank; None where the link concerns no lead."""
        leads = (self._lead_of[account] for account in self._accounts(link) if account in self._lead_of)
        return min(leads, key=lambda lead: int(lead["rank"]), default=None)

    def _accounts(self, link: Mapping[str, Any]) -> list[str]:
        if link["left_table"] == "accounts":
            return [link["left_id"]]
        if link["left_table"] == "customers":
            return self._accounts_of[link["left_id"]]
        account = self._account_of.get(link["left_id"])
        return [] if account is None else [account]
