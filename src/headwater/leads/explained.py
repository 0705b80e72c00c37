"""Why a lead stands where it stands: each rule, its neighbours, and what would move it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headwater.engine import Session
from headwater.errors import InputError
from headwater.leads.acts import ACT_TABLES
from headwater.leads.order import ORDER_WORDS, order_key
from headwater.leads.rules import Rule, RuleSet, read_rules

__all__ = ["explained_lead", "lead_named", "short_moves"]


def explained_lead(tables: Session, wanted: str) -> dict[str, Any]:
    """One lead with every rule, what parts it from its neighbours, and what would move it.

    Places that it would have are counted among the leads there are: nothing is changed, and no weight is involved.

    Args:
        tables: Has `leads`, `links`, `judgements` and `records`.
        wanted: A lead, an account, or a rank.

    Raises:
        InputError: There is no such lead, or the rules have changed since it was made.
    """
    ranked = _Ranked(tables)
    lead = ranked.found(wanted)
    rules = read_rules()
    if lead["rules_version"] != rules.version:
        reason = f"was made by rules of version {lead['rules_version']}, and this program has {rules.version}"
        raise InputError(wanted, reason, remedy="run the case again, then ask again")
    fired = {rule["rule"]: rule for rule in lead["rules_fired"]}
    return {
        "lead_id": lead["lead_id"],
        "account_id": lead["account_id"],
        "rank": lead["rank"],
        "leads": len(ranked),
        "risk_tier": lead["risk_tier"],
        "rules_version": lead["rules_version"],
        "rules": [_rule_told(rule, fired.get(rule.name)) for rule in sorted(rules.rules, key=lambda rule: rule.tier)],
        "neighbours": list(ranked.neighbours(lead)),
        "moves": [*_up(ranked, lead, rules), *_down(ranked, lead), *_by_judgement(tables, ranked, lead, rules)],
    }


def _rule_told(rule: Rule, fired: Mapping[str, Any] | None) -> dict[str, Any]:
    act = ACT_TABLES[rule.act]
    return {
        "rule": rule.name,
        "tier": rule.tier,
        "fired": fired is not None,
        "observed": 0 if fired is None else fired["observed"],
        "at_least": rule.at_least,
        "because": rule.because.replace("{n}", str(fired["observed"])) if fired else None,
        "act": act.about,
        "reads": list(act.reads),
        "source": rule.source,
        "table": act.table,
        "example_id": fired["example_id"] if fired else None,
    }


_ORDERED_BY = ("lead_id", "account_id", "rank", "risk_tier", "rules_fired", "latest_act_at_utc")


@dataclass(frozen=True, slots=True)
class _Place:
    rank: int
    risk_tier: int


class _Ranked:
    """The leads of a case in their order, each read when it is asked for."""

    def __init__(self, tables: Session) -> None:
        self._tables = tables
        self._leads = tables.count("leads")

    def __len__(self) -> int:
        return self._leads

    def found(self, wanted: str) -> dict[str, Any]:
        return lead_named(self._tables, wanted)

    def at(self, place: int) -> dict[str, Any]:
        """What a lead is known and ordered by."""
        row: dict[str, Any] = self._tables.at("leads", [place], columns=_ORDERED_BY).to_pylist()[0]
        return row

    def key(self, lead: Mapping[str, Any]) -> tuple[Any, ...]:
        return order_key(lead)

    def place_of(self, lead: Mapping[str, Any]) -> _Place:
        """Where a lead would stand if it were as it is given here, its own place left out."""
        numbers = self._tables.once("order of leads", ["leads"], lambda: _order_numbers(self._tables))
        wanted, own = self.key(lead), int(lead["rank"]) - 1
        low, high = 0, len(self) - 1  # among the others
        while low < high:
            middle = (low + high) // 2
            place = middle + (middle >= own)
            here = tuple(numbers[place].tolist())
            if (*here, self._account(place)) < wanted if here == wanted[:-1] else here < wanted[:-1]:
                low = middle + 1
            else:
                high = middle
        return _Place(low + 1, int(lead["risk_tier"]))

    def _account(self, place: int) -> str:
        return str(self._tables.at("leads", [place], columns=["account_id"])["account_id"][0])

    def neighbours(self, lead: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The lead before and the lead after, and the first of the order's parts in which they differ."""
        own = self.key(lead)
        for name, place in (("before", lead["rank"] - 2), ("after", lead["rank"])):
            if 0 <= place < len(self):
                other = self.at(place)
                parts = zip(ORDER_WORDS, own, self.key(other), strict=True)
                word, here, there = next(part for part in parts if part[1] != part[2])
                yield {
                    "place": name,
                    "lead_id": other["lead_id"],
                    "rank": other["rank"],
                    "differs_in": word,
                    "here": _told(word, here),
                    "there": _told(word, there),
                }


