"""Measures of the layer for following: rules of change and peel chains, against who truly holds each output."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.engine import Session
from headwater_synth.score_truth import Measure, Truth, share

__all__ = ["RULES", "change_measures"]

RULES = (
    "reused_script",
    "fresh_script",
    "script_type",
    "round_amount",
    "optimal_amount",
    "lock_time",
    "fee_rate",
)
_RIGHT, _WRONG, _UNTOLD = "right", "wrong", "untold"

Output = tuple[str, int]  # transaction and index


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holders:
    """Who truly spent in each transaction, and who truly holds each output.

    Attributes:
        payers: The owner of all inputs of a transaction; absent where there are several, or one is not known.
        payees: The owner of each output of such a transaction.
        changes: Those outputs, by transaction, that go back to the payer; only of two that somebody can spend.
    """

    payers: Mapping[str, str]
    payees: Mapping[Output, str]
    changes: Mapping[str, tuple[Output, ...]]

    def verdict(self, row: Mapping[str, Any]) -> str:
        """Whether a row that names one of two outputs is right; untold where both go back or an owner is not known."""
        payer = self.payers.get(row["txid"])
        named, sibling = (
            self.payees.get((row["txid"], row[name])) for name in ("output_index", "rejected_output_index")
        )
        if payer is None or named is None or sibling is None or named == sibling == payer:
            return _UNTOLD
        return _RIGHT if named == payer else _WRONG


def change_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """How often each rule of change is wrong, alone and where all that speak agree; how good hops of peel chains are.

    - `money.change.RULE.false_positive`: of the transactions in which the rule names an output, the share in which the
      payer does not hold it. Those in which both outputs are the payer's are left out: either answer would be right.
    - `money.change.agreed.false_positive`: the same of transactions in which all rules that speak agree.
    - `money.change.agreed.coverage`: of the payments with one change and one sibling, the share in which they agree.
    - `money.peel.hop_accuracy`: of the hops of peel chains, the share whose remainder is the payer's.
    - `money.peel.recall`: of the transactions that a peeling service made, the share that are such a hop, and right.
    """
    holders = _holders(tables, truth)
    told: dict[str, Counter[str]] = {rule: Counter() for rule in RULES}
    agreed: dict[str, str] = {}
    for row in tables.arrow("change_candidates").to_pylist():
        verdict = holders.verdict(row)
        told[row["rule"]][verdict] += 1
        if row["fired"] == "yes":
            agreed[row["txid"]] = verdict
    for rule in RULES:
        yield _false_positives(f"money.change.{rule}.false_positive", told[rule])
    yield _false_positives("money.change.agreed.false_positive", Counter(agreed.values()))
    payments = {txid for txid, outputs in holders.changes.items() if len(outputs) == 1}
    value = share(len(payments & agreed.keys()), len(payments))
    yield Measure(measure="money.change.agreed.coverage", value=value, n=len(payments))
    yield from _peels(tables, truth, holders)


def _false_positives(name: str, verdicts: Counter[str]) -> Measure:
    told = verdicts[_RIGHT] + verdicts[_WRONG]
    return Measure(measure=name, value=share(verdicts[_WRONG], told), n=told)


def _peels(tables: Session, truth: Truth, holders: _Holders) -> Iterator[Measure]:
    verdicts = {row["txid"]: holders.verdict(row) for row in tables.arrow("peel_hops").to_pylist()}
    counted = Counter(verdicts.values())
    told = counted[_RIGHT] + counted[_WRONG]
    yield Measure(measure="money.peel.hop_accuracy", value=share(counted[_RIGHT], told), n=told)
    planted = [row["txid"] for row in truth.transactions if row["kind"] == "service_peel"]
    found = sum(verdicts.get(txid) == _RIGHT for txid in planted)
    yield Measure(measure="money.peel.recall", value=share(found, len(planted)), n=len(planted))


def _holders(tables: Session, truth: Truth) -> _Holders:
    owners = {row["script_hex"]: row["cluster_expected"] for row in truth.addresses if row["cluster_expected"]}
    spenders: dict[str, set[str | None]] = defaultdict(set)
    for row in tables.arrow("tx_inputs").select(["txid", "script_hex"]).to_pylist():
        spenders[row["txid"]].add(owners.get(row["script_hex"]))
    payers = {
        txid: owner
        for txid, several in spenders.items()
        if len(several) == 1 and (owner := next(iter(several))) is not None
    }
    payees: dict[Output, str] = {}
    spendable: Counter[str] = Counter()
    back: dict[str, list[Output]] = defaultdict(list)
    for row in tables.arrow("tx_outputs").select(["txid", "output_index", "script_hex"]).to_pylist():
        txid, owner = row["txid"], owners.get(row["script_hex"])
        if txid not in payers or owner is None:
            continue
        spendable[txid] += 1
        payees[txid, row["output_index"]] = owner
        if owner == payers[txid]:
            back[txid].append((txid, row["output_index"]))
    changes = {txid: tuple(outputs) for txid, outputs in back.items() if spendable[txid] == 2}
    return _Holders(payers=payers, payees=payees, changes=changes)
