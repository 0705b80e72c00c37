"""Cuts: a person said that a transaction does not show one control, so that it joins no address clusters."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from headwater.judgements.judgement import MERGE_CLAIM, Judgement, standing
from headwater.schema import table_named

__all__ = ["cut_snapshot"]


def cut_snapshot(judgements: Iterable[Judgement]) -> pa.Table:
    """The transactions that stand cut, as the table `merge_cuts`, without clock times.

    A negative judgement cuts. Positive withdraws it and leaves the transaction to the rules, and so does unsure: a
    person can take a proof away, but not make one.
    """
    stands = standing(judgement for judgement in judgements if judgement.claim == MERGE_CLAIM)
    return table_named("merge_cuts").rows(
        {"txid": j.left_id, "operator": j.operator} for j in stands.values() if j.verdict == "negative"
    )
