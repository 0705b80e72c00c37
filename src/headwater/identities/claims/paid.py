"""Payments and the customers of services: what the trace ends in, or what platform and service each noted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.identities.claims.bars import (
    NO_COUNT,
    NOT_MADE,
    Bar,
    ClaimPairs,
    PairedRows,
    RuleCount,
    constant_bar,
    taken_bar,
)
from headwater.identities.claims.traced import noted_pairs, traced_shares
from headwater.identities.claims.used import BEFORE, RIVALS
from headwater.identities.linkage.linkage_model import LinkageModel, PayerLevel
from headwater.identities.linkage.rivals import exclusive_mbits
from headwater.identities.linkage.weighed import I32, mbits

__all__ = ["paid_pairs"]


def paid_pairs(context: StageContext, model: LinkageModel) -> ClaimPairs:
    """Every payment and customer that the chain, or what platform and service noted, brings together.

    No name is compared: who a customer is, `held` says.
    """
    tables = context.tables
    payments = _whole(tables.columns("payments", ["payment_id"])["payment_id"])
    customers = _whole(tables.columns("customers", ["customer_id"])["customer_id"])
    shares = {(s.payment_id, s.customer_id): s.least_ppm for s in traced_shares(context)}
    # What was traced names the very output; the transaction around it may be of many customers.
    traced = {payment for payment, _ in shares}
    noted = {pair: level for pair, level in noted_pairs(context).items() if pair[0] not in traced}
    pairs = sorted({*shares, *noted})
    traced_level = [_traced_level(model.traced, shares[pair]) if pair in shares else NOT_MADE for pair in pairs]
    noted_level = [noted.get(pair, NOT_MADE) for pair in pairs]
    same = mbits(model.uses["paid"].expected_share_ppm, 1_000_000 * max(1, len(customers)))
    found = ClaimPairs(
        sides=PairedRows(
            claim="paid", left_table="payments", left_ids=payments, right_table="customers", right_ids=customers
        ),
        left=_places([payment for payment, _ in pairs], payments),
        right=_places([customer for _, customer in pairs], customers),
        bars=(
            constant_bar("prior", BEFORE, same, len(pairs)),
            _bar("share_of_payment_traced", model.traced, traced_level),
            _bar("noted_by_both", model.noted, noted_level),
        ),
        rules=(
            RuleCount(rule="traced to what the service sent", pairs_compared=len(shares), pairs_left_out=0),
            RuleCount(rule="noted by platform and service", pairs_compared=len(noted), pairs_left_out=0),
        ),
        same_mbits=same,
    )
    # A payment has one payer; a customer may pay often.
    taken = exclusive_mbits(found.left.astype(np.int64), found.right.astype(np.int64), found.total_mbits)
    return found.with_bars([taken_bar("rivals", RIVALS, taken)])


def _traced_level(levels: Sequence[PayerLevel], share_ppm: int) -> int:
    return next(n for n, level in enumerate(levels) if share_ppm >= level.least_percent * 10_000)


def _bar(field: str, levels: Sequence[PayerLevel], level: Sequence[int]) -> Bar:
    weights = np.array([0, *(mbits(lv.m_ppm, lv.u_ppm) for lv in levels)], np.int64)
    at = np.array(level, np.int32)
    return Bar(
        field=field,
        levels=tuple(lv.level for lv in levels),
        level=at,
        weight_mbits=weights[at + 1],
        rows_with_value=np.full(len(at), NO_COUNT, np.int64),
    )


def _places(ids: Sequence[str], among: pa.Array) -> I32:
    return np.asarray(pc.index_in(pa.array(ids, pa.string()), value_set=among), np.int32)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])
