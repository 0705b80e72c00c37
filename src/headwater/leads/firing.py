"""Which rules fire on which accounts, and the order of the leads that this makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from headwater.leads.acts import ACT_TABLES
from headwater.leads.by_place import NOWHERE, Numbers, RowsByPlace, places_of
from headwater.leads.dated_acts import DatedActs
from headwater.leads.rules import RuleSet

__all__ = ["FiredRules"]


class FiredRules:
    """The rules that fired, as columns.

    Args:
        rules: The rule file.
        acts: For each act, rows (account_id, observed, example_id).
        accounts: The ids of the accounts that count, in order. A judgement outlives the run it was given on: an account
            that no dump holds any more makes no lead.
    """

    def __init__(self, rules: RuleSet, acts: Mapping[str, pa.Table], accounts: pa.Array) -> None:
        self._by_strength = sorted(rules.rules, key=lambda rule: rule.tier)
        self._parts: list[tuple[int, Numbers, Numbers, pa.ChunkedArray]] = []
        count = len(accounts)
        self.tier = np.full(count, NOWHERE, np.int64)
        self._rules = np.zeros(count, np.int64)
        self._strongest = np.zeros(count, np.int64)
        self._observed = np.zeros(count, np.int64)
        account_of = {name: places_of(rows["account_id"], accounts) for name, rows in acts.items()}
        for number, rule in enumerate(self._by_strength):
            observed = acts[rule.act]["observed"].to_numpy()
            fires = np.flatnonzero((account_of[rule.act] != NOWHERE) & (observed >= rule.at_least))
            account = account_of[rule.act][fires]
            self._parts.append((number, account, observed[fires], acts[rule.act]["example_id"].take(pa.array(fires))))
            self.tier[account] = np.where(self.tier[account] == NOWHERE, rule.tier, self.tier[account])
            strongest = account[self.tier[account] == rule.tier]
            self._rules[account] += 1
            self._strongest[strongest] += 1
            self._observed[strongest] += observed[fires][self.tier[account] == rule.tier]

    def order(self, acts: DatedActs) -> Numbers:
        """The accounts with a lead, in the order that `order_key` gives them."""
        leads = np.flatnonzero(self.tier != NOWHERE)
        columns = (-acts.latest_us, -self._rules, -self._observed, -self._strongest, self.tier)
        # The last key is the first; accounts stand in order of their ids.
        return leads[np.lexsort([leads, *(column[leads] for column in columns)])]

    def by_place(self, place_of_account: Numbers) -> RowsByPlace:
        """For each lead its rules, strongest first, as the table `leads` holds them."""
        parts = [
            pa.table({"number": np.full(len(account), number), "observed": observed, "example_id": examples})
            for number, account, observed, examples in self._parts
        ]
        accounts = np.concatenate([account for _, account, _, _ in self._parts])
        return RowsByPlace(place_of_account[accounts], pa.concat_tables(parts))

    def told(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of `by_place` in words."""
        rule = self._by_strength[row["number"]]
        return {
            "rule": rule.name,
            "tier": rule.tier,
            "because": rule.because.replace("{n}", str(row["observed"])),
            "observed": row["observed"],
            "table": ACT_TABLES[rule.act].table,
            "example_id": row["example_id"],
        }
