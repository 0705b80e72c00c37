"""Candidate pairs of a claim, with what their weight is made of, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.identities.linkage.weighed import I32, I64

__all__ = ["NOT_MADE", "NO_COUNT", "Bar", "ClaimPairs", "PairedRows", "RuleCount", "constant_bar", "taken_bar"]

NOT_MADE = -1
"""Level of a comparison that a pair has not: it adds nothing, and is not shown."""
NO_COUNT = -1
"""Stands for the number of rows where a level is not about one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One part of the weights of all pairs of a claim.

    Attributes:
        field: What it is about.
        levels: Names of its outcomes.
        level: For each pair the number of its outcome; `NOT_MADE` where there is none.
        weight_mbits: What it adds, in thousandths of a bit.
        rows_with_value: Rows of both sides that have the value agreed on; `NO_COUNT` where it is not about one.
        of_rows: Rows of both sides that have any value of the field.
        values: For each pair the value agreed on, where the field has several and the value is worth saying.
        reasons: For each pair why it says nothing, where it was barred.
    """

    field: str
    levels: tuple[str, ...]
    level: I32
    weight_mbits: I64
    rows_with_value: I64
    of_rows: int = 0
    values: pa.Array | None = None
    reasons: pa.Array | None = None

    def chosen(self, keep: npt.NDArray[np.bool_] | I64) -> Bar:
        """Of these pairs only."""
        at = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
        return replace(
            self,
            level=self.level[at],
            weight_mbits=self.weight_mbits[at],
            rows_with_value=self.rows_with_value[at],
            values=None if self.values is None else self.values.take(pa.array(at)),
            reasons=None if self.reasons is None else self.reasons.take(pa.array(at)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """What one blocking rule came to.

    Attributes:
        rule: Its columns, or the kind of identifier.
        pairs_compared: Pairs that it was the first to bring together.
        pairs_left_out: Pairs of blocks that stayed too large.
    """

    rule: str
    pairs_compared: int
    pairs_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedRows:
    """The two sides of a claim.

    Attributes:
        claim: held, paid or used.
        left_table: Table of the left rows.
        left_ids: Their ids.
        right_table: Table of the right rows.
        right_ids: Their ids.
    """

    claim: str
    left_table: str
    left_ids: pa.Array
    right_table: str
    right_ids: pa.Array


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPairs:
    """Candidate pairs of a claim.

    Attributes:
        sides: What they are pairs of.
        left: Left row of each.
        right: Right row.
        bars: What the weights are made of; they add up to it.
        rules: What was compared.
        same_mbits: log2 of the odds of a pair before anything is compared.
        household_mbits: Likewise that it is of two members of one household; None where that is not asked.
        moved_ppm: Share of one person's pairs of rows that are of different addresses; None likewise.
    """

    sides: PairedRows
    left: I32
    right: I32
    bars: tuple[Bar, ...]
    rules: tuple[RuleCount, ...]
    same_mbits: int
    household_mbits: int | None = None
    moved_ppm: int | None = None

    @property
    def total_mbits(self) -> I64:
        """The weight of each pair."""
        total = np.zeros(len(self.left), np.int64)
        for bar in self.bars:
            total += np.where(bar.level != NOT_MADE, bar.weight_mbits, 0)
        return total

    def with_bars(self, bars: Sequence[Bar]) -> ClaimPairs:
        """With further bars behind those that are there."""
        return replace(self, bars=(*self.bars, *bars))

    def chosen(self, keep: npt.NDArray[np.bool_] | I64) -> ClaimPairs:
        """These pairs only."""
        bars = tuple(bar.chosen(keep) for bar in self.bars)
        return replace(self, left=self.left[keep], right=self.right[keep], bars=bars)


def constant_bar(field: str, level: str, weight_mbits: int, pairs: int) -> Bar:
    """A bar that is the same for all pairs."""
    return Bar(
        field=field,
        levels=(level,),
        level=np.zeros(pairs, np.int32),
        weight_mbits=np.full(pairs, weight_mbits, np.int64),
        rows_with_value=np.full(pairs, NO_COUNT, np.int64),
    )


def taken_bar(field: str, level: str, weight_mbits: npt.NDArray[np.signedinteger]) -> Bar:
    """A bar of one level that is shown where it adds or takes anything."""
    return Bar(
        field=field,
        levels=(level,),
        level=np.where(weight_mbits != 0, 0, NOT_MADE).astype(np.int32),
        weight_mbits=weight_mbits.astype(np.int64),
        rows_with_value=np.full(len(weight_mbits), NO_COUNT, np.int64),
    )
