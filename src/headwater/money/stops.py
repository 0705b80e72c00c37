"""Where traces stop, and why: every reason with its code, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater.money.block_layout import MAX_MONEY_SAT
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.flows import IntArray
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["BACKWARD", "DIRECTIONS", "FORWARD", "OWNED", "STOP_REASONS", "StopRules", "Stops", "code_of"]

BACKWARD: Final = "backward"
FORWARD: Final = "forward"
DIRECTIONS: Final = (BACKWARD, FORWARD)

STOP_REASONS: Final = (
    "",  # goes on; no leaf has it
    "service",
    "bridge",
    "probable_service",
    "coinbase",
    "unspent",
    "snapshot_end",
    "coinjoin",
    "hop_limit",
    "time_limit",
    "dust",
)
"""Every reason by its code; of several that hold, the one with the lowest code is given."""

OWNED: Final = ("service", "bridge", "probable_service")
"""Reasons that say whose the output is, rather than what the chain or a limit is."""

_SECONDS_A_DAY: Final = 86_400

Codes = npt.NDArray[np.int8]


def code_of(stop_reason: str) -> int:
    """The code of a reason."""
    return STOP_REASONS.index(stop_reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRules:
    """Where traces stop.

    Attributes:
        scripts_by_reason: For `service`, `bridge` and `probable_service`, the script numbers at which they hold.
        max_hops: Transactions to follow at most.
        max_days: Days between the origin's block and that of the next transaction, at most; 0 for no limit.
        dust_sat: Amounts below this are not followed further; 0 follows everything.
    """

    scripts_by_reason: dict[str, frozenset[int]] = field(default_factory=dict)
    max_hops: int = 20
    max_days: int = 0
    dust_sat: int = 0


class Stops:
    """The stop rules over one snapshot.

    Args:
        snapshot: The chain.
        verdicts: Of each transaction, whether it joins coins of several people.
        rules: Where to stop.

    Attributes:
        next_txs: By direction, the transaction that a trace goes through next from each output; any number where there
            is none.
    """

    def __init__(self, snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict], rules: StopRules) -> None:
        self._rules = rules
        made_by = np.asarray(snapshot.output_txs, dtype=np.int64)
        spent_by = np.asarray(snapshot.spent_by, dtype=np.int64)
        input_txs = np.asarray(snapshot.input_txs, dtype=np.int64)
        unspent = spent_by == ABSENT
        spending = np.zeros(len(made_by), dtype=np.int64)
        spending[~unspent] = input_txs[spent_by[~unspent]]
        self.next_txs = {BACKWARD: made_by, FORWARD: spending}
        self._made_by = made_by
        of_tx = _codes_of_txs(snapshot, verdicts, input_txs)
        coinbase = np.asarray(snapshot.tx_positions, dtype=np.int64) == 0
        way = {
            BACKWARD: np.where(coinbase, code_of("coinbase"), of_tx)[made_by].astype(np.int8),
            # A coinbase spends nothing, so the transaction that spends an output is none.
            FORWARD: np.where(unspent, code_of("unspent"), of_tx[spending] if len(of_tx) else 0).astype(np.int8),
        }
        owned = _codes_of_scripts(rules, len(snapshot.scripts))[np.asarray(snapshot.output_scripts, dtype=np.int64)]
        self._at_origin = way
        self._beyond = {direction: np.where(owned, owned, codes) for direction, codes in way.items()}
        self._times_s = (
            np.array([block.header.time_s for block in snapshot.blocks], dtype=np.int64)[
                np.asarray(snapshot.tx_blocks, dtype=np.int64)
            ]
            if rules.max_days
            else None
        )

    def codes(self, direction: str, outputs: IntArray, origins: IntArray, amounts_sat: IntArray, hops: int) -> Codes:
        """For each output whether a trace that reaches it stops there: the code of its reason, or 0.

        Args:
            direction: `backward` or `forward`.
            outputs: Outputs reached.
            origins: Output that each trace began at.
            amounts_sat: Satoshis of the origin that reach each.
            hops: Transactions from the origin, the same for all. At the origin itself nobody's tag is asked.
        """
        codes: Codes = (self._beyond if hops else self._at_origin)[direction][outputs]
        if hops >= self._rules.max_hops:
            codes = np.where(codes, codes, np.int8(code_of("hop_limit")))
        if self._times_s is not None:
            apart_s = np.abs(self._times_s[self.next_txs[direction][outputs]] - self._times_s[self._made_by[origins]])
            late = (codes == 0) & (apart_s > self._rules.max_days * _SECONDS_A_DAY)
            codes = np.where(late, np.int8(code_of("time_limit")), codes)
        if self._rules.dust_sat:
            small = (codes == 0) & (amounts_sat < self._rules.dust_sat)
            codes = np.where(small, np.int8(code_of("dust")), codes)
        return codes


def _codes_of_txs(snapshot: Snapshot, verdicts: Sequence[CoinjoinVerdict], input_txs: IntArray) -> Codes:
    """For each transaction whether no trace goes through it, apart from limits."""
    amounts = np.asarray(snapshot.input_amounts_sat, dtype=np.int64)
    joint = np.fromiter((verdict.answer != "no" for verdict in verdicts), dtype=np.bool_, count=len(verdicts))
    codes: Codes = np.where(joint, code_of("coinjoin"), 0).astype(np.int8)
    codes[input_txs[amounts == ABSENT]] = code_of("snapshot_end")
    # More than all the bitcoin there can be is in no valid block, and shares of it would not be exact.
    brought = np.bincount(input_txs, weights=amounts, minlength=len(codes))
    codes[brought > MAX_MONEY_SAT] = code_of("snapshot_end")
    return codes


def _codes_of_scripts(rules: StopRules, scripts: int) -> Codes:
    codes = np.zeros(scripts, dtype=np.int8)
    for stop_reason in reversed(OWNED):  # of several, the first is kept
        numbers = rules.scripts_by_reason.get(stop_reason, frozenset())
        codes[np.fromiter(numbers, dtype=np.int64, count=len(numbers))] = code_of(stop_reason)
    return codes