def lead_named(tables: Session, wanted: str, *, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """The row of a lead that somebody names by its id, its account or its rank.

    Args:
        tables: The tables of the case.
        wanted: What they typed.
        columns: Only these; None for all.

    Raises:
        InputError: There is no such lead.
    """
    for column in ("lead_id", "account_id"):
        found: list[dict[str, Any]] = tables.keyed("leads", column, [wanted], columns=columns).to_pylist()
        if found:
            return found[0]
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= tables.count("leads"):
        [row] = tables.at("leads", [int(wanted) - 1], columns=columns).to_pylist()
        return dict(row)
    raise InputError(wanted, "no lead, account or rank of this case", remedy="see 'headwater leads CASE --limit 0'")


def _order_numbers(tables: Session) -> npt.NDArray[np.int64]:
    """For each lead what `order_key` compares, but for the account's id."""
    names = ("account_id", "risk_tier", "rules_fired", "latest_act_at_utc")
    found = [
        np.array([order_key(row)[:-1] for row in part.to_pylist()], np.int64).reshape(-1, len(ORDER_WORDS) - 1)
        for part in tables.parts("leads", names)
    ]
    return np.concatenate([np.zeros((0, len(ORDER_WORDS) - 1), np.int64), *found])


def _told(word: str, part: Any) -> str:  # noqa: ANN401 - a part of the order is a number or an id
    if word == "latest dated act":
        return (
            f"{dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=-part):%Y-%m-%d %H:%M}"
            if part
            else "none"
        )
    return str(abs(part)) if isinstance(part, int) else str(part)


def _with(lead: Mapping[str, Any], fired: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {**lead, "rules_fired": list(fired), "risk_tier": min(rule["tier"] for rule in fired)}


def _up(ranked: _Ranked, lead: Mapping[str, Any], rules: RuleSet) -> Iterator[dict[str, Any]]:
    """What would be put higher by: each rule of the same tier or a stronger one that has not fired."""
    fired = {rule["rule"] for rule in lead["rules_fired"]}
    for rule in sorted(rules.rules, key=lambda rule: rule.tier):
        if rule.name in fired or rule.tier > lead["risk_tier"]:
            continue
        more = {"rule": rule.name, "tier": rule.tier, "observed": rule.at_least}
        place = ranked.place_of(_with(lead, [*lead["rules_fired"], more]))
        yield {
            "direction": "up",
            "what": f"{rule.at_least} or more of: {ACT_TABLES[rule.act].about}",
            "rule": rule.name,
            "risk_tier": place.risk_tier,
            "rank": place.rank,
        }


def _down(ranked: _Ranked, lead: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What rests on one rule: where the lead would stand without each of its strongest ones."""
    for rule in lead["rules_fired"]:
        if rule["tier"] != lead["risk_tier"]:
            continue
        rest = [other for other in lead["rules_fired"] if other is not rule]
        place = ranked.place_of(_with(lead, rest)) if rest else None
        yield {
            "direction": "down",
            "what": f"without its {rule['observed']} observation(s) of {rule['rule']}",
            "rule": rule["rule"],
            "risk_tier": None if place is None else place.risk_tier,
            "rank": None if place is None else place.rank,
        }


def _by_judgement(
    tables: Session, ranked: _Ranked, lead: Mapping[str, Any], rules: RuleSet
) -> Iterator[dict[str, Any]]:
    """Proposed links of the account that wait for a person, and whether a positive judgement would move the lead."""
    links = tables.keyed("links", "left_id", [lead["account_id"]]).to_pylist()
    mine = [link for link in links if link["claim"] == "used" and link["proposed"]]
    judged = set(tables.arrow("judgements")["link_id"].to_pylist())
    records = tables.keyed("records", "record_id", {link["right_id"] for link in mine})
    convicted = {row["record_id"] for row in records.to_pylist() if row["convicted"]}
    fired = {rule["rule"] for rule in lead["rules_fired"]}
    moving = [rule for rule in rules.rules if rule.act == "judged_convicted" and rule.name not in fired]
    for link in mine:
        if link["link_id"] in judged:
            continue
        place = None
        if moving and link["right_id"] in convicted:
            more = [{"rule": rule.name, "tier": rule.tier, "observed": 1} for rule in moving if rule.at_least <= 1]
            place = ranked.place_of(_with(lead, [*lead["rules_fired"], *more]))
        yield {
            "direction": "up" if place else "none",
            "what": f"a positive judgement on {link['link_id']}, which waits for one",
            "rule": moving[0].name if place else None,
            "risk_tier": lead["risk_tier"] if place is None else place.risk_tier,
            "rank": lead["rank"] if place is None else place.rank,
        }


def short_moves(lead: Mapping[str, Any], rules: RuleSet | None = None) -> dict[str, Any]:
    """What would move a lead, in short: the rule that would put it a tier up, and the one that alone holds it.

    Args:
        lead: A row of `leads`.
        rules: The rules, for whoever asks of many leads; None reads them.

    Returns:
        `up`: tier, number and act of the weakest rule of a stronger tier, None in the first tier; `rests_on`: the name
        of its strongest rule where it is the only one of that tier, else None.
    """
    stronger = [rule for rule in (rules or read_rules()).rules if rule.tier < lead["risk_tier"]]
    nearest = max(stronger, key=lambda rule: (rule.tier, -rule.at_least), default=None)
    strongest = [rule["rule"] for rule in lead["rules_fired"] if rule["tier"] == lead["risk_tier"]]
    return {
        "up": None
        if nearest is None
        else {"tier": nearest.tier, "at_least": nearest.at_least, "about": ACT_TABLES[nearest.act].about},
        "rests_on": strongest[0] if len(strongest) == 1 else None,
    }
